"""
What the product still has and should lose: counted now, and bounded by `ratchet.toml`.

`python -m tests.house.ratchet` (`make ratchet`) writes the present counts into that file where they are lower.
"""

import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.house import source

Counts = Mapping[str, Mapping[str, int]]

FILE = Path(__file__).with_name("ratchet.toml")
HEAD = """\
# The most that the product may have of what it should lose; tests/house/test_ratchet.py compares.
# `make ratchet` lowers the numbers to the present counts. Nobody raises one; a file that moves takes its line along.
"""
COMMENTS = {
    "untyped_signatures": "Functions that take or return `dict[str, Any]` or its like, by room. The goal is 25 in all.",
    "loops_over_one": "`for one in`, by room. The goal is none: name what the loop goes over.",
    "long_modules": "Modules of more than 350 lines. The goal is none: split them.",
    "long_functions": "Functions of more than 40 lines without a comment `# Long: <reason>` at their head. The goal is none.",
}
# What moves from room to room as the code does: only the sum has a bound.
SUMMED = frozenset({"untyped_signatures", "loops_over_one"})


def present() -> Counts:
    return {
        "untyped_signatures": source.untyped_signatures(),
        "loops_over_one": source.loops_over_one(),
        "long_modules": source.long_modules(),
        "long_functions": source.long_functions(),
    }


def bounds() -> Counts:
    return tomllib.loads(FILE.read_text("utf-8"))


def excess(table: str, counts: Mapping[str, int], bounds: Mapping[str, int]) -> dict[str, str]:
    """What is more than its bound, with both numbers; a name without a bound may have none."""
    if table in SUMMED and sum(counts.values()) <= sum(bounds.values()):
        return {}
    return {
        name: f"{count}, at most {bounds.get(name, 0)}" for name, count in counts.items() if count > bounds.get(name, 0)
    }


def lowered(counts: Counts, bounds: Counts) -> str:
    """The text of `ratchet.toml` with each bound at the present count where that is lower."""
    text = HEAD
    for table, comment in COMMENTS.items():
        now, before = Counter(counts[table]), Counter(bounds[table])
        rows = now if table in SUMMED and now.total() <= before.total() else now & before
        text += f"\n# {comment}\n[{table}]\n"
        text += "".join(f'"{name}" = {count}\n' for name, count in sorted(rows.items()))
    return text


if __name__ == "__main__":
    FILE.write_text(lowered(present(), bounds()), "utf-8")

"""
How fast the compiler is beside bare libraries that do the same work. `make bench`; exits 1 when a bar is missed.

    python tests/benchmarks/run.py [--short] [--repeat 5] [--json FILE]

Both sides of a ratio are measured in turn, each time in a fresh process; the ratio is that of the medians.
With --short few specs are measured and no ratio is judged: the outputs must still be the same, and the whole script must run.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import measure
import yaml
from specs import specs

HERE = pathlib.Path(__file__).parent
COMPILE_BAR, LINT_BAR, MARGINAL_BAR, HELP_BAR = 1.5, 4.25, 1.15, 20.0


@dataclass(frozen=True)
class Size:
    """How many specs a measurement takes, and how often it is repeated."""

    small: int
    middle: int
    large: int
    repeat: int
    help_repeat: int


FULL = Size(small=10, middle=500, large=1000, repeat=5, help_repeat=21)
SHORT = Size(small=5, middle=50, large=100, repeat=1, help_repeat=3)


def seconds(kind: str, count: int) -> float:
    folder = tempfile.mkdtemp(prefix="bench-")
    try:
        command = [sys.executable, str(HERE / "measure.py"), kind, str(count), folder]
        return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    finally:
        shutil.rmtree(folder)


def program_seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def assert_same_output() -> int:
    """Asserts that the baseline writes the same files with the same content. Returns how many files one spec has."""
    with tempfile.TemporaryDirectory() as name:
        ours, bare = pathlib.Path(name, "ours"), pathlib.Path(name, "bare")
        measure.compile_ours(specs(2), ours)
        measure.compile_bare(specs(2), bare)
        paths = sorted(str(path.relative_to(ours)) for path in ours.rglob("*.yaml"))
        assert paths == sorted(str(path.relative_to(bare)) for path in bare.rglob("*.yaml")), (
            "the baseline writes other files"
        )
        for path in paths:
            assert content(ours / path) == content(bare / path), f"the baseline writes other content to {path}"
    return len(paths) // 2


def content(path: pathlib.Path) -> tuple[list[str], list[Any]]:
    """
    The comment lines and the objects of one file. The bundle's data is parsed where it is YAML or JSON itself.

    The bundle hash is left out: it is taken of texts that hold the same data in another layout.
    """
    text = path.read_text("utf-8")
    documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    for document in documents:
        for key, value in document.get("data", {}).items():
            if not key.startswith("config."):
                document["data"][key] = yaml.load(value, Loader=yaml.CSafeLoader)
    plain = json.dumps(documents)
    for document in documents:
        bundle_hash = document.get("metadata", {}).get("annotations", {}).get("validation.sei.io/bundle-hash")
        if bundle_hash:
            plain = plain.replace(bundle_hash, "BUNDLE_HASH").replace(bundle_hash[:8], "BUNDLE_HASH_IN_NAME")
    return [line for line in text.splitlines() if line.startswith("#")], json.loads(plain)


def verbs_that_import_hera() -> list[str]:
    """The verbs that import Hera although they must not."""
    example = str(HERE.parents[1] / "examples" / "nightly.yaml")
    code = (
        "import sys\n"
        "from validationrun.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit(3 if any(name.split('.')[0] == 'hera' for name in sys.modules) else 0)"
    )
    verbs = (["--help"], ["lint", example], ["explain", example], ["compile", "--help"])
    commands = [[sys.executable, "-c", code, *arguments] for arguments in verbs]
    codes = [subprocess.run(command, capture_output=True, check=False).returncode for command in commands]
    return [arguments[0] for arguments, status in zip(verbs, codes, strict=True) if status != 0]


def rows(median: dict[tuple[str, int], float], helps: dict[str, list[float]], size: Size) -> list[dict[str, Any]]:
    large = size.large
    return [
        _row(
            f"compile {large:,} / bare Hera + libyaml",
            median["compile_ours", large],
            median["compile_bare", large],
            COMPILE_BAR,
            "s",
        ),
        _row(
            f"lint {large:,} / libyaml + pydantic + promql",
            median["lint_ours", large],
            median["lint_bare", large],
            LINT_BAR,
            "s",
        ),
        _marginal("compile", median, size),
        _marginal("lint", median, size),
        _row(
            "--help / python -c pass",
            statistics.median(helps["help"]) * 1000,
            statistics.median(helps["pass"]) * 1000,
            HELP_BAR,
            "ms",
        ),
    ]


def _row(what: str, ours: float, base: float, bar: float, unit: str) -> dict[str, Any]:
    ratio = ours / base
    return {"what": what, "ours": ours, "base": base, "unit": unit, "ratio": ratio, "bar": bar, "ok": ratio <= bar}


def _marginal(verb: str, median: dict[tuple[str, int], float], size: Size) -> dict[str, Any]:
    """Milliseconds that one more spec costs, in the upper half against the lower half."""
    kind = f"{verb}_ours"
    late = (median[kind, size.large] - median[kind, size.middle]) / (size.large - size.middle) * 1000
    early = (median[kind, size.middle] - median[kind, size.small]) / (size.middle - size.small) * 1000
    what = f"{verb}: one more spec, {size.middle}-{size.large:,} / {size.small}-{size.middle}"
    return _row(what, late, early, MARGINAL_BAR, "ms")


def measured(size: Size, repeat: int) -> tuple[dict[tuple[str, int], list[float]], dict[str, list[float]]]:
    """Seconds of each measurement, and of `--help` beside an empty Python."""
    runs = [(kind, size.large) for kind in ("compile_ours", "compile_bare", "lint_ours", "lint_bare")]
    runs += [(kind, count) for kind in ("compile_ours", "lint_ours") for count in (size.small, size.middle)]
    taken: dict[tuple[str, int], list[float]] = {run: [] for run in runs}
    for _ in range(repeat):
        for run in runs:
            taken[run].append(seconds(*run))
    helps: dict[str, list[float]] = {"help": [], "pass": []}
    for _ in range(size.help_repeat):
        helps["help"].append(program_seconds(["-m", "validationrun", "--help"]))
        helps["pass"].append(program_seconds(["-c", "pass"]))
    return taken, helps


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--short", action="store_true", help="few specs, no bars")
    parser.add_argument("--repeat", type=int, default=None)
    parser.add_argument("--json", type=pathlib.Path, default=None)
    arguments = parser.parse_args()
    size = SHORT if arguments.short else FULL
    print(f"{assert_same_output()} files a spec; the baseline writes the same content", flush=True)
    taken, helps = measured(size, arguments.repeat or size.repeat)
    table = rows({run: statistics.median(times) for run, times in taken.items()}, helps, size)
    print(f"\n{'':44} {'ours':>12} {'base':>12} {'ratio':>7} {'bar':>6}")
    for row in table:
        judged = "" if arguments.short else "  ok" if row["ok"] else "  MISSED"
        print(f"{row['what']:44} {row['ours']:9.3f} {row['unit']:2} {row['base']:9.3f} {row['unit']:2} {row['ratio']:7.2f} {row['bar']:6.2f}{judged}")  # fmt: skip
    hera = verbs_that_import_hera()
    print(f"\nlint, explain, --help import Hera: {', '.join(hera) or 'never'}")
    if arguments.json is not None:
        result = {
            "rows": table,
            "importsHera": hera,
            "seconds": {f"{kind} {count}": times for (kind, count), times in taken.items()},
            "help": helps,
        }
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    slow = not arguments.short and not all(row["ok"] for row in table)
    return 1 if hera or slow else 0


if __name__ == "__main__":
    sys.exit(main())

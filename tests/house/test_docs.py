"""What the pages name is there: files of this repository, links and their anchors, targets of the Makefile."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.house.source import PACKAGE, ROOT, rooms

from validationrun.base.conventions import LABEL_VERDICT

NOT_OURS = {"build", "dist", "node_modules"}


def is_ours(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return not any(part in NOT_OURS or (part.startswith(".") and part != ".github") for part in parts)


PAGES = sorted(filter(is_ours, ROOT.rglob("*.md")))
TOP = {path.name for path in ROOT.iterdir() if path.is_dir()} - NOT_OURS
# Rooms that are now called otherwise, or lie below another room.
FORMER_ROOMS = {"api", "check", "emit", "evaluation", "history", "load", "plan", "runner", "ruletest"}
TARGETS = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_the_column_of_argos_list_is_the_label_of_the_verdict() -> None:
    (columns,) = re.findall(
        r"^columns: \|\n((?:  .*\n)+)", (ROOT / "docs" / "on-a-cluster.md").read_text("utf-8"), re.MULTILINE
    )
    assert [column["key"] for column in yaml.safe_load(columns)] == [LABEL_VERDICT]


def code(text: str) -> list[str]:
    """What a page writes as code: the blocks and the spans of its lines."""
    return ["".join(found) for found in re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", text, re.DOTALL)]


def is_path(word: str) -> bool:
    """A word that can only be a file or folder of this repository; `<name>` in it stands for any name."""
    top = word.split("/", maxsplit=1)[0]
    known = word.endswith(".py") or ("/" in word and top in TOP | rooms() | FORMER_ROOMS)
    return known and bool(re.fullmatch(r"[\w.*<>/-]+", word))


PLACED = re.compile(r"((?:`\w+`(?:, | and )?)+)\s(?:in|of)\s`([\w/]+\.py)`")


def misplaced(text: str, folder: Path) -> Iterator[str]:
    """Names that a page places in a file (`NAME` in `path`), and that are not in it."""
    for names, path in PLACED.findall(text):
        file = next(file for near in (PACKAGE, ROOT, folder) if (file := near / path).is_file())
        source = file.read_text("utf-8")
        yield from (
            f"{name} in {path}"
            for name in re.findall(r"\w+", names.replace(" and ", " "))
            if not re.search(rf"\b{name}\b", source)
        )


def exists(word: str) -> bool:
    """From the root or from the package; a Python file also by the end of its path."""
    pattern = re.sub(r"<\w+>", "*", word).rstrip("/")
    anywhere = [(folder, f"**/{pattern}") for folder in (PACKAGE, ROOT / "tests") if word.endswith(".py")]
    return any(next(folder.glob(glob), None) for folder, glob in [(ROOT, pattern), (PACKAGE, pattern), *anywhere])


def lost_paths(text: str) -> list[str]:
    words = [word.strip("(),;:") for piece in code(text) for word in piece.split()]
    return [word for word in words if is_path(word) and not exists(word)]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def lost_links(page: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if not re.match(r"\w+:", link):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                yield link


def is_open(text: str) -> bool:
    """A block of code in it has no end."""
    return len(re.findall(r"^\s*```", text, re.MULTILINE)) % 2 == 1


def swallowed_headings(text: str) -> list[str]:
    """Headings inside blocks of code, where a fence is missing. A comment of a shell or of YAML begins with one `#`."""
    blocks = re.findall(r"^```\w*\n(.*?)(?:^```|\Z)", text, re.MULTILINE | re.DOTALL)
    return [heading for block in blocks for heading in re.findall(r"^##+ .*$", block, re.MULTILINE)]


def without_way_out(text: str) -> list[str]:
    """The codes whose sections do not say how to fix the finding."""
    sections = re.findall(r"^## (\w\w\d{3}): (.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return [code for code, section in sections if not re.search(r"^\*\*Way out\.\*\* \w", section, re.MULTILINE)]


def lost_targets(text: str) -> set[str]:
    named = [
        word
        for piece in code(text)
        for line in re.findall(r"(?<![\w-])make ((?:[a-z][\w.-]* ?)+)", piece)
        for word in line.split()
    ]
    return {word.rstrip(".") for word in named} - TARGETS


each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


@each_page
def test_each_path_in_a_page_is_there(page: Path) -> None:
    assert not lost_paths(page.read_text("utf-8"))


@each_page
def test_each_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert not list(lost_links(page))


@each_page
def test_each_target_in_a_page_is_in_the_makefile(page: Path) -> None:
    assert not lost_targets(page.read_text("utf-8"))


@each_page
def test_each_block_of_a_page_is_closed_and_holds_no_heading(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not swallowed_headings(text)
    assert not is_open(text)


def test_each_finding_has_a_way_out() -> None:
    assert not without_way_out((ROOT / "docs" / "diagnostics.md").read_text("utf-8"))


def test_an_open_block_a_swallowed_heading_and_a_missing_way_out_are_found() -> None:
    good = "## VR001: A\n```yaml\na: 1\n```\n\n**Way out.** Delete it.\n\n"
    unclosed = "## VR002: B\n```yaml\n# not a heading\nb: 2\n\n"
    assert (is_open(good), swallowed_headings(good), without_way_out(good)) == (False, [], [])
    assert is_open(good + unclosed)
    assert swallowed_headings(unclosed + good) == ["## VR001: A"]
    assert without_way_out(good + unclosed + good) == ["VR002"]


@pytest.mark.parametrize(
    "word", ["runner/main.py", "plan/", "compiling/plan/nothing.py", "gone.py", "docs/gone.md", "steps/<step>/x"]
)
def test_a_lost_path_is_found(word: str) -> None:
    assert lost_paths(f"see `{word}`, and\n```sh\ncat {word}\n```\n") == [word, word]


def test_what_is_no_path_of_ours_is_left_alone() -> None:
    assert lost_paths("`pods/exec` `rules/<rule>.json` `docs/*.md` `oracle/` `steps/<step>.py` `main.py`") == []


def test_a_lost_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One, and 2\n[a](#one-and-2) [b](page.md#gone) [c](gone.md) [d](https://example.com)\n")
    assert list(lost_links(page)) == ["page.md#gone", "gone.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_name_that_a_page_places_in_a_file_stands_there(page: Path) -> None:
    assert list(misplaced(page.read_text("utf-8"), page.parent)) == []


def test_a_misplaced_name_is_found() -> None:
    text = "`PROGRAMS` of `steps/main.py`, `NO_SUCH` and `run` in\n`steps/main.py`"
    assert list(misplaced(text, ROOT)) == ["NO_SUCH in steps/main.py"]


def test_a_lost_target_is_found() -> None:
    assert lost_targets("`make check test`, `make gone`") == {"gone"}


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))


@pytest.mark.parametrize("record", DECISIONS, ids=lambda record: record.stem[:4])
def test_a_decision_has_number_date_status_and_its_three_parts(record: Path) -> None:
    text = record.read_text("utf-8")
    assert text.startswith(f"# {int(record.stem[:4])}. ")
    assert re.search(
        r"^Date: \d{4}-\d{2}-\d{2}\. Status: (accepted|superseded by \d+|accepted; [\w ]+ superseded by \d+)\.$",
        text,
        re.MULTILINE,
    )
    assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences"))


def test_the_decisions_are_numbered_without_a_gap_and_listed() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| \[(\d+)\]\((.*?)\) \| (.*?) \| ([\d-]+) \| (.*?) \|$", index, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, len(DECISIONS) + 1))
    for record, (number, file, title, date, status) in zip(DECISIONS, rows, strict=True):
        head = record.read_text("utf-8")
        assert file == record.name
        assert head.startswith(f"# {number}. {title}\n")
        assert f"Date: {date}. Status: {status}." in head

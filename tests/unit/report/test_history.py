"""The history of many runs: what is not believed is never green, and silence is seen."""

import itertools
import json
import pathlib
import shutil
from collections.abc import Iterator

import jsonschema
import pytest
from tests.report.histories import DAY, add_run, change, digest, place, run_id
from tests.report.page import Node, read
from tests.unit.judging.sealed import sealed

import replies
from simulation import START
from validationrun.base.times import format_time
from validationrun.contract.schemas import schemas
from validationrun.report import history as module
from validationrun.report import history_page, history_text
from validationrun.report.history import History, history_of
from validationrun.results import below
from validationrun.results.folder import RESULT_JSON, ResultsError

EVERY = 26 * 3600.0
HOUR = 3600.0


def breached(_promql: str, t: float) -> replies.Reply:
    return replies.vector("-1", t=START + t)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    root = tmp_path_factory.mktemp("kinds")
    return {
        "passed": sealed(root / "passed"),
        "failed": sealed(root / "failed", breached),
        "load": sealed(root / "load", code=1),
        "interrupted": sealed(root / "interrupted", interrupt_after=20),
    }


@pytest.fixture
def root(tmp_path: pathlib.Path, kinds: dict[str, pathlib.Path]) -> pathlib.Path:
    """Three nights that passed, the last of them at START + 2 days."""
    for number in range(3):
        add_run(tmp_path / "results", kinds["passed"], number)
    return tmp_path / "results"


def made(root: pathlib.Path, after: float = HOUR, expect: float | None = EVERY, **how: object) -> History:
    """So long after the last of the three nights."""
    return history_of(root, START + 2 * DAY + after, expect_every=expect, **how)  # type: ignore[arg-type]


def page(history: History) -> Node:
    return read(history_page.render(history))


def standing(tree: Node) -> tuple[list[str], str]:
    """The classes of the page's own verdict, and its word."""
    header = tree.one("header", class_="verdict")
    return header.classes, header.one("h1").text


def cells(tree: Node) -> list[list[str]]:
    """The words of the cells by row."""
    return [[cell.one("span", class_="word").text for cell in row.all("td")] for row in tree.one("tbody").all("tr")]


def names(tree: Node) -> list[str]:
    return [row.one("th").one("span", class_="name").text for row in tree.one("tbody").all("tr")]


def test_rows_are_rules_and_columns_are_runs_the_newest_first(
    root: pathlib.Path, kinds: dict[str, pathlib.Path]
) -> None:
    add_run(root, kinds["failed"], 3)
    add_run(root, kinds["load"], 4)
    add_run(root, kinds["interrupted"], 5)
    tree = page(made(root, 3 * DAY + HOUR))
    assert names(tree) == ["height", "late", "no-sweep", "down", "load"]
    assert cells(tree) == [
        ["not run", "Passed", "Failed", "Passed", "Passed", "Passed"],
        ["not run", "Passed", "Error", "Passed", "Passed", "Passed"],
        ["not run", "Passed", "Failed", "Passed", "Passed", "Passed"],
        ["not run", "Passed", "Failed", "Passed", "Passed", "Passed"],
        ["Passed", "Failed", "not run", "Passed", "Passed", "Passed"],
    ]
    heads = [head.one("span", class_="word").text for head in tree.one("thead").all("th")]
    assert heads == ["Cancelled", "Failed", "Failed", "Passed", "Passed", "Passed"]


def test_a_rule_that_a_run_does_not_have_is_missing(root: pathlib.Path, kinds: dict[str, pathlib.Path]) -> None:
    from simulation import query_rule

    one = sealed(root.parent / "one", of=[query_rule("new", "x")])
    add_run(root, one, 3)
    tree = page(made(root, DAY + HOUR))
    by_name = dict(zip(names(tree), cells(tree), strict=True))
    assert by_name["new"] == ["Passed", "missing", "missing", "missing"]
    assert by_name["height"] == ["missing", "Passed", "Passed", "Passed"]


def test_an_image_is_told_by_its_short_digest(root: pathlib.Path) -> None:
    change(place(root, 1), chain=None)
    mixed = json.loads((place(root, 2) / RESULT_JSON).read_text())["status"]["chain"]
    mixed["deployments"][0] |= {"imageID": None, "imageIDs": [digest(1), digest(2)]}
    change(place(root, 2), chain=mixed)
    notes = [head.attributes["title"] for head in page(made(root)).one("thead").all("th")]
    short = [digest(number).partition("sha256:")[2][:12] for number in range(3)]
    assert notes[0].endswith(f", {short[1]}+{short[2]}, {run_id(2)}")
    assert notes[1].endswith(f"11:06, {run_id(1)}")
    assert notes[2].endswith(f", {short[0]}, {run_id(0)}")


@pytest.mark.parametrize(
    ("after", "expect", "tone", "word"),
    [
        (HOUR, EVERY, "passed", "Newest run: Passed"),
        (EVERY, EVERY, "passed", "Newest run: Passed"),
        (EVERY + 1, EVERY, "error", "Stale"),
        (30 * DAY, EVERY, "error", "Stale"),
        (HOUR, None, "plain", "History"),
        (30 * DAY, None, "plain", "History"),
    ],
)
def test_silence_is_stale_and_without_an_expectation_nothing_is_green(
    root: pathlib.Path, after: float, expect: float | None, tone: str, word: str
) -> None:
    tree = page(made(root, after, expect))
    assert standing(tree) == (["verdict", tone], word)
    assert tone in tree.one("div", class_="standing").classes
    assert ("passed" in tree.one("div", class_="standing").one("span", class_="chip").classes) == (tone == "passed")


def test_one_that_went_silent_among_others_makes_the_whole_stale(root: pathlib.Path) -> None:
    change(place(root, 2), name="other")
    history = made(root)
    assert [(series.name, series.stale) for series in history.series] == [("nightly", False), ("other", False)]
    history = made(root, 2 * HOUR, 25 * HOUR)
    assert [(series.name, series.stale) for series in history.series] == [("nightly", True), ("other", False)]
    assert standing(page(history)) == (["verdict", "error"], "Stale")


def forge(folder: pathlib.Path) -> None:
    (folder / "rules" / "height.jsonl").write_text("")


def test_a_folder_that_is_not_believed_is_not_green_and_no_sign_of_life(root: pathlib.Path) -> None:
    forge(place(root, 2))
    history = made(root)
    assert history.faults == [
        (
            "eng-ada/evm_transfer/nightly-00002",
            "rules/height.jsonl is not what result.json lists: it was cut or changed",
        )
    ]
    (series,) = history.series
    assert series.newest == START + DAY
    tree = page(history)
    assert standing(tree) == (["verdict", "error"], "Not all is trusted")
    assert {row[0] for row in cells(tree)} == {"unknown"}
    assert next(tree.one("thead").all("th")).one("span", class_="word").text == "not trusted"
    assert standing(page(made(root, 3 * HOUR))) == (["verdict", "error"], "Stale")


def test_a_run_of_the_future_is_no_sign_of_life(root: pathlib.Path, kinds: dict[str, pathlib.Path]) -> None:
    add_run(root, kinds["passed"], 400)
    history = made(root)
    assert history.series[0].newest == START + 2 * DAY
    assert "later than this page was made" in history.faults[0][1]
    assert standing(page(made(root, EVERY + 1))) == (["verdict", "error"], "Stale")


def test_where_no_run_is_believed_nothing_is_green(root: pathlib.Path) -> None:
    for number in range(3):
        forge(place(root, number))
    for expect in (EVERY, None):
        tree = page(made(root, expect=expect))
        assert standing(tree)[0] == ["verdict", "error"]
        assert not [node for node in tree.all() if "passed" in node.classes]


def test_broken_and_foreign_folders_are_named(root: pathlib.Path) -> None:
    (root / "a").mkdir()
    (root / "a" / RESULT_JSON).write_text("{")
    (root / "b" / "c").mkdir(parents=True)
    (root / "b" / RESULT_JSON).write_text('{"kind": "Lighthouse"}')
    shutil.copytree(place(root, 0), root / "b" / "c" / "again")
    (place(root, 1) / RESULT_JSON).unlink()
    change(place(root, 0), format=1)
    found = dict(made(root).faults)
    assert sorted(found) == ["a", "b", "eng-ada/evm_transfer/nightly-00001"]
    assert "is not JSON; it was cut or changed" in found["a"]
    assert found["b"] == "its result.json is not the result of a run"
    assert "the run was cut short" in found["eng-ada/evm_transfer/nightly-00001"]
    text = page(made(root)).one("section", class_="faults").text
    assert all(path in text for path in found)
    assert str(root) not in text


def test_a_copy_is_shown_once(root: pathlib.Path) -> None:
    shutil.copytree(root / "eng-ada", root / "copy")
    history = made(root)
    assert [len(series.runs) for series in history.series] == [3]
    assert len(history.twins) == 3
    assert "Shown once" in page(history).text


def test_a_copy_of_a_forged_run_does_not_hide_the_whole_one(root: pathlib.Path) -> None:
    """Neither the other way round: the one that is not believed is named."""
    shutil.copytree(place(root, 2), root / "aaa")
    forge(root / "aaa")
    history = made(root)
    assert history.series[0].newest == START + 2 * DAY
    assert [path for path, _ in history.faults] == ["aaa"]


def test_links_are_not_followed(root: pathlib.Path) -> None:
    (root / "latest").symlink_to(place(root, 2))
    (root / "loop").symlink_to(root)
    assert made(root).count == 3


def test_of_many_runs_the_newest_are_drawn(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_COLUMNS", 2)
    history = made(root)
    assert [run.run_id for run in history.series[0].runs] == [run_id(2), run_id(1)]
    assert history.count == 3
    assert "1 older run not drawn" in page(history).text


@pytest.mark.parametrize("bound", ["MOST_FOUND", "_MOST_FOLDERS"])
def test_too_many_folders_are_refused(root: pathlib.Path, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(below, bound, 2)
    with pytest.raises(ResultsError, match="name a folder further down"):
        made(root)


def test_what_lies_too_deep_is_named(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(below, "_DEEPEST", 2)
    faults = made(root).faults
    assert [path for path, _ in faults] == [f"eng-ada/evm_transfer/{run_id(number)}" for number in range(3)]
    assert "was not looked at" in faults[0][1]


def test_nothing_at_all_is_an_error(tmp_path: pathlib.Path, root: pathlib.Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResultsError, match="lies no results folder"):
        history_of(tmp_path / "empty", START)
    with pytest.raises(ResultsError, match="lies no results folder of a run of weekly"):
        made(root, name="weekly")


def test_only_runs_of_one_name(root: pathlib.Path) -> None:
    change(place(root, 0), name="other")
    assert [(series.name, len(series.runs)) for series in made(root, name="nightly").series] == [("nightly", 2)]


def test_the_same_folders_give_the_same_bytes(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Wherever they lie, and in whichever order they were written."""
    other = tmp_path / "other" / "results"
    for number in (2, 0, 1):
        shutil.copytree(place(root, number), place(other, number))
    pages = [history_page.render(made(folder, links_from=folder.parent)) for folder in (root, other)]
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0]
    later = history_page.render(made(root, 2 * HOUR, links_from=root.parent))
    assert "as of <time" in later
    assert later != pages[0]


def test_links_lead_to_the_runs_own_pages(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    tree = page(made(root, links_from=tmp_path / "out"))
    links = [link.attributes["href"] for link in tree.one("thead").all("a")]
    assert links == [f"./../results/eng-ada/evm_transfer/{run_id(number)}/report.html" for number in (2, 1, 0)]
    assert not list(page(made(root)).all("a"))


HOSTILE = "</td><script>alert(1)</script>\x1b[31m\u202e{{ 7 * 7 }} javascript:alert(2)"


def test_foreign_text_stays_text(root: pathlib.Path) -> None:
    chain = {"chainId": HOSTILE, "rpcEndpoints": [], "deployments": [{"name": "a", "role": "b", "image": HOSTILE}]}
    change(place(root, 2), name=HOSTILE, namespace=HOSTILE, runId=HOSTILE, chain=chain)
    shutil.move(place(root, 1), root / "<script>alert(3)</script>")
    history = made(root, links_from=root.parent)
    text = history_page.render(history)
    tree = read(text)
    assert len(list(tree.all("script"))) == 1
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not [link for link in tree.all("a") if not link.attributes["href"].startswith("./results/")]
    printed = "\n".join(history_text.lines_of(history, 80))
    assert "\x1b" not in printed
    assert "\u202e" not in printed


def green(tree: Node) -> Iterator[Node]:
    yield from (node for node in tree.all() if "passed" in node.classes and node.tag in ("td", "header", "div"))


def test_only_what_passed_and_is_believed_is_green(root: pathlib.Path, kinds: dict[str, pathlib.Path]) -> None:
    add_run(root, kinds["failed"], 3)
    forge(place(root, 1))
    tree = page(made(root, DAY + HOUR))
    assert {node.tag for node in green(tree)} == {"td"}
    columns = [[row[number] for row in cells(tree)] for number in range(4)]
    assert [("Passed" in column) for column in columns] == [False, True, False, True]


def test_as_json(root: pathlib.Path) -> None:
    forge(place(root, 0))
    document = json.loads(history_text.to_json(made(root)))
    jsonschema.Draft202012Validator(schemas()["history.schema.json"]).validate(document)
    assert document["kind"] == "ValidationHistory"
    assert document["asOf"] == format_time(START + 2 * DAY + HOUR)
    (series,) = document["validationRuns"]
    assert (series["name"], series["stale"], series["leftOut"]) == ("nightly", False, 0)
    newest, _, oldest = series["runs"]
    assert (newest["runId"], newest["verdict"], newest["folder"]) == (
        run_id(2),
        "Passed",
        f"eng-ada/evm_transfer/{run_id(2)}",
    )
    assert newest["cells"][0] == {"rule": "height", "state": "Passed", "note": "5 > 0"}
    assert (oldest["verdict"], {cell["state"] for cell in oldest["cells"]}) == ("not trusted", {"unknown"})
    assert document["faults"][0]["folder"] == f"eng-ada/evm_transfer/{run_id(0)}"
    assert json.loads(history_text.to_json(made(root, expect=None)))["validationRuns"][0]["stale"] is None


def test_in_a_terminal(root: pathlib.Path, kinds: dict[str, pathlib.Path]) -> None:
    add_run(root, kinds["failed"], 3)
    forge(place(root, 0))
    lines = list(history_text.lines_of(made(root, DAY + HOUR), 60))
    assert lines[0].startswith("nightly in eng-ada: Failed. The newest run began at")
    assert lines[1:7] == [
        "rule     1 2 3 4",
        "height   F P P ?",
        "late     E P P ?",
        "no-sweep F P P ?",
        "down     F P P ?",
        "load     - P P ?",
    ]
    assert max(map(len, itertools.islice(lines, 1, len(lines) - 2))) <= 60
    assert lines[-1].startswith("not trusted: eng-ada/evm_transfer/nightly-00000: rules/height.jsonl is not")

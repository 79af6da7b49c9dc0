"""The suites around the runs of a history: a run that is not there is seen, and never stands as a pass."""

import json
import pathlib
import shutil
from typing import Any

import jsonschema
import pytest
from tests.report.histories import DAY, add_run, add_suite, change
from tests.report.page import read
from tests.report.suites import passed
from tests.unit.judging.sealed import sealed

import replies
from simulation import START
from validationrun.base.times import format_time
from validationrun.contract.schemas import schemas
from validationrun.oracle.suite_verdict import Outcome
from validationrun.report import history_page, history_text
from validationrun.report.history import History, Series, history_of
from validationrun.results.folder import RESULT_JSON

EVERY = 26 * 3600.0
HOUR = 3600.0
ERROR = ["verdict", "error"]


def breached(_promql: str, t: float) -> replies.Reply:
    return replies.vector("-1", t=START + t)


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return sealed(tmp_path_factory.mktemp("night") / "passed")


@pytest.fixture(scope="session")
def bad(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return sealed(tmp_path_factory.mktemp("bad") / "failed", breached)


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "results"


def made(root: pathlib.Path, day: float = 0.0, expect: float | None = EVERY, **how: Any) -> History:
    """An hour after the suite of that day began."""
    return history_of(root, START + day * DAY + HOUR, expect_every=expect, **how)


def standing(history: History) -> tuple[list[str], str]:
    header = read(history_page.render(history)).one("header", class_="verdict")
    return header.classes, header.one("h1").text


def series(history: History, name: str) -> Series:
    return next(found for found in history.series if found.name == name)


def words(history: History, name: str) -> list[str]:
    return [run.word for run in series(history, name).runs]


def test_a_suite_of_which_every_run_passed_is_green(root: pathlib.Path, night: pathlib.Path) -> None:
    folder = add_suite(root, {"a": night, "b": night}, 0)
    history = made(root)
    assert (history.faults, history.twins) == ([], [])
    assert standing(history) == (["verdict", "passed"], "Newest runs: Passed")
    assert [run.folder for run in series(history, "a").runs] == [f"eng-ada/release/{folder.name}/a/a-{int(START) + 1}"]
    assert "2 runs of 2 ValidationRuns" in history_page.render(history)


def test_a_run_that_was_not_started_is_no_pass(root: pathlib.Path, night: pathlib.Path) -> None:
    add_suite(root, {"a": night, "b": Outcome.NOT_STARTED}, 0)
    history = made(root)
    assert history.faults == []
    assert (words(history, "a"), words(history, "b")) == (["Passed"], ["NotStarted"])
    assert [found.name for found in history.stale] == ["b"]
    assert standing(history) == (ERROR, "Stale")
    assert standing(made(root, expect=None)) == (ERROR, "A newest run: NotStarted")
    text = "\n".join(history_text.lines_of(history, 80))
    assert "b in eng-ada: Stale. No run of it left results, and one is expected every 26h." in text
    assert "Run b of suite release-00000 was not started: because run a ended as Failed." in text
    assert "height - -" not in text
    assert "height -" in text


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.CANCELLED, Outcome.NOT_STARTED])
def test_a_run_that_left_nothing_after_one_that_passed_is_its_newest(
    root: pathlib.Path, night: pathlib.Path, outcome: Outcome
) -> None:
    add_suite(root, {"a": night, "b": night}, 0)
    add_suite(root, {"a": night, "b": outcome}, 1)
    history = made(root, 1)
    assert (words(history, "b"), history.stale) == ([outcome.value, "Passed"], [])
    assert standing(history) == (ERROR, f"A newest run: {outcome.value}")
    assert series(history, "b").newest == START + 2
    assert series(made(root, 2), "b").stale, "a run that left nothing is no sign of life"


def test_an_old_suite_that_is_not_whole_does_not_stain_a_newer_whole_one(
    root: pathlib.Path, night: pathlib.Path
) -> None:
    add_suite(root, {"a": night, "b": Outcome.NOT_STARTED}, 0)
    add_suite(root, {"a": night, "b": night}, 1)
    history = made(root, 1)
    assert standing(history) == (["verdict", "passed"], "Newest runs: Passed")
    assert words(history, "b") == ["Passed", "NotStarted"]
    assert "1 run of a suite without results" in history_page.render(history)


def test_a_later_run_of_its_own_stands_for_a_run_that_was_not_started(root: pathlib.Path, night: pathlib.Path) -> None:
    add_suite(root, {"a": night, "nightly": Outcome.NOT_STARTED}, 0)
    change(add_run(root, night, 0), startTime=format_time(START + 1800))
    assert standing(made(root)) == (["verdict", "passed"], "Newest runs: Passed")


def test_of_the_runs_of_one_matrix_the_worst_is_the_newest(
    root: pathlib.Path, night: pathlib.Path, bad: pathlib.Path
) -> None:
    add_suite(root, {"m-0": bad, "m-1": night}, 0, one_run=True)
    assert standing(made(root)) == (["verdict", "failed"], "Newest run: Failed")
    add_suite(root, {"m-0": Outcome.NOT_STARTED, "m-1": night}, 1, one_run=True)
    history = made(root, 1)
    assert standing(history) == (ERROR, "Newest run: NotStarted")
    assert words(history, "nightly") == ["Passed", "NotStarted", "Passed", "Failed"]
    add_suite(root, {"m-0": night, "m-1": night}, 2, one_run=True)
    assert standing(made(root, 2)) == (["verdict", "passed"], "Newest run: Passed")


def test_a_copy_of_a_run_of_a_matrix_still_belongs_to_its_suite(
    root: pathlib.Path, night: pathlib.Path, bad: pathlib.Path
) -> None:
    folder = add_suite(root, {"m-0": bad, "m-1": night}, 0, one_run=True)
    shutil.copytree(folder / "m-0", root / "aaa")
    assert standing(made(root)) == (["verdict", "failed"], "Newest run: Failed")


def test_a_folder_of_a_run_that_is_gone_is_named(root: pathlib.Path, night: pathlib.Path) -> None:
    folder = add_suite(root, {"a": night, "b": night}, 0)
    shutil.rmtree(folder / "b")
    history = made(root)
    ((path, reason),) = history.faults
    assert path == f"eng-ada/release/{folder.name}"
    assert reason.startswith(f"run b: cannot read b/b-{int(START) + 2}/result.json: No such file")
    assert standing(made(root, expect=None)) == (ERROR, "A newest run: Not trusted")
    assert words(history, "b") == ["not trusted"]
    assert [found.name for found in history.stale] == ["b"]


def test_another_result_in_the_place_of_a_run_is_not_believed(root: pathlib.Path, night: pathlib.Path) -> None:
    folder = add_suite(root, {"a": night, "b": night}, 0)
    change(folder / "b" / f"b-{int(START) + 2}", message="all was well")
    history = made(root)
    assert [path for path, _ in history.faults] == [
        f"eng-ada/release/{folder.name}",
        f"eng-ada/release/{folder.name}/b/b-{int(START) + 2}",
    ]
    assert "is not what result.json lists: it was cut or changed" in history.faults[0][1]
    assert words(history, "b") == ["not trusted"]
    assert series(history, "b").newest is None
    assert str(root) not in history_page.render(history)


def rewrite(folder: pathlib.Path, **fields: Any) -> None:
    path = folder / RESULT_JSON
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": 2}, "has format 2, this version reads 1"),
        ({"members": 7}, "is not as it was written"),
        ({"mode": "argo"}, "is of a suite in a cluster"),
        ({"members": []}, "says that run a passed, and has no results of it"),
        ({"files": {}}, "does not list the result.json of run a"),
        ({"files": {"report.html": {"sha256": "0" * 64, "bytes": 1}}}, "cannot read report.html"),
        ({"files": {"\0": {"sha256": "0" * 64, "bytes": 1}}}, r"names \x00, which can be no file"),
    ],
)
def test_a_suite_that_cannot_be_read_is_named(
    root: pathlib.Path, night: pathlib.Path, fields: dict[str, Any], words: str
) -> None:
    folder = add_suite(root, {"a": night, "b": night}, 0)
    rewrite(folder, **fields)
    history = made(root)
    (reason,) = [reason for path, reason in history.faults if path == f"eng-ada/release/{folder.name}"]
    assert words in reason
    assert standing(history)[0] == ERROR


def edit(folder: pathlib.Path, **status: Any) -> None:
    rewrite(folder, status=json.loads((folder / RESULT_JSON).read_text())["status"] | status)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"startTime": None}, "does not say when it began"),
        ({"startTime": format_time(START + 9 * DAY)}, "began later than this page was made"),
        ({"members": []}, "has other runs than the status of the suite"),
        ({"planned": 3}, "lists 2 runs of a suite with 3"),
        ({"phase": "Succeeded", "verdict": "Passed"}, "says Passed"),
    ],
)
def test_a_suite_that_cannot_be_so_is_named(
    root: pathlib.Path, night: pathlib.Path, status: dict[str, Any], words: str
) -> None:
    folder = add_suite(root, {"a": night, "b": Outcome.NOT_STARTED}, 0)
    edit(folder, **status)
    history = made(root, expect=None)
    assert words in dict(history.faults)[f"eng-ada/release/{folder.name}"]
    assert standing(history)[0] == ERROR


def test_a_status_that_is_not_the_runs_own_is_named(root: pathlib.Path, night: pathlib.Path) -> None:
    folder = add_suite(root, {"a": night}, 0)
    members = json.loads((folder / RESULT_JSON).read_text())["members"]
    members[0]["status"]["message"] = "all was better"
    rewrite(folder, members=members)
    assert "has another status of it than its folder" in made(root).faults[0][1]


def test_a_suite_of_a_cluster_is_no_folder(root: pathlib.Path) -> None:
    root.mkdir()
    (root / RESULT_JSON).write_text(passed().to_json())
    assert standing(made(root)) == (ERROR, "Not all is trusted")


def test_a_copy_of_a_suite_is_shown_once(root: pathlib.Path, night: pathlib.Path) -> None:
    folder = add_suite(root, {"a": night, "b": Outcome.NOT_STARTED}, 0)
    shutil.copytree(folder, root / "copy")
    history = made(root)
    assert history.faults == []
    assert history.twins == [f"eng-ada/release/{folder.name}", f"eng-ada/release/{folder.name}/a/a-{int(START) + 1}"]
    assert words(history, "b") == ["NotStarted"]
    shutil.rmtree(root / "copy" / "a")
    assert [path for path, _ in made(root).faults] == ["copy"]


def test_only_runs_of_one_name(root: pathlib.Path, night: pathlib.Path) -> None:
    add_suite(root, {"a": night, "b": Outcome.NOT_STARTED}, 0)
    assert standing(made(root, name="a")) == (["verdict", "passed"], "Newest run: Passed")
    assert standing(made(root, name="b"))[0] == ERROR


def test_as_json(root: pathlib.Path, night: pathlib.Path) -> None:
    add_suite(root, {"a": night, "b": Outcome.NOT_STARTED}, 0)
    document = json.loads(history_text.to_json(made(root)))
    jsonschema.Draft202012Validator(schemas()["history.schema.json"]).validate(document)
    own = {each["name"]: each["runs"][0] for each in document["validationRuns"]}
    assert (own["a"]["verdict"], own["a"]["why"]) == ("Passed", "")
    assert (own["b"]["verdict"], own["b"]["folder"], own["b"]["doubt"]) == ("NotStarted", "", "")
    assert own["b"]["why"] == "run b of suite release-00000 was not started: because run a ended as Failed"
    assert [cell["state"] for cell in own["b"]["cells"]] == ["not run", "not run"]


def test_foreign_text_of_a_suite_stays_text(root: pathlib.Path, night: pathlib.Path) -> None:
    folder = add_suite(root, {"a": night, "b": Outcome.NOT_STARTED}, 0)
    hostile = "</td><script>alert(1)</script>\x1b[31m\u202e{{ 7 * 7 }}"
    members = json.loads((folder / RESULT_JSON).read_text())["status"]["members"]
    members[1] |= {"message": hostile, "run": hostile}
    edit(folder, runId=hostile, members=members)
    for text in (history_page.render(made(root)), "\n".join(history_text.lines_of(made(root), 80))):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert len(list(read(history_page.render(made(root))).all("script"))) == 1

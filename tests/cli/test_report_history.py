"""`report --history DIR`: the runs of many results folders, and options that do not fit."""

import json
import pathlib

import pytest
from tests.report.histories import DAY, add_run, place, run_id
from tests.unit.judging.sealed import sealed

from cli_helpers import call
from simulation import START
from validationrun.base.times import format_time

NOW = format_time(START + 2 * DAY)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Two nights, of which the first failed."""
    folder = tmp_path_factory.mktemp("history")
    add_run(folder / "results", sealed(folder / "failed", code=1), 0)
    add_run(folder / "results", sealed(folder / "passed"), 1)
    return folder / "results"


def test_the_page_goes_to_a_file(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    told = [
        call("report", "--history", root, "--expect-every", "25h", "--now", NOW, "--output-file", tmp_path / name)
        for name in ("one.html", "two.html")
    ]
    assert [(one.code, one.out, one.err) for one in told] == [(0, "", "")] * 2
    one, two = ((tmp_path / name).read_text() for name in ("one.html", "two.html"))
    assert one == two
    assert "<h1>Newest run: Passed</h1>" in one


def test_silence_is_stale_by_the_present_clock(root: pathlib.Path) -> None:
    """The nights lie in the past, whenever this test runs."""
    told = call(
        "report", "--history", root, "--expect-every", "1h", "-o", "html", "--now", format_time(START + 3 * DAY)
    )
    assert "<h1>Stale</h1>" in told.out


def test_without_now_it_is_now(root: pathlib.Path) -> None:
    told = call("report", root, "--history", "-o", "json")
    made = json.loads(told.out)["asOf"]
    assert (told.code, made != NOW) == (0, True)


def test_in_a_terminal_and_as_json(root: pathlib.Path) -> None:
    told = call("report", "--history", root, "--now", NOW)
    assert told.code == 0
    assert "load     P F\n" in told.out
    runs = json.loads(call("report", "--history", root, "--now", NOW, "-o", "json").out)["validationRuns"][0]["runs"]
    assert [(run["runId"], run["verdict"]) for run in runs] == [(run_id(1), "Passed"), (run_id(0), "Failed")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--now", "yesterday"], "--now must be a time with its zone"),
        (["--expect-every", "0s"], "--expect-every must be a duration"),
        (["-o", "junit"], "--history has no form junit: take text, html, json"),
        (["--name", "weekly"], "lies no results folder of a run of weekly"),
    ],
)
def test_options_that_do_not_fit(root: pathlib.Path, arguments: list[str], message: str) -> None:
    told = call("report", "--history", root, *arguments)
    assert (told.code, told.out) == (2, "")
    assert message in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("option", [["--now", NOW], ["--expect-every", "1h"], ["--name", "nightly"]])
def test_options_of_a_history_alone(root: pathlib.Path, option: list[str]) -> None:
    told = call("report", place(root, 0), *option)
    assert (told.code, told.err) == (2, f"validationrun: {option[0]} goes with --history\n")


def test_no_sealed_folder_is_written_to(root: pathlib.Path) -> None:
    told = call("report", "--history", root, "--output-file", place(root, 0) / "history.html")
    assert told.code == 2
    assert "whose files are sealed" in told.err
    assert not (place(root, 0) / "history.html").exists()

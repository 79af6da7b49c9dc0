"""A folder at a glance: every whole folder is believed, and none that was made to look better than its run."""

import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from tests.report.worlds import WORLDS
from tests.unit.judging.sealed import START, change_lines, document, good, reseal, sealed

import replies
from validationrun.judging import glance as module
from validationrun.judging.glance import glance
from validationrun.oracle.evidence import EvidenceError, read_lines
from validationrun.oracle.skim import UNREAD, skim_lines
from validationrun.results.folder import RESULT_JSON, ResultsError


def failing(promql: str, t: float) -> Any:
    """A rule that does not stop the run is bad for a while."""
    return replies.vector("-1", t=START + t) if promql == "late" and 30 <= t < 50 else good(promql, t)


def says_passed(found: Any) -> None:
    """Everything of a result that says how it ended says that it passed."""
    passed = {"verdict": "Passed", "reason": None, "message": "the workload passed and the rules held"}
    found["status"] |= {**passed, "phase": "Succeeded", "failedPlan": None, "workloadExitCode": 0}
    for rule in found["status"]["rules"]:
        rule |= {"verdict": "Passed", "reason": None}
    for state in found["states"]:
        state |= {"verdict": "Passed", "reason": "", "failed_t": None}
    found["window"] |= {"stopTime": None, "stopRule": None, "interrupted": False}
    if found["workload"] is not None:
        found["workload"] |= {"code": 0, "reason": "", "early": None}


@pytest.mark.parametrize("name", [name for name in WORLDS if name not in ("soak", "flapping")])
def test_what_a_run_left_is_believed(name: str, tmp_path: pathlib.Path) -> None:
    folder = WORLDS[name](tmp_path / name).folder
    assert glance(folder).doubts == []


@pytest.mark.parametrize("name", ["passed", "stopped", "error", "alert-fired"])
def test_decisions_are_skimmed_as_they_are_read(name: str, tmp_path: pathlib.Path) -> None:
    """But for their exchanges, of which only that they were is known."""
    folder = WORLDS[name](tmp_path / name).folder
    for path in (folder / "rules").glob("*.jsonl"):
        lines = path.read_text().splitlines(keepends=True)
        read, skimmed = read_lines(lines, path.stem), skim_lines(lines, path.stem)
        assert skimmed.resumed == read.resumed
        for whole, short in zip(read.entries, skimmed.entries, strict=True):
            assert (short.exchange is UNREAD) == (whole.exchange is not None)
            same = ("t", "final", "verdict", "reason", "message", "value", "counted")
            assert [getattr(short, field) for field in same] == [getattr(whole, field) for field in same]


@pytest.mark.parametrize("line", ["", "{", "[]", '{"T":1}', '{"resumed":1}', '{"T":NaN,"final":false}', "[" * 5000])
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(EvidenceError, match=r"rules/height\.jsonl line 1 cannot be read"):
        skim_lines([line], "height")


FORGED: dict[str, Callable[[pathlib.Path], None]] = {
    "the verdict alone": lambda folder: reseal(folder, lambda found: found["status"].update(verdict="Passed")),
    "the verdict and its phase": lambda folder: reseal(
        folder, lambda found: found["status"].update(verdict="Passed", phase="Succeeded")
    ),
    "all that says how it ended": lambda folder: reseal(folder, says_passed),
    "the rules of the status": lambda folder: reseal(
        folder, lambda found: [rule.update(verdict="Passed") for rule in found["status"]["rules"]]
    ),
    "the evidence of the bad rule left out": lambda folder: (
        (folder / "rules" / "late.jsonl").unlink(),
        reseal(folder, says_passed),
    )[0],
    "the bad decisions left out": lambda folder: (
        reseal(folder, says_passed),
        change_lines(
            folder, "late", lambda lines: lines.__setitem__(slice(None), [x for x in lines if x["verdict"] == "Passed"])
        ),
    )[0],
    "the bad rule left out of the result": lambda folder: reseal(
        folder,
        lambda found: (
            says_passed(found),
            [found[key].pop(1) for key in ("states", "rules")],
        ),
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_run_that_failed_cannot_be_made_green(name: str, tmp_path: pathlib.Path) -> None:
    folder = sealed(tmp_path / "run", failing)
    assert glance(folder).doubts == []
    assert document(folder)["status"]["verdict"] == "Failed"
    FORGED[name](folder)
    assert glance(folder).doubts


def test_a_load_that_failed_cannot_be_left_out(tmp_path: pathlib.Path) -> None:
    folder = sealed(tmp_path / "run", code=1)
    reseal(folder, lambda found: (says_passed(found), found.update(workload=None)))
    assert glance(folder).doubts


def test_a_passed_run_whose_evidence_is_short_is_doubted(tmp_path: pathlib.Path) -> None:
    folder = sealed(tmp_path / "run")
    assert glance(folder).doubts == []
    change_lines(folder, "height", lambda lines: lines.pop(2))
    assert "no decision at" in glance(folder).doubts[0]


def test_a_final_sweep_that_was_no_answer_is_doubted(tmp_path: pathlib.Path) -> None:
    folder = sealed(tmp_path / "run")
    change_lines(folder, "height", lambda lines: lines[-1].update(verdict="Error", reason="Timeout", value=None))
    assert "its final sweep says Error" in glance(folder).doubts[0]


def test_a_wrong_clock_is_doubted(tmp_path: pathlib.Path) -> None:
    folder = sealed(tmp_path / "run")
    reseal(folder, lambda found: found.update(clock=[{"at": START, "skewSeconds": 60.0, "message": ""}]))
    assert "can be no more than Error" in glance(folder).doubts[0]


@pytest.mark.parametrize("name", ["rules/height.jsonl", "report.html"])
def test_a_file_that_was_changed_is_doubted(name: str, tmp_path: pathlib.Path) -> None:
    folder = sealed(tmp_path / "run")
    with (folder / name).open("a") as stream:
        stream.write(" ")
    assert glance(folder).doubts == [f"{name} is not what result.json lists: it was cut or changed"]


def test_a_file_that_is_gone_is_doubted(tmp_path: pathlib.Path) -> None:
    folder = sealed(tmp_path / "run")
    (folder / "report.html").unlink()
    assert "a file that it lists is missing" in glance(folder).doubts[0]


def test_files_outside_are_not_read(tmp_path: pathlib.Path) -> None:
    folder = sealed(tmp_path / "run")
    (tmp_path / "secret").write_text("x")
    found = document(folder)
    found["files"]["../secret"] = {"sha256": "0" * 64, "bytes": 1}
    (folder / RESULT_JSON).write_text(json.dumps(found))
    assert "lies outside of the folder" in glance(folder).doubts[0]


def test_a_pipe_holds_nothing_up(tmp_path: pathlib.Path) -> None:
    folder = sealed(tmp_path / "run")
    (folder / "report.html").unlink()
    os.mkfifo(folder / "report.html")
    assert "cannot read report.html" in glance(folder).doubts[0]


@pytest.mark.parametrize(
    ("bound", "words"), [("_MOST_BYTES", "bytes, and more than"), ("_MOST_FILES", "files, and more")]
)
def test_what_is_too_large_is_not_checked_and_not_believed(
    bound: str, words: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sealed(tmp_path / "run")
    monkeypatch.setattr(module, bound, 3)
    assert words in glance(folder).doubts[0]


def test_what_is_no_result_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / RESULT_JSON).write_text("{}")
    with pytest.raises(ResultsError, match="is not the result of a run"):
        glance(tmp_path)

"""Replay of a sealed folder: it agrees to the letter, and with what was cut, changed or left out it never does."""

import json
import pathlib
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.judging.sealed import START, change_lines, document, good, reseal, rules, sealed

import replies
from simulation import alert_rule, query_rule
from validationrun.judging.replay import Replayed, replay_folder
from validationrun.oracle.exchange import Reply
from validationrun.results.folder import RESULT_JSON, ResultsError

T = START


def breach_at(rule: str, t: float, value: str = "-1"):
    """Good, but for one query from one moment on."""
    return lambda promql, at: replies.vector(value, t=T + at) if promql == rule and at >= t else good(promql, at)


def flaky(promql: str, t: float) -> Reply:
    """Errors of every kind, none of them for long, and one that comes and goes at the end."""
    if promql == "height" and t in (20, 30):
        return replies.http(503, "away")
    if promql == "x":
        return {10: replies.vector(), 20: replies.vector("NaN"), 30: replies.fault("Timeout", "late")}.get(
            t, replies.vector("1", "2") if t == 40 else good(promql, t)
        )
    return good(promql, t)


def fired(promql: str, t: float) -> Reply:
    if "ALERTS" in promql:
        return replies.vector("1", t=T + t) if t > 30 else replies.vector()
    return good(promql, t)


def swept_late(promql: str, t: float, asked: list[float] = []) -> Reply:  # noqa: B006 - counts across calls
    if promql == "height" and t == 60:
        asked.append(t)
        return replies.http(503, "away") if len(asked) < 3 else good(promql, t)
    return good(promql, t)


RUNS = {
    "passed": {},
    "failed-late": {"answer": breach_at("late", 45)},
    "stopped": {"answer": breach_at("height", 30)},
    "stopped-in-the-sweep": {"answer": breach_at("height", 60)},
    "flaky": {"answer": flaky},
    "fired": {"answer": fired},
    "swept-late": {"answer": swept_late},
    "workload-failed": {"code": 1},
    "workload-lost": {"code": 2},
    "interrupted": {"interrupt_after": 35},
    "until-a-rule-stops-it": {"answer": breach_at("height", 40), "load_seconds": None},
    "shorter-than-a-tick": {"load_seconds": 4},
    "ends-on-a-tick": {"load_seconds": 50},
    "clocks-differ": {"skew_s": 90},
    "without-rules": {"of": []},
    "without-prometheus": {"answer": lambda *_: replies.fault()},
}


@pytest.mark.parametrize("run", RUNS)
def test_what_was_recorded_is_judged_again_to_the_letter(tmp_path: pathlib.Path, run: str) -> None:
    """Whatever became of the run."""
    folder = sealed(tmp_path / "run", **RUNS[run])

    result, replayed = replay_folder(folder)

    assert replayed.differences == []
    assert replayed.notes == []
    status = result.status
    assert (replayed.verdict.phase, replayed.verdict.reason) == (status.phase, status.reason)


def test_these_runs_end_in_every_way(tmp_path: pathlib.Path) -> None:
    """Else the test above would prove little."""
    phases = {document(sealed(tmp_path / run, **RUNS[run]))["status"]["phase"] for run in RUNS}

    assert phases == {"Succeeded", "Failed", "Error", "Cancelled"}


def never_trusted(folder: pathlib.Path) -> str:
    """Replay finds something wrong; what, in words."""
    try:
        _, replayed = replay_folder(folder)
    except ResultsError as error:
        return str(error)
    assert replayed.differences != []
    return "\n".join(replayed.differences)


@pytest.fixture
def passed(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = sealed(tmp_path / "run")
    assert document(folder)["status"]["verdict"] == "Passed"
    return folder


# Without the hashes


@pytest.mark.parametrize("file", [RESULT_JSON, "rules/height.jsonl", "rules/height.json", "report.html"])
@pytest.mark.parametrize("part", [0.0, 0.5, 0.999])
def test_a_file_that_was_cut_is_found(passed: pathlib.Path, file: str, part: float) -> None:
    """At any place."""
    content = (passed / file).read_bytes()
    (passed / file).write_bytes(content[: int(len(content) * part)])

    assert pathlib.Path(file).name in never_trusted(passed)


@pytest.mark.parametrize("file", [RESULT_JSON, "rules/height.jsonl", "rules/height.json"])
def test_a_file_that_is_missing_is_found(passed: pathlib.Path, file: str) -> None:
    """By its name."""
    (passed / file).unlink()

    assert pathlib.Path(file).name in never_trusted(passed)


def test_a_changed_byte_is_found(passed: pathlib.Path) -> None:
    """By the file's hash."""
    path = passed / "rules" / "down.jsonl"
    path.write_text(path.read_text().replace("Passed", "Failed", 1))

    assert never_trusted(passed) == "rules/down.jsonl is not what result.json lists: it was cut or changed"


# With hashes written anew


@pytest.mark.parametrize("rule", ["height", "late", "no-sweep", "down"])
@pytest.mark.parametrize("index", [0, 1, -2, -1])
def test_a_decision_that_was_taken_out_is_missed(passed: pathlib.Path, rule: str, index: int) -> None:
    """Also the first, and the final sweep."""
    change_lines(passed, rule, lambda lines: lines.pop(index))

    words = never_trusted(passed)
    assert f"rule {rule}: no decision at" in words or f"rule {rule}: its final sweep at" in words


def test_a_failure_that_was_taken_out_is_missed(tmp_path: pathlib.Path) -> None:
    """Together with everything else that tells of it."""
    folder = sealed(tmp_path / "run", breach_at("late", 45), of=[query_rule("late", "late", interval="15s")])
    better = sealed(tmp_path / "better", of=[query_rule("late", "late", interval="15s")])
    lines = (folder / "rules" / "late.jsonl").read_text().splitlines(keepends=True)
    assert '"verdict":"Failed"' in lines[2]
    (better / "rules" / "late.jsonl").write_text("".join(lines[:2]))
    reseal(better)

    assert "no decision at" in never_trusted(better)


@pytest.mark.parametrize("rule", ["height", "down"])
def test_evidence_that_is_empty_is_missed(passed: pathlib.Path, rule: str) -> None:
    """Every decision of it."""
    change_lines(passed, rule, list.clear)

    assert f"rule {rule}: no decision at" in never_trusted(passed)


def test_a_decision_that_is_there_twice_is_found(passed: pathlib.Path) -> None:
    """Two good answers may not stand for two moments."""
    change_lines(passed, "height", lambda lines: lines.insert(1, lines[0]))

    assert "rule height: a decision too many" in never_trusted(passed)


def test_a_copy_in_the_place_of_another_moment_is_found(passed: pathlib.Path) -> None:
    """The moment is part of the question of an alert, and of the order."""
    change_lines(passed, "down", lambda lines: lines.__setitem__(2, {**lines[1], "T": lines[2]["T"]}))

    assert "another query was asked than the rule's" in never_trusted(passed)


def test_decisions_that_changed_places_are_found(passed: pathlib.Path) -> None:
    """They are written in the order of time."""
    change_lines(passed, "height", lambda lines: lines.insert(0, lines.pop(2)))

    assert "not in the order of time" in never_trusted(passed)


def test_a_failure_that_shall_not_count_is_found(tmp_path: pathlib.Path) -> None:
    """It lies in the window."""
    folder = sealed(tmp_path / "run", breach_at("late", 45))

    change_lines(
        folder, "late", lambda lines: [one.update(counted=False) for one in lines if one["verdict"] == "Failed"]
    )

    words = never_trusted(folder)
    assert "lies in the window and does not count" in words
    assert "no decision at" in words


def test_a_decision_behind_the_window_may_not_count(tmp_path: pathlib.Path) -> None:
    """Nor one behind the stop."""
    folder = sealed(tmp_path / "run", breach_at("height", 30))
    later = [one for one in lines_of(folder, "down") if not one["counted"]]
    assert later == []

    change_lines(folder, "down", lambda lines: lines.append({**lines[-1], "T": T + 40}))

    words = never_trusted(folder)
    assert "rule down: a decision too many" in words
    assert f"rule down at {T + 40}: counted then, not now" in words


def lines_of(folder: pathlib.Path, rule: str) -> list[dict]:
    return [json.loads(one) for one in (folder / "rules" / f"{rule}.jsonl").read_text().splitlines()]


def test_a_sweep_that_failed_cannot_give_way_to_a_better_one(tmp_path: pathlib.Path) -> None:
    """Only an Error is asked again."""
    folder = sealed(tmp_path / "run", breach_at("late", 60))
    better = sealed(tmp_path / "better")
    failing = lines_of(folder, "late")[-1]
    assert (failing["verdict"], failing["final"]) == ("Failed", True)

    change_lines(better, "late", lambda lines: lines.insert(-1, {**failing, "counted": False}))

    assert "the final sweep was answered Failed" in never_trusted(better)


@pytest.mark.parametrize("moved", [-1.0, 0.5])
def test_a_sweep_at_another_moment_is_none(passed: pathlib.Path, moved: float) -> None:
    """It is the window's end that nobody else saw."""
    change_lines(passed, "height", lambda lines: lines[-1].update(T=T + 60 + moved))

    assert f"rule height: its final sweep at {T + 60} is not there" in never_trusted(passed)


def test_nothing_comes_behind_the_sweep(passed: pathlib.Path) -> None:
    """What was asked too late was left out before it."""
    change_lines(passed, "height", lambda lines: lines.append({**lines[1], "T": T + 70, "counted": False}))

    assert f"rule height: its final sweep at {T + 60} is not there, or not once, or not last" in never_trusted(passed)


def test_a_sweep_asked_too_often_is_found(tmp_path: pathlib.Path) -> None:
    """More often than the rule's retry allows."""
    folder = sealed(tmp_path / "run", of=[query_rule("height", "height", retry=0)])
    error = {**lines_of(folder, "height")[-1], "counted": False, "verdict": "Error", "reason": "NoSamples"}
    error |= {"message": "the query gave no sample", "value": None, "body": replies.vector().body.decode()}

    change_lines(folder, "height", lambda lines: lines.insert(-1, error))

    assert "asked 2 times" in never_trusted(folder)


@pytest.mark.parametrize(
    ("what", "change", "words"),
    [
        ("the verdict", lambda d: d["status"].update(verdict="Failed"), "verdict: 'Failed' then, 'Passed' now"),
        ("the phase", lambda d: d["status"].update(phase="Failed"), "phase: 'Failed' then"),
        ("the reason", lambda d: d["status"].update(reason="Lucky"), "reason: 'Lucky' then"),
        ("the message", lambda d: d["status"].update(message="well done"), "message: 'well done' then"),
        ("a rule's verdict", lambda d: d["status"]["rules"][0].update(verdict="Failed"), "rules: "),
        ("a rule's value", lambda d: d["status"]["rules"][0]["query"].update(actualValue="9"), "rules: "),
        ("a condition", lambda d: d["status"]["conditions"][-1].update(status="False"), "conditions: "),
        ("a state", lambda d: d["states"][1].update(answered=False), "rule late: state"),
        ("a state's time", lambda d: d["states"][1].update(last_t=1.0), "rule late: state"),
        ("a state left out", lambda d: d["states"].pop(), "in the states"),
        ("a rule left out", lambda d: d["rules"].pop(0), "in the states"),
        ("a rule of the status left out", lambda d: d["status"]["rules"].pop(), "in the status"),
        ("all rules left out", lambda d: d.update(rules=[], states=[]), "in the status"),
        ("everything left out", lambda d: leave_everything_out(d), "nothing was judged"),
        ("a rule twice", lambda d: d["rules"].append(d["rules"][0]), "two rules have one name"),
        ("a gentler threshold", lambda d: d["rules"][0]["rule"]["query"].update(threshold="-9"), "then, ("),
        ("another operator", lambda d: d["rules"][0]["rule"]["query"].update(op=">="), "then, ("),
        ("another query", lambda d: d["rules"][0].update(promql="vector(1)"), "its query is not the one"),
        ("more patience", lambda d: d["rules"][0]["rule"]["runProperties"].update(interval="20s"), "a decision too many"),
        ("a late begin", lambda d: d["rules"][0]["rule"]["runProperties"].update(startAfter="30s"), "a decision too many"),
        ("no sweep", lambda d: d["rules"][0]["rule"]["runProperties"].update(finalSweep=False), "a final sweep that could not be"),
        ("an earlier end", lambda d: d["window"].update(end=T + 35), "a decision too many"),
        ("a later end", lambda d: d["window"].update(end=T + 75), "no decision at"),
        ("no end", lambda d: d["window"].update(end=None), "has decisions that count, and the window's end is not known"),
        ("a later begin", lambda d: d["window"].update(start=T + 10), "another query was asked"),
        ("no begin", lambda d: d["window"].update(start=None), "the window never opened"),
        ("a stop", lambda d: d["window"].update(stopRule="height", stopTime=T + 30), "stop: ('height'"),
        ("an interruption", lambda d: d["window"].update(interrupted=True), "phase: 'Succeeded' then, 'Cancelled' now"),
        ("clocks that were not compared", lambda d: d.update(clock=[]), "ClockSkew"),
        ("a clock that differs", lambda d: d["clock"][0].update(skewSeconds=90.0), "ClockSkew"),
        ("no workload", lambda d: d.update(workload=None), "workload: absent in the result"),
        ("no workload anywhere", lambda d: leave_workload_out(d), "workload: absent in the result"),
        ("another mode", lambda d: d.update(mode="evaluate"), "workload: present in the result of mode evaluate"),
        ("an unknown mode", lambda d: d.update(mode="other"), "Invalid enum value 'other' - at `$.mode`"),
        ("another code", lambda d: d["workload"].update(code=1), "workload: code 1 in the result, 0 in the status"),
    ],
)  # fmt: skip
def test_a_result_that_was_changed_is_found(passed: pathlib.Path, what: str, change, words: str) -> None:
    """Whatever was changed, with every hash written anew."""
    reseal(passed, change)

    assert words in never_trusted(passed), what


def leave_everything_out(found: dict) -> None:
    found.update(rules=[], states=[], workload=None)
    found["status"].update(rules=[], load=None, workloadExitCode=None)


def leave_workload_out(found: dict) -> None:
    found.update(workload=None)
    found["status"].update(workloadExitCode=None)


@pytest.mark.parametrize("key", ["mode", "status", "window", "rules", "states", "clock", "workload", "format", "kind"])
def test_a_result_that_lacks_a_part_is_no_result(passed: pathlib.Path, key: str) -> None:
    """What is not there is no good news."""
    reseal(passed, lambda found: found.pop(key))

    assert RESULT_JSON in never_trusted(passed)


@pytest.mark.parametrize(
    ("part", "value"),
    [("status", []), ("status", {}), ("window", None), ("rules", {}), ("rules", [1]), ("states", [None] * 4), ("clock", [{}]),
     ("workload", []), ("workload", {"code": 0})],
)  # fmt: skip
def test_a_result_of_another_shape_is_one_clear_error(passed: pathlib.Path, part: str, value: object) -> None:
    """And never a traceback."""
    reseal(passed, lambda found: found.update({part: value}))

    assert RESULT_JSON in never_trusted(passed) or part == "rules"


@pytest.mark.parametrize(
    "line",
    ["{}", "[]", "null", "1", '"text"', "not json", '{"T": 1}', '{"resumed": {}}', '{"resumed": {"name": "height", "new": 1}}',
     '{"resumed": null}'],
)  # fmt: skip
def test_a_line_of_another_shape_is_one_clear_error(passed: pathlib.Path, line: str) -> None:
    """With the file and the number of the line."""
    path = passed / "rules" / "height.jsonl"
    path.write_text(path.read_text() + line + "\n")
    reseal(passed)

    assert "rules/height.jsonl line 7 cannot be read" in never_trusted(passed)


FIELDS = ("T", "final", "verdict", "reason", "message", "value", "counted", "query", "status")


@pytest.mark.parametrize("value", [None, "x", -1, [], {}])
@pytest.mark.parametrize("field", FIELDS)
def test_a_line_with_another_value_is_found(passed: pathlib.Path, field: str, value: object) -> None:
    """In every field that a decision rests on."""
    if field == "final" and not value:
        value = True
    if field == "counted" and value:
        value = False
    change_lines(passed, "height", lambda lines: lines[1].update({field: value}))

    never_trusted(passed)


def test_an_answer_that_was_changed_is_found(passed: pathlib.Path) -> None:
    """The decision follows from the body alone."""
    change_lines(passed, "height", lambda lines: lines[1]["body"]["data"]["result"][0].update(value=[1, "-5"]))

    assert "('Passed', '', '" in never_trusted(passed)


def test_silence_whose_proof_was_taken_out_is_found(passed: pathlib.Path) -> None:
    """An alert's silence alone proves nothing."""
    change_lines(passed, "down", lambda lines: lines[0].pop("proof"))

    assert "AlertNotLoaded" in never_trusted(passed)


def test_evidence_without_a_result_beside_it_is_missed(passed: pathlib.Path) -> None:
    """Of a rule that result.json names without its file."""
    found = document(passed)
    found["files"] = {}
    (passed / RESULT_JSON).write_text(json.dumps(found))

    assert never_trusted(passed) == "rules/height.jsonl is missing: result.json names no such file"


def test_a_summary_that_says_something_else_is_found(passed: pathlib.Path) -> None:
    """It is added up again."""
    path = passed / "rules" / "height.json"
    path.write_text(path.read_text().replace('"good": 6', '"good": 600'))
    reseal(passed)

    assert never_trusted(passed) == "rules/height.json is not what the decisions add up to"


def test_a_run_on_one_machine_never_goes_on_from_a_record(passed: pathlib.Path) -> None:
    """A state that says Passed, with next to no evidence."""
    state = {**document(passed)["states"][0], "last_t": T + 50.0}

    def forge(lines: list[dict]) -> None:
        lines[:] = [{"resumed": state}, lines[-1]]

    change_lines(passed, "height", forge)

    assert "goes on from a record" in never_trusted(passed)


def resumed_in_argo(folder: pathlib.Path, *, keep: int) -> None:
    """The evaluator died and went on in another pod, whose evidence begins there."""
    lines = lines_of(folder, "height")
    before = {
        **document(folder)["states"][0],
        "swept": False,
        "last_t": lines[-keep - 1]["T"],
        "value": lines[-keep - 1]["value"],
        "due": len(lines) - keep,
        "covered": len(lines) - keep,
    }
    change_lines(folder, "height", lambda found: found.__setitem__(slice(None), [{"resumed": before}, *found[-keep:]]))
    reseal(folder, lambda found: found.update(mode="argo"))


def test_a_restarted_evaluator_is_judged_from_where_it_went_on(passed: pathlib.Path) -> None:
    """The record's word is taken for what was before, and that is said."""
    resumed_in_argo(passed, keep=3)

    _, replayed = replay_folder(passed)

    assert [one for one in replayed.differences if "rules/height.json " not in one] == []
    assert replayed.notes == [f"rule height is judged from {T + 30} on; what was before is the run record's word"]


def test_a_restarted_evaluator_needs_the_sweep_and_every_tick_since(passed: pathlib.Path) -> None:
    """A state that says Passed is no proof of the window's end."""
    resumed_in_argo(passed, keep=3)
    change_lines(passed, "height", lambda lines: lines.pop())

    assert "rule height: its final sweep at" in never_trusted(passed)


def test_a_restarted_evaluator_may_not_leave_ticks_out(passed: pathlib.Path) -> None:
    """Between the record's last T and the end."""
    resumed_in_argo(passed, keep=3)
    change_lines(passed, "height", lambda lines: lines.pop(1))

    assert f"rule height: no decision at {T + 40}" in never_trusted(passed)


def test_an_empty_folder_and_no_folder_are_one_clear_error(tmp_path: pathlib.Path) -> None:
    """With what may have happened."""
    (tmp_path / "file").touch()
    for folder, message in (
        (tmp_path, "a run that was cut short leaves none"),
        (tmp_path / "nowhere", f"^there is no folder {tmp_path}/nowhere$"),
        (tmp_path / "nowhere/below", f"^there is no folder {tmp_path}/nowhere/below$"),
        (tmp_path / "file", f"^{tmp_path}/file is no folder$"),
    ):
        with pytest.raises(ResultsError, match=message):
            replay_folder(folder)


def test_a_file_outside_of_the_folder_is_not_read(passed: pathlib.Path) -> None:
    """Whatever result.json names."""
    found = document(passed)
    found["files"]["../../etc/passwd"] = {"sha256": "0", "bytes": 0}
    (passed / RESULT_JSON).write_text(json.dumps(found))

    assert "lies outside of the folder" in never_trusted(passed)


def test_a_name_that_no_file_can_have_is_refused(passed: pathlib.Path) -> None:
    found = document(passed)
    found["files"]["rules\0"] = {"sha256": "0", "bytes": 0}
    (passed / RESULT_JSON).write_text(json.dumps(found))

    assert never_trusted(passed) == r"result.json names rules\x00, which can be no file"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return sealed(tmp_path_factory.mktemp("original") / "run")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=st.sampled_from([one.name for one in rules()]), data=st.data())
def test_no_set_of_decisions_can_be_taken_out(
    original: pathlib.Path, tmp_path: pathlib.Path, rule: str, data: st.DataObject
) -> None:
    """Of one rule or of several, in the middle or at the ends."""
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder)
    count = len(lines_of(folder, rule))
    taken = data.draw(st.sets(st.integers(0, count - 1), min_size=1))

    change_lines(
        folder,
        rule,
        lambda lines: lines.__setitem__(slice(None), [one for n, one in enumerate(lines) if n not in taken]),
    )

    assert f"rule {rule}: " in never_trusted(folder)


def test_the_rules_above_are_all_of_a_kind_that_can_be_missed() -> None:
    """With and without sweep, stop, late begin; queries and alerts."""
    found = rules()
    assert {one.type for one in found} == {"query", "alert"}
    assert any(not one.run_properties.final_sweep for one in found)
    assert alert_rule("x").alert is not None
    assert Replayed.__annotations__["differences"] == list[str]

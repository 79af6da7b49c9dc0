"""What random_faults.py takes for right: it must be able to find something."""

import copy
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from tests.e2e.random_faults import hits_enough
from tests.e2e.random_model import (
    CANCELLED,
    FAULTS,
    KILLS,
    PASSED,
    PREFLIGHT_FAILED,
    PROMETHEUS,
    RULE_ERROR,
    STOP,
    Hit,
    not_whole,
    right,
)

from validationrun.base.times import format_time
from validationrun.contract.load_entries import ShardStatus
from validationrun.contract.record_keys import RECORD_KEYS
from validationrun.contract.run_entry import LoadPlan, RuleEntry
from validationrun.oracle.fold import RuleState

T: Final = 1_800_000_000.0
START, END = format_time(T), format_time(T + 15)
RULE: Final = {"name": "height", "verdict": "Passed", "failed_t": None, "swept": True, "last_t": T + 15}
WORKFLOW: Final = {"metadata": {"uid": "w"}}
JOB: Final = {
    "metadata": {"uid": "j"},
    "spec": {"completions": 1, "parallelism": 1},
    "status": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]},
}
DATA: Final[dict[str, Any]] = {
    "run": {"bundleHash": "b", "load": {"shards": 1}, "rules": [{"name": "height"}]},
    "preflight": {"findings": []},
    "chain": {},
    "chain-ready": {},
    "job": {"uid": "j"},
    "load-start": {},
    "load": {"jobUid": "j", "code": 0, "message": "", "start": START, "end": END, "shards": [{"exitCode": 0}]},
    "sign-off": {
        "workflowUid": "w", "jobUid": "j", "bundleHash": "b", "start": START, "end": END, "stopTime": None,
        "settleSeconds": 5.0, "rules": [RULE],
    },
    "result": {},
}  # fmt: skip
EARLY: Final = ["run"]
LATE: Final = [*EARLY, "preflight", "sign-off"]


def names(document: type[Any]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(document)}


def test_the_data_has_names_that_the_product_writes() -> None:
    keys = {key.key: key for key in RECORD_KEYS}
    for key, entry in DATA.items():
        assert entry.keys() <= names(keys[key])
    assert RULE.keys() <= names(RuleState)
    assert DATA["load"]["shards"][0].keys() <= names(ShardStatus)
    assert DATA["run"]["load"].keys() <= names(LoadPlan)
    assert DATA["run"]["rules"][0].keys() <= names(RuleEntry)


def hit(fault: str, before: list[str], after: list[str], at: float = 0.0) -> Hit:
    return Hit(fault, before, after, T + at, T + at)


def test_without_a_hit_and_after_a_kill_only_passed_is_right() -> None:
    assert right(None, DATA) == {PASSED}
    for fault in KILLS:
        assert right(hit(fault, EARLY, EARLY), DATA) == {PASSED}
    assert set(FAULTS) == {*KILLS, STOP, PROMETHEUS}


def test_a_stop_is_right_by_the_verdict_in_the_record() -> None:
    assert right(hit(STOP, LATE, LATE), DATA) == {CANCELLED}
    assert right(hit(STOP, [*LATE, "result"], [*LATE, "result"]), DATA) == {PASSED}
    assert right(hit(STOP, LATE, [*LATE, "result"]), DATA) == {PASSED, CANCELLED}


@pytest.mark.parametrize(
    ("before", "at", "expected"),
    [
        (EARLY, 2.0, {RULE_ERROR}),
        (EARLY, 18.9, {RULE_ERROR}),
        (EARLY, 19.5, {PASSED, RULE_ERROR}),
        (LATE, 30.0, {PASSED}),
    ],
)
def test_a_lost_prometheus_is_right_by_the_final_sweep(before: list[str], at: float, expected: set[Any]) -> None:
    assert right(hit(PROMETHEUS, before, before, at), DATA) == expected


def test_a_lost_prometheus_is_found_by_preflight_only_before_it_was_over() -> None:
    data = {"preflight": {"findings": [{"reason": "PrometheusUnavailable"}]}}
    assert right(hit(PROMETHEUS, EARLY, EARLY), data) == {PREFLIGHT_FAILED}
    assert right(hit(PROMETHEUS, LATE, LATE), data) == set()


def test_whole_evidence_is_whole() -> None:
    assert not_whole(DATA, WORKFLOW, JOB) == []


BREAKS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "no sign-off": lambda data, _: data.pop("sign-off"),
    "no result": lambda data, _: data.pop("result"),
    "a sign-off by a signal": lambda data, _: data["sign-off"].update(stopped=True),
    "another workflow": lambda data, _: data["sign-off"].update(workflowUid="x"),
    "another bundle": lambda data, _: data["sign-off"].update(bundleHash="x"),
    "another job": lambda data, _: data["sign-off"].update(jobUid="x"),
    "the load of another job": lambda data, _: data["load"].update(jobUid="x"),
    "another window": lambda data, _: data["load"].update(end=START),
    "no end": lambda data, _: (data["load"].update(end=None), data["sign-off"].update(end=None)),
    "exit code": lambda data, _: data["load"].update(shards=[{"exitCode": 1}]),
    "no shard": lambda data, _: data["load"].update(shards=[]),
    "aggregate": lambda data, _: data["load"].update(code=None),
    "job failed": lambda _, job: job["status"]["conditions"].append({"type": "Failed", "status": "True"}),
    "job not complete": lambda _, job: job["status"].update(conditions=[]),
    "job shrunk": lambda _, job: job["spec"].update(parallelism=0),
    "job of another uid": lambda _, job: job["metadata"].update(uid="x"),
    "rule awaited": lambda data, _: data["sign-off"]["rules"][0].update(verdict="Awaited"),
    "rule failed once": lambda data, _: data["sign-off"]["rules"][0].update(failed_t=T),
    "not swept": lambda data, _: data["sign-off"]["rules"][0].update(swept=False),
    "swept too early": lambda data, _: data["sign-off"]["rules"][0].update(last_t=T),
    "rule missing": lambda data, _: data["sign-off"].update(rules=[]),
}


@pytest.mark.parametrize("what", BREAKS)
def test_evidence_with_a_fault_is_not(what: str) -> None:
    data, job = copy.deepcopy(DATA), copy.deepcopy(JOB)
    BREAKS[what](data, job)
    assert not_whole(data, WORKFLOW, job)


def test_no_job_is_no_evidence() -> None:
    assert not_whole(DATA, WORKFLOW, None)


@pytest.mark.parametrize(
    ("hits", "runs", "enough"),
    [(3, 5, True), (2, 5, False), (5, 10, True), (4, 10, False), (80, 100, True), (79, 100, False)],
)
def test_a_series_whose_faults_hit_nothing_shows_nothing(hits: int, runs: int, enough: bool) -> None:
    assert hits_enough([{"hit": index < hits} for index in range(runs)]) is enough

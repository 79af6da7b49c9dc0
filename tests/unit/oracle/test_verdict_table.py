"""The verdict table: each row, its precedence over all later ones, and what a pass can never come from."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from validationrun.oracle.fold import RuleState
from validationrun.oracle.verdict_table import Facts, judge
from validationrun.oracle.workload import Shard, aggregate

PASSED = RuleState("good", verdict="Passed", answered=True)
FAILED = RuleState(
    "bad", verdict="Failed", reason="ThresholdViolated", message="0, not > 0", failed_t=10, answered=True
)
ERROR = RuleState("mute", verdict="Error", reason="Timeout")
REFUSED = RuleState("refused", verdict="Error", reason="PrometheusRuleNotFound", refused=True)
GOOD = Facts(
    cancelled=False,
    chain_reason="",
    deadline_passed=False,
    has_load=True,
    workload=0,
    workload_reason="",
    rules=[PASSED],
    signed_off=True,
    stop_rule=None,
)
# Each row's own condition, in the order of the table; the rows above hold before all below.
ROWS: list[tuple[dict[str, Any], str, str]] = [
    ({"cancelled": True}, "Cancelled", "Cancelled"),
    ({"chain_reason": "ChainFailed"}, "Error", "ChainFailed"),
    ({"stop_rule": "bad", "rules": [FAILED]}, "Failed", "RuleStopOnFailure:bad"),
    ({"deadline_passed": True}, "Error", "DeadlineExceeded"),
    ({"workload": 2}, "Error", "WorkloadInfraFailure"),
    ({"workload": 1}, "Failed", "WorkloadFailed"),
    # Its only failed rule failed after the load had ended.
    ({"workload_early": 9.0}, "Error", "LoadEndedEarly"),
    ({"rules": [FAILED]}, "Failed", "RuleFailed:bad"),
    ({"forged": "a verdict stood"}, "Error", "RecordForged"),
    ({"signed_off": False}, "Error", "EvaluatorLost"),
    ({"not_stored": "no upload"}, "Error", "ResultsNotStored"),
    ({"rules": [REFUSED]}, "Error", "AllRulesUnresolved"),
    ({"rules": [PASSED, ERROR]}, "Error", "RuleError"),
]


def test_all_good_is_the_one_way_to_succeed() -> None:
    verdict = judge(GOOD)
    assert (verdict.phase, verdict.reason, verdict.verdict) == ("Succeeded", "RunSucceeded", "Passed")


@pytest.mark.parametrize("index", range(len(ROWS)))
def test_a_row_holds_before_every_later_one(index: int) -> None:
    changes, phase, reason = ROWS[index]
    for later, _, _ in ROWS[index:]:
        verdict = judge(replace(GOOD, **{**later, **changes}))
        assert (verdict.phase, verdict.reason) == (phase, reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chain_reason": None}, "ChainNotReady"),
        ({"workload": None}, "WorkloadInfraFailure"),
        ({"workload": 2, "workload_reason": "LoadNotStarted"}, "LoadNotStarted"),
        ({"rules": None, "signed_off": False}, "EvaluatorLost"),
        ({"rules": [PASSED, RuleState("x")]}, "Unknown"),
        # Refused at its first tick: what it said later does not undo that.
        ({"rules": [replace(PASSED, refused=True)]}, "AllRulesUnresolved"),
    ],
)
def test_what_is_missing_is_never_a_pass(changes: dict[str, Any], reason: str) -> None:
    verdict = judge(replace(GOOD, **changes))
    assert (verdict.verdict, verdict.reason) == ("Error", reason)


def test_a_load_of_ten_minutes_that_was_over_after_4_ms_is_an_error_whatever_the_rules_said() -> None:
    for rules in ([PASSED], [ERROR], [PASSED, RuleState("awaited")]):
        verdict = judge(replace(GOOD, rules=rules, workload_early=0.004))
        assert (verdict.phase, verdict.reason, verdict.failed_plan) == ("Error", "LoadEndedEarly", "loadGeneration")


def test_an_assertion_that_failed_in_another_shard_comes_before_an_early_end() -> None:
    assert judge(replace(GOOD, workload=1, workload_early=0.004)).reason == "WorkloadFailed"


@pytest.mark.parametrize(
    ("failed_t", "reason"),
    [
        (180.0, "RuleFailed:bad"),
        (240.0, "RuleFailed:bad"),
        (240.001, "LoadEndedEarly"),
    ],
)
def test_a_breach_under_load_comes_before_an_early_end(failed_t: float, reason: str) -> None:
    """The chain halts, the rule fails at +3m, and the generator gives up at +4m of 10m."""
    failed = replace(FAILED, failed_t=failed_t)
    verdict = judge(replace(GOOD, rules=[PASSED, failed], workload_early=240.0))
    assert verdict.reason == reason
    assert "bad" in verdict.message


def test_the_first_failed_rule_is_the_one_that_failed_first() -> None:
    later, earlier = (replace(FAILED, name=name, failed_t=t) for name, t in (("later", 20), ("earlier", 10)))
    assert judge(replace(GOOD, rules=[later, earlier])).reason == "RuleFailed:earlier"


STATES = st.sampled_from([PASSED, FAILED, ERROR, REFUSED, RuleState("awaited")])
FACTS = st.builds(
    Facts,
    cancelled=st.booleans(),
    chain_reason=st.sampled_from(["", None, "ChainFailed"]),
    deadline_passed=st.booleans(),
    has_load=st.booleans(),
    workload=st.sampled_from([None, 0, 1, 2, 137]),
    workload_reason=st.just(""),
    rules=st.none() | st.lists(STATES, max_size=3),
    signed_off=st.booleans(),
    stop_rule=st.sampled_from([None, "bad"]),
    workload_early=st.sampled_from([None, 0.0, 9.0, 11.0]),
    forged=st.sampled_from(["", "a verdict stood"]),
)


@given(FACTS)
@settings(max_examples=1000, deadline=None)
def test_success_needs_all_of_it(facts: Facts) -> None:
    if judge(facts).phase == "Succeeded":
        assert not facts.cancelled
        assert not facts.deadline_passed
        assert facts.chain_reason == ""
        assert facts.signed_off
        assert facts.stop_rule is None
        assert facts.rules is not None
        assert all(state.verdict == "Passed" for state in facts.rules)
        assert not facts.has_load or (facts.workload == 0 and facts.workload_early is None)


@pytest.mark.parametrize(
    ("codes", "complete", "expected"),
    [
        ([0], True, 0),
        ([0], False, 2),
        ([0, 0, 0], True, 0),
        ([0, 1, 0], False, 1),
        ([1, 2, 0], False, 2),
        ([0, 137], False, 2),
        ([0, None], True, 2),
        ([0, 1, None], False, 2),
        ([], True, 2),
    ],
)
def test_what_shards_add_up_to(codes: list[int | None], complete: bool, expected: int) -> None:
    shards = [Shard(index, code) for index, code in enumerate(codes)]
    assert aggregate(shards, max(1, len(codes)), job_complete=complete) == expected


@pytest.mark.parametrize(
    ("shards", "replicas"), [([Shard(0, 0)], 2), ([Shard(0, 0), Shard(5, 0)], 2), ([Shard(0, 0), Shard(1, 0)], 1)]
)
def test_a_missing_or_strange_shard_is_a_fault(shards: list[Shard], replicas: int) -> None:
    assert aggregate(shards, replicas, job_complete=True) == 2


def test_a_cause_that_several_rules_share_is_told_once():
    """A Prometheus that goes away is one cause, however many rules ask it."""
    away = [
        RuleState(name, verdict="Error", reason="PrometheusUnavailable", message="connection refused") for name in "abc"
    ]
    slow = RuleState("d", verdict="Error", reason="Timeout", message="no answer within 5s")
    verdict = judge(replace(GOOD, rules=[*away, PASSED, slow]))
    assert verdict.reason == "RuleError"
    assert verdict.message == (
        "not every rule could be answered: a, b, c PrometheusUnavailable (connection refused); d Timeout (no answer within 5s)"
    )

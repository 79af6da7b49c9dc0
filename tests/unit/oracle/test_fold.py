"""Folding decisions: worked timelines, and that the order of arrival never matters."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validationrun.oracle.decision import Decision
from validationrun.oracle.fold import Fold, RuleState, close, fold
from validationrun.oracle.ticks import ticks
from validationrun.spec.v1alpha1 import Rule


def rule(
    name: str = "a",
    *,
    stop: bool = False,
    retry: int = 3,
    interval: int = 10,
    start_after: int = 0,
    final_sweep: bool = True,
    min_coverage: str = "0.8",
) -> Rule:
    properties = {
        "interval": f"{interval}s",
        "startAfter": f"{start_after}s",
        "stopOnFailure": stop,
        "retry": retry,
        "minCoverage": min_coverage,
        "finalSweep": final_sweep,
    }
    query = {"promql": "up", "op": ">", "threshold": "0"}
    return Rule.model_validate({"name": name, "type": "query", "query": query, "runProperties": properties})


def passed(t: float, name: str = "a", **more: Any) -> Decision:
    return Decision(name, t, "Passed", "", "1 > 0", "1", **more)


def failed(t: float, name: str = "a", **more: Any) -> Decision:
    return Decision(name, t, "Failed", "ThresholdViolated", "0, not > 0", "0", **more)


def error(t: float, name: str = "a", reason: str = "PrometheusUnavailable", **more: Any) -> Decision:
    return Decision(name, t, "Error", reason, "no answer", **more)


TIMELINES = [
    # what, decisions, retry, verdict and reason once closed
    ("a good final sweep alone", [passed(9, final=True)], 3, ("Passed", "")),
    ("nothing at all", [], 3, ("Error", "NoSamples")),
    (
        "good ticks, then an unavailable final sweep",
        [passed(10), error(20, final=True)],
        3,
        ("Error", "PrometheusUnavailable"),
    ),
    ("three errors, then good", [error(10), error(20), error(30), passed(40)], 3, ("Passed", "")),
    (
        "four errors, then good: never Passed again",
        [*(error(t) for t in (10, 20, 30, 40)), passed(50)],
        3,
        ("Error", "PrometheusUnavailable"),
    ),
    (
        "a final error, later a breach",
        [*(error(t) for t in (10, 20, 30, 40)), failed(50)],
        3,
        ("Failed", "ThresholdViolated"),
    ),
    ("a breach, then good", [failed(10), passed(20), passed(30, final=True)], 3, ("Failed", "ThresholdViolated")),
    ("a breach, then errors", [failed(10), *(error(t) for t in (20, 30, 40, 50))], 3, ("Failed", "ThresholdViolated")),
    (
        "four times no samples, then good",
        [*(error(t, reason="NoSamples") for t in (10, 20, 30, 40)), passed(50)],
        3,
        ("Passed", ""),
    ),
    (
        "no samples to the end",
        [*(error(t, reason="NoSamples") for t in (10, 20)), error(30, reason="NoSamples", final=True)],
        3,
        ("Error", "NoSamples"),
    ),
    (
        "no samples after a good answer counts",
        [passed(10), *(error(t, reason="NoSamples") for t in (20, 30))],
        1,
        ("Error", "NoSamples"),
    ),
    ("retry 0 and one 503 in the middle", [passed(10), error(20), passed(30)], 0, ("Error", "PrometheusUnavailable")),
    (
        "away for the first ten minutes",
        [*(error(t) for t in range(10, 600, 10)), passed(610), passed(620, final=True)],
        3,
        ("Error", "PrometheusUnavailable"),
    ),
]


@pytest.mark.parametrize(("what", "decisions", "retry", "expected"), TIMELINES, ids=[row[0] for row in TIMELINES])
def test_timeline(what: str, decisions: list[Decision], retry: int, expected: tuple[str, str]) -> None:
    del what
    state = RuleState("a")
    for decision in decisions:
        state = fold(state, decision, retry)
    # Without its final sweep a rule that was good so far is proved only when it asked for none.
    closed = close(state, rule(final_sweep=any(one.final for one in decisions), min_coverage="0"), stopped=False)
    assert (closed.verdict, closed.reason) == expected


def test_the_first_failed_decision_is_kept() -> None:
    state = fold(fold(RuleState("a"), failed(10), 3), failed(20), 3)
    assert (state.failed_t, state.last_t) == (10, 20)


@pytest.mark.parametrize(("first", "refused"), [("PrometheusRuleNotFound", True), ("Timeout", False)])
def test_refused_is_what_the_first_decision_says(first: str, refused: bool) -> None:
    state = fold(fold(RuleState("a"), error(10, reason=first), 3), error(20, reason="RBACDenied"), 3)
    assert state.refused is refused


def test_two_stop_rules_at_one_time_go_by_the_order_of_the_spec() -> None:
    judged = Fold.begin([rule("b", stop=True), rule("a", stop=True)])
    for decision in (failed(10, "a"), failed(10, "b")):
        judged.add(decision)
    judged.advance(10)
    assert (judged.stop_rule, judged.stop_time) == ("b", 10)


def test_the_earlier_breach_stops_even_when_it_is_answered_later() -> None:
    judged = Fold.begin([rule("a", stop=True), rule("b", stop=True)])
    judged.add(failed(102, "b"))
    # a's answer for T=100 is still to come, so nothing at or behind 100 is settled.
    judged.advance(99)
    judged.add(failed(100, "a"))
    judged.advance(102)
    assert (judged.stop_rule, judged.stop_time) == ("a", 100)
    assert judged.states["b"].verdict == "Awaited"


def test_what_is_later_than_the_stop_does_not_count() -> None:
    judged = Fold.begin([rule("stopper", stop=True), rule("throughput")])
    for decision in (failed(10, "stopper"), passed(10, "throughput"), failed(20, "throughput")):
        judged.add(decision)
    judged.advance(100)
    assert {state.name: state.verdict for state in judged.closed()} == {"stopper": "Failed", "throughput": "Passed"}


def test_nothing_is_folded_before_it_is_settled() -> None:
    judged = Fold.begin([rule()])
    judged.add(failed(10))
    assert not judged.advance(9.9)
    assert judged.states["a"].verdict == "Awaited"
    assert judged.advance(10)


def test_good_ticks_without_the_final_sweep_are_no_pass() -> None:
    """The window's end was never seen: what was good until then proves nothing."""
    state = fold(RuleState("a"), passed(10), 3)
    assert close(state, rule(), stopped=False).verdict == "Error"
    assert close(state, rule(final_sweep=False), stopped=False).verdict == "Passed"
    # A run that a rule stopped has no sweep, and is Failed for that rule.
    assert close(state, rule(), stopped=True).verdict == "Passed"


def test_what_counts_is_told_with_what_was_folded() -> None:
    judged = Fold.begin([rule("a", stop=True), rule("b")])
    for decision in (passed(5, "b"), failed(10), passed(20, "b"), passed(30, "b")):
        judged.add(decision)
    assert [(one.rule, one.t, counted) for one, counted in judged.advance(20)] == [
        ("b", 5, True),
        ("a", 10, True),
        ("b", 20, False),
    ]
    assert [one.t for one in judged.drop(since=30)] == [30]
    assert judged.advance(99) == []


def test_a_fold_goes_on_from_recorded_states() -> None:
    before = fold(RuleState("a"), failed(10), 3)
    judged = Fold.begin([rule(stop=True)], [RuleState.from_json(before.to_json())])
    assert (judged.stop_rule, judged.stop_time) == ("a", 10)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 8), st.sampled_from("pfen")), unique_by=lambda one: one[:2]
    ),
    st.randoms(use_true_random=False),
    st.integers(1, 8),
)
@settings(max_examples=300, deadline=None)
def test_the_order_of_arrival_never_matters(given_: list[tuple[str, int, str]], random: Any, cut: int) -> None:
    rules = [rule("a", stop=True, retry=1), rule("b"), rule("c", stop=True, retry=0)]
    make = {"p": passed, "f": failed, "e": error, "n": lambda t, name: error(t, name, "NoSamples")}
    decisions = [make[kind](t, name) for name, t, kind in given_]

    def judge(batches: list[tuple[list[Decision], float]]) -> Any:
        judged = Fold.begin(rules)
        for batch, settled in batches:
            for decision in batch:
                judged.add(decision)
            judged.advance(settled)
        return judged.closed(), judged.stop_rule, judged.stop_time

    shuffled = list(decisions)
    random.shuffle(shuffled)
    early, late = [one for one in shuffled if one.t <= cut], [one for one in shuffled if one.t > cut]
    assert judge([(decisions, 9)]) == judge([(early, cut), (late, 9)])


def test_ticks_begin_after_start_and_not_before_start_after() -> None:
    assert list(itertools.islice(ticks(rule(), 100, 100), 3)) == [110, 120, 130]
    assert list(itertools.islice(ticks(rule(start_after=25), 100, 100), 2)) == [130, 140]


def test_a_restarted_evaluator_goes_on_after_its_last_tick() -> None:
    assert list(itertools.islice(ticks(rule(), 100, 120), 2)) == [130, 140]
    assert list(itertools.islice(ticks(rule(), 100, 119.5), 2)) == [120, 130]


EARLY = {"warming_up": True}


@pytest.mark.parametrize(
    ("decisions", "counts"),
    [
        ([passed(10), error(20), failed(30)], (3, 2)),
        # The final sweep is no tick.
        ([passed(10), passed(15, final=True)], (1, 1)),
        # Before the first answer an early tick is not due; after it, it is.
        ([error(10, **EARLY), passed(20, **EARLY), error(30, **EARLY)], (2, 1)),
        ([error(10, **EARLY), error(20)], (1, 0)),
        # The first evaluation of an alert is awaited for a short time, and counts nowhere.
        ([Decision("a", 10, "Awaited", "AlertNotLoaded", ""), passed(20)], (1, 1)),
        # Series may be awaited for all the window.
        ([Decision("a", 10, "Awaited", "SeriesMissing", ""), passed(20)], (2, 1)),
        ([Decision("a", 10, "Awaited", "SeriesMissing", "", **EARLY), passed(20)], (1, 1)),
        # A restarted evaluator asks the tick again for which it stopped the run.
        ([failed(10), failed(10)], (1, 1)),
    ],
)
def test_ticks_that_were_due_and_covered(decisions: list[Decision], counts: tuple[int, int]) -> None:
    state = RuleState("a")
    for decision in decisions:
        state = fold(state, decision, 10)
    assert (state.due, state.covered) == counts


@pytest.mark.parametrize(
    ("least", "missing", "verdict"),
    [
        ("0.8", 2, "Passed"), ("0.8", 3, "Passed"), ("0.8", 4, "Error"), ("1", 1, "Passed"), ("1", 2, "Error"),
        ("0", 9, "Passed"), ("1.0", 2, "Error"),
    ],
)  # fmt: skip
def test_too_few_answers_are_no_pass(least: str, missing: int, verdict: str) -> None:
    """Of ten ticks; one missing tick is always tolerated on top."""
    state = RuleState("a")
    for t in range(10):
        state = fold(state, error(t) if t < missing else passed(t), 10)
    closed = close(state, rule(final_sweep=False, min_coverage=least), stopped=False)
    assert (closed.verdict, closed.reason) == (verdict, "LowCoverage" if verdict == "Error" else "")


def test_low_coverage_takes_no_failure_away() -> None:
    state = RuleState("a")
    for decision in (failed(5), *(error(t) for t in range(10, 100, 10))):
        state = fold(state, decision, 3)
    assert close(state, rule(), stopped=False).verdict == "Failed"


@pytest.mark.parametrize("reason", ["NoSamples", "NaN"])
def test_nothing_to_compare_before_the_first_answer_is_awaited(reason: str) -> None:
    state = RuleState("a")
    for t in (10, 20, 30):
        state = fold(state, error(t, reason=reason), 0)
    assert (state.verdict, state.errors) == ("Awaited", 0)
    good = fold(state, passed(40), 0)
    assert fold(good, error(50, reason=reason), 0).verdict == "Error"


def test_an_awaited_decision_clears_nothing_and_is_no_answer() -> None:
    awaited = Decision("a", 20, "Awaited", "AlertNotLoaded", "not evaluated yet")
    state = fold(fold(RuleState("a"), error(10), 3), awaited, 3)
    assert (state.verdict, state.reason, state.errors, state.answered) == ("Awaited", "PrometheusUnavailable", 1, False)
    assert close(fold(RuleState("a"), awaited, 3), rule(), stopped=False).reason == "NoSamples"


def test_ticks_that_passed_may_be_counted_without_their_decisions() -> None:
    fold_ = Fold.begin([rule()])
    fold_.skip("a", 7)
    assert (fold_.states["a"].due, fold_.states["a"].covered) == (7, 7)


@pytest.mark.parametrize(
    ("decisions", "verdict"),
    [
        ([], "Awaited"),
        ([passed(10)], "Awaited"),
        ([passed(10), error(20)], "Awaited"),
        ([error(10, reason="NoSamples")], "Awaited"),
        ([passed(10), failed(20), passed(30)], "Failed"),
        ([error(10 * tick) for tick in range(1, 5)], "Error"),
        ([passed(10), passed(20, final=True)], "Passed"),
    ],
    ids=["never asked", "good", "tolerated", "no samples yet", "failed", "out of retries", "swept"],
)
def test_an_interrupt_leaves_undecided_what_was_not_decided(decisions: list[Decision], verdict: str):
    state = RuleState("a")
    for decision in decisions:
        state = fold(state, decision, retry=3)
    closed = close(state, rule(), stopped=False, interrupted=True)
    assert closed.verdict == verdict
    assert (closed.message == "interrupted before the window's end") == (verdict == "Awaited")

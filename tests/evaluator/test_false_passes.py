"""
Fifteen ways in which other systems pass when they should not, each tried on ours.

The numbers are those of docs/false-passes.md, which says where each was found.
"""

import pytest

from replies import fault, http, loaded, scalar, success, vector
from simulation import LEARNED_LATER_SECONDS, START, alert_rule, query_rule, simulate
from validationrun.cli.run_options import VERDICT_EXITS

GOOD = vector("1")


def test_01_an_evaluator_that_was_killed_is_not_ignored() -> None:
    """Argo ignores a sidecar that dies with 137 when the main container ended with 0."""
    outcome = simulate([query_rule("a")], lambda *_: GOOD, signed_off=False)
    assert (outcome.verdict.verdict, outcome.verdict.reason) == ("Error", "EvaluatorLost")


def test_02_a_load_that_ends_before_the_first_measurement_proves_nothing_by_itself() -> None:
    """Argo Rollouts calls a metric successful that was told to end before it was measured."""
    silent = simulate([query_rule("a", finalSweep=False)], lambda *_: GOOD, load_seconds=4)
    assert silent.asked == []
    assert (silent.rules["a"], silent.verdict.verdict) == (("Error", "NoSamples"), "Error")
    swept = simulate([query_rule("a")], lambda *_: GOOD, load_seconds=4)
    assert (swept.asked, swept.rules["a"]) == ([("a", 4.0)], ("Error", "WindowTooShort"))


def test_03_errors_and_failures_share_no_budget_through_which_a_rule_slips() -> None:
    """Separate counters that both stay below their limits let a metric pass that never once succeeded."""
    never_good = [vector(), http(503), vector(), http(503), vector()]
    outcome = simulate([query_rule("a")], lambda _, t: never_good[int(t / 10) - 1], load_seconds=50)
    assert outcome.verdict.verdict == "Error"


@pytest.mark.parametrize("final_sweep", [True, False])
def test_04_a_rule_that_starts_later_than_the_run_ends_is_not_left_out(final_sweep: bool) -> None:
    """An inline analysis once finished before a metric with an initial delay had begun."""
    rule = query_rule("late", startAfter="55s", finalSweep=final_sweep)
    outcome = simulate([query_rule("a"), rule], lambda *_: GOOD, load_seconds=30)
    assert outcome.rules["late"] == ("Error", "WindowTooShort" if final_sweep else "NoSamples")
    assert outcome.verdict.verdict == "Error"


def test_05_an_error_never_hides_a_failure_and_one_series_never_speaks_for_many() -> None:
    """Inconclusive overwrote Failed, Error overwrote both; of a vector only the first value was judged."""
    failed_first = simulate([query_rule("a")], lambda _, t: vector("0") if t == 10 else fault())
    assert failed_first.rules["a"] == ("Failed", "ThresholdViolated")
    many = simulate([query_rule("a")], lambda *_: vector("1", "0"))
    assert (many.rules["a"], many.verdict.verdict) == (("Error", "AmbiguousResult"), "Error")


def test_06_a_query_that_errors_is_not_skipped() -> None:
    """A warning in a log, no alert, and the run is good."""
    outcome = simulate(
        [query_rule("a"), query_rule("b", "bad(")],
        lambda promql, _: http(400, "parse error") if promql == "bad(" else GOOD,
    )
    assert (outcome.rules["b"], outcome.verdict.verdict) == (("Error", "BadQuery"), "Error")


def test_07_a_threshold_without_samples_does_not_hold() -> None:
    """k6 passes a threshold whose metric has no samples."""
    outcome = simulate([query_rule("a", op="<", threshold="0.01")], lambda *_: vector())
    assert (outcome.rules["a"], outcome.verdict.verdict) == (("Error", "NoSamples"), "Error")


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((0, 1, 0), "Failed"),
        ((0, 2, 0), "Error"),
        ((0, None, 0), "Error"),
        ((0, 137, 0), "Error"),
        ((0, 0, 0), "Passed"),
    ],
)
def test_08_runners_that_failed_do_not_end_as_finished(codes: tuple[int | None, ...], expected: str) -> None:
    """An operator's stage `finished` says nothing of its runners."""
    assert simulate([query_rule("a")], lambda *_: GOOD, codes=codes).verdict.verdict == expected


def test_09_the_last_of_several_series_does_not_win_and_traffic_that_stops_is_seen() -> None:
    """Flagger takes the last series; a metric that nobody exports, or traffic that stopped, let an analysis go on."""
    assert simulate([query_rule("a")], lambda *_: vector("0", "0", "1")).verdict.verdict == "Error"
    assert simulate([query_rule("a", "unknown_metric")], lambda *_: vector()).verdict.verdict == "Error"
    stopped = simulate([query_rule("a")], lambda _, t: GOOD if t < 30 else vector())
    assert (stopped.rules["a"], stopped.verdict.verdict) == (("Error", "NoSamples"), "Error")


def test_10_no_data_is_not_left_out_of_the_sum_and_the_exit_code_tells() -> None:
    """A score that leaves out objectives without data; a fatal alert with exit code 0."""
    rules = [*(query_rule(f"good-{n}") for n in range(9)), query_rule("silent", "nothing")]
    outcome = simulate(rules, lambda promql, _: vector() if promql == "nothing" else GOOD)
    assert outcome.verdict.verdict == "Error"
    fired = simulate([alert_rule("fatal")], lambda *_: GOOD)
    assert fired.verdict.verdict == "Failed"
    assert VERDICT_EXITS == {"Passed": 0, "Failed": 1}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(vector("NaN"), "NaN"), (vector("+Inf"), "NotFinite"), (fault(), "PrometheusUnavailable"), (scalar("NaN"), "NaN")],
)
def test_11_what_is_no_number_is_not_dropped_and_without_prometheus_nothing_is_skipped(
    reply: object, reason: str
) -> None:
    outcome = simulate([query_rule("a", op=">=", threshold="-1e300")], lambda *_: reply)  # type: ignore[arg-type, return-value]
    assert (outcome.rules["a"], outcome.verdict.verdict) == (("Error", reason), "Error")


def test_12_rules_that_all_have_no_data_are_not_a_hundred_percent() -> None:
    """A group of metrics without data counted as 100."""
    outcome = simulate([query_rule(f"r{n}", "nothing") for n in range(4)], lambda *_: vector())
    assert set(outcome.rules.values()) == {("Error", "NoSamples")}
    assert outcome.verdict.verdict == "Error"


def test_13_stop_on_failure_stops() -> None:
    """The failure itself made the path return before the stop."""
    rules = [query_rule("a", stopOnFailure=True), query_rule("b", "other")]
    outcome = simulate(rules, lambda promql, t: vector("0") if promql == "x" and t >= 20 else GOOD, load_seconds=None)
    assert [decision.rule for decision in outcome.control.stops][:1] == ["a"]
    # Answered at once, settled after 5 s: the load was told before the next tick.
    assert outcome.control.end is not None
    assert outcome.control.end - START <= 20 + outcome.control.settle_s + LEARNED_LATER_SECONDS
    assert (outcome.verdict.verdict, outcome.verdict.reason) == ("Failed", "RuleStopOnFailure:a")


def test_14_one_failed_rule_fails_the_run_however_many_hold() -> None:
    """A failed objective only lowered a weighted percentage."""
    rules = [*(query_rule(f"good-{n:02}") for n in range(31)), query_rule("bad", "zero")]
    outcome = simulate(rules, lambda promql, _: vector("0") if promql == "zero" else GOOD, load_seconds=20)
    assert (outcome.verdict.verdict, outcome.verdict.reason) == ("Failed", "RuleFailed:bad")


def test_15_the_breach_of_the_first_minute_is_still_there_at_the_end() -> None:
    """Only the last ten measurements were kept, so that nobody could say why a long run had failed."""
    outcome = simulate([query_rule("a")], lambda _, t: vector("0") if t == 20 else GOOD, load_seconds=900)
    assert (outcome.rules["a"], outcome.verdict.verdict) == (("Failed", "ThresholdViolated"), "Failed")
    assert outcome.judgement.states[0].failed_t == START + 20
    breach = [decision for decision, counted in outcome.control.evidence if counted and decision.verdict == "Failed"]
    assert [decision.value for decision in breach] == ["0"]
    assert len(outcome.control.evidence) == 90


def test_an_alert_that_nobody_loaded_does_not_stay_silent() -> None:
    outcome = simulate([alert_rule("a")], lambda *_: vector(), loaded=lambda _: loaded("Other", "2026-11-24T00:00:00Z"))
    assert (outcome.rules["a"], outcome.verdict.verdict) == (("Error", "AlertNotLoaded"), "Error")


def test_an_error_that_nothing_cleared_does_not_pass() -> None:
    """Within the retry budget, but the last word: also for a rule that has no final sweep to say another."""
    for last in (http(503), vector()):
        outcome = simulate([query_rule("a", finalSweep=False)], lambda _, t, last=last: GOOD if t < 50 else last)  # type: ignore[misc]
        assert (outcome.rules["a"][0], outcome.verdict.verdict) == ("Error", "Error")


def test_a_load_that_went_down_at_once_does_not_take_the_breach_with_it() -> None:
    """The window ends a second before the last container; the breach that stopped the run must not fall out of it."""
    outcome = simulate(
        [query_rule("a", stopOnFailure=True)],
        lambda _, t: vector("0") if t >= 20 else GOOD,
        load_seconds=None,
        dies_within=0.4,
        settle_s=0.0,
    )
    assert (outcome.verdict.verdict, outcome.verdict.reason) == ("Failed", "RuleStopOnFailure:a")
    assert outcome.judgement.stop_time == START + 20


def test_a_load_that_had_ended_before_the_breach_is_not_failed_by_it() -> None:
    """Learned late: what throughput was at a moment when nobody drove load any more says nothing."""
    outcome = simulate(
        [query_rule("a", stopOnFailure=True)],
        lambda _, t: vector("0") if t >= 20 else GOOD,
        load_seconds=17,
        settle_s=0.0,
    )
    assert (outcome.verdict.verdict, outcome.judgement.stop_time) == ("Passed", None)


def test_a_partial_answer_is_no_answer() -> None:
    outcome = simulate(
        [query_rule("a")], lambda *_: success("scalar", [0, "1"], warnings=["a store could not be read"])
    )
    assert (outcome.rules["a"], outcome.verdict.verdict) == (("Error", "PartialResponse"), "Error")


def test_a_prometheus_of_another_time_is_no_witness() -> None:
    assert simulate([query_rule("a")], lambda *_: GOOD, skew_s=90).rules["a"] == ("Error", "ClockSkew")
    assert simulate([query_rule("a")], lambda *_: vector("0"), skew_s=90).rules["a"] == ("Failed", "ThresholdViolated")


def test_an_evaluation_that_was_interrupted_is_no_pass() -> None:
    outcome = simulate([query_rule("a", finalSweep=False)], lambda *_: GOOD, interrupt_after=40)
    assert outcome.judgement.interrupted
    assert (outcome.verdict.verdict, outcome.verdict.reason) == ("Error", "EvaluatorLost")

"""
Worked timelines, row by row, through the engine: 20 to 34, answers and verdicts.

Each is played several times, in other orders of arrival and with other restarts: all must give one outcome, which is
also the brute-force model's.
"""

import random

import pytest

from model.adapter import decision_of, exchange, play, question_of, spec_rule
from model.brute_force import Rule, RuleOutcome
from model.facts import Page
from model.rows import AWAY, BREACH, BROKEN, EMPTY, GOOD, codes, one_rule, played, several, spec
from model.wire import ALERT, vector
from validationrun.compiling.pipeline import lint_all
from validationrun.judging.live.clock_skew import check_clock, doubted
from validationrun.oracle.decide import decide
from validationrun.oracle.exchange import Exchange
from validationrun.oracle.fold import RuleState
from validationrun.oracle.question import Question
from validationrun.oracle.verdict_table import Facts
from validationrun.oracle.verdict_table import judge as judge_facts
from validationrun.oracle.workload import Shard, aggregate


def test_20_bad_queries_alone_are_a_rule_error():
    found = played(several(*((Rule(name, interval=10), (BROKEN,), (BROKEN,)) for name in "ab")))
    assert (found.run.reason, found.rules[0].reason) == ("RuleError", "BadQuery")


def test_20_refused_references_are_another_matter():
    alert = Rule("a", type="alert", interval=10)
    lost, forbidden = ("error", "PrometheusRuleNotFound"), ("error", "CrossNamespaceForbidden")
    refused = played(several((alert, (lost,), (lost,)), (Rule("b", type="alert"), (forbidden,), (forbidden,))))
    partly = played(several((alert, (lost,), (lost,)), (Rule("b"), (BROKEN,), (BROKEN,))))
    later = played(several((alert, (("quiet", True), lost), (lost,))))
    away = played(several((alert, (AWAY, lost), (lost,))))

    assert refused.run.reason == "AllRulesUnresolved"
    assert [one.run.reason for one in (partly, later, away)] == ["RuleError"] * 3


def test_21_a_zero_that_stands_for_no_data_passes_by_the_letter():
    zero = ("values", ("0",))
    assert played(one_rule(zero, sweep=(zero,), rule=Rule("a", interval=10, op="=="))).run.reason == "RunSucceeded"


@pytest.mark.parametrize(
    ("promql", "op"),
    [
        ('sum(x{p="q"}) or vector(0)', "=="),
        ('absent(x{p="q"})', "!="),
        ('scalar(sum(x{p="q"})) > bool 1', "=="),
    ],
)
def test_21_lint_warns_of_a_value_that_stands_for_no_data(promql, op):
    assert "VR555" in codes(spec(promql, op=op))


@pytest.mark.parametrize("promql", ['sum(rate(x{p="q"}[5m])) > bool 1', 'count(x{p="q"} > 3)'])
def test_21_a_vector_without_series_stays_empty(promql):
    """Neither `bool` nor `count()` makes a value of it, so there is nothing to warn of."""
    assert "VR555" not in codes(spec(promql))


@pytest.mark.parametrize(
    ("promql", "op", "verdict"),
    [
        ('sum(rate(x{p="q"}[5m])) / sum(rate(y{p="q"}[5m])) > bool 1', "==", "passes"),
        ('sum(rate(x{p="q"}[5m])) / sum(rate(y{p="q"}[5m])) <= bool 1', "!=", "is Failed"),
    ],
)
def test_21_lint_warns_of_a_comparison_that_makes_a_number_of_nan(promql, op, verdict):
    (finding,) = [one for one in lint_all([("run.yaml", spec(promql, op=op))]).diagnostics if one.code == "VR582"]
    assert f"the rule {verdict} without a number" in finding.message


def test_22_infinity_is_an_error_even_where_it_compares_well():
    for text, op in (("+Inf", ">="), ("-Inf", "<"), ("+Inf", "!=")):
        rule = Rule("a", interval=10, op=op)
        found = played(one_rule(("values", (text,)), sweep=(("scalar", text),), rule=rule))
        assert found.rules[0] == RuleOutcome("a", "Error", "NotFinite")


def test_22_not_a_number_is_an_error_even_where_it_compares_well():
    found = played(one_rule(("values", ("NaN",)), sweep=(("values", ("NaN",)),), rule=Rule("a", interval=10, op="!=")))

    assert found.rules[0].reason == "NaN"


@pytest.mark.parametrize("kind", ["string", "matrix", "histogram"])
def test_23_what_is_no_number_is_a_bad_query(kind):
    histogram = {"metric": {}, "histogram": [1010, {"count": "1", "sum": "1", "buckets": []}]}
    body = {
        "string": '{"status":"success","data":{"resultType":"string","result":[1010,"1"]}}',
        "matrix": '{"status":"success","data":{"resultType":"matrix","result":[]}}',
        "histogram": f'{{"status":"success","data":{{"resultType":"vector","result":[{histogram}]}}}}'.replace(
            "'", '"'
        ),
    }[kind].encode()
    reply = vector(1010, ())
    answer = Exchange("a", 1010, False, 1015, 1016, "q", reply=type(reply)(200, body, None))
    decision = decide(question_of(Rule("a")), 1000, answer)

    assert (decision.verdict, decision.reason) == ("Error", "BadQuery")


def test_24_numbers_compare_as_float64_and_lint_warns_of_equal_fractions():
    rule = Rule("a", interval=10, op="==", threshold="0.3")
    sum_of_fractions, itself = ("values", (repr(0.1 + 0.2),)), ("values", ("0.3",))
    rounded = ("values", ("0.29999999999999998889",))

    assert played(one_rule(sum_of_fractions, sweep=(itself,), rule=rule)).rules[0].verdict == "Failed"
    assert played(one_rule(itself, sweep=(rounded,), rule=rule)).rules[0].verdict == "Passed"
    assert "VR556" in codes(spec("up", threshold="0.3"))


@pytest.mark.parametrize("skew", [90.0, -90.0])
def test_25_a_prometheus_that_lives_in_another_time_proves_nothing(skew):
    passed, failed = RuleState("a", verdict="Passed", answered=True), RuleState("b", verdict="Failed", failed_t=1.0)
    good, bad = (check_clock(lambda _, t=None: t or 1000.0 + off, lambda: 1000.0) for off in (4.0, skew))

    for checks in ((bad, bad), (good, bad), (bad, good)):
        found = doubted([passed, failed], checks)
        assert [(one.verdict, one.reason) for one in found] == [("Error", "ClockSkew"), ("Failed", "")]
    assert doubted([passed, failed], (good, good)) == [passed, failed]


def test_26_a_window_of_no_length_is_asked_for_one_second():
    user = spec_rule(Rule("a"))
    user = user.model_copy(update={"query": user.query.model_copy(update={"promql": "rate(x[${window}])"})})

    assert Question.of(user, {}).at(1000, 1000) == "rate(x[1s])"
    assert "[1s]" in Question.of(spec_rule(Rule("a", type="alert")), {}).at(1000, 1000)
    assert played(one_rule(GOOD, end=1000)).rules[0].reason == "WindowTooShort"


def test_28_a_prometheus_that_was_away_for_ten_minutes_leaves_an_error_for_good():
    found = played(one_rule(*(AWAY,) * 60, GOOD, end=2200))

    assert found.rules[0] == RuleOutcome("a", "Error", "PrometheusUnavailable")
    assert found.run.exit_code == 2


@pytest.mark.parametrize("page", [Page(rules="away"), Page(rules="absent"), Page(rules="err"), Page(ago=-12)])
def test_29_silence_of_an_alert_that_is_not_loaded_is_an_error(page):
    """No page, another alert, a bad health, and an evaluation of the future."""
    rule = Rule("a", type="alert", interval=10)
    unproven, proven = (decision_of(rule, 1000, 1010, ("silent", seen)) for seen in (page, Page()))

    assert (unproven.verdict, unproven.reason) == ("Error", "Timeout" if page.rules == "away" else "AlertNotLoaded")
    assert proven.verdict == "Passed"


def test_29_an_alert_that_is_never_loaded_is_an_error_at_the_end_of_the_run():
    silence = ("quiet", False)
    for rule in (Rule("a", type="alert", interval=60), Rule("a", type="alert", interval=60, final_sweep=False)):
        found = played(one_rule(silence, sweep=(silence,), rule=rule))
        assert (found.run.reason, found.rules[0].reason) == ("RuleError", "AlertNotLoaded")


def test_30_silence_of_an_alert_in_history_is_no_proof():
    rule = Rule("a", type="alert")
    never = Exchange("a", 1000, False, 1000, 90000, "q", reply=vector(1000, ()))
    fired = Exchange("a", 1000, False, 1000, 90000, "q", reply=vector(1000, ("1",)))

    assert decide(question_of(rule), 1000, never).reason == "AlertNotLoaded"
    assert decide(question_of(rule), 1000, fired).reason == "AlertFired"


def test_31_an_evaluator_that_is_killed_and_started_again_gives_the_same_verdict():
    stopper = Rule("s", interval=10, retry=1, stop_on_failure=True)
    answers = (EMPTY, AWAY, GOOD, AWAY, GOOD, GOOD, BREACH, GOOD)
    timeline = several((Rule("b", interval=15, retry=1), (AWAY, AWAY, GOOD), (GOOD,)), (stopper, answers, (GOOD,)))

    assert len({play(timeline, random.Random(chance)) for chance in range(50)}) == 1
    assert played(timeline).stop_time == 1070


def test_32_an_evaluator_that_does_not_come_back_is_lost_and_a_recorded_failure_still_wins():
    rule, stopper = Rule("a", interval=10), Rule("a", interval=10, stop_on_failure=True)

    assert played(one_rule(GOOD, lost_after=1095)).run.reason == "EvaluatorLost"
    assert played(one_rule(GOOD, BREACH, lost_after=1015)).run.reason == "EvaluatorLost"
    assert played(one_rule(GOOD, BREACH, GOOD, rule=rule, lost_after=1045)).run.reason == "RuleFailed:a"
    assert played(one_rule(GOOD, BREACH, GOOD, rule=stopper, lost_after=1045)).run.reason == "RuleStopOnFailure:a"


def test_32_without_rules_and_without_anything_left_the_sign_off_is_still_needed():
    nothing = Facts(False, "", False, False, None, "", None, False, None)
    empty = Facts(False, "", False, False, None, "", (), False, None)
    signed = Facts(False, "", False, False, None, "", (), True, None)

    assert [judge_facts(one).reason for one in (nothing, empty, signed)] == [
        "EvaluatorLost", "EvaluatorLost", "RunSucceeded",
    ]  # fmt: skip


def test_33_a_shard_whose_pod_vanished_makes_the_workload_2():
    found = played(one_rule(GOOD, codes=(0, 0, None), job_complete=False)).run

    assert (found.reason, found.failed_plan, found.exit_code) == ("WorkloadInfraFailure", "loadGeneration", 2)
    # The third shard left no trace at all, and the Job is believed to be Complete.
    assert aggregate([Shard(0, 0), Shard(1, 0)], 3, job_complete=True) == 2
    assert aggregate([Shard(0, 0), Shard(1, 1), Shard(2, None)], 3, job_complete=False) == 2


def test_34_one_error_in_the_middle_is_final_when_none_is_tolerated():
    found = played(one_rule(GOOD, GOOD, AWAY, GOOD, rule=Rule("a", interval=10, retry=0)))

    assert found.rules[0] == RuleOutcome("a", "Error", "PrometheusUnavailable")
    assert found.run.reason == "RuleError"


def test_the_alert_of_the_adapter_is_the_one_that_its_proofs_name():
    """So that no row passes because two names differ."""
    rule = Rule("a", type="alert")
    assert spec_rule(rule).alert.rule_ref.alertname == ALERT
    proof = exchange(rule, 1000, 1010, ("quiet", True), final=False).others["proof"]
    assert f'"{ALERT}"'.encode() in proof.body


def test_35_a_load_of_ten_minutes_that_ends_0_at_once_is_an_error_whatever_the_rules_say():
    for sweep in (GOOD, BREACH):
        found = played(one_rule(GOOD, sweep=(sweep,), lasted=(0,), min_seconds=540)).run
        assert (found.verdict, found.reason, found.failed_plan) == ("Error", "LoadEndedEarly", "loadGeneration")


def test_36_an_assertion_that_failed_goes_before_an_early_end():
    found = played(one_rule(GOOD, codes=(0, 1), lasted=(1, 600), min_seconds=540)).run
    assert (found.verdict, found.reason) == ("Failed", "WorkloadFailed")


def test_37_a_breach_before_the_load_gave_up_is_the_failure():
    rule = Rule("height", interval=30)
    breach = (GOOD,) * 5 + (BREACH,)
    gave_up = {"end": 1239, "lasted": (240,), "min_seconds": 540, "rule": rule}
    assert played(one_rule(*breach, **gave_up)).run.reason == "RuleFailed:height"
    # The load ended before the tick at 1180: the breach may come of that.
    assert played(one_rule(*breach, **{**gave_up, "lasted": (179,)})).run.reason == "LoadEndedEarly"


def test_38_a_suite_that_ends_when_it_is_done_passes_with_a_minimum_of_nothing():
    assert played(one_rule(GOOD, end=2200, lasted=(1200,), min_seconds=0)).run.reason == "RunSucceeded"


SIGTERM_AT_600 = {"end": 1601, "signal_after": 600, "rule": Rule("a", interval=10)}


def test_a_load_that_ends_0_on_sigterm_passes_and_one_that_ends_0_before_it_is_an_error():
    assert played(one_rule(GOOD, lasted=(601,), **SIGTERM_AT_600)).run.reason == "RunSucceeded"
    found = played(one_rule(GOOD, lasted=(590,), **SIGTERM_AT_600)).run
    assert (found.verdict, found.reason, found.failed_plan) == ("Error", "LoadEndedEarly", "loadGeneration")


def test_a_shard_that_began_before_the_window_must_run_until_sigterm_too():
    """It lasted 605 s, longer than the duration, and ended 15 s before SIGTERM."""
    found = played(one_rule(GOOD, codes=(0, 0), lasted=(601, 605), began_before=(0, 20), **SIGTERM_AT_600)).run
    assert found.reason == "LoadEndedEarly"
    assert played(one_rule(GOOD, lasted=(620,), began_before=(20,), **SIGTERM_AT_600)).run.reason == "RunSucceeded"


def test_a_load_that_ignores_sigterm_is_no_assertion_even_if_137_is_one():
    killed = {"codes": (0, 137), "lasted": (601, 660), "failed_codes": (137,), **SIGTERM_AT_600}
    assert played(one_rule(GOOD, ignored=(False, True), **killed)).run.reason == "WorkloadInfraFailure"
    assert played(one_rule(GOOD, **killed)).run.reason == "WorkloadFailed"
    # A program without a handler is ended by the signal itself.
    assert played(one_rule(GOOD, codes=(143,), lasted=(600,), **SIGTERM_AT_600)).run.reason == "WorkloadInfraFailure"


def test_a_second_is_tolerated_because_kubernetes_has_whole_seconds():
    assert played(one_rule(GOOD, lasted=(539,), min_seconds=540)).run.reason == "RunSucceeded"
    assert played(one_rule(GOOD, lasted=(538,), min_seconds=540)).run.reason == "LoadEndedEarly"

"""
The worked timelines of the contract, row by row, through the engine.

Each is played several times, in other orders of arrival and with other restarts: all must give one outcome, which is
also the brute-force model's.
"""

import random

import pytest

from helpers import lint_all
from model.adapter import ALERT, decision_of, exchange, play, proof, spec_rule, vector
from model.agree import differences
from model.brute_force import Outcome, Rule, RuleOutcome, Timeline, judge, signed_off
from validationrun.evaluation.clock import check_clock, doubted
from validationrun.oracle.engine import Fold, RuleState, ticks
from validationrun.oracle.exchange import Exchange
from validationrun.oracle.question import Question
from validationrun.oracle.rule_types import decide
from validationrun.oracle.verdict import Facts
from validationrun.oracle.verdict import judge as judge_facts
from validationrun.oracle.workload import Shard, aggregate

PLAYS = 12

GOOD = ("values", ("1",))
BREACH = ("values", ("0",))
EMPTY = ("values", ())
AWAY = ("error", "PrometheusUnavailable")
BROKEN = ("error", "BadQuery")


def played(timeline: Timeline) -> Outcome:
    """The one outcome of all plays."""
    found = [play(timeline, random.Random(chance)) for chance in range(PLAYS)]
    model = judge(timeline)
    for one in found:
        assert differences(model, one, whole=signed_off(timeline)) == []
    return found[0]


def one_rule(*answers, sweep=(GOOD,), end=1100, rule=None, **facts) -> Timeline:
    """A run of 100 s with one rule, asked every 10 s; the last answer is repeated."""
    rule = rule or Rule("a", interval=10)
    return Timeline((rule,), (answers,), (sweep,), start=1000, end=end, asked_until=end + 10, **facts)


def several(*rules: tuple[Rule, tuple, tuple], end=1100, **facts) -> Timeline:
    columns = zip(*rules, strict=True)
    return Timeline(*columns, start=1000, end=end, asked_until=end + 10, **facts)


def test_01_a_load_that_ends_before_the_first_tick_needs_one_good_final_sweep():
    good = played(one_rule(BREACH, end=1004))
    bad = played(one_rule(GOOD, sweep=(AWAY,), end=1004))

    assert good.run.reason == "RunSucceeded"
    assert (bad.run.reason, bad.rules[0].reason) == ("RuleError", "PrometheusUnavailable")


def test_01_without_ticks_and_without_a_sweep_nothing_is_proved():
    never = played(one_rule(GOOD, end=1004, rule=Rule("a", interval=10, final_sweep=False)))

    assert (never.run.reason, never.rules[0].reason) == ("RuleError", "NoSamples")


def test_02_an_end_exactly_on_a_tick_is_evaluated_once_as_the_final_sweep():
    # Ticks at 1010 and 1020; the second lies at the end and is none.
    passes = played(one_rule(GOOD, BREACH, sweep=(GOOD,), end=1020))
    fails = played(one_rule(GOOD, GOOD, sweep=(BREACH,), end=1020))
    unswept = played(one_rule(GOOD, BREACH, end=1020, rule=Rule("a", interval=10, final_sweep=False)))

    assert passes.run.reason == unswept.run.reason == "RunSucceeded"
    assert fails.rules[0] == RuleOutcome("a", "Failed", "ThresholdViolated", 1020)


def test_03_a_tick_behind_the_end_that_was_learned_late_is_evidence_only():
    # Asked at 1200 while the Job had ended at 1198: the window ended at 1197.
    stopper = Rule("a", interval=10, stop_on_failure=True)
    late = Timeline((stopper,), ((GOOD,) * 19 + (BREACH,),), ((GOOD,),), start=1000, end=1197, asked_until=1203)

    assert played(late).run.reason == "RunSucceeded"
    assert played(late).stop_time is None


def test_04_an_unavailable_final_sweep_is_asked_again_and_then_an_error():
    recovers = played(one_rule(GOOD, sweep=(AWAY, AWAY, AWAY, GOOD)))
    too_late = played(one_rule(GOOD, sweep=(AWAY, AWAY, AWAY, AWAY, GOOD)))

    assert recovers.run.reason == "RunSucceeded"
    assert too_late.rules[0] == RuleOutcome("a", "Error", "PrometheusUnavailable")


def test_04_two_thousand_good_answers_do_not_make_up_for_the_final_sweep():
    judged = Fold.begin([spec_rule(Rule("a", interval=10, retry=3))])
    for number in range(1, 2001):
        judged.add(decision_of(Rule("a"), number * 10, GOOD))
    judged.add(decision_of(Rule("a"), 20007, AWAY, final=True))
    judged.advance(20007)

    assert judged.closed()[0].verdict == "Error"


def test_05_three_errors_and_then_a_good_answer_recover_when_three_are_tolerated():
    assert played(one_rule(GOOD, AWAY, AWAY, AWAY, GOOD)).run.reason == "RunSucceeded"
    assert played(one_rule(AWAY, AWAY, AWAY, GOOD, AWAY, AWAY, AWAY, GOOD)).run.reason == "RunSucceeded"
    assert played(one_rule(GOOD, AWAY, AWAY, AWAY, AWAY, GOOD)).run.reason == "RuleError"


def test_05_errors_that_nothing_cleared_are_no_pass():
    unswept = Rule("a", interval=10, final_sweep=False)

    assert played(one_rule(GOOD, GOOD, AWAY, rule=unswept, end=1039)).rules[0].verdict == "Error"


def test_06_a_breach_after_a_final_error_is_a_failure():
    found = played(one_rule(GOOD, AWAY, AWAY, AWAY, AWAY, GOOD, BREACH, GOOD))

    assert found.rules[0] == RuleOutcome("a", "Failed", "ThresholdViolated", 1070)
    assert found.run.reason == "RuleFailed:a"


def test_07_a_final_error_in_minute_5_of_24_h_shows_at_once_and_the_run_goes_on():
    rule = Rule("a", interval=60, retry=3)
    judged = Fold.begin([spec_rule(rule)])
    coming = ticks(spec_rule(rule), 0, 0)
    for number in range(24 * 60 - 1):
        t = next(coming)
        answer = AWAY if 2 <= number <= 5 else BREACH if number == 1430 else GOOD
        judged.add(decision_of(rule, t, answer))
        judged.advance(t)
        if number == 6:
            state = judged.states["a"]
            assert (state.verdict, state.reason) == ("Error", "PrometheusUnavailable")

    assert judged.closed()[0].failed_t == 1431 * 60


def test_08_no_samples_while_the_load_warms_up_do_not_count():
    warming = played(one_rule(EMPTY, EMPTY, EMPTY, EMPTY, GOOD, rule=Rule("a", interval=10, retry=0)))
    vanished = played(one_rule(EMPTY, GOOD, EMPTY, GOOD, rule=Rule("a", interval=10, retry=0)))
    never = played(one_rule(EMPTY, sweep=(EMPTY,)))

    assert warming.run.reason == "RunSucceeded"
    assert (vanished.rules[0].reason, never.rules[0].reason) == ("NoSamples", "NoSamples")


def test_10_an_alert_that_fired_before_the_start_and_still_fires_is_a_failure_and_says_so():
    rule = Rule("a", type="alert")
    opening = {"opening": vector(1000, ("1",))}
    still = decide(spec_rule(rule), Exchange("a", 1010, False, 1015, 1016, "q", reply=vector(1010, ("1",)), **opening))
    new = decide(spec_rule(rule), Exchange("a", 1010, False, 1015, 1016, "q", reply=vector(1010, ("1",))))

    assert (still.verdict, still.reason, new.verdict) == ("Failed", "AlertFired", "Failed")
    assert "already firing at start" in still.message
    assert "already firing at start" not in new.message


@pytest.mark.parametrize(("start_after", "t", "asked"), [(0, 1060, "[60s]"), (20, 1060, "[40s]"), (20, 1020, "[1s]")])
def test_11_what_an_alert_did_before_the_window_opened_is_not_asked_for(start_after, t, asked):
    rule = spec_rule(Rule("a", type="alert", interval=10, start_after=start_after))

    assert asked in Question.of(rule, {}).at(1000, t)


def spec(promql: str, threshold: str = "0", op: str = "==", more: str = "", interval: str = "30s") -> bytes:
    return f"""
apiVersion: validation.sei.io/v1alpha1
kind: ValidationRun
metadata: {{name: watch, namespace: eng-ada}}
spec:
  chain: {{chainId: pacific-1, endpoints: {{rpc: ["http://rpc.example.com:26657"]}}}}
  rules:
    - name: a
      type: query
      query: {{promql: '{promql}', op: "{op}", threshold: "{threshold}"{more}}}
      runProperties: {{interval: {interval}}}
""".encode()


def codes(text: bytes) -> set[str]:
    return {one.code for one in lint_all([("run.yaml", text)]).diagnostics}


def test_12_a_timeout_longer_than_the_interval_is_refused_by_lint():
    assert "VR506" in codes(spec("up", more=", timeout: 30s", interval="5s"))
    assert "VR506" not in codes(spec("up", more=", timeout: 5s", interval="5s"))


def test_13_an_evaluator_that_was_away_asks_the_ticks_that_it_missed():
    rule = Rule("a", interval=10)
    before = Fold.begin([spec_rule(rule)])
    for t in (1010, 1020, 1030):
        before.add(decision_of(rule, t, GOOD))
    # The answer of 1030 was there, and not folded: it was not in the record.
    before.advance(1020)
    after = Fold.begin([spec_rule(rule)], [RuleState(**before.states["a"].as_json())])
    coming = ticks(spec_rule(rule), 1000, after.states["a"].last_t)
    missed = [next(coming) for _ in range(7)]
    for t in missed:
        after.add(decision_of(rule, t, BREACH if t == 1050 else GOOD))
    after.advance(1090)

    assert missed == [1030, 1040, 1050, 1060, 1070, 1080, 1090]
    assert after.closed()[0].failed_t == 1050


def test_13_errors_before_and_behind_the_gap_are_consecutive():
    rule = Rule("a", interval=10, retry=3)
    states: list[RuleState] = []
    for t in (1010, 1020, 1030, 1040):
        judged = Fold.begin([spec_rule(rule)], states)
        judged.add(decision_of(rule, t, AWAY))
        judged.advance(t)
        states = [RuleState(**one.as_json()) for one in judged.states.values()]
    judged = Fold.begin([spec_rule(rule)], states)
    judged.add(decision_of(rule, 1050, GOOD))
    judged.advance(1050)

    assert judged.closed()[0].verdict == "Error"


def test_14_without_an_end_nothing_is_proved():
    unknown = Timeline((Rule("a", interval=10),), ((GOOD,),), ((GOOD,),), start=1000, end=None, asked_until=1100)
    breach = Timeline((Rule("a", interval=10),), ((GOOD, BREACH),), ((GOOD,),), start=1000, end=None, asked_until=1100)

    assert played(unknown).run.reason == "EvaluatorLost"
    assert played(breach).run.reason == "RuleFailed:a"


def test_14_a_rule_that_never_had_its_final_sweep_has_not_passed():
    judged = Fold.begin([spec_rule(Rule("a", interval=10))])
    judged.add(decision_of(Rule("a"), 1010, GOOD))
    judged.advance(1010)

    assert judged.closed()[0].verdict == "Error"


def test_15_a_stop_by_the_user_before_there_is_a_verdict_is_cancelled():
    found = played(one_rule(GOOD, cancelled=True)).run
    assert (found.phase, found.verdict, found.reason, found.exit_code) == ("Cancelled", "Error", "Cancelled", 2)
    # Even when everything else has failed by then.
    assert played(one_rule(BREACH, cancelled=True, codes=(1,), deadline_passed=True)).run == found


def test_16_of_two_stop_rules_at_one_time_the_first_in_the_spec_stops():
    z, a = (Rule(name, interval=10, stop_on_failure=True) for name in "za")
    found = played(several((z, (GOOD, BREACH), (GOOD,)), (a, (GOOD, BREACH), (GOOD,))))

    assert (found.stop_rule, found.stop_time) == ("z", 1020)
    assert found.run.reason == "RuleStopOnFailure:z"
    assert [rule.verdict for rule in found.rules] == ["Failed", "Failed"]


def test_17_the_earlier_breach_stops_even_when_the_later_one_is_answered_first():
    # a asks at 1100 (every 50 s), b at 1102 (every 51 s).
    b = Rule("b", interval=51, stop_on_failure=True)
    a = Rule("a", interval=50, stop_on_failure=True)
    found = played(several((b, (GOOD, BREACH), (GOOD,)), (a, (GOOD, BREACH), (GOOD,)), end=1150))

    assert (found.stop_rule, found.stop_time, found.run.reason) == ("a", 1100, "RuleStopOnFailure:a")
    assert [rule.verdict for rule in found.rules] == ["Passed", "Failed"]


def test_17_by_hand_in_the_order_of_arrival():
    rules = [Rule("a", interval=100, stop_on_failure=True), Rule("b", interval=102, stop_on_failure=True)]
    judged = Fold.begin([spec_rule(rule) for rule in rules])
    judged.add(decision_of(rules[1], 102, BREACH))
    judged.advance(99)
    assert judged.stop_time is None
    judged.add(decision_of(rules[0], 100, BREACH))
    judged.advance(102)

    assert (judged.stop_rule, judged.stop_time) == ("a", 100)


def test_18_a_stop_rule_that_fails_only_in_the_final_sweep_is_still_row_3():
    stopper = Rule("a", interval=10, stop_on_failure=True)
    found = played(several((Rule("b", interval=10), (GOOD,), (GOOD,)), (stopper, (GOOD,), (BREACH,))))

    assert (found.run.reason, found.stop_time) == ("RuleStopOnFailure:a", 1100)
    assert found.rules[0].verdict == "Passed"


def test_18_the_other_rules_final_sweeps_count_beside_it():
    stopper = Rule("a", interval=10, stop_on_failure=True)
    found = played(several((stopper, (GOOD,), (BREACH,)), (Rule("b", interval=10), (GOOD,), (AWAY,))))

    assert [rule.verdict for rule in found.rules] == ["Failed", "Error"]


def test_19_what_a_rule_sees_after_a_stop_does_not_count():
    stopper, throughput = Rule("s", interval=10, stop_on_failure=True), Rule("t", interval=10)
    found = played(
        several((stopper, (GOOD, GOOD, BREACH), (GOOD,)), (throughput, (GOOD, GOOD, GOOD, BREACH), (BREACH,)))
    )

    assert found.stop_time == 1030
    assert found.rules[1] == RuleOutcome("t", "Passed", None)


def test_19_at_the_very_time_of_the_stop_it_counts():
    stopper, throughput = Rule("s", interval=10, stop_on_failure=True), Rule("t", interval=10)
    found = played(several((stopper, (BREACH,), (GOOD,)), (throughput, (BREACH,), (GOOD,))))

    assert found.rules[1].failed_t == 1010


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
        ('sum(rate(x{p="q"}[5m])) > bool 1', "=="),
        ('sum(x{p="q"}) or vector(0)', "=="),
        ('absent(x{p="q"})', "!="),
        ('count(x{p="q"} > 3)', "=="),
    ],
)
def test_21_lint_warns_of_a_value_that_stands_for_no_data(promql, op):
    assert "VR555" in codes(spec(promql, op=op))


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
    decision = decide(spec_rule(Rule("a")), answer)

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
    good, bad = (check_clock(lambda _: 1000.0 + off, lambda: 1000.0) for off in (4.0, skew))

    for checks in ((bad, bad), (good, bad), (bad, good)):
        found = doubted([passed, failed], checks)
        assert [(one.verdict, one.reason) for one in found] == [("Error", "ClockSkew"), ("Failed", "")]
    assert doubted([passed, failed], (good, good)) == [passed, failed]


def test_26_a_window_of_no_length_is_asked_for_one_second():
    user = spec_rule(Rule("a"))
    user = user.model_copy(update={"query": user.query.model_copy(update={"promql": "rate(x[${window}])"})})

    assert Question.of(user, {}).at(1000, 1000) == "rate(x[1s])"
    assert "[1s]" in Question.of(spec_rule(Rule("a", type="alert")), {}).at(1000, 1000)
    assert played(one_rule(BREACH, sweep=(GOOD,), end=1000)).run.reason == "RunSucceeded"


def test_28_a_prometheus_that_was_away_for_ten_minutes_leaves_an_error_for_good():
    found = played(one_rule(*(AWAY,) * 60, GOOD, end=2200))

    assert found.rules[0] == RuleOutcome("a", "Error", "PrometheusUnavailable")
    assert found.run.exit_code == 2


@pytest.mark.parametrize("missing", range(5))
def test_29_silence_of_an_alert_that_is_not_loaded_is_an_error(missing):
    """No page, another alert, two bad healths, and an evaluation just too long ago."""
    rule = Rule("a", type="alert", interval=10)
    # The adapter gives another kind of missing proof at each second.
    t = 1000 + missing
    silence = vector(t, ())
    unproven = Exchange("a", t, False, t, t + 400, "q", reply=silence, proof=proof(t, good=False))
    proven = Exchange("a", t, False, t, t + 400, "q", reply=silence, proof=proof(t, good=True))

    assert decide(spec_rule(rule), unproven).reason == "AlertNotLoaded"
    assert decide(spec_rule(rule), proven).verdict == "Passed"


def test_29_an_alert_that_is_never_loaded_is_an_error_at_the_end_of_the_run():
    silence = ("quiet", False)
    for rule in (Rule("a", type="alert", interval=60), Rule("a", type="alert", interval=60, final_sweep=False)):
        found = played(one_rule(silence, sweep=(silence,), rule=rule))
        assert (found.run.reason, found.rules[0].reason) == ("RuleError", "AlertNotLoaded")


def test_30_silence_of_an_alert_in_history_is_no_proof():
    rule = Rule("a", type="alert")
    never = Exchange("a", 1000, False, 1000, 90000, "q", reply=vector(1000, ()))
    fired = Exchange("a", 1000, False, 1000, 90000, "q", reply=vector(1000, ("1",)))

    assert decide(spec_rule(rule), never).reason == "AlertNotLoaded"
    assert decide(spec_rule(rule), fired).reason == "AlertFired"


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
    assert spec_rule(Rule("a", type="alert")).alert.rule_ref.alertname == ALERT
    assert exchange(Rule("a", type="alert"), 1000, ("quiet", True), final=False).proof == proof(1000, good=True)

"""
Worked timelines, row by row, through the engine: 1 to 19, the window and the fold.

Each is played several times, in other orders of arrival and with other restarts: all must give one outcome, which is
also the brute-force model's.
"""

import pytest

from model.adapter import decision_of, question_of, spec_rule
from model.brute_force import Rule, RuleOutcome, Timeline
from model.rows import AWAY, BREACH, EMPTY, GOOD, codes, one_rule, played, several, spec
from model.wire import vector
from validationrun.oracle.decide import decide
from validationrun.oracle.exchange import Exchange
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.question import Question
from validationrun.oracle.ticks import ticks


def test_01_a_load_that_ends_before_the_first_tick_has_a_window_that_proves_nothing():
    for sweep in (GOOD, BREACH, AWAY):
        found = played(one_rule(GOOD, sweep=(sweep,), end=1004))
        assert (found.run.reason, found.rules[0].reason) == ("RuleError", "WindowTooShort")


def test_01_a_window_that_ends_before_start_after_proves_nothing():
    late = Rule("a", interval=10, start_after=60)

    assert played(one_rule(GOOD, rule=late, end=1059)).rules[0] == RuleOutcome("a", "Error", "WindowTooShort")
    assert played(one_rule(GOOD, rule=late, end=1060)).run.reason == "RunSucceeded"


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
        judged.add(decision_of(Rule("a"), 0, number * 10, GOOD))
    judged.add(decision_of(Rule("a"), 0, 20007, AWAY, final=True))
    judged.advance(20007)

    assert judged.closed()[0].verdict == "Error"


def test_05_three_errors_and_then_a_good_answer_recover_when_three_are_tolerated():
    assert played(one_rule(GOOD, AWAY, AWAY, AWAY, GOOD, end=1300)).run.reason == "RunSucceeded"
    many = Rule("a", interval=10, min_coverage="0.2")
    assert played(one_rule(AWAY, AWAY, AWAY, GOOD, AWAY, AWAY, AWAY, GOOD, rule=many)).run.reason == "RunSucceeded"
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
        judged.add(decision_of(rule, 0, t, answer))
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
    opening = {"others": {"opening": vector(1000, ("1",))}}
    still = decide(
        question_of(rule), 1000, Exchange("a", 1010, False, 1015, 1016, "q", reply=vector(1010, ("1",)), **opening)
    )
    new = decide(question_of(rule), 1000, Exchange("a", 1010, False, 1015, 1016, "q", reply=vector(1010, ("1",))))

    assert (still.verdict, still.reason, new.verdict) == ("Failed", "AlertFired", "Failed")
    assert "already firing at start" in still.message
    assert "already firing at start" not in new.message


@pytest.mark.parametrize(("start_after", "t", "asked"), [(0, 1060, "[60s]"), (20, 1060, "[40s]"), (20, 1020, "[1s]")])
def test_11_what_an_alert_did_before_the_window_opened_is_not_asked_for(start_after, t, asked):
    rule = spec_rule(Rule("a", type="alert", interval=10, start_after=start_after))

    assert asked in Question.of(rule, {}).at(1000, t)


def test_12_a_timeout_longer_than_the_interval_is_refused_by_lint():
    assert "VR506" in codes(spec("up", more=", timeout: 30s", interval="5s"))
    assert "VR506" not in codes(spec("up", more=", timeout: 5s", interval="5s"))


def test_13_an_evaluator_that_was_away_asks_the_ticks_that_it_missed():
    rule = Rule("a", interval=10)
    before = Fold.begin([spec_rule(rule)])
    for t in (1010, 1020, 1030):
        before.add(decision_of(rule, 1000, t, GOOD))
    # The answer of 1030 was there, and not folded: it was not in the record.
    before.advance(1020)
    after = Fold.begin([spec_rule(rule)], [RuleState.from_json(before.states["a"].to_json())])
    coming = ticks(spec_rule(rule), 1000, after.states["a"].last_t)
    missed = [next(coming) for _ in range(7)]
    for t in missed:
        after.add(decision_of(rule, 1000, t, BREACH if t == 1050 else GOOD))
    after.advance(1090)

    assert missed == [1030, 1040, 1050, 1060, 1070, 1080, 1090]
    assert after.closed()[0].failed_t == 1050


def test_13_errors_before_and_behind_the_gap_are_consecutive():
    rule = Rule("a", interval=10, retry=3)
    states: list[RuleState] = []
    for t in (1010, 1020, 1030, 1040):
        judged = Fold.begin([spec_rule(rule)], states)
        judged.add(decision_of(rule, 1000, t, AWAY))
        judged.advance(t)
        states = [RuleState.from_json(one.to_json()) for one in judged.states.values()]
    judged = Fold.begin([spec_rule(rule)], states)
    judged.add(decision_of(rule, 1000, 1050, GOOD))
    judged.add(decision_of(rule, 1000, 1055, GOOD, final=True))
    judged.advance(1055)

    assert judged.closed()[0].verdict == "Error"


def test_14_without_an_end_nothing_is_proved():
    unknown = Timeline((Rule("a", interval=10),), ((GOOD,),), ((GOOD,),), start=1000, end=None, asked_until=1100)
    breach = Timeline((Rule("a", interval=10),), ((GOOD, BREACH),), ((GOOD,),), start=1000, end=None, asked_until=1100)

    assert played(unknown).run.reason == "EvaluatorLost"
    assert played(breach).run.reason == "RuleFailed:a"


def test_14_a_rule_that_never_had_its_final_sweep_has_not_passed():
    judged = Fold.begin([spec_rule(Rule("a", interval=10))])
    judged.add(decision_of(Rule("a"), 1000, 1010, GOOD))
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
    judged.add(decision_of(rules[1], 0, 102, BREACH))
    judged.advance(99)
    assert judged.stop_time is None
    judged.add(decision_of(rules[0], 0, 100, BREACH))
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


def test_54_an_upload_that_is_not_proven_is_no_pass_and_hides_no_failure():
    assert played(one_rule(GOOD, not_stored=True)).run.reason == "ResultsNotStored"
    assert played(one_rule(GOOD, AWAY, sweep=(AWAY,), not_stored=True)).run.reason == "ResultsNotStored"
    assert played(one_rule(GOOD, BREACH, not_stored=True)).run.reason == "RuleFailed:a"
    assert played(one_rule(GOOD, codes=(1,), not_stored=True)).run.reason == "WorkloadFailed"
    assert played(one_rule(GOOD, lost_after=1095, not_stored=True)).run.reason == "EvaluatorLost"


def test_55_a_verdict_that_stood_before_finalize_is_no_pass_and_hides_no_failure():
    assert played(one_rule(GOOD, forged=True)).run.reason == "RecordForged"
    assert played(one_rule(GOOD, lost_after=1095, forged=True)).run.reason == "RecordForged"
    assert played(one_rule(GOOD, not_stored=True, forged=True)).run.reason == "RecordForged"
    assert played(one_rule(GOOD, BREACH, forged=True)).run.reason == "RuleFailed:a"
    assert played(one_rule(GOOD, codes=(1,), forged=True)).run.reason == "WorkloadFailed"

"""Those worked timelines that need an evaluator which lives through them: the driver, in a time of its own."""

import random

import pytest

from model.brute_force import Rule, RuleOutcome, Timeline
from model.live import KilledError, World, play_live
from model.rows import AWAY, BREACH, GOOD, one_rule

PLAYS = 12


def world(timeline: Timeline, *, settle_s=0.0, slowness=0.0, learned_after=5.0, kills=()) -> World:
    """A calm one: whatever is not asked for does not happen."""
    made = World(timeline, random.Random(1))
    made.settle_s, made.slowness, made.busy, made.learned_after, made.kills = (
        settle_s,
        slowness,
        0.0,
        learned_after,
        list(kills),
    )
    made.start_learned = 1000
    return made


def test_02_the_end_on_a_tick_is_asked_twice_at_most_and_counts_once():
    seen = world(one_rule(GOOD, end=1020))
    judgement, _ = seen.run()
    at_end = [(decision.final, counted) for decision, counted in seen.settled_decisions if decision.t == 1020]

    assert sorted(at_end) == [(False, False), (True, True)]
    assert judgement.states[0].verdict == "Passed"


def test_03_a_tick_behind_the_end_that_was_learned_late_is_evidence_only():
    stopper = Rule("a", interval=10, stop_on_failure=True)
    seen = world(one_rule(*(GOOD,) * 19, BREACH, end=1197, rule=stopper), learned_after=5)
    judgement, _ = seen.run()

    assert [(decision.verdict, counted) for decision, counted in seen.settled_decisions if decision.t == 1200] == [
        ("Failed", False)
    ]
    assert (judgement.stop_time, judgement.states[0].verdict) == (None, "Passed")


@pytest.mark.parametrize(("answers", "attempts", "verdict"), [
    ((AWAY, AWAY, AWAY, GOOD), 4, "Passed"),
    ((AWAY, AWAY, AWAY, AWAY, GOOD), 4, "Error"),
    ((AWAY, BREACH, GOOD), 2, "Failed"),
    ((GOOD,), 1, "Passed"),
])  # fmt: skip
def test_04_the_final_sweep_is_asked_again_at_the_same_time_and_no_longer_than_needed(answers, attempts, verdict):
    seen = world(one_rule(GOOD, sweep=answers, end=1045, rule=Rule("a", interval=10, retry=3)))
    judgement, _ = seen.run()

    assert [one for one in seen.asked if one[2]] == [("a", 1045, True)] * attempts
    assert judgement.states[0].verdict == verdict
    # Five seconds apart.
    assert seen.now() >= 1045 + 5 * (attempts - 1)


def test_04_the_time_between_attempts_is_five_seconds():
    fast, slow = (world(one_rule(GOOD, sweep=sweep, end=1045)) for sweep in ((GOOD,), (AWAY, AWAY, GOOD)))
    fast.run()
    slow.run()

    assert slow.now() - fast.now() == pytest.approx(10, abs=0.5)


def test_09_no_tick_is_asked_before_the_window_is_known_and_none_is_left_out():
    seen = world(one_rule(GOOD, end=1065))
    seen.start_learned = 1033
    seen.run()

    assert [t for _, t, final in seen.asked if not final and t < 1065] == [1010, 1020, 1030, 1040, 1050, 1060]


def test_13_an_evaluator_that_was_away_asks_what_it_missed_and_nothing_twice():
    seen = world(one_rule(GOOD, GOOD, GOOD, GOOD, BREACH, GOOD, end=1095), kills=[1041])
    with pytest.raises(KilledError):
        seen.attempt()
    known = seen.states[0]["last_t"]
    seen.asked.clear()
    seen.clock.main += 60
    judgement, _ = seen.run()
    ticks = [t for _, t, final in seen.asked if not final]

    # The record is written when a verdict changes: here with the first answer.
    assert known == 1010
    assert ticks == [1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090]
    assert judgement.states[0].failed_t == 1050


@pytest.mark.parametrize("final_sweep", [True, False])
def test_14_an_evaluator_that_cannot_know_the_end_proves_nothing(final_sweep):
    seen = world(one_rule(GOOD, end=None, rule=Rule("a", interval=10, final_sweep=final_sweep)))
    judgement, _ = seen.run()

    assert judgement.end is None
    assert judgement.interrupted or judgement.states[0].verdict == "Error"


def test_14_an_evaluator_that_is_back_after_the_end_asks_all_of_it():
    seen = world(one_rule(GOOD, GOOD, GOOD, BREACH, GOOD, end=1095), kills=[1001])
    with pytest.raises(KilledError):
        seen.attempt()
    seen.clock.main = 5000
    judgement, _ = seen.run()

    assert judgement.states[0].failed_t == 1040


def test_17_a_slow_answer_about_an_earlier_time_still_stops_the_run():
    """b's breach at 1102 is answered at once, a's at 1100 four seconds late."""
    rules = (Rule("b", interval=51, stop_on_failure=True), Rule("a", interval=50, stop_on_failure=True))
    timeline = Timeline(rules, ((GOOD, BREACH),) * 2, ((GOOD,),) * 2, start=1000, end=1160, asked_until=1170)
    seen = world(timeline)
    asked = seen.asked
    seen.delay = lambda: 4.0 if asked[-1][0] == "a" else 0.1
    judgement, _ = seen.run()

    assert seen.intent is not None
    assert (seen.intent.rule, seen.intent.t) == ("b", 1102)
    assert (judgement.stop_rule, judgement.stop_time) == ("a", 1100)
    assert [state.verdict for state in judgement.states] == ["Passed", "Failed"]


def test_19_after_a_stop_nothing_later_is_asked_and_there_is_no_final_sweep():
    rules = (Rule("s", interval=10, stop_on_failure=True), Rule("t", interval=10))
    answers = ((GOOD, GOOD, BREACH), (GOOD, GOOD, GOOD, BREACH))
    timeline = Timeline(rules, answers, ((BREACH,),) * 2, start=1000, end=1100, asked_until=1130)
    for chance in range(PLAYS):
        seen = World(timeline, random.Random(chance))
        judgement, _ = seen.run()

        assert not any(final for *_, final in seen.asked)
        assert seen.intent is not None
        assert all(decision.t <= 1030 or not counted for decision, counted in seen.settled_decisions)
        assert [state.verdict for state in judgement.states] == ["Failed", "Passed"]


def test_19_a_load_that_takes_long_to_stop_is_asked_about_no_more():
    seen = world(
        one_rule(GOOD, GOOD, BREACH, GOOD, rule=Rule("a", interval=10, stop_on_failure=True)), learned_after=40
    )
    seen.run()

    assert [t for _, t, _ in seen.asked] == [1010, 1020, 1030]


def test_28_a_prometheus_that_was_away_for_ten_minutes_leaves_an_error_for_good():
    found = play_live(one_rule(*(AWAY,) * 60, GOOD, end=2200), random.Random(3))

    assert found.rules[0] == RuleOutcome("a", "Error", "PrometheusUnavailable")


def test_31_an_evaluator_that_is_killed_and_started_again_gives_the_same_verdict():
    """Killed at each second of the run in turn, for another while each time."""
    rules = (Rule("b", interval=15, retry=1), Rule("s", interval=10, retry=1, stop_on_failure=True))
    answers = ((AWAY, AWAY, GOOD), (("values", ()), AWAY, GOOD, AWAY, GOOD, GOOD, BREACH, GOOD))
    timeline = Timeline(rules, answers, ((GOOD,),) * 2, start=1000, end=1100, asked_until=1110)
    whole, _ = world(timeline, slowness=3.0).run()
    assert whole.stop_time == 1070
    for second in range(1000, 1110):
        seen = world(timeline, slowness=3.0, kills=[second])
        judgement, _ = seen.run()
        assert (judgement.stop_rule, judgement.stop_time) == ("s", 1070), second
        assert judgement.states == whole.states, second

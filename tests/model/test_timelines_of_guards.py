"""
Worked timelines, row by row, through the engine: 39 to 53, what a silent alert, a value and a counter need beside them, and the
cooldown. Each is also the brute-force model's.
"""

from dataclasses import replace

import pytest

from model.brute_force import Rule, RuleOutcome
from model.facts import Beside, Instance, Page, Sampled
from model.rows import AWAY, BREACH, GOOD, one_rule, played, several

ALERT = Rule("a", type="alert", interval=10)
NODES = Rule("a", interval=10, aggregates=True)


def outcome(*answers, **facts):
    found = played(one_rule(*answers, **facts)).rules[0]
    return found.verdict, found.reason


def value(**beside):
    return ("values", ("1",), Beside(**beside))


def silent(**page):
    return ("silent", Page(**page))


def test_39_a_node_that_is_gone_is_missed_at_the_end():
    assert outcome(value(members=(4, 4)), sweep=(value(members=(3, 3)),), rule=NODES) == ("Error", "SeriesMissing")
    assert outcome(value(members=(0, 4)), sweep=(value(members=(0, 3)),), rule=NODES) == ("Error", "SeriesMissing")
    # One exporter less beside the same pods, a node that came later, and a spec that lifts the guard.
    assert outcome(value(members=(4, 5)), sweep=(value(members=(4, 4)),), rule=NODES) == ("Passed", None)
    assert (
        outcome(value(members=(3, 3)), value(members=(4, 4)), sweep=(value(members=(3, 3)),), rule=NODES)[0] == "Passed"
    )
    lifted = replace(NODES, series_min=0)
    assert outcome(value(members=(4, 4)), sweep=(value(members=(3, 3)),), rule=lifted) == ("Passed", None)


@pytest.mark.parametrize("missing", ["Error", "Failed"])
def test_40_a_node_that_never_was_there_is_awaited_until_the_end(missing):
    rule = replace(NODES, series_min=4, on_missing=missing, retry=0)
    three, four = value(count=3), value(count=4)
    assert outcome(three, sweep=(three,), rule=rule) == (missing, "SeriesMissing")
    assert outcome(three, three, four, sweep=(four,), rule=rule) == ("Passed", None)
    assert outcome(four, three, four, sweep=(four,), rule=rule) == (missing, "SeriesMissing")
    assert outcome(("values", ("0",), Beside(count=3)), four, sweep=(four,), rule=rule) == ("Passed", None)


@pytest.mark.parametrize("answer", ["0", "1"])
def test_40_ticks_that_await_series_are_due_and_not_answered(answer):
    """Else a chain that stood still for all the window, with a node that was away, would pass by its last second."""
    few = ("values", (answer,), Beside(count=3))
    rule = replace(NODES, series_min=4, retry=0, interval=60)
    assert outcome(*[few] * 6, value(count=4), sweep=(value(count=4),), rule=rule, end=1600) == ("Error", "LowCoverage")
    relaxed = replace(rule, min_coverage="0.1")
    assert outcome(*[few] * 6, value(count=4), sweep=(value(count=4),), rule=relaxed, end=1600) == ("Passed", None)


@pytest.mark.parametrize(("pending", "means"), [("Error", "Error"), ("Failed", "Failed"), ("Passed", "Passed")])
def test_41_an_alert_that_is_pending_at_the_end_means_what_the_spec_says(pending, means):
    waits = silent(instances=(Instance(firing=False, since=30),))
    for end in (waits, silent(pending=1)):
        rule = replace(ALERT, for_s=60, pending=pending)
        assert outcome(silent(), waits, sweep=(end,), rule=rule)[0] == means
    slow = replace(ALERT, for_s=100, pending=pending)
    assert outcome(silent(), sweep=(silent(),), rule=slow)[0] == ("Passed" if pending == "Failed" else "Error")


def test_42_an_alert_that_becomes_active_after_the_end_is_not_in_the_window():
    assert outcome(silent(), sweep=(silent(instances=(Instance(firing=True, since=-1),)),), rule=ALERT)[0] == "Passed"
    assert outcome(silent(), sweep=(silent(instances=(Instance(firing=True, since=0),)),), rule=ALERT)[0] == "Failed"


def test_43_ticks_before_the_first_evaluation_count_nowhere():
    strict = replace(ALERT, group_s=30, retry=0, min_coverage="1")
    early = (silent(ago=20), silent(ago=30), silent(ago=40), silent(ago=5))
    assert outcome(*early, sweep=(silent(),), rule=strict) == ("Passed", None)
    late = replace(strict, group_s=10)
    assert outcome(*early, sweep=(silent(),), rule=late) == ("Error", "AlertNotLoaded")


def test_44_an_evaluation_before_the_start_or_after_the_end_proves_nothing():
    unable = replace(ALERT, group_s=100)
    assert outcome(silent(ago=104), sweep=(silent(ago=4),), rule=unable) == ("Error", "AlertCannotFire")
    able = replace(ALERT, group_s=60)
    assert outcome(silent(ago=104), sweep=(silent(ago=-6),), rule=able)[1] == "AlertNotLoaded"
    assert (
        outcome(silent(ago=104), sweep=(silent(ago=-5),), rule=replace(able, min_coverage="0", retry=9))[0] == "Passed"
    )
    assert outcome(silent(ago=1), sweep=(silent(ago=-6),), rule=able) == ("Passed", None)


def test_44_a_group_that_stood_still_in_the_window_proves_nothing_about_that_time():
    rule = replace(ALERT, group_s=5)
    stood = [silent(ago=1), *(silent(ago=1 + 10 * ticks) for ticks in range(1, 9))]
    assert outcome(*stood, sweep=(silent(ago=1),), rule=rule) == ("Error", "AlertNotLoaded")
    # Three intervals and ten seconds are allowed, because an evaluation may be missed, and takes its time.
    assert outcome(silent(ago=1), *[silent(ago=25)] * 8, sweep=(silent(ago=1),), rule=rule) == ("Passed", None)
    assert outcome(silent(ago=1), *[silent(ago=26)] * 8, sweep=(silent(ago=1),), rule=rule)[0] == "Error"
    # A gap that `retry` and `minCoverage` allow is allowed here too.
    short = (*[silent(ago=1)] * 4, silent(ago=26), *[silent(ago=1)] * 4)
    assert outcome(*short, sweep=(silent(ago=1),), rule=rule) == ("Passed", None)


@pytest.mark.parametrize(("require", "found"), [(True, ("Error", "AlertBlind")), (False, ("Passed", None))])
def test_45_an_alert_without_a_series_is_blind(require, found):
    rule = replace(ALERT, expression="a", matcher="=", require_series=require)
    assert outcome(silent(), sweep=(silent(a="none"),), rule=rule) == found
    assert outcome(silent(), sweep=(silent(a="other"),), rule=rule)[0] == found[0]
    unreadable = replace(rule, expression="unreadable")
    assert outcome(silent(), sweep=(silent(),), rule=unreadable) == found


def test_46_an_alert_that_does_not_have_the_label_is_not_scoped():
    rule = replace(ALERT, expression="a", matcher="=")
    assert outcome(silent(), sweep=(silent(a="bare"),), rule=rule) == ("Error", "AlertNotScoped")
    assert outcome(silent(), sweep=(silent(a="bare"),), rule=replace(rule, sets="ours")) == ("Passed", None)
    assert outcome(silent(), sweep=(silent(a="bare"),), rule=replace(rule, matcher="!=")) == ("Passed", None)
    elsewhere = silent(instances=(Instance(firing=True, since=1, whose="bare"),))
    assert outcome(silent(), elsewhere, silent(), sweep=(silent(),), rule=rule) == ("Error", "AlertNotScoped")


@pytest.mark.parametrize("matcher", ["=", "!="])
def test_46_a_label_that_the_rule_sets_to_another_value_is_not_scoped(matcher):
    rule = replace(ALERT, expression="a", matcher=matcher, sets="other")
    fires = silent(instances=(Instance(firing=True, since=1, whose="other"),))
    assert outcome(silent(), fires, sweep=(fires,), rule=rule) == ("Error", "AlertNotScoped")
    assert outcome(silent(), sweep=(silent(),), rule=replace(rule, require_series=False))[1] == "AlertNotScoped"
    for sets in ("ours", "template"):
        assert outcome(silent(), sweep=(silent(),), rule=replace(rule, sets=sets)) == ("Passed", None)
    # A second rule that may be this run's is the one that counts, and the first one may be sick.
    sick = silent(rules="err", twin_ago=1)
    for twin in ("", "ours", "template"):
        assert outcome(sick, sweep=(sick,), rule=replace(rule, twin_sets=twin)) == ("Passed", None)
    assert outcome(sick, sweep=(sick,), rule=replace(rule, sets=""))[1] == "AlertNotLoaded"


@pytest.mark.parametrize(
    ("pending", "found"), [("Error", "AlertNotScoped"), ("Failed", "AlertNotScoped"), ("Passed", None)]
)
def test_46_an_alert_that_is_pending_without_the_label_is_not_scoped(pending, found):
    rule = replace(ALERT, expression="a", matcher="=", for_s=60, pending=pending)
    waits = silent(instances=(Instance(firing=False, since=30, whose="bare"),))
    for end in (waits, silent(bare_pending=True)):
        assert outcome(silent(), waits, sweep=(end,), rule=rule)[1] == found
    # In mid-run it means nothing, and what is another run's never does.
    others = silent(instances=(Instance(firing=False, since=30, whose="other"),))
    assert outcome(silent(), waits, sweep=(others,), rule=rule) == ("Passed", None)


def test_47_data_that_stand_still_are_stale():
    rule = Rule("a", interval=10, max_age=60)
    assert outcome(GOOD, sweep=(value(age=61),), rule=rule) == ("Error", "StaleData")
    assert outcome(GOOD, sweep=(value(age=60),), rule=rule) == ("Passed", None)
    assert outcome(GOOD, sweep=(value(age=61),), rule=replace(rule, max_age=0)) == ("Passed", None)
    assert outcome(GOOD, sweep=(("values", ("0",), Beside(age=61)),), rule=rule) == ("Failed", "ThresholdViolated")


def test_48_three_ticks_of_four_without_an_answer_are_too_few():
    assert outcome(GOOD, AWAY, AWAY, AWAY, GOOD, end=1300) == ("Passed", None)
    assert outcome(*(AWAY, AWAY, AWAY, GOOD) * 8, end=1300, rule=Rule("a", interval=10)) == ("Error", "LowCoverage")


def counter(*series, op="==", threshold="0", **more):
    rule = Rule("a", type="counter", interval=10, op=op, threshold=threshold, series=series, **more)
    return played(one_rule(("counter", True), sweep=(("counter", True),), rule=rule)).rules[0]


def test_49_a_counter_that_is_born_late_counts_from_nothing():
    assert counter(Sampled("x", "i0", ((55, 500),))) == RuleOutcome("a", "Failed", "ThresholdViolated", 1060)
    assert counter(Sampled("x", "i0", ((-20, 500), (55, 500)))).verdict == "Passed"


def test_50_a_counter_that_never_was_counts_nothing_where_something_is_alive():
    assert counter().verdict == "Passed"
    dead = ("counter", False)
    rule = Rule("a", type="counter", interval=10, op="==")
    assert outcome(dead, sweep=(dead,), rule=rule) == ("Error", "NoSamples")


def test_51_a_counter_that_another_instance_goes_on_with_adds_nothing():
    before, after = Sampled("x", "i0", ((-20, 3), (30, 3))), Sampled("x", "i1", ((40, 3), (70, 3)))
    assert counter(before, after).verdict == "Passed"
    assert counter(before, Sampled("y", "i1", ((40, 3), (70, 3)))).verdict == "Failed"
    assert counter(before, Sampled("x", "i1", ((40, 3), (70, 5))), threshold="2").verdict == "Failed"
    assert counter(Sampled("x", "i0", ((-20, 3), (30, 1), (40, 2))), op="<=", threshold="2").verdict == "Passed"


GOES_ON = Rule("height", interval=10, until_cooldown=True)


def test_52_what_halts_just_before_the_load_ends_fails_in_the_cooldown():
    halts = (*(GOOD,) * 11, BREACH)
    assert played(one_rule(*halts, rule=GOES_ON, cooldown=60)).run.reason == "RuleFailed:height"
    assert (
        played(one_rule(*halts, rule=replace(GOES_ON, until_cooldown=False), cooldown=60)).run.reason == "RunSucceeded"
    )
    # After a load with a fault of its own there is no cooldown.
    found = played(one_rule(*halts, rule=GOES_ON, cooldown=60, codes=(137,)))
    assert (found.run.reason, found.rules[0].verdict) == ("WorkloadInfraFailure", "Passed")


def test_52_a_load_that_is_over_at_once_is_no_window_whatever_the_cooldown():
    found = played(one_rule(GOOD, rule=GOES_ON, end=1003, cooldown=60, lasted=(4,), min_seconds=0))
    assert (found.run.reason, found.rules[0].reason) == ("RuleError", "WindowTooShort")
    late = replace(GOES_ON, start_after=40)
    assert played(one_rule(GOOD, rule=late, end=1039, cooldown=60, min_seconds=0)).rules[0].reason == "WindowTooShort"
    assert played(one_rule(GOOD, rule=late, end=1040, cooldown=60, min_seconds=0)).run.reason == "RunSucceeded"
    breach = one_rule(GOOD, BREACH, rule=GOES_ON, end=1003, cooldown=60, lasted=(4,), min_seconds=0)
    assert played(breach).run.reason == "RuleFailed:height"


def test_53_a_stop_under_load_leaves_no_cooldown():
    stopper = Rule("s", interval=10, stop_on_failure=True)
    timeline = several(
        (stopper, (GOOD, GOOD, BREACH), (GOOD,)), (GOES_ON, (GOOD, GOOD, GOOD, BREACH), (BREACH,)), cooldown=60
    )
    found = played(timeline)
    assert (found.run.reason, found.stop_time) == ("RuleStopOnFailure:s", 1030)
    assert found.rules[1] == RuleOutcome("height", "Passed", None)


def test_53_a_stop_in_the_cooldown_is_a_stop():
    stopper = replace(GOES_ON, stop_on_failure=True)
    found = played(
        several((Rule("b", interval=10), (GOOD,), (GOOD,)), (stopper, (*(GOOD,) * 11, BREACH), (GOOD,)), cooldown=60)
    )
    assert (found.run.reason, found.stop_time) == ("RuleStopOnFailure:height", 1120)
    assert found.rules[0].verdict == "Passed"

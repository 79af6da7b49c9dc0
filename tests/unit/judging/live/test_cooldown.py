"""The cooldown: rules with their own end, after a load that ended by itself."""

from collections.abc import Callable

import pytest

from replies import success, vector
from simulation import START, Outcome, counts_series, query_rule, simulate
from validationrun.oracle.exchange import Reply

Answer = Callable[[str, float], Reply]


def halts(at: float) -> Answer:
    """Query `x` is good until the halt; `fine` is good always."""
    return lambda promql, t: vector("0" if promql == "x" and t >= at else "1")


def ticks(outcome: Outcome, name: str) -> list[float]:
    return [t for rule, t in outcome.asked if rule == name]


def test_a_chain_that_halts_under_the_blind_tail_fails_in_the_cooldown() -> None:
    """The halt is seen 15 s after the load's end, because the range still has good samples until then."""
    rule = query_rule("height", until="Cooldown")
    outcome = simulate([rule], halts(75), load_seconds=60, cooldown_seconds=30)
    assert outcome.verdict.reason == "RuleFailed:height"
    assert outcome.judgement.end == START + 60
    assert outcome.judgement.cooldown_end == START + 90


def test_without_the_cooldown_it_would_pass() -> None:
    outcome = simulate([query_rule("height")], halts(75), load_seconds=60)
    assert outcome.verdict.reason == "RunSucceeded"


def test_each_rule_has_its_own_end() -> None:
    rules = [query_rule("height", until="Cooldown"), query_rule("throughput", "fine")]
    outcome = simulate(rules, halts(1000), load_seconds=60, cooldown_seconds=30)
    assert outcome.verdict.reason == "RunSucceeded"
    assert ticks(outcome, "height") == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert ticks(outcome, "throughput") == [10, 20, 30, 40, 50, 60]
    finals = [(decision.rule, decision.t - START) for decision, counted in outcome.control.evidence if decision.final]
    assert finals == [("throughput", 60), ("height", 90)]
    assert all(counted for _, counted in outcome.control.evidence)


def test_a_rule_that_ends_with_the_load_does_not_see_the_cooldown() -> None:
    """No transaction is included without load, and that is no breach."""
    rules = [query_rule("throughput"), query_rule("height", "fine", until="Cooldown")]
    outcome = simulate(rules, halts(61), load_seconds=60, cooldown_seconds=30)
    assert outcome.verdict.reason == "RunSucceeded"


def test_where_there_is_no_cooldown_the_rule_ends_with_the_load() -> None:
    """Its load ended with a code of its own fault, for instance."""
    outcome = simulate([query_rule("height", until="Cooldown")], halts(61), load_seconds=60)
    assert outcome.verdict.reason == "RunSucceeded"
    assert ticks(outcome, "height") == [10, 20, 30, 40, 50, 60]


@pytest.mark.parametrize(("halt", "stop"), [(60, 60), (61, 70), (75, 80)])
def test_a_stop_in_the_cooldown_ends_it(halt: float, stop: float) -> None:
    rules = [
        query_rule("height", until="Cooldown", stopOnFailure=True),
        query_rule("other", "fine", until="Cooldown"),
        query_rule("throughput", "fine"),
    ]
    outcome = simulate(rules, halts(halt), load_seconds=60, cooldown_seconds=300)
    assert outcome.verdict.reason == "RuleStopOnFailure:height"
    assert outcome.judgement.stop_time == START + stop
    assert max(ticks(outcome, "other")) <= stop + 10
    counted = [
        decision.t - START
        for decision, counted in outcome.control.evidence
        if counted and decision.rule == "other" and not decision.final
    ]
    assert counted == list(range(10, stop + 1, 10))
    finals = [decision.rule for decision, _ in outcome.control.evidence if decision.final]
    assert finals == ["throughput"]


def test_a_rule_that_fails_at_the_loads_end_takes_the_cooldown_away() -> None:
    """A stopOnFailure rule fails only in its final sweep; what goes on is judged up to that moment."""
    rules = [query_rule("throughput", stopOnFailure=True), query_rule("height", "fine", until="Cooldown")]
    outcome = simulate(rules, halts(60), load_seconds=60, cooldown_seconds=300)
    assert outcome.verdict.reason == "RuleStopOnFailure:throughput"
    assert ticks(outcome, "height") == [10, 20, 30, 40, 50, 60]


def test_two_rules_that_fail_at_the_loads_end_stop_in_the_order_of_the_spec() -> None:
    """One by a tick of the cooldown, the other by its final sweep, at the same time."""
    rules = [
        query_rule("height", until="Cooldown", stopOnFailure=True),
        query_rule("throughput", stopOnFailure=True),
    ]
    outcome = simulate(rules, halts(60), load_seconds=60, cooldown_seconds=300)
    assert outcome.verdict.reason == "RuleStopOnFailure:height"
    outcome = simulate(rules[::-1], halts(60), load_seconds=60, cooldown_seconds=300)
    assert outcome.verdict.reason == "RuleStopOnFailure:throughput"


def test_a_load_that_a_rule_stops_has_no_cooldown() -> None:
    """The other rule is judged up to the stop."""
    rules = [query_rule("rejected", stopOnFailure=True), query_rule("height", "fine", until="Cooldown")]
    outcome = simulate(rules, halts(30), load_seconds=None, cooldown_seconds=300)
    assert outcome.verdict.reason == "RuleStopOnFailure:rejected"
    assert outcome.judgement.cooldown_end is None
    assert max(ticks(outcome, "height")) <= 40
    assert outcome.rules["height"][0] == "Passed"


def test_what_another_rule_failed_after_the_loads_end_does_not_end_the_cooldown() -> None:
    """That rule was asked about a time after the end before the end was known."""
    rules = [
        query_rule("throughput", interval="5s", stopOnFailure=True),
        query_rule("height", "fine", until="Cooldown"),
    ]
    outcome = simulate(rules, halts(58), load_seconds=57, settle_s=0, cooldown_seconds=33)
    assert outcome.verdict.reason == "RunSucceeded"
    assert max(ticks(outcome, "height")) == 90


def test_a_run_without_a_rule_to_judge_waits_for_the_cooldowns_end_too() -> None:
    outcome = simulate([query_rule("throughput", "fine")], halts(1000), load_seconds=60, cooldown_seconds=30)
    assert outcome.control.time >= START + 90
    assert outcome.verdict.reason == "RunSucceeded"


def test_an_interrupt_in_the_cooldown_is_no_pass() -> None:
    rule = query_rule("height", until="Cooldown")
    outcome = simulate([rule], halts(1000), load_seconds=60, cooldown_seconds=60, interrupt_after=80)
    assert outcome.judgement.interrupted
    assert outcome.verdict.verdict == "Error"


def test_a_rule_that_saw_the_cooldown_alone_does_not_pass() -> None:
    """The load is over at once, and its minimum is 0s; the cooldown is long enough for a window."""
    rule = query_rule("height", until="Cooldown")
    outcome = simulate([rule], halts(1000), load_seconds=0.5, cooldown_seconds=60)
    assert outcome.verdict.reason == "RuleError"
    assert outcome.rules["height"][:2] == ("Error", "WindowTooShort")


@pytest.mark.parametrize(("load", "reason"), [(29, "RuleError"), (30, "RunSucceeded")])
def test_a_rule_that_goes_on_needs_as_much_load_as_one_that_does_not(load: float, reason: str) -> None:
    for until in ("LoadEnd", "Cooldown"):
        rule = query_rule("height", until=until, startAfter="30s")
        outcome = simulate([rule], halts(1000), load_seconds=load, cooldown_seconds=60)
        assert outcome.verdict.reason == reason


def test_what_failed_in_the_cooldown_stands_however_short_the_load() -> None:
    rule = query_rule("height", until="Cooldown")
    outcome = simulate([rule], halts(20), load_seconds=0.5, cooldown_seconds=60)
    assert outcome.verdict.reason == "RuleFailed:height"
    stopping = query_rule("height", until="Cooldown", stopOnFailure=True)
    outcome = simulate([stopping], halts(20), load_seconds=0.5, cooldown_seconds=60)
    assert outcome.verdict.reason == "RuleStopOnFailure:height"


def test_a_final_sweep_knows_the_ticks_that_were_asked_before_the_cooldown_was_known() -> None:
    """Load and cooldown are over before anybody learns of the load's end; the first good answer is that of the last tick."""
    rule = query_rule("nodes", 'min(height{chain_id="${chainId}"})', until="Cooldown")

    def answer(promql: str, t: float) -> Reply:
        if counts_series(promql):
            found = [
                {"metric": {"validationrun": part}, "value": [t, "3" if t < 21 else "2"]}
                for part in ("pods0", "series0")
            ]
            return success("vector", found)
        return vector("1") if t > 15 else vector()

    outcome = simulate([rule], answer, load_seconds=18, cooldown_seconds=3, settle_s=0)
    seen = [(decision.t - START, decision.final, counted) for decision, counted in outcome.control.evidence]
    assert seen[:2] == [(10, False, True), (20, False, True)]
    assert seen[-1] == (21, True, True)
    assert outcome.rules["nodes"] == ("Error", "SeriesMissing")

"""When the silence of an alert proves something: the timelines of docs/false-passes.md, in simulated time."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from replies import vector
from simulation import START, Outcome, SimulatedControl, alert_rule, simulate
from validationrun.base.times import format_time
from validationrun.oracle.exchange import Reply
from validationrun.oracle.question import Question
from validationrun.spec.v1alpha1 import Rule


def scoped(*more: tuple[str, str, str], pending: str = "Error", require_series: bool = True, **properties: Any) -> Rule:
    rule = alert_rule("a", **properties).model_dump(by_alias=True, exclude_none=True)
    matchers = [("chain_id", "=", "${chainId}"), *more]
    matchers = [{"name": name, "op": op, "value": value} for name, op, value in matchers]
    rule["alert"] |= {"matchers": matchers, "pending": pending, "requireSeries": require_series}
    return Rule.model_validate(rule)


OWN = {"alertname": "Down", "chain_id": "nightly-0f8fad5b"}


def instance(active_at: float, state: str = "pending", **labels: str) -> dict[str, Any]:
    return {"labels": {**OWN, **labels}, "state": state, "activeAt": format_time(START + active_at), "value": "1"}


class Rules:
    """`/api/v1/rules` in seconds since START: a group that is evaluated every so often, and its alert's instances."""

    def __init__(
        self,
        every: float = 5,
        first: float = -5,
        until: float = 1e6,
        twin: Mapping[str, Any] | None = None,
        **rule: Any,
    ) -> None:
        """What a twin has otherwise is of a second rule of that name; it has no instances."""
        self.every, self.first, self.until, self.twin, self.rule = every, first, until, twin, rule

    def reply(self, now: float, instances: Callable[[float], list[dict[str, Any]]]) -> Reply:
        at = min(now, self.until)
        last = self.first + (at - self.first) // self.every * self.every
        evaluated = format_time(START + last) if at >= self.first else "0001-01-01T00:00:00Z"
        rule = {
            "type": "alerting", "name": "Down", "query": "down > 0", "duration": 0, "health": "ok",
            "lastEvaluation": evaluated, "alerts": instances(now), **self.rule,
        }  # fmt: skip
        twins = [] if self.twin is None else [{**rule, "alerts": [], **self.twin}]
        groups = [{"name": "g", "interval": self.every, "rules": [rule, *twins]}]
        return Reply(200, json.dumps({"status": "success", "data": {"groups": groups}}).encode(), None)


def judged(
    rules: Rules,
    *instances: Mapping[str, Any],
    rule: Rule | None = None,
    seconds: float = 60,
    series: bool = True,
    alerts: Callable[[str, float], Reply | None] = lambda promql, t: None,
) -> Outcome:
    """The window lasts `seconds`; an instance is in the reply once it is active."""

    def told(now: float) -> list[dict[str, Any]]:
        return [dict(one) for one in instances if format_time(START + now) >= one["activeAt"]]

    def answer(promql: str, t: float) -> Reply:
        found = alerts(promql, t)
        if found is not None:
            return found
        if "last_over_time" not in promql or not series:
            return vector()
        marks = ("0", "0.0") if '"0.0"' in promql else ("0",)
        result = [{"metric": {"found": mark}, "value": [0, "1"]} for mark in marks]
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return Reply(200, json.dumps(body).encode(), None)

    def loaded(alertname: str) -> Reply:
        return rules.reply(now() - START, told)

    times: list[Callable[[], float]] = []

    def now() -> float:
        return times[0]()

    original = SimulatedControl.__init__

    def remember(self: SimulatedControl, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        times.append(self.now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SimulatedControl, "__init__", remember)
        return simulate([rule or scoped()], answer, load_seconds=seconds, loaded=loaded)


def state_of(outcome: Outcome) -> tuple[str, str]:
    return outcome.rules["a"]


def test_a_healthy_alert_passes() -> None:
    assert state_of(judged(Rules())) == ("Passed", "")


def test_pending_for_longer_than_the_window_can_not_fire() -> None:
    """Timeline 41."""
    rules = Rules(duration=600)
    since = instance(10)
    assert state_of(judged(rules, since)) == ("Error", "AlertCannotFire")
    assert state_of(judged(rules, since, rule=scoped(pending="Failed"))) == ("Failed", "AlertPending")


def test_the_range_of_the_rule_must_be_longer_than_what_the_alert_needs() -> None:
    """It fires 35s after its condition begins. Of the window's 60s `startAfter` leaves 36s, or 35s."""
    assert state_of(judged(Rules(duration=30), rule=scoped(startAfter="24s"))) == ("Passed", "")
    late = scoped(startAfter="25s")
    assert state_of(judged(Rules(duration=30), rule=late)) == ("Error", "AlertCannotFire")


@pytest.mark.parametrize(
    ("pending", "expected"),
    [("Error", ("Error", "AlertPending")), ("Failed", ("Failed", "AlertPending")), ("Passed", ("Passed", ""))],
)
def test_pending_only_in_rules(pending: str, expected: tuple[str, str]) -> None:
    """No ALERTS series is there, as of a rule engine that writes none."""
    assert state_of(judged(Rules(duration=30), instance(50), rule=scoped(pending=pending))) == expected


def test_pending_only_in_alerts() -> None:
    def alerts(promql: str, t: float) -> Reply | None:
        return vector("1") if 'alertstate="pending"' in promql else None

    assert state_of(judged(Rules(duration=30), alerts=alerts)) == ("Error", "AlertPending")


def test_firing_only_in_rules() -> None:
    outcome = judged(Rules(), instance(20, "firing"))
    assert state_of(outcome) == ("Failed", "AlertFired")
    [state] = outcome.judgement.states
    assert (state.failed_t, state.fired) == (START + 20, 1)


def test_what_fires_for_another_run_is_not_ours() -> None:
    assert state_of(judged(Rules(), instance(20, "firing", chain_id="another"))) == ("Passed", "")


def test_an_alert_that_becomes_active_after_the_end_is_not_in_the_window() -> None:
    """Timeline 42: within settle."""
    assert state_of(judged(Rules(), instance(63, "firing"))) == ("Passed", "")
    assert state_of(judged(Rules(), instance(60, "firing"))) == ("Failed", "AlertFired")


def test_ticks_before_the_first_evaluation_count_nowhere() -> None:
    """Timeline 43."""
    outcome = judged(Rules(every=60, first=40), rule=scoped(interval="5s"), seconds=120)
    assert state_of(outcome) == ("Passed", "")
    verdicts = [decision.verdict for decision, _ in outcome.control.evidence]
    # The tick at 35s is asked at 40s.
    assert verdicts[:6] == ["Awaited"] * 6
    assert set(verdicts[6:]) == {"Passed"}
    [state] = outcome.judgement.states
    assert (state.due, state.covered) == (17, 17)


def test_a_group_that_is_not_evaluated_for_two_intervals_is_not_awaited_any_longer() -> None:
    outcome = judged(Rules(every=20, first=-1, until=0), seconds=120)
    assert state_of(outcome) == ("Error", "AlertNotLoaded")
    verdicts = [decision.verdict for decision, _ in outcome.control.evidence]
    assert verdicts[:5] == ["Awaited"] * 4 + ["Error"]


def test_an_evaluation_after_the_end_proves_nothing() -> None:
    """Timeline 44: a group of 60s, evaluated 4s before the start, and a window of 40s."""
    rules = Rules(every=60, first=-4)
    assert state_of(judged(rules, seconds=40)) == ("Error", "AlertCannotFire")
    assert state_of(judged(rules, rule=scoped(pending="Failed"), seconds=40)) == ("Error", "AlertNotLoaded")
    # The one at 45s lies within settle, the one at 46s behind it.
    assert state_of(judged(Rules(every=60, first=45), rule=scoped(pending="Failed"), seconds=40)) == ("Passed", "")
    assert state_of(judged(Rules(every=60, first=46), rule=scoped(pending="Failed"), seconds=40)) == (
        "Error",
        "AlertNotLoaded",
    )


def test_what_an_unhealthy_rule_evaluated_proves_nothing() -> None:
    """Sick all through the window; the first healthy evaluation comes 6 s after its end, when the final sweep is asked again."""
    rules = Rules(every=25, first=-9)

    class Sick(Rules):
        def reply(self, now: float, instances: Callable[[float], list[dict[str, Any]]]) -> Reply:
            rules.rule["health"] = "err" if now < 66 else "ok"
            return rules.reply(now, instances)

    patient = scoped(retry=10, minCoverage="0")
    assert state_of(judged(Sick(), rule=patient)) == ("Error", "AlertNotLoaded")


def test_an_evaluation_that_is_too_old_at_the_end() -> None:
    assert state_of(judged(Rules(every=10, first=0, until=40))) == ("Passed", "")
    assert state_of(judged(Rules(every=10, first=0, until=39))) == ("Error", "AlertNotLoaded")


def test_rules_of_the_future() -> None:
    assert state_of(judged(Rules(lastEvaluation="2046-01-01T00:00:00Z"))) == ("Error", "AlertNotLoaded")


def test_an_alert_without_series() -> None:
    """Timeline 45."""
    assert state_of(judged(Rules(), series=False)) == ("Error", "AlertBlind")
    noted = judged(Rules(), series=False, rule=scoped(require_series=False))
    assert state_of(noted) == ("Passed", "")
    assert "saw no series of this run for down" in noted.judgement.states[0].message


def test_an_alert_whose_expression_cannot_be_read_is_blind() -> None:
    rules = Rules(query="sum(down[1m * 2])")
    assert state_of(judged(rules)) == ("Error", "AlertBlind")
    assert state_of(judged(rules, rule=scoped(require_series=False))) == ("Passed", "")


def test_what_fires_without_the_matchers_label_may_be_this_runs() -> None:
    """Timeline 46. Seen at one tick in the middle, it counts at the end."""
    fires = instance(20, "firing", chain_id="", exported_chain_id="nightly-0f8fad5b")
    outcome = judged(Rules(), fires)
    assert state_of(outcome) == ("Error", "AlertNotScoped")
    assert [decision.verdict for decision, _ in outcome.control.evidence][:5] == ["Passed"] * 5


def test_a_label_that_the_rule_sets_is_there() -> None:
    rules = Rules(query="vector(1) > 2")
    assert state_of(judged(rules)) == ("Error", "AlertNotScoped")
    rules = Rules(query="vector(1) > 2", labels={"chain_id": "{{ $externalLabels.chain }}"})
    assert state_of(judged(rules)) == ("Passed", "")
    rules = Rules(query='label_replace(vector(1) > 2, "chain_id", "x", "", "")')
    assert state_of(judged(rules)) == ("Passed", "")


@pytest.mark.parametrize(
    ("op", "value", "state"),
    [
        ("=", "critical", ("Error", "AlertNotScoped")),
        ("!=", "warning", ("Error", "AlertNotScoped")),
        ("=~", "critical|page", ("Error", "AlertNotScoped")),
        ("=", "warning", ("Failed", "AlertFired")),
        ("=~", "warn.*", ("Failed", "AlertFired")),
    ],
)
def test_a_label_that_the_rule_sets_to_another_value(op: str, value: str, state: tuple[str, str]) -> None:
    """It fires for this very run, and no instance of it can satisfy the matchers."""
    rules = Rules(labels={"severity": "warning"})
    outcome = judged(rules, instance(20, "firing", severity="warning"), rule=scoped(("severity", op, value)))
    assert state_of(outcome) == state
    if state[0] == "Error":
        assert "the rule sets severity to warning" in outcome.judgement.states[0].message


def test_of_two_severities_the_one_that_is_meant_counts() -> None:
    """The other is left out, be it sick; alone it would prove nothing."""
    sick = {"labels": {"severity": "warning"}, "health": "err", "query": "up ==== 0"}
    critical = scoped(("severity", "=", "critical"))
    outcome = judged(Rules(labels={"severity": "critical"}, twin=sick), rule=critical)
    assert state_of(outcome) == ("Passed", "")
    warning = scoped(("severity", "=", "warning"))
    assert state_of(judged(Rules(labels={"severity": "critical"}, twin=sick), rule=warning)) == (
        "Error",
        "AlertNotLoaded",
    )


def test_the_copy_of_another_tenant_need_not_see_a_series_of_this_run() -> None:
    """Each tenant has its own copy of one PrometheusRule, with a label and a selector of its own."""
    theirs = {"labels": {"chain_id": "another"}, "query": 'down{chain_id="another"} > 0'}
    assert state_of(judged(Rules(labels={"chain_id": OWN["chain_id"]}, twin=theirs))) == ("Passed", "")
    unknown = {"query": 'down{chain_id="another"} > 0'}
    assert state_of(judged(Rules(labels={"chain_id": OWN["chain_id"]}, twin=unknown))) == ("Error", "AlertBlind")


PENDING_MEANS = [
    ("Error", ("Error", "AlertNotScoped")),
    ("Failed", ("Error", "AlertNotScoped")),
    ("Passed", ("Passed", "")),
]


@pytest.mark.parametrize(("pending", "expected"), PENDING_MEANS)
def test_what_is_pending_without_the_matchers_label_may_be_this_runs(pending: str, expected: tuple[str, str]) -> None:
    """It began too late to fire in the window. An instance of another run has the label, with another value."""
    waits, others = instance(40, chain_id="", pod="a"), instance(40, chain_id="another")
    rules, rule = Rules(duration=30), scoped(pending=pending)
    outcome = judged(rules, waits, rule=rule)
    assert state_of(outcome) == expected
    assert ("is pending without the label chain_id" in outcome.judgement.states[0].message) == (expected[0] == "Error")
    assert state_of(judged(rules, others, rule=rule)) == ("Passed", "")
    # One that becomes active after the end is not in the window.
    assert state_of(judged(rules, instance(61, chain_id=""), rule=rule)) == ("Passed", "")


def test_pending_for_longer_than_the_window_without_the_matchers_label() -> None:
    waits = instance(10, chain_id="", pod="a")
    assert state_of(judged(Rules(duration=600), waits, rule=scoped(pending="Failed"))) == ("Error", "AlertNotScoped")


@pytest.mark.parametrize(("pending", "expected"), PENDING_MEANS)
def test_pending_without_the_label_only_in_alerts(pending: str, expected: tuple[str, str]) -> None:
    """Beside an instance of this run, which the same question finds."""

    def alerts(promql: str, t: float) -> Reply | None:
        if 'or ALERTS{alertname="Down",alertstate="pending",chain_id=~"nightly-0f8fad5b|"}' not in promql:
            return None
        found = [{**OWN, "alertstate": "pending"}, {"alertname": "Down", "alertstate": "pending", "pod": "a"}]
        result = [{"metric": labels, "value": [0, "1"]} for labels in found]
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return Reply(200, json.dumps(body).encode(), None)

    assert state_of(judged(Rules(duration=30), alerts=alerts, rule=scoped(pending=pending))) == expected


def test_a_prometheus_that_restarted_is_awaited_until_it_evaluates() -> None:
    """A group of 60s: for a minute after its restart the server says that it has not evaluated the rule."""
    seen = Rules(every=60, first=-50)

    class Restarted(Rules):
        def reply(self, now: float, instances: Callable[[float], list[dict[str, Any]]]) -> Reply:
            if 100 <= now < 130:
                return Rules(every=60, first=1e5).reply(now, instances)
            return seen.reply(now, instances)

    outcome = judged(Restarted(), rule=scoped(interval="5s", retry=0), seconds=300)
    assert state_of(outcome) == ("Passed", "")


def test_the_question_has_the_values_of_the_run() -> None:
    question = Question.of(scoped(), {"chainId": "toy-1", "namespace": "eng-ada", "runId": "r"})
    assert 'chain_id="toy-1"' in question.at(0, 10)

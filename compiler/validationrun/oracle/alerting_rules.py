"""What `/api/v1/rules` says of an alert, read into documents. No network and no clock."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from validationrun.base.times import parse_time
from validationrun.oracle.exchange import DefinedAlert, Fault, Reply
from validationrun.oracle.label_matcher import LabelMatcher, refusing
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_response import plain, read_data, warnings
from validationrun.spec.promql_text import duration_seconds

_UNKNOWN: Final = "unknown"
"""The health of a rule that this process has not evaluated yet."""

_SAME_SECONDS: Final = 0.001
FRESH_INTERVALS: Final = 3
"""A group that was not evaluated for this many of its intervals does not run."""


class Instance(Struct, frozen=True):
    """
    One instance of an alert.

    Attributes:
        firing: it fires; else it is pending.
        active_at: since when its condition holds, Unix seconds.
    """

    labels: Mapping[str, str]
    firing: bool
    active_at: float


class AlertingRule(Struct, frozen=True):
    """
    An alerting rule as a Prometheus runs it. Times are Unix seconds.

    Attributes:
        interval_s: between two evaluations of its group.
        for_s: how long its condition must hold before it fires.
        health: `ok`, `err`, or `unknown` before the first evaluation.
        evaluated: the time of its last evaluation, less the group's query offset; minus infinity before the first one.
        labels: those that the rule sets.
    """

    group: str
    interval_s: float
    for_s: float
    expression: str
    health: str
    error: str
    evaluated: float
    labels: Mapping[str, str]
    instances: Sequence[Instance]


def read_alerting_rules(
    reply: Reply, alertname: str, defined: Sequence[DefinedAlert] = ()
) -> list[AlertingRule] | Fault:
    """
    The alerting rules of that name. Never raises.

    Args:
        reply: to `/api/v1/rules`. The transport bounds its size.
        defined: the alert in its PrometheusRule, which tells the query offset where the server does not.
    """
    if partial := warnings(reply):
        return Fault(RuleReason.PARTIAL_RESPONSE, plain("; ".join(partial)))
    return read_data(
        reply,
        lambda data: [
            _rule(group, rule, defined)
            for group in data["groups"]
            for rule in group["rules"]
            if rule.get("type") == "alerting" and rule["name"] == alertname
        ],
    )


def counting(
    rules: Sequence[AlertingRule], defined: Sequence[DefinedAlert], matchers: Sequence[LabelMatcher] = ()
) -> list[AlertingRule]:
    """
    The rules that are the alert which is meant: in a cluster those of its PrometheusRule, elsewhere all of its name.

    A rule that sets a label to a value which a matcher refuses is another run's, or of another severity. It does not count,
    unless no other rule is left.
    """
    found = [rule for rule in rules if not defined or any(_is_same(rule, alert) for alert in defined)]
    return [rule for rule in found if refusing(matchers, rule.labels) is None] or found


def never_matching(counted: Sequence[AlertingRule], matchers: Sequence[LabelMatcher]) -> Fault | None:
    """Why no instance of these rules can be this run's, by the labels that each of them sets; None when one can be."""
    told: dict[str, None] = {}
    for rule in counted:
        if (matcher := refusing(matchers, rule.labels)) is None:
            return None
        told[f"{matcher.name} to {rule.labels[matcher.name]}, and the matcher is {matcher.promql()}"] = None
    if not told:
        return None
    message = "; ".join(f"the rule sets {setting}" for setting in told)
    return Fault(RuleReason.ALERT_NOT_SCOPED, plain(f"no instance of the alert can be this run's: {message}"))


def _is_same(rule: AlertingRule, alert: DefinedAlert) -> bool:
    return rule.group == alert.group and abs(rule.for_s - alert.for_s) <= _SAME_SECONDS


def not_loaded(
    rules: Sequence[AlertingRule],
    alertname: str,
    defined: Sequence[DefinedAlert] = (),
    matchers: Sequence[LabelMatcher] = (),
) -> Fault | None:
    """Why this Prometheus cannot be said to run the alert. A rule that was not evaluated yet is loaded."""
    counted = counting(rules, defined, matchers)
    if not counted:
        message = f"this Prometheus has no alert {plain(alertname)}"
        if rules:
            expected = " or ".join(f"group {alert.group} with `for: {alert.for_s:g}s`" for alert in defined)
            found = ", ".join(dict.fromkeys(f"{rule.group} with {rule.for_s:g}s" for rule in rules))
            message += f" as its PrometheusRule has it: expected {expected}, found {found}"
        return Fault(RuleReason.ALERT_NOT_LOADED, plain(message))
    for rule in counted:
        if rule.health not in ("ok", _UNKNOWN):
            message = f"alert {alertname} in group {rule.group}: health is {rule.health}: {rule.error}".rstrip(": ")
            return Fault(RuleReason.ALERT_NOT_LOADED, plain(message))
        if not math.isfinite(rule.interval_s) or rule.interval_s <= 0:
            return Fault(RuleReason.ALERT_NOT_LOADED, plain(f"alert {alertname}: its group has no interval"))
    return None


def not_running(reply: Reply, alertname: str, now: float, matchers: Sequence[LabelMatcher] = ()) -> Fault | None:
    """
    Why this Prometheus does not run the alert at present; None when it is loaded, healthy and was evaluated recently.

    Args:
        now: Unix seconds when the reply came.
    """
    rules = read_alerting_rules(reply, alertname)
    if isinstance(rules, Fault):
        return rules
    if (fault := not_loaded(rules, alertname, matchers=matchers)) is not None:
        return fault
    for rule in counting(rules, (), matchers):
        age = now - rule.evaluated
        # Asked this way round, so that a time that is no number proves nothing.
        if not age <= FRESH_INTERVALS * rule.interval_s:
            when = "was not evaluated yet" if math.isinf(age) else f"last evaluated {age:.0f}s ago"
            return Fault(
                RuleReason.ALERT_NOT_LOADED, plain(f"alert {alertname}: {when}, its interval is {rule.interval_s:g}s")
            )
    return None


def _rule(group: Any, rule: Any, defined: Sequence[DefinedAlert]) -> AlertingRule:
    """Raises what `read_data` takes for an unreadable answer."""
    name, health = str(group.get("name", "")), str(rule["health"])
    for_s = float(rule.get("duration") or 0)
    if not for_s >= 0:
        raise ValueError(f"duration {for_s}")
    evaluated = parse_time(rule["lastEvaluation"])
    parsed = AlertingRule(
        group=name,
        interval_s=float(group["interval"]),
        for_s=for_s,
        expression=str(rule.get("query", "")),
        health=health,
        error=str(rule.get("lastError") or ""),
        evaluated=-math.inf,
        labels={str(label): str(value) for label, value in (rule.get("labels") or {}).items()},
        instances=[_instance(alert) for alert in rule.get("alerts") or []],
    )
    if health == _UNKNOWN or evaluated <= 0:
        return parsed
    return replace(parsed, evaluated=evaluated - _offset(group, parsed, defined))


def _offset(group: Any, rule: AlertingRule, defined: Sequence[DefinedAlert]) -> float:
    """How far back the group asks for its data, in seconds: as the server says, else as the PrometheusRule does."""
    for name in ("queryOffset", "query_offset", "eval_delay"):
        told = group.get(name)
        if isinstance(told, int | float) and told >= 0:
            return float(told)
        if isinstance(told, str) and (seconds := duration_seconds(told)) is not None:
            return seconds
    return max((alert.offset_s for alert in defined if _is_same(rule, alert)), default=0.0)


def _instance(alert: Any) -> Instance:
    labels = {str(name): str(value) for name, value in alert["labels"].items()}
    return Instance(labels, alert["state"] == "firing", parse_time(alert["activeAt"]))

"""Preflight of alert rules: whether their references resolve, and whether their silence can prove anything in this run."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from validationrun.base.durations import parse_duration
from validationrun.contract import parameters as values
from validationrun.contract.chain_entries import Finding
from validationrun.contract.plan_json import PlanDocument
from validationrun.oracle.exchange import Fault
from validationrun.oracle.label_matcher import LabelMatcher
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.silence import hopeless
from validationrun.prometheus import Prometheus
from validationrun.steps.rule_references import References

logger = logging.getLogger(__name__)

_ATTEMPTS: Final = 4
_PAUSE_SECONDS: Final = 3.0
"""Enough for rules that Prometheus has just loaded, and few enough for preflight to end within a minute."""

_TIMEOUT_SECONDS: Final = 5.0
_NAMED: Final = 3


class AlertEntry(Struct, frozen=True):
    """
    What preflight needs of an alert rule.

    Attributes:
        pending: what a pending instance at the window's end means.
        in_cooldown: its window ends with the cooldown.
        start_after: seconds after the window's start when its range opens.
        matchers: with the run's values.
    """

    name: str
    namespace: str
    prometheus_rule: str
    alertname: str
    pending: str
    in_cooldown: bool
    start_after: int
    matchers: tuple[LabelMatcher, ...]

    def resolve(self, references: References) -> Any:
        """What the reference resolves to."""
        return references.resolve(self.name, self.namespace, self.prometheus_rule, self.alertname)


def alert_entries(rules: Iterable[Mapping[str, Any]], run_values: Mapping[str, str]) -> list[AlertEntry]:
    """
    The rules of a bundle that refer to an alert, as plain data.

    `RuleType.reference` takes the model of a rule, which needs pydantic and the rule types. This step loads neither, so as to start fast.

    Args:
        run_values: what the placeholders in matchers stand for.
    """
    entries = []
    for rule in rules:
        body = rule[rule["type"]]
        if (reference := body.get("ruleRef")) is not None:
            pending = body.get("pending", Verdict.ERROR)
            properties = rule.get("runProperties") or {}
            timing = (properties.get("until") == "Cooldown", parse_duration(properties.get("startAfter", "0s")))
            parts = (reference["namespace"], reference["name"], reference["alertname"])
            matchers = tuple(
                LabelMatcher.filled(matcher["name"], matcher["op"], matcher["value"], run_values)
                for matcher in body.get("matchers") or []
            )
            entries.append(AlertEntry(rule["name"], *parts, pending, *timing, matchers))
    return entries


def unresolved(rules: Sequence[AlertEntry], references: References) -> Iterator[Finding]:
    """References that do not resolve."""
    return _grouped((rule, rule.resolve(references)) for rule in rules)


def hopeless_alerts(
    rules: Sequence[AlertEntry],
    references: References,
    prometheus: Prometheus,
    seconds: Callable[[AlertEntry], float],
    sleep: Callable[[float], None],
) -> Iterator[Finding]:
    """
    Alerts that are unhealthy, or others than those of the PrometheusRule, or that cannot fire in the range of their rule, or for
    this run.

    Args:
        seconds: the longest range of a rule.
    """
    faults: dict[AlertEntry, Fault] = {}
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(_PAUSE_SECONDS)
        faults = {
            rule: fault
            for rule in (faults if attempt else rules)
            if (fault := _hopeless(rule, references, prometheus, seconds(rule))) is not None
        }
        if not faults:
            return iter(())
        logger.warning("%s", "; ".join(f"rule {rule.name}: {fault.message}" for rule, fault in faults.items()))
    return _grouped(faults.items())


def range_seconds(plan: PlanDocument, parameters: Mapping[str, str]) -> Callable[[AlertEntry], float]:
    """How long the range of each rule of this run is when nothing ends it early."""
    judged = values.effective_seconds(plan, parameters)
    return lambda rule: judged + (plan.seconds.cooldown if rule.in_cooldown else 0) - rule.start_after


def _hopeless(rule: AlertEntry, references: References, prometheus: Prometheus, seconds: float) -> Fault | None:
    defined = rule.resolve(references)
    if isinstance(defined, Fault):
        return None
    reply = prometheus.rules(rule.alertname, _TIMEOUT_SECONDS)
    return hopeless(reply, rule.alertname, defined, seconds, pending=rule.pending, matchers=rule.matchers)


def _grouped(found: Iterable[tuple[AlertEntry, Any]]) -> Iterator[Finding]:
    """One finding for all rules that fail for the same cause."""
    by_fault: dict[Fault, list[str]] = {}
    for rule, fault in found:
        if isinstance(fault, Fault):
            by_fault.setdefault(fault, []).append(rule.name)
    for fault, names in by_fault.items():
        rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        text = f"rule{'s' if names[1:] else ''} {', '.join(names[:_NAMED])}{rest}: {fault.message}"
        yield Finding(fault.reason, text)

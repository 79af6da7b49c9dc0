"""What was told, decided: by the rule types' own functions, without a reply to read again for each tick."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from validationrun.judging.backtest.compact_answer import NOTHING, Told, untell
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Fault, Samples
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.rules.alert import decide_alert
from validationrun.oracle.rules.query import decide_query
from validationrun.spec.v1alpha1 import Rule

Silence = Callable[[float], Fault | None]
"""Why an alert's silence at T proves nothing; None when it does prove something."""


class Decider(Protocol):
    """One rule's decisions."""

    def decide(self, t: float, told: Told, *, final: bool = False) -> Decision:
        """Of one tick, or of the final sweep."""

    def worth_deciding(self, times: Sequence[float], told: Sequence[Told | None]) -> Sequence[int]:
        """
        Of ticks that follow one another, those whose decisions make a difference.

        All of them, unless every one passes: then the last alone counts for the rule's state, and the extremes for its summary.
        """


class QueryDecider:
    """For a rule of type `query`."""

    def __init__(self, rule: Rule) -> None:
        if rule.query is None:
            raise ValueError(f"rule {rule.name} has no query")
        self._name, self._op, self._threshold = rule.name, rule.query.op, rule.query.threshold

    def decide(self, t: float, told: Told, *, final: bool = False) -> Decision:
        return decide_query(self._name, t, self._op, self._threshold, untell(told), final=final)

    def worth_deciding(self, times: Sequence[float], told: Sequence[Told | None]) -> Sequence[int]:
        every = range(len(times))
        try:
            values = list(map(float, told))  # type: ignore[arg-type]
        except TypeError:
            # An answer that is not one value.
            return every
        if not values or not all(map(math.isfinite, values)):
            return every
        lowest, highest, threshold = min(values), max(values), float(self._threshold)
        extremes = values.index(lowest), values.index(highest)
        if any(self.decide(times[index], told[index] or "").verdict != Verdict.PASSED for index in extremes):
            return every
        if self._op == "!=" and lowest < threshold < highest:
            return every
        distances = [abs(value - threshold) for value in values]
        return sorted({0, *extremes, distances.index(min(distances)), len(values) - 1})


class AlertDecider:
    """
    For a rule of type `alert`.

    Args:
        fired_before: the alert fired already when the rule's range opened; asked once, when it is seen firing first.
    """

    def __init__(self, rule: Rule, silence: Silence, fired_before: Callable[[], bool]) -> None:
        self._name, self._silence, self._fired_before = rule.name, silence, fired_before
        self._first: tuple[float, bool] | None = None

    def decide(self, t: float, told: Told, *, final: bool = False) -> Decision:
        answer = untell(told)
        before, loaded = False, None
        if isinstance(answer, Samples) and answer.samples:
            if self._first is None:
                self._first = (t, self._fired_before())
            # Said of its first failure alone, as in a live run.
            before = self._first == (t, True)
        elif isinstance(answer, Samples):
            loaded = self._silence(t)
        return decide_alert(self._name, t, answer, loaded, final=final, before=before)

    def worth_deciding(self, times: Sequence[float], told: Sequence[Told | None]) -> Sequence[int]:
        quiet = all(one is NOTHING for one in told) and all(self._silence(t) is None for t in times)
        return sorted({0, len(times) - 1}) if quiet and len(times) else range(len(times))


def fails(rule: Rule, told: Told) -> bool:
    """Whether this is a failure of the rule, whatever else holds."""
    answer = untell(told)
    if rule.query is None:
        return isinstance(answer, Samples) and bool(answer.samples)
    return decide_query(rule.name, 0.0, rule.query.op, rule.query.threshold, answer).verdict == Verdict.FAILED


def unproven(alertname: str) -> Fault:
    """Of an alert that is silent in history."""
    return Fault(
        RuleReason.ALERT_NOT_LOADED,
        f"history cannot prove that alert {alertname} was loaded while it was silent; "
        "--assume-alerts-loaded takes it for granted",
    )

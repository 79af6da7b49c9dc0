"""Decides compact answers by the rule types' own functions, so that no reply is parsed again for each tick."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from validationrun.judging.backtest.compact_answer import NOTHING, CompactAnswer, expand
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Fault, Samples
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.rules.alert import decide_alert
from validationrun.oracle.rules.query import decide_query
from validationrun.spec.v1alpha1 import Rule

Silence = Callable[[float], Fault | None]
"""Why an alert's silence at T proves nothing; None when it proves that the alert did not fire."""


class Decider(Protocol):
    """One rule's decisions."""

    def decide(self, t: float, compacted: CompactAnswer, *, final: bool = False) -> Decision:
        """The decision of a tick, or of the final sweep."""

    def worth_deciding(self, times: Sequence[float], answers: Sequence[CompactAnswer | None]) -> Sequence[int]:
        """
        The indexes of consecutive ticks whose decisions make a difference.

        When every tick passes, the rule's state needs the last tick alone, and its summary needs the extremes. Else all ticks.
        """


class QueryDecider:
    """For a rule of type `query`."""

    def __init__(self, rule: Rule) -> None:
        if rule.query is None:
            raise ValueError(f"rule {rule.name} has no query")
        self._name, self._op, self._threshold = rule.name, rule.query.op, rule.query.threshold

    def decide(self, t: float, compacted: CompactAnswer, *, final: bool = False) -> Decision:
        return decide_query(self._name, t, self._op, self._threshold, expand(compacted), final=final)

    def worth_deciding(self, times: Sequence[float], answers: Sequence[CompactAnswer | None]) -> Sequence[int]:
        every = range(len(times))
        try:
            values = list(map(float, answers))  # type: ignore[arg-type]
        except TypeError:
            # An answer is not a single value.
            return every
        if not values or not all(map(math.isfinite, values)):
            return every
        lowest, highest, threshold = min(values), max(values), float(self._threshold)
        extremes = values.index(lowest), values.index(highest)
        if any(self.decide(times[index], answers[index] or "").verdict != Verdict.PASSED for index in extremes):
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

    def decide(self, t: float, compacted: CompactAnswer, *, final: bool = False) -> Decision:
        answer = expand(compacted)
        before, loaded = False, None
        if isinstance(answer, Samples) and answer.samples:
            if self._first is None:
                self._first = (t, self._fired_before())
            # Said of the first failure alone, as in a live run.
            before = self._first == (t, True)
        elif isinstance(answer, Samples):
            loaded = self._silence(t)
        return decide_alert(self._name, t, answer, loaded, final=final, before=before)

    def worth_deciding(self, times: Sequence[float], answers: Sequence[CompactAnswer | None]) -> Sequence[int]:
        quiet = all(answer is NOTHING for answer in answers) and all(self._silence(t) is None for t in times)
        return sorted({0, len(times) - 1}) if quiet and len(times) else range(len(times))


def fails(rule: Rule, compacted: CompactAnswer) -> bool:
    """Whether an answer fails the rule, whatever the other answers are."""
    answer = expand(compacted)
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

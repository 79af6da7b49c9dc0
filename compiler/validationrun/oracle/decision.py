"""What an answer means for a rule: what was observed at one evaluation time, and what was decided from it."""

import math
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from validationrun.oracle.exchange import Answer, Exchange, Fault
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.outcome import RuleReason, Verdict


class Silence(Struct, frozen=True):
    """
    What an exchange shows about an alert that found nothing. Times are Unix seconds.

    Attributes:
        fault: why nothing shows that the alert is loaded; the rest is not known then.
        assumed: that it is loaded, evaluated and able to fire is taken for granted.
        evaluated: its last evaluation, less the query offset: the earliest of those rules that count; minus infinity before.
        interval_s: the longest interval of their groups.
        needs_s: how long its condition must hold before it fires.
        asked, answered: of the exchange, by our clock.
        firing, pending: its instances of this run at T.
        unscoped: what fires, or is pending at the end, without a label that a matcher names; empty when nothing does.
        series: why its series cannot be this run's, or are not there; asked at the final sweep alone.
        note: what people should know of a silence that passes; begins with a separator.
    """

    fault: Fault | None = None
    assumed: bool = False
    evaluated: float = -math.inf
    interval_s: float = 0.0
    needs_s: float = 0.0
    asked: float = 0.0
    answered: float = 0.0
    firing: int = 0
    pending: int = 0
    unscoped: str = ""
    series: Fault | None = None
    note: str = ""


ASSUMED: Final = Silence(assumed=True)
"""Taken for proof."""


class Observation(Struct, frozen=True):
    """
    All that a decision depends on, read from an exchange or taken from history.

    Attributes:
        t: evaluation time, Unix seconds.
        answer: to the rule's query.
        final: this is the final sweep.
        silence: what is known about an empty answer; None when the rule needs no proof.
        before: what the answer shows was there already when the rule's range opened.
        why: what explains an empty answer, for people.
        members: the pods and the series under each aggregation of the query, in turn; None when they were not counted.
        series: the count that `series.min` compares; None when it was not asked.
        newest: the time of the newest sample, Unix seconds; of several selectors the least. None when none has a sample.
    """

    t: float
    answer: Answer
    final: bool = False
    silence: Silence | None = None
    before: bool = False
    why: str = ""
    members: tuple[int, ...] | Fault | None = None
    series: int | Fault | None = None
    newest: float | Fault | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What one answer means for one rule. A dataclass, because a struct compares every field.

    Attributes:
        rule: the name of the rule.
        t: evaluation time, Unix seconds.
        verdict: Passed, Failed, Error, or Awaited when nothing can be said yet. An awaited decision is never final.
        value: the value as Prometheus wrote it, when there was exactly one.
        count: the number of series for which an alert fired.
        final: this is the final sweep.
        why: what explains an empty answer, for people.
        warming_up: T is so early that the rule's query may still lack data.
        memory: what the rule remembers after this decision.
        exchange: what the decision was made from; two decisions from different exchanges can be equal.
    """

    rule: str
    t: float
    verdict: Verdict
    reason: RuleReason
    message: str
    value: str | None = None
    count: int = 0
    final: bool = False
    why: str = ""
    warming_up: bool = False
    memory: Memory = NOTHING_REMEMBERED
    exchange: Exchange | None = field(default=None, compare=False, repr=False)


_SETTLED: Final = frozenset(
    {
        RuleReason.WINDOW_TOO_SHORT,
        RuleReason.ALERT_CANNOT_FIRE,
        RuleReason.ALERT_PENDING,
        RuleReason.ALERT_NOT_SCOPED,
        RuleReason.ALERT_BLIND,
    }
)
"""What a final sweep was answered with, so that asking again could only hide it."""


def is_worth_a_retry(decision: Decision) -> bool:
    """Whether a final sweep may end otherwise when the same T is asked again."""
    return decision.verdict == Verdict.ERROR and decision.reason not in _SETTLED

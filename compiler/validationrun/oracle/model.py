"""What Prometheus can answer, and what one answer can mean for one rule: the types and the reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from validationrun.oracle.outcome import RuleReason, Verdict

if TYPE_CHECKING:
    from validationrun.oracle.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' labels and its value, as Prometheus wrote it."""

    labels: Mapping[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class Samples:
    """An instant vector; a scalar is one sample without labels."""

    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Fault:
    """No usable answer: one of the Error reasons, and a sentence for people."""

    reason: RuleReason
    message: str


Answer = Samples | Fault


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What one answer means for one rule.

    Attributes:
        rule: its name.
        t: evaluation time, Unix seconds.
        verdict: Passed, Failed or Error.
        value: the value as Prometheus wrote it, when there was exactly one.
        count: number of samples of an alert rule.
        final: this is the final sweep.
        why: what explains an empty answer, for people.
        exchange: what it was decided from; no part of its identity.
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
    exchange: "Exchange | None" = field(default=None, compare=False, repr=False)

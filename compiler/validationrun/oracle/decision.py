"""What an answer means for one rule."""

from dataclasses import dataclass, field

from validationrun.oracle.exchange import Exchange
from validationrun.oracle.outcome import RuleReason, Verdict


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
    exchange: Exchange | None = field(default=None, compare=False, repr=False)

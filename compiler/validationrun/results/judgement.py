"""How an evaluation of a whole window ended: what every way to judge hands on."""

from dataclasses import dataclass, field

from validationrun.contract.clock_check import ClockCheck
from validationrun.oracle.fold import RuleState


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    How an evaluation ended.

    Attributes:
        states: every rule's last word, in the order of the spec.
        clock: how Prometheus' clock compared with ours; empty without rules.
        interrupted: it ended before the window did, so nothing in it is proved.
    """

    start: float | None
    end: float | None
    stop_time: float | None
    stop_rule: str | None
    states: list[RuleState]
    clock: list[ClockCheck] = field(default_factory=list)
    interrupted: bool = False

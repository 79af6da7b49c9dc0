"""The result of evaluating a window, the same for every way to judge."""

from msgspec import Struct, field

from validationrun.contract.clock_check import ClockCheck
from validationrun.oracle.fold import RuleState


class Judgement(Struct, frozen=True):
    """
    The result of an evaluation.

    Attributes:
        cooldown_end: where the windows of rules with `until: Cooldown` end; None without a cooldown.
        states: every rule's final state, in the order of the spec.
        clock: the comparisons of Prometheus' clock with ours; empty without rules.
        no_data: why no rule can pass, because Prometheus holds no samples of the window's beginning; empty when it does.
        interrupted: the evaluation ended before the window, so it proves nothing.
    """

    start: float | None
    end: float | None
    stop_time: float | None
    stop_rule: str | None
    states: list[RuleState]
    clock: list[ClockCheck] = field(default_factory=list)
    interrupted: bool = False
    cooldown_end: float | None = None
    no_data: str = ""

"""
Do our clock and Prometheus' agree?

Evaluation times come from our side; a Prometheus that lives in another time would answer about another time.
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from validationrun.contract.clock_check import ClockCheck
from validationrun.oracle.exchange import Fault
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import RuleReason, Verdict

LARGEST_SKEW_SECONDS: Final = 5.0


def check_clock(read: Callable[[float], float | Fault], now: Callable[[], float]) -> ClockCheck:
    """
    Reads Prometheus' time once.

    Args:
        read: Prometheus' own time within so many seconds, or why it is not known.
    """
    before = now()
    theirs = read(LARGEST_SKEW_SECONDS)
    after = now()
    if isinstance(theirs, Fault):
        return ClockCheck(before, None, theirs.message)
    # The answer took time, and Prometheus cuts its own to whole milliseconds: what could be due to that is no skew.
    return ClockCheck(before, round(max(before - theirs, theirs - after, 0.0), 2))


def fault_of(checks: Sequence[ClockCheck]) -> str:
    """What the comparisons of a run say against its evaluation times; empty when they agree."""
    known = [check.skew_seconds for check in checks if check.skew_seconds is not None]
    if not known:
        last = checks[-1].message if checks else ""
        return "Prometheus' clock could not be read" + (f": {last}" if last else "")
    worst = max(known)
    return f"Prometheus' clock differs by {worst:.0f}s" if worst > LARGEST_SKEW_SECONDS else ""


def doubted(states: Sequence[RuleState], checks: Sequence[ClockCheck]) -> list[RuleState]:
    """The states, or an Error for whatever has passed when the clocks do not agree. A failure stands."""
    message = fault_of(checks) if states else ""
    if not message:
        return list(states)
    return [
        replace(state, verdict=Verdict.ERROR, reason=RuleReason.CLOCK_SKEW, message=message)
        if state.verdict == Verdict.PASSED
        else state
        for state in states
    ]

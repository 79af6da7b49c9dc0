"""
Compares our clock with Prometheus' clock.

Evaluation times come from our clock; a Prometheus whose clock differs would answer about another time.
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
        read: returns Prometheus' own time, or a fault; takes a time-out in seconds.
    """
    before = now()
    theirs = read(LARGEST_SKEW_SECONDS)
    after = now()
    if isinstance(theirs, Fault):
        return ClockCheck(before, None, theirs.message)
    # No skew is what the duration of the request, or Prometheus' truncation to whole milliseconds, can explain.
    return ClockCheck(before, round(max(before - theirs, theirs - after, 0.0), 2))


def fault_of(checks: Sequence[ClockCheck]) -> str:
    """Why the clock checks of a run make its evaluation times doubtful; empty when the clocks agree."""
    known = [check.skew_seconds for check in checks if check.skew_seconds is not None]
    if not known:
        last = checks[-1].message if checks else ""
        return "Prometheus' clock could not be read" + (f": {last}" if last else "")
    worst = max(known)
    return f"Prometheus' clock differs by {worst:.0f}s" if worst > LARGEST_SKEW_SECONDS else ""


def doubted(states: Sequence[RuleState], checks: Sequence[ClockCheck]) -> list[RuleState]:
    """The states; when the clocks do not agree, Passed becomes Error. A failure stands."""
    message = fault_of(checks) if states else ""
    if not message:
        return list(states)
    return [
        replace(state, verdict=Verdict.ERROR, reason=RuleReason.CLOCK_SKEW, message=message)
        if state.verdict == Verdict.PASSED
        else state
        for state in states
    ]

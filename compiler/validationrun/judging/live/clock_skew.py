"""
Compares our clock with Prometheus' clock.

Evaluation times come from our clock; a Prometheus whose clock differs would answer about another time.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec.structs import replace

from validationrun.contract.clock_check import ClockCheck
from validationrun.oracle.exchange import Fault
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import RuleReason, Verdict

LARGEST_SKEW_SECONDS: Final = 5.0


class ReadClock(Protocol):
    """What `time()` gives at Prometheus' own time, or at `t`, in Unix seconds; or a fault."""

    def __call__(self, timeout_s: float, t: float | None = None, /) -> float | Fault: ...


def check_clock(read: ReadClock, now: Callable[[], float]) -> ClockCheck:
    """Reads Prometheus' time once; a second time to tell a query latency from a wrong clock."""
    before = now()
    theirs = read(LARGEST_SKEW_SECONDS)
    after = now()
    if isinstance(theirs, Fault):
        return ClockCheck(before, None, theirs.message)
    # No skew is what the duration of the request, or Prometheus' truncation to whole milliseconds, can explain.
    skew = max(before - theirs, theirs - after, 0.0)
    return ClockCheck(before, round(skew, 2), _latency(read, after) if skew > LARGEST_SKEW_SECONDS else "")


def _latency(read: ReadClock, t: float) -> str:
    """
    Says that the server evaluates a query at an earlier time than the asked one; empty when it does not.

    VictoriaMetrics does so, to leave out samples that may still come. A server whose clock is wrong evaluates at the asked time.
    """
    evaluated = read(LARGEST_SKEW_SECONDS, t)
    if isinstance(evaluated, Fault) or t - evaluated <= LARGEST_SKEW_SECONDS:
        return ""
    return (
        f"Prometheus evaluates each query {t - evaluated:.0f}s before the time that is asked about, so its answers are about "
        "another time; that is a query latency and no wrong clock: with VictoriaMetrics add nocache=1 to the parameters of its URL, or "
        "set -search.latencyOffset=1s"
    )


def fault_of(checks: Sequence[ClockCheck]) -> str:
    """Why the clock checks of a run make its evaluation times doubtful; empty when the clocks agree."""
    known = [(check.skew_seconds, check.message) for check in checks if check.skew_seconds is not None]
    if not known:
        last = checks[-1].message if checks else ""
        return "Prometheus' clock could not be read" + (f": {last}" if last else "")
    worst, explained = max(known)
    if worst <= LARGEST_SKEW_SECONDS:
        return ""
    return explained or f"Prometheus' clock differs by {worst:.0f}s"


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

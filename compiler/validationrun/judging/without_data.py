"""What is left of a verdict about a time of which Prometheus holds no samples."""

from collections.abc import Sequence

from msgspec.structs import replace

from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import RuleReason, Verdict


def unproven(states: Sequence[RuleState], why: str) -> list[RuleState]:
    """
    The states; where there is a reason, Passed becomes Error. A failure stands.

    Args:
        why: why no rule can pass; empty when Prometheus holds samples.
    """
    if not why:
        return list(states)
    return [
        replace(state, verdict=Verdict.ERROR, reason=RuleReason.NO_SAMPLES, message=why)
        if state.verdict == Verdict.PASSED
        else state
        for state in states
    ]

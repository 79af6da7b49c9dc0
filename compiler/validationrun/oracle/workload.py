"""What the shards' exit codes and times add up to."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from msgspec import Struct

from validationrun.base.durations import format_duration

PASSED: Final = 0
ASSERTION_FAILED: Final = 1
INFRASTRUCTURE: Final = 2

WorkloadCode = Literal[0, 1, 2]

EndBy = Literal["Exit", "Signal"]
"""What ends a load when its duration is over: the workload itself, or SIGTERM to each shard."""

KILLED: Final = 137
"""The exit code of a container that SIGKILL ended."""
SIGTERM_IGNORED: Final = "SigtermIgnored"
"""The reason of a shard that was killed, because it still ran at the end of its grace period after SIGTERM."""

_OOM_KILLED: Final = "OOMKilled"
_ENDED_BY_ITSELF: Final = frozenset({"", "Completed", "Error"})
"""
The reasons of a container that ended by its own exit code. Any other, such as `Evicted` or the name of a signal, means that
something else ended it, so its code is no result of its work.
"""

_MOST_NAMED: Final = 8


class Shard(Struct, frozen=True):
    """
    How one shard ended.

    Attributes:
        code: the container's exit code; None when nobody saw one, or the shard was evicted, deleted or replaced.
        reason: Kubernetes' own word, such as OOMKilled, or ours for why there is no code.
        started, finished: Unix seconds; None where unknown.
    """

    index: int
    code: int | None
    reason: str = ""
    started: float | None = None
    finished: float | None = None


class Workload(Struct, frozen=True):
    """
    How a load as a whole ended.

    Attributes:
        code: the aggregate; None when a rule stopped it, or nothing was recorded of one.
        reason: a more precise one of a 2, or that a 0 came early; empty for none.
        message: for people.
        early: Unix seconds of the first 0 that came before the load's minimum; None when none did, or another code decides.
    """

    code: WorkloadCode | None
    reason: str
    message: str
    early: float | None = None


def aggregate(
    shards: Sequence[Shard], replicas: int, *, job_complete: bool, failed_codes: Collection[int] = (ASSERTION_FAILED,)
) -> WorkloadCode:
    """
    0 passed, 1 an assertion failed, 2 anything else.

    Args:
        job_complete: the second witness: the same Job (by UID) is Complete with every index.
        failed_codes: `workload.exitCodes.failed`.
    """
    results = {shard.index: _result(shard, failed_codes) for shard in shards}
    if set(results) != set(range(replicas)) or INFRASTRUCTURE in results.values():
        return INFRASTRUCTURE
    if ASSERTION_FAILED in results.values():
        return ASSERTION_FAILED
    return PASSED if job_complete else INFRASTRUCTURE


def _result(shard: Shard, failed_codes: Collection[int]) -> WorkloadCode:
    if shard.code == 0:
        return INFRASTRUCTURE if shard.reason == _OOM_KILLED else PASSED
    asserted = shard.code in failed_codes and shard.reason in _ENDED_BY_ITSELF
    return ASSERTION_FAILED if asserted else INFRASTRUCTURE


class EarlyEnd(Struct, frozen=True):
    """The first shard that ended with 0 too soon, Unix seconds, and a sentence about all that did."""

    at: float
    message: str


def early_end(
    shards: Sequence[Shard],
    min_seconds: float,
    tolerated_seconds: float,
    signal_at: float | None = None,
    apart_seconds: Mapping[int, float] = MappingProxyType({}),
) -> EarlyEnd | None:
    """
    The shards that ended with 0 too soon; None when none did. A shard whose times are unknown ended at once.

    Args:
        min_seconds: how long a shard must last.
        tolerated_seconds: the error of the times.
        signal_at: Unix seconds: when a load with `endBy: Signal` gets SIGTERM; a shard must then last until this time.
        apart_seconds: by shard, how far the clock of its times may be behind that of `signal_at`; 0 for the others.
    """
    passed = [shard for shard in shards if shard.code == PASSED]
    seconds = {
        shard.index: shard.finished - shard.started if shard.finished is not None and shard.started is not None else 0.0
        for shard in passed
    }
    if signal_at is None:
        early = sorted(index for index, lasted in seconds.items() if lasted + tolerated_seconds < min_seconds)
        wanted = f"load.minDuration is {format_duration(min_seconds)}"
    else:
        early = sorted(
            shard.index
            for shard in passed
            if (shard.finished or 0.0) + tolerated_seconds + apart_seconds.get(shard.index, 0.0) < signal_at
        )
        wanted = f"with endBy: Signal it must run until it gets SIGTERM, {format_duration(min_seconds)} after the start"
    if not early:
        return None
    first, *others = [f"after {format_duration(seconds[index])}" for index in early[:_MOST_NAMED]]
    named = [f"shard {early[0]} ended with 0 {first}"]
    named += [f"shard {index} {lasted}" for index, lasted in zip(early[1:], others, strict=False)]
    rest = len(early) - len(named)
    more = f" and {rest} more" if rest else ""
    message = f"{', '.join(named)}{more}; {wanted}"
    return EarlyEnd(min(shard.finished or 0.0 for shard in shards if shard.index in early), message)

"""What the shards' exit codes add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

PASSED: Final = 0
ASSERTION_FAILED: Final = 1
INFRASTRUCTURE: Final = 2

WorkloadCode = Literal[0, 1, 2]


@dataclass(frozen=True, slots=True)
class Shard:
    """
    How one shard ended.

    Attributes:
        code: the container's exit code; None when nobody saw one.
        reason: Kubernetes' own word, such as OOMKilled, or ours for why there is no code.
    """

    index: int
    code: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """
    How a load as a whole ended.

    Attributes:
        code: the aggregate; None when a rule stopped it, or nothing was recorded of one.
        reason: a more precise one of a 2; empty for none.
        message: for people.
    """

    code: WorkloadCode | None
    reason: str
    message: str


def aggregate(shards: Sequence[Shard], replicas: int, *, job_complete: bool) -> WorkloadCode:
    """
    0 passed, 1 an assertion failed, 2 anything else.

    Args:
        job_complete: the second witness: the same Job (by UID) is Complete with every index.
    """
    codes = {shard.index: shard.code for shard in shards}
    if set(codes) != set(range(replicas)) or any(code not in (PASSED, ASSERTION_FAILED) for code in codes.values()):
        return INFRASTRUCTURE
    if ASSERTION_FAILED in codes.values():
        return ASSERTION_FAILED
    return PASSED if job_complete else INFRASTRUCTURE

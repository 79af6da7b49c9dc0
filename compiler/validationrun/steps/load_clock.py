"""
Compares the clocks of the shards' nodes with those of the API server and of load-job.

The window is the time between two of a kubelet's times. If its clock is wrong, the rules are asked about another time than that
of the load: a chain that fails under load would pass by what it did after it.
"""

from collections.abc import Mapping
from typing import Final

from validationrun.contract.shards import ShardState

APART_SECONDS: Final = 5.0
"""As far as the clocks of Prometheus and rule-evaluator may differ."""


def clock_fault(shards: Mapping[int, ShardState], created: float, now: float) -> str:
    """
    Why the times of a shard cannot be right; empty when they can.

    Args:
        created: when the API server made the Job, before which no shard can begin.
        now: of this step, after which no shard can have begun or ended.
    """
    for index, state in sorted(shards.items()):
        told = [moment for moment in (state.started, state.finished) if moment is not None]
        ahead = max(told, default=now) - now
        behind = created - min(told, default=created)
        clock = f"the clock of the node of shard {index} is at least"
        if ahead > APART_SECONDS:
            return f"{clock} {ahead:.0f}s ahead of load-job's, so nobody knows when the load ran"
        if behind > APART_SECONDS:
            return f"{clock} {behind:.0f}s behind the API server's, so nobody knows when the load ran"
    return ""

"""
Compares the clock of a shard's node with that of load-job.

The window is the time between two of a kubelet's times. If its clock is wrong, the rules are asked about another time than that
of the load: a chain that fails under load would pass by what it did after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from validationrun.contract.shards import ShardState

_AHEAD_SECONDS: Final = 5.0
"""As far as the clocks of Prometheus and rule-evaluator may differ."""

_LATE_SECONDS: Final = 30.0
"""A kubelet tells within seconds that a container began or ended; on a node under load it takes longer."""


@dataclass
class Clocks:
    """
    Attributes:
        waiting: when a shard was last seen before its start, Unix seconds of this step.
        fault: the first disagreement, or empty.
    """

    waiting: dict[int, float] = field(default_factory=dict)
    fault: str = ""

    def compare(self, shards: Mapping[int, ShardState], now: float) -> None:
        """After each look at the shards: the times of their nodes must agree with when this step saw the change."""
        for index, state in sorted(shards.items()):
            if state.started is None:
                self.waiting[index] = now
            self.fault = self.fault or self._fault(index, state, now)

    def _fault(self, index: int, state: ShardState, now: float) -> str:
        clock, before = f"the clock of the node of shard {index}", self.waiting.get(index)
        # That a shard ended is told late when its node lost the network, so an end has no other bound.
        ahead = max(state.started or 0.0, state.finished or 0.0) - now
        if ahead > _AHEAD_SECONDS:
            return f"{clock} is {ahead:.0f}s ahead of load-job's, so nobody knows when the load ran"
        if before is not None and state.started is not None and (behind := before - state.started) > _LATE_SECONDS:
            return f"{clock} is {behind:.0f}s behind load-job's, so nobody knows when the load ran"
        return ""

"""
Why a load does not start. Many causes never reach a pod's status: a missing account, a quota, a refusal by Pod Security
and a volume that cannot be mounted appear only in events.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Final

from validationrun.base.truncate import cut
from validationrun.contract.shards import ShardState
from validationrun.kube.cluster import EVENTS, ClusterError, UnreachableError
from validationrun.kube.objects import Event
from validationrun.oracle.outcome import RunReason
from validationrun.steps.context import Context

logger = logging.getLogger(__name__)

_MOST_TOLD: Final = 3
_WORDS_BYTES: Final = 600
_VAGUE: Final = frozenset({"", "waiting", "ContainerCreating", "PodInitializing"})


def why_not_started(
    context: Context, job_name: str, job_uid: str, shards: Mapping[int, ShardState]
) -> tuple[RunReason, str]:
    """A reason of row 5 of the verdict table, and what Kubernetes says about the shards that do not run."""
    late = [state for _, state in sorted(shards.items()) if state.started is None]
    without_pod = [state for state in late if not state.pod]
    if without_pod or not late:
        refusal = _latest(context, f"involvedObject.uid={job_uid}", "FailedCreate")
        if refusal:
            missing = "serviceaccount" in refusal.lower() and "not found" in refusal.lower()
            return (
                RunReason.SERVICE_ACCOUNT_MISSING if missing else RunReason.LOAD_NOT_STARTED,
                f"Job {job_name}: {refusal}",
            )
    messages = list(_told(context, late))
    rest = f"; and {len(messages) - _MOST_TOLD} more" if len(messages) > _MOST_TOLD else ""
    unprepared = any(state.unprepared for state in late)
    reason = RunReason.WORKLOAD_INFRA_FAILURE if unprepared else RunReason.LOAD_NOT_STARTED
    return reason, "; ".join(messages[:_MOST_TOLD]) + rest if messages else "no shard started"


def _told(context: Context, late: list[ShardState]) -> Iterator[str]:
    """One message for all shards that wait for the same cause."""
    by_cause: dict[str, list[int]] = {}
    for state in late:
        cause = state.waiting
        if state.pod and cause in _VAGUE:
            # The status of a pod does not name the volume that it waits for.
            cause = _latest(context, f"involvedObject.name={state.pod}", "") or cause or "its pod has not started"
        by_cause.setdefault(cause or "it has no pod", []).append(state.index)
    for cause, indexes in by_cause.items():
        which = f"shard {indexes[0]}" if not indexes[1:] else f"{len(indexes)} shards"
        yield f"{which}: {cause}"


def _latest(context: Context, fields: str, reason: str) -> str:
    """The message of an object's latest warning; empty when there is none, or when events may not be read."""
    try:
        events = Event.all(context.cluster.list(EVENTS, fields=fields))
    except UnreachableError:
        raise
    except ClusterError as error:
        logger.warning("cannot read events: %s", error)
        return ""
    warnings = [event for event in events if event.type != "Normal" and reason in ("", event.reason)]
    if not warnings:
        return ""
    # RFC 3339 in UTC sorts as text.
    last = max(warnings, key=lambda event: event.at)
    return cut(last.message or last.reason, _WORDS_BYTES)

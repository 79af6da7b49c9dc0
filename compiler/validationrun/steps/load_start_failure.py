"""
Why a load does not start. Much of it never reaches a pod's status: a missing account, a quota, a refusal by Pod Security
and a volume that cannot be mounted stand only in events.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Final

from validationrun.base.truncate import cut
from validationrun.contract.shards import ShardState
from validationrun.kube.cluster import EVENTS, ClusterError, Object, UnreachableError
from validationrun.oracle.outcome import RunReason
from validationrun.steps.context import Context

logger = logging.getLogger(__name__)

_MOST_TOLD: Final = 3
_WORDS_BYTES: Final = 600
_VAGUE: Final = frozenset({"", "waiting", "ContainerCreating", "PodInitializing"})


def why_not_started(
    context: Context, job_name: str, job_uid: str, shards: Mapping[int, ShardState]
) -> tuple[RunReason, str]:
    """A reason of row 5, and words for people: what Kubernetes says of the shards that do not run."""
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
    told = list(_told(context, late))
    rest = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return RunReason.LOAD_NOT_STARTED, "; ".join(told[:_MOST_TOLD]) + rest if told else "no shard started"


def _told(context: Context, late: list[ShardState]) -> Iterator[str]:
    """Shards that wait for one thing are told together."""
    by_words: dict[str, list[int]] = {}
    for state in late:
        words = state.waiting
        if state.pod and words in _VAGUE:
            # A pod that waits for a volume says nothing of it in its status.
            words = _latest(context, f"involvedObject.name={state.pod}", "") or words or "its pod has not started"
        by_words.setdefault(words or "it has no pod", []).append(state.index)
    for words, indexes in by_words.items():
        which = f"shard {indexes[0]}" if not indexes[1:] else f"{len(indexes)} shards"
        yield f"{which}: {words}"


def _latest(context: Context, fields: str, reason: str) -> str:
    """The message of an object's latest warning; empty when there is none, or when it may not be read."""
    try:
        found = context.cluster.list(EVENTS, fields=fields)
    except UnreachableError:
        raise
    except ClusterError as error:
        logger.warning("cannot read events: %s", error)
        return ""
    warnings = [one for one in found if one.get("type") != "Normal" and reason in ("", one.get("reason"))]
    if not warnings:
        return ""
    last = max(warnings, key=_when)
    return cut(str(last.get("message") or last.get("reason") or ""), _WORDS_BYTES)


def _when(event: Object) -> str:
    """RFC 3339 in UTC sorts as text."""
    return str(
        event.get("lastTimestamp") or event.get("eventTime") or event.get("metadata", {}).get("creationTimestamp") or ""
    )

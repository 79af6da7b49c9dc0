"""What the pods of a Job say about its shards: pure, on the objects as the API server sends them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from validationrun.cluster import Object
from validationrun.oracle.workload import Shard
from validationrun.record import format_time, parse_time

CONTAINER: Final = "workload"
LABEL_JOB_UID: Final = "batch.kubernetes.io/controller-uid"
_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_DISRUPTED: Final = "DisruptionTarget"


@dataclass(frozen=True, slots=True)
class ShardState:
    """
    One shard as seen so far. What was seen once is kept, also when its pod is gone.

    Attributes:
        started, finished: Unix seconds of the container, from Kubernetes.
        waiting: why the container does not run yet, in words.
        running: its container ran when last looked at.
        disrupted: it was evicted or preempted, or its node went away.
    """

    index: int
    pod: str = ""
    started: float | None = None
    finished: float | None = None
    code: int | None = None
    reason: str = ""
    waiting: str = ""
    running: bool = False
    disrupted: bool = False
    image: str | None = None
    image_id: str | None = None

    def as_shard(self) -> Shard:
        return Shard(self.index, self.code, self.reason)

    def as_json(self) -> Object:
        return {
            "index": self.index,
            "pod": self.pod or None,
            "exitCode": self.code,
            "reason": self.reason or None,
            "startedAt": format_time(self.started) if self.started is not None else None,
            "finishedAt": format_time(self.finished) if self.finished is not None else None,
        }


def observe(known: Mapping[int, ShardState], pods: Iterable[Object], replicas: int) -> dict[int, ShardState]:
    """Every shard after a look at the Job's pods. One whose pod is gone keeps what was known of it, and runs no more."""
    states = {index: replace(known.get(index, ShardState(index)), running=False) for index in range(replicas)}
    for pod in pods:
        index = _index(pod)
        if index in states:
            states[index] = _observe_one(states[index], pod)
    return states


def _index(pod: Mapping[str, Any]) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(_INDEX, "")
    return int(text) if text.isdigit() else -1


def _observe_one(state: ShardState, pod: Mapping[str, Any]) -> ShardState:
    status = pod.get("status") or {}
    state = replace(state, pod=pod["metadata"]["name"])
    if status.get("reason") or _disrupted(status):
        # Evicted, preempted, its node gone: whatever the container says, this shard was not left alone.
        state = replace(state, reason=str(status.get("reason") or _DISRUPTED), disrupted=True)
    container = next((one for one in status.get("containerStatuses") or [] if one.get("name") == CONTAINER), None)
    if container is None:
        return replace(state, waiting=_scheduling(status)) if state.started is None else state
    state = replace(state, image=container.get("image"), image_id=container.get("imageID"))
    now = container.get("state") or {}
    if "running" in now:
        return replace(state, started=_time(now["running"].get("startedAt")), running=True, waiting="")
    if "terminated" in now:
        ended = now["terminated"]
        return replace(
            state,
            started=state.started or _time(ended.get("startedAt")),
            finished=_time(ended.get("finishedAt")),
            code=_code(ended, disrupted=state.disrupted),
            reason=state.reason if state.disrupted else str(ended.get("reason") or ""),
            waiting="",
        )
    waiting = now.get("waiting") or {}
    words = ": ".join(str(waiting[key]) for key in ("reason", "message") if waiting.get(key))
    return replace(state, waiting=words or "waiting")


def _code(ended: Mapping[str, Any], *, disrupted: bool) -> int | None:
    code = ended.get("exitCode")
    # A shard that was evicted may still have ended 0; it did not do its whole work.
    return None if disrupted and code == 0 else code


def _time(text: str | None) -> float | None:
    return parse_time(text) if text else None


def _disrupted(status: Mapping[str, Any]) -> bool:
    return any(one.get("type") == _DISRUPTED and one.get("status") == "True" for one in status.get("conditions") or [])


def _scheduling(status: Mapping[str, Any]) -> str:
    for one in status.get("conditions") or []:
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return f"not scheduled: {one.get('message') or one.get('reason')}"
    return "its pod has not started"


def load_start(states: Mapping[int, ShardState]) -> float | None:
    """When the last shard's container started; None while one has not."""
    started = [state.started for state in states.values()]
    known = [one for one in started if one is not None]
    return max(known) if len(known) == len(started) else None


def load_end(states: Mapping[int, ShardState], start: float) -> float | None:
    """
    The window's end: the latest end of a load container less a second, never before `start`.

    None when no end was seen. The second keeps the final sweep clear of the staleness that follows a pod's end.
    """
    finished = [state.finished for state in states.values() if state.finished is not None]
    return max(start, max(finished) - 1) if finished else None


def job_condition(job: Mapping[str, Any] | None) -> str:
    """`Complete`, `Failed`, or empty while the Job is not over."""
    for one in ((job or {}).get("status") or {}).get("conditions") or []:
        if one.get("type") in ("Complete", "Failed") and one.get("status") == "True":
            return str(one["type"])
    return ""


def all_indexes_complete(job: Mapping[str, Any] | None, replicas: int) -> bool:
    """
    The second witness for 0: the Job itself is Complete with every index, and nobody shrank it.

    A Job whose completions were lowered becomes Complete without a single success.
    """
    if job is None or job_condition(job) != "Complete":
        return False
    spec, status = job["spec"], job["status"]
    indexes = f"0-{replicas - 1}" if replicas > 2 else ",".join(map(str, range(replicas)))  # noqa: PLR2004 - Kubernetes writes two as "0,1"
    return bool(
        spec.get("completions") == replicas
        and status.get("succeeded") == replicas
        and status.get("completedIndexes") == indexes
    )

"""Derives the state of a Job's shards from its pods: pure functions on the API server's objects."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from validationrun.base.conventions import ANNOTATION_JOB_INDEX, LOAD_CONTAINER
from validationrun.base.times import format_time, parse_time
from validationrun.base.truncate import cut
from validationrun.contract.image_ids import image_id
from validationrun.contract.load_entries import LoadSignal, ShardStatus
from validationrun.kube.cluster import Object
from validationrun.oracle.workload import KILLED, SIGTERM_IGNORED, Shard

LABEL_JOB_UID: Final = "batch.kubernetes.io/controller-uid"
_DISRUPTED: Final = "DisruptionTarget"
DELETED: Final = "Deleted"
REPLACED: Final = "Replaced"
POD_GONE: Final = "PodGone"

_NEVER: Final = frozenset({"InvalidImageName"})
"""Waiting reasons that never pass. Every other cause, such as a missing image or Secret, may pass."""

_SAYS_NOTHING: Final = frozenset({None, "", "PodInitializing", "ContainerCreating"})
"""Reasons of a container that waits for its turn, or for something that only events tell."""

_WORDS_BYTES: Final = 400
_MOST_NAMED: Final = 8
_WELL: Final = "exit 0"


class ShardState(Struct, frozen=True):
    """
    One shard as seen so far. Facts are kept when its pod is gone.

    Attributes:
        started, finished: Unix seconds of the container, from Kubernetes.
        waiting: text: why the container does not run yet, or never did.
        running: its container ran at the last look.
        disrupted: it was evicted, preempted, deleted or replaced, or its node went away, so its work is incomplete.
        deleted: its pod was deleted, perhaps by us, before its container ended.
        hopeless: it has not run and never will.
        unprepared: it is hopeless because an init container failed.
        signalled: UID of the pod that load-job deletes at the end of a load with `endBy: Signal`, which is no disruption; or empty.
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
    deleted: bool = False
    hopeless: bool = False
    unprepared: bool = False
    signalled: str = ""
    image: str | None = None
    image_id: str = ""

    def as_shard(self) -> Shard:
        return Shard(self.index, self.code, self.reason, self.started, self.finished)

    def as_status(self) -> ShardStatus:
        """The shard as the record and the status hold it."""
        return ShardStatus(
            self.index,
            pod=self.pod or None,
            exit_code=self.code,
            reason=self.reason or None,
            started_at=format_time(self.started) if self.started is not None else None,
            finished_at=format_time(self.finished) if self.finished is not None else None,
        )

    @classmethod
    def recorded(cls, shard: ShardStatus) -> "ShardState":
        """The state that an earlier attempt of the step recorded; it keeps exit code and disruption."""
        code, reason = shard.exit_code, shard.reason or ""
        return cls(
            shard.index,
            pod=shard.pod or "",
            started=parse_time(shard.started_at) if shard.started_at else None,
            finished=parse_time(shard.finished_at) if shard.finished_at else None,
            code=code,
            reason=reason,
            # A shard without a code has a reason only after a disruption.
            disrupted=reason == DELETED or (code is None and bool(reason)),
            deleted=reason == DELETED,
        )


def observe(known: Mapping[int, ShardState], pods: Iterable[Object], replicas: int) -> dict[int, ShardState]:
    """Every shard after a look at the Job's pods. A shard whose pod is gone keeps its facts, but does not run."""
    states = {index: replace(known.get(index, ShardState(index)), running=False) for index in range(replicas)}
    for pod in pods:
        index = index_of(pod)
        if index in states:
            states[index] = _observe_one(states[index], pod)
    return states


def observe_change(known: Mapping[int, ShardState], pod: Object) -> dict[int, ShardState]:
    """Every shard after one of the Job's pods changed or was deleted; `pod` is its new or its last state."""
    states, index = dict(known), index_of(pod)
    if index in states:
        states[index] = _observe_one(replace(states[index], running=False), pod)
    return states


def with_signal(known: Mapping[int, ShardState], signal: LoadSignal) -> dict[int, ShardState]:
    """Every shard, with the pod that is deleted as planned."""
    uids = {pod.index: pod.uid for pod in signal.pods}
    return {index: replace(state, signalled=uids.get(index, "")) for index, state in known.items()}


def index_of(pod: Mapping[str, Any]) -> int:
    """The shard of a pod; -1 when the pod names none."""
    text = (pod["metadata"].get("annotations") or {}).get(ANNOTATION_JOB_INDEX, "")
    return int(text) if text.isdigit() else -1


def _observe_one(state: ShardState, pod: Mapping[str, Any]) -> ShardState:
    status, name = pod.get("status") or {}, pod["metadata"]["name"]
    container = next(
        (entry for entry in status.get("containerStatuses") or [] if entry.get("name") == LOAD_CONTAINER), None
    )
    now = (container or {}).get("state") or {}
    state = _disruption(state, pod)
    state = replace(state, pod=name)
    waits = container is None or "waiting" in now
    if waits and state.started is None and (held := _held_by_init_container(state, pod)) is not None:
        return held
    if container is None:
        return _without_container(state, status)
    state = replace(
        state, image=container.get("image"), image_id=image_id(str(container.get("imageID") or "")) or state.image_id
    )
    if "running" in now:
        return replace(state, started=_time(now["running"].get("startedAt")), running=True, waiting="")
    if "terminated" in now:
        return _terminated(state, now["terminated"])
    waiting = now.get("waiting") or {}
    return replace(
        state, waiting=_words(waiting) or "waiting", hopeless=state.started is None and waiting.get("reason") in _NEVER
    )


def _held_by_init_container(state: ShardState, pod: Mapping[str, Any]) -> ShardState | None:
    """
    The shard while an init container runs, or after one failed; None when none of them says anything.

    A sidecar, which a mesh may have added, runs beside the workload and is begun again when it ends.
    """
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    sidecars = [
        entry.get("name") for entry in spec.get("initContainers") or [] if entry.get("restartPolicy") == "Always"
    ]
    for entry in status.get("initContainerStatuses") or []:
        now, name = entry.get("state") or {}, f"init container {entry.get('name')}"
        if entry.get("name") in sidecars and "waiting" not in now:
            continue
        if "running" in now:
            return replace(state, waiting=f"{name} runs")
        if (ended := now.get("terminated")) is not None:
            code = ended.get("exitCode")
            if code == 0:
                continue
            why = cut("".join(f": {text}" for text in _causes(ended) if text != "Error"), _WORDS_BYTES)
            return replace(state, waiting=f"{name} ended with exit {code}{why}", hopeless=True, unprepared=True)
        waiting = now.get("waiting") or {}
        if waiting.get("reason") not in _SAYS_NOTHING:
            hopeless = waiting["reason"] in _NEVER
            return replace(state, waiting=f"{name}: {_words(waiting)}", hopeless=hopeless)
    return None


def _disruption(state: ShardState, pod: Mapping[str, Any]) -> ShardState:
    """Marks a disruption of the shard, whatever its container says."""
    status = pod.get("status") or {}
    if state.pod and state.pod != pod["metadata"]["name"]:
        # A second pod for the index begins the work again, in the middle of the window.
        state = replace(state, disrupted=True, reason=REPLACED)
    planned = bool(state.signalled) and state.signalled == pod["metadata"].get("uid")
    if state.code is None and "deletionTimestamp" in pod["metadata"] and not planned:
        # A load generator that obeys SIGTERM ends 0, which its Job counts as a success. A pod that ended by itself is hardly
        # deleted within the second between two looks, so clocks are not compared.
        state = replace(state, disrupted=True, deleted=True, reason=DELETED)
    if state.code is not None:
        # Its work is done: later events of its pod or node do not matter.
        return state
    condition = next((candidate for candidate in status.get("conditions") or [] if _is_disruption(candidate)), None)
    if condition is not None:
        state = replace(state, disrupted=True, reason=str(condition.get("reason") or _DISRUPTED))
    if status.get("reason"):
        state = replace(state, disrupted=True, reason=str(status["reason"]))
    return state


def _without_container(state: ShardState, status: Mapping[str, Any]) -> ShardState:
    if state.started is not None:
        return state
    if status.get("phase") == "Failed":
        return replace(state, waiting=_words(status) or "its pod failed", hopeless=True)
    return replace(state, waiting=_scheduling(status))


def _terminated(state: ShardState, ended: Mapping[str, Any]) -> ShardState:
    started = state.started or _time(ended.get("startedAt"))
    state = replace(
        state,
        started=started,
        finished=_time(ended.get("finishedAt")),
        code=_code(ended, disrupted=state.disrupted),
        reason=state.reason if state.disrupted else _reason(state, ended),
        waiting="",
    )
    if started is None:
        # The container never ran, for instance because its image was still being pulled or has no such command. The kubelet
        # made the exit code up.
        waiting = _words(ended) or "its container ended before it had begun"
        return replace(state, code=None, waiting=waiting, hopeless=True)
    return state


def _code(ended: Mapping[str, Any], *, disrupted: bool) -> int | None:
    code = ended.get("exitCode")
    # An evicted shard may end 0, or 1 because its work was cancelled: neither is a result of its work.
    return None if disrupted and code in (0, 1) else code


def _reason(state: ShardState, ended: Mapping[str, Any]) -> str:
    reason = str(ended.get("reason") or "")
    ignored = state.signalled and ended.get("exitCode") == KILLED and reason in ("", "Error")
    return SIGTERM_IGNORED if ignored else reason


def _words(found: Mapping[str, Any]) -> str:
    return cut(": ".join(_causes(found)), _WORDS_BYTES)


def _causes(found: Mapping[str, Any]) -> list[str]:
    return [str(found[key]) for key in ("reason", "message") if found.get(key)]


def _time(text: str | None) -> float | None:
    """Unix seconds; None also for the year 1970, which a container that never started has."""
    seconds = parse_time(text) if text else 0.0
    return seconds if seconds > 0 else None


def _is_disruption(condition: Mapping[str, Any]) -> bool:
    return condition.get("type") == _DISRUPTED and condition.get("status") == "True"


def _scheduling(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return cut(f"not scheduled: {condition.get('message') or condition.get('reason')}", _WORDS_BYTES)
    return ""


def told(states: Mapping[int, ShardState], stopping: str) -> str:
    """
    How the shards ended; of many shards, only those that did not end 0.

    Args:
        stopping: why the load was stopped, or empty.
    """
    endings = {index: _end_in_words(state) for index, state in sorted(states.items())}
    chosen = [index for index, ending in endings.items() if len(endings) <= _MOST_NAMED or ending != _WELL]
    parts = [f"shard {index} {endings[index]}" for index in chosen[:_MOST_NAMED]]
    rest = len(endings) - len(parts)
    if rest:
        parts.append(f"{rest} {'others' if parts else 'shards'}" + (f" {_WELL}" if len(chosen) <= _MOST_NAMED else ""))
    text = ", ".join(parts)
    return f"{text}; stopped: {stopping}" if stopping else text


def _end_in_words(state: ShardState) -> str:
    code = "no exit code" if state.code is None else f"exit {state.code}"
    return f"{code} ({state.reason})" if state.reason not in ("", "Completed", "Error") else code


def load_start(states: Mapping[int, ShardState]) -> float | None:
    """When the last shard's container started; None until every shard has started."""
    started = [state.started for state in states.values()]
    known = [moment for moment in started if moment is not None]
    return max(known) if len(known) == len(started) else None


def load_end(states: Mapping[int, ShardState], start: float) -> float | None:
    """
    The window's end: one second before the latest end of a load container, but never before `start`.

    None when no end was seen. The second is there because series go stale when their pod ends.
    """
    finished = [state.finished for state in states.values() if state.finished is not None]
    return max(start, max(finished) - 1) if finished else None

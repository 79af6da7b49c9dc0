"""
States, events and last log lines of the pods of a run that did not pass, saved before the pods are removed.

The run record keeps as much as fits, the most telling pods first; the results folder keeps everything.
"""

import json
import logging
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from validationrun.base.atomic_files import dump_json, write_whole
from validationrun.base.conventions import EXIT_AGAINST_RUN
from validationrun.base.times import format_time
from validationrun.base.truncate import cut, size, tail
from validationrun.contract.chain_entries import NodeFailure
from validationrun.contract.diagnostics import ContainerDiagnostics, Diagnostics, PodDiagnostics
from validationrun.contract.load_entries import JobEntry
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import EVENTS, ClusterError, UnreachableError
from validationrun.kube.objects import ContainerStatus, Event
from validationrun.steps.context import Context
from validationrun.steps.node_failures import failures_of
from validationrun.steps.own_chain import OwnChain
from validationrun.steps.pods import RunPod, pods_of

logger = logging.getLogger(__name__)

FILE: Final = "diagnostics.json"

_LOG_LINES: Final = (500, 50, 5)
"""The API server cuts off the end of an answer, which matters most: a log of long lines is requested again with fewer lines."""

_READ_BYTES: Final = 4 * 1024 * 1024
_LOG_BYTES: Final = 256 * 1024
_ALL_LOG_BYTES: Final = 16 * 1024 * 1024
_MOST_PODS: Final = 120
_MOST_SEI_NODES: Final = 8
_SECONDS: Final = 60
"""For all pods: the verdict must not wait longer for diagnostics."""

_PATIENCE_SECONDS: Final = 3.0
"""For one answer: the kubelet of a lost node never answers, and the pods of other nodes have diagnostics too."""

_WORDS_BYTES: Final = 300
_MOST_EVENTS: Final = 10
_LONGEST_LOG: Final = 12 * 1024
_LEAST_LOG: Final = 200
_HELPERS: Final = frozenset({"init", "wait", "supervisor"})
"""Argo's own containers: their logs matter only where they failed. `supervisor` stands for the two others where an installation of
Argo 4.1 has `initlessPod`."""


class PodFound(Struct):
    """
    The diagnostics of one pod, or of the Job.

    Attributes:
        document: states and events.
        logs: by container.
    """

    document: PodDiagnostics
    logs: dict[str, str] = field(default_factory=dict)


def collect(context: Context, written: Record | None) -> list[PodFound]:
    """The most telling pods first. Never raises ClusterError: a run without diagnostics still has its verdict."""
    until, room = context.now() + _SECONDS, _ALL_LOG_BYTES
    collected: list[PodFound] = []
    context = replace(context, cluster=context.cluster.patient(_PATIENCE_SECONDS))
    try:
        pods = sorted(pods_of(context, written), key=_rank)
        collected += _sei_nodes(context, written)
        collected += _job(context, written)
        for pod in pods[:_MOST_PODS]:
            if context.now() >= until:
                logger.warning("no time for all pods: %s of %s were asked", len(collected), len(pods))
                break
            pod_found = PodFound(_document(context, pod))
            collected.append(pod_found)
            for container in _with_log(pod):
                log = tail(_log(context, pod.name, container), min(room, _LOG_BYTES))
                room -= len(log.encode())
                if log:
                    pod_found.logs[container] = log
    except ClusterError as error:
        logger.warning("diagnostics are not whole: %s", error)
    return collected


def _rank(pod: RunPod) -> int:
    """Failed shards, failed steps and unhealthy chain pods first; the other pods are only context."""
    failed = _is_failed(pod)
    order = {("shard", True): 0, ("step", True): 1, ("chain", True): 2, ("shard", False): 3, ("chain", False): 4}
    return order.get((pod.kind, failed), 5)


def _is_failed(pod: RunPod) -> bool:
    statuses = _statuses(pod)
    codes = {status.exit_code for status in statuses}
    if pod.kind == "step" and codes - {0, None} == {EXIT_AGAINST_RUN}:
        # The run record already says why the step failed.
        return False
    troubled = any(
        status.state == "waiting" or status.exit_code or (pod.kind == "chain" and status.restarts)
        for status in statuses
    )
    return pod.phase in ("Failed", "Pending") or troubled


def _document(context: Context, pod: RunPod) -> PodDiagnostics:
    unscheduled = [
        condition.message
        for condition in pod.pod.conditions
        if (condition.type, condition.status) == ("PodScheduled", "False")
    ]
    return PodDiagnostics(
        pod=pod.name,
        of=pod.step or pod.kind,
        node=pod.pod.node,
        phase=pod.phase or None,
        reason=pod.pod.reason,
        message=_text(unscheduled[0] if unscheduled else pod.pod.message),
        deleted=pod.pod.deleted or None,
        containers=[_container(container) for container in _statuses(pod)],
        events=_events(context, pod.pod.uid, pod.name),
    )


def _text(message: str | None) -> str | None:
    return cut(message, _WORDS_BYTES) if message else None


def _statuses(pod: RunPod) -> list[ContainerStatus]:
    return [*pod.pod.init_containers, *pod.pod.containers]


def _container(status: ContainerStatus) -> ContainerDiagnostics:
    return ContainerDiagnostics(
        name=status.name,
        state=status.state,
        exit_code=status.exit_code,
        reason=status.reason,
        message=_text(status.message),
        started_at=status.started,
        finished_at=status.finished,
        restarts=status.restarts,
    )


def _with_log(pod: RunPod) -> Iterator[str]:
    for status in _statuses(pod):
        ran = status.state in ("running", "terminated") or bool(status.restarts)
        if ran and not (pod.kind == "step" and status.name in _HELPERS and not status.exit_code):
            yield status.name


def _log(context: Context, pod: str, container: str) -> str:
    text = ""
    try:
        for lines in _LOG_LINES:
            text = context.cluster.log(pod, container, lines, _READ_BYTES)
            if len(text.encode("utf-8", "replace")) < _READ_BYTES:
                break
    except ClusterError as error:
        _pass_on_if_gone(error)
        return f"(no log: {cut(str(error), _WORDS_BYTES)})\n"
    return text


def _pass_on_if_gone(error: ClusterError) -> None:
    """Raises the error if the API server itself gave no answer, because other requests would fail too. With a status, a node is lost."""
    if isinstance(error, UnreachableError) and not error.status:
        raise error


def _events(context: Context, uid: str | None, name: str) -> list[str]:
    """The last events of an object, one line each."""
    fields = f"involvedObject.uid={uid}" if uid else f"involvedObject.name={name}"
    try:
        events = Event.all(context.cluster.list(EVENTS, fields=fields))
    except ClusterError as error:
        _pass_on_if_gone(error)
        return [f"no events: {cut(str(error), _WORDS_BYTES)}"]
    lines = []
    for event in events:
        times = f" (x{event.count})" if event.count > 1 else ""
        message = cut(event.message, _WORDS_BYTES)
        lines.append(f"{event.at or '-'} {event.type or '-'} {event.reason or '-'}: {message}{times}")
    return sorted(lines)[-_MOST_EVENTS:]


def _sei_nodes(context: Context, written: Record | None) -> list[PodFound]:
    """The SeiNodes that failed, with the controller's words: such a node may never have had a pod."""
    run = written.get(RunEntry) if written is not None else None
    if run is None or not run.bring_up:
        return []
    try:
        failures = [failure for _, found in OwnChain(run).objects(context) for failure in failures_of(context, found)]
    except ClusterError as error:
        _pass_on_if_gone(error)
        logger.warning("no SeiNodes were looked for: %s", error)
        return []
    return [PodFound(_sei_node(context, failure)) for failure in failures[:_MOST_SEI_NODES]]


def _sei_node(context: Context, failure: NodeFailure) -> PodDiagnostics:
    return PodDiagnostics(
        sei_node=failure.node,
        of="chain",
        phase="Failed",
        reason=failure.task,
        message=_text(failure.error),
        events=_events(context, None, failure.node),
    )


def _job(context: Context, written: Record | None) -> list[PodFound]:
    """The events of the load's Job: a refused pod leaves no other trace."""
    job = written.get(JobEntry) if written is not None else None
    if job is None:
        return []
    events = _events(context, job.uid, job.name)
    return [PodFound(PodDiagnostics(job=job.name, events=events))] if events else []


def summary(context: Context, found: Sequence[PodFound], budget: int) -> Diagnostics:
    """
    The diagnostics for the run record: as much as fits into `budget` bytes.

    States come before logs, and the most telling pod gets the most room.
    """
    empty = Diagnostics(format_time(context.now()), [], len(found))
    used = size(empty.to_data())
    kept: list[PodFound] = []
    for pod in found:
        needed = size(pod.document.to_data()) + len(", ")
        if used + needed <= budget:
            used += needed
            kept.append(pod)
    documents = []
    for pod in kept:
        document = pod.document
        # Each pod gets half of the remaining room, so that many failed pods all keep a few lines.
        room = min(_LONGEST_LOG, (budget - used) // 2)
        if room >= _LEAST_LOG and pod.logs:
            document = replace(document, log=_shared(pod.logs, room))
            used += size(document.log) + len('"log": , ')
        documents.append(document)
    return Diagnostics(empty.at, documents, len(found) - len(kept))


def _shared(logs: Mapping[str, str], room: int) -> dict[str, str]:
    """Cuts the logs by their size in JSON, which writes a line end or a quotation mark as two characters, and others as six."""
    each = room // len(logs) - 2 * max(map(len, logs)) - len('": "",')
    shown = {}
    for name, log in logs.items():
        text = tail(log, max(each, 0))
        while text and len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) > each:
            text = tail(log, len(text.encode("utf-8", "replace")) * 3 // 4)
        if text:
            shown[name] = text
    return shown


def save(folder: pathlib.Path, found: Sequence[PodFound]) -> None:
    """Writes all diagnostics as files beside the reports. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / FILE, dump_json({"pods": [pod.document.to_data() for pod in found]}))
    for pod in found:
        for container, log in pod.logs.items():
            write_whole(folder / f"pod-{pod.document.pod}-{container}.log", log.encode("utf-8", "replace"))

"""Finds the pods of a run, by step and by shard, and reads their logs piece by piece."""

import re
from dataclasses import dataclass
from typing import Final

from validationrun.base.conventions import (
    ANNOTATION_JOB_INDEX,
    ARGO_MAIN_CONTAINER,
    FINALIZE_CONTAINER,
    LABEL_ARGO_WORKFLOW,
    LOAD_CONTAINER,
    STEPS,
    SUITE_MEMBER,
    SUITE_STEPS,
)
from validationrun.base.times import parse_time
from validationrun.contract.load_entries import JobEntry
from validationrun.contract.record import Record
from validationrun.contract.shards import LABEL_JOB_UID
from validationrun.kube.cluster import PODS, Cluster, UnreachableError
from validationrun.kube.objects import Pod, Workflow
from validationrun.runs.lookup import identity_of

_STAMP: Final = re.compile(r"(\S+?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")
_NEVER: Final = (float("-inf"), 0)
_FROM_THE_NODE: Final = 500
"""HTTP status of the API server when it cannot reach a kubelet."""

_PATIENCE_SECONDS: Final = 3
_OF_ARGO: Final = re.compile(r"time=\S+ level=\S+ .*\bargo=true\b.*|Error: exit status \d+")
"""Lines that Argo's executor adds to a step's log."""


@dataclass(frozen=True, slots=True)
class Source:
    """
    One container with a log.

    Attributes:
        what: its step, or `shard 0`.
    """

    what: str
    pod: str
    container: str


def step_sources(cluster: Cluster, workflow: Workflow) -> list[Source]:
    """The pods of the steps, in the order of the steps; of a retried step, the first attempt first."""
    identity = identity_of(workflow)
    pods = Pod.all(cluster.list(PODS, labels=f"{LABEL_ARGO_WORKFLOW}={identity.workflow}"))
    pods = sorted((pod for pod in pods if pod.is_owned_by(identity.uid)), key=lambda pod: pod.created)
    steps = (*STEPS, *SUITE_STEPS)
    return [Source(_what(pod), pod.name, _container_of(pod)) for step in steps for pod in pods if _step_of(pod) == step]


def shard_sources(cluster: Cluster, written: Record | None) -> list[Source]:
    """The pods of the load, in the order of the shards."""
    job = written.get(JobEntry) if written is not None else None
    if job is None:
        return []
    pods = Pod.all(cluster.list(PODS, labels=f"{LABEL_JOB_UID}={job.uid}"))
    pods = sorted(pods, key=lambda pod: (_index(pod), pod.created))
    return [Source(f"shard {_index(pod)}", pod.name, LOAD_CONTAINER) for pod in pods]


def _index(pod: Pod) -> int:
    return pod.number(ANNOTATION_JOB_INDEX)


def _step_of(pod: Pod) -> str:
    """The step of a pod, by the runner's first argument, because Argo's pod names vary."""
    return next(iter(pod.arguments(_container_of(pod))), "")


def _container_of(pod: Pod) -> str:
    """The container in which the step's program runs."""
    return FINALIZE_CONTAINER if pod.arguments(FINALIZE_CONTAINER) else ARGO_MAIN_CONTAINER


def _what(pod: Pod) -> str:
    """The step, and of suite-member also the member that it follows."""
    step, *given = pod.arguments(_container_of(pod))
    return f"{step} {given[0].removeprefix('--set=member=')}" if step == SUITE_MEMBER and given else step


def without_argo(lines: list[str], container: str) -> list[str]:
    """The lines without those of Argo's executor, which only the containers of a step have."""
    return [line for line in lines if not _OF_ARGO.fullmatch(line)] if container != LOAD_CONTAINER else lines


@dataclass(slots=True)
class Tail:
    """
    A log that is read again and again; each line is returned once.

    The API server begins at a whole second, so lines of that second come again; this class drops them.

    Attributes:
        silent: why this log cannot be read although the API server answers: its node is gone. It is not read again.
    """

    cluster: Cluster
    source: Source
    silent: str = ""
    _since: str = ""
    _last: tuple[float, int] = _NEVER
    _at_last: int = 0

    def lines(self) -> list[str]:
        """New lines, without times and without Argo's own lines; empty when there is no log yet, or no longer."""
        try:
            return [] if self.silent else without_argo(self._fresh(), self.source.container)
        except UnreachableError as error:
            if error.status != _FROM_THE_NODE:
                raise
            self.silent = str(error)
            return []

    def _fresh(self) -> list[str]:
        fresh: list[str] = []
        again = self._at_last
        last = self._last
        # Short patience: an API server comes back, but a lost node may not.
        text = self.cluster.patient(_PATIENCE_SECONDS).log_since(self.source.pod, self.source.container, self._since)
        # Not splitlines: a program's line may hold a form feed or a line separator.
        for line in text.removesuffix("\n").split("\n") if text else []:
            stamp, _, rest = line.partition(" ")
            at = _moment(stamp)
            if at is None:
                # A message of the kubelet, such as that the log was rotated.
                fresh.append(line)
                continue
            if at < last:
                continue
            if at == last and again:
                again -= 1
                continue
            fresh.append(rest)
            if at == self._last:
                self._at_last += 1
            elif at > self._last:
                self._last, self._since, self._at_last = at, stamp, 1
        return fresh


def _moment(stamp: str) -> tuple[float, int] | None:
    """Seconds and nanoseconds, because one float cannot hold both."""
    match = _STAMP.fullmatch(stamp)
    if match is None:
        return None
    try:
        seconds = parse_time(match[1] + match[3])
    except ValueError:
        return None
    return seconds, int((match[2] or "0").ljust(9, "0")[:9])

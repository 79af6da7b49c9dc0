"""The pods of a run: of its steps, its load and its chain. Pure except for the listing."""

import os
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct

from validationrun.base import conventions
from validationrun.base.text import counted, printable
from validationrun.base.truncate import cut
from validationrun.contract.chain_entries import ChainEntry
from validationrun.contract.load_entries import JobEntry
from validationrun.contract.record import Record
from validationrun.contract.record_key import MemoryRecord, Recorded
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.shards import LABEL_JOB_UID
from validationrun.kube.cluster import PODS
from validationrun.kube.objects import ContainerStatus, Pod
from validationrun.steps.context import Context

Kind = Literal["step", "shard", "chain"]

_NODE_NAME: Final = "workflows.argoproj.io/node-name"
_OVER: Final = frozenset({"Succeeded", "Failed"})
_WORDS_BYTES: Final = 600
_CRASH_LOOP: Final = "CrashLoopBackOff"


class RunPod(Struct, frozen=True):
    """
    A pod of this run.

    Attributes:
        step: the name of the step, for a step's pod.
    """

    kind: Kind
    pod: Pod
    step: str = ""

    @property
    def name(self) -> str:
        return self.pod.name

    @property
    def phase(self) -> str:
        return self.pod.phase

    @property
    def is_over(self) -> bool:
        return self.phase in _OVER


def pods_of(context: Context, written: Record | None, job_uid: str = "") -> list[RunPod]:
    """
    The pods that still exist, oldest first, without finalize's own. A step or shard must match by UID: a label is no proof.

    Args:
        job_uid: of the load's Job, if the record does not name the Job.
    """
    labels = f"{conventions.LABEL_RUN_ID}={context.identity.workflow}"
    known: Recorded = written if written is not None else MemoryRecord()
    job, chain, run = known.get(JobEntry), known.get(ChainEntry), known.get(RunEntry)
    chain_id = (chain.chain_id if chain is not None else "") or (run.chain_id if run is not None else "")
    job_uids = {job_uid, job.uid if job is not None else ""} - {""}
    # A host name is the pod's name, cut to 63 characters.
    own = os.environ.get("HOSTNAME") or "not a pod"
    pods = []
    for pod in Pod.all(context.cluster.list(PODS, labels=labels)):
        given = pod.labels
        if given.get(conventions.LABEL_ARGO_WORKFLOW) == context.identity.workflow:
            if pod.is_owned_by(context.identity.uid) and not pod.name.startswith(own):
                pods.append(RunPod("step", pod, _step(pod)))
        elif LABEL_JOB_UID in given:
            if given[LABEL_JOB_UID] in job_uids:
                pods.append(RunPod("shard", pod))
        elif chain_id and given.get(conventions.LABEL_CHAIN_ID) == chain_id:
            pods.append(RunPod("chain", pod))
    return sorted(pods, key=lambda found: (found.pod.created, found.name))


def _step(pod: Pod) -> str:
    """The step, by Argo's name of the node, such as `nightly-x7k2p.load-job(0)`."""
    node = pod.annotations.get(_NODE_NAME) or ""
    return node.partition(".")[2].partition("(")[0]


def last_words(pods: Iterable[RunPod], steps: Sequence[str]) -> str:
    """
    Why steps ended without a result, by their pods' last messages; empty when there are none.

    Args:
        steps: by name, in their order.
    """
    by_step = []
    for step in steps:
        messages = [message for pod in pods if pod.step == step and (message := _words(pod.pod))]
        if messages:
            # The pod of a step's last attempt has the step's last message.
            by_step.append(f"{step}: {messages[-1]}")
    return "; ".join(by_step)


def _words(pod: Pod) -> str:
    for container in pod.containers:
        if container.name == conventions.ARGO_MAIN_CONTAINER and container.exit_code:
            # The last line of a traceback names the error.
            message = (container.message or "").strip().rpartition("\n")[2]
            return cut(message or f"exit {container.exit_code} ({container.reason or 'Error'})", _WORDS_BYTES)
    if pod.phase == "Failed":
        return cut(": ".join(filter(None, (pod.reason, pod.message))), _WORDS_BYTES)
    return ""


def crash_loop(pods: Iterable[RunPod]) -> str:
    """The first container of the chain that ends again and again; empty when there is none."""
    for found in pods:
        if found.kind != "chain":
            continue
        for container in (*found.pod.init_containers, *found.pod.containers):
            if _crash_loops(container):
                ended = container.exit_code if container.exit_code is not None else container.last_exit_code
                reason = container.reason if container.state == "terminated" else container.last_reason
                words = (
                    f"container {container.name} of pod {found.name} crash-loops: "
                    f"{counted(container.restarts, 'restart')}, last exit {'unknown' if ended is None else ended}"
                )
                return cut(printable(f"{words} ({reason})" if reason else words), _WORDS_BYTES)
    return ""


def _crash_loops(container: ContainerStatus) -> bool:
    """The kubelet says so, or it caught the container between two of its ends. One restart alone is none."""
    if container.state == "waiting":
        return container.reason == _CRASH_LOOP
    return container.restarts > 1 and bool(container.exit_code or container.last_exit_code)

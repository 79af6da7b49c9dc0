"""The pods of a run: of its steps, its load and its chain. Pure except for the listing."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from validationrun.base import conventions
from validationrun.base.truncate import cut
from validationrun.contract.chain_entries import ChainEntry
from validationrun.contract.load_entries import JobEntry
from validationrun.contract.record import Record
from validationrun.contract.record_key import MemoryRecord, Recorded
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.shards import LABEL_JOB_UID
from validationrun.kube.cluster import PODS, Object, owned_by
from validationrun.steps.context import Context

Kind = Literal["step", "shard", "chain"]

_NODE_NAME: Final = "workflows.argoproj.io/node-name"
_OVER: Final = frozenset({"Succeeded", "Failed"})
_WORDS_BYTES: Final = 600


@dataclass(frozen=True, slots=True)
class RunPod:
    """
    A pod of this run.

    Attributes:
        step: the name of the step, for a step's pod.
    """

    kind: Kind
    body: Object
    step: str = ""

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def phase(self) -> str:
        return str((self.body.get("status") or {}).get("phase") or "")

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
    for body in context.cluster.list(PODS, labels=labels):
        metadata = body["metadata"]
        given = metadata.get("labels") or {}
        if given.get(conventions.LABEL_ARGO_WORKFLOW) == context.identity.workflow:
            if owned_by(body, context.identity.uid) and not metadata["name"].startswith(own):
                pods.append(RunPod("step", body, _step(metadata)))
        elif LABEL_JOB_UID in given:
            if given[LABEL_JOB_UID] in job_uids:
                pods.append(RunPod("shard", body))
        elif chain_id and given.get(conventions.LABEL_CHAIN_ID) == chain_id:
            pods.append(RunPod("chain", body))
    return sorted(pods, key=lambda pod: (str(pod.body["metadata"].get("creationTimestamp") or ""), pod.name))


def _step(metadata: Mapping[str, Any]) -> str:
    """The step, by Argo's name of the node, such as `nightly-x7k2p.load-job(0)`."""
    node = str((metadata.get("annotations") or {}).get(_NODE_NAME) or "")
    return node.partition(".")[2].partition("(")[0]


def last_words(pods: Iterable[RunPod], steps: Sequence[str]) -> str:
    """
    Why steps ended without a result, by their pods' last messages; empty when there are none.

    Args:
        steps: by name, in their order.
    """
    by_step = []
    for step in steps:
        messages = [message for pod in pods if pod.step == step and (message := _words(pod.body))]
        if messages:
            # The pod of a step's last attempt has the step's last message.
            by_step.append(f"{step}: {messages[-1]}")
    return "; ".join(by_step)


def _words(pod: Mapping[str, Any]) -> str:
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated") or {}
        if container.get("name") == conventions.ARGO_MAIN_CONTAINER and ended.get("exitCode"):
            # The last line of a traceback names the error.
            message = str(ended.get("message") or "").strip().rpartition("\n")[2]
            return cut(message or f"exit {ended['exitCode']} ({ended.get('reason') or 'Error'})", _WORDS_BYTES)
    if status.get("phase") == "Failed":
        return cut(": ".join(str(status[key]) for key in ("reason", "message") if status.get(key)), _WORDS_BYTES)
    return ""

"""A run that is over, as its steps left it: for the tests of finalize and of all that it does."""

import copy
import dataclasses
import pathlib
from typing import Any

from runner_helpers import (
    CONFIG_MAPS,
    IDENTITY,
    JOBS,
    PODS,
    START,
    WORKFLOWS,
    Clock,
    FakeCluster,
    begin,
    complete,
    context,
    node_id,
    read,
    workflow,
)
from validationrun.base import conventions
from validationrun.base.times import format_time
from validationrun.contract import record
from validationrun.kube.cluster import CHAIN_OBJECTS, EVENTS
from validationrun.steps.finalize import finalize

HASH = "a" * 64
CHAIN_ID = "nightly-0f8fad5b"
RUN: dict[str, Any] = {
    "format": 1,
    "name": "nightly",
    "specHash": "b" * 64,
    "bundleHash": HASH,
    "startedAt": format_time(START),
    "parameters": {},
    "cleanup": "Always",
    "bringUp": True,
    "deployments": [{"name": "rpc", "role": "fullNode", "object": "${chainId}-rpc"}],
    "load": {"workload": "evm", "shards": 1},
    "rules": [{"name": "height", "type": "query", "op": ">", "threshold": "0", "stopOnFailure": False}],
}
STATE: dict[str, Any] = {
    "name": "height", "verdict": "Passed", "reason": "", "message": "1 > 0", "last_t": START + 59, "errors": 0,
    "exhausted": False, "answered": True, "refused": False, "failed_t": None, "value": "1", "fired": 0,
}  # fmt: skip
FAILED = {**STATE, "verdict": "Failed", "reason": "ThresholdViolated", "failed_t": START + 10}
UNANSWERED = {**STATE, "verdict": "Error", "reason": "NoSamples", "message": "the query gave no sample"}
REFUSED = {**STATE, "verdict": "Error", "reason": "PrometheusRuleNotFound", "refused": True, "answered": False}
KEYS: dict[str, dict[str, Any]] = {
    record.CHAIN: {"chainId": CHAIN_ID, "endpoints": {"rpc": []}, "at": format_time(START)},
    record.CHAIN_READY: {"at": format_time(START), "deployments": []},
    record.EVALUATOR: {"readyAt": format_time(START)},
    record.JOB: {"name": IDENTITY.job_name, "uid": "job-uid", "createdAt": format_time(START)},
    record.LOAD: {
        "jobUid": "job-uid", "code": 0, "reason": "", "message": "shard 0 exit 0", "stopped": "",
        "start": format_time(START), "end": format_time(START + 59), "shards": [],
    },
    record.SIGN_OFF: {
        "workflowUid": IDENTITY.uid, "jobUid": "job-uid", "bundleHash": HASH, "start": format_time(START),
        "end": format_time(START + 59), "stopTime": None, "stopRule": None, "rules": [STATE],
        "nodeId": node_id(record.RULE_EVALUATOR), "files": {"rules/height.jsonl": {"sha256": "c" * 64, "bytes": 1}},
    },
}  # fmt: skip
RESULTS = {"bucket": "results", "uri": "s3://results/eng-ada/evm/${runId}/"}


def deployment(owner: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """As ensure-chain creates it."""
    labels = IDENTITY.labels("chain", CHAIN_ID)
    owners = [owner or IDENTITY.owner()]
    return {
        "metadata": {"name": f"{CHAIN_ID}-rpc", "labels": labels, "ownerReferences": owners, **metadata},
        "status": {"phase": "Ready"},
    }


def terminated(code: int, name: str = "main", message: str = "", **more: Any) -> dict[str, Any]:
    """A container's status once it has ended."""
    words = {"reason": "Completed" if code == 0 else "Error", **({"message": message} if message else {})}
    return {"name": name, "state": {"terminated": {"exitCode": code, **words}}, **more}


def runs(name: str = "main", **more: Any) -> dict[str, Any]:
    return {"name": name, "state": {"running": {"startedAt": format_time(START)}}, **more}


class World:
    """A good run; a test changes what it is about, and then lets finalize decide."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.cluster, self.clock = FakeCluster(), Clock()
        self.keys, self.run = copy.deepcopy(KEYS), copy.deepcopy(RUN)
        self.cluster.put(WORKFLOWS, workflow(activeDeadlineSeconds=3000))
        self.cluster.put(JOBS, complete())
        self.context = context("finalize", self.cluster, self.clock, folder, HASH)
        self.folder = self.context.output_dir / "results"
        self._begun = False

    def step(
        self, step: str, *statuses: dict[str, Any], name: str = "", phase: str = "Succeeded", at: float = 0
    ) -> None:
        """A pod of one of the run's steps."""
        self._pod(
            name or f"{IDENTITY.workflow}-{step}-123",
            {"workflows.argoproj.io/workflow": IDENTITY.workflow},
            {"phase": phase, "containerStatuses": list(statuses)},
            annotations={"workflows.argoproj.io/node-name": f"{IDENTITY.workflow}.{step}(0)"},
            creationTimestamp=format_time(START + at),
        )

    def shard(self, index: int, *statuses: dict[str, Any], phase: str = "Failed", **status: Any) -> None:
        labels = {"batch.kubernetes.io/controller-uid": "job-uid"}
        self._pod(f"load-{index}", labels, {"phase": phase, "containerStatuses": list(statuses), **status})

    def node(self, name: str, *statuses: dict[str, Any], phase: str = "Running", **status: Any) -> None:
        labels = {conventions.LABEL_CHAIN_ID: CHAIN_ID}
        self._pod(name, labels, {"phase": phase, "containerStatuses": list(statuses), **status})

    def _pod(self, name: str, labels: dict[str, str], status: dict[str, Any], **metadata: Any) -> None:
        labels = {conventions.LABEL_RUN_ID: IDENTITY.workflow, **labels}
        owners = [IDENTITY.owner()]
        body = {"metadata": {"name": name, "labels": labels, "ownerReferences": owners, **metadata}, "status": status}
        self.cluster.put(PODS, body)

    def says(self, of: str, message: str, *, at: float = 0, **more: Any) -> None:
        """An event about a pod, or by its uid about the Job."""
        uid = self.cluster.objects[("pods", of)]["metadata"]["uid"] if ("pods", of) in self.cluster.objects else of
        event = {
            "metadata": {"name": f"event-{len(self.cluster.objects)}"},
            "involvedObject": {"name": of, "uid": uid},
            "type": "Warning",
            "reason": "BackOff",
            "message": message,
            "lastTimestamp": format_time(START + at),
            **more,
        }
        self.cluster.put(EVENTS, event)

    def chain(self, **metadata: Any) -> None:
        self.cluster.put(CHAIN_OBJECTS, deployment(**metadata))

    @property
    def has_chain(self) -> bool:
        return any(plural == CHAIN_OBJECTS.plural for plural, _ in self.cluster.objects)

    def replaced(self, **change: Any) -> None:
        """The step's context with something else in it."""
        self.context = dataclasses.replace(self.context, **change)

    def begin(self) -> record.Record:
        """The record as the steps left it; none for a run that lost it."""
        self._begun = True
        return begin(self.cluster, self.run, self.keys)

    def finalize(self) -> int:
        if self.run and not self._begun:
            self.begin()
        return finalize(self.context)

    def status(self) -> dict[str, Any]:
        return read(self.cluster).need(record.RESULT)

    def decide(self) -> tuple[str, str]:
        """Lets finalize decide. Returns verdict and reason."""
        code, status = self.finalize(), self.status()
        assert (code == 0) == (status["verdict"] == "Passed")
        return status["verdict"], status["reason"]

    def saved(self) -> dict[str, Any]:
        """What the record keeps of the pods."""
        return read(self.cluster).need(record.DIAGNOSTICS)

    def fails(self) -> None:
        """A run that has something to explain."""
        self.keys[record.LOAD]["code"] = 2

    def label(self) -> str | None:
        found = self.cluster.get(WORKFLOWS, IDENTITY.workflow)
        assert found is not None
        return (found["metadata"].get("labels") or {}).get(conventions.LABEL_VERDICT)

    def sealed(self) -> bool:
        found = self.cluster.get(CONFIG_MAPS, IDENTITY.record_name)
        return bool(found and found.get("immutable"))

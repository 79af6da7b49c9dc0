"""A load that is about to begin: for the tests of load-job."""

import copy
import pathlib
from typing import Any

from emit_helpers import full_run
from runner_helpers import (
    IDENTITY,
    PODS,
    START,
    Clock,
    FakeCluster,
    begin,
    bundle_folder,
    complete,
    context,
    pod,
    read,
    running,
)
from validationrun.base.times import format_time
from validationrun.contract import record
from validationrun.kube.cluster import EVENTS
from validationrun.steps.load_job import load_job

CHAIN = {"chainId": "base-0f8fad5b", "endpoints": {"rpc": []}, "at": format_time(START)}
READY = {"at": format_time(START), "deployments": []}


class World:
    """A chain that serves, and a load of some shards that is about to begin."""

    def __init__(self, folder: pathlib.Path, shards: int = 1) -> None:
        spec = copy.deepcopy(full_run())
        spec["spec"]["load"]["replicas"] = shards
        self.shards = shards
        self.exit_code: int | None = None
        self.cluster, self.clock = FakeCluster(), Clock()
        self.cluster.sleep = self.clock.sleep
        digest = bundle_folder(folder / "bundle", spec)
        self.context: Any = context("load-job", self.cluster, self.clock, folder, digest)
        run = {
            "parameters": {},
            "seconds": {"loadStart": 300},
            "runSeconds": 900,
            "load": {"workload": "evm_transfer", "shards": shards},
        }
        self.written = begin(self.cluster, run, {record.CHAIN: CHAIN, record.CHAIN_READY: READY})

    def evaluator_is_ready(self) -> None:
        self.written.write(record.RULE_EVALUATOR, record.EVALUATOR, {"readyAt": format_time(self.clock.now)})

    def has_begun(self, *shards: dict[str, Any]) -> None:
        """An earlier attempt of the step made the Job, saw every shard start at second 5, and recorded these."""
        job = {"name": IDENTITY.job_name, "uid": "job-uid", "createdAt": format_time(START)}
        keys = {record.JOB: job, record.LOAD_START: {"start": format_time(START + 5)}}
        if shards:
            keys[record.SHARDS] = {"shards": list(shards)}
        for key, value in keys.items():
            self.written.write(record.LOAD_JOB, key, value)

    def says(self, reason: str, message: str, *, of: str = "", at: float = 0, kind: str = "Warning") -> None:
        """An event, of the Job or of a pod."""
        involved = {"name": of, "uid": self.uid() if not of else f"uid-of-{of}"}
        event = {
            "metadata": {"name": f"event-{len(self.cluster.objects)}"},
            "involvedObject": involved,
            "type": kind,
            "reason": reason,
            "message": message,
            "lastTimestamp": format_time(START + at),
        }
        self.cluster.put(EVENTS, event)

    def stop(self, rule: str = "height") -> None:
        self.written.write(record.RULE_EVALUATOR, record.STOP, {"rule": rule, "t": START + 20})

    def run(self) -> dict[str, Any]:
        self.exit_code = load_job(self.context)
        found = read(self.cluster).get(record.LOAD)
        assert found is not None
        return found

    def uid(self) -> str:
        return str(self.cluster.objects[("jobs", IDENTITY.job_name)]["metadata"]["uid"])

    def pods(self, *states: Any) -> None:
        for index, state in enumerate(states):
            made = pod(index, state, self.uid())
            made["metadata"]["namespace"] = "eng-ada"
            self.cluster.put(PODS, made)

    def job_ends(self, kind: str = "Complete") -> None:
        job = self.cluster.objects[("jobs", IDENTITY.job_name)]
        job["status"] = {**complete(self.shards)["status"], "conditions": [{"type": kind, "status": "True"}]}

    def plays(self, *states: Any, at: float = 60, kind: str = "Complete") -> None:
        """Ready at once, every shard runs from second 5, and ends so."""
        self.evaluator_is_ready()
        self.clock.after(5, lambda: self.pods(*[running(5)] * len(states)))
        self.clock.after(at, lambda: (self.pods(*states), self.job_ends(kind)))


STOP_JOB = ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}})

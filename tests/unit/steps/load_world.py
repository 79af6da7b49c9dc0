"""A load that is about to begin: for the tests of load-job."""

import copy
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from emit_helpers import full_run
from record_kit import stop_intent
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
    planned,
    pod,
    read,
    running,
    write,
)
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.evaluation_entries import EvaluatorReady
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadStart, ShardsEntry, ShardStatus
from validationrun.kube.cluster import EVENTS
from validationrun.steps.load_job import load_job


def job_entry(uid: str = "job-uid") -> JobEntry:
    return JobEntry(IDENTITY.job_name, uid, format_time(START))


class World:
    """A chain that serves, and a load of some shards that is about to begin."""

    def __init__(
        self,
        folder: pathlib.Path,
        shards: int = 1,
        *,
        min_duration: str | None = "0s",
        failed_codes: Sequence[int] = (1,),
        end_by: str = "Exit",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        spec = copy.deepcopy(full_run())
        spec["spec"]["load"]["replicas"] = shards
        spec["spec"]["load"]["workload"]["exitCodes"] = {"failed": list(failed_codes)}
        if end_by == "Signal":
            spec["spec"]["load"]["endBy"] = end_by
        elif min_duration is not None:
            spec["spec"]["load"]["minDuration"] = min_duration
        self.shards = shards
        self.exit_code: int | None = None
        self.cluster, self.clock = FakeCluster(), Clock()
        self.cluster.sleep = self.clock.sleep
        digest = bundle_folder(folder / "bundle", spec)
        self.context: Any = context("load-job", self.cluster, self.clock, folder, digest)
        run, now = planned(folder / "bundle", parameters), format_time(START)
        self.written = begin(self.cluster, run, ChainEntry(now, run.chain_id), ChainReady(now, deployments=[]))

    def evaluator_is_ready(self) -> None:
        write(self.written, EvaluatorReady(format_time(self.clock.now), "http://prometheus"))

    def has_begun(self, *shards: ShardStatus) -> None:
        """An earlier attempt of the step made the Job, saw every shard start at second 5, and recorded these."""
        write(self.written, job_entry(), LoadStart(format_time(START + 5)))
        if shards:
            write(self.written, ShardsEntry(list(shards)))

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
        write(self.written, stop_intent(rule=rule))

    def run(self) -> dict[str, Any]:
        self.exit_code = load_job(self.context)
        return read(self.cluster).need(LoadEnd).to_data()

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

"""load-job: one Job, whatever happens to the step, and codes that are never lost."""

import copy
import pathlib
from typing import Any

import pytest

from emit_helpers import full_run
from runner_helpers import (
    IDENTITY,
    JOBS,
    PODS,
    START,
    Clock,
    FakeCluster,
    begin,
    bundle_folder,
    complete,
    context,
    ended,
    pod,
    read,
    running,
)
from validationrun import record
from validationrun.record import format_time
from validationrun.runner.load import load_job

CHAIN = {"chainId": "base-0f8fad5b", "endpoints": {"rpc": []}, "at": format_time(START)}
READY = {"at": format_time(START), "deployments": []}


class World:
    """A chain that serves, and a load of some shards that is about to begin."""

    def __init__(self, folder: pathlib.Path, shards: int = 1) -> None:
        spec = copy.deepcopy(full_run())
        spec["spec"]["load"]["replicas"] = shards
        self.shards = shards
        self.cluster, self.clock = FakeCluster(), Clock()
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

    def run(self) -> dict[str, Any]:
        load_job(self.context)
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


def test_a_load_that_passes(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.plays(ended(0, 5, 60))
    load = world.run()
    assert (load["code"], load["jobUid"], load["stopped"]) == (0, world.uid(), "")
    assert (load["start"], load["end"]) == (format_time(START + 5), format_time(START + 59))
    assert read(world.cluster).need(record.LOAD_START) == {"start": format_time(START + 5)}


@pytest.mark.parametrize(
    ("states", "kind", "code"),
    [
        ([ended(0, 5), ended(1, 5), ended(0, 5)], "Failed", 1),
        ([ended(0, 5), ended(2, 5), ended(1, 5)], "Failed", 2),
        ([ended(0, 5), ended(0, 5), ended(0, 5)], "Complete", 0),
        ([ended(0, 5), ended(0, 5), ended(0, 5)], "Failed", 2),
    ],
)
def test_shards_together(tmp_path: pathlib.Path, states: list[Any], kind: str, code: int) -> None:
    world = World(tmp_path, 3)
    world.plays(*states, kind=kind)
    assert world.run()["code"] == code


def test_a_shard_whose_pod_vanished_is_a_fault(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, 2)
    world.plays(ended(0, 5), ended(0, 5))
    world.clock.after(30, lambda: world.cluster.objects.pop(("pods", "load-1")))
    world.clock.at = [one for one in world.clock.at if one[0] != START + 60]
    world.clock.after(60, lambda: (world.pods(ended(0, 5)), world.job_ends()))
    assert world.run()["code"] == 2


def test_nothing_starts_before_the_evaluator_is_ready(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    load = world.run()
    assert (load["code"], load["reason"]) == (2, "LoadNotStarted")
    assert not [one for one in world.cluster.created if one.startswith("jobs/")]


def test_a_load_that_does_not_start_in_time(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.evaluator_is_ready()
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    world.clock.after(5, lambda: world.pods(waiting))
    world.clock.after(302, lambda: (world.cluster.objects.pop(("pods", "load-0")), world.job_ends("Failed")))
    load = world.run()
    assert (load["code"], load["reason"]) == (2, "LoadNotStarted")
    assert "ImagePullBackOff" in load["message"]
    assert ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}}) in world.cluster.patches


def test_a_load_past_run_duration_is_a_fault_even_if_it_then_ends_0(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.plays(ended(0, 5, 950), at=950)
    load = world.run()
    assert (load["code"], load["stopped"]) == (2, "runDuration")


def test_a_stop_is_acted_upon(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.plays(ended(143, 5, 40), at=40, kind="Failed")
    stop = {"rule": "height", "t": START + 20}
    world.clock.after(30, lambda: world.written.write(record.RULE_EVALUATOR, record.STOP, stop))
    assert world.run()["stopped"] == "rule height failed"
    assert ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}}) in world.cluster.patches


def test_a_job_made_before_a_crash_is_adopted_by_its_owner(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.cluster.put(
        JOBS,
        {**complete(), "status": {}, "metadata": {"name": IDENTITY.job_name, "ownerReferences": [IDENTITY.owner()]}},
    )
    world.plays(ended(0, 5, 60))
    assert world.run()["code"] == 0
    assert not [one for one in world.cluster.created if one.startswith("jobs/")]


def test_a_job_of_somebody_else_is_never_adopted(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.cluster.put(
        JOBS, {**complete(), "metadata": {"name": IDENTITY.job_name, "ownerReferences": [{"uid": "other"}]}}
    )
    world.evaluator_is_ready()
    load = world.run()
    assert (load["code"], load["reason"]) == (2, "WorkloadInfraFailure")


def test_once_a_uid_is_recorded_no_second_job_is_made(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.evaluator_is_ready()
    job = {"name": IDENTITY.job_name, "uid": "gone", "createdAt": format_time(START)}
    world.written.write(record.LOAD_JOB, record.JOB, job)
    assert world.run()["code"] == 2
    assert not [one for one in world.cluster.created if one.startswith("jobs/")]


def test_a_code_that_was_recorded_survives_the_step_and_the_pod(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.evaluator_is_ready()
    world.cluster.put(JOBS, complete())
    job = {"name": IDENTITY.job_name, "uid": "job-uid", "createdAt": format_time(START)}
    shard = {
        "index": 0,
        "pod": "load-0",
        "exitCode": 1,
        "reason": "Error",
        "startedAt": format_time(START + 5),
        "finishedAt": format_time(START + 60),
    }
    for key, value in (
        (record.JOB, job),
        (record.LOAD_START, {"start": format_time(START + 5)}),
        (record.SHARDS, {"shards": [shard]}),
    ):
        world.written.write(record.LOAD_JOB, key, value)
    load = world.run()
    assert (load["code"], load["end"]) == (1, format_time(START + 59))


@pytest.mark.parametrize("key", [record.CHAIN, record.CHAIN_READY])
def test_after_a_failure_of_the_chain_nothing_is_created(tmp_path: pathlib.Path, key: str) -> None:
    world = World(tmp_path)
    world.written.write(record.WRITERS[key], key, {"reason": "ChainFailed", "message": "no", "chainId": ""})
    load_job(world.context)
    assert read(world.cluster).get(record.LOAD) is None
    assert not [one for one in world.cluster.created if one.startswith("jobs/")]

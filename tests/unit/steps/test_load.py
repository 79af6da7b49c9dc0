"""load-job: one Job, whatever happens to the step, and codes that are never lost."""

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.steps.load_world import STOP_JOB, World, job_entry

from record_kit import change
from runner_helpers import IDENTITY, JOBS, PODS, START, complete, ended, pod, read, running, write
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.load_entries import LoadEnd, LoadStart, ShardsEntry, ShardStatus
from validationrun.contract.record_key import RecordKey
from validationrun.steps.load_job import load_job


def test_a_load_that_passes(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.plays(ended(0, 5, 60))
    load = world.run()
    assert (load["code"], load["jobUid"], load["stopped"]) == (0, world.uid(), "")
    assert (load["start"], load["end"]) == (format_time(START + 5), format_time(START + 59))
    assert read(world.cluster).need(LoadStart).start == format_time(START + 5)


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


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (("r@sha256:1", "r@sha256:1"), ("r@sha256:1", [])),
        (("r@sha256:2", "r@sha256:1"), (None, ["r@sha256:1", "r@sha256:2"])),
    ],
)
def test_the_images_of_the_shards_are_recorded(tmp_path: pathlib.Path, images: Any, expected: Any) -> None:
    """Also of a shard whose container has no image any more when the load ends."""
    world = World(tmp_path, 2)
    world.evaluator_is_ready()

    def shows(state: dict[str, Any], *texts: str) -> None:
        for index, text in enumerate(texts):
            made = pod(index, state, world.uid())
            made["status"]["containerStatuses"][1]["imageID"] = text
            world.cluster.put(PODS, made)

    world.clock.after(5, lambda: shows(running(5), *images))
    world.clock.after(60, lambda: (shows(ended(0, 5), "", ""), world.job_ends()))
    load = world.run()
    assert (load["code"], (load["imageID"], load["imageIDs"])) == (0, expected)


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
    assert STOP_JOB in world.cluster.patches


def test_a_load_past_run_duration_is_a_fault_even_if_it_then_ends_0(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.plays(ended(0, 5, 950), at=950)
    load = world.run()
    assert (load["code"], load["stopped"]) == (2, "runDuration")


def test_a_load_past_run_duration_that_nobody_stopped_is_a_fault(tmp_path: pathlib.Path) -> None:
    """This step was away while its time ran out, and finds a Job that is Complete."""
    world = World(tmp_path)
    world.evaluator_is_ready()
    world.cluster.put(JOBS, complete())
    world.cluster.put(PODS, pod(0, ended(0, 5, 906)))
    world.has_begun()
    load = world.run()
    assert (load["code"], load["stopped"]) == (2, "runDuration")


def test_a_replaced_shard_stays_disrupted_for_the_next_attempt_of_the_step(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.evaluator_is_ready()
    world.cluster.put(JOBS, complete())
    world.cluster.put(PODS, pod(0, ended(0, 20, 60)))
    world.has_begun(ShardStatus(0, "load-0", reason="Replaced", started_at=format_time(START + 20)))
    load = world.run()
    assert (load["code"], load["shards"][0]["reason"]) == (2, "Replaced")


def test_that_a_shard_was_replaced_is_recorded_at_once(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.plays(ended(0, 5, 60))
    other = pod(0, running(5))
    other["metadata"]["name"] = "load-0-again"

    def replaced() -> None:
        other["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = world.uid()
        world.cluster.objects.pop(("pods", "load-0"))
        world.cluster.put(PODS, other)

    world.clock.after(30, replaced)
    seen: list[str] = []
    world.clock.after(33, lambda: seen.append(read(world.cluster).need(ShardsEntry).shards[0].reason))
    assert world.run()["code"] == 2
    assert seen == ["Replaced"]


def _is_stopped_before_the_job(world: World) -> None:
    world.clock.after(55, lambda: (world.stop(), world.evaluator_is_ready()))


@pytest.mark.parametrize(
    "ends",
    [
        lambda world: world.plays(ended(0, 5, 60)),
        lambda world: world.plays(),
        lambda _: None,
        _is_stopped_before_the_job,
    ],
    ids=["of itself", "no shard started", "no evaluator", "stopped before the Job"],
)
def test_of_two_attempts_side_by_side_the_first_that_ends_stands(
    tmp_path: pathlib.Path, ends: Callable[[World], None]
) -> None:
    world = World(tmp_path)
    ends(world)
    other = LoadEnd(format_time(START), "job-uid", 1, reason=None, message="by the other")
    world.clock.after(50, lambda: write(world.written, other))
    assert world.run() == other.to_data()


def test_a_shard_that_starts_while_the_load_is_given_up_opens_no_window(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.evaluator_is_ready()
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    world.clock.after(5, lambda: world.pods(waiting))
    # 300 seconds after the Job was made it is given up.
    world.clock.after(302, lambda: world.pods(running(301)))
    world.clock.after(304, lambda: (world.pods(ended(143, 301, 303)), world.job_ends("Failed")))
    load = world.run()
    assert (load["code"], load["reason"], load["start"]) == (2, "LoadNotStarted", None)
    assert read(world.cluster).get(LoadStart) is None


def test_an_end_that_nobody_saw_is_not_before_the_jobs(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, 2)
    world.evaluator_is_ready()
    world.clock.after(5, lambda: world.pods(running(5), running(5)))
    world.clock.after(20, lambda: world.pods(ended(0, 5, 20)))
    world.clock.after(50, lambda: world.cluster.objects.pop(("pods", "load-1")))

    def job_failed() -> None:
        world.job_ends("Failed")
        (condition,) = world.cluster.objects[("jobs", IDENTITY.job_name)]["status"]["conditions"]
        condition["lastTransitionTime"] = format_time(START + 60)

    world.clock.after(60, job_failed)
    load = world.run()
    assert (load["code"], load["end"]) == (2, format_time(START + 59))


def test_without_the_right_to_watch_it_looks(tmp_path: pathlib.Path) -> None:
    """A bundle of an earlier version granted none."""
    world = World(tmp_path)
    world.plays(ended(0, 5, 60))
    world.cluster.denied_watches = True
    assert world.run()["code"] == 0


def test_a_pod_that_ends_and_goes_between_two_looks_has_its_code(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.evaluator_is_ready()
    world.clock.after(5, lambda: world.pods(running(5)))

    def deleted() -> None:
        last = {**pod(0, ended(143, 5, 910), world.uid())}
        last["metadata"]["deletionTimestamp"] = format_time(START + 910)
        world.cluster.remove(PODS, last)
        world.job_ends("Failed")

    world.clock.after(910, deleted)
    load = world.run()
    assert [one["exitCode"] for one in load["shards"]] == [143]
    assert (load["code"], load["stopped"], load["end"]) == (2, "runDuration", format_time(START + 909))


def test_an_end_between_the_last_watch_and_the_last_look_is_seen(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.evaluator_is_ready()
    world.clock.after(5, lambda: world.pods(running(5)))
    gone: list[bool] = []

    def over_by_now() -> None:
        if world.clock.now > START + 60 and not gone:
            gone.append(True)
            world.cluster.remove(PODS, pod(0, ended(1, 5, 60), world.uid()))
            world.job_ends("Failed")

    world.cluster.on_get = over_by_now
    load = world.run()
    assert ([one["exitCode"] for one in load["shards"]], load["code"]) == ([1], 1)
    assert read(world.cluster).need(ShardsEntry).shards[0].exit_code == 1


def test_a_watch_that_is_lost_begins_anew(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.plays(ended(0, 5, 60))
    world.cluster.lost_watches = 3
    assert world.run()["code"] == 0


def test_a_stop_is_acted_upon(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.plays(ended(143, 5, 40), at=40, kind="Failed")
    world.clock.after(30, world.stop)
    assert world.run()["stopped"] == "rule height failed"
    assert STOP_JOB in world.cluster.patches


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
    write(world.written, job_entry("gone"))
    assert world.run()["code"] == 2
    assert not [one for one in world.cluster.created if one.startswith("jobs/")]


def test_a_code_that_was_recorded_survives_the_step_and_the_pod(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.evaluator_is_ready()
    world.cluster.put(JOBS, complete())
    world.clock.now = START + 60
    world.has_begun(ShardStatus(0, "load-0", 1, "Error", format_time(START + 5), format_time(START + 60)))
    load = world.run()
    assert (load["code"], load["end"]) == (1, format_time(START + 59))


@pytest.mark.parametrize("key", [ChainEntry, ChainReady])
def test_after_a_failure_of_the_chain_nothing_is_created(tmp_path: pathlib.Path, key: type[RecordKey]) -> None:
    world = World(tmp_path)
    change(world.cluster, key, reason="ChainFailed", message="no")
    load_job(world.context)
    assert read(world.cluster).get(LoadEnd) is None
    assert not [one for one in world.cluster.created if one.startswith("jobs/")]

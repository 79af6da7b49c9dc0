"""load-job where things go wrong: what never starts, what is cut off, what vanishes."""

import copy
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.steps.load_world import STOP_JOB, World

from runner_helpers import IDENTITY, JOBS, PODS, START, complete, ended, pod, read, running
from validationrun.base.times import format_time
from validationrun.contract.load_entries import LoadEnd, LoadStart
from validationrun.kube.cluster import ForbiddenError, Resource
from validationrun.steps.load_job import load_job

ACCOUNT = (
    'Error creating: pods "x-0-" is forbidden: error looking up service account eng-ada/eng-ada-runner: '
    'serviceaccount "eng-ada-runner" not found'
)
QUOTA = (
    'Error creating: pods "x-0-" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=9, limited: pods=9'
)
SECURITY = 'Error creating: pods "x-0-" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    made = World(tmp_path)
    made.evaluator_is_ready()
    return made


def goes_down(world: World, *states: Any) -> None:
    """What Kubernetes does once the Job's deadline was set: pods end or go, then the Job is Failed."""

    def look() -> None:
        if STOP_JOB in world.cluster.patches and not world.cluster.objects[("jobs", IDENTITY.job_name)].get("status"):
            for index, state in enumerate(states):
                made = pod(index, state, world.uid())
                made["metadata"]["deletionTimestamp"] = format_time(world.clock.now)
                world.cluster.put(PODS, made)
            world.job_ends("Failed")

    world.cluster.on_get = look


@pytest.mark.parametrize(
    ("message", "reason"), [(ACCOUNT, "ServiceAccountMissing"), (QUOTA, "LoadNotStarted"), (SECURITY, "LoadNotStarted")]
)
def test_a_pod_that_is_refused_stands_in_an_event_only(world: World, message: str, reason: str) -> None:
    goes_down(world)
    world.clock.after(5, lambda: world.says("FailedCreate", message, at=5))
    world.clock.after(8, lambda: world.says("FailedCreate", "an older one", at=3))
    load = world.run()
    assert (load["code"], load["reason"]) == (2, reason)
    assert message in load["message"]
    assert world.clock.now >= START + 300


def test_a_refusal_that_passed_is_not_why_it_does_not_start(world: World) -> None:
    goes_down(world)
    world.clock.after(5, lambda: world.says("FailedCreate", QUOTA, at=5))
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}}
    world.clock.after(20, lambda: world.pods(waiting))
    load = world.run()
    assert (load["reason"], load["message"]) == ("LoadNotStarted", "shard 0: ErrImagePull: manifest unknown")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            {"reason": "ImagePullBackOff", "message": "Back-off pulling image"},
            "ImagePullBackOff: Back-off pulling image",
        ),
        ({"reason": "CreateContainerConfigError", "message": 'secret "k" not found'}, 'secret "k" not found'),
    ],
)
def test_why_it_waits_is_told_though_its_pod_goes_with_the_stop(world: World, state: Any, words: str) -> None:
    """Trap: what is left of a container that was stopped before it ran says 137 and nothing else."""
    goes_down(world, {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown"}})
    world.clock.after(5, lambda: world.pods({"waiting": state}))
    load = world.run()
    assert (load["code"], load["reason"]) == (2, "LoadNotStarted")
    assert words in load["message"]
    assert world.clock.now >= START + 300, "an image, or a Secret, may still come"


def test_a_pod_that_no_node_takes(world: World) -> None:
    goes_down(world)
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: Insufficient cpu"}
    status = {"phase": "Pending", "containerStatuses": [], "conditions": [condition]}
    world.clock.after(5, lambda: world.cluster.put(PODS, {**pod(0, {}, world.uid()), "status": status}))
    assert world.run()["message"] == "shard 0: not scheduled: 0/1 nodes are available: Insufficient cpu"


def test_a_volume_that_cannot_be_mounted_stands_in_an_event_of_the_pod(world: World) -> None:
    goes_down(world)
    world.clock.after(5, lambda: world.pods({"waiting": {"reason": "ContainerCreating"}}))
    world.clock.after(6, lambda: world.says("Scheduled", "assigned", of="load-0", at=6, kind="Normal"))
    words = 'MountVolume.SetUp failed for volume "keys": secret "keys" not found'
    world.clock.after(7, lambda: world.says("FailedMount", words, of="load-0", at=7))
    assert world.run()["message"] == f"shard 0: {words}"


def test_without_the_right_to_events_it_is_told_what_is_known(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_down(world)
    list_ = world.cluster.list

    def refuse(resource: Resource, *, labels: str = "", fields: str = "") -> Any:
        if resource.plural == "events":
            raise ForbiddenError("cannot list events", 403, "Forbidden")
        return list_(resource, labels=labels, fields=fields)

    monkeypatch.setattr(world.cluster, "list", refuse)
    load = world.run()
    assert (load["code"], load["reason"], load["message"]) == (2, "LoadNotStarted", "shard 0: it has no pod")


START_ERROR = {
    "exitCode": 128, "reason": "StartError", "message": "exec: no such file", "startedAt": "1970-01-01T00:00:00Z",
    "finishedAt": format_time(START + 6),
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            {"waiting": {"reason": "InvalidImageName", "message": "couldn't parse image"}},
            "InvalidImageName: couldn't parse",
        ),
        ({"terminated": START_ERROR}, "StartError: exec: no such file"),
    ],
)
def test_what_can_never_run_is_not_waited_for(world: World, state: Any, words: str) -> None:
    goes_down(world)
    world.clock.after(5, lambda: world.pods(state))
    load = world.run()
    assert (load["code"], load["reason"]) == (2, "LoadNotStarted")
    assert words in load["message"]
    assert world.clock.now < START + 60
    assert read(world.cluster).get(LoadStart) is None, "a window of decades must not open"


WAITS = {"waiting": {"reason": "PodInitializing"}}


def preparing(world: World, *states: Any) -> None:
    """The pod of shard 0 while its workload waits for its init containers, which are in these states."""
    statuses = [{"name": f"init-{index}", "state": state} for index, state in enumerate(states)]
    made = pod(0, WAITS, world.uid(), initContainerStatuses=statuses)
    world.cluster.put(PODS, made)


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([ended(3)], "init container init-0 ended with exit 3"),
        ([ended(1)], "init container init-0 ended with exit 1"),
        ([ended(0), ended(137, reason="OOMKilled"), WAITS], "init container init-1 ended with exit 137: OOMKilled"),
        ([{"terminated": START_ERROR}], "init container init-0 ended with exit 128: StartError: exec: no such file"),
    ],
)
def test_an_init_container_that_fails_is_an_infrastructure_failure(world: World, states: Any, words: str) -> None:
    """Whatever its code: none of them is an assertion, and no window opens."""
    goes_down(world)
    world.clock.after(5, lambda: preparing(world, *states))
    load = world.run()
    assert (load["code"], load["reason"], load["message"]) == (2, "WorkloadInfraFailure", f"shard 0: {words}")
    assert world.exit_code != 0
    assert world.clock.now < START + 60
    assert read(world.cluster).get(LoadStart) is None


def test_an_init_container_that_failed_is_told_though_the_job_ended_first(world: World) -> None:
    def fails() -> None:
        preparing(world, ended(3))
        world.job_ends("Failed")

    world.clock.after(5, fails)
    load = world.run()
    assert (load["code"], load["reason"]) == (2, "WorkloadInfraFailure")
    assert load["message"] == "shard 0: init container init-0 ended with exit 3"


def test_the_time_of_an_init_container_counts_to_load_start(world: World) -> None:
    goes_down(world)
    world.clock.after(5, lambda: preparing(world, ended(0), running(5)))
    load = world.run()
    assert (load["code"], load["reason"]) == (2, "LoadNotStarted")
    assert load["message"] == "shard 0: init container init-1 runs"
    assert world.clock.now >= START + 300


@pytest.mark.parametrize(
    ("reason", "waits"), [("ErrImagePull", True), ("InvalidImageName", False)], ids=["may-pass", "never-passes"]
)
def test_an_init_container_that_waits_is_told(world: World, reason: str, waits: bool) -> None:
    goes_down(world)
    state = {"waiting": {"reason": reason, "message": "no such image"}}
    world.clock.after(5, lambda: preparing(world, state, WAITS))
    load = world.run()
    message = f"shard 0: init container init-0: {reason}: no such image"
    assert (load["code"], load["reason"], load["message"]) == (2, "LoadNotStarted", message)
    assert (world.clock.now >= START + 300) is waits


def test_a_volume_that_an_init_container_waits_for_stands_in_an_event(world: World) -> None:
    goes_down(world)
    words = 'MountVolume.SetUp failed for volume "keys": secret "keys" not found'
    world.clock.after(5, lambda: preparing(world, WAITS))
    world.clock.after(8, lambda: world.says("FailedMount", words, of="load-0", at=8))
    load = world.run()
    assert (load["reason"], load["message"]) == ("LoadNotStarted", f"shard 0: {words}")


def test_the_window_opens_with_the_workload_not_with_its_init_container(world: World) -> None:
    world.clock.after(5, lambda: preparing(world, running(5)))
    world.clock.after(20, lambda: world.pods(running(20)))
    world.clock.after(80, lambda: (world.pods(ended(0, 20, 80)), world.job_ends()))
    load = world.run()
    assert (load["code"], load["start"]) == (0, format_time(START + 20))


def with_sidecar(state: Any, sidecar: Any, uid: str) -> Any:
    made = pod(0, state, uid, initContainerStatuses=[{"name": "proxy", "state": sidecar}])
    made["spec"] = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}
    return made


def test_a_sidecar_that_a_mesh_added_holds_nothing_up(world: World) -> None:
    """It is an init container by its place, runs as long as the pod, and may begin again."""
    for at, state, sidecar in (
        (5, WAITS, ended(1)), (10, WAITS, running(8)), (20, running(20), running(8)), (80, ended(0, 20, 80), running(8))
    ):  # fmt: skip
        world.clock.after(
            at, lambda state=state, sidecar=sidecar: world.cluster.put(PODS, with_sidecar(state, sidecar, world.uid()))
        )
    world.clock.after(80, world.job_ends)
    load = world.run()
    assert (load["code"], load["start"]) == (0, format_time(START + 20))


def test_a_running_workload_is_not_held_up_by_what_stands_before_it(world: World) -> None:
    """The first look may come late; whatever the init containers say then, the workload runs."""
    statuses = [{"name": "proxy", "state": running(5)}]

    def shows(state: Any) -> None:
        world.cluster.put(PODS, pod(0, state, world.uid(), initContainerStatuses=statuses))

    world.clock.after(20, lambda: shows(running(18)))
    world.clock.after(80, lambda: shows(ended(0, 18, 80)))
    world.clock.after(80, world.job_ends)
    load = world.run()
    assert (load["code"], load["start"]) == (0, format_time(START + 18))


def test_one_shard_that_never_runs_ends_the_load_of_the_others(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, 2)
    world.evaluator_is_ready()
    goes_down(world, ended(143, 5, 10), {"terminated": START_ERROR})
    world.clock.after(5, lambda: world.pods(running(5), {"terminated": START_ERROR}))
    load = world.run()
    assert (load["code"], load["reason"], load["message"]) == (
        2,
        "LoadNotStarted",
        "shard 1: StartError: exec: no such file",
    )


def test_a_pod_that_was_deleted_is_no_pass_though_its_job_is_complete(world: World) -> None:
    """Trap: killed gently, the workload ends 0, the pod counts as a success, and nobody drove load to the end."""
    world.plays(running(5))
    world.clock.at = []

    def delete() -> None:
        made = pod(0, ended(0, 5, 30), world.uid())
        made["metadata"]["deletionTimestamp"] = format_time(START + 30)
        world.cluster.put(PODS, made)
        world.job_ends()

    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(30, delete)
    load = world.run()
    assert (load["code"], load["message"]) == (2, "shard 0 no exit code (Deleted)")


def test_an_eviction_is_named(world: World) -> None:
    evicted = {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(
        30,
        lambda: (world.cluster.put(PODS, pod(0, ended(137, 5, 30), world.uid(), **evicted)), world.job_ends("Failed")),
    )
    load = world.run()
    assert (load["code"], load["message"]) == (2, "shard 0 exit 137 (Evicted)")


def test_a_pod_that_vanished_between_two_looks_has_no_code(world: World) -> None:
    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(30, lambda: (world.cluster.objects.pop(("pods", "load-0")), world.job_ends()))
    load = world.run()
    assert (load["code"], load["shards"][0]["exitCode"], load["message"]) == (2, None, "shard 0 no exit code (PodGone)")


def test_a_container_that_a_lost_node_still_shows_as_running_is_not_waited_for_for_ever(world: World) -> None:
    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(30, lambda: world.job_ends("Failed"))
    load = world.run()
    assert load["code"] == 2
    assert START + 30 + 60 <= world.clock.now <= START + 30 + 60 + 60


def test_a_job_that_somebody_deletes_is_a_fault(world: World) -> None:
    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(
        30,
        lambda: (world.cluster.objects.pop(("jobs", IDENTITY.job_name)), world.cluster.objects.pop(("pods", "load-0"))),
    )
    load = world.run()
    assert (load["code"], "was deleted" in load["message"]) == (2, True)


def test_a_job_that_is_deleted_before_it_starts_is_a_fault(world: World) -> None:
    world.clock.after(5, lambda: world.cluster.objects.pop(("jobs", IDENTITY.job_name)))
    load = world.run()
    assert (load["code"], load["reason"], "was deleted" in load["message"]) == (2, "WorkloadInfraFailure", True)


def test_a_job_of_that_name_made_later_is_another_one(world: World) -> None:
    """Trap: evidence bound by name. The second Job's codes are not this run's."""

    def replace() -> None:
        del world.cluster.objects[("pods", "load-0")]
        world.cluster.put(JOBS, complete(uid="another"))
        world.cluster.put(PODS, pod(0, ended(0, 5, 40), "another"))

    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(30, replace)
    assert world.run()["code"] == 2


def test_an_own_job_that_is_going_away_is_not_adopted(world: World) -> None:
    metadata = {
        "name": IDENTITY.job_name,
        "ownerReferences": [IDENTITY.owner()],
        "deletionTimestamp": format_time(START),
    }
    world.cluster.put(JOBS, {**complete(), "metadata": metadata})
    load = world.run()
    assert (load["code"], load["message"]) == (2, f"Job {IDENTITY.job_name} is being deleted")


def test_shards_that_a_rule_stopped_have_no_code(world: World) -> None:
    goes_down(world, ended(143, 5, 32))
    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(30, world.stop)
    load = world.run()
    assert (load["code"], load["stopped"]) == (None, "rule height failed")
    assert (load["shards"][0]["exitCode"], load["shards"][0]["reason"]) == (None, "Stopped")
    assert load["end"] == format_time(START + 31)


def test_the_evaluator_may_end_the_job_before_this_step_has_seen_why(world: World) -> None:
    def end() -> None:
        world.stop()
        made = pod(0, ended(0, 5, 31), world.uid())
        made["metadata"]["deletionTimestamp"] = format_time(START + 31)
        world.cluster.put(PODS, made)
        world.job_ends("Failed")

    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(30, end)
    load = world.run()
    assert (load["code"], load["stopped"]) == (None, "rule height failed")


@pytest.mark.parametrize(
    ("code", "kind", "stopped"),
    [(0, "Complete", ""), (1, "Failed", "rule height failed"), (2, "Failed", "rule height failed")],
)
def test_a_load_that_ended_by_itself_in_the_same_second_keeps_its_code(
    world: World, code: int, kind: str, stopped: str
) -> None:
    def end() -> None:
        world.stop()
        world.pods(ended(code, 5, 30))
        world.job_ends(kind)

    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(30, end)
    load = world.run()
    assert (load["code"], load["stopped"], load["shards"][0]["exitCode"]) == (code, stopped, code)


def test_a_stop_that_comes_when_all_has_ended_takes_no_cooldown(world: World) -> None:
    """Its containers have ended, and the Job is complete before the stop can reach it: the failed rule is judged in the cooldown."""
    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(65, lambda: (world.pods(ended(0, 5, 65)), world.stop()))
    world.clock.after(67, world.job_ends)
    load = world.run()
    assert STOP_JOB in world.cluster.patches
    assert (load["code"], load["stopped"]) == (0, "")
    assert read(world.cluster).need(LoadEnd).cooldown_end(180) is not None


def test_stopped_at_run_duration_counts_as_2_whatever_it_ends_with(world: World) -> None:
    goes_down(world, ended(0, 5, 910))
    world.clock.after(5, lambda: world.pods(running(5)))
    load = world.run()
    assert (load["code"], load["stopped"], load["message"]) == (
        2,
        "runDuration",
        "shard 0 no exit code (Stopped); stopped: runDuration",
    )


def test_a_stop_that_was_intended_before_a_crash_is_done_again(world: World) -> None:
    """Trap: the intent is in the record, and whoever had it is dead."""
    world.cluster.put(JOBS, {**complete(), "status": {}})
    world.has_begun()
    world.stop()
    world.cluster.put(PODS, pod(0, running(5)))
    goes_down(world, ended(143, 5, 10))
    assert world.run()["stopped"] == "rule height failed"
    assert STOP_JOB in world.cluster.patches


def test_a_run_that_was_stopped_before_its_load_makes_none_and_says_so(world: World) -> None:
    world.stop()
    load = world.run()
    assert (load["code"], load["stopped"], load["jobUid"]) == (None, "rule height failed", None)
    assert not [one for one in world.cluster.created if one.startswith("jobs/")]


def test_nobody_shrinks_suspends_or_deletes_the_job(world: World) -> None:
    """Trap: a Job whose completions are lowered is Complete with zero successes."""
    goes_down(world, ended(143, 5, 32))
    world.clock.after(5, lambda: world.pods(running(5)))
    world.clock.after(30, world.stop)
    delete: list[Any] = []
    world.cluster.delete = lambda *arguments, **_: delete.append(arguments) or True  # type: ignore[method-assign, func-returns-value]
    world.run()
    assert [one for one in world.cluster.patches if one[0] == "jobs"] == [STOP_JOB]
    assert delete == []


def begins_again(world: World, change: Callable[[dict[str, Any]], None]) -> dict[tuple[str, str], Any]:
    """The step, started again for a run that has its verdict; what is there afterwards."""
    found = world.cluster.objects[("configmaps", IDENTITY.record_name)]
    change(found)
    before = copy.deepcopy(world.cluster.objects)
    load_job(world.context)
    assert world.cluster.objects == before
    return before


def test_argo_retry_after_the_verdict_creates_nothing(world: World) -> None:
    """Trap: `argo retry` starts failed steps again after finalize has sealed the record and removed the chain."""
    begins_again(world, lambda found: found.update(immutable=True))
    assert world.cluster.created == [f"configmaps/{IDENTITY.record_name}"]


def test_a_memoized_resubmit_finds_no_record_and_begins_no_load(world: World) -> None:
    """Trap: the new Workflow keeps the old one's succeeded steps, and only its load would run."""
    del world.cluster.objects[("configmaps", IDENTITY.record_name)]
    before = copy.deepcopy(world.cluster.objects)
    load_job(world.context)
    assert world.cluster.objects == before


def test_an_attempt_that_lives_on_behind_the_verdict_starts_no_load(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)

    def verdict() -> None:
        world.evaluator_is_ready()
        world.cluster.objects[("configmaps", IDENTITY.record_name)]["immutable"] = True

    world.clock.after(1, verdict)
    load_job(world.context)
    assert ("jobs", IDENTITY.job_name) not in world.cluster.objects

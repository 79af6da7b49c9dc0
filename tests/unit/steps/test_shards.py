"""What a Job's pods say about its shards, in the shapes that Kubernetes sends."""

from typing import Any

import pytest

from runner_helpers import START, complete, ended, pod, running
from validationrun.base.times import format_time
from validationrun.contract.shards import load_end, load_start, observe, told
from validationrun.kube.job import Job


@pytest.mark.parametrize(
    ("state", "status", "code", "reason"),
    [
        (ended(0), {}, 0, "Completed"),
        (ended(1), {}, 1, "Error"),
        (ended(137, reason="OOMKilled"), {}, 137, "OOMKilled"),
        (ended(0), {"reason": "Evicted"}, None, "Evicted"),
        (ended(0), {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}, None, "DisruptionTarget"),
        (ended(1), {"reason": "Evicted"}, None, "Evicted"),
        (ended(1), {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}, None, "DisruptionTarget"),
        (ended(143), {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}, 143, "DisruptionTarget"),
    ],
)
def test_how_a_shard_ended(state: Any, status: Any, code: int | None, reason: str) -> None:
    (shard,) = observe({}, [pod(0, state, **status)], 1).values()
    assert (shard.code, shard.reason) == (code, reason)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}, "EvictionByEvictionAPI"),
        ({"reason": "PreemptionByScheduler"}, "PreemptionByScheduler"),
        ({}, "DisruptionTarget"),
    ],
)
def test_a_disruption_has_kubernetes_own_reason(condition: Any, reason: str) -> None:
    target = {"type": "DisruptionTarget", "status": "True", **condition}
    (shard,) = observe({}, [pod(0, ended(0), conditions=[target])], 1).values()
    assert (shard.code, shard.reason) == (None, reason)


@pytest.mark.parametrize(
    "status",
    [
        {"reason": "NodeLost"},
        {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}]},
    ],
)
def test_what_befalls_a_shard_that_has_ended_takes_nothing_from_it(status: Any) -> None:
    seen = observe({}, [pod(0, ended(0))], 1)
    (shard,) = observe(seen, [pod(0, ended(0), **status)], 1).values()
    assert (shard.code, shard.disrupted) == (0, False)


def deleted(one: Any) -> Any:
    one["metadata"]["deletionTimestamp"] = format_time(START + 50)
    return one


def test_a_pod_that_was_deleted_did_not_do_its_work_even_if_it_ended_0() -> None:
    """Trap: a load generator that obeys SIGTERM ends 0, and its Job counts a success."""
    (shard,) = observe({}, [deleted(pod(0, ended(0)))], 1).values()
    assert (shard.code, shard.reason) == (None, "Deleted")
    running_first = observe({}, [deleted(pod(0, running()))], 1)
    (shard,) = observe(running_first, [deleted(pod(0, ended(0)))], 1).values()
    assert (shard.code, shard.reason) == (None, "Deleted")


def test_a_pod_that_is_deleted_after_its_end_keeps_its_code() -> None:
    seen = observe({}, [pod(0, ended(0))], 1)
    (shard,) = observe(seen, [deleted(pod(0, ended(0)))], 1).values()
    assert (shard.code, shard.disrupted) == (0, False)


def test_a_second_pod_for_a_shard_proves_nothing() -> None:
    """Trap: a shard that is begun again in the middle of the window."""
    seen = observe({}, [pod(0, ended(1))], 1)
    again = pod(0, ended(0))
    again["metadata"]["name"] = "load-0-again"
    (shard,) = observe(seen, [again], 1).values()
    assert (shard.code, shard.reason) == (None, "Replaced")


NEVER_RAN = {
    "exitCode": 128,
    "reason": "StartError",
    "message": "exec: no such file",
    "startedAt": "1970-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (pod(0, {"terminated": {**NEVER_RAN, "finishedAt": format_time(START)}}), "StartError: exec: no such file"),
        (pod(0, {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown"}}), "ContainerStatusUnknown"),
        (pod(0, {"waiting": {"reason": "InvalidImageName", "message": "no image"}}), "InvalidImageName: no image"),
        (
            {**pod(0, {}), "status": {"phase": "Failed", "reason": "OutOfcpu", "message": "Node had too little"}},
            "OutOfcpu: Node had too little",
        ),
    ],
)
def test_a_shard_that_never_runs_opens_no_window(found: Any, words: str) -> None:
    """Kubernetes writes the year 1970 for the start of what never started: the window must not open there."""
    (shard,) = observe({}, [found], 1).values()
    assert (shard.started, shard.code, shard.hopeless, shard.waiting) == (None, None, True, words)
    assert load_start({0: shard}) is None


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError", "ContainerCreating"]
)
def test_what_may_still_come_is_waited_for(reason: str) -> None:
    (shard,) = observe({}, [pod(0, {"waiting": {"reason": reason}})], 1).values()
    assert not shard.hopeless


def test_many_shards_are_told_by_those_that_did_not_end_0() -> None:
    good = observe({}, [pod(index, ended(0)) for index in range(64)], 64)
    assert told(good, "") == "64 shards exit 0"
    bad = observe(good, [pod(7, ended(1)), pod(9, ended(137, reason="OOMKilled"))], 64)
    assert (
        told(bad, "runDuration")
        == "shard 7 exit 1, shard 9 exit 137 (OOMKilled), 62 others exit 0; stopped: runDuration"
    )
    many = observe({}, [pod(index, ended(1)) for index in range(64)], 64)
    assert told(many, "").endswith("shard 7 exit 1, 56 others")


def test_an_end_that_is_seen_twice_stays_what_it_was() -> None:
    pods = [pod(0, ended(0))]
    once = observe({}, pods, 1)
    assert observe(once, pods, 1) == once
    assert once[0].code == 0


def test_what_was_seen_survives_the_pod() -> None:
    seen = observe({}, [pod(0, ended(1)), pod(1, running())], 2)
    gone = observe(seen, [], 2)
    assert [state.code for state in gone.values()] == [1, None]
    assert [state.running for state in gone.values()] == [False, False]


def test_the_window_opens_with_the_last_shard() -> None:
    states = observe({}, [pod(0, running(1))], 2)
    assert load_start(states) is None
    states = observe(states, [pod(0, running(1)), pod(1, running(7))], 2)
    assert load_start(states) == START + 7


def test_a_shard_that_ended_before_the_first_look_has_started_too() -> None:
    assert load_start(observe({}, [pod(0, ended(0, start=3, end=4))], 1)) == START + 3


def test_the_window_ends_a_second_before_the_last_container_but_not_before_it_opened() -> None:
    states = observe({}, [pod(0, ended(0, end=60)), pod(1, ended(0, end=50))], 2)
    assert load_end(states, START) == START + 59
    assert load_end(states, START + 100) == START + 100
    assert load_end(observe({}, [pod(0, running())], 1), START) is None


def test_waiting_says_why() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    assert observe({}, [pod(0, waiting)], 1)[0].waiting == "ImagePullBackOff: no such image"
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    unscheduled = {**pod(0, {}), "status": {"phase": "Pending", "conditions": [condition]}}
    assert observe({}, [unscheduled], 1)[0].waiting == "not scheduled: 0/1 nodes are available"


@pytest.mark.parametrize("replicas", [1, 2, 3, 64])
def test_a_complete_job_is_a_witness(replicas: int) -> None:
    assert Job(complete(replicas)).all_indexes_complete(replicas)


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("spec", "completions", 2),
        ("status", "succeeded", 2),
        ("status", "completedIndexes", "0,2"),
        ("status", "conditions", [{"type": "Failed", "status": "True"}]),
        ("status", "conditions", []),
    ],
)
def test_a_job_that_was_shrunk_or_is_not_complete_is_none(where: str, key: str, value: Any) -> None:
    job = complete(3)
    job[where][key] = value
    assert not Job(job).all_indexes_complete(3)

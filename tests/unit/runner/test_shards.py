"""What a Job's pods say about its shards, in the shapes that Kubernetes sends."""

from typing import Any

import pytest

from runner_helpers import START, complete, ended, pod, running
from validationrun.runner.shards import all_indexes_complete, load_end, load_start, observe


@pytest.mark.parametrize(
    ("state", "status", "code", "reason"),
    [
        (ended(0), {}, 0, "Completed"),
        (ended(1), {}, 1, "Error"),
        (ended(137, reason="OOMKilled"), {}, 137, "OOMKilled"),
        (ended(0), {"reason": "Evicted"}, None, "Evicted"),
        (ended(0), {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}, None, "DisruptionTarget"),
        (ended(143), {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}, 143, "DisruptionTarget"),
    ],
)
def test_how_a_shard_ended(state: Any, status: Any, code: int | None, reason: str) -> None:
    (shard,) = observe({}, [pod(0, state, **status)], 1).values()
    assert (shard.code, shard.reason) == (code, reason)


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
    assert all_indexes_complete(complete(replicas), replicas)


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
    assert not all_indexes_complete(job, 3)
    assert not all_indexes_complete(None, 3)

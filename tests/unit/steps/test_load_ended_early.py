"""load-job: a load that ends with 0 before its minimum, and the codes that mean a failed assertion."""

import pathlib

import pytest
from tests.unit.steps.load_world import World

from runner_helpers import JOBS, PODS, START, complete, ended, pod, read
from validationrun.base.conventions import EXIT_AGAINST_RUN
from validationrun.base.times import format_time
from validationrun.contract.load_entries import ShardStatus
from validationrun.contract.status import build_status

pytestmark = pytest.mark.usefixtures("termination_log")


@pytest.mark.parametrize(
    ("last", "early"),
    [
        (5, True),
        (543, True),
        # 90 % of 10m after second 5, less the second that Kubernetes cuts off.
        (544, False),
        (605, False),
    ],
)
def test_a_load_lasts_90_percent_of_its_duration(tmp_path: pathlib.Path, last: int, early: bool) -> None:
    world = World(tmp_path, min_duration=None)
    world.plays(ended(0, 5, last), at=last)
    load = world.run()
    assert load["code"] == 0
    assert load["reason"] == ("LoadEndedEarly" if early else None)
    assert load["early"] == (format_time(START + last) if early else None)


def test_each_shard_counts_by_its_own_container(tmp_path: pathlib.Path, termination_log: pathlib.Path) -> None:
    world = World(tmp_path, 3, min_duration=None)
    world.plays(ended(0, 5, 605), ended(0, 5, 9), ended(0, 5, 605), at=605)
    load = world.run()
    assert (load["code"], load["reason"], load["early"]) == (0, "LoadEndedEarly", format_time(START + 9))
    assert world.exit_code == EXIT_AGAINST_RUN
    assert termination_log.read_text().startswith(
        "LoadEndedEarly: shard 1 ended with 0 after 4s; load.minDuration is 9m"
    )


def test_another_attempt_of_the_step_is_red_too(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, min_duration=None)
    world.plays(ended(0, 5, 60))
    world.run()
    world.run()
    assert world.exit_code == EXIT_AGAINST_RUN


@pytest.mark.parametrize(
    ("min_duration", "early"), [("0s", False), ("1m", False), ("2m", True), ("10m", True), ("3h", True)]
)
def test_the_spec_says_how_long(tmp_path: pathlib.Path, min_duration: str, early: bool) -> None:
    world = World(tmp_path, min_duration=min_duration)
    world.plays(ended(0, 5, 66), at=66)
    assert (world.run()["reason"] == "LoadEndedEarly") == early


def test_longer_than_the_duration_means_the_whole_duration(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, min_duration="3h")
    world.plays(ended(0, 5, 605), at=605)
    assert world.run()["reason"] is None


def test_the_times_of_a_shard_outlive_a_restart_of_the_step(tmp_path: pathlib.Path) -> None:
    """The other shard's pod is gone when the next attempt looks; its times and its code are in the record."""
    world = World(tmp_path, 2, min_duration=None)
    world.evaluator_is_ready()
    world.clock.now = START + 606
    world.cluster.put(JOBS, complete(2))
    world.cluster.put(PODS, pod(0, ended(0, 5, 605)))
    times = {"started_at": format_time(START + 5), "finished_at": format_time(START + 9)}
    world.has_begun(ShardStatus(0), ShardStatus(1, "load-1", 0, "Completed", **times))
    assert world.run()["early"] == format_time(START + 9)


def test_a_fault_of_another_shard_decides(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, 2, min_duration=None)
    world.plays(ended(0, 5, 9), ended(2, 5, 605), kind="Failed", at=605)
    load = world.run()
    assert (load["code"], load["reason"], load["early"]) == (2, None, None)


def test_an_assertion_of_another_shard_decides(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, 2, min_duration=None)
    world.plays(ended(0, 5, 9), ended(1, 5, 605), kind="Failed", at=605)
    load = world.run()
    assert (load["code"], load["reason"], load["early"]) == (1, None, None)


def test_a_load_that_a_rule_stops_has_not_ended_early(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, min_duration=None)
    world.plays(ended(0, 5, 60), kind="Failed")
    world.clock.after(40, world.stop)
    load = world.run()
    assert (load["stopped"], load["early"]) == ("rule height failed", None)
    assert load["code"] != 0


@pytest.mark.parametrize(("code", "expected"), [(99, 1), (7, 1), (1, 2), (2, 2)])
def test_the_spec_says_which_codes_are_an_assertion(tmp_path: pathlib.Path, code: int, expected: int) -> None:
    world = World(tmp_path, failed_codes=(7, 99))
    world.plays(ended(code, 5, 60), kind="Failed")
    assert world.run()["code"] == expected


def test_a_container_killed_for_memory_is_a_fault_whatever_its_code(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, failed_codes=(99,))
    world.plays(ended(99, 5, 60, reason="OOMKilled"), kind="Failed")
    assert world.run()["code"] == 2


def test_the_status_says_that_the_load_was_not_complete(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, min_duration=None)
    world.plays(ended(0, 5, 60))
    world.run()
    status = build_status(world.context.identity, {}, read(world.cluster), None, None)
    (complete,) = [condition for condition in status.conditions if condition.type == "LoadComplete"]
    assert (complete.status, complete.reason) == ("False", "LoadEndedEarly")
    assert status.workload_exit_code == 0

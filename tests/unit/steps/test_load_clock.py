"""load-job: a node of the load whose clock is wrong opens no window at another time than that of the load."""

import pathlib

import pytest
from tests.unit.steps.load_world import STOP_JOB, World

from runner_helpers import ended, read, running
from validationrun.base.conventions import EXIT_AGAINST_RUN
from validationrun.contract.load_entries import LoadStart

pytestmark = pytest.mark.usefixtures("termination_log")


def begins(tmp_path: pathlib.Path, *, seen: float, told: float) -> World:
    """The first shard begins at second 5, the second is seen at second `seen` and its node says `told`; both end at 605."""
    world = World(tmp_path, 2)
    world.evaluator_is_ready()
    world.clock.after(5, lambda: world.pods(running(5), {"waiting": {"reason": "ContainerCreating"}}))
    world.clock.after(seen, lambda: world.pods(running(5), running(told)))
    world.clock.after(605, lambda: (world.pods(ended(0, 5, 605), ended(0, told, 605)), world.job_ends()))
    return world


@pytest.mark.parametrize(
    ("seen", "told", "words"),
    [
        (10, 910, "900s ahead"),
        (10, 17, "7s ahead"),
        (60, -6, "6s behind"),
        (60, -240, "240s behind"),
    ],
)
def test_a_clock_that_is_wrong_opens_no_window(tmp_path: pathlib.Path, seen: float, told: float, words: str) -> None:
    """The rules would be asked about a time without load, or with only a part of it."""
    world = begins(tmp_path, seen=seen, told=told)
    load = world.run()
    assert (load["code"], load["reason"], load["start"]) == (2, "WorkloadInfraFailure", None)
    assert load["message"].startswith("the clock of the node of shard 1 is ")
    assert words in load["message"]
    assert read(world.cluster).get(LoadStart) is None
    assert STOP_JOB in world.cluster.patches
    assert world.exit_code == EXIT_AGAINST_RUN


@pytest.mark.parametrize(("seen", "told"), [(10, 10), (10, 13), (60, -4), (300, 8)])
def test_a_little_skew_or_a_late_report_is_no_fault(tmp_path: pathlib.Path, seen: float, told: float) -> None:
    load = begins(tmp_path, seen=seen, told=told).run()
    assert (load["code"], load["reason"]) == (0, None)


def test_a_clock_that_jumps_while_the_load_runs_makes_no_pass(tmp_path: pathlib.Path) -> None:
    """The window would end long after the load."""
    world = World(tmp_path)
    world.plays(ended(0, 5, 900), at=605)
    load = world.run()
    assert (load["code"], load["reason"]) == (2, None)
    assert load["message"].startswith("the clock of the node of shard 0 is at least 295s ahead")


def test_an_end_that_is_told_late_is_no_fault(tmp_path: pathlib.Path) -> None:
    """A node without a network tells what happened once it is back."""
    world = World(tmp_path)
    world.plays(ended(0, 5, 605), at=700)
    assert world.run()["code"] == 0

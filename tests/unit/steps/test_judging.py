"""When a stop is held back, and when it comes: look for look, on a load whose API server was away or is slow."""

import pathlib
from typing import Any

import pytest
from tests.unit.steps.evaluator_world import World, rule

from record_kit import load_end
from runner_helpers import IDENTITY, PODS, START, ended, pod, read, write
from validationrun.contract.evaluation_entries import StopIntent
from validationrun.oracle.decision import Decision
from validationrun.steps.cluster_control import ClusterControl
from validationrun.steps.context import RunnerError

FAILED = Decision("height", START + 20, "Failed", "ThresholdViolated", "0, not > 0", "0")


class Judging:
    """The control of an evaluation, without the evaluation."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.world = World(folder, [rule()])
        nothing: Any = None
        self.control = ClusterControl(self.world.context, self.world.written, nothing, nothing)

    def watch(self, seconds: float) -> None:
        """As an evaluation does: it looks at each beat."""
        until = self.world.clock.now + seconds
        while self.world.clock.now < until:
            self.world.clock.sleep(0.25)
            self.control.look()

    def outage(self) -> None:
        self.world.clock.sleep(10)
        self.control.look()

    def load_ended(self, at: float, code: int = 0) -> None:
        write(self.world.written, load_end(code, end=at))

    @property
    def open_until(self) -> float:
        return self.control.look().open_until - START

    @property
    def stopped(self) -> bool:
        """Whether the load was stopped: the intent is recorded first, and then the Job is."""
        assert self.intended or not self._is_job_stopped
        return self._is_job_stopped

    @property
    def intended(self) -> bool:
        return read(self.world.cluster).get(StopIntent) is not None

    @property
    def _is_job_stopped(self) -> bool:
        return any(plural == "jobs" for plural, *_ in self.world.cluster.patches)


@pytest.fixture
def judging(tmp_path: pathlib.Path) -> Judging:
    return Judging(tmp_path)


def test_a_load_that_is_seen_to_run_is_stopped_at_once(judging: Judging) -> None:
    judging.watch(40)
    judging.control.stop(FAILED)
    assert judging.stopped


def test_what_is_held_back_does_not_count_before_it_is_done(judging: Judging) -> None:
    """Counted, it would end the evaluation, and nobody would be left to stop the load."""
    judging.watch(40)
    assert judging.open_until > 20
    judging.outage()
    judging.control.stop(FAILED)
    assert not judging.stopped
    assert judging.open_until < 20
    judging.watch(16)
    assert judging.stopped
    assert judging.open_until > 20


@pytest.mark.parametrize(("end", "intended"), [(19, False), (20, False), (30, True)])
def test_a_load_whose_container_has_ended_is_not_stopped(judging: Judging, end: float, intended: bool) -> None:
    """Its Job may not have counted it yet. What failed while it ran is intended all the same, once its end is known."""
    judging.watch(40)
    judging.outage()
    judging.control.stop(FAILED)
    judging.world.cluster.put(PODS, pod(0, ended(0, 0, end + 1)))
    judging.watch(60)
    assert not judging.intended
    judging.load_ended(end)
    judging.watch(2)
    assert (judging.intended, judging.stopped) == (intended, False)


def test_the_same_without_an_outage(judging: Judging) -> None:
    judging.watch(40)
    judging.world.cluster.put(PODS, pod(0, ended(0, 0, 19)))
    judging.watch(2)
    judging.control.stop(FAILED)
    assert not judging.stopped
    judging.load_ended(18)
    judging.watch(2)
    judging.control.stop(FAILED)
    assert not judging.stopped


def test_a_slow_api_server_is_not_one_that_was_away(judging: Judging) -> None:
    judging.world.cluster.on_get = lambda: judging.world.clock.sleep(1.6)
    judging.watch(60)
    assert judging.open_until > 20
    judging.control.stop(FAILED)
    judging.world.cluster.on_get = lambda: None
    assert judging.stopped


def test_a_very_slow_one_holds_no_stop_for_ever(judging: Judging) -> None:
    judging.watch(40)
    judging.world.cluster.on_get = lambda: judging.world.clock.sleep(4)
    judging.watch(10)
    judging.control.stop(FAILED)
    judging.watch(30)
    judging.world.cluster.on_get = lambda: None
    assert judging.stopped


def test_an_attempt_that_was_given_up_ends_behind_the_verdict(judging: Judging) -> None:
    judging.watch(5)
    judging.world.cluster.objects[("configmaps", IDENTITY.record_name)]["immutable"] = True
    with pytest.raises(RunnerError, match="the run has its verdict"):
        judging.watch(2)

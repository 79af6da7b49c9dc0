"""
Suites whose runs would all pass, each hit by one fault at a random moment: `make e2e-random-suites`.

    python -m tests.e2e.random_suites --count 60 --seed 7 --workers 2

What is right for each fault at each moment stands in random_suite_model.py. Beside a wrong verdict, whatever is left over, a suite or
a member that does not end, and readers that contradict each other are findings. Results are appended to build/random-suites.jsonl,
as those of random_faults.py.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.cluster import processes
from tests.cluster.controllers import Controller, additional_controller
from tests.e2e import random_suite_model as model
from tests.e2e.checks import check_nothing_left
from tests.e2e.faults import kill, runs_for_argo, step_pods
from tests.e2e.finalize_faults import processes_of
from tests.e2e.random_faults import FOLDER, Draw, Journal, data_of, keep, run_series
from tests.e2e.random_suite_model import FAULTS, PASSED, Hit, MemberEvidence, not_whole, right
from tests.e2e.running import run_operator
from tests.e2e.suites import entry_of, record_of, submit, suite_of
from tests.e2e.world import World, as_json, until

from validationrun.base import conventions
from validationrun.contract.argo_phase import has_ended
from validationrun.contract.owned_record import Identity
from validationrun.kube.cluster import JOBS, PODS, WORKFLOWS, Object

MEMBERS: Final = ("first", "second")
_FIRST_GUESS_SECONDS: Final = 110.0
_LONGEST_SECONDS: Final = 1200
_LEFT_SECONDS: Final = 150
_RESTART: Final = "restart-controller"
_STEPS: Final = {
    "kill-evaluator": "rule-evaluator",
    "kill-load-job": "load-job",
    "kill-suite-finalize": "suite-finalize",
}
"""Whose pod the fault waits for, because at most moments there is none."""

_STEP_SECONDS: Final = {"kill-evaluator": 25.0, "kill-load-job": 25.0, "kill-suite-finalize": 4.0}
_OF_A_MEMBER: Final = ("kill-evaluator", "kill-load-job", model.STOP_MEMBER, model.DELETE_MEMBER)


@dataclass(frozen=True)
class Target:
    """The suite of one draw, and which of its members is hit."""

    members: tuple[str, ...]
    hit: str

    @classmethod
    def of(cls, seed: int, draw: Draw) -> "Target":
        source = random.Random(f"{seed}/{draw.index}/target")
        members = MEMBERS[: source.choice((1, 2))]
        return cls(members, source.choice(members))


@dataclass(frozen=True)
class Scene:
    """One suite while it goes."""

    world: World
    target: Target
    suite: Object
    controller: Controller | None

    @property
    def name(self) -> str:
        return str(self.suite["metadata"]["name"])

    def workflow(self) -> Object | None:
        found = self.world.cluster.get(WORKFLOWS, self.name)
        return found if found is not None and found["metadata"]["uid"] == self.suite["metadata"]["uid"] else None

    def has_ended(self) -> bool:
        found = self.workflow()
        return found is None or has_ended(found)

    def member(self) -> Object | None:
        """The Workflow of the member that is hit."""
        entry = entry_of(self.world, self.suite, self.target.hit)
        return self.world.cluster.get(WORKFLOWS, entry.workflow) if entry is not None and entry.workflow else None

    def state(self) -> set[str]:
        """What stands now, in the words of the model."""
        written = record_of(self.world, self.suite)
        if written is None:
            return set()
        state = {"suite"} | ({model.VERDICT} if written.result is not None else set())
        for name in self.target.members:
            entry = written.member(name)
            if entry is None:
                continue
            state |= {name} | ({model.run_end(name)} if entry.outcome is not None else set())
            found = self.world.cluster.get(WORKFLOWS, entry.workflow) if entry.workflow else None
            if found is not None and "result" in data_of(self.world.record(found)):
                state.add(model.run_verdict(name))
        return state


def one_suite(seed: int, draw: Draw, after_s: float, folder: Path) -> Object:
    """A whole suite with its fault, judged. Never raises: what goes wrong is a finding."""
    target = Target.of(seed, draw)
    result: Object = {**asdict(draw), "target": asdict(target), "after": after_s, "findings": []}
    try:
        with contextlib.ExitStack() as stack:
            world = stack.enter_context(World.open(f"suites-{draw.index}"))
            stack.enter_context(run_operator(world, quiet=True))
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            controller = stack.enter_context(additional_controller()) if draw.fault == _RESTART else None
            options = ("--instance-id", controller.instance) if controller is not None else ()
            path = suite_of(world, scratch, *target.members, concurrency="Parallel", options=options)
            before = world.holdings()
            scene = Scene(world, target, submit(world, path, *options), controller)
            _play(scene, draw, result, folder, before)
    except Exception:  # noqa: BLE001 - the other suites go on
        result["findings"].append(f"the test itself: {traceback.format_exc()}")
    return result


def _play(scene: Scene, draw: Draw, result: Object, folder: Path, before: set[str]) -> None:
    began = time.time()
    step = _STEPS.get(draw.fault)
    if step is not None:
        until("the step has a pod", lambda: scene.has_ended() or bool(_pods_of(scene, draw.fault)), _LONGEST_SECONDS)
    hit = _hit(scene, draw, time.time() + result["after"])
    result["after"] = time.time() - began
    until("the suite ends", scene.has_ended, _LONGEST_SECONDS)
    result["seconds"] = time.time() - began
    result.update(
        hit=None if hit is None else {**asdict(hit), "before": sorted(hit.before), "after": sorted(hit.after)}
    )
    result["at"] = _moment(hit)
    until("its members end", lambda: all(map(has_ended, _owned(scene))), _LONGEST_SECONDS)
    result["findings"] += _judge(scene, hit, result)
    if result["findings"]:
        found = scene.workflow() or scene.suite
        written = record_of(scene.world, scene.suite)
        keep(scene.world, found, written._data if written is not None else {}, folder / f"{draw.index}")
        (folder / f"{draw.index}" / "members.json").write_text(json.dumps(_owned(scene), indent=1))
    result["findings"] += _left(scene, before)


def _owned(scene: Scene) -> list[Object]:
    labels = f"{conventions.LABEL_SUITE_UID}={scene.suite['metadata']['uid']}"
    return scene.world.cluster.list(WORKFLOWS, labels=labels)


def _pods_of(scene: Scene, fault: str) -> list[Object]:
    """The pods of the step that the fault is about: of the suite, or of the member that is hit."""
    workflow = scene.member() if fault in _OF_A_MEMBER else scene.workflow()
    step = _STEPS.get(fault, "suite-member")
    pods = step_pods(scene.world, workflow, step) if workflow is not None else []
    if workflow is None or step != "suite-finalize":
        return pods
    # The next pod of one that Argo has not seen yet takes a verdict that stands for a forged one; decision 27 says so.
    return [pod for pod in pods if runs_for_argo(scene.world, workflow, pod)]


def _hit(scene: Scene, draw: Draw, at: float) -> Hit | None:
    """Does the fault at its moment; None when the suite had ended by then, or there was nothing to be hit."""
    while time.time() < at:
        if scene.has_ended():
            return None
        time.sleep(min(0.5, max(0.0, at - time.time())))
    before = scene.state()
    if scene.has_ended() or not _do(scene, draw):
        return None
    return Hit(draw.fault, scene.target.hit if draw.fault in _OF_A_MEMBER else "", before, scene.state())


def _do(scene: Scene, draw: Draw) -> bool:
    """Whether there was something to be hit."""
    cluster = scene.world.cluster
    if draw.fault in (*_STEPS, "kill-suite-member"):
        return _kill(scene, draw)
    if draw.fault in (model.STOP, model.TERMINATE):
        shutdown = "Stop" if draw.fault == model.STOP else "Terminate"
        return cluster.patch(WORKFLOWS, scene.name, {"spec": {"shutdown": shutdown}}) is not None
    if draw.fault == model.DELETE:
        cluster.delete(WORKFLOWS, scene.name)
        return True
    if draw.fault in (model.STOP_MEMBER, model.DELETE_MEMBER):
        member = scene.member()
        if member is None or has_ended(member):
            return False
        if draw.fault == model.STOP_MEMBER:
            return cluster.patch(WORKFLOWS, member["metadata"]["name"], {"spec": {"shutdown": "Stop"}}) is not None
        cluster.delete(WORKFLOWS, member["metadata"]["name"])
        return True
    assert scene.controller is not None
    (scene.controller.kill if draw.by_force else lambda: processes.stop(scene.controller.instance))()  # type: ignore[union-attr]
    time.sleep(draw.down_s)
    scene.controller.start()
    return True


def _kill(scene: Scene, draw: Draw) -> bool:
    """The process of suite-finalize is killed as for memory, every other pod by force or with SIGTERM."""
    if draw.fault == "kill-suite-finalize" and draw.by_force and not os.environ.get("E2E_CONTEXT"):
        found = processes_of(scene.suite["metadata"]["uid"], "suite-finalize")
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return bool(found)
    pods = _pods_of(scene, draw.fault)
    for pod in pods:
        if draw.by_force:
            kill(scene.world, pod)
        else:
            scene.world.cluster.delete(PODS, pod["metadata"]["name"])
    return bool(pods)


def _moment(hit: Hit | None) -> str | None:
    if hit is None:
        return None
    return f"{len(hit.before)} .. {len(hit.after)}" + (f" {hit.member}" if hit.member else "")


def _judge(scene: Scene, hit: Hit | None, result: Object) -> Iterator[str]:
    """Everything about the verdict that is wrong."""
    wanted = right(hit)
    workflow = scene.workflow()
    if wanted == {model.GONE}:
        if workflow is not None:
            yield "the suite was deleted and is still there"
        return
    if workflow is None:
        yield "the suite is gone, and nobody deleted it"
        return
    shown = scene.world.run("wait", scene.name, "-n", scene.world.namespace, "-o", "json")
    status = as_json(shown.stdout)
    verdict = (status["verdict"], status["reason"])
    result.update(verdict=status["verdict"], reason=status["reason"], message=status["message"])
    if verdict not in wanted:
        yield f"{verdict} is not right, {sorted(wanted)} is: {status['message']}"
    if verdict == PASSED:
        for fault in not_whole(list(_evidence(scene)), len(scene.target.members)):
            yield f"Passed, but {fault}"
    if shown.returncode != (0 if verdict == PASSED else 2):
        yield f"`wait` ended with {shown.returncode}"
    if workflow["status"]["phase"] not in model.phases(hit, verdict):
        yield f"the Workflow is {workflow['status']['phase']}"
    written = record_of(scene.world, scene.suite)
    if verdict == PASSED and (written is None or not written.sealed):
        yield "Passed, but the suite record is not sealed"


def _evidence(scene: Scene) -> Iterator[MemberEvidence]:
    world, written = scene.world, record_of(scene.world, scene.suite)
    started = written.started if written is not None else None
    owned = _owned(scene)
    for planned in started.suite.to_data()["members"] if started is not None else ():
        mine = [one for one in owned if one["metadata"]["labels"][conventions.LABEL_SUITE_MEMBER] == planned["name"]]
        data: Object = {}
        job = None
        if mine:
            metadata = mine[0]["metadata"]
            data = data_of(world.record(mine[0]))
            job = world.cluster.get(JOBS, Identity(metadata["name"], metadata["uid"], world.namespace).job_name)
        yield MemberEvidence(planned, mine, data, job)


def _left(scene: Scene, before: set[str]) -> Iterator[str]:
    """The chains must go with the runs, and everything with the suite's Workflow."""
    world = scene.world
    try:
        until("nothing runs any longer", lambda: not world.left_running(), _LEFT_SECONDS)
    except AssertionError:
        yield f"left running: {world.left_running()}"
    world.cluster.delete(WORKFLOWS, scene.name)
    try:
        check_nothing_left(world, before)
    except AssertionError as error:
        yield str(error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])

    def play(seed: int, draw: Draw, journal: Journal, folder: Path) -> Object:
        seconds = _STEP_SECONDS.get(draw.fault) or journal.expected("seconds", _FIRST_GUESS_SECONDS)
        return one_suite(seed, draw, draw.moment * seconds, folder)

    return run_series(parser, 60, 2, FAULTS, FOLDER / "random-suites.jsonl", play)


if __name__ == "__main__":
    raise SystemExit(main())

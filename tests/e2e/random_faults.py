"""
Runs that would pass, each hit by one fault at a random moment between its submission and its end, or between the begin of the
step that is killed and the end: `make e2e-random`.

    python -m tests.e2e.random_faults --count 100 --seed 7 --workers 3

What is right for each fault at each moment stands in random_model.py. Beside a wrong verdict, whatever is left over, a run that
does not end, and readers that contradict each other are findings. Results are appended to build/random-faults.jsonl, where the
same seed goes on after an interruption; all that is known of a finding lies beside it.
"""

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.chain.operator.definitions import connect, install_crds
from tests.cluster import processes
from tests.cluster.controllers import Controller, additional_controller
from tests.e2e.checks import check_nothing_left
from tests.e2e.faults import kill, step_pods
from tests.e2e.front_prometheus import cut_prometheus, is_prometheus_cut
from tests.e2e.random_model import FAULTS, PASSED, PROMETHEUS, Hit, not_whole, right
from tests.e2e.running import Prepared, prepare, run_operator, start
from tests.e2e.world import KUBECONFIG, REPOSITORY, World, as_json, until

from validationrun.base.times import parse_time
from validationrun.contract.argo_phase import has_ended
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.owned_record import Identity
from validationrun.contract.record import Record
from validationrun.contract.record_keys import RECORD_KEYS
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import JOBS, PODS, WORKFLOWS, Object

FOLDER: Final = REPOSITORY / "build"
_FIRST_GUESS_SECONDS: Final = 75.0
_RECENT: Final = 7
_LONGEST_SECONDS: Final = 1200
_MOST_DOWN_SECONDS: Final = 10.0
_LEFT_SECONDS: Final = 120
_RESTART: Final = "restart-controller"
_OF_A_STEP: Final = {"kill-evaluator": "rule-evaluator", "kill-load-job": "load-job"}
"""These begin once the chain is ready, and are over with their last key: at any other moment there is nothing to kill."""
_LAST_KEY: Final = {"kill-evaluator": SignOff.key, "kill-load-job": LoadEnd.key}
_FIRST_GUESS_STEP_SECONDS: Final = 40.0
_FEWEST_HITS: Final = 0.8
_FEWEST_HITS_OF_A_SHORT_SERIES: Final = 0.5
"""Where nine faults of ten hit, one series of five in twelve has three hits or fewer, by chance."""
_SHORT_SERIES: Final = 40
_IMAGE: Final = "localhost/validationrun/chain:test"


def _node(name: str, role: str) -> Object:
    return {"name": name, "role": role, "spec": {"replicas": 1, "template": {"spec": {"image": _IMAGE}}}}


SPEC: Final[Object] = {
    "chain": {"deployments": [_node("val", "validator"), _node("rpc", "fullNode")]},
    "load": {"duration": "15s", "workload": {"args": ["--rate=2", "--min-included=3"]}},
    "rules": [
        {
            "name": "height-advances",
            "type": "query",
            "query": {
                "promql": 'min(increase(cometbft_consensus_height{chain_id="${chainId}"}[${window}]))',
                "op": ">",
                "threshold": "0",
            },
            "runProperties": {"interval": "5s", "startAfter": "10s", "retry": 1},
        },
        {
            "name": "chain-halted",
            "type": "alert",
            "alert": {
                "ruleRef": {"name": "test-alerts", "namespace": "monitoring", "alertname": "TestChainHalted"},
                "matchers": [{"name": "chain_id", "op": "=", "value": "${chainId}"}],
            },
            "runProperties": {"interval": "5s", "retry": 1, "stopOnFailure": True},
        },
    ],
}


@dataclass(frozen=True)
class Draw:
    """
    What is done to one run.

    Attributes:
        moment: of the whole run, or of a step's work where that step is killed, from 0 to 1.
        by_force: a kill without a word before, else with SIGTERM.
        down_s: how long a restarted controller is away.
    """

    index: int
    fault: str
    moment: float
    by_force: bool
    down_s: float

    @classmethod
    def of(cls, seed: int, index: int, faults: Sequence[str]) -> "Draw":
        """The same for the same seed and index."""
        source = random.Random(f"{seed}/{index}")
        moment, by_force, down_s = source.random(), source.random() < 0.5, source.random() * _MOST_DOWN_SECONDS
        return cls(index, faults[index % len(faults)], moment, by_force, round(down_s, 1))


class Journal:
    """The results so far, in a file; shared by the workers."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path, self._seed, self._lock = path, seed, threading.Lock()
        path.parent.mkdir(exist_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        self.results: list[Object] = [one for one in map(json.loads, lines) if one["seed"] == seed]

    def done(self) -> set[int]:
        return {one["index"] for one in self.results}

    def expected(self, key: str, guess: float) -> float:
        """By the latest runs that were not cut short: the machine is never equally busy."""
        with self._lock:
            known = [one[key] for one in self.results if one.get("verdict") == "Passed" and one.get(key)][-_RECENT:]
        return median(known) if known else guess

    def after(self, draw: Draw) -> float:
        """Seconds from the run's start, for the kill of a step from its pod's, to the draw's moment."""
        if draw.fault in _LAST_KEY:
            return draw.moment * self.expected(_LAST_KEY[draw.fault], _FIRST_GUESS_STEP_SECONDS)
        return draw.moment * self.expected("seconds", _FIRST_GUESS_SECONDS)

    def add(self, result: Object) -> None:
        with self._lock:
            self.results.append(result)
            with self._path.open("a") as file:
                file.write(json.dumps({"seed": self._seed, **result}) + "\n")
            print(_line(result), flush=True)


def _line(result: Mapping[str, Any]) -> str:
    found = "".join(f"\n      FINDING: {one}" for one in result["findings"])
    moment = f"{result['after']:.0f}s of {result['seconds']:.0f}s" if result.get("seconds") else "?"
    return (
        f"{time.strftime('%H:%M:%S')} {result['index']:>4} {result['fault']:<18} {moment:<13} "
        f"{result.get('at') or 'no run':<28} {result.get('verdict')} {result.get('reason')}{found}"
    )


def one_run(draw: Draw, after_s: float, folder: Path) -> Object:
    """
    A whole run with its fault, judged. Never raises: what goes wrong is a finding.

    Args:
        after_s: when the fault is done, counted from the run's start; for the kill of a step from its pod's.
    """
    result: Object = {**asdict(draw), "after": after_s, "findings": []}
    try:
        with contextlib.ExitStack() as stack:
            world = stack.enter_context(World.open(f"random-{draw.index}"))
            stack.enter_context(run_operator(world, quiet=True))
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            controller = stack.enter_context(additional_controller()) if draw.fault == _RESTART else None
            _run(world, draw, controller, scratch, result, folder)
    except Exception:  # noqa: BLE001 - the other runs go on
        result["findings"].append(f"the test itself: {traceback.format_exc()}")
    return result


def _run(world: World, draw: Draw, controller: Controller | None, scratch: Path, result: Object, folder: Path) -> None:
    setup = [{"do": "front-prometheus"}] if draw.fault == PROMETHEUS else []
    options = ["--instance-id", controller.instance] if controller is not None else []
    prepared = prepare(world, scratch, {"spec": SPEC}, options=options, setup=setup)
    name = start(world, prepared)["metadata"]["name"]
    began = time.time()
    if draw.fault in _OF_A_STEP:
        until("the step has a pod", lambda: _has_step(world, name, _OF_A_STEP[draw.fault]), _LONGEST_SECONDS)
    there = time.time()
    hit = _hit(world, draw, controller, name, time.time() + result["after"])
    result["after"] = (hit.began if hit else time.time()) - began
    ended = until("the run ends", lambda: _ended(world, name), _LONGEST_SECONDS)
    found = world.record(ended)
    data, created = data_of(found), parse_time(ended["metadata"]["creationTimestamp"])
    result["seconds"] = parse_time(ended["status"]["finishedAt"]) - created
    last = _LAST_KEY.get(draw.fault)
    if last in data:
        result[last] = parse_time(data[last]["at"]) - there
    result.update(at=_moment(hit), hit=asdict(hit) if hit is not None else None)
    result["findings"] += _judge(world, ended, found, data, hit, result)
    if result["findings"]:
        keep(world, ended, data, folder / f"{draw.index}")
    result["findings"] += _left(world, prepared, name)


def _has_step(world: World, name: str, step: str) -> bool:
    """Or never will."""
    workflow = world.cluster.get(WORKFLOWS, name)
    assert workflow is not None
    return has_ended(workflow) or bool(step_pods(world, workflow, step))


def _ended(world: World, name: str) -> Object | None:
    workflow = world.cluster.get(WORKFLOWS, name)
    assert workflow is not None
    return workflow if has_ended(workflow) else None


def data_of(found: Record | None) -> Object:
    """The run record, by key."""
    values = [] if found is None else [found.get(key) for key in RECORD_KEYS]
    return {value.key: value.to_data() for value in values if value is not None}


def _hit(world: World, draw: Draw, controller: Controller | None, name: str, at: float) -> Hit | None:
    """Does the fault at its moment; None when the run had ended by then, or there was nothing to be hit."""
    while time.time() < at:
        if _ended(world, name) is not None:
            return None
        time.sleep(min(0.5, max(0.0, at - time.time())))
    workflow = world.cluster.get(WORKFLOWS, name)
    assert workflow is not None
    if has_ended(workflow):
        return None
    before, began = set(data_of(world.record(workflow))), time.time()
    if not _do(world, draw, controller, workflow):
        return None
    done = time.time()
    return Hit(draw.fault, sorted(before), sorted(data_of(world.record(workflow))), began, done)


def _do(world: World, draw: Draw, controller: Controller | None, workflow: Object) -> bool:
    """Whether there was something to be hit."""
    if draw.fault in _OF_A_STEP:
        pods = step_pods(world, workflow, _OF_A_STEP[draw.fault])
        for pod in pods:
            if draw.by_force:
                kill(world, pod)
            else:
                world.cluster.delete(PODS, pod["metadata"]["name"])
        return bool(pods)
    if draw.fault == "stop":
        return world.cluster.patch(WORKFLOWS, workflow["metadata"]["name"], {"spec": {"shutdown": "Stop"}}) is not None
    if draw.fault == PROMETHEUS:
        cut_prometheus(world)
        until("Prometheus is gone", lambda: is_prometheus_cut(world), 180)
        return True
    assert controller is not None
    (controller.kill if draw.by_force else lambda: processes.stop(controller.instance))()
    time.sleep(draw.down_s)
    controller.start()
    return True


def _moment(hit: Hit | None) -> str | None:
    """The last keys of the record that stood before and after the fault."""
    if hit is None:
        return None
    last = [
        next((key.key for key in reversed(RECORD_KEYS) if key.key in keys), "nothing")
        for keys in (hit.before, hit.after)
    ]
    return last[0] if last[0] == last[1] else " .. ".join(last)


def _judge(
    world: World, workflow: Object, found: Record | None, data: Object, hit: Hit | None, result: Object
) -> Iterator[str]:
    """Everything about the verdict that is wrong."""
    shown = world.run("wait", workflow["metadata"]["name"], "-n", world.namespace, "-o", "json")
    status = as_json(shown.stdout)
    verdict = (status["verdict"], status["reason"])
    result.update(verdict=status["verdict"], reason=status["reason"], message=status["message"])
    wanted = right(hit, data)
    if verdict not in wanted:
        yield f"{verdict} is not right, {sorted(wanted)} is: {status['message']}"
    if verdict == PASSED:
        identity = Identity(workflow["metadata"]["name"], workflow["metadata"]["uid"], world.namespace)
        for fault in not_whole(data, workflow, world.cluster.get(JOBS, identity.job_name)):
            yield f"Passed, but {fault}"
    if shown.returncode != (0 if verdict == PASSED else 2):
        yield f"`wait` ended with {shown.returncode}"
    if found is None or not found.sealed or data.get(Status.key) != status:
        yield "the record holds no verdict, or another than is shown"
    phase, label = workflow["status"]["phase"], workflow["metadata"]["labels"].get("validation.sei.io/verdict")
    if label != status["verdict"] or (phase == "Succeeded") != (verdict == PASSED):
        yield f"the Workflow is {phase} and labelled {label}"


def _left(world: World, prepared: Prepared, name: str) -> Iterator[str]:
    """The chain must go with the run, and everything with the Workflow."""
    try:
        until("nothing runs any longer", lambda: not world.left_running(), _LEFT_SECONDS)
    except AssertionError:
        yield f"left running: {world.left_running()}"
    world.cluster.delete(WORKFLOWS, name)
    try:
        check_nothing_left(world, prepared.before)
    except AssertionError as error:
        yield str(error)


def keep(world: World, workflow: Object, data: Object, folder: Path) -> None:
    """All that is known of a run with a finding."""
    folder.mkdir(parents=True, exist_ok=True)
    name = workflow["metadata"]["name"]
    (folder / "workflow.json").write_text(json.dumps(workflow, indent=1))
    (folder / "record.json").write_text(json.dumps(data, indent=1))
    (folder / "pods.json").write_text(json.dumps(world.cluster.list(PODS), indent=1))
    (folder / "logs.txt").write_text(world.run("logs", name, "-n", world.namespace).stdout)


def summary(results: Sequence[Mapping[str, Any]], faults: Sequence[str] = FAULTS) -> str:
    """A table: for each fault how many there were, and what came of them."""
    lines = ["", f"{'fault':<20}{'runs':>5}{'hit':>5}  verdicts"]
    for fault in faults:
        of = [one for one in results if one["fault"] == fault]
        verdicts = Counter(f"{one.get('reason')}" for one in of)
        told = ", ".join(f"{count} {reason}" for reason, count in verdicts.most_common())
        lines.append(f"{fault:<20}{len(of):>5}{sum(1 for one in of if one.get('hit')):>5}  {told}")
    found = [one for one in results if one["findings"]]
    lines.append(f"{len(results)} runs, {len(found)} with findings: {[one['index'] for one in found]}")
    return "\n".join(lines)


def hits_enough(results: Sequence[Mapping[str, Any]]) -> bool:
    """A fault that met nothing shows nothing."""
    fewest = _FEWEST_HITS_OF_A_SHORT_SERIES if len(results) < _SHORT_SERIES else _FEWEST_HITS
    return sum(1 for one in results if one.get("hit")) >= fewest * len(results)


Play = Callable[[int, Draw, Journal, Path], Object]
"""Plays one draw of a seed. Keeps what is known of a finding in the folder, and returns the result."""


def run_series(
    parser: argparse.ArgumentParser, count: int, workers: int, faults: Sequence[str], results: Path, play: Play
) -> int:
    """
    The command line of a series of random faults; its exit code.

    Args:
        count, workers, results: defaults of the options.
        faults: all of them.
    """
    parser.add_argument("--count", type=int, default=count, help="how many runs")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same faults as with this seed before")
    parser.add_argument("--workers", type=int, default=workers, help="runs side by side")
    parser.add_argument("--fault", choices=faults, action="append", help="only these")
    parser.add_argument("--minutes", type=float, default=1e6, help="after these no further run begins")
    parser.add_argument("--results", type=Path, default=results)
    given = parser.parse_args()
    context = os.environ.get("E2E_CONTEXT")
    install_crds(connect(None if context else str(KUBECONFIG), context))
    journal = Journal(given.results, given.seed)
    left = [index for index in range(given.count) if index not in journal.done()]
    print(f"seed {given.seed}: {given.count} runs, {given.count - len(left)} done before", flush=True)

    # The controller of somebody else's cluster is left alone.
    chosen = given.fault or [one for one in faults if context is None or one != _RESTART]

    end = time.monotonic() + 60 * given.minutes

    def work(index: int) -> None:
        if time.monotonic() > end:
            return
        draw = Draw.of(given.seed, index, chosen)
        journal.add(play(given.seed, draw, journal, given.results.with_suffix("") / str(given.seed)))

    with ThreadPoolExecutor(given.workers) as pool:
        list(pool.map(work, left))
    print(summary(journal.results, faults))
    if not hits_enough(journal.results):
        print("too many of the faults hit nothing")
    return 1 if any(one["findings"] for one in journal.results) or not hits_enough(journal.results) else 0


def main() -> int:
    def play(_: int, draw: Draw, journal: Journal, folder: Path) -> Object:
        return one_run(draw, journal.after(draw), folder)

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    return run_series(parser, 100, 3, FAULTS, FOLDER / "random-faults.jsonl", play)


if __name__ == "__main__":
    sys.exit(main())

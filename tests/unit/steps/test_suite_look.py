"""A run of a suite that is over: whichever of its steps is at work, the run ends as Cancelled, and cleans up."""

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.steps import chain_world, evaluator_world, finalize_world, load_world
from tests.unit.steps.evaluator_world import rule
from tests.unit.steps.suite_world import suite_workflow

from record_kit import change, rewrite
from runner_helpers import START, Clock, FakeCluster, context, ended, read, write
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainReady
from validationrun.contract.evaluation_entries import SuiteEnded
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff, stands
from validationrun.kube.cluster import WORKFLOWS, ForbiddenError, UnreachableError
from validationrun.oracle.outcome import RunReason
from validationrun.steps import ensure_chain
from validationrun.steps.suite_look import SuiteLook

SUITE = "release-suite-abcde"
UID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator_world.install(monkeypatch)


def put_suite(cluster: FakeCluster, **fields: Any) -> None:
    body = suite_workflow(**fields)
    cluster.put(WORKFLOWS, {**body, "metadata": {**body["metadata"], "name": SUITE, "uid": UID}})


def join(cluster: FakeCluster) -> None:
    """The run becomes a member of the suite."""
    change(cluster, RunEntry, parameters={"suite": f"{SUITE}/{UID}"})


OVER: list[tuple[str, Callable[[FakeCluster], Any], str]] = [
    ("deleted", lambda c: c.objects.pop(("workflows", SUITE)), "is gone"),
    ("replaced", lambda c: c.objects[("workflows", SUITE)]["metadata"].update(uid="another"), "is gone"),
    ("stopped", lambda c: c.objects[("workflows", SUITE)]["spec"].update(shutdown="Stop"), "was stopped"),
    ("terminated", lambda c: c.objects[("workflows", SUITE)]["spec"].update(shutdown="Terminate"), "was stopped"),
    (
        "ended",
        lambda c: c.objects[("workflows", SUITE)].update(status={"phase": "Error", "finishedAt": format_time(START)}),
        "has ended as Error",
    ),
]

each_end = pytest.mark.parametrize(("what", "end", "says"), OVER, ids=[row[0] for row in OVER])


@each_end
def test_under_load_the_load_is_ended_and_nothing_is_proven(
    tmp_path: pathlib.Path, what: str, end: Callable[[FakeCluster], Any], says: str
) -> None:
    del what
    world = evaluator_world.World(tmp_path, [rule()])
    put_suite(world.cluster)
    join(world.cluster)
    world.clock.after(15, lambda: end(world.cluster))
    world.load_ends(at=40, learned=45)
    signed = world.judge()
    assert signed["stopped"] is True
    assert says in read(world.cluster).need(SuiteEnded).message
    assert world.exit_code == 3
    job_patches = [body for plural, _, body in world.cluster.patches if plural == "jobs"]
    assert {"spec": {"activeDeadlineSeconds": 1}} in job_patches
    assert not stands(read(world.cluster).get(SignOff))
    assert START + 40 < world.clock.now < START + 60


@each_end
def test_a_run_without_load_ends_within_ten_seconds(
    tmp_path: pathlib.Path, what: str, end: Callable[[FakeCluster], Any], says: str
) -> None:
    del what
    world = evaluator_world.World(tmp_path, [rule()], load=False)
    put_suite(world.cluster)
    join(world.cluster)
    world.clock.after(15, lambda: end(world.cluster))
    world.judge()
    assert world.exit_code == 3
    assert says in read(world.cluster).need(SuiteEnded).message
    assert world.clock.now < START + 30


def test_a_suite_that_goes_on_changes_nothing(tmp_path: pathlib.Path) -> None:
    world = evaluator_world.World(tmp_path, [rule()], load=False)
    put_suite(world.cluster)
    join(world.cluster)
    assert (world.judge()["stopped"], world.exit_code) == (False, 0)
    assert read(world.cluster).get(SuiteEnded) is None


def test_a_run_of_no_suite_asks_nobody(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = evaluator_world.World(tmp_path, [rule()], load=False)
    asked: list[str] = []
    real = world.cluster.get

    def get(resource: Any, name: str) -> Any:
        asked.append(resource.plural)
        return real(resource, name)

    monkeypatch.setattr(world.cluster, "get", get)
    world.judge()
    assert "workflows" not in asked


@pytest.mark.parametrize(
    "error", [UnreachableError("connection refused"), ForbiddenError("cannot get workflows", 403, "Forbidden")]
)
def test_no_answer_is_no_end(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    world = evaluator_world.World(tmp_path, [rule()], load=False)
    join(world.cluster)
    real = world.cluster.get

    def get(resource: Any, name: str) -> Any:
        if resource.plural == "workflows":
            raise error
        return real(resource, name)

    monkeypatch.setattr(world.cluster, "get", get)
    assert (world.judge()["stopped"], world.exit_code) == (False, 0)


def test_it_looks_every_ten_seconds(tmp_path: pathlib.Path) -> None:
    world = evaluator_world.World(tmp_path, [rule()], load=False)
    put_suite(world.cluster)
    join(world.cluster)
    looks: list[float] = []
    cluster, clock = world.cluster, Clock()
    step = replace(context("rule-evaluator", cluster, clock, tmp_path, "x"), now=clock.time)
    look = SuiteLook(step, read(cluster))
    cluster.on_get = lambda: looks.append(clock.now - START)
    for _ in range(100):
        assert look.ended() == ""
        clock.now += 1
    assert looks == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]


def test_the_evaluator_that_comes_back_still_ends_the_run(tmp_path: pathlib.Path) -> None:
    """Its pod was lost between the record and the end of the load."""
    world = evaluator_world.World(tmp_path, [rule()])
    join(world.cluster)
    rewrite(world.cluster, SuiteEnded(format_time(START), "its suite is gone"))
    world.load_ends(at=5, learned=8)
    world.judge()
    assert world.exit_code == 3


def test_load_job_ends_a_load_whose_suite_is_over(tmp_path: pathlib.Path) -> None:
    world = load_world.World(tmp_path)
    world.plays(ended(137, 5, 60), at=60, kind="Failed")
    world.clock.after(20, lambda: write(world.written, SuiteEnded(format_time(START + 20), "its suite is gone")))
    assert world.run()["stopped"] == "the suite of this run is over"
    assert load_world.STOP_JOB in world.cluster.patches


def test_load_job_starts_no_load_whose_suite_is_over(tmp_path: pathlib.Path) -> None:
    world = load_world.World(tmp_path)
    world.evaluator_is_ready()
    write(world.written, SuiteEnded(format_time(START), "its suite is gone"))
    assert world.run()["start"] is None
    assert not [made for made in world.cluster.created if made.startswith("jobs/")]


@pytest.fixture
def chain(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> chain_world.World:
    made = chain_world.World(tmp_path, monkeypatch)
    put_suite(made.cluster)
    return made


@each_end
def test_a_chain_is_not_brought_up_for_a_suite_that_is_over(
    chain: chain_world.World, monkeypatch: pytest.MonkeyPatch, what: str, end: Callable[[FakeCluster], Any], says: str
) -> None:
    del what
    _join_at_start(monkeypatch)
    chain.makes_ready = False
    chain.clock.after(30, lambda: end(chain.cluster))
    result = chain.ensure()
    assert (result["reason"], says in result["message"]) == ("Cancelled", True)
    assert chain.clock.now < START + 60


def test_nor_waited_for(chain: chain_world.World, monkeypatch: pytest.MonkeyPatch) -> None:
    _join_at_start(monkeypatch)
    assert chain.ensure()["reason"] is None
    began = chain.clock.now
    chain.clock.after(began - START + 30, lambda: chain.cluster.objects.pop(("workflows", SUITE)))
    ready = chain.wait()
    assert ready is not None
    assert ready["reason"] == "Cancelled"
    assert chain.clock.now < began + 60


def _join_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the run had been compiled together with its suite: its record has the parameter from the start."""
    real = ensure_chain.planned_run
    parameters = {"suite": f"{SUITE}/{UID}"}
    monkeypatch.setattr(
        ensure_chain, "planned_run", lambda *arguments: replace(real(*arguments), parameters=parameters)
    )
    monkeypatch.setattr(ensure_chain.values, "image_replacements", lambda *_: {})


@pytest.mark.parametrize("how", ["evaluator", "chain"])
def test_finalize_calls_it_cancelled(tmp_path: pathlib.Path, how: str) -> None:
    world = finalize_world.World(tmp_path)
    if how == "evaluator":
        world.keys.put(SuiteEnded(format_time(START), "its suite is gone"))
    else:
        world.keys.put(ChainReady(format_time(START), [], RunReason.CANCELLED, "its suite is gone"))
    assert world.finalize() == 1
    status = world.status()
    assert (status["phase"], status["verdict"], status["reason"]) == ("Cancelled", "Error", "Cancelled")
    assert status["message"] == "the run was stopped with its suite before it had a verdict"

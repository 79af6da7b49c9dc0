"""finalize, killed anywhere and started anew; what is in its way; what it leaves and says so."""

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.steps.finalize_world import FAILED, World, deployment, terminated

from record_kit import verdict_status
from runner_helpers import CONFIG_MAPS, IDENTITY, JOBS, START, WORKFLOWS, FakeCluster, read
from validationrun.base import conventions
from validationrun.base.times import format_time
from validationrun.contract.diagnostics import Diagnostics
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import (
    EVENTS,
    PODS,
    SEI_NODE_DEPLOYMENTS,
    ClusterError,
    ForbiddenError,
    InvalidError,
    Resource,
    UnreachableError,
)
from validationrun.steps.context import RunnerError
from validationrun.steps.load_follow import STOP_PATCH

CHAIN_OBJECT = ("seinodedeployments", "nightly-0f8fad5b-rpc")


class KilledError(BaseException):
    """The step's process ends here."""


class Faulty(FakeCluster):
    """Does to one verb on one kind what a test says, before it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[str, Resource, Any], None] = lambda _verb, _resource, _body: None
        self.did: list[tuple[str, str]] = []

    def _do(self, verb: str, resource: Resource, body: Any = None) -> None:
        self.before(verb, resource, body)
        self.did.append((verb, resource.plural))

    def get(self, resource: Resource, name: str) -> Any:
        self._do("get", resource)
        return super().get(resource, name)

    def list(self, resource: Resource, *, labels: str = "", fields: str = "") -> Any:
        self._do("list", resource)
        return super().list(resource, labels=labels, fields=fields)

    def patch(self, resource: Resource, name: str, body: Any) -> Any:
        self._do("patch", resource, body)
        return super().patch(resource, name, body)

    def delete(self, resource: Resource, name: str, *, uid: str | None = None, foreground: bool = False) -> bool:
        self._do("delete", resource)
        return super().delete(resource, name, uid=uid, foreground=foreground)


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    made = World(tmp_path)
    cluster = Faulty()
    cluster.objects = made.cluster.objects
    made.cluster = cluster
    made.replaced(cluster=cluster)
    made.chain()
    return made


def at(verb: str, resource: Resource, error: BaseException, key: str = "") -> Callable[..., None]:
    """Raises it there, every time."""

    def before(done: str, of: Resource, body: Any) -> None:
        if (done, of) == (verb, resource) and (not key or key in ((body or {}).get("data") or {})):
            raise error

    return before


def well(_verb: str, _resource: Resource, _body: Any) -> None:
    """From now on nothing is in the way."""


def faulty(world: World) -> Faulty:
    assert isinstance(world.cluster, Faulty)
    return world.cluster


MOMENTS: list[tuple[str, str, Resource, str]] = [
    ("before the load is ended", "list", PODS, ""),
    ("between diagnose and seal", "patch", CONFIG_MAPS, Status.key),
    ("before what the pods said is written", "patch", CONFIG_MAPS, Diagnostics.key),
    ("between seal and label", "patch", WORKFLOWS, ""),
    ("before the chain is looked for", "list", SEI_NODE_DEPLOYMENTS, ""),
    ("before the chain is deleted", "delete", SEI_NODE_DEPLOYMENTS, ""),
]


@pytest.mark.parametrize(("what", "verb", "resource", "key"), MOMENTS, ids=[one[0] for one in MOMENTS])
def test_killed_anywhere_and_started_anew_it_ends_the_same(
    world: World, what: str, verb: str, resource: Resource, key: str
) -> None:
    del what
    world.keys.change(SignOff, rules=[FAILED])
    world.shard(0, terminated(1, "workload"))
    faulty(world).before = at(verb, resource, KilledError(), key)
    with pytest.raises(KilledError):
        world.finalize()
    faulty(world).before = well
    assert world.finalize() == 1
    assert (world.status()["verdict"], world.status()["reason"]) == ("Failed", "RuleFailed:height")
    assert (world.label(), world.sealed(), world.has_chain) == ("Failed", True, False)
    assert [one["pod"] for one in world.saved()["pods"]] == ["load-0"]


def test_between_seal_and_label_the_verdict_stands_whatever_comes(world: World) -> None:
    """The record is sealed: neither a stop nor evidence that vanished changes what was decided."""
    faulty(world).before = at("patch", WORKFLOWS, KilledError())
    with pytest.raises(KilledError):
        world.finalize()
    faulty(world).before = well
    before = world.status()
    found = world.cluster.objects[("workflows", IDENTITY.workflow)]
    found["spec"]["shutdown"] = "Stop"
    del world.cluster.objects[("jobs", IDENTITY.job_name)]
    assert world.finalize() == 0
    assert (world.status(), world.label()) == (before, "Passed")


def test_a_verdict_that_was_not_sealed_is_decided_again(world: World) -> None:
    faulty(world).before = at("patch", CONFIG_MAPS, KilledError(), Status.key)
    with pytest.raises(KilledError):
        world.finalize()
    faulty(world).before = well
    world.cluster.objects[("workflows", IDENTITY.workflow)]["spec"]["shutdown"] = "Stop"
    assert world.finalize() == 1
    assert world.label() == "Error"


def test_a_second_time_it_labels_and_cleans_up_again(world: World) -> None:
    """A step that was killed while it created something may have been heard after the first clean-up."""
    world.finalize()
    del world.cluster.objects[("workflows", IDENTITY.workflow)]["metadata"]["labels"]
    world.cluster.put(SEI_NODE_DEPLOYMENTS, deployment())
    before = world.status()
    assert world.finalize() == 0
    assert (world.label(), world.has_chain, world.status()) == ("Passed", False, before)


def test_a_passed_run_passes_again_and_a_failed_one_fails_again(tmp_path: pathlib.Path) -> None:
    for code, expected in ((0, 0), (1, 1)):
        world = World(tmp_path)
        world.keys.change(LoadEnd, code=code)
        assert [world.finalize(), world.finalize()] == [expected, expected]


def test_without_a_verdict_too_the_chain_goes(world: World) -> None:
    """A finalize that ended by itself is not started again."""
    faulty(world).before = at("patch", CONFIG_MAPS, InvalidError("too large", 422), Status.key)
    with pytest.raises(InvalidError):
        world.finalize()
    assert not world.has_chain
    assert (world.label(), world.sealed()) == (None, False)


def test_without_a_verdict_a_chain_for_good_runs_only_stays(world: World) -> None:
    world.keys.change(RunEntry, cleanup="OnSuccess")
    faulty(world).before = at("patch", CONFIG_MAPS, InvalidError("too large", 422), Status.key)
    with pytest.raises(InvalidError):
        world.finalize()
    assert world.has_chain


def test_a_load_that_may_not_be_ended_keeps_nothing_from_its_verdict(world: World) -> None:
    world.keys.drop(LoadEnd)
    world.cluster.objects[("jobs", IDENTITY.job_name)]["status"] = {}
    faulty(world).before = at("patch", JOBS, ForbiddenError("cannot patch", 403))
    assert world.decide() == ("Error", "WorkloadInfraFailure")
    assert not world.has_chain


@pytest.mark.parametrize(
    "error", [ForbiddenError("cannot list pods", 403), UnreachableError("away"), ClusterError("odd", 418)]
)
def test_pods_that_cannot_be_listed_keep_nothing_from_its_verdict(world: World, error: Exception) -> None:
    faulty(world).before = at("list", PODS, error)
    world.keys.change(SignOff, rules=[FAILED])
    assert world.decide() == ("Failed", "RuleFailed:height")
    assert not world.has_chain


@pytest.mark.parametrize(
    "error", [ForbiddenError("cannot patch", 403), ClusterError("odd", 418), UnreachableError("away")]
)
def test_a_label_that_cannot_be_written_keeps_nothing_from_the_clean_up(world: World, error: Exception) -> None:
    faulty(world).before = at("patch", WORKFLOWS, error)
    assert world.decide() == ("Passed", "RunSucceeded")
    assert (world.label(), world.has_chain) == (None, False)


def told(world: World, capsys: pytest.CaptureFixture[str]) -> str:
    """What becomes the Workflow's message."""
    world.finalize()
    return capsys.readouterr().err


def stays(world: World, **metadata: Any) -> list[str]:
    """A chain object that every deletion leaves there; what was asked to go, by uid."""
    asked: list[str] = []
    world.chain(**metadata)

    def delete(_resource: Resource, _name: str, *, uid: str | None = None, **_how: bool) -> bool:
        asked.append(str(uid))
        return True

    world.cluster.delete = delete  # type: ignore[method-assign]
    return asked


def test_what_a_finalizer_holds_is_left_and_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    finalizers = ["sei.io/one", "sei.io/two", "sei.io/three", "sei.io/four"]
    asked = stays(world, uid="held", deletionTimestamp=format_time(START), finalizers=finalizers)
    began = world.clock.now
    words = told(world, capsys)
    assert words.splitlines() == [
        "Passed: RunSucceeded: the workload passed and the rule held",
        (
            f"left behind: SeiNodeDeployment nightly-0f8fad5b-rpc (deleted since {format_time(START)}, "
            "held by sei.io/one, sei.io/two, sei.io/three)"
        ),
    ]
    assert 300 <= world.clock.now - began < 310
    assert asked == ["held"]
    assert world.label() == "Passed"


def test_what_is_not_even_deleted_is_told_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    stays(world)
    assert "nightly-0f8fad5b-rpc (not deleted)" in told(world, capsys)


def test_what_goes_slowly_is_waited_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    asked = stays(world, uid="slow", deletionTimestamp=format_time(START), finalizers=["sei.io/one"])
    world.clock.after(120, lambda: world.cluster.objects.pop(CHAIN_OBJECT))
    assert "left behind" not in told(world, capsys)
    assert asked == ["slow"]
    assert 120 <= world.clock.now - START < 130


def test_what_a_killed_step_creates_meanwhile_goes_too(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    asked = stays(world, uid="first")
    world.clock.after(5, lambda: (world.cluster.objects.pop(CHAIN_OBJECT), world.chain(uid="second")))
    world.clock.after(10, lambda: world.cluster.objects.pop(CHAIN_OBJECT))
    assert "left behind" not in told(world, capsys)
    assert asked == ["first", "second"]


def test_of_many_that_stay_a_few_are_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    stays(world)
    for index in range(20):
        body = deployment()
        body["metadata"]["name"] = f"chain-{index:02}"
        world.cluster.put(SEI_NODE_DEPLOYMENTS, body)
    words = told(world, capsys)
    assert words.count("SeiNodeDeployment") == 8
    assert len(words.encode()) < 4096


@pytest.mark.parametrize(
    ("error", "record_is_there", "words"),
    [
        (ForbiddenError("cannot delete", 403), True, "clean-up failed: cannot delete"),
        (ForbiddenError("cannot delete", 403), False, "clean-up failed: cannot delete"),
        (UnreachableError("away"), True, "clean-up failed: away"),
        (UnreachableError("away"), False, "clean-up failed: away"),
    ],
)
def test_a_clean_up_that_fails_is_told_beside_the_verdict(
    world: World, capsys: pytest.CaptureFixture[str], error: Exception, record_is_there: bool, words: str
) -> None:
    if not record_is_there:
        world.keys.drop(RunEntry)
    faulty(world).before = at("delete", SEI_NODE_DEPLOYMENTS, error)
    err = told(world, capsys)
    assert f"{words}; left behind: SeiNodeDeployment nightly-0f8fad5b-rpc" in err
    assert world.label() == ("Passed" if record_is_there else "Error")


def test_one_that_may_not_be_deleted_keeps_no_other(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    other = deployment()
    other["metadata"]["name"] = "nightly-0f8fad5b-val"
    world.cluster.put(SEI_NODE_DEPLOYMENTS, other)
    refused = world.cluster.objects[CHAIN_OBJECT]["metadata"]["uid"]
    delete = world.cluster.delete

    def but_one(resource: Resource, name: str, *, uid: str | None = None, foreground: bool = False) -> bool:
        if uid == refused:
            raise ForbiddenError("a policy says no", 403)
        return delete(resource, name, uid=uid, foreground=foreground)

    world.cluster.delete = but_one  # type: ignore[method-assign]
    words = told(world, capsys)
    assert (
        "clean-up failed: a policy says no; left behind: SeiNodeDeployment nightly-0f8fad5b-rpc (not deleted)" in words
    )
    assert [key for key in world.cluster.objects if key[0] == SEI_NODE_DEPLOYMENTS.plural] == [CHAIN_OBJECT]
    assert world.clock.now - START < 60


def test_a_refusal_that_passes_keeps_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    faulty(world).before = at("delete", SEI_NODE_DEPLOYMENTS, UnreachableError("the webhook is away", 500))
    world.clock.after(100, lambda: setattr(world.cluster, "before", well))
    assert "left behind" not in told(world, capsys)
    assert not world.has_chain


def test_of_two_finalizes_side_by_side_the_first_verdict_stands(world: World) -> None:
    written = world.begin()
    other = verdict_status("Succeeded", "RunSucceeded", "by the other")

    def sealed_by_another(verb: str, resource: Resource, body: Any) -> None:
        if verb == "patch" and Status.key in ((body or {}).get("data") or {}):
            faulty(world).before = well
            written.seal(conventions.FINALIZE, other)
            raise InvalidError("field is immutable when `immutable` is set", 422)

    faulty(world).before = sealed_by_another
    world.attempts = 1
    assert world.finalize() == 0
    assert world.status() == other.to_data()


def test_a_stop_while_the_pods_are_asked_cancels(world: World) -> None:
    world.keys.change(SignOff, rules=[FAILED])
    world.shard(0, terminated(1, "workload"))

    def stop(verb: str, resource: Resource, _body: Any) -> None:
        if (verb, resource) == ("list", EVENTS):
            world.cluster.objects[("workflows", IDENTITY.workflow)]["spec"]["shutdown"] = "Stop"

    faulty(world).before = stop
    assert world.finalize() == 1
    assert (world.status()["phase"], world.status()["reason"]) == ("Cancelled", "Cancelled")


def test_a_fault_before_the_record_is_read_keeps_nothing_from_the_clean_up(world: World) -> None:
    world.begin()
    world.replaced(cleanup="Always")
    faulty(world).before = at("get", CONFIG_MAPS, UnreachableError("away"))
    with pytest.raises(UnreachableError):
        world.finalize()
    assert not world.has_chain


def test_a_run_on_an_existing_chain_looks_for_none(world: World) -> None:
    world.keys.change(RunEntry, bring_up=False)
    assert world.finalize() == 0
    assert ("list", "seinodedeployments") not in faulty(world).did
    assert world.has_chain


def test_the_templates_policy_holds_without_a_record(world: World) -> None:
    world.keys.drop(RunEntry)
    world.replaced(cleanup="OnSuccess")
    assert world.finalize() == 1
    assert world.has_chain


def test_a_workflow_that_is_another_or_gone_is_nobodys(world: World) -> None:
    world.begin()
    for uid in ("other", None):
        if uid:
            world.cluster.objects[("workflows", IDENTITY.workflow)]["metadata"]["uid"] = uid
        else:
            del world.cluster.objects[("workflows", IDENTITY.workflow)]
        with pytest.raises(RunnerError, match="is gone"):
            world.finalize()
    assert world.has_chain
    assert read(world.cluster).get(Status) is None


def test_other_steps_are_waited_for_and_not_for_ever(world: World) -> None:
    """After a stop they may still be writing: their evidence counts when it comes in time."""
    sign_off = world.keys[SignOff]
    world.keys.drop(SignOff)
    world.step("rule-evaluator", phase="Running")
    written = world.begin()

    def ends() -> None:
        written.write(conventions.RULE_EVALUATOR, sign_off)
        world.cluster.objects[("pods", f"{IDENTITY.workflow}-rule-evaluator-123")]["status"]["phase"] = "Succeeded"

    world.clock.after(30, ends)
    assert world.decide() == ("Passed", "RunSucceeded")
    assert 30 <= world.clock.now - START < 40


def test_a_step_that_never_ends_is_not_waited_for_longer_than_its_grace(world: World) -> None:
    world.cluster.objects[("jobs", IDENTITY.job_name)]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = (
        100
    )
    world.step("rule-evaluator", phase="Running")
    world.node("rpc-0", phase="Running")
    assert world.decide() == ("Passed", "RunSucceeded")
    assert 110 <= world.clock.now - START < 120


def test_a_chain_that_runs_is_not_waited_for(world: World) -> None:
    world.node("rpc-0", phase="Running")
    assert world.decide() == ("Passed", "RunSucceeded")
    assert world.clock.now - START < 5


@pytest.mark.parametrize(
    "listing", [None, 1, 2], ids=["between two rounds", "in the first round", "in the second round"]
)
def test_a_job_that_is_made_while_the_steps_are_waited_for_is_ended(
    world: World, monkeypatch: pytest.MonkeyPatch, listing: int | None
) -> None:
    """load-job was told to end, and had not heard it yet."""
    world.keys.drop(JobEntry, LoadEnd, SignOff)
    job = world.cluster.objects.pop(("jobs", IDENTITY.job_name))
    job["status"] = {}
    world.step("load-job", phase="Running")
    world.begin()

    def makes_it_and_ends() -> None:
        world.cluster.put(JOBS, job)
        world.shard(0, phase="Running")
        world.clock.after(10, lambda: world.cluster.objects[("pods", "load-0")]["status"].update(phase="Failed"))
        world.cluster.objects[("pods", f"{IDENTITY.workflow}-load-job-123")]["status"]["phase"] = "Failed"

    list_, asked = world.cluster.list, []

    def meanwhile(resource: Resource, **selectors: Any) -> list[Any]:
        if resource.plural == "pods" and asked.append(1) is None and len(asked) == listing:
            makes_it_and_ends()
        return list_(resource, **selectors)

    if listing is not None:
        monkeypatch.setattr(world.cluster, "list", meanwhile)
    else:
        world.clock.after(3, makes_it_and_ends)
    world.finalize()
    assert ("jobs", IDENTITY.job_name, STOP_PATCH) in world.cluster.patches
    # What it had started is waited for, too.
    assert world.clock.now - START >= 10


def test_a_workflow_that_may_not_be_read_keeps_no_chain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.begin()
    get = world.cluster.get

    def refuse(resource: Resource, name: str) -> Any:
        if resource.plural == "workflows":
            raise ForbiddenError("cannot get resource workflows", 403, "Forbidden")
        return get(resource, name)

    monkeypatch.setattr(world.cluster, "get", refuse)
    with pytest.raises(ForbiddenError):
        world.finalize()
    assert not world.has_chain

"""suite-member: the run that it creates, how it follows it, and every way in which that run does not pass."""

import itertools
import os
import pathlib
import signal
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.steps.suite_world import DEADLINE, HASH, TEMPLATE, World, planned_member, planned_suite

from runner_helpers import IDENTITY, START
from validationrun.base.times import format_time
from validationrun.contract.override import Override
from validationrun.kube.cluster import WORKFLOWS, ForbiddenError, UnreachableError
from validationrun.steps.context import RunnerError
from validationrun.steps.suite_member import pause_seconds
from validationrun.steps.suite_members import member_name

pytestmark = pytest.mark.usefixtures("termination_log")


def test_the_run_is_created_as_submit_would_with_the_suite_as_its_owner(tmp_path: pathlib.Path) -> None:
    override = Override("duration", "5m", "10m")
    member = planned_member("upgrade", parameters={"duration": "5m", "chain-id": ""}, overridden=(override,))
    world = World(tmp_path, planned_suite(member, instance_id="blue"))
    world.on_created = world.ends
    assert world.member("upgrade") == 0
    made = world.workflow("upgrade")
    assert made["metadata"]["name"].startswith("run-upgrade-")
    assert "generateName" not in made["metadata"]
    assert made["metadata"]["ownerReferences"] == [IDENTITY.owner()]
    assert made["metadata"]["labels"] == {
        "sei.io/managed-by": "validationrun",
        "validation.sei.io/overridden": "true",
        "workflows.argoproj.io/controller-instanceid": "blue",
        "validation.sei.io/suite": TEMPLATE,
        "validation.sei.io/suite-member": "upgrade",
        "validation.sei.io/suite-uid": IDENTITY.uid,
    }
    assert made["metadata"]["annotations"] == {
        "validation.sei.io/bundle-hash": HASH,
        "validation.sei.io/overridden": "duration: 5m (compiled: 10m)",
    }
    assert made["spec"] == {
        "workflowTemplateRef": {"name": "run-upgrade"},
        "arguments": {
            "parameters": [
                {"name": "duration", "value": "5m"},
                {"name": "suite", "value": f"{IDENTITY.workflow}/{IDENTITY.uid}"},
            ]
        },
    }


def test_its_end_is_recorded_and_told(world: World, termination_log: pathlib.Path) -> None:
    assert world.member("second") == 0
    entry = world.entry("second")
    assert (entry.run, entry.workflow, entry.outcome) == ("run-second", world.name_of("second"), "Passed")
    assert entry.uid == world.workflow("second")["metadata"]["uid"]
    assert (world.folder / "outputs" / "verdict").read_text() == "Passed"
    assert (world.folder / "outputs" / "workflow").read_text() == world.name_of("second")
    text = termination_log.read_text()
    assert text == f"Passed: run second: RunSucceeded: all held (Workflow {world.name_of('second')})"


def test_names_differ_by_suite_member_and_attempt_and_fit() -> None:
    member = planned_member("m", run="r" * 40)
    names = {member_name(IDENTITY, member, salt) for salt in range(5)} | {
        member_name(IDENTITY, planned_member("n", run="r" * 40), 0)
    }
    assert len(names) == 6
    assert {len(name) for name in names} == {46}


ENDS: list[tuple[str, Callable[[World], None], str, str, int]] = [
    ("passed", lambda w: w.ends("first"), "Passed", "RunSucceeded", 0),
    ("failed", lambda w: w.ends("first", "Failed", "RuleFailed:height"), "Failed", "RuleFailed:height", 1),
    ("error", lambda w: w.ends("first", "Error", "ChainFailed"), "Error", "ChainFailed", 2),
    ("stopped by hand", lambda w: w.ends("first", "Cancelled", "Cancelled"), "Cancelled", "Cancelled", 2),
]


@pytest.mark.parametrize(("what", "end", "outcome", "reason", "code"), ENDS, ids=[row[0] for row in ENDS])
def test_the_verdict_is_that_of_the_run(
    world: World, what: str, end: Callable[[World], None], outcome: str, reason: str, code: int
) -> None:
    del what
    world.on_created = lambda _: end(world)
    assert world.member("first") == code
    assert (world.entry("first").outcome, world.entry("first").reason) == (outcome, reason)


def succeeded(world: World, **changes: Any) -> None:
    """The run passed, and somebody changed something of its Workflow."""
    world.ends("first")
    for key, value in changes.items():
        world.workflow("first")["metadata" if key != "spec" else "spec"].update(
            value if key == "spec" else {key: value}
        )


DOUBTS: list[tuple[str, Callable[[World], None], str, str]] = [
    ("another template", lambda w: succeeded(w, spec={"workflowTemplateRef": {"name": "x"}}), "MemberChanged", "Template"),
    ("other arguments", lambda w: succeeded(w, spec={"arguments": {"parameters": []}}), "MemberChanged", "arguments"),
    ("another bundle", lambda w: succeeded(w, annotations={}), "MemberChanged", "its bundle"),
    ("no owner", lambda w: succeeded(w, ownerReferences=[]), "MemberChanged", "its owner"),
    ("another member", lambda w: succeeded(w, labels={}), "MemberChanged", "its member"),
    ("no record", lambda w: (w.ends("first"), w.drop_record_of("first")), "MemberRecordMissing", "without a run record"),
    ("a record that says Failed", lambda w: disagrees(w, "Failed"), "RuleFailed:height", "succeeded, but Failed"),
    ("a record that is not sealed", lambda w: disagrees(w, "Succeeded", seal=False), "RuleFailed:height", "not sealed"),
    ("a record of another bundle", lambda w: disagrees(w, "Succeeded", bundle_hash="c" * 64), "MemberChanged", "another bundle"),
    ("a record of other parameters", lambda w: disagrees(w, "Succeeded", parameters={"duration": "1s"}), "MemberChanged", "other parameters"),
]  # fmt: skip


def disagrees(world: World, phase: str, **fields: Any) -> None:
    """Argo says Succeeded, and the run's record is another's."""
    world.record("first", phase, "RuleFailed:height", "0, not > 0", **fields)
    world.workflow("first")["status"] = {"phase": "Succeeded", "finishedAt": format_time(START)}


@pytest.mark.parametrize(("what", "end", "reason", "says"), DOUBTS, ids=[row[0] for row in DOUBTS])
def test_a_success_that_cannot_be_believed_is_an_error(
    world: World, what: str, end: Callable[[World], None], reason: str, says: str
) -> None:
    del what
    world.on_created = lambda _: end(world)
    assert world.member("first") == 2
    entry = world.entry("first")
    assert (entry.outcome, entry.reason) == ("Error", reason)
    assert says in entry.message


def test_a_success_whose_record_may_not_be_read_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = world.cluster.get

    def get(resource: Any, name: str) -> Any:
        over = "status" in world.cluster.objects.get(("workflows", world.name_of("first")), {})
        if resource.plural == "configmaps" and name.startswith("run-first") and over:
            raise ForbiddenError("cannot get configmaps", 403, "Forbidden")
        return real(resource, name)

    monkeypatch.setattr(world.cluster, "get", get)
    assert world.member("first") == 2
    assert world.entry("first").reason == "MemberRecordUnreadable"


WITHOUT_RECORD: list[tuple[str, dict[str, Any], dict[str, str], str, str]] = [
    ("its label", {}, {"validation.sei.io/verdict": "Failed"}, "", "Failed"),
    ("its message", {}, {}, "main: Error (exit code 1): Failed: RuleFailed:height: 0", "Failed"),
    ("a stop", {"shutdown": "Stop"}, {"validation.sei.io/verdict": "Failed"}, "", "Cancelled"),
    ("nothing", {}, {"validation.sei.io/verdict": "Awaited"}, "", "Error"),
    ("a false label", {}, {"validation.sei.io/verdict": "Passed"}, "Passed: all held", "Error"),
]


@pytest.mark.parametrize(
    ("what", "spec", "labels", "message", "outcome"), WITHOUT_RECORD, ids=[row[0] for row in WITHOUT_RECORD]
)
def test_a_failed_workflow_without_record_is_judged_by_what_is_left_and_never_passes(
    world: World, what: str, spec: dict[str, Any], labels: dict[str, str], message: str, outcome: str
) -> None:
    del what

    def ended(_: str) -> None:
        found = world.workflow("first")
        found["spec"].update(spec)
        found["metadata"]["labels"].update(labels)
        found["status"] = {"phase": "Failed", "message": message, "finishedAt": format_time(START)}

    world.on_created = ended
    assert world.member("first") == (1 if outcome == "Failed" else 2)
    assert world.entry("first").outcome == outcome


def test_a_run_that_is_deleted_by_hand_is_gone_and_not_started_again(world: World) -> None:
    world.on_created = lambda name: world.cluster.objects.pop(("workflows", world.name_of(name)))
    assert world.member("first") == 2
    assert (world.entry("first").outcome, world.entry("first").reason) == ("Gone", "MemberGone")
    assert world.member("first") == 2
    assert [made for made in world.cluster.created if made.startswith("workflows/")] == [
        f"workflows/{world.name_of('first')}"
    ]


def test_another_workflow_of_that_name_is_not_followed(world: World) -> None:
    def replaced(name: str) -> None:
        body = {**world.workflow(name), "metadata": {**world.workflow(name)["metadata"], "uid": "another"}}
        world.cluster.put(WORKFLOWS, body)
        world.ends(name)

    world.on_created = replaced
    assert world.member("first") == 2
    assert world.entry("first").outcome == "Gone"


def test_a_run_that_does_not_end_in_time_is_stopped(world: World) -> None:
    """Such as a run that never gets a pod."""
    world.on_created = lambda name: world.workflow(name).update(status={"phase": "Pending", "message": "quota is full"})
    assert world.member("first") == 2
    assert world.entry("first").reason == "MemberDeadlineExceeded"
    assert "Argo's phase is Pending, quota is full" in world.entry("first").message
    assert world.workflow("first")["spec"]["shutdown"] == "Stop"
    assert START + DEADLINE <= world.clock.now < START + DEADLINE + 10


def test_an_api_server_that_is_away_is_waited_for(world: World) -> None:
    """Longer than a request is retried: as long as the run may take."""
    world.on_created = lambda _: None
    world.clock.after(600, lambda: world.ends("first"))

    def away() -> None:
        if START + 20 < world.clock.now < START + 500:
            raise UnreachableError("connection refused")

    world.cluster.on_get = away
    assert world.member("first") == 0
    assert world.clock.now >= START + 500


def test_a_run_that_may_not_be_created_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = world.cluster.create

    def create(resource: Any, body: Any, **more: Any) -> Any:
        if resource.plural == "workflows":
            raise ForbiddenError("exceeded quota: workflows", 403, "Forbidden")
        return real(resource, body, **more)

    monkeypatch.setattr(world.cluster, "create", create)
    assert world.member("first") == 2
    assert (world.entry("first").reason, world.entry("first").workflow) == ("MemberNotCreated", "")
    assert "exceeded quota" in world.entry("first").message


def signalled_at(world: World, seconds: float) -> None:
    world.clock.after(seconds, lambda: os.kill(os.getpid(), signal.SIGTERM))


def test_a_pod_that_is_deleted_leaves_its_run_to_the_next_attempt(world: World) -> None:
    world.on_created = lambda _: None
    signalled_at(world, 10)
    with pytest.raises(RunnerError, match="its run goes on"):
        world.member("first")
    assert "shutdown" not in world.workflow("first")["spec"]
    world.ends("first")
    assert world.member("first") == 0
    assert world.cluster.created.count(f"workflows/{world.name_of('first')}") == 1


@pytest.mark.parametrize("over", [{"shutdown": "Terminate"}, {"shutdown": "Stop"}])
def test_a_pod_that_is_deleted_under_a_suite_that_is_over_stops_its_run(world: World, over: dict[str, str]) -> None:
    """A run that never got a pod does not look at its suite, and a terminated suite has no suite-finalize."""
    world.on_created = lambda _: world.change_own({"spec": {"workflowTemplateRef": {"name": TEMPLATE}, **over}})
    signalled_at(world, 10)
    with pytest.raises(RunnerError, match="its run is stopped, because the suite is over"):
        world.member("first")
    assert world.workflow("first")["spec"]["shutdown"] == "Stop"
    assert world.entry("first").outcome is None


def test_a_pod_that_is_deleted_when_nobody_knows_of_the_suite_leaves_its_run_alone(world: World) -> None:
    world.on_created = lambda _: None
    signalled_at(world, 10)
    real = world.cluster.get

    def get(resource: Any, name: str) -> Any:
        if name == IDENTITY.workflow and world.clock.now > START + 8:
            raise UnreachableError("connection refused")
        return real(resource, name)

    world.cluster.get = get  # type: ignore[method-assign]
    with pytest.raises(RunnerError, match="its run goes on, and nobody knows of the suite"):
        world.member("first")
    assert "shutdown" not in world.workflow("first")["spec"]


def looks_at(world: World, member: str) -> list[float]:
    """The moments at which the run was looked at, filled while suite-member runs."""
    seen: list[float] = []
    real = world.cluster.get

    def get(resource: Any, name: str) -> Any:
        if (resource.plural, name) == ("workflows", world.name_of(member)):
            seen.append(world.clock.now - START)
        return real(resource, name)

    world.cluster.get = get  # type: ignore[method-assign]
    return seen


def test_a_run_is_looked_at_often_at_first_and_every_ten_seconds_later(world: World) -> None:
    world.on_created = lambda _: None
    world.clock.after(600, lambda: world.ends("first"))
    seen = looks_at(world, "first")
    assert world.member("first") == 0
    gaps = [after - before for before, after in itertools.pairwise(seen)]
    assert max(gaps[:5]) <= 2.1
    assert 9 <= max(gaps) <= 10.1
    assert all(gap <= max(2.0, moment / 15) + 0.1 for gap, moment in zip(gaps, seen, strict=False))
    assert len(seen) < 100


def test_a_run_is_looked_at_once_more_at_its_deadline(world: World) -> None:
    """An end right before it counts."""
    world.on_created = lambda _: None
    world.clock.after(DEADLINE - 1, lambda: world.ends("first"))
    assert world.member("first") == 0
    assert world.clock.now < START + DEADLINE + 1


@pytest.mark.parametrize(
    ("age", "left", "seconds"),
    [(0, 900, 2), (-5, 900, 2), (60, 840, 4), (300, 600, 10), (899, 1, 1), (900, 0, 2), (5000, -4100, 2)],
)
def test_the_time_between_two_looks_is_bounded(age: float, left: float, seconds: float) -> None:
    assert pause_seconds(age, left) == seconds


def test_a_run_that_was_created_and_not_recorded_is_adopted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt before died between the two."""
    with monkeypatch.context() as patched:
        patched.setattr("validationrun.contract.suite_record.SuiteRecord.change_member", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.member("first")
    assert world.written().member("first") is None
    assert world.member("first") == 0
    assert world.cluster.created.count(f"workflows/{world.name_of('first')}") == 1


def test_a_run_under_another_salt_is_adopted_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first name was somebody else's then, and is free now: still one run for one member."""
    theirs = {"metadata": {"name": world.name_of("first"), "labels": {"validation.sei.io/suite-member": "first"}}}
    world.cluster.put(WORKFLOWS, theirs)
    with monkeypatch.context() as patched:
        patched.setattr("validationrun.contract.suite_record.SuiteRecord.change_member", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.member("first")
    del world.cluster.objects[("workflows", world.name_of("first"))]
    signalled_at(world, world.clock.now - START + 10)
    with pytest.raises(RunnerError):
        world.member("first")
    assert world.entry("first").workflow == world.name_of("first", 1)
    assert ("workflows", world.name_of("first")) not in world.cluster.objects


def test_labels_alone_make_no_member(world: World) -> None:
    """Whoever may create a Workflow may label it; only the owner reference says whose it is."""
    labels = {"validation.sei.io/suite-member": "first", "validation.sei.io/suite-uid": IDENTITY.uid}
    world.cluster.put(WORKFLOWS, {"metadata": {"name": "run-first-zzzzz", "labels": labels}})
    assert world.member("first") == 0
    assert world.entry("first").workflow == world.name_of("first")


def test_when_every_name_is_taken_it_is_an_error(world: World) -> None:
    for salt in range(5):
        world.cluster.put(WORKFLOWS, {"metadata": {"name": world.name_of("first", salt)}})
    assert world.member("first") == 2
    assert world.entry("first").reason == "MemberNotCreated"


def test_a_create_whose_answer_was_lost_makes_one_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is repeated, and finds what it made."""
    real = world.cluster.create

    def create(resource: Any, body: Any, **more: Any) -> Any:
        if resource.plural == "workflows":
            real(resource, body, **more)
        return real(resource, body, **more)

    monkeypatch.setattr(world.cluster, "create", create)
    assert world.member("first") == 0
    assert world.entry("first").workflow == world.name_of("first")


@pytest.mark.parametrize(
    "over", [{"spec": {"shutdown": "Stop"}}, {"metadata": {"name": IDENTITY.workflow, "uid": "another"}}]
)
def test_nothing_is_started_under_a_suite_that_is_over(world: World, over: dict[str, Any]) -> None:
    world.change_own(over)
    with pytest.raises(RunnerError, match=r"no run is started any more|is gone"):
        world.member("first")
    assert not [made for made in world.cluster.created if made.startswith("workflows/")]


def test_a_run_created_while_the_verdict_was_written_is_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = world.cluster.create

    def create(resource: Any, body: Any, **more: Any) -> Any:
        if resource.plural == "workflows":
            world.cluster.objects[("configmaps", IDENTITY.record_name)]["immutable"] = True
        return real(resource, body, **more)

    monkeypatch.setattr(world.cluster, "create", create)
    with pytest.raises(RunnerError, match="has its verdict"):
        world.member("first")
    assert world.workflow("first")["spec"]["shutdown"] == "Stop"


def test_after_a_failure_no_further_run_starts(world: World) -> None:
    world.on_created = lambda name: world.ends(name, "Failed", "RuleFailed:height")
    assert world.member("first") == 1
    assert world.member("second") == 2
    entry = world.entry("second")
    assert (entry.outcome, entry.reason, entry.workflow) == ("NotStarted", "StopOnFailure", "")
    assert entry.message == "not started, because run first ended as Failed"


def test_without_stop_on_failure_the_next_run_starts(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, planned_suite(stop_on_failure=False))
    world.on_created = lambda name: world.ends(name, "Failed", "RuleFailed:height")
    assert [world.member("first"), world.member("second")] == [1, 1]


def test_an_end_that_is_recorded_stands(world: World) -> None:
    assert world.member("first") == 0
    del world.cluster.objects[("workflows", world.name_of("first"))]
    assert world.member("first") == 0


def test_a_bundle_that_is_gone_after_the_start_is_read_from_the_record(world: World) -> None:
    assert world.member("first") == 0
    (world.folder / "bundle" / "suite.json").unlink()
    assert world.member("second") == 0


def test_without_a_bundle_nothing_starts(world: World, termination_log: pathlib.Path) -> None:
    (world.folder / "bundle" / "suite.json").unlink()
    assert world.member("first") == 2
    assert termination_log.read_text().startswith("Error: run first: BundleMissing: ")
    assert not world.cluster.created


def test_a_member_that_the_suite_does_not_have(world: World, termination_log: pathlib.Path) -> None:
    assert world.member("second") == 0
    with pytest.raises(AssertionError):
        world.planned("third")
    world.name_of = lambda *_: ""  # type: ignore[method-assign]
    assert world.member("third") == 2
    assert "UnknownMember" in termination_log.read_text()


def test_two_suites_at_once_do_not_meet(tmp_path: pathlib.Path) -> None:
    """Another suite of the same template has a run of the same member: neither name nor labels are mistaken."""
    world = World(tmp_path)
    world.on_created = world.ends
    other = {**IDENTITY.owner(), "uid": "11111111-2222-3333-4444-555555555555"}
    body = {
        "metadata": {
            "name": "run-first-zzzzz",
            "labels": {"validation.sei.io/suite-member": "first", "validation.sei.io/suite-uid": other["uid"]},
            "ownerReferences": [other],
        }
    }
    world.cluster.put(WORKFLOWS, body)
    assert world.member("first") == 0
    assert world.entry("first").workflow == world.name_of("first")
    assert world.cluster.objects[("workflows", "run-first-zzzzz")]["metadata"]["ownerReferences"] == [other]

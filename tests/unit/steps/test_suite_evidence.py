"""What suite-finalize asks beside the suite's record: an entry Passed needs its run, and a Workflow too many is no pass."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.steps.suite_world import World

from runner_helpers import IDENTITY, START
from validationrun.base.conventions import TTL_SECONDS
from validationrun.base.times import format_time
from validationrun.kube.cluster import WORKFLOWS, ForbiddenError, Object
from validationrun.steps.suite_member import suite_member

pytestmark = pytest.mark.usefixtures("termination_log")

DAY = 24 * 3600


def run_all(world: World) -> None:
    assert set(world.run_all()) == {0}


def entry_says(world: World, member: str, **fields: Any) -> None:
    """Somebody who may patch ConfigMaps changes the entry of a member."""
    found = json.loads(world.written()._data[f"member.{member}"])
    world.rewrite(**{f"member.{member}": json.dumps({**found, **fields})})


def forged_entry(world: World, member: str, **fields: Any) -> None:
    """An entry of a run that there never was."""
    entry = {
        "run": f"run-{member}",
        "workflow": world.name_of(member),
        "uid": "11111111-2222-3333-4444-555555555555",
        "createdAt": format_time(START),
        "outcome": "Passed",
        "reason": "RunSucceeded",
        "message": "all held",
        "endedAt": format_time(START + 60),
    }
    world.rewrite(**{f"member.{member}": json.dumps({**entry, **fields})})


def gone(world: World, member: str = "second") -> Object:
    return world.cluster.objects.pop(("workflows", world.name_of(member)))


def week_passes(world: World, days: float = 8) -> None:
    """A suite that lasts longer than a Workflow is kept."""
    world.clock.now += days * DAY


def now_failed(world: World) -> None:
    """The run's own record and its Workflow say Failed, and the suite record says Passed."""
    world.drop_record_of("second")
    world.ends("second", "Failed", "RuleFailed:height", "0, not > 0")


def record_says_failed(world: World) -> None:
    world.drop_record_of("second")
    world.record("second", "Failed", "RuleFailed:height", "0, not > 0")


def other_bundle_in_record(world: World) -> None:
    world.drop_record_of("second")
    world.record("second", "Succeeded", "RunSucceeded", "all held", bundle_hash="c" * 64)


def not_sealed(world: World) -> None:
    world.drop_record_of("second")
    world.record("second", "Succeeded", "RunSucceeded", "all held", seal=False)


def without_verdict(world: World) -> None:
    (record,) = [body for (_, name), body in world.cluster.objects.items() if name.startswith(world.name_of("second")) and name.endswith("-record")]  # fmt: skip
    del record["data"]["result"]


def drop_record(world: World) -> None:
    world.drop_record_of("second")


def relabelled(world: World) -> None:
    """It is in no list of the suite's runs any more, and did not end."""
    found = world.workflow("second")
    found["metadata"]["labels"] = {}
    found["status"] = {"phase": "Running"}


def replaced(world: World) -> None:
    """Another Workflow, not the suite's, has its name."""
    gone(world)
    world.cluster.put(WORKFLOWS, {"metadata": {"name": world.name_of("second"), "uid": "another"}})


LIES: list[tuple[str, Callable[[World], Any], str, str]] = [
    ("no UID", lambda w: entry_says(w, "second", uid=""), "Error", "MemberChanged"),
    ("the run of another member", lambda w: entry_says(w, "second", run="run-first"), "Error", "MemberChanged"),
    ("the Workflow of another member", lambda w: entry_says(w, "second", workflow=w.name_of("first"), uid=w.entry("first").uid), "Error", "MemberChanged"),
    ("a Workflow by another name", lambda w: entry_says(w, "second", workflow="run-second-zzzzz"), "Error", "MemberChanged"),
    ("its Workflow is Failed", now_failed, "Failed", "RuleFailed:height"),
    ("its Workflow has not ended", relabelled, "Error", "MemberStillRuns"),
    ("its record says Failed", record_says_failed, "Error", "RuleFailed:height"),
    ("its record is not sealed", not_sealed, "Error", "RunSucceeded"),
    ("its record is that of another bundle", other_bundle_in_record, "Error", "MemberChanged"),
    ("it has no record", drop_record, "Error", "MemberRecordMissing"),
    ("its Workflow was changed", lambda w: w.workflow("second")["metadata"].update(annotations={}), "Error", "MemberChanged"),
    ("its Workflow is gone after minutes", gone, "Error", "MemberGone"),
    ("another Workflow has its name after minutes", replaced, "Error", "MemberGone"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "play", "verdict", "reason"), LIES, ids=[row[0] for row in LIES])
def test_an_entry_passed_that_its_run_does_not_prove_is_no_pass(
    world: World, what: str, play: Callable[[World], Any], verdict: str, reason: str
) -> None:
    del what
    run_all(world)
    play(world)
    assert world.finalize() == 1
    status = world.status()
    assert (status.verdict, status.passed, status.members[1].reason) == (verdict, 1, reason)
    assert status.members[1].message.endswith("the suite record says Passed")


def test_a_run_that_there_never_was_does_not_pass(world: World) -> None:
    world.member("first")
    forged_entry(world, "second")
    assert world.finalize() == 1
    assert world.status().reason == "MemberNotPassed:second"


def test_an_entry_that_claims_to_be_older_than_its_suite_does_not_pass(world: World) -> None:
    """Only a Workflow that is past its time to live may be missing, and no run is older than its suite."""
    world.member("first")
    forged_entry(world, "second", createdAt=format_time(START - 30 * DAY), endedAt=format_time(START - 29 * DAY))
    assert world.finalize() == 1
    assert "second: MemberGone" in world.status().message


def test_a_suite_whose_age_is_not_known_explains_no_missing_workflow(world: World) -> None:
    run_all(world)
    gone(world)
    week_passes(world)
    del world.cluster.objects[("workflows", IDENTITY.workflow)]["metadata"]["creationTimestamp"]
    assert world.finalize() == 1


def test_a_run_past_its_time_to_live_counts_by_its_entry(world: World) -> None:
    """Argo deletes a Workflow a week after its end, and Kubernetes its record, and the suite may last for longer."""
    run_all(world)
    record = f"{world.name_of('second')}-{world.entry('second').uid}-record"
    gone(world)
    del world.cluster.objects[("configmaps", record)]
    week_passes(world)
    assert world.finalize() == 0
    assert world.status().members[1].reason == "RunSucceeded"


def test_a_run_within_its_time_to_live_does_not(world: World) -> None:
    run_all(world)
    gone(world)
    world.clock.now = START + TTL_SECONDS - 60
    assert world.finalize() == 1
    assert "second: MemberGone" in world.status().message


def test_a_run_past_its_time_to_live_whose_record_is_still_there_counts(world: World) -> None:
    """Kubernetes deletes the record some moments after the Workflow."""
    run_all(world)
    gone(world)
    week_passes(world)
    assert world.finalize() == 0


@pytest.mark.parametrize("play", [record_says_failed, not_sealed, without_verdict, other_bundle_in_record])
def test_a_record_that_outlives_its_workflow_must_agree(world: World, play: Callable[[World], Any]) -> None:
    run_all(world)
    play(world)
    gone(world)
    week_passes(world)
    assert world.finalize() == 1
    assert world.status().reason == "MemberNotPassed:second"


def test_a_record_that_may_not_be_read_proves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run_all(world)
    gone(world)
    week_passes(world)
    real = world.cluster.get

    def get(resource: Any, name: str) -> Any:
        if resource.plural == "configmaps" and name.startswith("run-second"):
            raise ForbiddenError("cannot get configmaps", 403, "Forbidden")
        return real(resource, name)

    monkeypatch.setattr(world.cluster, "get", get)
    assert world.finalize() == 1
    assert "second: MemberRecordUnreadable" in world.status().message


@pytest.mark.parametrize(("days", "code"), [(8, 0), (0, 1)])
def test_a_workflow_that_is_being_deleted_may_have_lost_its_record_first(world: World, days: float, code: int) -> None:
    """As a deletion in the foreground does it."""
    run_all(world)
    world.drop_record_of("second")
    week_passes(world, days)
    world.workflow("second")["metadata"]["deletionTimestamp"] = format_time(world.clock.now)
    assert world.finalize() == code


def put(world: World, name: str, **labels: str) -> None:
    """A Workflow of the suite's that suite-member did not create, such as `argo resubmit` makes of a run."""
    body = {
        "metadata": {
            "name": name,
            "labels": {"validation.sei.io/suite-uid": IDENTITY.uid, **labels},
            "ownerReferences": [IDENTITY.owner()],
        },
        "status": {"phase": "Succeeded", "finishedAt": format_time(START)},
    }
    world.cluster.put(WORKFLOWS, body)


def member_label(name: str) -> dict[str, str]:
    return {"validation.sei.io/suite-member": name}


def test_a_second_workflow_of_a_member_that_passed_is_no_pass(world: World) -> None:
    run_all(world)
    put(world, "run-second-zzzzz", **member_label("second"))
    assert world.finalize() == 1
    status = world.status()
    assert (status.verdict, status.reason, status.passed) == ("Error", "MemberNotPassed:second", 1)
    assert f"MemberTwice: it has several Workflows: {world.name_of('second')}, run-second-zzzzz" in status.message


def test_a_second_workflow_of_a_member_whose_follower_was_lost_is_no_pass(world: World) -> None:
    """The record names one without an end."""
    run_all(world)
    entry_says(world, "second", outcome=None)
    put(world, "run-second-zzzzz", **member_label("second"))
    assert world.finalize() == 1
    assert "second: MemberTwice" in world.status().message


def test_a_failure_beside_a_second_workflow_stands(world: World) -> None:
    world.on_created = lambda name: world.ends(name, "Failed", "RuleFailed:height", "0")
    world.member("first")
    put(world, "run-first-zzzzz", **member_label("first"))
    assert world.finalize() == 1
    assert (world.status().verdict, world.status().reason) == ("Failed", "MemberFailed:first")


@pytest.mark.parametrize(("labels", "name"), [(member_label("third"), "third"), ({}, "run-third-zzzzz")])
def test_a_workflow_that_was_not_planned_is_no_pass(world: World, labels: dict[str, str], name: str) -> None:
    run_all(world)
    put(world, "run-third-zzzzz", **labels)
    assert world.finalize() == 1
    status = world.status()
    assert (status.verdict, status.reason) == ("Error", f"MemberNotPassed:{name}")
    assert "Workflow run-third-zzzzz" in status.message
    assert "not planned" in status.message
    assert [member.name for member in status.members] == ["first", "second"]


def test_a_workflow_by_another_name_is_not_the_member_that_was_never_recorded(world: World) -> None:
    world.member("first")
    put(world, "run-second-zzzzz", **member_label("second"))
    assert world.finalize() == 1
    told = "second: NotStarted: it was never started; suite-member did not create run-second-zzzzz"
    assert told in world.status().message


def test_a_workflow_by_another_name_is_not_adopted(world: World) -> None:
    put(world, "run-first-zzzzz", **member_label("first"))
    assert world.member("first") == 0
    assert world.entry("first").workflow == world.name_of("first")


def test_a_run_that_was_started_again_by_hand_is_none_of_the_suite(world: World) -> None:
    """`rerun` takes template and parameters alone; nor does a label without the owner make a member."""
    run_all(world)
    metadata = {"name": "run-second-zzzzz", "labels": {"sei.io/managed-by": "validationrun"}}
    world.cluster.put(WORKFLOWS, {"metadata": metadata, "status": {"phase": "Running"}})
    labels = {"validation.sei.io/suite-uid": IDENTITY.uid, **member_label("second")}
    world.cluster.put(WORKFLOWS, {"metadata": {"name": "run-second-yyyyy", "labels": labels}, "status": {}})
    assert world.finalize() == 0


def test_a_suite_member_that_is_tried_again_leaves_one_end(world: World) -> None:
    """Each pod of it was lost once: after the creation, and after the end."""
    world.member("first")
    del world.cluster.objects[("configmaps", IDENTITY.record_name)]["data"]["member.first"]
    assert suite_member(world.context("suite-member"), {"member": "first"}) == 0
    world.member("second")
    assert suite_member(world.context("suite-member"), {"member": "second"}) == 0
    assert world.finalize() == 0


def test_a_second_name_because_the_first_was_taken_is_one_end(world: World) -> None:
    theirs = {"metadata": {"name": world.name_of("first"), "labels": member_label("first")}}
    world.cluster.put(WORKFLOWS, theirs)
    world.clock.after(5, lambda: ended_under_salt(world, 1))
    assert suite_member(world.context("suite-member"), {"member": "first"}) == 0
    world.member("second")
    assert world.finalize() == 0


def ended_under_salt(world: World, salt: int) -> None:
    real = world.name_of
    world.name_of = lambda member, _=0: real(member, salt)  # type: ignore[method-assign]
    world.ends("first")
    world.name_of = real  # type: ignore[method-assign]

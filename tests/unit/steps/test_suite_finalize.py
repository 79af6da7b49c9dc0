"""suite-finalize: it stops what still runs, gives the verdict once, and never Passed for a suite that is not whole."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.steps.suite_world import TEMPLATE, World, planned_member, planned_suite

from runner_helpers import IDENTITY, START
from validationrun.base.times import format_time
from validationrun.kube.cluster import ForbiddenError, Object, UnreachableError
from validationrun.steps.context import RunnerError
from validationrun.steps.suite_finalize import WAIT_SECONDS
from validationrun.steps.suite_member import suite_member

OWN = ("workflows", IDENTITY.workflow)


pytestmark = pytest.mark.usefixtures("termination_log")


def begun(world: World, name: str) -> None:
    """suite-member created the run, and its pod is gone."""
    world.clock.after(world.clock.now - START + 3, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        suite_member(world.context("suite-member"), {"member": name})


def stops(world: World, *names: str, phase: str = "Cancelled", reason: str = "Cancelled") -> None:
    """Argo ends a run some seconds after somebody stopped it."""

    def control() -> None:
        for name in names:
            found = world.cluster.objects.get(("workflows", world.name_of(name)))
            if found is not None and found["spec"].get("shutdown") and "finishedAt" not in found.get("status", {}):
                world.cluster.on_get = lambda: None
                world.ends(name, phase, reason, "the run was stopped")

    real = world.cluster.list

    def listed(*arguments: Any, **more: Any) -> "list[Object]":
        control()
        return real(*arguments, **more)

    world.cluster.list = listed  # type: ignore[method-assign]


def test_all_passed(world: World, termination_log: pathlib.Path) -> None:
    world.run_all()
    assert world.finalize() == 0
    status = world.status()
    assert (status.verdict, status.phase, status.reason) == ("Passed", "Succeeded", "AllPassed")
    assert (status.planned, status.passed, status.run_id) == (2, 2, IDENTITY.workflow)
    assert [member.workflow for member in status.members] == [world.name_of("first"), world.name_of("second")]
    assert termination_log.read_text() == "Passed: AllPassed: 2 of 2 runs passed"
    assert world.written().sealed
    assert (world.folder / "outputs" / "verdict").read_text() == "Passed"


def test_its_workflow_gets_the_verdict_as_a_label_and_nothing_else(world: World) -> None:
    world.run_all()
    before = {**world.cluster.objects[OWN]}
    world.finalize()
    patches = [body for plural, name, body in world.cluster.patches if (plural, name) == OWN]
    labels = {"validation.sei.io/phase": "Succeeded", "validation.sei.io/verdict": "Passed"}
    assert patches == [{"metadata": {"labels": labels, "annotations": {"validation.sei.io/reason": "AllPassed"}}}]
    assert world.cluster.objects[OWN]["spec"] == before["spec"]


def test_a_suite_without_label(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, planned_suite(planned_member("first"), label=False))
    world.on_created = world.ends
    world.run_all()
    assert world.finalize() == 0
    assert not [name for plural, name, _ in world.cluster.patches if (plural, name) == OWN]


def test_the_right_to_label_is_optional(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run_all()
    real = world.cluster.patch

    def patch(resource: Any, name: str, body: Any) -> Any:
        if (resource.plural, name) == OWN:
            raise ForbiddenError("cannot patch workflows", 403, "Forbidden")
        return real(resource, name, body)

    monkeypatch.setattr(world.cluster, "patch", patch)
    assert world.finalize() == 0


def test_the_one_that_failed_decides_and_the_others_are_named(world: World, termination_log: pathlib.Path) -> None:
    world.on_created = lambda name: world.ends(name, "Failed", "RuleFailed:height", "rule height: 0, not > 0")
    world.member("first")
    assert world.finalize() == 1
    assert world.status().reason == "MemberFailed:first"
    assert termination_log.read_text() == (
        "Failed: MemberFailed:first: run first: RuleFailed:height: rule height: 0, not > 0; NotStarted: second"
    )
    assert world.cluster.objects[OWN]["metadata"]["labels"]["validation.sei.io/verdict"] == "Failed"


ENDINGS: list[tuple[str, Callable[[World], Any], str]] = [
    ("nothing ever ran", lambda w: None, "first: NotStarted: it was never started"),
    ("the second never started", lambda w: w.member("first"), "second: NotStarted"),
    ("one ended as Error", lambda w: both(w, "Error", "ChainFailed"), "second: ChainFailed"),
    ("one was stopped by hand", lambda w: both(w, "Cancelled", "Cancelled"), "second: Cancelled"),
    ("one was deleted before its end", lambda w: (w.member("first"), begun(w, "second"), gone(w)), "second: MemberGone"),
    ("one has two Workflows", lambda w: (w.member("first"), twice(w)), "second: MemberTwice"),
    ("an entry cannot be read", lambda w: (w.run_all(), w.rewrite(**{"member.second": "{"})), "MemberRecordUnreadable"),
    ("an entry without a Workflow", lambda w: (w.run_all(), forget_end(w)), "second: MemberGone"),
]  # fmt: skip


def both(world: World, phase: str, reason: str) -> None:
    world.member("first")
    world.on_created = lambda name: world.ends(name, phase, reason, "x")
    world.member("second")


def gone(world: World) -> None:
    del world.cluster.objects[("workflows", world.name_of("second"))]


def forget_end(world: World) -> None:
    text = world.written()._data["member.second"]
    world.rewrite(**{"member.second": text.replace('"Passed"', "null")})
    gone(world)


def twice(world: World) -> None:
    begun(world, "second")
    body = world.workflow("second")
    copy = {**body, "metadata": {**body["metadata"], "name": "run-second-zzzzz", "uid": "another"}}
    world.cluster.objects[("workflows", "run-second-zzzzz")] = copy
    del world.cluster.objects[("configmaps", IDENTITY.record_name)]["data"]["member.second"]


@pytest.mark.parametrize(("what", "play", "says"), ENDINGS, ids=[row[0] for row in ENDINGS])
def test_a_suite_that_is_not_whole_is_an_error(
    world: World, what: str, play: Callable[[World], Any], says: str
) -> None:
    del what
    play(world)
    assert world.finalize() == 1
    status = world.status()
    assert (status.verdict, status.phase) == ("Error", "Error")
    assert says in status.message


def test_a_stopped_suite_is_cancelled_and_its_members_clean_up(world: World) -> None:
    world.member("first")
    begun(world, "second")
    world.change_own({"spec": {"shutdown": "Stop"}})
    stops(world, "second")
    assert world.finalize() == 1
    assert (world.status().phase, world.status().verdict, world.status().reason) == ("Cancelled", "Error", "Cancelled")
    assert world.workflow("second")["spec"]["shutdown"] == "Stop"
    assert [member.outcome for member in world.status().members] == ["Passed", "Cancelled"]


def test_a_stop_while_suite_finalize_waits_still_counts(world: World) -> None:
    world.member("first")
    begun(world, "second")
    world.clock.after(world.clock.now - START + 10, lambda: world.change_own({"spec": {"shutdown": "Stop"}}))
    world.finalize()
    assert world.status().phase == "Cancelled"


def test_a_stop_goes_before_a_failure(world: World) -> None:
    world.on_created = lambda name: world.ends(name, "Failed", "RuleFailed:height")
    world.member("first")
    world.change_own({"spec": {"shutdown": "Stop"}})
    world.finalize()
    assert world.status().phase == "Cancelled"


def test_a_member_that_still_runs_is_stopped_once_and_waited_for(world: World) -> None:
    """Such as at the suite's own deadline."""
    world.member("first")
    begun(world, "second")
    stops(world, "second")
    assert world.finalize() == 1
    patches = [name for plural, name, _ in world.cluster.patches if plural == "workflows"]
    assert patches == [world.name_of("second"), IDENTITY.workflow]
    assert "second: Cancelled" in world.status().message


def test_a_member_that_does_not_end_is_waited_for_within_limits(world: World) -> None:
    world.member("first")
    begun(world, "second")
    before = world.clock.now
    assert world.finalize() == 1
    assert "second: MemberStillRuns" in world.status().message
    assert WAIT_SECONDS <= world.clock.now - before < WAIT_SECONDS + 10


def test_a_member_whose_follower_was_lost_counts_by_its_run(world: World) -> None:
    """Its pod is gone for good, and the run went on and passed."""
    world.member("first")
    begun(world, "second")
    world.ends("second")
    assert world.finalize() == 0
    assert world.status().members[1].outcome == "Passed"


def test_a_run_that_was_created_and_never_recorded_counts_by_its_run(world: World) -> None:
    world.member("first")
    begun(world, "second")
    del world.cluster.objects[("configmaps", IDENTITY.record_name)]["data"]["member.second"]
    world.ends("second", "Failed", "RuleFailed:height", "0")
    assert world.finalize() == 1
    assert world.status().reason == "MemberFailed:second"


def test_another_run_of_the_member_does_not_count_for_the_one_that_is_gone(world: World) -> None:
    world.member("first")
    begun(world, "second")
    world.ends("second")
    body = world.workflow("second")
    gone(world)
    copy = {**body, "metadata": {**body["metadata"], "name": "run-second-zzzzz", "uid": "another"}}
    world.cluster.objects[("workflows", "run-second-zzzzz")] = copy
    assert world.finalize() == 1
    assert "second: MemberGone" in world.status().message


def test_without_any_step_the_bundle_tells_what_was_planned(world: World) -> None:
    world.change_own({"spec": {"shutdown": "Stop"}})
    assert world.finalize() == 1
    assert (world.status().phase, world.status().planned) == ("Cancelled", 2)


def test_without_bundle_and_record_it_is_an_error(world: World, termination_log: pathlib.Path) -> None:
    (world.folder / "bundle" / "suite.json").unlink()
    assert world.finalize() == 1
    assert termination_log.read_text().startswith("Error: BundleMissing: the ConfigMap with the bundle is not there")
    assert world.cluster.objects[OWN]["metadata"]["labels"]["validation.sei.io/verdict"] == "Error"


def test_a_record_of_another_bundle_is_an_error(world: World, termination_log: pathlib.Path) -> None:
    world.run_all()
    world.digest = "f" * 64
    assert world.finalize() == 1
    assert "the suite's record is that of another bundle" in termination_log.read_text()


def test_a_record_of_fewer_runs_than_the_bundles_is_an_error(world: World, termination_log: pathlib.Path) -> None:
    """Every step's account may patch the record, and take a run out that has not begun."""
    world.member("first")
    plan = json.loads(world.cluster.objects["configmaps", IDENTITY.record_name]["data"]["suite"])
    plan["suite"]["members"] = [one for one in plan["suite"]["members"] if one["name"] == "first"]
    world.rewrite(suite=json.dumps(plan))
    assert world.member("second") == 2
    assert world.finalize() == 1
    assert termination_log.read_text().startswith("Error: MemberNotPassed:second: run second: NotStarted")
    assert (world.status().verdict, world.status().planned) == ("Error", 2)


def test_without_the_bundle_the_record_tells_the_plan(world: World) -> None:
    world.run_all()
    (world.folder / "bundle" / "suite.json").unlink()
    assert world.finalize() == 0


def test_started_again_it_ends_the_same(world: World) -> None:
    world.run_all()
    assert world.finalize() == 0
    before = world.status()
    world.retries = 1
    gone(world)
    world.change_own({"spec": {"shutdown": "Stop"}})
    assert (world.finalize(), world.status()) == (0, before)


def test_a_failure_that_stands_is_told_again_at_the_first_attempt(world: World) -> None:
    """`argo retry` runs the exit handler of a failed suite again."""
    world.finalize()
    world.clock.sleep(5)
    assert world.finalize() == 1
    assert world.status().verdict == "Error"


FORGED: list[tuple[str, Callable[[World], Any], str]] = [
    ("a sealed Passed", lambda w: w.finalize(), "stood in the suite record before"),
    ("a verdict without seal", lambda w: (w.finalize(), unseal(w)), "was not sealed"),
    ("a seal without verdict", lambda w: seal(w), "sealed without a verdict"),
]


def unseal(world: World) -> None:
    world.cluster.objects[("configmaps", IDENTITY.record_name)]["immutable"] = False


def seal(world: World) -> None:
    world.cluster.objects[("configmaps", IDENTITY.record_name)]["immutable"] = True


@pytest.mark.parametrize(("what", "forge", "says"), FORGED, ids=[row[0] for row in FORGED])
def test_a_verdict_that_stood_before_is_not_believed(
    world: World, termination_log: pathlib.Path, what: str, forge: Callable[[World], Any], says: str
) -> None:
    del what
    world.run_all()
    forge(world)
    assert world.finalize() == 1
    assert termination_log.read_text().startswith("Error: RecordForged: ")
    assert says in termination_log.read_text()


def test_a_suite_that_was_deleted_has_no_verdict(world: World) -> None:
    world.run_all()
    del world.cluster.objects[OWN]
    with pytest.raises(RunnerError, match="is gone"):
        world.finalize()
    assert world.written().result is None


def test_a_member_that_cannot_be_stopped_leaves_no_pass(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.member("first")
    begun(world, "second")
    real = world.cluster.patch

    def patch(resource: Any, name: str, body: Any) -> Any:
        if name == world.name_of("second"):
            raise UnreachableError("connection refused")
        return real(resource, name, body)

    monkeypatch.setattr(world.cluster, "patch", patch)
    assert world.finalize() == 1


def test_messages_are_cut(world: World, termination_log: pathlib.Path) -> None:
    world.on_created = lambda name: world.ends(name, "Failed", "RuleFailed:height", "x" * 5000)
    world.run_all()
    assert world.finalize() == 1
    assert len(termination_log.read_bytes()) <= 4096
    assert world.status().start_time == format_time(START)
    assert world.status().name == TEMPLATE

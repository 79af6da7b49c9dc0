"""A suite of which only some members were chosen: what its steps start, and that it never looks like the whole suite."""

import json
import pathlib
from typing import Any

import pytest
from tests.unit.steps.suite_world import TEMPLATE, World, planned_member, planned_suite

from runner_helpers import IDENTITY
from validationrun.contract.suite_record import MemberEntry
from validationrun.kube.cluster import WORKFLOWS

pytestmark = pytest.mark.usefixtures("termination_log")

OWN = ("workflows", IDENTITY.workflow)
NAMES = ("first", "second", "third")


def of_three(folder: pathlib.Path, only: str, **fields: Any) -> World:
    made = World(folder, planned_suite(*map(planned_member, NAMES), **fields))
    made.on_created = made.ends
    made.given = {"only": only}
    return made


def started(world: World) -> list[str]:
    return [made for made in world.cluster.created if made.startswith("workflows/")]


def test_a_member_that_was_not_chosen_starts_nothing_and_holds_up_nobody(
    tmp_path: pathlib.Path, termination_log: pathlib.Path
) -> None:
    world = of_three(tmp_path, "third")
    assert world.member("first") == 0
    assert termination_log.read_text() == (
        "NotChosen: run first: NotChosen: the parameter only of the suite does not name it"
    )
    assert (world.folder / "outputs" / "verdict").read_text() == "NotChosen"
    entry = world.entry("first")
    assert (entry.workflow, entry.uid, entry.outcome, entry.reason) == ("", "", "NotChosen", "NotChosen")
    # With stopOnFailure: what was passed over is no failure.
    assert world.member("third") == 0
    assert started(world) == [f"workflows/{world.name_of('third')}"]
    begun = world.written().started
    assert begun is not None
    assert begun.only == ("third",)


def test_what_was_chosen_passed_and_the_verdict_says_that_it_is_a_part(
    tmp_path: pathlib.Path, termination_log: pathlib.Path
) -> None:
    world = of_three(tmp_path, "second,third")
    assert world.run_all() == [0, 0, 0]
    assert world.finalize() == 0
    message = "2 of 3 runs were chosen, and both passed"
    assert termination_log.read_text() == f"Passed: ChosenPassed: {message}"
    status = world.status()
    assert (status.verdict, status.reason, status.message) == ("Passed", "ChosenPassed", message)
    assert (status.planned, status.passed) == (3, 2)
    assert [member.outcome for member in status.members] == ["NotChosen", "Passed", "Passed"]
    assert [str(override) for override in status.overridden] == ["only: second,third (overridden)"]
    metadata = world.cluster.objects[OWN]["metadata"]
    assert metadata["labels"]["validation.sei.io/overridden"] == "true"
    assert metadata["annotations"]["validation.sei.io/overridden"] == "only: second,third (overridden)"
    assert (world.folder / "outputs" / "scope").read_text() == "chosen"


@pytest.mark.parametrize("only", ["", "first,second,third"])
def test_a_suite_of_all_its_members_is_whole(tmp_path: pathlib.Path, only: str) -> None:
    world = of_three(tmp_path, only)
    world.run_all()
    assert world.finalize() == 0
    status = world.status()
    assert (status.reason, status.message, status.overridden) == ("AllPassed", "3 of 3 runs passed", [])
    assert "validation.sei.io/overridden" not in world.cluster.objects[OWN]["metadata"]["labels"]
    assert (world.folder / "outputs" / "scope").read_text() == ("chosen" if only else "whole")


def test_a_chosen_member_that_fails_fails_the_suite(tmp_path: pathlib.Path) -> None:
    world = of_three(tmp_path, "second,third", stop_on_failure=False)
    world.on_created = lambda name: world.ends(name, "Failed" if name == "second" else "Succeeded", "x", "y")
    assert world.run_all() == [0, 1, 0]
    assert world.finalize() == 1
    assert world.status().message == "2 of 3 runs were chosen; run second: x: y"


def test_after_a_failure_no_chosen_member_starts_and_the_others_stay_not_chosen(tmp_path: pathlib.Path) -> None:
    """Argo omits what follows in the order of the suite: neither step has run."""
    world = of_three(tmp_path, "first,third")
    world.on_created = lambda name: world.ends(name, "Failed", "RuleFailed:height", "0, not > 0")
    assert world.member("first") == 1
    assert world.finalize() == 1
    assert [member.outcome for member in world.status().members] == ["Failed", "NotChosen", "NotStarted"]


def test_a_suite_that_is_stopped_says_what_was_chosen(tmp_path: pathlib.Path) -> None:
    world = of_three(tmp_path, "second")
    world.change_own({"spec": {"workflowTemplateRef": {"name": TEMPLATE}, "shutdown": "Stop"}})
    assert world.finalize() == 1
    status = world.status()
    assert (status.phase, [str(override) for override in status.overridden]) == (
        "Cancelled",
        ["only: second (overridden)"],
    )
    assert status.message.startswith("1 of 3 runs was chosen; the suite was stopped")
    begun = world.written().started
    assert begun is not None
    assert begun.only == ("second",)


@pytest.mark.parametrize("only", ["second,fourth", ",", " ", "second,second", "x" * 5000, "{{=1}}"])
def test_a_choice_that_does_not_fit_starts_nothing_and_never_passes(
    tmp_path: pathlib.Path, termination_log: pathlib.Path, only: str
) -> None:
    world = of_three(tmp_path, only)
    assert world.run_all() == [2, 2, 2]
    assert started(world) == []
    assert "Error: run third: ParameterUnknown: the parameter only" in termination_log.read_text()
    assert world.finalize() == 1
    status = world.status()
    assert (status.verdict, status.reason) == ("Error", "ParameterUnknown")
    assert [member.outcome for member in status.members] == ["NotStarted"] * 3
    assert (world.folder / "outputs" / "scope").read_text() == "chosen"


def test_the_choice_counts_that_the_step_was_given_and_not_what_the_record_says(tmp_path: pathlib.Path) -> None:
    """Whoever writes another choice into the record makes no smaller suite of it."""
    world = of_three(tmp_path, "")
    world.member("first")
    world.rewrite(suite=json.dumps({**json.loads(world.written()._data["suite"]), "only": ["first"]}))
    begun = world.written().started
    assert begun is not None
    assert begun.only == ("first",)
    assert world.finalize() == 1
    assert world.status().reason == "MemberNotPassed:second"


def passed_over(run: str) -> str:
    return MemberEntry(run=run, workflow="", uid="", created_at="2026-11-28T09:15:00Z", outcome="NotChosen").to_json()  # type: ignore[arg-type]


def test_a_member_of_a_whole_suite_that_the_record_calls_not_chosen_is_no_pass(tmp_path: pathlib.Path) -> None:
    world = of_three(tmp_path, "")
    world.member("first")
    world.member("second")
    world.rewrite(**{"member.third": passed_over("run-third")})
    assert world.finalize() == 1
    assert (world.status().verdict, world.status().reason) == ("Error", "MemberNotPassed:third")


def test_a_member_that_was_not_chosen_and_has_a_workflow_is_no_pass(tmp_path: pathlib.Path) -> None:
    world = of_three(tmp_path, "second")
    world.run_all()
    body = world.workflow("second")
    labels = {**body["metadata"]["labels"], "validation.sei.io/suite-member": "first"}
    metadata = {**body["metadata"], "name": "run-first-zzzzz", "uid": "another", "labels": labels}
    world.cluster.put(WORKFLOWS, {**body, "metadata": metadata})
    assert world.finalize() == 1
    status = world.status()
    assert (status.reason, status.members[0].outcome) == ("MemberNotPassed:first", "Unknown")
    assert "it was not chosen, and has Workflow run-first-zzzzz" in status.message


def test_a_member_that_was_not_chosen_and_passed_by_the_record_is_no_pass(tmp_path: pathlib.Path) -> None:
    world = of_three(tmp_path, "second")
    world.run_all()
    world.rewrite(**{"member.first": world.written()._data["member.second"]})
    assert world.finalize() == 1
    assert world.status().reason == "MemberNotPassed:first"

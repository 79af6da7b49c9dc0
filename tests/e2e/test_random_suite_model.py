"""What random_suites.py takes for right: it must be able to find something. Needs no cluster."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from tests.e2e import random_suite_model as model
from tests.e2e.random_suite_model import (
    CANCELLED,
    FAULTS,
    GONE,
    KILLS,
    PASSED,
    UNKNOWN,
    Hit,
    MemberEvidence,
    not_whole,
    phases,
    right,
)
from tests.e2e.test_random_model import DATA, JOB

EARLY: Final = ("suite", "first", "first/result")
LATE: Final = (*EARLY, "first/end", "result")


def test_without_a_hit_and_after_a_kill_only_passed_is_right() -> None:
    assert right(None) == {PASSED}
    for fault in KILLS:
        assert right(Hit(fault, "first", EARLY, EARLY)) == {PASSED}


ROWS: Final[list[tuple[str, Sequence[str], Sequence[str], set[tuple[str, str]]]]] = [
    (model.STOP, EARLY, EARLY, {CANCELLED}),
    (model.STOP, EARLY, LATE, {PASSED, CANCELLED}),
    (model.STOP, LATE, LATE, {PASSED}),
    (model.TERMINATE, EARLY, EARLY, {CANCELLED}),
    (model.TERMINATE, EARLY, LATE, {PASSED, CANCELLED, UNKNOWN}),
    (model.TERMINATE, LATE, LATE, {PASSED, UNKNOWN}),
    (model.DELETE, EARLY, EARLY, {GONE}),
    (model.STOP_MEMBER, ("suite", "first"), ("suite", "first"), {("Error", "MemberNotPassed:first")}),
    (model.STOP_MEMBER, ("suite", "first"), EARLY, {PASSED, ("Error", "MemberNotPassed:first")}),
    (model.STOP_MEMBER, EARLY, EARLY, {PASSED}),
    (model.DELETE_MEMBER, ("suite", "first"), LATE, {("Error", "MemberNotPassed:first")}),
    (model.DELETE_MEMBER, EARLY, EARLY, {PASSED, ("Error", "MemberNotPassed:first")}),
    (model.DELETE_MEMBER, (*EARLY, "first/end"), LATE, {PASSED, ("Error", "MemberNotPassed:first")}),
    (model.DELETE_MEMBER, LATE, LATE, {PASSED}),
]


@pytest.mark.parametrize(("fault", "before", "after", "expected"), ROWS)
def test_a_fault_is_right_by_what_stood_around_it(
    fault: str, before: Sequence[str], after: Sequence[str], expected: set[tuple[str, str]]
) -> None:
    assert right(Hit(fault, "first", before, after)) == expected


@pytest.mark.parametrize(
    ("fault", "after", "verdict", "succeeded"),
    [
        (model.TERMINATE, (*EARLY, "first/result", "first/end"), CANCELLED, True),
        (model.TERMINATE, (*EARLY, "first/end", "second"), CANCELLED, False),
        (model.TERMINATE, EARLY, CANCELLED, False),
        (model.TERMINATE, LATE, UNKNOWN, False),
        (model.TERMINATE, (), CANCELLED, False),
        (model.STOP, (*EARLY, "first/result", "first/end"), CANCELLED, False),
        (model.STOP, LATE, PASSED, True),
    ],
)
def test_argo_may_call_a_terminated_suite_succeeded_only_once_its_members_have_ended(
    fault: str, after: Sequence[str], verdict: tuple[str, str], succeeded: bool
) -> None:
    assert ("Succeeded" in phases(Hit(fault, "first", after, after), verdict)) == succeeded


def test_every_fault_has_a_row() -> None:
    assert set(FAULTS) == {*KILLS, *(row[0] for row in ROWS)}


def evidence() -> list[MemberEvidence]:
    data = copy.deepcopy(DATA)
    data["result"] = {"verdict": "Passed"}
    workflow = {"metadata": {"uid": "w"}, "status": {"phase": "Succeeded"}}
    return [MemberEvidence({"name": "first", "bundleHash": "b"}, [workflow], data, copy.deepcopy(JOB))]


def test_whole_evidence_is_whole() -> None:
    assert not_whole(evidence(), 1) == []


BREAKS: Final[dict[str, Callable[[MemberEvidence], Any]]] = {
    "no Workflow": lambda member: member.workflows.clear(),  # type: ignore[attr-defined]
    "two Workflows": lambda member: member.workflows.append(member.workflows[0]),  # type: ignore[attr-defined]
    "a Workflow that failed": lambda member: member.workflows[0]["status"].update(phase="Failed"),
    "no verdict": lambda member: member.data.pop("result"),  # type: ignore[attr-defined]
    "another verdict": lambda member: member.data["result"].update(verdict="Failed"),
    "another bundle": lambda member: member.planned.update(bundleHash="c"),  # type: ignore[attr-defined]
    "no sign-off": lambda member: member.data.pop("sign-off"),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("what", BREAKS)
def test_evidence_with_a_fault_is_not(what: str) -> None:
    members = evidence()
    BREAKS[what](members[0])
    assert not_whole(members, 1)


def test_a_member_that_nobody_knows_is_missed() -> None:
    assert not_whole(evidence(), 2)
    assert not_whole([], 0)

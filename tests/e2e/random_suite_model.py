"""
What is right for a suite whose runs would all pass, when one fault hits it at any moment: the second opinion of random_suites.py.

| fault | right |
|---|---|
| a pod of suite-member, of suite-finalize, or of a step of a member is killed, once; the controller is killed and comes back | Passed |
| the suite is stopped | Cancelled while the suite record held no verdict; Passed where it did |
| the suite is terminated | the same; where the verdict stood and the Workflow had not ended, also Unknown, because Argo fails it |
| the suite is terminated once all its members have ended | Cancelled, and Argo may call the Workflow Succeeded |
| the suite is deleted | nobody asks: nothing may be left |
| a member is stopped | MemberNotPassed while the member's record held no verdict; Passed where it did |
| a member is deleted | MemberNotPassed while it went on; Passed once the suite record held its end |

A moment is told by `state`: what stood just before the fault, and just after it. Where a fault fell together with what decides, either
answer is right, but a Passed must be borne out by evidence that is whole: see `not_whole`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e import random_model

KILLS: Final = ("kill-suite-member", "kill-suite-finalize", "restart-controller", "kill-evaluator", "kill-load-job")
STOP, TERMINATE, DELETE = "stop-suite", "terminate-suite", "delete-suite"
STOP_MEMBER, DELETE_MEMBER = "stop-member", "delete-member"
FAULTS: Final = (*KILLS, STOP, TERMINATE, DELETE, STOP_MEMBER, DELETE_MEMBER)

PASSED: Final = ("Passed", "AllPassed")
CANCELLED: Final = ("Error", "Cancelled")
UNKNOWN: Final = ("Error", "Unknown")
GONE: Final = ("", "")
"""There is no suite of which a verdict could be asked."""

VERDICT: Final = "result"
"""In a state: the suite record held the verdict."""

Data = Mapping[str, Any]


def run_verdict(member: str) -> str:
    """In a state: the member's own run record held its verdict."""
    return f"{member}/result"


def run_end(member: str) -> str:
    """In a state: the suite record held the member's end."""
    return f"{member}/end"


@dataclass(frozen=True)
class Hit:
    """
    A fault that was done.

    Attributes:
        member: that it was done to; empty when it was done to the suite.
        before, after: what stood.
    """

    fault: str
    member: str
    before: Collection[str]
    after: Collection[str]


def right(hit: Hit | None) -> set[tuple[str, str]]:
    """
    Verdict and reason that are right.

    Args:
        hit: None when the suite had ended before the fault's moment, or there was nothing to be hit.
    """
    if hit is None or hit.fault in KILLS:
        return {PASSED}
    if hit.fault == DELETE:
        return {GONE}
    if hit.fault == TERMINATE:
        if VERDICT in hit.before:
            return {PASSED, UNKNOWN}
        return {CANCELLED} if VERDICT not in hit.after else {PASSED, CANCELLED, UNKNOWN}
    if hit.fault == STOP:
        return _either(PASSED, CANCELLED, first=VERDICT in hit.before, last=VERDICT not in hit.after)
    not_passed = ("Error", f"MemberNotPassed:{hit.member}")
    if hit.fault == STOP_MEMBER:
        verdict = run_verdict(hit.member)
        return _either(PASSED, not_passed, first=verdict in hit.before, last=verdict not in hit.after)
    # suite-finalize asks the run again, and may do so right before it is deleted.
    return _either(PASSED, not_passed, first=VERDICT in hit.before, last=run_verdict(hit.member) not in hit.before)


def phases(hit: Hit | None, verdict: tuple[str, str]) -> set[str]:
    """What Argo may call the Workflow of a suite with this verdict and reason."""
    if verdict == PASSED:
        return {"Succeeded"}
    if hit is None or hit.fault != TERMINATE or verdict != CANCELLED:
        return {"Failed", "Error"}
    members = [state for state in hit.after if "/" not in state and state not in {"suite", VERDICT}]
    over = bool(members) and all(run_end(member) in hit.after for member in members)
    return {"Failed", "Error", "Succeeded"} if over else {"Failed", "Error"}


def _either(earlier: tuple[str, str], later: tuple[str, str], *, first: bool, last: bool) -> set[tuple[str, str]]:
    """What decides was over before the fault, or had not begun after it, or fell together with it."""
    if first:
        return {earlier}
    return {later} if last else {earlier, later}


@dataclass(frozen=True)
class MemberEvidence:
    """
    A member of a suite that has its verdict.

    Attributes:
        planned: its entry in `suite.json`.
        workflows: the Workflows that the suite owns and that bear its name.
        data: its run record, by key.
        job: its load.
    """

    planned: Data
    workflows: Sequence[Data]
    data: Data
    job: Data | None


def not_whole(members: Sequence[MemberEvidence], planned: int) -> list[str]:
    """What of the evidence speaks against a Passed. Nothing here asks the code that gave it."""
    found = [fault for member in members for fault in _faults(member)]
    if len(members) != planned or not planned:
        found.append(f"{len(members)} members are known, {planned} were planned")
    return found


def _faults(member: MemberEvidence) -> Iterator[str]:
    name = member.planned["name"]
    if len(member.workflows) != 1:
        yield f"{name} has {len(member.workflows)} Workflows"
        return
    (workflow,) = member.workflows
    if workflow["status"]["phase"] != "Succeeded":
        yield f"the Workflow of {name} is {workflow['status']['phase']}"
    result, run = member.data.get("result"), member.data.get("run")
    if result is None or run is None or result["verdict"] != "Passed":
        yield f"the record of {name} does not say Passed"
        return
    if run["bundleHash"] != member.planned["bundleHash"]:
        yield f"{name} ran another bundle"
    for fault in random_model.not_whole(member.data, workflow, member.job):
        yield f"{name}: {fault}"

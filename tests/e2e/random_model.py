"""
What is right for a run that would pass, when one fault hits it at any moment: the second opinion of random_faults.py.

| fault | right |
|---|---|
| the evaluator's or load-job's pod is killed, once | Passed: it is tried again, and goes on from the record |
| the controller is killed and comes back | Passed |
| the run is stopped | Cancelled while the record held no verdict; the verdict that stands, Passed, where it did |
| Prometheus goes away for good | PreflightFailed before preflight was over; RuleError up to the final sweep; Passed after it |

A moment is told by the record: the keys that stood just before the fault and just after it. Only the final sweep has none; it is
asked `settle` seconds after the window's end, by clocks that agree. Where a fault fell together with what decides, either
answer is right, but a Passed must be borne out by evidence that is whole, whatever the fault: see `not_whole`. Failed and
Unknown are never right.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base.times import parse_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady, PreflightEntry
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadStart
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status_document import Status

KILLS: Final = ("kill-evaluator", "kill-load-job", "restart-controller")
STOP: Final = "stop"
PROMETHEUS: Final = "drop-prometheus"
FAULTS: Final = (*KILLS, STOP, PROMETHEUS)

PASSED: Final = ("Passed", "RunSucceeded")
CANCELLED: Final = ("Error", "Cancelled")
PREFLIGHT_FAILED: Final = ("Error", "PreflightFailed")
RULE_ERROR: Final = ("Error", "RuleError")
_CLOCKS_SECONDS: Final = 1.0
"""By how much the times of a record, cut to seconds, may deceive."""

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Hit:
    """
    A fault that was done.

    Attributes:
        before: keys of the record when it was about to be done.
        after: the same once it was.
        began: epoch seconds.
        done: epoch seconds; the fault is in force from here on.
    """

    fault: str
    before: Collection[str]
    after: Collection[str]
    began: float
    done: float


def right(hit: Hit | None, data: Data) -> set[tuple[str, str]]:
    """
    Verdict and reason that are right; two where the fault fell together with what decides.

    Args:
        hit: None when the run had ended before the fault's moment.
        data: the record, by key.
    """
    if hit is None or hit.fault in KILLS:
        return {PASSED}
    if hit.fault == STOP:
        return _either(PASSED, CANCELLED, first=Status.key in hit.before, last=Status.key not in hit.after)
    if (data.get(PreflightEntry.key) or {}).get("findings"):
        return {PREFLIGHT_FAILED} if PreflightEntry.key not in hit.before else set()
    return _either(PASSED, RULE_ERROR, first=SignOff.key in hit.before, last=hit.done < _sweep(data))


def _either(earlier: tuple[str, str], later: tuple[str, str], *, first: bool, last: bool) -> set[tuple[str, str]]:
    """What decides was over before the fault, or had not begun after it, or fell together with it."""
    if first:
        return {earlier}
    return {later} if last else {earlier, later}


def _sweep(data: Data) -> float:
    """When the final sweep was asked first; far away when there was none."""
    sign_off = data.get(SignOff.key)
    if sign_off is None or sign_off["end"] is None:
        return float("inf")
    return parse_time(sign_off["end"]) + float(sign_off["settleSeconds"]) - _CLOCKS_SECONDS


def not_whole(data: Data, workflow: Data, job: Data | None) -> list[str]:
    """What of the evidence speaks against a Passed. Nothing here asks the code that gave it."""
    return list(_faults(data, workflow, job))


def _faults(data: Data, workflow: Data, job: Data | None) -> Iterator[str]:
    needed = (RunEntry.key, ChainEntry.key, ChainReady.key, JobEntry.key, LoadStart.key, LoadEnd.key, SignOff.key)
    missing = [key for key in (*needed, Status.key) if key not in data]
    if missing:
        yield f"the record has no {', '.join(missing)}"
        return
    run, load, sign_off = data[RunEntry.key], data[LoadEnd.key], data[SignOff.key]
    if sign_off.get("stopped") or sign_off["stopTime"] is not None:
        yield "the sign-off is of an evaluator that was stopped"
    if sign_off["workflowUid"] != workflow["metadata"]["uid"] or sign_off["bundleHash"] != run["bundleHash"]:
        yield "the sign-off is of another run"
    if not data[JobEntry.key]["uid"] == sign_off["jobUid"] == load["jobUid"]:
        yield "sign-off, load and job speak of several Jobs"
    if [sign_off["start"], sign_off["end"]] != [load["start"], load["end"]] or load["end"] is None:
        yield f"the window {sign_off['start']} to {sign_off['end']} is not the load's {load['start']} to {load['end']}"
    if load["code"] != 0 or [one["exitCode"] for one in load["shards"]] != [0] * run["load"]["shards"]:
        yield f"the load ended with {load['code']}: {load['message']}"
    if job is None or not _is_complete(job, data[JobEntry.key]["uid"]):
        yield "the Job is not Complete"
    yield from _unproven(run, sign_off)


def _is_complete(job: Data, uid: str) -> bool:
    status = job["status"]
    conditions = {one["type"] for one in status.get("conditions") or [] if one["status"] == "True"}
    whole = status.get("succeeded") == job["spec"]["completions"] == job["spec"]["parallelism"]
    return "Complete" in conditions and "Failed" not in conditions and whole and bool(job["metadata"]["uid"] == uid)


def _unproven(run: Data, sign_off: Data) -> Iterator[str]:
    states = {one["name"]: one for one in sign_off["rules"]}
    end = parse_time(sign_off["end"]) if sign_off["end"] else None
    if list(states) != [one["name"] for one in run["rules"]]:
        yield f"signed off are the rules {list(states)}"
    for name, state in states.items():
        if state["verdict"] != "Passed" or state["failed_t"] is not None:
            yield f"rule {name} is {state['verdict']}"
        if not state["swept"] or end is None or state["last_t"] != end:
            yield f"rule {name} has no good final sweep at the window's end"

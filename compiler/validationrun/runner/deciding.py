"""
The verdict of a run on a cluster: the facts of the table, from the run record, the Job and the Workflow.

Evidence counts only when it is this run's, by UID and by hash; whatever is missing is no pass.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from validationrun import conventions, record
from validationrun.cluster import JOBS, Object
from validationrun.oracle.engine import RuleState
from validationrun.oracle.verdict import BUNDLE_MISSING, CHAIN_NOT_READY, EVALUATOR_LOST, Facts, RunVerdict, judge
from validationrun.oracle.workload import INFRASTRUCTURE, PASSED, Workload
from validationrun.record import Record, parse_time
from validationrun.runner.context import Context
from validationrun.runner.pods import RunPod, last_words
from validationrun.runner.shards import all_indexes_complete
from validationrun.status import is_shut_down

_BRING_UP: Final = (record.ENSURE_CHAIN, record.WAIT_CHAIN_READY)


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What the evaluator left.

    Attributes:
        states: final ones, or those that the record held when it went away; None when it left nothing at all.
        sign_off: the record's key, when it is this run's and whole.
    """

    states: Sequence[RuleState] | None
    sign_off: Object | None
    stop_rule: str | None


@dataclass(frozen=True, slots=True)
class Decided:
    """
    The verdict and what it was made of.

    Attributes:
        workload: None when there was no load to be judged.
    """

    verdict: RunVerdict
    evidence: Evidence
    workload: Workload | None


def decide_run(
    context: Context, workflow: Mapping[str, Any], written: Record | None, began: float, pods: Sequence[RunPod]
) -> Decided:
    """
    Args:
        began: when finalize did; by it the Workflow's own deadline had passed or not.
        pods: of the run, for the words of steps that left no result.
    """
    evidence, workload = read_evidence(context, written), read_workload(context, written, pods)
    reason, message = _chain(context, workflow, written, pods)
    run = (written.get(record.RUN) or {}) if written is not None else {}
    whole = evidence.sign_off is not None and (run.get("load") is None or (workload and workload.code is not None))
    facts = Facts(
        cancelled=is_shut_down(workflow),
        chain_reason=reason,
        deadline_passed=not whole and _deadline_passed(workflow, began),
        has_load=bool(run.get("load")),
        workload=workload.code if workload is not None else None,
        workload_reason=workload.reason if workload is not None else "",
        rules=evidence.states,
        signed_off=evidence.sign_off is not None,
        stop_rule=evidence.stop_rule,
        chain_message=message,
        workload_message=workload.message if workload is not None else "",
    )
    verdict = judge(facts)
    if verdict.reason == EVALUATOR_LOST:
        verdict = dataclasses.replace(verdict, message=f"{verdict.message}: {_lost(pods, record.RULE_EVALUATOR)}")
    return Decided(verdict, evidence, workload)


def _lost(pods: Sequence[RunPod], step: str) -> str:
    """A step that left no result, by its pods' last words."""
    return last_words(pods, [step]) or f"{step} left no result"


def _chain(
    context: Context, workflow: Mapping[str, Any], written: Record | None, pods: Sequence[RunPod]
) -> tuple[str | None, str]:
    """Why the chain never came up, and words; an empty reason when it did, None when nothing about it was recorded."""
    submitted = (workflow["metadata"].get("annotations") or {}).get(conventions.ANNOTATION_BUNDLE_HASH)
    if submitted is not None and submitted != context.bundle_hash:
        # Argo read a template of before: whatever was judged, it is not what was submitted.
        words = f"submitted with bundle {submitted[:8]}, but Argo ran the template of {context.bundle_hash[:8]}"
        return BUNDLE_MISSING, words
    failure = written.chain_failure if written is not None else None
    if failure is not None:
        return str(failure["reason"]), str(failure["message"])
    if written is not None and written.chain_is_ready:
        return "", ""
    words = last_words(pods, _BRING_UP)
    if words:
        return CHAIN_NOT_READY, f"the chain never came up: {words}"
    if written is None:
        return (
            None,
            "there is no run record: its steps never ran, or ran for another Workflow, as in a memoized resubmit",
        )
    return None, "the chain never came up: no step recorded why"


def read_workload(context: Context, written: Record | None, pods: Sequence[RunPod]) -> Workload | None:
    """A 0 needs the Job itself as a second witness, by its UID. None for a run without load."""
    run = (written.get(record.RUN) or {}) if written is not None else {}
    if written is None or not run.get("load"):
        return None
    load, job = written.get(record.LOAD), written.get(record.JOB)
    if load is None:
        return Workload(None, "", _lost(pods, record.LOAD_JOB))
    if job is None and load["code"] is None:
        return Workload(None, "", load["message"])
    if job is None or load["jobUid"] != job["uid"]:
        # A load that never began has no Job; its reason says why.
        return Workload(INFRASTRUCTURE, load["reason"], load["message"] or "the load's result is not of this run's Job")
    if load["code"] != PASSED:
        return Workload(load["code"], load["reason"], load["message"])
    found = context.cluster.get(JOBS, job["name"])
    if found is None or found["metadata"]["uid"] != job["uid"]:
        return Workload(INFRASTRUCTURE, "", f"Job {job['name']} is gone")
    if not all_indexes_complete(found, run["load"]["shards"]):
        return Workload(INFRASTRUCTURE, "", f"Job {job['name']} is not Complete with every index")
    return Workload(PASSED, "", load["message"])


def read_evidence(context: Context, written: Record | None) -> Evidence:
    """What the evaluator left, as far as it is this run's."""
    if written is None:
        return Evidence(None, None, None)
    sign_off = written.get(record.SIGN_OFF)
    if sign_off is not None and _is_this_runs(context, written, sign_off):
        signed = [RuleState(**one) for one in sign_off["rules"]]
        failed = _failed(written)
        states = [one if one.verdict == "Failed" else failed.get(one.name, one) for one in signed]
        return Evidence(states, sign_off, sign_off["stopRule"])
    # A failure in the record counts without sign-off; nothing else in it does.
    partial = written.get(record.RULES)
    stop = written.get(record.STOP)
    left = [_unproven(RuleState(**one)) for one in partial["rules"]] if partial is not None else None
    return Evidence(left, None, stop["rule"] if stop is not None and _was_in_window(written, stop) else None)


def _failed(written: Record) -> dict[str, RuleState]:
    """
    A recorded failure stands beside whatever was signed off.

    One attempt of the evaluator never forgets its own; but a pod that was given up may live on beside its successor, and
    have found what the other did not.
    """
    states = [RuleState(**one) for one in (written.get(record.RULES) or {}).get("rules", [])]
    return {state.name: state for state in states if state.verdict == "Failed"}


def _was_in_window(written: Record, stop: Mapping[str, Any]) -> bool:
    """The intent to stop is written at the answer, before it is known whether the load still ran at its T."""
    load = written.get(record.LOAD)
    if load is None or load.get("end") is None:
        return True
    # As the evaluator ends the window: a load that went down because of the stop ends up to a second before it.
    return bool(stop["t"] <= parse_time(load["end"]) + (0 if load["code"] == PASSED else 1))


def _unproven(state: RuleState) -> RuleState:
    """Without sign-off only a failure stands: good so far is not yet passed."""
    return dataclasses.replace(state, verdict="Awaited", reason="") if state.verdict == "Passed" else state


def _is_this_runs(context: Context, written: Record, sign_off: Mapping[str, Any]) -> bool:
    """Of this Workflow, this Job, this bundle, and about exactly the rules that the bundle holds."""
    job = written.get(record.JOB)
    run = written.get(record.RUN) or {}
    return (
        record.stands(sign_off)
        # An evaluator that learned neither of an end nor of a stop has judged no window.
        and (sign_off["end"] is not None or sign_off["stopTime"] is not None)
        and sign_off["workflowUid"] == context.identity.uid
        and sign_off["bundleHash"] == context.bundle_hash == run.get("bundleHash")
        and sign_off["jobUid"] == (job["uid"] if job else None)
        and [one["name"] for one in sign_off["rules"]] == [one["name"] for one in run.get("rules") or []]
    )


def _deadline_passed(workflow: Mapping[str, Any], now: float) -> bool:
    seconds = (workflow.get("spec") or {}).get("activeDeadlineSeconds")
    stored = ((workflow.get("status") or {}).get("storedWorkflowTemplateSpec") or {}).get("activeDeadlineSeconds")
    started = (workflow.get("status") or {}).get("startedAt")
    limit = seconds or stored
    return bool(limit and started and now >= parse_time(started) + float(limit))

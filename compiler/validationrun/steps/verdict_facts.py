"""
The verdict of a run on a cluster: the facts for the verdict table, from the run record, the Job and the Workflow.

Evidence counts only if its UID and hash are this run's; a run with missing evidence does not pass.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.times import parse_time
from validationrun.contract.argo_phase import is_shut_down
from validationrun.contract.evaluation_entries import SuiteEnded
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.status_document import Status
from validationrun.judging.recorded import Evidence, read_evidence, read_workload
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import BELOW_ROW_8, RunReason, Verdict
from validationrun.oracle.verdict_table import Facts, RunVerdict, judge
from validationrun.oracle.workload import Workload
from validationrun.steps.context import Context
from validationrun.steps.pods import RunPod, crash_loop, last_words
from validationrun.steps.submitted_bundle import other_bundle
from validationrun.steps.uploads import missing_upload

_BRING_UP: Final = (conventions.ENSURE_CHAIN, conventions.WAIT_CHAIN_READY)


class Decided(Struct, frozen=True):
    """
    The verdict and the evidence for it.

    Attributes:
        workload: None when there was no load to judge.
    """

    verdict: RunVerdict
    evidence: Evidence
    workload: Workload | None


def decide_run(
    context: Context,
    workflow: Workflow,
    written: Record | None,
    began: float,
    pods: Sequence[RunPod],
    forged: str = "",
) -> Decided:
    """
    Args:
        began: when finalize began, to compare with the Workflow's own deadline.
        pods: of the run, to explain steps that left no result, and a chain that never served.
        forged: what `forgery` found.
    """
    evidence = read_evidence(written, context.bundle_hash)
    workload = read_workload(context.cluster, written, lost(pods, conventions.LOAD_JOB))
    reason, message = _chain(context, workflow, written, pods)
    run = written.get(RunEntry) if written is not None else None
    has_load = run is not None and run.load is not None
    complete = evidence.sign_off is not None and (not has_load or (workload and workload.code is not None))
    suite_ended = _suite_ended(written) and not is_shut_down(workflow.object)
    facts = Facts(
        cancelled=is_shut_down(workflow.object) or suite_ended,
        cancelled_how="stopped with its suite" if suite_ended else "stopped",
        chain_reason=reason,
        deadline_passed=not complete and _deadline_passed(workflow, began),
        has_load=has_load,
        workload=workload.code if workload is not None else None,
        workload_reason=workload.reason if workload is not None else "",
        rules=evidence.states,
        signed_off=evidence.sign_off is not None,
        stop_rule=evidence.stop_rule,
        chain_message=message,
        workload_message=workload.message if workload is not None else "",
        workload_early=workload.early if workload is not None else None,
        forged=forged,
    )
    return Decided(_judged(context, written, facts, pods), evidence, workload)


def _suite_ended(written: Record | None) -> bool:
    """A step recorded that the suite of this run is over."""
    if written is None:
        return False
    failure = written.chain_failure
    cancelled = failure is not None and failure.reason == RunReason.CANCELLED
    return cancelled or written.get(SuiteEnded) is not None


def _judged(context: Context, written: Record | None, facts: Facts, pods: Sequence[RunPod]) -> RunVerdict:
    """The verdict, once the uploads are looked for where it depends on them."""
    verdict = judge(facts)
    run = written.get(RunEntry) if written is not None else None
    uploads = run is not None and run.results is not None
    if written is not None and facts.signed_off and uploads and verdict.reason in BELOW_ROW_8:
        verdict = judge(replace(facts, not_stored=missing_upload(context, written)))
    if verdict.reason == RunReason.EVALUATOR_LOST:
        return replace(verdict, message=f"{verdict.message}: {lost(pods, conventions.RULE_EVALUATOR)}")
    looping = crash_loop(pods) if verdict.reason == RunReason.CHAIN_NOT_READY else ""
    if looping:
        verdict = replace(verdict, message=f"{verdict.message}; {looping}")
    if facts.forged and verdict.reason != RunReason.RECORD_FORGED:
        return replace(verdict, message=f"{verdict.message}; {facts.forged}")
    return verdict


def forgery(written: Record | None, retries: int) -> str:
    """
    Why the record's result or its seal cannot be finalize's own; empty when it can, or when there is none.

    finalize writes its result and seals the record at once. So its first attempt finds neither, unless `argo retry` runs a
    failed run's finalize again, and then the result is not Passed.

    Args:
        retries: the number of finalize's attempts before this one.
    """
    if written is None:
        return ""
    result = written.get(Status)
    if result is None:
        return "the run record was sealed without a verdict, and only finalize seals it" if written.sealed else ""
    if not written.sealed:
        return "the run record held a verdict that was not sealed, and finalize seals what it writes"
    if result.verdict == Verdict.PASSED and (retries == 0 or written.overruled):
        return "a sealed verdict Passed stood in the run record before finalize began"
    return ""


def lost(pods: Sequence[RunPod], step: str) -> str:
    """Why a step left no result, by its pods' last messages."""
    return last_words(pods, [step]) or f"{step} left no result"


def _chain(
    context: Context, workflow: Workflow, written: Record | None, pods: Sequence[RunPod]
) -> tuple[str | None, str]:
    """Reason and message of a chain that never came up; an empty reason if it did, None if nothing about it was recorded."""
    other = other_bundle(workflow, context.bundle_hash)
    if other:
        return RunReason.BUNDLE_MISSING, other
    failure = written.chain_failure if written is not None else None
    if failure is not None:
        return failure.reason or "", failure.message or ""
    if written is not None and written.chain_is_ready:
        return "", ""
    message = last_words(pods, _BRING_UP)
    if message:
        return RunReason.CHAIN_NOT_READY, f"the chain never came up: {message}"
    if written is None:
        return (
            None,
            "there is no run record: its steps never ran, or ran for another Workflow, as in a memoized resubmit",
        )
    return None, "the chain never came up: no step recorded why"


def _deadline_passed(workflow: Workflow, now: float) -> bool:
    started, limit = workflow.started, workflow.deadline_seconds
    return bool(limit and started and now >= parse_time(started) + limit)

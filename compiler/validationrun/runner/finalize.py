"""
`finalize`: the verdict, from the record and the Job alone, and a clean-up that is bounded by itself.

It needs neither the bundle nor any node's status, and it is the only step that ends 1, so that its message becomes the
Workflow's.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from validationrun import conventions, record
from validationrun.cluster import (
    JOBS,
    PODS,
    WORKFLOWS,
    ClusterError,
    ForbiddenError,
    owned_by,
)
from validationrun.oracle.engine import RuleState
from validationrun.oracle.verdict import Facts, RunVerdict, judge
from validationrun.oracle.workload import INFRASTRUCTURE, PASSED
from validationrun.record import Record, format_time, parse_time
from validationrun.runner.cleanup import clean_up
from validationrun.runner.context import Context, RunnerError, termination_message
from validationrun.runner.load import STOP_PATCH
from validationrun.runner.shards import LABEL_JOB_UID, all_indexes_complete, job_condition
from validationrun.status import build_status, is_shut_down

_POLL_SECONDS: Final = 1.0
_GRACE_SLACK_SECONDS: Final = 10
_DEFAULT_GRACE_SECONDS: Final = 60
_LABEL_ARGO_WORKFLOW: Final = "workflows.argoproj.io/workflow"
_OVER: Final = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the evaluator left: final states, or what the record held when it went away."""

    states: Sequence[RuleState] | None
    signed_off: bool
    stop_rule: str | None


def finalize(context: Context) -> int:
    """Gives the verdict, once, and cleans up. Returns the step's exit code: 0 Passed, 1 anything else."""
    workflow = context.cluster.get(WORKFLOWS, context.identity.workflow)
    if workflow is None or workflow["metadata"]["uid"] != context.identity.uid:
        raise RunnerError(f"Workflow {context.identity.workflow} is gone")
    began = context.now()
    _quiesce(context, Record.read(context.cluster, context.identity))
    written = Record.read(context.cluster, context.identity)
    status = written.get(record.RESULT) if written is not None else None
    if status is None:
        verdict, evidence = _judge(context, workflow, written, began)
        states = [state.as_json() for state in evidence.states] if evidence.states is not None else None
        completed = format_time(round(context.now()))
        status = build_status(context.identity, workflow, written, verdict, completed, states)
        if written is not None:
            written.write(record.FINALIZE, record.RESULT, status, seal=True)
    context.say(f"{status['verdict']}: {status['reason']}: {status['message']}")
    context.output("verdict", status["verdict"])
    context.output("reason", status["reason"])
    _label(context, status)
    leftovers = clean_up(context, written, status["verdict"])
    message = f"{status['verdict']}: {status['reason']}: {status['message']}"
    termination_message(f"{message}\n{leftovers}" if leftovers else message)
    return 0 if status["verdict"] == "Passed" else 1


def _judge(
    context: Context, workflow: Mapping[str, Any], written: Record | None, began: float
) -> tuple[RunVerdict, _Evidence]:
    evidence = _evidence(context, written)
    failure = written.chain_failure if written is not None else None
    chain_reason = None
    if failure is not None:
        chain_reason = str(failure["reason"])
    elif written is not None and written.chain_is_ready and written.get(record.CHAIN) is not None:
        chain_reason = ""
    submitted = (workflow["metadata"].get("annotations") or {}).get(conventions.ANNOTATION_BUNDLE_HASH)
    if submitted is not None and submitted != context.bundle_hash:
        # Argo read a template of before: whatever was judged, it is not what was submitted.
        chain_reason = "BundleMissing"
        failure = {
            "message": f"submitted with bundle {submitted[:8]}, but Argo ran the template of {context.bundle_hash[:8]}"
        }
    run = (written.get(record.RUN) or {}) if written is not None else {}
    code, reason, message = _workload(context, written, run)
    whole = evidence.signed_off and (run.get("load") is None or code is not None)
    facts = Facts(
        cancelled=is_shut_down(workflow),
        chain_reason=chain_reason,
        deadline_passed=not whole and _deadline_passed(workflow, began),
        has_load=bool(run.get("load")),
        workload=code,
        workload_reason=reason,
        rules=evidence.states,
        signed_off=evidence.signed_off,
        stop_rule=evidence.stop_rule,
        chain_message=str((failure or {}).get("message") or ""),
        workload_message=message,
    )
    return judge(facts), evidence


def _workload(context: Context, written: Record | None, run: Mapping[str, Any]) -> tuple[int | None, str, str]:
    """Aggregate code, reason and words. A 0 needs the Job itself as a second witness, by its UID."""
    load = written.get(record.LOAD) if written is not None else None
    if load is None or written is None or not run.get("load"):
        return None, "", ""
    job = written.get(record.JOB)
    if job is None or load["jobUid"] != job["uid"]:
        # A load that never began has no Job; its reason says why.
        return INFRASTRUCTURE, load["reason"], load["message"] or "the load's result is not of this run's Job"
    if load["code"] != PASSED:
        return load["code"], load["reason"], load["message"]
    found = context.cluster.get(JOBS, job["name"])
    if found is None or found["metadata"]["uid"] != job["uid"]:
        return INFRASTRUCTURE, "", f"Job {job['name']} is gone"
    if not all_indexes_complete(found, run["load"]["shards"]):
        return INFRASTRUCTURE, "", f"Job {job['name']} is not Complete with every index"
    return PASSED, "", load["message"]


def _evidence(context: Context, written: Record | None) -> _Evidence:
    if written is None:
        return _Evidence(None, signed_off=False, stop_rule=None)
    sign_off = written.get(record.SIGN_OFF)
    if sign_off is not None and _is_this_runs(context, written, sign_off):
        states = [RuleState(**one) for one in sign_off["rules"]]
        return _Evidence(states, signed_off=True, stop_rule=sign_off["stopRule"])
    # A failure in the record counts without sign-off; nothing else in it does.
    partial = written.get(record.RULES)
    stop = written.get(record.STOP)
    left = [_unproven(RuleState(**one)) for one in partial["rules"]] if partial is not None else None
    return _Evidence(left, signed_off=False, stop_rule=stop["rule"] if stop is not None else None)


def _unproven(state: RuleState) -> RuleState:
    """Without sign-off only a failure stands: good so far is not yet passed."""
    return dataclasses.replace(state, verdict="Awaited", reason="") if state.verdict == "Passed" else state


def _is_this_runs(context: Context, written: Record, sign_off: Mapping[str, Any]) -> bool:
    """Of this Workflow, this Job, this bundle, and about exactly the rules that the bundle holds."""
    job = written.get(record.JOB)
    run = written.get(record.RUN) or {}
    return (
        # Signed off because of a signal: it says how far the evaluator got, and proves nothing.
        not sign_off.get("stopped")
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


def _quiesce(context: Context, written: Record | None) -> None:
    """Ends the load and waits for the other steps: after a stop they may still be writing."""
    until = context.now() + _DEFAULT_GRACE_SECONDS + _GRACE_SLACK_SECONDS
    job = written.get(record.JOB) if written is not None else None
    if job is not None:
        found = context.cluster.get(JOBS, job["name"])
        if found is not None and found["metadata"]["uid"] == job["uid"]:
            grace = found["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
            until = context.now() + grace + _GRACE_SLACK_SECONDS
            if not job_condition(found):
                context.say(f"ending Job {job['name']}")
                context.cluster.patch(JOBS, job["name"], STOP_PATCH)
    while (running := _running(context, job)) and context.now() < until:
        context.say("waiting for " + ", ".join(running[:4]))
        context.sleep(_POLL_SECONDS)


def _running(context: Context, job: Mapping[str, Any] | None) -> list[str]:
    """Pods of this run that still run, finalize's own left out."""
    pods = context.cluster.list(PODS, labels=f"{_LABEL_ARGO_WORKFLOW}={context.identity.workflow}")
    pods = [pod for pod in pods if owned_by(pod, context.identity.uid)]
    if job is not None:
        pods += context.cluster.list(PODS, labels=f"{LABEL_JOB_UID}={job['uid']}")
    # A host name is the pod's name, cut to 63 characters.
    own = os.environ.get("HOSTNAME") or "not a pod"
    return sorted(
        pod["metadata"]["name"]
        for pod in pods
        if (pod.get("status") or {}).get("phase") not in _OVER and not pod["metadata"]["name"].startswith(own)
    )


def _label(context: Context, status: Mapping[str, Any]) -> None:
    """For lists and selectors. The right to do so is optional; the record holds the verdict."""
    body = {
        "metadata": {
            "labels": {conventions.LABEL_PHASE: status["phase"], conventions.LABEL_VERDICT: status["verdict"]},
            "annotations": {conventions.ANNOTATION_REASON: status["reason"]},
        }
    }
    try:
        context.cluster.patch(WORKFLOWS, context.identity.workflow, body)
    except ForbiddenError:
        context.say("no right to label the Workflow; the verdict is in the record")
    except ClusterError as error:
        context.say(f"cannot label the Workflow: {error}")

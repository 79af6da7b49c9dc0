"""The status of a run, from its record and its Workflow."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.times import format_time, parse_time
from validationrun.contract.argo_nodes import read_nodes
from validationrun.contract.argo_phase import has_ended, is_shut_down, workflow_phase
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.evaluation_entries import RuleStates, StopIntent, WindowEntry
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadStart, recorded_shards
from validationrun.contract.owned_record import Identity
from validationrun.contract.record import Record
from validationrun.contract.record_key import MemoryRecord, Recorded, Timestamp
from validationrun.contract.run_entry import RuleEntry, RunEntry
from validationrun.contract.sign_off import SignOff, stands
from validationrun.contract.status_document import (
    AlertStatus,
    ChainStatus,
    Condition,
    LoadStatus,
    QueryStatus,
    ReportStatus,
    RuleStatus,
    Status,
)
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import Phase, RuleReason, RunReason, Verdict
from validationrun.oracle.verdict_table import RunVerdict

_NO_RECORD: Final = "there is no run record"
_STARTING: Final = frozenset({"ContainerCreating", "PodInitializing"})


def run_status(identity: Identity, workflow: Mapping[str, Any], written: Record | None) -> Status:
    """
    The status of a run, finished or not.

    The status that finalize wrote stands, except that Passed counts only with phase Succeeded: a Workflow can fail after
    its verdict was written. Until the Workflow ends, Passed reads as Awaited.
    """
    result = written.get(Status) if written is not None else None
    if result is not None and result.verdict != Verdict.PASSED:
        return result
    if result is not None and has_ended(workflow):
        if workflow_phase(workflow) == "Succeeded":
            return result
        message = (workflow.get("status") or {}).get("message") or workflow_phase(workflow)
        verdict = RunVerdict(
            Phase.ERROR, RunReason.UNKNOWN, f"the Workflow failed after its verdict was written: {message}"
        )
        return build_status(identity, workflow, written, verdict, _finished(workflow))
    if not has_ended(workflow):
        return build_status(identity, workflow, written, None, None)
    return build_status(
        identity, workflow, written, _unjudged(workflow, written), _finished(workflow), _proven(written)
    )


def _unjudged(workflow: Mapping[str, Any], written: Record | None) -> RunVerdict:
    """The verdict of an ended run without a verdict of finalize."""
    if is_shut_down(workflow):
        return RunVerdict(Phase.CANCELLED, RunReason.CANCELLED, "the run was terminated before it had a verdict")
    message = _why_unjudged(workflow)
    if written is None:
        return RunVerdict(Phase.ERROR, RunReason.CHAIN_NOT_READY, _unrecorded(message))
    return RunVerdict(Phase.ERROR, RunReason.UNKNOWN, message)


def _unrecorded(message: str) -> str:
    """The message of finalize, which without a record can report only there; other texts may be another run's."""
    at = message.find(_NO_RECORD)
    return message[at:] if at >= 0 else f"{_NO_RECORD}: no step of this very Workflow began its work ({message})"


def _why_unjudged(workflow: Mapping[str, Any]) -> str:
    """Argo's message; or, when no pod of finalize ever got a node, the consequences and likely causes."""
    message = str((workflow.get("status") or {}).get("message") or "finalize left no verdict")
    attempts = [node for node in _pod_nodes(workflow) if node.get("templateName") == conventions.FINALIZE]
    if not attempts or any(node.get("hostNodeName") for node in attempts):
        return message
    causes = "; ".join(dict.fromkeys(str(node["message"]) for node in attempts if node.get("message"))) or message
    return (
        f"finalize never ran, so there is no verdict and nothing was cleaned up ({causes}): is a quota of the namespace full, "
        "or no node free? Deleting the run removes what is left of it"
    )


def _pod_nodes(workflow: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Argo's pod nodes in the order of their start; empty when Argo offloads the node status."""
    nodes = (read_nodes(workflow) or {}).values()
    return sorted((node for node in nodes if node.get("type") == "Pod"), key=lambda node: str(node.get("startedAt")))


def _proven(written: Record | None) -> Sequence[RuleState]:
    """The rule states; without the evaluator's sign-off Passed becomes Awaited, and a failure stands."""
    if written is None:
        return []
    states = _states(written)
    if _signed_off(written) is not None:
        return states
    return [
        replace(state, verdict=Verdict.AWAITED, reason=RuleReason.NONE) if state.verdict == Verdict.PASSED else state
        for state in states
    ]


def _signed_off(written: Recorded) -> SignOff | None:
    """The evaluator's sign-off, unless a signal ended that attempt."""
    sign_off = written.get(SignOff)
    return sign_off if stands(sign_off) else None


def _finished(workflow: Mapping[str, Any]) -> str | None:
    return (workflow.get("status") or {}).get("finishedAt")


def build_status(
    identity: Identity,
    workflow: Mapping[str, Any],
    written: Recorded | None,
    verdict: RunVerdict | None,
    completed: Timestamp | None,
    states: Sequence[RuleState] | None = None,
) -> Status:
    """
    The status document.

    Args:
        verdict, completed: None while the run has no verdict.
        states: final states from the evaluator's sign-off; None for the states in the record.
    """
    known: Recorded = written if written is not None else MemoryRecord()
    run, load = known.get(RunEntry), known.get(LoadEnd)
    started = (workflow.get("status") or {}).get("startedAt") or (run.started_at if run else None)
    return Status(
        name=(run.name if run else None) or _template_name(workflow),
        namespace=identity.namespace,
        run_id=identity.workflow,
        phase=verdict.phase if verdict else _open_phase(workflow),
        verdict=verdict.verdict if verdict else Verdict.AWAITED,
        reason=verdict.reason if verdict else None,
        message=verdict.message if verdict else _progress(written, workflow),
        spec_hash=run.spec_hash if run else None,
        parameters=run.parameters if run else {},
        overridden=run.overridden if run else [],
        start_time=started,
        completion_time=completed,
        duration=_duration(started, completed),
        chain=_chain(known),
        load=_load(known),
        workload_exit_code=load.code if load else None,
        rules=_rules(run, _states(known) if states is None else states),
        report=ReportStatus(s3_url=None),
        failed_plan=verdict.failed_plan if verdict else None,
        conditions=_conditions(known, verdict),
    )


def _template_name(workflow: Mapping[str, Any]) -> str | None:
    name = ((workflow.get("spec") or {}).get("workflowTemplateRef") or {}).get("name")
    return None if name is None else str(name)


def _open_phase(workflow: Mapping[str, Any]) -> Phase:
    return Phase.PENDING if workflow_phase(workflow) == "Pending" else Phase.RUNNING


def _progress(written: Recorded | None, workflow: Mapping[str, Any]) -> str:
    """What a run without verdict is doing, and Argo's message for a pod that cannot start."""
    if written is None:
        return _before_the_record(workflow)
    waiting = _waiting(workflow)
    return _doing(written) + (f"; a pod waits: {waiting[0]}" if waiting else "")


def _waiting(workflow: Mapping[str, Any]) -> list[str]:
    """Why pods of steps do not start, such as a quota or an image; without the states of every normal start."""
    pending = [str(node.get("message") or "") for node in _pod_nodes(workflow) if node.get("phase") == "Pending"]
    return [message for message in pending if message and message not in _STARTING]


def _doing(written: Recorded) -> str:
    if written.get(Status) is not None:
        return "cleaning up"
    if written.get(ChainEntry) is None:
        return "bringing the chain up"
    if written.get(ChainReady) is None:
        return "waiting until the chain serves"
    if (stop := written.get(StopIntent)) is not None:
        return f"stopped by rule {stop.rule}"
    if written.get(LoadEnd) is not None or _signed_off(written) is not None:
        return "judging"
    if _has_begun(written):
        return "under load" if _has_load(written) else "watching"
    return "starting the load"


def _has_begun(written: Recorded) -> bool:
    """The window is open."""
    return written.get(LoadStart) is not None or written.get(WindowEntry) is not None


def _has_load(written: Recorded) -> bool:
    run = written.get(RunEntry)
    return run is not None and run.load is not None


def _before_the_record(workflow: Mapping[str, Any]) -> str:
    """Argo's message on why the first step does not start: a lock, an image, a quota, a missing account."""
    troubled = [
        node for node in _pod_nodes(workflow) if node.get("phase") in ("Pending", "Error") and node.get("message")
    ]
    message = str(troubled[-1]["message"] if troubled else (workflow.get("status") or {}).get("message") or "")
    return f"starting: {message}" if message else "starting"


def _duration(started: str | None, completed: str | None) -> str | None:
    """Whole seconds, as `612s`."""
    if not started or not completed:
        return None
    return f"{max(0, round(parse_time(completed) - parse_time(started)))}s"


def _chain(written: Recorded) -> ChainStatus | None:
    chain, ready = written.get(ChainEntry), written.get(ChainReady)
    if chain is None:
        return None
    deployments = ready.deployments if ready is not None else chain.deployments
    return ChainStatus(chain.chain_id, chain.endpoints.rpc, deployments)


def _load(written: Recorded) -> LoadStatus | None:
    job, end = written.get(JobEntry), written.get(LoadEnd)
    if job is None:
        return None
    return LoadStatus(
        job_name=job.name or None,
        image=end.image if end is not None else None,
        image_id=end.image_id if end is not None else None,
        image_ids=end.image_ids if end is not None else [],
        shards=recorded_shards(written),
    )


def _states(written: Recorded) -> list[RuleState]:
    states = _signed_off(written) or written.get(RuleStates)
    return states.rules if states is not None else []


def _rules(run: RunEntry | None, states: Sequence[RuleState]) -> list[RuleStatus]:
    by_rule = {state.name: state for state in states}
    return [rule_status(rule, by_rule.get(rule.name)) for rule in (run.rules if run is not None else [])]


def rule_status(rule: RuleEntry, state: RuleState | None) -> RuleStatus:
    """The status of a rule; Awaited without a state."""
    state = state or RuleState(rule.name)
    query = alert = None
    if rule.threshold is not None and rule.op is not None:
        query = QueryStatus(actual_value=state.value, threshold=rule.threshold, op=rule.op)
    else:
        alert = AlertStatus(fired_count=state.fired, last_fired_at=_time(state.fired_t))
    return RuleStatus(
        name=rule.name,
        type=rule.type,
        verdict=state.verdict,
        reason=state.reason or None,
        message=state.message or None,
        last_evaluated_at=_time(state.last_t),
        query=query,
        alert=alert,
    )


def _time(seconds: float | None) -> Timestamp | None:
    return format_time(seconds) if seconds is not None else None


def _conditions(written: Recorded, verdict: RunVerdict | None) -> list[Condition]:
    running = Condition("TestRunning", "False", verdict.reason) if verdict else _running(written)
    return [running, _load_complete(written), *verdict_conditions(verdict)]


def _running(written: Recorded) -> Condition:
    has_begun = _has_begun(written)
    return Condition("TestRunning", _truth(has_begun), "WindowOpen" if has_begun else "Starting")


def verdict_conditions(verdict: RunVerdict | None) -> list[Condition]:
    """The conditions that follow from the verdict alone; `verdict` is None while there is none."""
    reason = verdict.reason if verdict else Verdict.AWAITED
    return [
        Condition("TestCancelled", _truth(verdict is not None and verdict.phase == Phase.CANCELLED), reason),
        Condition("TestComplete", _truth(verdict is not None), reason),
        Condition("Succeeded", "Unknown" if verdict is None else _truth(verdict.phase == Phase.SUCCEEDED), reason),
    ]


def _load_complete(written: Recorded) -> Condition:
    """A load that never began, or that ended early, is over, and was not complete."""
    end = written.get(LoadEnd)
    if not _has_load(written):
        return Condition("LoadComplete", "Unknown", Verdict.AWAITED)
    if end is None:
        return Condition("LoadComplete", "False", Verdict.AWAITED)
    if end.start is None:
        return Condition("LoadComplete", "False", end.reason or RunReason.LOAD_NOT_STARTED)
    if end.early is not None:
        return Condition("LoadComplete", "False", RunReason.LOAD_ENDED_EARLY)
    return Condition("LoadComplete", "True", "LoadEnded")


def _truth(value: bool) -> Literal["True", "False"]:
    return "True" if value else "False"

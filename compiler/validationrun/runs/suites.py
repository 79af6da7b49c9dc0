"""Suites on a cluster: which Workflows they are, and their status, from the suite record and the members' Workflows."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.conventions import SUITE_FINALIZE
from validationrun.base.text import counted
from validationrun.contract.argo_phase import has_ended, is_shut_down, workflow_phase
from validationrun.contract.owned_record import RecordError
from validationrun.contract.suite_choice import choice_override
from validationrun.contract.suite_record import SuiteMemberStatus, SuiteRecord, SuiteStatus
from validationrun.kube.cluster import WORKFLOWS, Cluster
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Phase, RunReason, Verdict
from validationrun.oracle.suite_verdict import Outcome, SuiteReason, how_many_chosen
from validationrun.runs.lookup import identity_of

_MOST_NAMED: Final = 4


def is_suite(workflow: Workflow) -> bool:
    """The Workflow is a suite's own, by its label, or by Argo's copy of its template where nobody has labelled it yet."""
    labels = workflow.labels
    if conventions.LABEL_SUITE_MEMBER in labels:
        return False
    return conventions.LABEL_SUITE in labels or SUITE_FINALIZE in workflow.stored_templates


def is_part(workflow: Workflow) -> bool:
    """A suite's own Workflow that was told to start only some of its members."""
    return is_suite(workflow) and bool(workflow.parameters.get(conventions.PARAM_ONLY))


def suite_members(cluster: Cluster, suite: Workflow) -> list[Workflow]:
    """The Workflows that a suite owns."""
    labels = f"{conventions.LABEL_SUITE_UID}={suite.uid}"
    return [found for found in Workflow.all(cluster.list(WORKFLOWS, labels=labels)) if found.is_owned_by(suite.uid)]


def suite_status(cluster: Cluster, workflow: Workflow) -> SuiteStatus:
    """
    The status of a suite, finished or not.

    The status that suite-finalize wrote stands, except that Passed counts only with phase Succeeded: a Workflow can fail after
    its verdict was written. Until the Workflow ends, Passed reads as Awaited.
    """
    identity = identity_of(workflow)
    written = SuiteRecord.read(cluster.within(identity.namespace), identity)
    result = written.result if written is not None else None
    ended = has_ended(workflow.object)
    if result is not None and (result.verdict != Verdict.PASSED or (ended and workflow.phase == "Succeeded")):
        return result
    status = _open(workflow, written)
    if not ended:
        return status
    phase, reason, message = _without_verdict(workflow, judged=result is not None)
    return replace(
        status,
        phase=phase,
        verdict=phase.verdict,
        reason=reason,
        message=message,
        completion_time=workflow.finished,
    )


def _without_verdict(workflow: Workflow, *, judged: bool) -> tuple[Phase, str, str]:
    """Phase, reason and message of a suite that has ended and has no verdict that counts."""
    if is_shut_down(workflow.object) and not judged:
        return Phase.CANCELLED, SuiteReason.CANCELLED, "the suite was terminated before it had a verdict"
    told = workflow.message or workflow.phase
    message = f"the Workflow failed after its verdict was written: {told}" if judged else told
    return Phase.ERROR, RunReason.UNKNOWN, message


def _open(workflow: Workflow, written: SuiteRecord | None) -> SuiteStatus:
    """The status of a suite without a verdict."""
    started = written.started if written is not None else None
    members = _members(written) if written is not None and started is not None else []
    return SuiteStatus(
        name=started.suite.name if started is not None else workflow.template,
        namespace=workflow.namespace,
        run_id=workflow.name,
        phase=Phase.PENDING if workflow_phase(workflow.object) == "Pending" else Phase.RUNNING,
        verdict=Verdict.AWAITED,
        reason=None,
        message=_progress(workflow, members),
        overridden=choice_override(started.only) if started is not None else [],
        start_time=workflow.started,
        completion_time=None,
        planned=len(members),
        passed=sum(member.outcome == Outcome.PASSED for member in members),
        members=members,
    )


def _members(written: SuiteRecord) -> list[SuiteMemberStatus]:
    started = written.started
    statuses = []
    for planned in started.suite.members if started is not None else ():
        status = SuiteMemberStatus(name=planned.name, run=planned.run)
        if started is not None and started.only and planned.name not in started.only:
            status = replace(status, outcome=Outcome.NOT_CHOSEN, reason=Outcome.NOT_CHOSEN)
        try:
            entry = written.member(planned.name)
        except RecordError as error:
            statuses.append(replace(status, outcome=Outcome.UNKNOWN, message=str(error)))
            continue
        if entry is not None:
            status = replace(
                status,
                workflow=entry.workflow,
                outcome=entry.outcome,
                reason=entry.reason,
                message=entry.message,
                started_at=entry.created_at,
                ended_at=entry.ended_at,
            )
        statuses.append(status)
    return statuses


def _progress(workflow: Workflow, members: Sequence[SuiteMemberStatus]) -> str:
    """How many runs have ended, and which run now."""
    if not members:
        return f"starting: {workflow.message}" if workflow.message else "starting"
    running = [member.name for member in members if member.workflow and member.outcome is None]
    chosen = [member for member in members if member.outcome != Outcome.NOT_CHOSEN]
    ended = sum(member.outcome is not None for member in chosen)
    named = ", ".join(running[:_MOST_NAMED]) + (", ..." if len(running) > _MOST_NAMED else "")
    stopping = "stopping; " if is_shut_down(workflow.object) else ""
    part = f"{how_many_chosen(len(chosen), len(members))}; " if len(chosen) < len(members) else ""
    return f"{part}{stopping}{ended} of {counted(len(chosen), 'run')} ended" + (f"; running: {named}" if named else "")

"""
`suite-finalize`: stops what still runs of a suite, and gives its verdict, from the suite's record and the members' Workflows.

It runs after every ending of the suite but delete and terminate; then each member's own evaluator ends its run. Exits 0
Passed, 1 anything else, so that its message becomes the Workflow's. Each of its parts can be repeated.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.times import format_time
from validationrun.base.truncate import cut, fit
from validationrun.contract.argo_phase import STOP, has_ended, is_shut_down
from validationrun.contract.bundle import BundleError
from validationrun.contract.override import overrides_text
from validationrun.contract.owned_record import RecordError
from validationrun.contract.suite_choice import ChoiceError, choice_override, chosen_members
from validationrun.contract.suite_json import PlannedMember, SuiteDocument, mounted_suite
from validationrun.contract.suite_record import SuiteEntry, SuiteMemberStatus, SuiteRecord, SuiteStatus
from validationrun.kube.cluster import WORKFLOWS, Cluster, ClusterError, ForbiddenError
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.suite_verdict import MemberEnd, Outcome, SuiteFacts, SuiteVerdict, judge_suite
from validationrun.steps.context import Context, RunnerError, termination_message
from validationrun.steps.sigterm import on_sigterm
from validationrun.steps.submitted_bundle import other_bundle
from validationrun.steps.suite_evidence import alone, confirmed, never_started, strangers, twice
from validationrun.steps.suite_members import NOT_CHOSEN, Ended, judge_member, member_names, own_members
from validationrun.steps.suite_seal import forgery, seal

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 300
"""As finalize: Argo never restarts a step that ended by itself with 1."""

_POLL_SECONDS: Final = 2.0
WAIT_SECONDS: Final = 1000
"""How long the stopped members may take to end: more than the finalize of a run with the usual grace period."""

_STATUS_BYTES: Final = 128 * 1024
_TOLD_BYTES: Final = 3000


def suite_finalize(context: Context, given: Mapping[str, str]) -> int:
    """
    Gives the verdict, once.

    Args:
        given: `only` names the members that run.

    Returns:
        The step's exit code: 0 Passed, 1 anything else.
    """
    only = given.get(conventions.PARAM_ONLY, "")
    with on_sigterm(_say_that_it_goes_on):
        context = replace(context, cluster=context.cluster.patient(_PATIENCE_SECONDS))
        status, label = _verdict(context, only)
    message = cut(f"{status.verdict}: {status.reason}: {status.message}", _TOLD_BYTES)
    logger.info("%s", message)
    context.output("verdict", status.verdict)
    context.output("reason", status.reason or "")
    context.output(conventions.OUTPUT_SCOPE, conventions.SCOPE_CHOSEN if only else conventions.SCOPE_WHOLE)
    if label:
        _label(context, status)
    termination_message(message)
    return 0 if status.verdict == Verdict.PASSED else 1


def _say_that_it_goes_on() -> None:
    logger.warning("SIGTERM: this pod is being deleted, or its node drained; the verdict is given first")


def _verdict(context: Context, only: str) -> tuple[SuiteStatus, bool]:
    """The recorded status, or a new status that is recorded now; and whether it is written as a label."""
    began = _own_workflow(context)
    written = SuiteRecord.read(context.cluster, context.identity)
    suite, unknown = _plan(context, written)
    chosen, bad_choice = _choice(suite, only)
    label = suite is None or suite.label
    recorded = written.result if written is not None else None
    forged = forgery(written, context.retries)
    if recorded is not None and not forged:
        return recorded, label
    _quiesce(context)
    # Read last, because a person may stop the suite until its verdict is written.
    workflow = _own_workflow(context)
    written = SuiteRecord.read(context.cluster, context.identity)
    ends, members = _members(context, workflow, written, suite, chosen)
    planned = [member.name for member in suite.members] if suite is not None else []
    stopped, other = is_shut_down(workflow.object), other_bundle(workflow, context.bundle_hash)
    if other:
        # The runs are those of another suite than the one that was submitted.
        planned, ends, unknown = [], [], other

    def decided(forged: str) -> SuiteStatus:
        verdict = judge_suite(SuiteFacts(stopped, planned, ends, unknown, forged, chosen, bad_choice))
        status = _status(context, began, suite, members, verdict)
        return fit(replace(status, overridden=choice_override(chosen)), _STATUS_BYTES)

    return seal(context, written, _new_entry(context, suite, chosen), forged, decided), label


def _own_workflow(context: Context) -> Workflow:
    """The suite's Workflow. Raises RunnerError when it is gone: its members then end by themselves."""
    found = context.cluster.get(WORKFLOWS, context.identity.workflow)
    if found is None or Workflow(found).uid != context.identity.uid:
        raise RunnerError(f"Workflow {context.identity.workflow} is gone")
    return Workflow(found)


def _plan(context: Context, written: SuiteRecord | None) -> tuple[SuiteDocument | None, str]:
    """
    The plan, or why it is not known.

    The bundle tells it while it is there, because its content has to have its hash, and every step's account may patch the record.
    """
    started = written.started if written is not None else None
    if started is not None and started.bundle_hash != context.bundle_hash:
        return None, "the suite's record is that of another bundle"
    try:
        return mounted_suite(context.bundle_dir, context.bundle_hash), ""
    except BundleError as error:
        return (None, str(error)) if started is None else (started.suite, "")


def _choice(suite: SuiteDocument | None, only: str) -> tuple[tuple[str, ...], str]:
    """The members that were chosen, none when all run; or why that is not known."""
    try:
        return (chosen_members(suite, only) if suite is not None else ()), ""
    except ChoiceError as error:
        return (), str(error)


def _new_entry(context: Context, suite: SuiteDocument | None, chosen: tuple[str, ...]) -> SuiteEntry | None:
    """For a suite whose record nobody has created yet. A suite without a readable plan has none."""
    if suite is None:
        return None
    now = format_time(context.now())
    return SuiteEntry(started_at=now, bundle_hash=context.bundle_hash, suite=suite, only=chosen)


def _quiesce(context: Context) -> None:
    """Stops the members that still run, and waits for their ends, which include their clean-up, for a limited time."""
    until = context.now() + WAIT_SECONDS
    stopped: set[str] = set()
    while True:
        running = [found for found in own_members(context.cluster, context.identity) if not has_ended(found.object)]
        for workflow in running:
            if workflow.uid not in stopped and not is_shut_down(workflow.object):
                _stop(context.cluster, workflow)
            stopped.add(workflow.uid)
        if not running or context.now() >= until:
            return
        logger.info("waiting for %s", ", ".join(workflow.name for workflow in running[:4]))
        context.sleep(_POLL_SECONDS)


def _stop(cluster: Cluster, workflow: Workflow) -> None:
    """Never raises: a run that cannot be stopped has no verdict in time, and then the suite does not pass."""
    logger.info("stopping Workflow %s", workflow.name)
    try:
        cluster.patch(WORKFLOWS, workflow.name, STOP)
    except ClusterError as error:
        logger.warning("cannot stop Workflow %s: %s", workflow.name, error)


def _members(
    context: Context,
    own: Workflow,
    written: SuiteRecord | None,
    suite: SuiteDocument | None,
    chosen: Sequence[str],
) -> tuple[list[MemberEnd], list[SuiteMemberStatus]]:
    """
    The end of every planned member, for the verdict and for people; for the verdict also the ends of what was not planned.

    Args:
        own: the suite's own Workflow.
    """
    workflows = own_members(context.cluster, context.identity)
    every = suite.members if suite is not None else ()
    statuses = []
    for planned in every:
        mine = [found for found in workflows if found.labels.get(conventions.LABEL_SUITE_MEMBER) == planned.name]
        status = _member(context, own, written, planned, mine)
        statuses.append(_passed_over(status, mine) if chosen and planned.name not in chosen else status)
    ends = [
        MemberEnd(status.name, status.outcome or Outcome.UNKNOWN, _words(status.reason, status.message))
        for status in statuses
    ]
    return [*ends, *strangers(every, workflows)], statuses


def _words(*parts: str) -> str:
    return ": ".join(part for part in parts if part)


def _member(
    context: Context, own: Workflow, written: SuiteRecord | None, planned: PlannedMember, workflows: Sequence[Workflow]
) -> SuiteMemberStatus:
    """
    One member, by its entry in the record; where that has no end, by its Workflow, as suite-member would have judged it.

    Args:
        workflows: all of this member that the suite owns.
    """
    status = SuiteMemberStatus(name=planned.name, run=planned.run)
    try:
        entry = written.member(planned.name) if written is not None else None
    except RecordError as error:
        return _ended(status, Ended.error("MemberRecordUnreadable", str(error), Outcome.UNKNOWN))
    if entry is not None:
        status = replace(status, workflow=entry.workflow, started_at=entry.created_at, ended_at=entry.ended_at)
        if entry.outcome == Outcome.PASSED:
            return _ended(status, alone(workflows, entry.uid, confirmed(context, own, planned, entry)))
        if entry.outcome is not None:
            return replace(status, outcome=entry.outcome, reason=entry.reason, message=entry.message)
        counted = [found for found in workflows if found.uid == entry.uid]
        if not counted:
            return _ended(status, Ended.error("MemberGone", f"its Workflow {entry.workflow} was deleted", Outcome.GONE))
    else:
        names = member_names(context.identity, planned)
        counted = list(workflows) if any(found.name in names for found in workflows) else []
    if not counted:
        return _ended(status, never_started(workflows))
    if len(counted) > 1:
        return _ended(status, twice(counted))
    (workflow,) = counted
    status = replace(status, workflow=workflow.name, started_at=workflow.created or None)
    if not has_ended(workflow.object):
        message = f"its Workflow {workflow.name} did not end within {WAIT_SECONDS}s after it was stopped"
        return _ended(status, Ended.error("MemberStillRuns", message, Outcome.UNKNOWN))
    ended = alone(workflows, workflow.uid, judge_member(context.cluster, context.identity, planned, workflow))
    return _ended(replace(status, ended_at=workflow.finished), ended)


def _passed_over(status: SuiteMemberStatus, workflows: Sequence[Workflow]) -> SuiteMemberStatus:
    """A member that was not chosen, which starts nothing. Whatever else is known of it stands, and then no suite passes."""
    if status.outcome not in (Outcome.NOT_STARTED, Outcome.NOT_CHOSEN):
        return status
    if workflows:
        message = f"it was not chosen, and has Workflow {workflows[0].name}"
        return _ended(status, Ended.error("MemberChanged", message, Outcome.UNKNOWN))
    return _ended(status, NOT_CHOSEN)


def _ended(status: SuiteMemberStatus, ended: Ended) -> SuiteMemberStatus:
    return replace(status, outcome=ended.outcome, reason=ended.reason, message=ended.message)


def _status(
    context: Context,
    workflow: Workflow,
    suite: SuiteDocument | None,
    members: list[SuiteMemberStatus],
    verdict: SuiteVerdict,
) -> SuiteStatus:
    return SuiteStatus(
        name=suite.name if suite is not None else workflow.template,
        namespace=context.identity.namespace,
        run_id=context.identity.workflow,
        phase=verdict.phase,
        verdict=verdict.verdict,
        reason=verdict.reason,
        message=verdict.message,
        start_time=workflow.started,
        completion_time=format_time(round(context.now())),
        planned=len(members),
        passed=sum(member.outcome == Outcome.PASSED for member in members),
        members=members,
    )


def _label(context: Context, status: SuiteStatus) -> None:
    """Labels the Workflow for lists and selectors. The right to do so is optional; the record holds the verdict."""
    labels: dict[str, str] = {conventions.LABEL_PHASE: status.phase, conventions.LABEL_VERDICT: status.verdict}
    annotations = {conventions.ANNOTATION_REASON: status.reason}
    if status.overridden:
        labels[conventions.LABEL_OVERRIDDEN] = "true"
        annotations[conventions.ANNOTATION_OVERRIDDEN] = overrides_text(status.overridden)
    body = {"metadata": {"labels": labels, "annotations": annotations}}
    try:
        context.cluster.patch(WORKFLOWS, context.identity.workflow, body)
    except ForbiddenError:
        logger.warning("no right to label the Workflow; the verdict is in the record")
    except ClusterError as error:
        logger.warning("cannot label the Workflow: %s", error)

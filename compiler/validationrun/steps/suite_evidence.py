"""
What stands behind a suite's record: the run of an entry Passed, and the Workflows of the suite that no entry accounts for.

Every step's account may patch ConfigMaps, so an entry alone proves nothing while there is something to ask.
"""

from collections.abc import Sequence

from validationrun.base import conventions
from validationrun.base.times import time_if_known
from validationrun.contract.argo_phase import has_ended
from validationrun.contract.owned_record import Identity, RecordError
from validationrun.contract.record import Record
from validationrun.contract.status_document import Status
from validationrun.contract.suite_json import PlannedMember
from validationrun.contract.suite_record import MemberEntry
from validationrun.kube.cluster import WORKFLOWS, ForbiddenError
from validationrun.kube.objects import Workflow
from validationrun.oracle.suite_verdict import MemberEnd, Outcome
from validationrun.steps.context import Context
from validationrun.steps.suite_members import MISSING_RECORD, Ended, judge_member, judge_record, member_names


def confirmed(context: Context, suite: Workflow, planned: PlannedMember, entry: MemberEntry) -> Ended:
    """
    The end of a member whose entry says Passed: Passed, if its run says so too, or can no longer be asked.

    Args:
        suite: the suite's own Workflow.
    """
    ended = _asked(context, suite, planned, entry)
    if ended.outcome == Outcome.PASSED:
        return Ended(Outcome.PASSED, entry.reason, entry.message)
    return Ended.error(ended.reason, f"{ended.message}; the suite record says Passed", ended.outcome)


def _asked(context: Context, suite: Workflow, planned: PlannedMember, entry: MemberEntry) -> Ended:
    own_names = member_names(context.identity, planned)
    if entry.run != planned.run or not entry.uid or entry.workflow not in own_names:
        return Ended.error("MemberChanged", "its entry names no Workflow that suite-member creates for this member")
    found = context.cluster.get(WORKFLOWS, entry.workflow)
    workflow = Workflow(found) if found is not None else None
    if workflow is None or workflow.uid != entry.uid:
        return _without_workflow(context, suite, planned, entry)
    if not has_ended(workflow.object):
        return Ended.error("MemberStillRuns", f"its Workflow {workflow.name} has not ended", Outcome.UNKNOWN)
    ended = judge_member(context.cluster, context.identity, planned, workflow)
    if workflow.deleted and ended.reason == MISSING_RECORD:
        # A deletion in the foreground removes what the Workflow owns before the Workflow.
        return _without_workflow(context, suite, planned, entry)
    return ended


def _without_workflow(context: Context, suite: Workflow, planned: PlannedMember, entry: MemberEntry) -> Ended:
    """Passed, if the Workflow can be gone because its time to live is over, and its record is gone too or agrees."""
    identity = Identity(entry.workflow, entry.uid, context.identity.namespace)
    try:
        written = Record.read(context.cluster, identity)
        status = written.get(Status) if written is not None else None
    except (RecordError, ForbiddenError) as error:
        return Ended.error("MemberRecordUnreadable", str(error))
    # No run is older than its suite, whatever its entry says.
    created, begun = time_if_known(entry.created_at), time_if_known(suite.created)
    kept = created is None or begun is None or context.now() < max(created, begun) + conventions.TTL_SECONDS
    if kept:
        message = f"its Workflow {entry.workflow} was deleted before its time to live was over"
        return Ended.error("MemberGone", message, Outcome.GONE)
    if written is not None:
        return judge_record(planned, written, status, f"its Workflow {entry.workflow} is gone")
    return Ended(Outcome.PASSED, entry.reason, entry.message)


def alone(workflows: Sequence[Workflow], uid: str, ended: Ended) -> Ended:
    """
    A member's end, unless it passed and has more Workflows than that of this UID: nobody knows which of them counts.

    Args:
        workflows: the suite's own, of this member.
    """
    if ended.outcome != Outcome.PASSED or all(found.uid == uid for found in workflows):
        return ended
    return twice(workflows)


def twice(workflows: Sequence[Workflow]) -> Ended:
    """The end of a member with several Workflows."""
    names = ", ".join(found.name for found in workflows)
    return Ended.error("MemberTwice", f"it has several Workflows: {names}", Outcome.UNKNOWN)


def never_started(workflows: Sequence[Workflow]) -> Ended:
    """
    The end of a member that has no Workflow of suite-member's.

    Args:
        workflows: the suite's own that have the member's label all the same.
    """
    names = ", ".join(found.name for found in workflows)
    others = f"; suite-member did not create {names}" if names else ""
    return Ended.error("NotStarted", f"it was never started{others}", Outcome.NOT_STARTED)


def strangers(planned: Sequence[PlannedMember], workflows: Sequence[Workflow]) -> list[MemberEnd]:
    """
    The ends of Workflows that the suite owns and did not plan. None of them counts for a pass or for a failure.

    Args:
        workflows: the suite's own.
    """
    names = {member.name for member in planned}
    ends = []
    for found in workflows:
        name = found.labels.get(conventions.LABEL_SUITE_MEMBER) or found.name
        if name not in names:
            message = f"the suite owns Workflow {found.name}, which was not planned"
            ends.append(MemberEnd(name, Outcome.UNKNOWN, message))
    return ends

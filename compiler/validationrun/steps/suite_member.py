"""
`suite-member`: creates the run of one member of a suite, follows it to its end, and ends by its verdict.

Exits 0 Passed, 1 Failed, 2 anything else; 0 too for a member that was not chosen, which starts nothing. A fault of ours or of the
installation exits 70, as every step: Argo then starts it again, and the next attempt goes on with the Workflow that the record names.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.conventions import EXIT_USAGE
from validationrun.base.times import format_time, parse_time
from validationrun.contract.argo_phase import STOP, has_ended, is_shut_down
from validationrun.contract.bundle import BundleError
from validationrun.contract.suite_choice import ChoiceError, chosen_members
from validationrun.contract.suite_json import PlannedMember, SuiteDocument, mounted_suite
from validationrun.contract.suite_record import MemberEntry, SuiteEntry, SuiteRecord
from validationrun.kube.cluster import (
    WORKFLOWS,
    AlreadyExistsError,
    ClusterError,
    UnreachableError,
)
from validationrun.kube.objects import Workflow
from validationrun.oracle.suite_verdict import Outcome, SuiteReason
from validationrun.steps.context import Context, RunnerError, note_termination
from validationrun.steps.sigterm import on_sigterm
from validationrun.steps.suite_members import (
    NOT_CHOSEN,
    SALTS,
    Ended,
    created_earlier,
    judge_member,
    member_name,
    member_workflow,
    own_members,
)

logger = logging.getLogger(__name__)

_EXITS: Final = {Outcome.PASSED: 0, Outcome.NOT_CHOSEN: 0, Outcome.FAILED: 1}
"""Everything else is 2. What was not chosen holds up nothing that depends on it."""

POLL_SECONDS: Final = 2.0
"""The least time between two looks at a run that is new."""

_LONGEST_POLL_SECONDS: Final = 10.0
"""64 members then ask the API server 6 times a second."""

_SHARE_OF_AGE: Final = 15
"""A run that has lasted for 60 s is looked at again after 4 s: its end is seen late by at most that share of its time."""

_PARTING_SECONDS: Final = 5
"""How long the last look at the suite may take when this pod is being deleted; 30 s later it is killed."""


class _SignalledError(RunnerError):
    """This pod is being deleted."""


class _Member(Struct, frozen=True):
    context: Context
    written: SuiteRecord
    suite: SuiteDocument
    planned: PlannedMember
    signalled: threading.Event

    def raise_on_signal(self) -> None:
        if self.signalled.is_set():
            raise _SignalledError(f"member {self.planned.name}: this pod is being deleted")

    def pause(self, seconds: float) -> None:
        """Sleeps in short parts, because a pod that is being deleted has little time."""
        until = self.context.now() + seconds
        while (left := until - self.context.now()) > 0:
            self.raise_on_signal()
            self.context.sleep(min(left, POLL_SECONDS))


def suite_member(context: Context, given: Mapping[str, str]) -> int:
    """
    Args:
        given: `member` names the member, and `only` those that run.

    Returns:
        The step's exit code.

    Raises:
        RunnerError: a signal came, or the suite was stopped before the member's run was created.
    """
    name = given.get("member", "")
    try:
        written, suite, chosen = _begin(context, given.get(conventions.PARAM_ONLY, ""))
    except BundleError as error:
        return _end(context, name, Ended.error(SuiteReason.BUNDLE_MISSING, str(error)), "")
    except ChoiceError as error:
        return _end(context, name, Ended.error(SuiteReason.PARAMETER_UNKNOWN, str(error)), "")
    planned = suite.member(name)
    if planned is None:
        return _end(context, name, Ended.error("UnknownMember", f"the suite has no member {name!r}"), "")
    signalled = threading.Event()
    with on_sigterm(signalled.set):
        member = _Member(context, written, suite, planned, signalled)
        if chosen and name not in chosen:
            passed_over = _without_run(member, NOT_CHOSEN)
            written.change_member(name, lambda present: passed_over if present is None else None)
            return _end(context, name, NOT_CHOSEN, "")
        entry = written.member(name) or _create(member)
        if entry.outcome is None:
            try:
                ended = _follow(member, entry)
            except _SignalledError as error:
                raise RunnerError(f"{error}; {_leave(member, entry)}") from None
            entry = _record_end(member, entry, ended)
    ended = Ended(entry.outcome or Outcome.UNKNOWN, entry.reason, entry.message)
    return _end(context, name, ended, entry.workflow)


def _begin(context: Context, only: str) -> tuple[SuiteRecord, SuiteDocument, tuple[str, ...]]:
    """
    The suite's record, its plan, and the members that were chosen; none when all run.

    The plan is the recorded one, because the bundle may be gone by now. Raises BundleError, ChoiceError.
    """
    written = SuiteRecord.read(context.cluster, context.identity)
    if written is None:
        suite = mounted_suite(context.bundle_dir, context.bundle_hash)
        entry = SuiteEntry(
            started_at=format_time(context.now()),
            bundle_hash=context.bundle_hash,
            suite=suite,
            only=chosen_members(suite, only),
        )
        written = SuiteRecord.create(context.cluster, context.identity, entry)
    started = written.started
    if started is None or started.bundle_hash != context.bundle_hash:
        raise BundleError("the suite's record is that of another bundle")
    return written, started.suite, chosen_members(started.suite, only)


def _create(member: _Member) -> MemberEntry:
    """Creates the member's Workflow, or adopts the one that an earlier attempt created, and records it."""
    name = member.planned.name
    _refuse_after_stop(member)
    entry = _not_started(member) or _started(member)
    if not member.written.change_member(name, lambda present: entry if present is None else None):
        recorded = member.written.member(name)
        if recorded is None:
            # The suite has its verdict: nobody would stop what this attempt created.
            _stop(member.context, entry.workflow, entry.uid)
            raise RunnerError("the suite has its verdict already")
        return recorded
    return entry


def _started(member: _Member) -> MemberEntry:
    """The entry of a Workflow that exists now, or of one that could not be created."""
    context, refusal = member.context, ""
    found = created_earlier(context.cluster, context.identity, member.planned)
    if found is None:
        try:
            found = _create_once(member)
        except UnreachableError:
            raise
        except ClusterError as error:
            refusal = str(error)
    now = format_time(context.now())
    if found is not None:
        return MemberEntry(run=member.planned.run, workflow=found.name, uid=found.uid, created_at=found.created or now)
    return _without_run(member, Ended.error("MemberNotCreated", f"its run could not be created: {refusal}"))


def _not_started(member: _Member) -> MemberEntry | None:
    """The entry of a member that does not start, because another one did not pass; None where it may start."""
    if not member.suite.stop_on_failure:
        return None
    for planned in member.suite.members:
        other = member.written.member(planned.name)
        if other is not None and other.outcome not in (None, Outcome.PASSED, Outcome.NOT_CHOSEN):
            message = f"not started, because run {planned.name} ended as {other.outcome}"
            return _without_run(member, Ended.error("StopOnFailure", message, Outcome.NOT_STARTED))
    return None


def _without_run(member: _Member, ended: Ended) -> MemberEntry:
    now = format_time(member.context.now())
    return MemberEntry(
        run=member.planned.run,
        workflow="",
        uid="",
        created_at=now,
        outcome=ended.outcome,
        reason=ended.reason,
        message=ended.message,
        ended_at=now,
    )


def _refuse_after_stop(member: _Member) -> None:
    """Raises RunnerError when the suite's Workflow is gone, or somebody stopped it: no run is started any more."""
    identity = member.context.identity
    found = member.context.cluster.get(WORKFLOWS, identity.workflow)
    if found is None or Workflow(found).uid != identity.uid:
        raise RunnerError(f"Workflow {identity.workflow} is gone")
    if is_shut_down(found) or member.written.sealed:
        raise RunnerError("the suite was stopped, or has its verdict: no run is started any more")
    member.raise_on_signal()


def _create_once(member: _Member) -> Workflow:
    """A Workflow of this member under the first name that is free or its own. Raises ClusterError."""
    context = member.context
    for salt in range(SALTS):
        body = member_workflow(context.identity, member.suite, member.planned, salt)
        try:
            made = Workflow(context.cluster.create(WORKFLOWS, body.object))
        except AlreadyExistsError:
            owned = own_members(context.cluster, context.identity, member.planned.name)
            mine = next((found for found in owned if found.name == body.name), None)
            if mine is not None:
                return mine
            logger.warning("Workflow %s exists and is not this suite's", body.name)
            continue
        logger.info("created Workflow %s", made.name)
        return made
    taken = member_name(context.identity, member.planned, 0)
    raise AlreadyExistsError(f"Workflow {taken} and {SALTS - 1} other names are taken", 409, "AlreadyExists")


def _follow(member: _Member, entry: MemberEntry) -> Ended:
    """Waits until the Workflow of that UID has ended, however long the API server is away. Raises RunnerError on a signal."""
    context, cluster = member.context, member.context.cluster
    deadline = parse_time(entry.created_at) + member.planned.deadline_seconds
    said = ""
    while True:
        member.raise_on_signal()
        try:
            found = cluster.get(WORKFLOWS, entry.workflow)
            workflow = Workflow(found) if found is not None else None
            ended = _look(member, entry, workflow)
            if ended is None and context.now() >= deadline:
                _stop(context, entry.workflow, entry.uid)
                ended = Ended.error("MemberDeadlineExceeded", _too_long(member, workflow))
            if ended is not None:
                return ended
        except UnreachableError as error:
            if said != str(error):
                logger.warning("no answer, waiting for it to come back: %s", error)
                said = str(error)
        member.pause(pause_seconds(context.now() - parse_time(entry.created_at), deadline - context.now()))


def pause_seconds(age: float, left: float) -> float:
    """
    Seconds until the next look at a run.

    Args:
        age: since its creation.
        left: until its deadline, at which it is looked at once more; not positive when that has passed.
    """
    seconds = min(max(age / _SHARE_OF_AGE, POLL_SECONDS), _LONGEST_POLL_SECONDS)
    return min(seconds, left) if left > 0 else POLL_SECONDS


def _look(member: _Member, entry: MemberEntry, workflow: Workflow | None) -> Ended | None:
    """How the member ended; None while it runs."""
    context = member.context
    if workflow is None:
        return Ended.error("MemberGone", f"its Workflow {entry.workflow} was deleted", Outcome.GONE)
    if workflow.uid != entry.uid:
        message = f"its Workflow {entry.workflow} was deleted, and another one has its name"
        return Ended.error("MemberGone", message, Outcome.GONE)
    if not has_ended(workflow.object):
        return None
    return judge_member(context.cluster, context.identity, member.planned, workflow)


def _too_long(member: _Member, workflow: Workflow | None) -> str:
    message = f"its run did not end within {member.planned.deadline_seconds}s"
    if workflow is None:
        return message
    state = f"Argo's phase is {workflow.phase or 'not set'}" + (f", {workflow.message}" if workflow.message else "")
    return f"{message}: {state}" + ("; it waits for another run's lock" if workflow.waits_for_lock else "")


def _leave(member: _Member, entry: MemberEntry) -> str:
    """
    Stops the run if its suite is over: a suite that was terminated has no suite-finalize, and a run without a pod sees no suite.

    Returns:
        What becomes of the run.
    """
    identity = member.context.identity
    context = replace(member.context, cluster=member.context.cluster.patient(_PARTING_SECONDS))
    try:
        suite = context.cluster.get(WORKFLOWS, identity.workflow)
    except ClusterError as error:
        return f"its run goes on, and nobody knows of the suite: {error}"
    if suite is not None and Workflow(suite).uid == identity.uid and not is_shut_down(suite) and not has_ended(suite):
        return "its run goes on"
    _stop(context, entry.workflow, entry.uid)
    return "its run is stopped, because the suite is over"


def _stop(context: Context, workflow: str, uid: str) -> None:
    """Stops the run, if it is still that very run; never raises, because its evaluator ends it too."""
    try:
        found = context.cluster.get(WORKFLOWS, workflow) if workflow else None
        if found is not None and Workflow(found).uid == uid and not is_shut_down(found):
            context.cluster.patch(WORKFLOWS, workflow, STOP)
    except ClusterError as error:
        logger.warning("cannot stop Workflow %s: %s", workflow, error)


def _record_end(member: _Member, entry: MemberEntry, ended: Ended) -> MemberEntry:
    """Records the end once; an end that another attempt recorded stands."""
    over = replace(
        entry,
        outcome=ended.outcome,
        reason=ended.reason,
        message=ended.message,
        ended_at=format_time(member.context.now()),
    )

    def unless_ended(present: MemberEntry | None) -> MemberEntry | None:
        return over if present is None or present.outcome is None else None

    if member.written.change_member(member.planned.name, unless_ended):
        return over
    return member.written.member(member.planned.name) or over


def _end(context: Context, name: str, ended: Ended, workflow: str) -> int:
    """Says how the member ended, and returns the step's exit code."""
    message = f"{ended.outcome}: run {name}: {ended.reason + ': ' if ended.reason else ''}{ended.message}"
    logger.info("%s", message)
    context.output("verdict", ended.outcome)
    context.output("workflow", workflow)
    note_termination(f"{message} (Workflow {workflow})" if workflow else message)
    return _EXITS.get(ended.outcome, EXIT_USAGE)

"""What became of a member of a suite, by its Workflow and its run record; and the member's Workflow as it is created."""

import hashlib
import logging
from typing import Any, Final

from msgspec import Struct

from validationrun.base import conventions
from validationrun.base.truncate import cut
from validationrun.contract.argo_phase import is_shut_down
from validationrun.contract.new_workflow import new_workflow
from validationrun.contract.owned_record import Identity, RecordError
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.status import run_status
from validationrun.contract.status_document import Status
from validationrun.contract.suite_json import PlannedMember, SuiteDocument
from validationrun.kube.cluster import WORKFLOWS, Cluster, ForbiddenError
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Phase, RunReason, Verdict
from validationrun.oracle.suite_verdict import Outcome

logger = logging.getLogger(__name__)

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""As Kubernetes' own suffixes: no vowels and no look-alikes."""

MISSING_RECORD: Final = "MemberRecordMissing"
SALTS: Final = 5
"""Names of one member that are tried: each is taken by somebody else with a chance of one in millions."""

_SUFFIX: Final = 5
_MESSAGE_BYTES: Final = 1000


class Ended(Struct, frozen=True):
    """How a member ended: the reason is its run's own, or one word of a suite's step."""

    outcome: Outcome
    reason: str
    message: str

    @classmethod
    def error(cls, reason: str, message: str, outcome: Outcome = Outcome.ERROR) -> "Ended":
        return cls(outcome, reason, cut(message, _MESSAGE_BYTES))


NOT_CHOSEN: Final = Ended(
    Outcome.NOT_CHOSEN, "NotChosen", f"the parameter {conventions.PARAM_ONLY} of the suite does not name it"
)


def suite_value(identity: Identity) -> str:
    """The value of a member's parameter `suite`."""
    return f"{identity.workflow}/{identity.uid}"


def member_name(identity: Identity, member: PlannedMember, salt: int) -> str:
    """The name of a member's Workflow: the same for each attempt of its step, and new for each suite."""
    digest = hashlib.sha256(f"{identity.uid}/{member.name}/{salt}".encode()).digest()
    suffix = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_SUFFIX])
    return f"{member.run}-{suffix}"


def member_names(identity: Identity, member: PlannedMember) -> list[str]:
    """Every name that suite-member gives to the member's Workflow."""
    return [member_name(identity, member, salt) for salt in range(SALTS)]


def created_earlier(cluster: Cluster, identity: Identity, member: PlannedMember) -> Workflow | None:
    """
    The Workflow that an earlier attempt of suite-member created.

    Whatever else the suite owns under the member's label, another one created: suite-finalize tells of it.
    """
    names = member_names(identity, member)
    return next((found for found in own_members(cluster, identity, member.name) if found.name in names), None)


def member_workflow(identity: Identity, suite: SuiteDocument, member: PlannedMember, salt: int) -> Workflow:
    """The Workflow of a member, as `submit` would make it, with the suite as its owner."""
    parameters = {**_given(member), conventions.PARAM_SUITE: suite_value(identity)}
    body = new_workflow(
        member.run, suite.namespace, member.bundle_hash, parameters, suite.instance_id, member.overridden
    ).object
    metadata: dict[str, Any] = {**body["metadata"], "name": member_name(identity, member, salt)}
    del metadata["generateName"]
    metadata["labels"] = {
        **metadata["labels"],
        conventions.LABEL_SUITE: suite.name,
        conventions.LABEL_SUITE_MEMBER: member.name,
        conventions.LABEL_SUITE_UID: identity.uid,
    }
    metadata["ownerReferences"] = [identity.owner()]
    return Workflow({**body, "metadata": metadata})


def own_members(cluster: Cluster, identity: Identity, member: str = "") -> list[Workflow]:
    """The Workflows that this suite owns, of one member or of all; labels alone do not count."""
    labels = f"{conventions.LABEL_SUITE_UID}={identity.uid}"
    labels += f",{conventions.LABEL_SUITE_MEMBER}={member}" if member else ""
    return [found for found in Workflow.all(cluster.list(WORKFLOWS, labels=labels)) if found.is_owned_by(identity.uid)]


def judge_member(cluster: Cluster, identity: Identity, member: PlannedMember, workflow: Workflow) -> Ended:
    """
    The end of a member whose Workflow has ended.

    Args:
        identity: of the suite.
    """
    try:
        written = Record.read(cluster, Identity(workflow.name, workflow.uid, workflow.namespace))
        if workflow.phase == "Succeeded":
            return _succeeded(identity, member, workflow, written)
        return _not_succeeded(workflow, written)
    except RecordError as error:
        return Ended.error("MemberRecordUnreadable", str(error))
    except ForbiddenError as error:
        if workflow.phase == "Succeeded":
            return Ended.error("MemberRecordUnreadable", str(error))
        return _by_label(workflow)


def _succeeded(identity: Identity, member: PlannedMember, workflow: Workflow, written: Record | None) -> Ended:
    """Passed, if the Workflow is still as it was created, and if the run's own record says so."""
    changed = _changed(identity, member, workflow)
    if changed:
        return Ended.error("MemberChanged", f"its Workflow {workflow.name} was changed after its creation: {changed}")
    if written is None:
        return Ended.error(MISSING_RECORD, f"Workflow {workflow.name} succeeded without a run record")
    status = run_status(written.identity, workflow.object, written)
    return judge_record(member, written, status, f"Workflow {workflow.name} succeeded")


def judge_record(member: PlannedMember, written: Record, status: Status | None, what: str) -> Ended:
    """
    Passed, if the run's own sealed record says so, of the bundle and the parameters of the suite.

    Args:
        status: by that record; None where it has no verdict.
        what: what is known of the Workflow, for people.
    """
    if status is None or status.verdict != Verdict.PASSED or not written.sealed:
        reason = (status.reason if status is not None else None) or RunReason.UNKNOWN
        sealed = "its run record has no verdict" if status is None else f"{status.verdict}: {status.message}"
        return Ended.error(reason, f"{what}, but {sealed if written.sealed else 'its run record is not sealed'}")
    run = written.get(RunEntry)
    if run is None or run.bundle_hash != member.bundle_hash or _of_run(run) != _given(member):
        return Ended.error("MemberChanged", "its run record is that of another bundle, or of other parameters")
    return Ended(Outcome.PASSED, status.reason or "", cut(status.message, _MESSAGE_BYTES))


def _not_succeeded(workflow: Workflow, written: Record | None) -> Ended:
    """Never Passed: by the run's record, else by its stop, else by its label, else by the first word of its message."""
    if written is None:
        return _by_label(workflow)
    status = run_status(written.identity, workflow.object, written)
    if status.phase == Phase.CANCELLED:
        outcome = Outcome.CANCELLED
    else:
        outcome = Outcome.FAILED if status.verdict == Verdict.FAILED else Outcome.ERROR
    return Ended(outcome, status.reason or "", cut(status.message, _MESSAGE_BYTES))


def _by_label(workflow: Workflow) -> Ended:
    message = workflow.message or f"Workflow {workflow.name} ended as {workflow.phase}"
    if is_shut_down(workflow.object):
        return Ended.error(RunReason.CANCELLED, "its run was stopped", Outcome.CANCELLED)
    word = workflow.labels.get(conventions.LABEL_VERDICT, "")
    if word not in (Verdict.FAILED, Verdict.ERROR):
        # Argo puts `main: Error (exit code 1): ` before the message of finalize.
        word = message.removeprefix("main: Error (exit code 1): ").partition(":")[0]
    outcome = Outcome.FAILED if word == Verdict.FAILED else Outcome.ERROR
    return Ended.error(workflow.annotations.get(conventions.ANNOTATION_REASON, ""), message, outcome)


def _changed(identity: Identity, member: PlannedMember, workflow: Workflow) -> str:
    """What is no longer as suite-member created it; empty when all of it is."""
    arguments = {**_given(member), conventions.PARAM_SUITE: suite_value(identity)}
    kept = {
        "its bundle": workflow.annotations.get(conventions.ANNOTATION_BUNDLE_HASH) == member.bundle_hash,
        "its WorkflowTemplate": workflow.template == member.run,
        "its arguments": dict(workflow.parameters) == arguments,
        "its owner": workflow.is_owned_by(identity.uid),
        "its member": workflow.labels.get(conventions.LABEL_SUITE_MEMBER) == member.name,
    }
    return ", ".join(what for what, holds in kept.items() if not holds)


def _given(member: PlannedMember) -> dict[str, str]:
    """The parameters that have a value, as a run counts them."""
    return {name: value for name, value in member.parameters.items() if value}


def _of_run(run: RunEntry) -> dict[str, str]:
    return {name: value for name, value in run.parameters.items() if name != conventions.PARAM_SUITE}

"""Lists the runs of one namespace or of all namespaces."""

import re
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.contract.argo_phase import has_ended, workflow_phase
from validationrun.contract.owned_record import RecordError
from validationrun.contract.record import Record
from validationrun.contract.status import run_status
from validationrun.kube.cluster import WORKFLOWS, Cluster, ClusterError
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Phase, RunReason, Verdict
from validationrun.runs.lookup import identity_of
from validationrun.runs.submit import OURS, Refused, no_argo
from validationrun.runs.suites import is_suite, suite_status

_OF_ARGO: Final = re.compile(r"^main: Error \(exit code \d+\): ")
"""The prefix that Argo puts before finalize's message."""


@dataclass(frozen=True, slots=True)
class Listed:
    """
    A run as far as its Workflow can be trusted. `status` reads the record, which is the source of truth.

    Attributes:
        verdict: Passed only together with phase Succeeded: a Workflow can fail after its verdict was written.
        started, finished: RFC 3339, or None.
        chain_id: empty until finalize has labelled the Workflow.
    """

    namespace: str
    name: str
    template: str
    phase: str
    verdict: str
    reason: str
    message: str
    started: str | None
    finished: str | None
    chain_id: str


def list_runs(cluster: Cluster, *, everywhere: bool = False) -> list[Listed]:
    """
    The runs, newest first.

    Raises:
        Refused: Argo is not installed.
    """
    try:
        workflows = Workflow.all(cluster.list(WORKFLOWS, labels=OURS, everywhere=everywhere))
    except ClusterError:
        if not cluster.serves(WORKFLOWS):
            raise Refused(no_argo(cluster)) from None
        raise
    runs = [listed(cluster, run) for run in workflows]
    return sorted(runs, key=lambda run: (run.started or "9", run.namespace, run.name), reverse=True)


def listed(cluster: Cluster, workflow: Workflow) -> Listed:
    """A run by its Workflow, or by its record where the Workflow does not say enough."""
    phase, verdict, reason, message = _outcome(cluster, workflow)
    return Listed(
        namespace=workflow.namespace,
        name=workflow.name,
        template=workflow.template,
        phase=phase,
        verdict=verdict,
        reason=reason,
        message=message,
        started=workflow.started,
        finished=workflow.finished,
        chain_id=workflow.labels.get(conventions.LABEL_CHAIN_ID, ""),
    )


def _outcome(cluster: Cluster, workflow: Workflow) -> tuple[str, str, str, str]:
    """Phase, verdict, reason, message: by the labels where they agree with Argo, else by the record, which costs a request."""
    message = _OF_ARGO.sub("", workflow.message.partition("\n")[0])
    if not has_ended(workflow.object):
        return (
            (Phase.PENDING if workflow_phase(workflow.object) == "Pending" else Phase.RUNNING),
            Verdict.AWAITED,
            "",
            message,
        )
    labels = workflow.labels
    phase, verdict = labels.get(conventions.LABEL_PHASE, ""), labels.get(conventions.LABEL_VERDICT, "")
    if (verdict == Verdict.PASSED and workflow_phase(workflow.object) == "Succeeded") or verdict in (
        Verdict.FAILED,
        Verdict.ERROR,
    ):
        reason = workflow.annotations.get(conventions.ANNOTATION_REASON) or ""
        return phase, verdict, reason, message.removeprefix(f"{verdict}: {reason}: ")
    identity = identity_of(workflow)
    try:
        if is_suite(workflow):
            suite = suite_status(cluster, workflow)
            return suite.phase, suite.verdict, suite.reason or "", suite.message
        status = run_status(identity, workflow.object, Record.read(cluster.within(identity.namespace), identity))
    except RecordError as error:
        # An unreadable record, such as an older release's, does not hide the other runs.
        return Phase.ERROR, Verdict.ERROR, RunReason.UNKNOWN, str(error)
    return status.phase, status.verdict, status.reason or "", status.message

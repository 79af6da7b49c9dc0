"""
`finalize`: gives the verdict, from the record, the Job and the Workflow, then cleans up within a time limit.

It needs no bundle, and statuses of nodes only as a proof of uploads. Of a run's steps it alone exits 1, so that its message becomes
the Workflow's. Each of its parts can be repeated, because Argo may start it again when a pod or an upload was lost.
"""

import logging
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.times import format_time
from validationrun.base.truncate import SUMMARY_BYTES, cut, fit, size
from validationrun.contract.argo_phase import is_shut_down
from validationrun.contract.bundle import fill_template
from validationrun.contract.chain_entries import ChainEntry
from validationrun.contract.load_entries import JobEntry
from validationrun.contract.override import overrides_text
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.status import build_status
from validationrun.contract.status_document import ReportStatus, Status
from validationrun.judging.recorded import read_evidence, read_workload
from validationrun.kube.cluster import JOBS, WORKFLOWS, ClusterError, ForbiddenError
from validationrun.kube.job import Job
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Verdict
from validationrun.steps import diagnostics
from validationrun.steps.cleanup import clean_up
from validationrun.steps.context import Context, RunnerError, termination_message
from validationrun.steps.diagnostics import PodFound
from validationrun.steps.load_follow import STOP_PATCH
from validationrun.steps.pods import RunPod, pods_of
from validationrun.steps.resolved_images import with_images
from validationrun.steps.sigterm import on_sigterm
from validationrun.steps.verdict_facts import decide_run, forgery, lost

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 300
"""Argo never restarts a finalize that ended by itself, so it waits as long as all attempts of another step together."""
_GRACE_SLACK_SECONDS: Final = 10
_STATUS_BYTES: Final = 40 * 1024
"""Of the 64 KiB for a finished run; the rest is for its pods' diagnostics."""

_TOLD_BYTES: Final = 3000
"""For the verdict's line: the lines after it must also fit into the termination message."""


_OVERRIDDEN_BYTES: Final = 600


class WorkflowGoneError(RunnerError):
    """The Workflow was deleted, and Kubernetes garbage-collects everything that it owned."""


def finalize(context: Context) -> int:
    """Gives the verdict, once, and cleans up. Returns the step's exit code: 0 Passed, 1 anything else."""
    # Goes on after SIGTERM, within the grace period of its pod, which is long: Argo takes a finalize that a signal ended for one that
    # failed, and never starts it again.
    with on_sigterm(_say_that_it_goes_on):
        return _finalize(context)


def _say_that_it_goes_on() -> None:
    logger.warning("SIGTERM: this pod is being deleted, or its node drained; the verdict is given first")


def _finalize(context: Context) -> int:
    context = replace(context, cluster=context.cluster.patient(_PATIENCE_SECONDS))
    written: Record | None = None
    try:
        _own_workflow(context)
        began = context.now()
        written = Record.read(context.cluster, context.identity)
        _quiesce(context, written)
        # Read last, because the user may stop the run until its verdict is written.
        workflow = _own_workflow(context)
        written = Record.read(context.cluster, context.identity)
        status, full_status, pods = _verdict(context, workflow, written, began)
    except WorkflowGoneError:
        # The Workflow is gone; Kubernetes garbage-collects everything that it owned.
        raise
    except Exception:
        # Argo never restarts a finalize that ended by itself, so clean up by the policy even without a verdict.
        logger.info("%s", clean_up(context, written, Verdict.ERROR) or "there is no verdict")
        raise
    message = cut(f"{status.verdict}: {status.reason}: {status.message}", _TOLD_BYTES)
    logger.info("%s", message)
    context.output("verdict", status.verdict)
    context.output("reason", status.reason or "")
    _label(context, written, status)
    overridden = f"overridden: {cut(overrides_text(status.overridden), _OVERRIDDEN_BYTES)}" if status.overridden else ""
    lines = [
        message,
        overridden,
        _report(context, written, full_status, pods),
        clean_up(context, written, status.verdict),
    ]
    termination_message("\n".join(line for line in lines if line))
    return 0 if status.verdict == Verdict.PASSED else 1


def _own_workflow(context: Context) -> Workflow:
    """Reads the run's Workflow. Raises WorkflowGoneError."""
    found = context.cluster.get(WORKFLOWS, context.identity.workflow)
    if found is None or Workflow(found).uid != context.identity.uid:
        raise WorkflowGoneError(f"Workflow {context.identity.workflow} is gone")
    return Workflow(found)


def _verdict(
    context: Context, workflow: Workflow, written: Record | None, began: float
) -> tuple[Status, Status, list[PodFound] | None]:
    """
    The recorded verdict, or a new verdict that is recorded now.

    Returns:
        The status as recorded, the status with uncut texts, and the pods' diagnostics, None if they were not collected yet.
    """
    status = written.get(Status) if written is not None else None
    forged = forgery(written, context.retries)
    if status is not None and not forged:
        return status, status, None
    full_status = _status(context, workflow, written, began, forged)
    status = _fitted(full_status)
    pods = _diagnose(context, written, status)
    now = _own_workflow(context)
    if is_shut_down(now.object) and not is_shut_down(workflow.object):
        # The user stopped the run while diagnostics were collected.
        full_status = _status(context, now, written, began, forged)
        status = _fitted(full_status)
    try:
        _seal(context, written, status, pods)
    except ClusterError:
        sealed = Record.read(context.cluster, context.identity)
        stands = sealed.get(Status) if sealed is not None else None
        forged = "" if stands == status else forgery(sealed, context.retries)
        if forged:
            # Somebody sealed the record while finalize decided.
            full_status = _status(context, now, sealed, began, forged)
            _seal(context, sealed, _fitted(full_status), pods)
            return _fitted(full_status), full_status, pods
        if stands is None:
            raise
        # A finalize that Argo gave up may still run beside this attempt: the verdict that it recorded stands.
        return stands, stands, pods
    return status, full_status, pods


def _pods(context: Context, written: Record | None) -> list[RunPod]:
    """The run's pods, for messages only. Never raises, because the verdict does not depend on the pods."""
    try:
        return pods_of(context, written)
    except Exception as error:  # noqa: BLE001 - as it says
        logger.warning("cannot list pods: %s", error)
        return []


def _status(context: Context, workflow: Workflow, written: Record | None, began: float, forged: str) -> Status:
    pods = _pods(context, written)
    decided = decide_run(context, workflow, written, began, pods, forged)
    # None would take the states from the record, where the sign-off may belong to another run.
    states = decided.evidence.states or []
    completed = format_time(round(context.now()))
    status = build_status(context.identity, workflow.object, written, decided.verdict, completed, states)
    if decided.workload is not None:
        # The Job is a second witness: the judged code differs from the recorded code where the Job contradicts it.
        status = replace(status, workload_exit_code=decided.workload.code)
    run = written.get(RunEntry) if written is not None else None
    if run is not None and run.results is not None:
        url = fill_template(run.results.uri, {"runId": context.identity.workflow})
        status = replace(status, report=ReportStatus(url))
    return with_images(status, pods)


def _fitted(status: Status) -> Status:
    """The status with its texts cut to fit into the record."""
    return fit(status, _STATUS_BYTES)


def _diagnose(context: Context, written: Record | None, status: Status) -> list[PodFound]:
    """Diagnostics of the pods that still exist; none for a run that passed. The verdict does not depend on them."""
    if status.verdict == Verdict.PASSED:
        return []
    try:
        return diagnostics.collect(context, written)
    except Exception:  # whatever a pod may look like, the verdict is written and the chain removed
        logger.exception("no diagnostics")
        return []


def _seal(context: Context, written: Record | None, status: Status, found: Sequence[PodFound]) -> None:
    if written is None:
        return
    if written.sealed:
        written.overrule(context.step, status)
        return
    if found:
        try:
            room = SUMMARY_BYTES - size(status.to_data())
            written.write(context.step, diagnostics.summary(context, found, room))
        except Exception:
            logger.exception("no diagnostics")
    written.seal(context.step, status)


def _report(context: Context, written: Record | None, status: Status, found: Sequence[PodFound] | None) -> str:
    """
    Writes the files that Argo uploads, if the spec names a destination.

    Returns:
        Why there are no files, or empty. The verdict in the record does not depend on the files.
    """
    run = written.get(RunEntry) if written is not None else None
    if written is None or run is None or run.results is None:
        return ""
    try:
        # Reports need Jinja2 and take half a second to import; a run without results needs no reports.
        from validationrun.report.from_record import Ended  # noqa: PLC0415
        from validationrun.steps import reports  # noqa: PLC0415

        pods = found if found is not None else _diagnose(context, written, status)
        evidence = read_evidence(written, context.bundle_hash)
        workload = read_workload(context.cluster, written, lost(_pods(context, written), conventions.LOAD_JOB))
        ended = Ended(context.cluster, written, status, evidence, workload, context.bundle_hash, context.settle_s)
        reports.write(context, ended, pods)
    except Exception as error:  # a report that cannot be made must not keep the chain from being removed
        logger.exception("no report")
        return cut(f"no report: {error}", 300)
    return ""


def _quiesce(context: Context, written: Record | None) -> None:
    """Ends the load and waits for the other steps: after a stop they may still be writing, or be about to start the load."""
    until = context.now() + conventions.DEFAULT_GRACE_SECONDS + _GRACE_SLACK_SECONDS
    job = None
    while True:
        running = _running(context, written, job.uid if job is not None else "")
        # Read the Job after the pods, because the last pod may have created it.
        if job is None and (job := _own_job(context, written)) is not None:
            grace = conventions.DEFAULT_GRACE_SECONDS if job.grace_seconds is None else job.grace_seconds
            until = context.now() + grace + _GRACE_SLACK_SECONDS
            if not job.condition:
                _end(context, job.name)
            continue
        if not running or context.now() >= until:
            return
        logger.info("waiting for %s", ", ".join(running[:4]))
        context.sleep(_POLL_SECONDS)


def _end(context: Context, job: str) -> None:
    """Never raises: a load that cannot be ended leaves no result that would pass, and ends by its own deadline."""
    logger.info("ending Job %s", job)
    try:
        context.cluster.patch(JOBS, job, STOP_PATCH)
    except ClusterError as error:
        logger.warning("cannot end Job %s: %s", job, error)


def _own_job(context: Context, written: Record | None) -> Job | None:
    """The Job of this run, even if load-job ended before it recorded the Job."""
    run = written.get(RunEntry) if written is not None else None
    if written is not None and (run is None or run.load is None):
        return None
    try:
        found = context.cluster.get(JOBS, context.identity.job_name)
    except ForbiddenError:
        # A run without load has no right to Jobs, and without a record the kind of run is unknown.
        return None
    recorded = written.get(JobEntry) if written is not None else None
    if found is None or not (job := Job(found)).is_owned_by(context.identity.uid):
        return None
    return job if recorded is None or recorded.uid == job.uid else None


def _running(context: Context, written: Record | None, job_uid: str) -> list[str]:
    """Pods of the run's steps and load that are not over; none if pods cannot be listed, so that finalize goes on."""
    try:
        pods = pods_of(context, written, job_uid)
    except ClusterError as error:
        logger.warning("cannot wait for the other steps: %s", error)
        return []
    return [pod.name for pod in pods if pod.kind != "chain" and not pod.is_over]


def _label(context: Context, written: Record | None, status: Status) -> None:
    """Labels the Workflow for lists and selectors. The right to do so is optional; the record holds the verdict."""
    labels: dict[str, str | None] = {conventions.LABEL_PHASE: status.phase, conventions.LABEL_VERDICT: status.verdict}
    chain = written.get(ChainEntry) if written is not None else None
    if chain is not None and chain.chain_id:
        labels[conventions.LABEL_CHAIN_ID] = chain.chain_id
    # None removes what a resubmit copied from another run.
    labels[conventions.LABEL_OVERRIDDEN] = "true" if status.overridden else None
    annotations = {
        conventions.ANNOTATION_REASON: status.reason,
        conventions.ANNOTATION_OVERRIDDEN: overrides_text(status.overridden) or None,
    }
    body = {"metadata": {"labels": labels, "annotations": annotations}}
    try:
        context.cluster.patch(WORKFLOWS, context.identity.workflow, body)
    except ForbiddenError:
        logger.warning("no right to label the Workflow; the verdict is in the record")
    except ClusterError as error:
        logger.warning("cannot label the Workflow: %s", error)

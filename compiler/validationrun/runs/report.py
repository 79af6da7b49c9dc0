"""Reports a run or a suite from the cluster: from its record, the Job, and its own copy of the bundle."""

import dataclasses
from typing import Final

from validationrun.base.conventions import DEFAULT_SETTLE_SECONDS
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.status import run_status
from validationrun.judging.recorded import read_evidence, read_workload
from validationrun.kube.cluster import Cluster
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Verdict
from validationrun.report.from_record import Ended, view
from validationrun.report.model import RunView
from validationrun.report.suite_view import SuiteView, suite_view
from validationrun.runs.lookup import identity_of, our_run
from validationrun.runs.submit import Refused
from validationrun.runs.suite_report import suite_result
from validationrun.runs.suites import is_suite

IN_RECORD: Final = (
    "made of the run record, which has each rule's verdict and sums; the decisions themselves are in the results folder of a "
    "spec with results.s3, and in the log of rule-evaluator as long as its pod is there"
)


def view_of_name(cluster: Cluster, name: str) -> RunView | SuiteView | None:
    """
    The view of a run that has a verdict, or of a suite, which may go on. None when there is neither of that name.

    Raises:
        Refused: the run has no verdict yet.
        ResultsError: the record, the Job and the bundle contradict each other.
    """
    workflow = our_run(cluster, name)
    if workflow is None:
        return None
    if is_suite(workflow):
        return suite_view(suite_result(cluster, workflow))
    return _run_view(cluster, name, workflow)


def _run_view(cluster: Cluster, name: str, workflow: Workflow) -> RunView:
    identity = identity_of(workflow)
    record = Record.read(cluster, identity)
    status = run_status(identity, workflow.object, record)
    if status.verdict == Verdict.AWAITED:
        raise Refused(
            f"run {name} has no verdict yet ({status.message}); `validationrun watch {name} -n {identity.namespace}` "
            "waits for it"
        )
    if record is None:
        # The run left no record, and the report says so.
        record = Record(cluster, identity, {"metadata": {}})
    run = record.get(RunEntry)
    bundle_hash = run.bundle_hash if run is not None else ""
    evidence = read_evidence(record, bundle_hash)
    workload = read_workload(cluster, record, "load-job left no result")
    ended = Ended(cluster, record, status, evidence, workload, bundle_hash, DEFAULT_SETTLE_SECONDS)
    return dataclasses.replace(view(ended, IN_RECORD), in_folder=False)

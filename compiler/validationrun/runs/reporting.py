"""A report of a run by what the cluster has of it: the record, the Job, and the run's own copy of its bundle."""

import dataclasses
import pathlib
from typing import Final

from validationrun import record
from validationrun.cluster import Cluster
from validationrun.record import Record
from validationrun.report.view import RunView
from validationrun.runner import reports
from validationrun.runner.context import Context
from validationrun.runner.deciding import read_evidence, read_workload
from validationrun.runs.finding import identity_of, our_run
from validationrun.status import run_status
from validationrun.submission import Refused

IN_RECORD: Final = (
    "made of the run record, which has each rule's verdict and sums; the decisions themselves are in the results folder of a "
    "spec with results.s3, and in the log of rule-evaluator as long as its pod is there"
)


def run_view(cluster: Cluster, name: str) -> RunView | None:
    """
    A run that is over, ready to be shown. None when there is no such run.

    Raises:
        Refused: it goes on.
        ResultsError: what there is of it contradicts itself.
    """
    found = our_run(cluster, name)
    if found is None:
        return None
    identity = identity_of(found)
    written = Record.read(cluster, identity)
    status = run_status(identity, found, written)
    if status["verdict"] == "Awaited":
        raise Refused(
            f"run {name} has no verdict yet ({status['message']}); `validationrun watch {name} -n {identity.namespace}` "
            "waits for it"
        )
    if written is None:
        # Nothing was ever written down of it, and the report says so.
        written = Record(cluster, identity, {"metadata": {}})
    bundle_hash = (written.get(record.RUN) or {}).get("bundleHash", "")
    nowhere = pathlib.Path("/nonexistent")
    context = Context("report", identity, cluster, bundle_hash, nowhere, nowhere)
    evidence, workload = read_evidence(context, written), read_workload(context, written, [])
    view = reports.view(context, written, status, evidence, workload, IN_RECORD)
    return dataclasses.replace(view, in_folder=False)

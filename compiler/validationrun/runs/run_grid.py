"""The newest runs of one ValidationRun with what their records say of each rule, for a grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.times import parse_time
from validationrun.contract.owned_record import RecordError
from validationrun.contract.record import Record
from validationrun.contract.status import run_status
from validationrun.kube.cluster import WORKFLOWS, Cluster, ClusterError
from validationrun.kube.objects import Workflow
from validationrun.report.history import Series
from validationrun.report.run_columns import RunColumn, newest_first
from validationrun.runs.lookup import identity_of
from validationrun.runs.submit import OURS, Refused, no_argo
from validationrun.runs.suites import is_suite

MOST_RUNS: Final = 30
"""Each costs a request."""

_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class _Of:
    namespace: str
    name: str


def run_grid(cluster: Cluster, name: str | None, *, everywhere: bool = False) -> Series | None:
    """
    The runs of one ValidationRun, newest first; None when there are none. Suites have no rules, and are left out.

    Args:
        name: of the ValidationRun; None when the namespace has runs of only one.

    Raises:
        Refused: Argo is not installed, or there are runs of several ValidationRuns.
    """
    grouped: dict[_Of, list[Workflow]] = {}
    for workflow in _workflows(cluster, everywhere=everywhere):
        if not is_suite(workflow) and name in (None, workflow.template):
            grouped.setdefault(_Of(workflow.namespace, workflow.template), []).append(workflow)
    if not grouped:
        return None
    if len(grouped) > 1:
        raise Refused(_several(grouped, name))
    ((of, workflows),) = grouped.items()
    ordered = newest_first([_column(workflow) for workflow in workflows])
    by_name = {workflow.name: workflow for workflow in workflows}
    runs = [_read(cluster, by_name[run.run_id], run) for run in ordered[:MOST_RUNS]]
    newest = next((run.began for run in runs if run.began is not None), None)
    return Series(of.namespace, of.name, runs, len(ordered) - len(runs), newest, due=None, stale=False)


def _workflows(cluster: Cluster, *, everywhere: bool) -> list[Workflow]:
    try:
        return Workflow.all(cluster.list(WORKFLOWS, labels=OURS, everywhere=everywhere))
    except ClusterError:
        if not cluster.serves(WORKFLOWS):
            raise Refused(no_argo(cluster)) from None
        raise


def _several(grouped: Mapping[_Of, Sequence[Workflow]], name: str | None) -> str:
    found = sorted(f"{of.namespace}/{of.name}" for of in grouped)
    named = ", ".join(found[:_MOST_NAMED]) + (", ..." if len(found) > _MOST_NAMED else "")
    choose = "--name" if name is None else "--namespace"
    return f"--grid shows the runs of one ValidationRun: choose it by {choose}; there are runs of {named}"


def _column(workflow: Workflow) -> RunColumn:
    """What the Workflow alone says."""
    try:
        began = parse_time(workflow.started) if workflow.started else None
    except ValueError:
        began = None
    return RunColumn(f"{workflow.namespace}/{workflow.name}", workflow.name, None, began)


def _read(cluster: Cluster, workflow: Workflow, run: RunColumn) -> RunColumn:
    identity = identity_of(workflow)
    try:
        written = Record.read(cluster.within(identity.namespace), identity)
        status = run_status(identity, workflow.object, written)
    except RecordError as error:
        # An unreadable record, such as an older release's, does not hide the other runs.
        return RunColumn(run.key, run.run_id, None, run.began, str(error))
    return RunColumn(run.key, run.run_id, status, run.began)

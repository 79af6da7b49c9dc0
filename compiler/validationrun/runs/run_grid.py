"""The newest runs of one ValidationRun with what their records say of each rule, for a grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.times import time_if_known
from validationrun.contract.owned_record import RecordError
from validationrun.contract.record import Record
from validationrun.contract.status import run_status
from validationrun.kube.cluster import WORKFLOWS, Cluster, ClusterError
from validationrun.kube.objects import Workflow
from validationrun.report.history import Series
from validationrun.report.run_columns import RunColumn
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
    ordered = sorted(workflows, key=_since, reverse=True)
    runs = [_read(cluster, workflow) for workflow in ordered[:MOST_RUNS]]
    newest = next((run.began for run in runs if run.began is not None), None)
    return Series(of.namespace, of.name, runs, len(ordered) - len(runs), newest, due=None, stale=False)


def _since(workflow: Workflow) -> tuple[float, str]:
    """A Workflow that Argo has not started yet, because it waits for its turn, counts from its creation."""
    moments = (time_if_known(workflow.started), time_if_known(workflow.created))
    return next((moment for moment in moments if moment is not None), 0.0), workflow.name


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


def _read(cluster: Cluster, workflow: Workflow) -> RunColumn:
    key, began = f"{workflow.namespace}/{workflow.name}", time_if_known(workflow.started)
    identity = identity_of(workflow)
    try:
        written = Record.read(cluster.within(identity.namespace), identity)
        status = run_status(identity, workflow.object, written)
    except RecordError as error:
        # An unreadable record, such as an older release's, does not hide the other runs.
        return RunColumn(key, workflow.name, None, began, str(error))
    return RunColumn(key, workflow.name, status, began)

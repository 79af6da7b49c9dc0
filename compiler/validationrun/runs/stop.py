"""Stops a run, so that it still gives its verdict and cleans up."""

from dataclasses import dataclass

from validationrun.contract.argo_phase import STOP, has_ended, is_shut_down
from validationrun.kube.cluster import WORKFLOWS, Cluster
from validationrun.runs.lookup import our_run


@dataclass(frozen=True, slots=True)
class Stopped:
    """
    Attributes:
        waits_for_lock: the run waits for a lock; Argo acts on the stop once the run holds it.
    """

    waits_for_lock: bool


def stop_run(cluster: Cluster, name: str) -> Stopped | None:
    """
    Stops a run by Argo's `Stop`, so finalize still runs. None when there is no such run.

    Raises:
        HasEndedError
    """
    workflow = our_run(cluster, name)
    if workflow is None:
        return None
    if has_ended(workflow.object):
        raise HasEndedError
    # Already stopped, or terminated, which a stop must not undo.
    if not is_shut_down(workflow.object) and cluster.patch(WORKFLOWS, name, STOP) is None:
        return None
    return Stopped(waits_for_lock=workflow.waits_for_lock)


class HasEndedError(Exception):
    """The run has ended, so there is nothing to stop."""

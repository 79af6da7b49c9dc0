"""`validationrun stop`: end a run early; its clean-up still happens."""

from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.cli.console import usage_error
from validationrun.cli.errors import cluster_errors
from validationrun.cli.run_options import (
    ContextOption,
    RunArgument,
    RunNamespaceOption,
    StatusOutput,
    no_run,
    open_cluster,
    print_run,
    wait_for,
)
from validationrun.cli.verbosity import warn

if TYPE_CHECKING:
    from validationrun.kube.cluster import Cluster

EXAMPLES = """\b
Examples:
  validationrun stop nightly-x7k2p -n eng-ada
  validationrun stop nightly-x7k2p -n eng-ada --wait

The run becomes Cancelled, unless its verdict was written already. Exits 0, or 2 when there is nothing to stop.
"""

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until the run has cleaned up, and print its status.")]


def run(
    name: RunArgument, wait: WaitOption = False, namespace: RunNamespaceOption = None, context: ContextOption = None
) -> None:
    """Stop a run: the load ends, finalize gives the verdict and cleans up."""
    from validationrun.runs.stop import HasEndedError, stop_run

    with cluster_errors():
        cluster = open_cluster(context, namespace)
        try:
            stopped = stop_run(cluster, name)
        except HasEndedError:
            raise usage_error(
                f"run {name} has ended already; `validationrun status {name} -n {cluster.namespace}` shows it"
            ) from None
        if stopped is None:
            refuse_schedule(cluster, name)
            raise no_run(cluster, name)
        print(f"stopping {name} in {cluster.namespace}", flush=True)
        if stopped.waits_for_lock:
            hint = f"`validationrun delete {name} -n {cluster.namespace}` ends it now"
            warn(f"it waits for another run's lock, and Argo stops it only when it has got it; {hint}")
        ended = wait_for(cluster, name, None) if wait else None
    if ended is not None:
        print_run(ended, StatusOutput.TEXT)


def refuse_schedule(cluster: "Cluster", name: str) -> None:
    """A stop of a schedule could mean its run or its further firings. Raises typer.Exit with 2 when the name is a schedule's."""
    from validationrun.runs.lookup import its_runs, our_schedule

    schedule = our_schedule(cluster, name)
    if schedule is not None:
        patch = f"kubectl patch cronworkflow {name} -n {cluster.namespace} --type merge -p"
        raise usage_error(
            f"{its_runs(cluster, schedule)}; stop one of these, or keep the schedule from starting further ones by "
            f'`{patch} \'{{"spec":{{"suspend":true}}}}\'`'
        )

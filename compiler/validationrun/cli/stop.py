"""`validationrun stop`: end a run early; its clean-up still happens."""

from typing import Annotated

import typer

from validationrun.cli.common import usage_error
from validationrun.cli.runs import (
    ContextOption,
    RunArgument,
    RunNamespaceOption,
    StatusOutput,
    cluster_errors,
    open_cluster,
    print_status,
    wait_for,
)

EXAMPLES = """\b
Examples:
  validationrun stop nightly-x7k2p -n eng-ada
  validationrun stop nightly-x7k2p -n eng-ada --wait

The run becomes Cancelled, unless its verdict was written already. Exits 0, or 2 when there is nothing to stop.
"""

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until the run has cleaned up, and show it.")]


def run(
    name: RunArgument, wait: WaitOption = False, namespace: RunNamespaceOption = None, context: ContextOption = None
) -> None:
    """Stop a run: the load ends, finalize gives the verdict and cleans up."""
    from validationrun.runs import stop_run

    with cluster_errors():
        cluster = open_cluster(context, namespace)
        stopped = stop_run(cluster, name)
        if stopped is None:
            raise usage_error(f"there is no run {name} in namespace {cluster.namespace}")
        if not stopped:
            raise usage_error(f"run {name} has ended already; `validationrun status {name}` shows it")
        print(f"stopping {name} in {cluster.namespace}")
        status = wait_for(cluster, name, None) if wait else None
    if status is not None:
        print_status(status, StatusOutput.TEXT)

"""`validationrun wait`: until a run has its verdict."""

import typer

from validationrun.cli.common import usage_error
from validationrun.cli.runs import (
    VERDICT_EXITS,
    ContextOption,
    RunArgument,
    RunNamespaceOption,
    StatusOutput,
    StatusOutputOption,
    TimeoutOption,
    cluster_errors,
    open_cluster,
    print_status,
    read_status,
    timeout_seconds,
    wait_for,
)
from validationrun.conventions import EXIT_USAGE

EXAMPLES = """\b
Examples:
  validationrun wait nightly-x7k2p -n eng-ada
  validationrun wait nightly-x7k2p -n eng-ada --timeout 2h -o json

Exits 0 Passed, 1 Failed, 2 anything else: Error, Cancelled, gone, no answer.
"""


def run(
    name: RunArgument,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
    timeout: TimeoutOption = None,
    output: StatusOutputOption = StatusOutput.TEXT,
) -> None:
    """Wait for a run's verdict."""
    limit = timeout_seconds(timeout)
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        if read_status(cluster, name) is None:
            raise usage_error(f"there is no run {name} in namespace {cluster.namespace}")
        status = wait_for(cluster, name, limit)
    print_status(status, output)
    raise typer.Exit(VERDICT_EXITS.get(status["verdict"], EXIT_USAGE))

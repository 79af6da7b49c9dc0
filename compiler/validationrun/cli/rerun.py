"""`validationrun rerun`: a new run of the same template with the same parameters."""

import sys

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
    timeout_seconds,
    wait_for,
)
from validationrun.cli.submit import WaitOption
from validationrun.conventions import EXIT_USAGE

EXAMPLES = """\b
Examples:
  validationrun rerun nightly-x7k2p -n eng-ada
  validationrun rerun nightly-x7k2p -n eng-ada --wait     # exits 0 Passed, 1 Failed, 2 anything else

Never Argo's resubmit: nothing of the first run is taken over but its template and its parameters.
"""


def run(
    name: RunArgument,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
    output: StatusOutputOption = StatusOutput.TEXT,
) -> None:
    """Start a run again. Prints the new run's name on standard output."""
    from validationrun.runs import NoTemplateError, rerun

    limit = timeout_seconds(timeout)
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        try:
            again = rerun(cluster, name)
        except NoTemplateError as error:
            raise usage_error(str(error)) from None
        if again is None:
            raise usage_error(f"there is no run {name} in namespace {cluster.namespace}")
        if again.changed:
            print(f"the template has changed since {name}: this run is about what it holds now", file=sys.stderr)
        if not wait:
            print(again.name)
            print(f"started; follow it with `validationrun wait {again.name} -n {cluster.namespace}`", file=sys.stderr)
            return
        print(f"started {again.name} in {cluster.namespace}", file=sys.stderr)
        status = wait_for(cluster, again.name, limit)
    print_status(status, output)
    raise typer.Exit(VERDICT_EXITS.get(status["verdict"], EXIT_USAGE))

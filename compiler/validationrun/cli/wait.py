"""`validationrun wait`: until a run has its verdict."""

from validationrun.cli.errors import cluster_errors
from validationrun.cli.run_options import (
    ContextOption,
    RunArgument,
    RunNamespaceOption,
    StatusOutput,
    StatusOutputOption,
    TimeoutOption,
    exit_by,
    open_cluster,
    timeout_seconds,
    wait_for,
)

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
        ended = wait_for(open_cluster(context, namespace), name, limit)
    raise exit_by(ended, output)

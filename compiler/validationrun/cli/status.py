"""`validationrun status`: a run as it is now."""

from validationrun.cli.errors import cluster_errors
from validationrun.cli.run_options import (
    ContextOption,
    RunArgument,
    RunNamespaceOption,
    StatusOutput,
    StatusOutputOption,
    no_run,
    open_cluster,
    print_run,
)

EXAMPLES = """\b
Examples:
  validationrun status nightly-x7k2p -n eng-ada
  validationrun status nightly-x7k2p -n eng-ada -o json | jq .verdict

Exits 0 whatever the verdict, and 2 when there is no such run: `validationrun wait` exits by the verdict.
"""


def run(
    name: RunArgument,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
    output: StatusOutputOption = StatusOutput.TEXT,
) -> None:
    """Show a run: its phase, its verdict once it has one, its chain, load and rules."""
    from validationrun.runs.snapshot import Follower

    with cluster_errors():
        cluster = open_cluster(context, namespace)
        snapshot = Follower(cluster, name).look()
        if snapshot is None:
            raise no_run(cluster, name)
    print_run(snapshot, output)

"""`validationrun status`: a run as it is now."""

from validationrun.cli.common import usage_error
from validationrun.cli.runs import (
    ContextOption,
    RunArgument,
    RunNamespaceOption,
    StatusOutput,
    StatusOutputOption,
    cluster_errors,
    open_cluster,
    print_status,
    read_status,
)

EXAMPLES = """\b
Examples:
  validationrun status nightly-x7k2p -n eng-ada
  validationrun status nightly-x7k2p -n eng-ada -o json | jq .verdict
"""


def run(
    name: RunArgument,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
    output: StatusOutputOption = StatusOutput.TEXT,
) -> None:
    """Show a run: its phase, its verdict once it has one, its chain, load and rules."""
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        found = read_status(cluster, name)
    if found is None:
        raise usage_error(f"there is no run {name} in namespace {cluster.namespace}")
    print_status(found[0], output)

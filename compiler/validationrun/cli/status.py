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
    print_document,
    print_run,
)
from validationrun.cli.schedule_view import schedule_lines

EXAMPLES = """\b
Examples:
  validationrun status nightly-x7k2p -n eng-ada
  validationrun status nightly-x7k2p -n eng-ada -o json | jq .verdict
  validationrun status nightly-schedule -n eng-ada       # a schedule: next firing, last verdict, whether it is overdue

Exits 0 whatever the verdict, and 2 when there is no such run: `validationrun wait` exits by the verdict.
"""


def run(
    name: RunArgument,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
    output: StatusOutputOption = StatusOutput.TEXT,
) -> None:
    """Show a run: its phase, its verdict once it has one, its chain, load and rules. Or a schedule."""
    from validationrun.runs.lookup import our_schedule
    from validationrun.runs.schedules import schedule_status
    from validationrun.runs.snapshot import Follower

    with cluster_errors():
        cluster = open_cluster(context, namespace)
        snapshot = Follower(cluster, name).look()
        schedule = our_schedule(cluster, name) if snapshot is None else None
        shown = schedule_status(cluster, schedule) if schedule is not None else None
        if snapshot is None and shown is None:
            raise no_run(cluster, name)
    if snapshot is not None:
        print_run(snapshot, output)
    elif shown is not None and output is StatusOutput.TEXT:
        print("\n".join(schedule_lines(shown)))
    elif shown is not None:
        print_document(shown, output)

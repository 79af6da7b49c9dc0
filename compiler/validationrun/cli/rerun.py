"""`validationrun rerun`: a new run of the same template with the same parameters."""

from validationrun.cli.errors import cluster_errors
from validationrun.cli.run_options import (
    ContextOption,
    RunArgument,
    RunNamespaceOption,
    StatusOutput,
    StatusOutputOption,
    TimeoutOption,
    exit_by,
    no_run,
    open_cluster,
    timeout_seconds,
    wait_for,
)
from validationrun.cli.submit import WaitOption
from validationrun.cli.verbosity import note, warn

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
    from validationrun.runs.rerun import rerun

    limit = timeout_seconds(timeout)
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        again = rerun(cluster, name)
        if again is None:
            raise no_run(cluster, name)
        if again.changed:
            changed = f"the template has changed since {name} (bundle {again.first[:8]}, now {again.now[:8]})"
            warn(f"{changed}: this run is about what it holds now")
        if not wait:
            print(again.name)
            note(f"started; follow it with `validationrun watch {again.name} -n {cluster.namespace}`")
            return
        note(f"started {again.name} in {cluster.namespace}")
        ended = wait_for(cluster, again.name, limit)
    raise exit_by(ended, output)

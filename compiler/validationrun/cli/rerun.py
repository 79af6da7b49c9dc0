"""`validationrun rerun`: a new run of the same template with the same parameters, or of what did not pass of a suite."""

from typing import TYPE_CHECKING, Annotated

import typer

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
    wait_for,
    waiting_seconds,
)
from validationrun.cli.submit import WaitOption
from validationrun.cli.verbosity import note, warn

if TYPE_CHECKING:
    from validationrun.runs.rerun import Again

EXAMPLES = """\b
Examples:
  validationrun rerun nightly-x7k2p -n eng-ada
  validationrun rerun nightly-x7k2p -n eng-ada --wait     # exits 0 Passed, 1 Failed, 2 anything else
  validationrun rerun release-suite-x7k2p -n eng-ada --not-passed   # a new suite of the runs that did not pass

Never Argo's resubmit: nothing of the first run is taken over but its template and its parameters.
"""

NotPassedOption = Annotated[
    bool,
    typer.Option("--not-passed", help="Of a suite: start only the runs that did not pass, as a new suite."),
]


def run(
    name: RunArgument,
    not_passed: NotPassedOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
    output: StatusOutputOption = StatusOutput.TEXT,
) -> None:
    """Start a run or a suite again. Prints the new run's name on standard output."""
    from validationrun.runs.rerun import rerun, rerun_not_passed

    limit = waiting_seconds(timeout, wait=wait)
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        again = rerun_not_passed(cluster, name) if not_passed else rerun(cluster, name)
        if again is None:
            raise no_run(cluster, name)
        _tell_difference(again, name)
        if not wait:
            print(again.name)
            note(f"started; follow it with `validationrun watch {again.name} -n {cluster.namespace}`")
            return
        note(f"started {again.name} in {cluster.namespace}")
        ended = wait_for(cluster, again.name, limit)
    raise exit_by(ended, output)


def _tell_difference(again: "Again", name: str) -> None:
    """In which way the new run is not what the first one was."""
    if again.changed:
        changed = f"the template has changed since {name} (bundle {again.first[:8]}, now {again.now[:8]})"
        warn(f"{changed}: this run is about what it holds now")
    if again.only:
        note(f"{len(again.only)} of {again.of} runs are chosen: {', '.join(again.only)}")
    elif again.of:
        note(f"no run of {name} passed: this is the whole suite")
    if again.was_part:
        note(f"{name} was a part of its suite; this is the whole suite. --not-passed starts only what did not pass")

"""`validationrun watch`: a run live, until it has its verdict."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from validationrun.cli.errors import cluster_errors
from validationrun.cli.run_options import (
    ContextOption,
    RunArgument,
    RunNamespaceOption,
    StatusOutput,
    StatusOutputOption,
    TimeoutOption,
    exit_by,
    follow,
    open_cluster,
    timeout_seconds,
)
from validationrun.cli.verbosity import is_quiet, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from validationrun.runs.snapshot import Snapshot

EXAMPLES = """\b
Examples:
  validationrun watch nightly-x7k2p -n eng-ada
  validationrun watch nightly-x7k2p -n eng-ada 2> progress.log   # a line for each thing that changes

\b
Shows steps, shards, window and each rule's last answer, live on a terminal. Ctrl-C stops watching, not the run.
Exits 0 Passed, 1 Failed, 2 anything else: Error, Cancelled, gone, no answer.
"""

_ANSWERS_EVERY_SECONDS: Final = 3.0


def run(
    name: RunArgument,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
    timeout: TimeoutOption = None,
    output: StatusOutputOption = StatusOutput.TEXT,
) -> None:
    """Watch a run until it has its verdict."""
    limit = timeout_seconds(timeout)
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        view, show = _live() if _is_a_terminal() and not is_quiet() else _lines()
        with view:
            ended = follow(cluster, name, limit, show, _ANSWERS_EVERY_SECONDS)
    raise exit_by(ended, output)


def _is_a_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


View = tuple[AbstractContextManager[object], "Callable[[Snapshot], None]"]


def _live() -> View:
    import time

    from rich.console import Console
    from rich.live import Live

    from validationrun.cli.watch_view import frame

    live = Live(console=Console(stderr=True), transient=True, auto_refresh=False)
    return live, lambda snapshot: live.update(frame(snapshot, time.time()), refresh=True)


def _lines() -> View:
    from validationrun.cli.watch_view import Changes

    changes = Changes()

    def show(snapshot: "Snapshot") -> None:
        for line in changes.since(snapshot):
            progress(line)

    return nullcontext(), show

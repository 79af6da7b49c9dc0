"""`validationrun list`: the runs and the schedules of a namespace."""

import enum
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.base.durations import format_duration
from validationrun.base.text import printable
from validationrun.base.times import parse_time
from validationrun.cli.console import usage_error, use_color
from validationrun.cli.errors import cluster_errors
from validationrun.cli.list_grid import print_grid
from validationrun.cli.run_options import ContextOption, RunNamespaceOption, open_cluster, paint
from validationrun.cli.schedule_view import print_schedules, print_schedules_below
from validationrun.oracle.outcome import Verdict

if TYPE_CHECKING:
    from validationrun.runs.list_runs import Listed

EXAMPLES = """\b
Examples:
  validationrun list -n eng-ada
  validationrun list -A --verdict Failed
  validationrun list -n eng-ada --name nightly -o json | jq -r '.[0].name'
  validationrun list -n eng-ada -o wide                  # with spec, chain and message
  validationrun list -n eng-ada --schedules -o json      # when each fires next, its last verdict, what is overdue
  validationrun list -n eng-ada --name nightly --grid    # rules by runs

Exits 0, or 2 when the cluster does not answer.
"""

_COLUMNS = ("RUN", "PHASE", "VERDICT", "AGE", "DURATION", "REASON")
_WIDE = ("SPEC", "CHAIN", "MESSAGE")


class ListOutput(enum.StrEnum):
    """How the runs are printed."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


EverywhereOption = Annotated[bool, typer.Option("--all-namespaces", "-A", help="List the runs of all namespaces.")]
VerdictOption = Annotated[
    Verdict | None, typer.Option("--verdict", help="List only runs with this verdict.", show_default=False)
]
TemplateOption = Annotated[
    str | None, typer.Option("--name", help="List only runs of this ValidationRun.", show_default=False)
]
SchedulesOption = Annotated[
    bool, typer.Option("--schedules", help="List schedules alone; without it they stand below the runs, as text only.")
]
GridOption = Annotated[
    bool,
    typer.Option(
        "--grid", help="Show what became of each rule in the newest runs of one ValidationRun: rules by runs."
    ),
]
ListOutputOption = Annotated[ListOutput, typer.Option("--output", "-o", help="Output format.")]


def run(
    namespace: RunNamespaceOption = None,
    everywhere: EverywhereOption = False,
    verdict: VerdictOption = None,
    name: TemplateOption = None,
    schedules: SchedulesOption = False,
    grid: GridOption = False,
    output: ListOutputOption = ListOutput.TEXT,
    context: ContextOption = None,
) -> None:
    """List runs, the newest first, and schedules."""
    from validationrun.runs.list_runs import list_runs
    from validationrun.runs.submit import no_namespace

    if grid or schedules:
        _refuse_together(verdict, grid=grid, schedules=schedules)
        (print_grid if grid else print_schedules)(context, namespace, name, output, everywhere=everywhere)
        return
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        found = list_runs(cluster, everywhere=everywhere)
        if not found and not everywhere and not cluster.has_namespace():
            raise usage_error(no_namespace(cluster))
    found = [run for run in found if (verdict is None or run.verdict == verdict) and name in (None, run.template)]
    if output is ListOutput.JSON:
        print(json.dumps([asdict(run) for run in found], indent=2, ensure_ascii=False))
    elif output is ListOutput.YAML:
        from validationrun.compiling.emit import yaml

        print(yaml.dump([asdict(run) for run in found]), end="")
    elif not found:
        where = "any namespace" if everywhere else f"namespace {cluster.namespace}"
        print(f"no runs in {where}" + (" that match" if verdict or name else ""))
    else:
        for line in _table(found, everywhere=everywhere, wide=output is ListOutput.WIDE):
            print(line)
    if output in (ListOutput.TEXT, ListOutput.WIDE) and verdict is None:
        print_schedules_below(cluster, name, everywhere=everywhere, wide=output is ListOutput.WIDE)


def _refuse_together(verdict: Verdict | None, *, grid: bool, schedules: bool) -> None:
    """Raises typer.Exit with 2 for options that do not go together."""
    if grid and (verdict is not None or schedules):
        raise usage_error("--grid goes with --name alone: leave out --verdict and --schedules")
    if verdict is not None:
        raise usage_error("--verdict is of runs: leave out --schedules or --verdict")


def _table(found: "Sequence[Listed]", *, everywhere: bool, wide: bool) -> Iterator[str]:
    now = time.time()
    header = (*(("NAMESPACE",) if everywhere else ()), *_COLUMNS, *(_WIDE if wide else ()))
    rows = [
        (
            *((run.namespace,) if everywhere else ()),
            *(run.name, run.phase, run.verdict, *_times(run, now), run.reason),
            *((run.template, run.chain_id, run.message) if wide else ()),
        )
        for run in found
    ]
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    color = use_color(sys.stdout)
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join([*padded[:-1], row[-1]]).rstrip()
        yield paint(line, row[header.index("PHASE")]) if color and row is not cells[0] else line


def _times(run: "Listed", now: float) -> tuple[str, str]:
    """Age and duration, as kubectl writes them."""
    if run.started is None:
        return "", ""
    started = parse_time(run.started)
    ended = parse_time(run.finished) if run.finished else now
    return format_duration(now - started, short=True), format_duration(ended - started, short=True)

"""`validationrun list`: the runs of a namespace."""

import datetime as dt
import enum
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.cli.common import usage_error
from validationrun.cli.runs import ContextOption, RunNamespaceOption, cluster_errors, open_cluster
from validationrun.diagnostics import printable

if TYPE_CHECKING:
    from validationrun.runs import Listed

EXAMPLES = """\b
Examples:
  validationrun list -n eng-ada
  validationrun list -A --verdict Failed
  validationrun list -n eng-ada --name nightly -o json | jq -r '.[0].name'

Exits 0, or 2 when the cluster does not answer.
"""

_COLUMNS = ("RUN", "PHASE", "VERDICT", "AGE", "DURATION", "REASON")


class ListOutput(enum.StrEnum):
    """How the runs are printed."""

    TEXT = "text"
    JSON = "json"


class VerdictFilter(enum.StrEnum):
    """Of which verdict."""

    PASSED = "Passed"
    FAILED = "Failed"
    ERROR = "Error"
    AWAITED = "Awaited"


EverywhereOption = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Runs of all namespaces.")]
VerdictOption = Annotated[
    VerdictFilter | None, typer.Option("--verdict", help="Only runs of this verdict.", show_default=False)
]
TemplateOption = Annotated[
    str | None, typer.Option("--name", help="Only runs of this ValidationRun.", show_default=False)
]
ListOutputOption = Annotated[ListOutput, typer.Option("--output", "-o", help="Form of the list.")]


def run(
    namespace: RunNamespaceOption = None,
    everywhere: EverywhereOption = False,
    verdict: VerdictOption = None,
    name: TemplateOption = None,
    output: ListOutputOption = ListOutput.TEXT,
    context: ContextOption = None,
) -> None:
    """List runs, the newest first."""
    from validationrun.runs import list_runs, namespace_is_missing

    with cluster_errors():
        cluster = open_cluster(context, namespace)
        found = list_runs(cluster, everywhere=everywhere)
        if not found and not everywhere and namespace_is_missing(cluster):
            raise usage_error(f"there is no namespace {cluster.namespace}")
    found = [one for one in found if (verdict is None or one.verdict == verdict) and name in (None, one.template)]
    if output is ListOutput.JSON:
        print(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
        return
    if not found:
        where = "any namespace" if everywhere else f"namespace {cluster.namespace}"
        print(f"no runs in {where}" + (" that match" if verdict or name else ""))
        return
    for line in _table(found, everywhere=everywhere):
        print(line)


def _table(found: "Sequence[Listed]", *, everywhere: bool) -> Iterator[str]:
    now = dt.datetime.now(dt.UTC)
    rows: list[tuple[str, ...]] = [
        _COLUMNS,
        *((one.name, one.phase, one.verdict, *_times(one, now), one.reason) for one in found),
    ]
    if everywhere:
        names = ["NAMESPACE", *(one.namespace for one in found)]
        rows = [(first, *row) for first, row in zip(names, rows, strict=True)]
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _times(one: "Listed", now: dt.datetime) -> tuple[str, str]:
    """Age and duration, as kubectl writes them."""
    if one.started is None:
        return "", ""
    started = dt.datetime.fromisoformat(one.started)
    ended = dt.datetime.fromisoformat(one.finished) if one.finished else now
    return short(now - started), short(ended - started)


def short(span: dt.timedelta) -> str:
    """The two largest units: `45s`, `12m5s`, `3h20m`, `2d4h`."""
    seconds = max(0, int(span.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d{hours}h"
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{seconds % 60}s" if minutes else f"{seconds}s"

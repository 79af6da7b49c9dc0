"""A suite for a terminal: its verdict, its members, and the grid of their rules."""

from collections.abc import Iterator

from validationrun.base.durations import format_duration
from validationrun.base.text import counted
from validationrun.oracle.suite_verdict import Outcome
from validationrun.report import formatting
from validationrun.report.grid import grid_lines
from validationrun.report.suite_view import SuiteView


def render(view: SuiteView) -> str:
    grid = ["", *grid_lines(view.grid)] if view.grid.columns else []
    more = [f"{counted(view.left_out, 'further rule')} not shown"] if view.left_out else []
    return "\n".join([*_head(view), "", *_members(view), *grid, *more]) + "\n"


def _head(view: SuiteView) -> Iterator[str]:
    status = view.status
    name = formatting.clean(status.name, formatting.NAME)
    yield f"{view.word.upper()}  suite {name}  {formatting.clean(status.reason or '', 2 * formatting.NAME)}".rstrip()
    yield f"  {formatting.clean(status.message)}"
    where = (
        f"{formatting.clean(status.run_id, formatting.NAME)} in {formatting.clean(status.namespace, formatting.NAME)}"
    )
    yield f"  suite     {where}"
    if view.is_open:
        yield "  it still runs: nothing here is final"
    elif view.seconds:
        yield f"  took      {format_duration(round(view.seconds))}"
    for each in status.overridden:
        yield f"  changed   {formatting.clean(str(each))}"
    for note in view.result.notes:
        yield f"  note      {formatting.clean(note)}"


def _members(view: SuiteView) -> Iterator[str]:
    rows = [
        (formatting.clean(member.name, formatting.NAME), member.word, member.took, member.tally())
        for member in view.members
    ]
    head = ("run", "end", "took", "rules")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for member, row in zip((None, *view.members), (head, *rows), strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if member is None or member.said.outcome == Outcome.PASSED:
            continue
        if text := ": ".join(part for part in (member.reason, formatting.clean(member.message)) if part):
            yield f"    {formatting.clean(text)}"
        if member.doubt:
            yield f"    {formatting.clean(member.doubt)}"

"""A history in a terminal, and as JSON."""

from collections.abc import Callable, Iterator
from typing import Final

from validationrun.base.atomic_files import dump_json
from validationrun.base.times import format_time
from validationrun.contract.history_document import (
    HistoryCell,
    HistoryDocument,
    HistoryFault,
    HistoryRun,
    HistorySeries,
)
from validationrun.report import formatting
from validationrun.report.grid import CellState, Grid, grid_lines
from validationrun.report.history import History, Series
from validationrun.report.history_words import freshness, standing
from validationrun.report.run_columns import digests, grid_of

_MOST_RUNS: Final = 30
"""Most runs of a grid in a terminal, the newest."""


def lines_of(
    history: History, width: int, paint: Callable[[str, CellState], str] | None = None, most: int = _MOST_RUNS
) -> Iterator[str]:
    """
    Args:
        width: of the terminal.
        paint: gives a mark its colour; None for none.
    """
    for series in history.series:
        _, word = standing(history, series)
        yield formatting.clean(f"{series.name} in {series.namespace}: {word}. {freshness(history, series)}")
        yield from bounded_lines(grid_of(series.runs[:most]), width, paint)
        if older := series.left_out + max(0, len(series.runs) - most):
            yield f"and {older} older"
        yield ""
    for path, reason in history.faults:
        yield formatting.clean(f"not trusted: {path}: {reason}")
    for path in history.twins:
        yield formatting.clean(f"shown once: {path} holds the very result of another folder")


def bounded_lines(grid: Grid, width: int, paint: Callable[[str, CellState], str] | None = None) -> Iterator[str]:
    """The lines of a grid, none wider than the terminal; the marks fit already, and their colours have no width."""
    for line in grid_lines(grid, width, paint) if paint is not None else grid_lines(grid, width):
        yield line if len(line) <= width or "\033" in line else f"{line[: width - 1]}…"


def to_json(history: History) -> str:
    document = HistoryDocument(
        as_of=format_time(history.now),
        validation_runs=[_series(history, series) for series in history.series],
        faults=[HistoryFault(path, reason) for path, reason in history.faults],
        twins=list(history.twins),
    )
    return dump_json(document.to_data()).decode()


def _series(history: History, series: Series) -> HistorySeries:
    return HistorySeries(
        namespace=series.namespace,
        name=series.name,
        newest=_moment(series.newest),
        due=_moment(series.due),
        stale=series.stale if history.expect_every is not None else None,
        left_out=series.left_out,
        runs=list(_runs(series)),
    )


def _runs(series: Series) -> Iterator[HistoryRun]:
    grid = grid_of(series.runs)
    for number, run in enumerate(series.runs):
        cells = [
            HistoryCell(rule=row.shown, state=cells[number].state, note=cells[number].note)
            for row, cells in zip(grid.rows, grid.cells, strict=True)
        ]
        yield HistoryRun(
            run_id=run.run_id,
            folder=run.folder,
            began=_moment(run.began),
            verdict=run.word,
            images=digests(run),
            doubt=run.doubt,
            why=run.absent.why if run.absent is not None else "",
            cells=cells,
        )


def _moment(t: float | None) -> str | None:
    return format_time(t) if t is not None else None

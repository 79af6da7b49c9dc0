"""
A grid of rule cells, such as the members of a suite by their rules: its typed model, and its form for a terminal.

The page's form is the macro `grid` of `templates/report/grid.html.j2`, with `grid.css`. A cell that nobody gave is `missing`,
so that nothing is green by default.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from validationrun.base.text import counted
from validationrun.oracle.outcome import Verdict, Word
from validationrun.report import formatting

Tone = Literal["", "passed", "failed", "error", "cancelled", "running", "not-run", "missing", "unknown"]
"""Colour and sign of a heading; the empty tone has neither. Every tone but the first has a sign in `grid.html.j2`."""

_SHORT_SIDE: Final = 40
"""Most characters of a row's name in a terminal."""


class CellState(Word):
    """What is known of one rule in one run, the worst first."""

    FAILED = Verdict.FAILED.value
    ERROR = Verdict.ERROR.value
    UNKNOWN = "unknown"
    """Nothing of the run is left that says it."""

    NOT_RUN = "not run"
    """The run ended, or never began, before the rule was judged."""

    RUNNING = "running"
    """There is no verdict yet."""

    MISSING = "missing"
    """The run has no such rule."""

    PASSED = Verdict.PASSED.value

    @classmethod
    def of(cls, verdict: Verdict, *, running: bool = False) -> "CellState":
        """The state of a rule's verdict. A rule without verdict was not run, unless its run still goes on."""
        if verdict == Verdict.AWAITED:
            return cls.RUNNING if running else cls.NOT_RUN
        return cls(verdict.value)

    @property
    def tone(self) -> str:
        """The CSS class, and the end of the sign's id."""
        return self.value.lower().replace(" ", "-")

    @property
    def mark(self) -> str:
        """One character for a terminal."""
        return _MARKS[self]

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MARKS: Final[Mapping[CellState, str]] = {
    CellState.PASSED: "P",
    CellState.FAILED: "F",
    CellState.ERROR: "E",
    CellState.RUNNING: "~",
    CellState.NOT_RUN: "-",
    CellState.MISSING: ".",
    CellState.UNKNOWN: "?",
}
_MEANINGS: Final[Mapping[CellState, str]] = {
    CellState.PASSED: "the rule held",
    CellState.FAILED: "the rule did not hold",
    CellState.ERROR: "the rule could not be judged",
    CellState.RUNNING: "no verdict yet",
    CellState.NOT_RUN: "never judged",
    CellState.MISSING: "no such rule in this run",
    CellState.UNKNOWN: "nothing is left that says it",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One rule of one run.

    Attributes:
        note: for people, such as reason and message; the page shows it in the tooltip.
        href: where the cell leads; empty for nowhere.
    """

    state: CellState
    note: str = ""
    href: str = ""


MISSING: Final = Cell(CellState.MISSING)


@dataclass(frozen=True, slots=True)
class Heading:
    """
    The head of a row or a column.

    Attributes:
        key: what `Grid.of` finds the cells by; unique among the rows, and among the columns.
        name: what is shown; the key when empty.
        tone, word: its own verdict; both empty when it has none.
        note: more, in small letters; the page shows it whole in the tooltip.
        href: where the name leads; empty for nowhere.
    """

    key: str
    name: str = ""
    tone: Tone = ""
    word: str = ""
    note: str = ""
    href: str = ""

    @property
    def shown(self) -> str:
        return self.name or self.key


@dataclass(frozen=True, slots=True)
class Grid:
    """
    Cells by row and column.

    Attributes:
        corner: what the rows and the columns are, such as `run` and `rule`.
        cells: one list for each row, with a cell for each column.
    """

    corner: tuple[str, str]
    rows: Sequence[Heading]
    columns: Sequence[Heading]
    cells: Sequence[Sequence[Cell]]

    @classmethod
    def of(
        cls,
        corner: tuple[str, str],
        rows: Sequence[Heading],
        columns: Sequence[Heading],
        cells: Mapping[tuple[str, str], Cell],
    ) -> "Grid":
        """
        Args:
            cells: by the key of the row and the key of the column. A cell that is not given is missing.
        """
        laid = [[cells.get((row.key, column.key), MISSING) for column in columns] for row in rows]
        return cls(corner, rows, columns, laid)

    def tally(self) -> dict[CellState, int]:
        """How many cells have each state, the worst first; states without cells are left out."""
        counts = Counter(cell.state for row in self.cells for cell in row)
        return {state: counts[state] for state in CellState if counts[state]}


def _plain(mark: str, _: CellState) -> str:
    return mark


def grid_lines(grid: Grid, width: int = 100, paint: Callable[[str, CellState], str] = _plain) -> Iterator[str]:
    """
    The grid for a terminal: numbered columns with one mark a cell, then the columns' names and the meaning of the marks.

    Args:
        width: of the terminal. Columns that do not fit follow in a further block.
        paint: gives a mark its colour.
    """
    side = max(map(len, (grid.corner[0], *(_row_name(row) for row in grid.rows))))
    wide = len(str(len(grid.columns))) + 1
    fit = max(1, (width - side) // wide)
    for first in range(0, len(grid.columns), fit):
        numbers = range(first, min(first + fit, len(grid.columns)))
        if first:
            yield ""
        yield grid.corner[0].ljust(side) + "".join(str(number + 1).rjust(wide) for number in numbers)
        for row, cells in zip(grid.rows, grid.cells, strict=True):
            marks = (paint(cells[number].state.mark.rjust(wide), cells[number].state) for number in numbers)
            yield _row_name(row).ljust(side) + "".join(marks)
    yield ""
    for number, column in enumerate(grid.columns, start=1):
        words = (column.shown, column.word, column.note)
        yield f"{str(number).rjust(wide)}  {'  '.join(formatting.clean(text, formatting.NAME) for text in words if text)}"
    yield ", ".join(f"{state.mark} {state} ({state.meaning})" for state in grid.tally())


def _row_name(row: Heading) -> str:
    text = formatting.clean(row.shown, formatting.NAME)
    return text if len(text) <= _SHORT_SIDE else f"{text[: _SHORT_SIDE - 1]}…"


def size_words(grid: Grid) -> str:
    """Such as `3 runs by 12 rules`."""
    return f"{counted(len(grid.rows), grid.corner[0])} by {counted(len(grid.columns), grid.corner[1])}"

"""Runs of one ValidationRun as the columns of a grid whose rows are rules: what a list of many shows of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.numbers import value_text
from validationrun.base.times import format_time
from validationrun.contract.image_ids import different, short_digest
from validationrun.contract.status_document import RuleStatus, Status
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.oracle.workload import ASSERTION_FAILED, PASSED
from validationrun.report import formatting
from validationrun.report.grid import Cell, CellState, Grid, Heading, Tone

CORNER: Final = ("rule", "run")
_LOAD: Final = " load"
"""The row of the load; no rule has such a name."""

WORST_FIRST: Final[Sequence[Tone]] = ("failed", "error", "unknown", "cancelled", "not-run", "running", "passed")
"""Every tone that a run can have."""

_TONES: Final[Mapping[str, Tone]] = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.ERROR: "error",
    Verdict.AWAITED: "running",
}


@dataclass(frozen=True, slots=True)
class Absent:
    """
    A run that a suite planned, and that left no results.

    Attributes:
        word, tone: how it ended, as the suite says.
        why: the same as a sentence.
        rules: the names of its rules; empty when nothing says them.
    """

    word: str
    tone: Tone
    why: str
    rules: Sequence[str]
    load: bool


@dataclass(frozen=True, slots=True)
class RunColumn:
    """
    A run.

    Attributes:
        key: what tells it from every other run of the grid.
        folder: of its results, below that of the history; empty for a run of a cluster, and for one that left no results.
        status: None when nothing is left of its record.
        began: Unix seconds; None when it is not known.
        doubt: why it is not believed; empty when it is.
        href: where its own report lies; empty for nowhere.
        suite: the folder of the suite that started it, below that of the history; empty where none is known.
        absent: for a run that left no results; its `began` is the suite's.
    """

    key: str
    run_id: str
    status: Status | None
    began: float | None
    doubt: str = ""
    href: str = ""
    folder: str = ""
    suite: str = ""
    absent: Absent | None = None

    @property
    def word(self) -> str:
        """Its verdict, or the phase where that says more."""
        if self.absent is not None:
            return "not trusted" if self.doubt else self.absent.word
        if self.status is None:
            return "unknown"
        if self.doubt:
            return "not trusted"
        return self.status.phase if self.status.phase == Phase.CANCELLED else self.status.verdict

    @property
    def tone(self) -> Tone:
        """Only a run that passed and is believed is green."""
        if self.absent is not None and not self.doubt:
            return self.absent.tone
        if self.status is None or self.doubt:
            return "unknown"
        return "cancelled" if self.status.phase == Phase.CANCELLED else _TONES[self.status.verdict]


def newest_first(runs: Sequence[RunColumn]) -> list[RunColumn]:
    """By their start; those without one come last."""
    return sorted(runs, key=lambda run: (run.began is not None, run.began or 0.0, run.run_id, run.key), reverse=True)


def grid_of(runs: Sequence[RunColumn]) -> Grid:
    """
    The grid, with the runs in the order given.

    Rules stand in the order of the first run that has them. A cell is green only in a run whose status is final and believed.
    """
    rows = _rows(runs)
    cells = {(row, run.key): cell for run in runs for row, cell in _cells(run, rows)}
    return Grid.of(CORNER, [_row(name, runs, cells) for name in rows], [_column(run) for run in runs], cells)


def _rows(runs: Sequence[RunColumn]) -> list[str]:
    names = dict.fromkeys(name for run in runs for name in _rules_of(run))
    has_load = any(_has_load(run) for run in runs)
    return [*names, *([_LOAD] if has_load else [])]


def _rules_of(run: RunColumn) -> Sequence[str]:
    if run.absent is not None:
        return run.absent.rules
    return [rule.name for rule in run.status.rules] if run.status is not None else []


def _has_load(run: RunColumn) -> bool:
    if run.absent is not None:
        return run.absent.load
    status = run.status
    return status is not None and (status.load is not None or status.workload_exit_code is not None)


def _row(name: str, runs: Sequence[RunColumn], cells: Mapping[tuple[str, str], Cell]) -> Heading:
    """The row's head: its name, and how often it ended in which way, the worst first."""
    states = [cells[(name, run.key)].state for run in runs if (name, run.key) in cells]
    tally = ", ".join(f"{states.count(state)} {state}" for state in CellState if state in states)
    return Heading(name, name.strip(), note=tally)


def _column(run: RunColumn) -> Heading:
    began = format_time(round(run.began))[:16].replace("T", " ") if run.began is not None else "no start time"
    why = run.absent.why if run.absent is not None else ""
    note = ", ".join(filter(None, (digests(run), _overridden(run), why, run.doubt, run.run_id)))
    return Heading(run.key, began, run.tone, run.word, formatting.clean(note, formatting.SENTENCE), run.href)


def digests(run: RunColumn) -> str:
    """The images of a run's chain by their short digests, or by their tags where no digest is known; empty without a chain."""
    if run.status is None or run.status.chain is None:
        return ""
    deployments = run.status.chain.deployments
    found = different(text for entry in deployments for text in (entry.image_id or "", *entry.image_ids))
    if not found:
        found = list(dict.fromkeys(entry.image for entry in deployments if entry.image))
    return "+".join(short_digest(text) or formatting.clean(text.rpartition("/")[2], formatting.NAME) for text in found)


def _overridden(run: RunColumn) -> str:
    return "overridden" if run.status is not None and run.status.overridden else ""


def _cells(run: RunColumn, rows: Sequence[str]) -> Iterator[tuple[str, Cell]]:
    if run.absent is not None:
        yield from _absent_cells(run, run.absent, rows)
        return
    if run.status is None:
        yield from ((name, Cell(CellState.UNKNOWN, run.doubt)) for name in rows)
        return
    if not run.status.rules:
        begins = run.status.verdict == Verdict.AWAITED
        state = CellState.RUNNING if begins else CellState.UNKNOWN
        yield from ((name, Cell(state, "nothing says which rules this run has")) for name in rows if name != _LOAD)
    for rule in run.status.rules:
        yield rule.name, Cell(_state(run, rule.verdict), _note(rule), _link(run, rule))
    if _has_load(run):
        yield _LOAD, Cell(_load_state(run, run.status), _load_note(run.status))


def _absent_cells(run: RunColumn, absent: Absent, rows: Sequence[str]) -> Iterator[tuple[str, Cell]]:
    """Nothing of it was judged, as far as the suite is believed."""
    mine = set(absent.rules) | ({_LOAD} if absent.load else set())
    cell = Cell(CellState.UNKNOWN, run.doubt) if run.doubt else Cell(CellState.NOT_RUN, absent.why)
    yield from ((name, cell) for name in rows if name in mine or not absent.rules)


def _state(run: RunColumn, verdict: Verdict) -> CellState:
    """Of a run that goes on, only a failure is final; of one that is not believed, nothing is."""
    if run.doubt or run.status is None:
        return CellState.UNKNOWN
    if run.status.verdict == Verdict.AWAITED and verdict != Verdict.FAILED:
        return CellState.RUNNING
    return CellState.of(verdict)


def _load_state(run: RunColumn, status: Status) -> CellState:
    code = status.workload_exit_code
    verdict = Verdict.AWAITED
    if code is not None:
        verdict = {PASSED: Verdict.PASSED, ASSERTION_FAILED: Verdict.FAILED}.get(code, Verdict.ERROR)
    return _state(run, Verdict.ERROR if status.load_ended_early and code == PASSED else verdict)


def _load_note(status: Status) -> str:
    code = status.workload_exit_code
    image = status.load.image_id if status.load is not None else None
    return ", ".join(filter(None, ("no exit code" if code is None else f"exit code {code}", image)))


def _note(rule: RuleStatus) -> str:
    """The last value beside its limit, and why the rule did not pass."""
    measured = rule.measured(value_text)
    parts = [measured] if measured else []
    if rule.verdict != Verdict.PASSED:
        parts += [text for text in (rule.reason, rule.message) if text]
    return formatting.clean("; ".join(parts), formatting.SENTENCE)


def _link(run: RunColumn, rule: RuleStatus) -> str:
    """Only of what somebody will want to look at: a link costs more bytes than the cell."""
    return f"{run.href}#rule-{rule.name}" if run.href and rule.verdict in (Verdict.FAILED, Verdict.ERROR) else ""

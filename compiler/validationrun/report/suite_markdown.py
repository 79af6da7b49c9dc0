"""Markdown of a suite: its verdict in the first line, a table of the members, the grid of their rules, and what did not pass."""

from collections.abc import Iterator, Sequence
from typing import Final

from validationrun.base.text import counted
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.oracle.suite_verdict import Outcome
from validationrun.report import formatting
from validationrun.report.grid import CellState
from validationrun.report.markdown import SIGNS, code
from validationrun.report.reason_help import meaning
from validationrun.report.suite_view import MemberView, SuiteView

_MOST: Final = 60_000
"""Characters; GitHub's limit for a comment is 65,536."""
_MOST_TOLD: Final = 10
_WORDS: Final = 240
_OPEN: Final = "⏳"
_CELLS: Final = {
    CellState.PASSED: SIGNS[Verdict.PASSED],
    CellState.FAILED: SIGNS[Verdict.FAILED],
    CellState.ERROR: SIGNS[Verdict.ERROR],
    CellState.RUNNING: _OPEN,
    CellState.NOT_RUN: "⏭️",
    CellState.MISSING: "·",
    CellState.UNKNOWN: "❔",
}
_MEMBERS: Final = {
    Outcome.PASSED: SIGNS[Verdict.PASSED],
    Outcome.FAILED: SIGNS[Verdict.FAILED],
    Outcome.CANCELLED: SIGNS[Phase.CANCELLED],
    Outcome.NOT_STARTED: _CELLS[CellState.NOT_RUN],
    Outcome.NOT_CHOSEN: _CELLS[CellState.NOT_RUN],
}


def render(view: SuiteView) -> str:
    """Shorter than GitHub's limit for a comment: what has no room is left out, and the text says so."""
    parts = [_headline(view), code(view.status.message, 2 * _WORDS), _facts(view)]
    parts += [f"- **Overridden:** {code(str(each), 2 * _WORDS)}" for each in view.status.overridden[:_MOST_TOLD]]
    parts += [f"- Note: {code(note, _WORDS)}" for note in view.result.notes[:_MOST_TOLD]]
    parts += _fitting(
        [_members(view), _grid(view), "\n".join(_trouble(view))], _MOST - sum(len(part) + 2 for part in parts)
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _fitting(parts: Sequence[str], room: int) -> Iterator[str]:
    for part in parts:
        if len(part) <= room:
            yield part
            room -= len(part) + 2
        else:
            yield "A part of this report has no room here: see the page."


def _headline(view: SuiteView) -> str:
    status = view.status
    sign = _OPEN if view.is_open else SIGNS[status.phase if status.phase == Phase.CANCELLED else status.verdict]
    reason = f" {code(status.reason, 2 * formatting.NAME)}" if status.reason else ""
    return f"## {sign} {view.word}: suite {code(status.name)}{reason}"


def _facts(view: SuiteView) -> str:
    status = view.status
    tally = ", ".join(f"{count} {word}" for word, count in view.tally().items())
    going = " **It still runs: nothing here is final.**" if view.is_open else ""
    return f"Suite {code(status.run_id)} in {code(status.namespace)}, {counted(len(view.members), 'run')}: {tally or 'none'}.{going}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _members(view: SuiteView) -> str:
    rows = [("run", "end", "took", "rules"), *(_member(member) for member in view.members)]
    return _table(rows) if view.members else ""


def _member(member: MemberView) -> tuple[str, ...]:
    reason = f" {code(member.reason, 2 * formatting.NAME)}" if member.reason and not member.passed else ""
    return code(member.name), f"{_sign(member)} {member.word}{reason}", member.took, member.tally()


def _sign(member: MemberView) -> str:
    return _OPEN if member.is_open else _MEMBERS.get(member.word, SIGNS[Verdict.ERROR])  # type: ignore[call-overload]


def _grid(view: SuiteView) -> str:
    grid = view.grid
    if not grid.columns:
        return ""
    rows = [["rule", *(code(row.shown) for row in grid.rows)]]
    for index, column in enumerate(grid.columns):
        rows.append([code(column.shown), *(_CELLS[cells[index].state] for cells in grid.cells)])
    legend = ", ".join(f"{_CELLS[state]} {state}" for state in grid.tally())
    more = f" {counted(view.left_out, 'further rule')} not shown." if view.left_out else ""
    return f"{_table(rows)}\n\n{legend}.{more}"


def _trouble(view: SuiteView) -> Iterator[str]:
    """The members that did not pass, with what they say and with their rules that did not pass."""
    troubled = view.troubled
    if not troubled:
        return
    yield "**What did not pass**\n"
    for member in troubled[:_MOST_TOLD]:
        yield f"- {code(member.name)} {member.word}: {code(member.reason)} {code(member.message, _WORDS)}"
        if explanation := meaning(member.reason):
            yield f"  - {explanation}"
        bad = [rule for rule in member.rules or () if rule.state in (CellState.FAILED, CellState.ERROR)]
        for rule in bad[:3]:
            yield f"  - rule {code(rule.name)} {rule.state}: {code(rule.words, _WORDS)}"
    if len(troubled) > _MOST_TOLD:
        yield f"- and {counted(len(troubled) - _MOST_TOLD, 'more run')}"

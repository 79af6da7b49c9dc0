"""
The view of a suite that its reports render: members with their rules' cells, from a `SuiteResult` alone.

Nothing here judges: the suite is what its own record says, and a member too. What its run's record says of a rule is shown only
where it does not contradict that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.base.durations import format_duration
from validationrun.base.text import counted
from validationrun.base.times import time_if_known
from validationrun.contract.status_document import RuleStatus, Status
from validationrun.contract.suite_record import SuiteMemberStatus, SuiteStatus
from validationrun.contract.suite_result import MemberResult, SuiteResult
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.oracle.suite_verdict import Outcome
from validationrun.report import formatting
from validationrun.report.grid import Cell, CellState, Grid, Heading, Tone
from validationrun.results.folder import ResultsError

MOST_COLUMNS: Final = 200
"""Most rules in the grid; those that did not pass come first where there are more."""

_TONES: Final[Mapping[str, Tone]] = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.ERROR: "error",
    Outcome.CANCELLED: "cancelled",
    Outcome.GONE: "unknown",
    Outcome.NOT_STARTED: "not-run",
    Outcome.NOT_CHOSEN: "not-run",
    Outcome.UNKNOWN: "unknown",
    Verdict.AWAITED: "running",
}
_RUNNING: Final = "Running"
_WAITING: Final = "Waiting"


@dataclass(frozen=True, slots=True)
class RuleCell:
    """One rule of one member. `status` is None where its run does not say anything of it that counts."""

    name: str
    state: CellState
    status: RuleStatus | None = None

    @property
    def words(self) -> str:
        """Reason and message; empty where there are none."""
        if self.status is None:
            return ""
        return ": ".join(part for part in (self.status.reason, self.status.message) if part)


@dataclass(frozen=True, slots=True)
class MemberView:
    """
    One member.

    Attributes:
        word: how it ended, or `Running` or `Waiting`.
        said: its end and its Workflow as the suite's record has them.
        result: what is known of its own run.
        rules: with a cell each; None when nothing says which rules it has.
        doubt: why its run's own status is not shown as it stands; empty when it is.
    """

    word: str
    tone: Tone
    said: SuiteMemberStatus
    result: MemberResult
    rules: Sequence[RuleCell] | None
    doubt: str = ""

    @property
    def name(self) -> str:
        return self.said.name

    @property
    def passed(self) -> bool:
        return self.said.outcome == Outcome.PASSED

    @property
    def is_chosen(self) -> bool:
        """It belongs to the runs that this suite was to start."""
        return self.word != Outcome.NOT_CHOSEN

    @property
    def is_open(self) -> bool:
        """It runs, or may still be started."""
        return self.word in (_RUNNING, _WAITING)

    @property
    def seconds(self) -> float | None:
        """From its start to its end; None where one of the two is not known."""
        return _between(self.said.started_at, self.said.ended_at) if self.said.workflow else None

    @property
    def began(self) -> float | None:
        """Unix seconds; None for what was not started."""
        return time_if_known(self.said.started_at) if self.said.workflow else None

    @property
    def took(self) -> str:
        return format_duration(round(self.seconds)) if self.seconds is not None else formatting.NONE

    @property
    def reason(self) -> str:
        return self.said.reason

    @property
    def message(self) -> str:
        """Its end in words; of a member that runs, what it is doing."""
        if self.said.message or not self.is_open or self.result.status is None:
            return self.said.message
        return self.result.status.message

    def tally(self) -> str:
        """Such as `3 Passed, 1 Failed`, the worst first."""
        if self.rules is None:
            return "not known"
        counts = {state: sum(rule.state == state for rule in self.rules) for state in CellState}
        return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "none"


@dataclass(frozen=True, slots=True)
class SuiteView:
    """
    A suite.

    Attributes:
        word: its verdict, or its phase where that says more: Cancelled, Running, Pending.
        left_out: how many rules have no column in the grid.
        in_folder: the reports are in the suite's results folder, above those of its members.
    """

    result: SuiteResult
    word: str
    members: Sequence[MemberView]
    grid: Grid
    left_out: int
    in_folder: bool

    @property
    def status(self) -> SuiteStatus:
        return self.result.status

    @property
    def is_open(self) -> bool:
        return self.status.verdict == Verdict.AWAITED

    @property
    def tone(self) -> str:
        """The page's colour and sign. Only a Passed suite gets those of a pass."""
        if self.is_open:
            return "running"
        return "cancelled" if self.status.phase == Phase.CANCELLED else self.status.verdict.lower()

    @property
    def seconds(self) -> float:
        return _between(self.status.start_time, self.status.completion_time) or 0.0

    @property
    def troubled(self) -> list[MemberView]:
        """
        The members that did not pass: first the Failed, last those that were not started.

        Those that go on are left out, and those that were not chosen.
        """
        order = (Outcome.FAILED, Outcome.ERROR, Outcome.CANCELLED, Outcome.GONE, Outcome.UNKNOWN, Outcome.NOT_STARTED)
        rank = {outcome.value: number for number, outcome in enumerate(order)}
        found = [each for each in self.members if not each.passed and not each.is_open and each.is_chosen]
        return sorted(found, key=lambda member: rank.get(member.word, len(rank)))

    def tally(self) -> dict[str, int]:
        """How many members ended in which way, in the order of their first."""
        counts: dict[str, int] = {}
        for member in self.members:
            counts[member.word] = counts.get(member.word, 0) + 1
        return counts


def _between(start: str | None, end: str | None) -> float | None:
    begun, ended = time_if_known(start), time_if_known(end)
    return max(0.0, ended - begun) if begun is not None and ended is not None else None


def suite_view(result: SuiteResult) -> SuiteView:
    """
    Raises:
        ResultsError: the documents contradict each other in a way in which a report could look better than the suite was.
    """
    status = result.status
    _check(result)
    own = {member.name: member for member in result.members}
    members = [_member(said, own.get(said.name) or MemberResult(name=said.name), status) for said in status.members]
    word = status.verdict if status.verdict in (Verdict.PASSED, Verdict.FAILED) else status.phase
    columns, left_out = _columns(members)
    grid = Grid.of(("run", "rule"), [_row(member) for member in members], columns, dict(_cells(members, columns)))
    return SuiteView(result, word, members, grid, left_out, in_folder=result.mode == "run")


def _check(result: SuiteResult) -> None:
    status = result.status
    if status.verdict != status.phase.verdict:
        raise ResultsError(f"the suite has phase {status.phase} and verdict {status.verdict}, which do not go together")
    names = [member.name for member in status.members]
    if len(set(names)) < len(names):
        raise ResultsError("the suite names one of its members twice")
    if status.verdict == Verdict.PASSED:
        if not status.members or len(status.members) != status.planned:
            raise ResultsError(f"the suite says Passed of {counted(status.planned, 'run')}, and lists {len(names)}")
        _check_choice(status)
        chosen = [member for member in status.members if member.outcome != Outcome.NOT_CHOSEN]
        bad = next((member for member in chosen if member.outcome != Outcome.PASSED), None)
        if bad is not None:
            raise ResultsError(f"the suite says Passed, and that run {bad.name} is {bad.outcome or 'without an end'}")
    own = {member.name: member.status for member in result.members}
    for member in status.members:
        run = own.get(member.name)
        if member.outcome == Outcome.PASSED and run is not None:
            _check_passed(member.name, run)
        elif member.outcome == Outcome.PASSED and result.mode == "run":
            raise ResultsError(f"the suite says that run {member.name} passed, and has no results of it")


def _check_choice(status: SuiteStatus) -> None:
    """A suite that passed ran at least one member, and left out none that its parameter names."""
    named = next((each.value for each in status.overridden if each.name == conventions.PARAM_ONLY), "")
    run = [member.name for member in status.members if member.outcome != Outcome.NOT_CHOSEN]
    if run != (named.split(",") if named else [member.name for member in status.members]):
        chosen = f"that {named or 'all runs'} were chosen"
        raise ResultsError(f"the suite says Passed and {chosen}, and that {', '.join(run) or 'none'} had a verdict")


def _check_passed(name: str, run: Status) -> None:
    if run.verdict != Verdict.PASSED:
        raise ResultsError(f"the suite says that run {name} passed, and its own record says {run.verdict}")
    bad = next((rule for rule in run.rules if rule.verdict != Verdict.PASSED), None)
    if bad is not None:
        raise ResultsError(f"run {name} says Passed, and that rule {bad.name} is {bad.verdict}")


def _member(said: SuiteMemberStatus, own: MemberResult, suite: SuiteStatus) -> MemberView:
    word = _word(said, own, suite)
    doubt = ""
    if own.status is None:
        doubt = own.why
    elif own.status.verdict == Verdict.PASSED and said.outcome not in (Outcome.PASSED, None):
        doubt = "its run's own record says Passed, which the suite does not believe"
    tone = "running" if word == _RUNNING else "not-run" if word == _WAITING else _TONES.get(word, "unknown")
    rules = _rules(said, own, word, believed=not doubt)
    return MemberView(word, tone, said, own, rules, doubt)


def _word(said: SuiteMemberStatus, own: MemberResult, suite: SuiteStatus) -> str:
    """By the suite's record. Of a suite that ended without its finalize, by the member's own run, which is never Passed there."""
    if said.outcome is not None:
        return said.outcome
    over = suite.verdict != Verdict.AWAITED
    if not said.workflow:
        return Outcome.NOT_STARTED if over else _WAITING
    if not over or own.status is None:
        return Outcome.UNKNOWN if over else _RUNNING
    if own.status.phase == Phase.CANCELLED:
        return Outcome.CANCELLED
    if own.status.verdict in (Verdict.FAILED, Verdict.ERROR):
        return own.status.verdict
    return Outcome.UNKNOWN if own.status.verdict == Verdict.PASSED else _RUNNING


def _rules(said: SuiteMemberStatus, own: MemberResult, word: str, *, believed: bool) -> list[RuleCell] | None:
    if own.status is not None and own.status.rules:
        return [
            RuleCell(rule.name, _state(rule, word), rule) if believed else RuleCell(rule.name, CellState.UNKNOWN)
            for rule in own.status.rules
        ]
    if own.rules is None:
        return None
    state = CellState.UNKNOWN if said.workflow else CellState.NOT_RUN
    if word in (_WAITING, _RUNNING) and believed:
        state = CellState.RUNNING
    return [RuleCell(name, state) for name in own.rules]


def _state(rule: RuleStatus, word: str) -> CellState:
    """Of a run that goes on, only a failure is final."""
    state = CellState.of(rule.verdict, running=word == _RUNNING)
    return CellState.RUNNING if word == _RUNNING and state == CellState.PASSED else state


def _row(member: MemberView) -> Heading:
    note = member.reason if not member.passed else ""
    return Heading(member.name, "", member.tone, member.word, formatting.clean(note, formatting.NAME), anchor(member))


def anchor(member: MemberView) -> str:
    """Where the page has the member's card."""
    return f"#run-{member.name}"


def _columns(members: Sequence[MemberView]) -> tuple[list[Heading], int]:
    """The rules of all members in the order of their first appearance, and how many had no room."""
    names = dict.fromkeys(rule.name for member in members for rule in member.rules or ())
    if len(names) > MOST_COLUMNS:
        bad = {rule.name for member in members for rule in member.rules or () if rule.state in _TROUBLE}
        names = dict.fromkeys(sorted(names, key=lambda name: name not in bad))
    kept = list(names)[:MOST_COLUMNS]
    return [Heading(name) for name in kept], len(names) - len(kept)


_TROUBLE: Final = frozenset({CellState.FAILED, CellState.ERROR})


def _cells(members: Sequence[MemberView], columns: Sequence[Heading]) -> Iterator[tuple[tuple[str, str], Cell]]:
    for member in members:
        if member.rules is None:
            for column in columns:
                yield (member.name, column.key), Cell(CellState.UNKNOWN, "nothing says which rules this run has")
        for rule in member.rules or ():
            yield (member.name, rule.name), Cell(rule.state, formatting.clean(rule.words, formatting.SENTENCE))

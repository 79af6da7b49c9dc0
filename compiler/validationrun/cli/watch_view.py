"""A run as a live picture for a terminal, and as lines for everything else."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from validationrun.base.conventions import LOAD_JOB
from validationrun.base.durations import format_duration
from validationrun.base.text import printable
from validationrun.base.times import parse_time
from validationrun.cli.run_options import window_words
from validationrun.oracle.outcome import Verdict

if TYPE_CHECKING:
    from validationrun.runs.snapshot import RuleView, Snapshot
    from validationrun.runs.step_view import StepView

_MARKS: Final = {
    "Waiting": ("○", "dim"),
    "Pending": ("◌", "yellow"),
    "Running": ("●", "cyan"),
    "Done": ("✓", "green"),
    "Skipped": ("-", "dim"),
    "Failed": ("✗", "red"),
    "Error": ("✗", "yellow"),
}
_VERDICTS: Final[Mapping[str, str]] = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.ERROR: "yellow",
    Verdict.AWAITED: "dim",
}
_BAR_WIDTH: Final = 30
_MOST_SHARDS: Final = 8
_BEAT_SECONDS: Final = 60.0


def frame(snapshot: "Snapshot", now: float) -> RenderableType:
    """
    The picture of one moment.

    Args:
        now: Unix seconds.
    """
    parts: list[RenderableType] = [_headline(snapshot, now), Padding(_steps(snapshot, now), (1, 0, 0, 1))]
    if snapshot.window is not None:
        parts.append(Padding(_window(snapshot, now), (1, 0, 0, 1)))
    if snapshot.rules:
        parts.append(Padding(_rules(snapshot, now), (1, 0, 0, 1)))
    return Group(*parts)


def _text(text: str, style: str = "") -> Text:
    """What others wrote, with nothing in it that a terminal or rich would obey."""
    return Text(printable(text), style=style)


def _headline(snapshot: "Snapshot", now: float) -> Text:
    status = snapshot.status
    took = f" for {_since(status.start_time, now)}" if status.start_time else ""
    return Text.assemble(
        (printable(status.run_id), "bold"),
        f" in {printable(status.namespace)}: ",
        (status.phase, "cyan"),
        f"{took}, {printable(status.message)}",
    )


def _steps(snapshot: "Snapshot", now: float) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for step in snapshot.steps:
        mark, style = _MARKS[step.state]
        table.add_row(Text(mark, style), _text(step.name), _took(step, now), _text(step_words(step, snapshot), "dim"))
    return table


def _took(step: "StepView", now: float) -> Text:
    if step.started is None:
        return Text("")
    if step.finished is None:
        return Text(_since(step.started, now))
    return Text(format_duration(parse_time(step.finished) - parse_time(step.started), short=True))


def _since(start: str, now: float) -> str:
    return format_duration(now - parse_time(start), short=True)


def step_words(step: "StepView", snapshot: "Snapshot") -> str:
    """What there is to say of a step beside its state."""
    words = [step.message] if step.message else []
    if step.name == LOAD_JOB and step.state not in ("Failed", "Error"):
        words = [shard_words(snapshot.shards)] if snapshot.shards else words
    if step.attempts > 1:
        words.append(f"attempt {step.attempts}")
    return ", ".join(words)


def shard_words(shards: dict[int, str]) -> str:
    """Each of a few shards, or how many of many are in which state."""
    if len(shards) <= _MOST_SHARDS:
        return ", ".join(f"shard {index} {state}" for index, state in sorted(shards.items()))
    states = list(shards.values())
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) + f" of {len(states)} shards"


def _window(snapshot: "Snapshot", now: float) -> Table:
    window = snapshot.window
    assert window is not None  # noqa: S101 - the caller looked
    gone = (window.end if window.end is not None else now) - window.start
    bar = ProgressBar(total=max(1, window.seconds), completed=max(0, min(gone, window.seconds)), width=_BAR_WIDTH)
    table = Table.grid(padding=(0, 2))
    table.add_row("window", bar, window_words(snapshot, now))
    return table


def _rules(snapshot: "Snapshot", now: float) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("RULE", no_wrap=True)
    table.add_column("VERDICT", no_wrap=True)
    table.add_column("LAST ANSWER", overflow="fold")
    table.add_column("AT", no_wrap=True, justify="right")
    for rule in snapshot.rules:
        ago = f"{_since(rule.at, now)} ago" if rule.at is not None else ""
        verdict = Text(rule.verdict, _VERDICTS.get(rule.verdict, ""))
        table.add_row(_text(rule.name), verdict, _text(rule.last), Text(ago, "dim"))
    return table


class Changes:
    """What is new since the last look, a line each; and a sign of life each minute while the window is open."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._told: dict[str, str] = {}
        self._beat = clock()

    def since(self, snapshot: "Snapshot") -> Iterator[str]:
        yield from self._new("", f"{snapshot.status.phase}: {snapshot.status.message}")
        for step in snapshot.steps:
            if step.state != "Waiting":
                kind = "step" if snapshot.suite is None else "run"
                yield from self._new(f"{kind} {step.name}", _step_line(step))
        for index, state in sorted(snapshot.shards.items()):
            if state != "waiting":
                yield from self._new(f"shard {index}", state)
        for rule in snapshot.rules:
            if rule.verdict != Verdict.AWAITED or rule.last:
                yield from self._new_verdict(rule)
        if snapshot.window is not None and self._clock() - self._beat >= _BEAT_SECONDS:
            self._beat = self._clock()
            verdicts = [rule.verdict for rule in snapshot.rules]
            counted = (
                ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)) or "no rules"
            )
            yield f"window {window_words(snapshot, self._clock())}: {counted}"

    def _new(self, what: str, words: str) -> Iterator[str]:
        if self._told.get(what) != words:
            self._told[what] = words
            self._beat = self._clock()
            yield f"{what}: {words}" if what else words

    def _new_verdict(self, rule: "RuleView") -> Iterator[str]:
        """A line when the verdict has changed, with the last answer. A new value without a new verdict gives no line."""
        key = f"rule {rule.name}"
        if self._told.get(key) != rule.verdict:
            self._told[key] = rule.verdict
            self._beat = self._clock()
            yield f"{key}: {rule.verdict}" + (f": {rule.last}" if rule.last else "")


def _step_line(step: "StepView") -> str:
    again = f" (attempt {step.attempts})" if step.attempts > 1 else ""
    took = ""
    if step.started is not None and step.finished is not None:
        took = f" after {format_duration(parse_time(step.finished) - parse_time(step.started), short=True)}"
    return f"{step.state}{again}{took}" + (f": {step.message}" if step.message else "")

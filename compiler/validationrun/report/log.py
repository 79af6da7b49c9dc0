"""`report.log`: the events of a run, one per line, in the order of time."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.text import counted
from validationrun.base.times import format_time
from validationrun.oracle.fold import RuleState, fold
from validationrun.oracle.outcome import Verdict
from validationrun.report import formatting
from validationrun.report.model import Point, RuleView, RunView
from validationrun.report.phrases import stop_told

_MOST_PER_RULE: Final = 200
_LINE: Final = 300

_OPENS, _RULE, _STOPS, _ENDS, _SWEEPS, _AFTER, _VERDICT = range(7)
"""The order of events that happened at the same time."""


@dataclass(frozen=True, slots=True)
class _Event:
    t: float
    order: int
    who: str
    words: str


def render(view: RunView) -> str:
    """Decisions have their evaluation time; other events have the time of our clock."""
    events = [*_of_run(view), *itertools.chain.from_iterable(_of_rule(rule) for rule in view.rules)]
    # The sort is stable: equal events keep the order of the spec.
    events.sort(key=lambda event: (event.t, event.order))
    width = max((len(event.who) for event in events), default=0)
    # The column fits a time with milliseconds.
    lines = [f"{format_time(event.t):<24}  {event.who:<{width}}  {event.words}".rstrip() for event in events]
    lines += [f"overridden: {formatting.clean(text)}" for text in view.about.overridden]
    lines += [f"note: {formatting.clean(note)}" for note in view.about.notes]
    lines.append(_last_line(view))
    return "\n".join(lines) + "\n"


def _last_line(view: RunView) -> str:
    reason = f" ({formatting.clean(view.reason, formatting.NAME)})" if view.reason else ""
    return f"verdict: {view.verdict}{reason}: {formatting.clean(view.message)}"


def _of_run(view: RunView) -> Iterator[_Event]:
    for check in view.clock:
        message = formatting.clean(check.message, _LINE)
        if check.skew_seconds is None:
            text = f"clock could not be read: {message}"
        else:
            text = message or f"clock differs by {check.skew_seconds:g}s"
        yield _Event(check.at, _AFTER, "prometheus", text)
    yield from _of_window(view)
    for shard in view.shards:
        if shard.started is not None:
            yield _Event(shard.started, _OPENS, f"shard {shard.index}", "started")
        if shard.finished is not None:
            code = "without an exit code" if shard.code is None else f"with {shard.code}"
            reason = f" ({formatting.clean(shard.reason, formatting.NAME)})" if shard.reason else ""
            yield _Event(shard.finished, _OPENS, f"shard {shard.index}", f"ended {code}{reason}")
    if view.completed is None:
        return
    if view.workload is not None:
        code = "no code" if view.workload.code is None else f"code {view.workload.code}"
        text = " ".join(part for part in (view.workload.reason, view.workload.message) if part)
        yield _Event(view.completed, _AFTER, "workload", f"{code}: {formatting.clean(text, _LINE)}".rstrip(": "))
    text = "interrupted before the window's end" if view.interrupted else "judged"
    # The verdict's time is in whole seconds; keep it behind the clock checks, which may be later by a fraction.
    t = max([view.completed, *(check.at for check in view.clock)])
    yield _Event(t, _VERDICT, "run", f"{text}: {view.verdict}")


def _of_window(view: RunView) -> Iterator[_Event]:
    if view.start is not None:
        known = view.about.prometheus
        version = f" {formatting.clean(known, formatting.NAME)}" if known else ""
        yield _Event(
            view.start, _OPENS, "run", f"window opens: {counted(len(view.rules), 'rule')}, Prometheus{version}"
        )
    if view.end is not None:
        early = ", after the stop" if view.stop_time is not None and view.cooldown_end is None else ""
        cooldown = f"; cooldown until {format_time(view.cooldown_end)}" if view.cooldown_end is not None else ""
        yield _Event(view.end, _ENDS, "run", f"window ends{early}{cooldown}")
    if view.stop_time is not None:
        order = _AFTER if view.stopped_in_sweep else _STOPS
        yield _Event(view.stop_time, order, "run", f"stopped: {stop_told(view)}")


def _of_rule(rule: RuleView) -> Iterator[_Event]:
    who = f"rule {rule.name}"
    events = list(_changes(rule, who))
    yield from events[:_MOST_PER_RULE]
    if len(events) > _MOST_PER_RULE:
        left = len(events) - _MOST_PER_RULE
        yield _Event(events[_MOST_PER_RULE].t, _RULE, who, f"... {left} more changes are in rules/{rule.name}.jsonl")


def _changes(rule: RuleView, who: str) -> Iterator[_Event]:
    """One line for each change of the answers, with a count of repetitions."""
    state, position = RuleState(rule.name), 0
    for _, group in itertools.groupby(_numbered(rule), lambda numbered: _kind(numbered[1])):
        points = list(group)
        first, (_, last) = points[0][1], points[-1]
        if rule.resumed is not None and position <= rule.resumed[1] <= points[-1][0]:
            state = rule.resumed[0]
            at = state.last_t if state.last_t is not None else first.t
            yield _Event(at, _RULE, who, "the evaluator was restarted and went on from here")
        position = points[-1][0] + 1
        before = state
        for _, point in points:
            if point.counted:
                state = fold(state, point.decision, rule.rule.run_properties.retry)
        text = _words(first, before, state)
        if len(points) > 1:
            text += f"; the same {counted(len(points) - 1, 'time')} more, until {format_time(last.t)}"
        yield _Event(first.t, _SWEEPS if first.decision.final else _RULE, who, text)
    if rule.missing:
        text = (
            f"nothing is recorded of {counted(len(rule.missing), 'tick')}, from here to {format_time(rule.missing[-1])}"
        )
        yield _Event(rule.missing[0], _RULE, who, text)
    if (rule.state.verdict, rule.state.reason) != (state.verdict, state.reason):
        last_t = rule.points[-1].t if rule.points else None
        if last_t is not None:
            text = f"in the end {rule.state.verdict} {rule.state.reason}".rstrip()
            yield _Event(last_t, _AFTER, who, f"{text}: {formatting.clean(rule.state.message, _LINE)}")


def _numbered(rule: RuleView) -> Sequence[tuple[int, Point]]:
    return list(enumerate(rule.points))


def _kind(point: Point) -> tuple[str, str, bool, bool]:
    return point.decision.verdict, point.decision.reason, point.counted, point.decision.final


def _words(point: Point, before: RuleState, after: RuleState) -> str:
    decision = point.decision
    text = " ".join(part for part in (decision.verdict, decision.reason) if part)
    text = f"{text}: {formatting.clean(decision.message, _LINE)}"
    if decision.final:
        text = f"final sweep: {text}"
    if not point.counted:
        return f"{text} [did not count]"
    if before.verdict != after.verdict:
        return f"{text} [rule {before.verdict} -> {after.verdict}]"
    if decision.verdict == Verdict.ERROR and after.verdict not in (Verdict.ERROR, Verdict.FAILED):
        return f"{text} [tolerated]"
    return text

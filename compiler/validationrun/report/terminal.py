"""The result for a terminal: the verdict, the rules, and the log."""

from collections.abc import Iterator

from validationrun.base.durations import format_duration
from validationrun.base.times import format_time
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.report import formatting, log
from validationrun.report.model import RunView
from validationrun.report.phrases import (
    answers_short,
    answers_told,
    margin_short,
    requirement,
    run_meaning,
    stop_told,
    value_told,
)


def render(view: RunView) -> str:
    return "\n".join([*_head(view), "", *_rules(view), "", "what happened (UTC)", log.render(view)])


def _head(view: RunView) -> Iterator[str]:
    word = view.phase if view.phase == Phase.CANCELLED else view.verdict
    name = formatting.clean(view.about.name, formatting.NAME)
    yield f"{word.upper()}  {name}  {formatting.clean(view.reason, 2 * formatting.NAME)}".rstrip()
    yield f"  {formatting.clean(view.message)}"
    if text := run_meaning(view):
        yield f"  {text}"
    run = f"  run       {formatting.clean(view.about.run_id, formatting.NAME)} in {formatting.clean(view.about.namespace, formatting.NAME)}"
    yield run + (f", chain {formatting.clean(view.chain_id, formatting.NAME)}" if view.chain_id else "")
    if view.start is None:
        yield "  window    never opened"
    else:
        until = f"to {format_time(view.end)}" if view.end is not None else "without a known end"
        length = f" ({format_duration(view.end - view.start)})" if view.end is not None else ""
        yield f"  window    {format_time(view.start)} {until}{length}"
    for text in view.about.overridden:
        yield f"  changed   {formatting.clean(text)}"
    if text := stop_told(view):
        yield f"  stopped   {text}"
    if view.workload is not None:
        code = "no exit code" if view.workload.code is None else f"exit code {view.workload.code}"
        yield f"  workload  {code} {formatting.clean(view.workload.message)}".rstrip()


def _rules(view: RunView) -> Iterator[str]:
    """A row for each rule; below it the reason if the rule did not pass."""
    rows = [
        (
            rule.name,
            rule.state.verdict,
            value_told(rule),
            requirement(rule),
            margin_short(rule, view.start) or "-",
            answers_short(rule),
        )
        for rule in view.rules
    ]
    head = ("rule", "verdict", "value", "must hold", "closest", "answers")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for rule, row in zip((None, *view.rules), (head, *rows), strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if rule is None or rule.state.verdict == Verdict.PASSED:
            continue
        state = rule.state
        when = f" at {formatting.moment(state.failed_t, view.start)}" if state.failed_t is not None else ""
        if text := ": ".join(part for part in (f"{state.reason}{when}", formatting.clean(state.message)) if part):
            yield f"    {text}"
        if state.why:
            yield f"    why it was empty: {formatting.clean(state.why)}"
        if state.verdict != Verdict.FAILED:
            yield f"    {answers_told(rule)}"

"""
Markdown for a pull request or a job summary: the verdict in the first line, a table of the rules, then the rules that did not pass.

Foreign text is put in `<code>`, with every character that means something in Markdown or its dialects replaced by a
reference, so that the text can't leave its cell or become a link, a mention or a tag.
"""

import re
from collections.abc import Iterator
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.base.text import counted
from validationrun.base.times import format_time
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.report import formatting
from validationrun.report.files import links
from validationrun.report.model import RuleView, RunView
from validationrun.report.phrases import (
    answers_short,
    answers_told,
    failed_series,
    margin_short,
    requirement,
    run_meaning,
    stop_told,
    value_told,
)
from validationrun.report.reason_help import meaning

SIGNS: Final = {Verdict.PASSED: "✅", Verdict.FAILED: "❌", Verdict.ERROR: "⚠️", Phase.CANCELLED: "⏹️"}
"""The signs differ in shape, and the verdict stands beside them, so colour is not needed."""

_MOST_TOLD: Final = 10
_WORDS: Final = 240
# GitHub also links a bare `www.` host name and a bare URL.
_READ: Final = re.compile(r"[&<>\\`*_{}\[\]#|~!@$^]|(?<=www)\.|:(?=/)", re.IGNORECASE)
_TABLE_HEAD: Final = ("rule", "verdict", "value", "must hold", "closest to its threshold", "answers")


def render(view: RunView) -> str:
    """Shorter than 65,536 characters, GitHub's limit for a comment."""
    blocks = [_headline(view), _sentence(view), _facts(view)]
    if view.about.overridden:
        blocks.append("\n".join(f"- **Overridden:** {code(text, _WORDS)}" for text in view.about.overridden))
    if view.workload is not None:
        blocks.append(_workload(view))
    if view.rules:
        blocks.append(_table(view))
    blocks += _trouble(view)
    if view.about.notes:
        blocks.append("\n".join(f"- Note: {code(note, _WORDS)}" for note in view.about.notes[:_MOST_TOLD]))
    if view.about.url:
        blocks.append(f"Results: {code(view.about.url, _WORDS)}")
    if files := links(view)[:_MOST_TOLD]:
        blocks.append("Files: " + ", ".join(f"[{link.name}]({link.name})" for link in files))
    return "\n\n".join(block for block in blocks if block) + "\n"


def code(value: object, limit: int = formatting.NAME) -> str:
    """Foreign text, escaped for Markdown."""
    shown = formatting.clean(value, limit)
    return f"<code>{_READ.sub(lambda match: f'&#{ord(match[0])};', shown)}</code>" if shown else ""


def _headline(view: RunView) -> str:
    word = view.phase if view.phase == Phase.CANCELLED else view.verdict
    reason = f" {code(view.reason, 2 * formatting.NAME)}" if view.reason else ""
    return f"## {SIGNS[word]} {word}: {code(view.about.name)}{reason}"


def _sentence(view: RunView) -> str:
    explanation = run_meaning(view)
    return f"{code(view.message, 2 * _WORDS)}" + (f"<br>{explanation}" if explanation else "")


def _facts(view: RunView) -> str:
    about = view.about
    facts = [f"Run {code(about.run_id)} in {code(about.namespace)}"]
    if view.chain_id:
        facts.append(f"chain {code(view.chain_id)}")
    if view.start is None:
        facts.append("**the window never opened**")
    else:
        until = format_time(view.end) if view.end is not None else "an end that is not known"
        length = f" ({format_duration(view.end - view.start)})" if view.end is not None else ""
        facts.append(f"window {format_time(view.start)} to {until}{length}")
    if stop := stop_told(view):
        facts.append(f"stopped {code(stop, _WORDS)}")
    if view.interrupted:
        facts.append("**interrupted before the window ended**")
    if about.prometheus:
        facts.append(f"Prometheus {code(about.prometheus)}")
    return ", ".join(facts) + "."


def _workload(view: RunView) -> str:
    workload = view.workload
    if workload is None:
        return ""
    verdict = f"exit code {workload.code}" if workload.code is not None else "no exit code: it was stopped"
    parts = [part for part in (code(workload.reason), code(workload.message, _WORDS)) if part]
    return f"Workload: **{verdict}**" + (f", {' '.join(parts)}" if parts else "") + "."


def _table(view: RunView) -> str:
    rows = [_TABLE_HEAD, ("---",) * len(_TABLE_HEAD), *(_row(rule, view) for rule in view.rules)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(rule: RuleView, view: RunView) -> tuple[str, ...]:
    state = rule.state
    return (
        code(rule.name),
        f"{SIGNS.get(state.verdict, SIGNS[Verdict.ERROR])} {state.verdict}"
        + (f" {code(state.reason)}" if state.reason else ""),
        code(value_told(rule)),
        code(requirement(rule)),
        code(margin_short(rule, view.start)) or formatting.NONE,
        answers_short(rule),
    )


def _trouble(view: RunView) -> Iterator[str]:
    """The rules that did not pass, with time, message and series."""
    troubled = view.troubled
    if not troubled:
        return
    yield "**What did not pass**"
    items = ["\n".join(_item(rule, view)) for rule in troubled[:_MOST_TOLD]]
    if len(troubled) > _MOST_TOLD:
        items.append(f"- and {counted(len(troubled) - _MOST_TOLD, 'more rule')}")
    yield "\n".join(items)


def _item(rule: RuleView, view: RunView) -> Iterator[str]:
    state = rule.state
    when = f" at {formatting.moment(state.failed_t, view.start)}" if state.failed_t is not None else ""
    yield f"- {code(rule.name)} {state.verdict}{when}: {code(state.reason)} {code(state.message, _WORDS)}"
    if explanation := meaning(state.reason):
        yield f"  - {explanation}"
    if state.why:
        yield f"  - why it was empty: {code(state.why, _WORDS)}"
    for series in failed_series(rule)[:3]:
        yield f"  - series {code(series, _WORDS)}"
    if state.verdict != Verdict.FAILED:
        yield f"  - {answers_told(rule)}"

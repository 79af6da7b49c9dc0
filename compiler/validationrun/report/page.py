"""`report.html`: a self-contained page. This module makes the texts and the drawing; the markup is in `templates/report/`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.base.times import format_time
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.report import formatting, markup
from validationrun.report.files import links
from validationrun.report.model import RuleView, RunView, Shard
from validationrun.report.phrases import answers_short, margin_short, requirement, run_meaning, stop_told, value_told
from validationrun.report.rule_card import cards_of
from validationrun.report.timeline_axis import Axis, Event, in_lines
from validationrun.report.timeline_row import Lane, Span, lane_of

_MARKS: Final = 2000
"""Most decisions with a tooltip on one page, because each costs some 150 bytes."""
_ROOM_TO_THE_RIGHT: Final = 60
"""Percent of the width; a name further right is written to the left of its line."""
_FEWEST_MARKS: Final = 24
_MODES: Final = {"run": "validationrun run --local", "evaluate": "validationrun evaluate", "argo": "Argo"}
_MOST_NOTES: Final = 20
_MOST_BARS: Final = 16
_BAR: Final = 6


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    The rows and their common axis.

    Attributes:
        window: the window on the axis; if its end is unknown, up to the latest known moment.
        after_stop: the part of the window after the stop, which does not count.
        bars: one for each shard of the load.
    """

    axis: Axis
    window: Span
    after_stop: Span | None
    events: list[Event]
    bars: list[Span]
    lanes: list[Lane]


def render(view: RunView) -> str:
    environment = markup.environment()
    script = markup.script(environment)
    return environment.get_template("page.html.j2").render(
        view=view,
        message=formatting.clean(view.message),
        reason="" if view.reason == view.phase else formatting.clean(view.reason, 2 * formatting.NAME),
        tone=tone_of(view),
        word=view.phase if view.phase == Phase.CANCELLED else view.verdict,
        meaning=run_meaning(view),
        overridden=[formatting.clean(text) for text in view.about.overridden],
        notes=[formatting.clean(note) for note in view.about.notes[:_MOST_NOTES]],
        facts=list(_facts(view)),
        timeline=_timeline(view),
        cards=cards_of(view),
        overview=[_overview(rule, view) for rule in view.rules],
        details=list(_details(view)),
        files=links(view),
        script=script.text,
        script_hash=script.digest,
    )


def tone_of(view: RunView) -> str:
    """The page's colour and sign. Only a Passed run gets those of a pass."""
    return view.phase.lower() if view.phase == Phase.CANCELLED else view.verdict.lower()


def _facts(view: RunView) -> Iterator[tuple[str, str, str]]:
    """The facts below the verdict: a title, a short value, and a remark."""
    tally = view.tally()
    yield "rules", ", ".join(f"{count} {verdict.lower()}" for verdict, count in tally.items()) or "none", ""
    if view.workload is None:
        yield "workload", "none", "the rules alone were judged"
    elif view.workload.code is None:
        yield "workload", "no exit code", "it was stopped"
    else:
        yield "workload", f"exit code {view.workload.code}", view.workload.reason
    good, expected = (sum(values) for values in zip((0, 0), *_answers(view), strict=True))
    if expected:
        yield "answers", f"{good} of {expected}", f"{formatting.share(good, expected)} of what was to be asked"
    else:
        yield "answers", "none", "nothing was asked"
    if view.start is None:
        yield "window", "none", "it never opened"
        return
    if view.end is None:
        yield "window", "unknown end", f"from {format_time(view.start)}"
    else:
        length = format_duration(view.end - view.start)
        yield "window", length, formatting.span(view.start, view.end)
    if view.interrupted and view.completed is not None:
        yield (
            "interrupted",
            f"after {format_duration(max(0, round(view.completed - view.start)))}",
            "nothing later was judged",
        )
    if view.stop_time is not None:
        after = f"after {format_duration(view.stop_time - view.start)}"
        yield "stopped", "nothing left to stop" if view.stopped_in_sweep else after, stop_told(view)


def _answers(view: RunView) -> Iterator[tuple[int, int]]:
    for rule in view.rules:
        yield rule.summary.good, rule.expected


def _timeline(view: RunView) -> Timeline | None:
    axis = Axis.of(view)
    if axis is None or view.start is None:
        return None
    most = max(_FEWEST_MARKS, _MARKS // max(1, len(view.rules)))
    left, right = axis.x(view.start), axis.x(view.end if view.end is not None else axis.latest)
    after = None
    if view.stop_time is not None and axis.x(view.stop_time) < right:
        after = Span(axis.x(view.stop_time), round(right - axis.x(view.stop_time), 3), "after the stop")
    return Timeline(
        axis,
        Span(left, round(right - left, 3), "the load window" if view.workload is not None else "the window"),
        after,
        in_lines(_events(view, axis)),
        _bars(view, axis),
        [lane_of(rule, axis, most) for rule in view.rules],
    )


def _events(view: RunView, axis: Axis) -> Iterator[Event]:
    if view.end is not None:
        yield Event(axis.x(view.end), "end", "end", left=True)
    if view.cooldown_end is not None:
        yield Event(axis.x(view.cooldown_end), "cooldown ends", "end", left=True)
    interrupted = view.completed if view.interrupted else None
    for name, t in (("stop", view.stop_time), ("interrupted", interrupted)):
        if t is not None:
            x = axis.x(t)
            yield Event(x, f"{name} {formatting.clock(t)}", "stop", left=x > _ROOM_TO_THE_RIGHT)


def _bars(view: RunView, axis: Axis) -> list[Span]:
    return [
        Span(
            axis.x(shard.started), round(max(axis.x(shard.finished) - axis.x(shard.started), 0.1), 3), shard_told(shard)
        )
        for shard in view.shards[:_MOST_BARS]
        if shard.started is not None and shard.finished is not None
    ]


def shard_told(shard: Shard) -> str:
    """How one shard ended, in a few words."""
    code = "no exit code" if shard.code is None else f"exit code {shard.code}"
    return f"shard {shard.index}: {code}" + (
        f" ({formatting.clean(shard.reason, formatting.NAME)})" if shard.reason else ""
    )


def _overview(rule: RuleView, view: RunView) -> dict[str, str]:
    state = rule.state
    return {
        "name": rule.name,
        "verdict": state.verdict,
        "tone": rule_tone(rule),
        "value": value_told(rule),
        "requirement": requirement(rule),
        "margin": margin_short(rule, view.start) or formatting.NONE,
        "answers": answers_short(rule),
        "failed": formatting.moment(state.failed_t, view.start) if state.failed_t is not None else formatting.NONE,
    }


def rule_tone(rule: RuleView) -> str:
    return rule.state.verdict.lower() if rule.state.verdict in (Verdict.PASSED, Verdict.FAILED) else "error"


def _details(view: RunView) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Tables of names and values at the end of the page."""
    about = view.about
    run = {
        "run": about.run_id,
        "namespace": about.namespace,
        "chain": view.chain_id,
        "spec hash": about.spec_hash,
        "judged by": _MODES.get(about.mode, about.mode),
        "began": about.began,
        "verdict given": about.completed,
        "results": about.url,
        "settle time": f"{about.settle_s:g}s" if about.settle_s is not None else "",
    }
    yield "Run", _pairs(run)
    yield "Images", _pairs(about.images)
    yield "Parameters", _pairs(about.parameters)
    yield "Versions", _pairs({**about.versions, "prometheus": about.prometheus})
    differs = "Prometheus' clock differs by"
    clock = [
        (format_time(check.at), check.message or f"{differs} {check.skew_seconds or 0:g}s") for check in view.clock
    ]
    yield "Clock", clock


def _pairs(values: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (formatting.clean(name, formatting.NAME), formatting.clean(value, formatting.NAME * 2))
        for name, value in values.items()
        if value
    ]

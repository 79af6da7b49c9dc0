"""
One row of the timeline: a rule's decisions as geometry.

Horizontal positions are in percent or in units of `WIDTH`, so that a row fits any page; heights are pixels. Rows of long
runs are thinned: each column keeps its lowest and highest value, and every failed or unanswered tick still shows in the strip.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.base.numbers import value_text
from validationrun.base.times import format_time
from validationrun.oracle.comparison import Comparison
from validationrun.oracle.outcome import Verdict
from validationrun.report import formatting
from validationrun.report.model import Point, RuleView
from validationrun.report.phrases import requirement
from validationrun.report.timeline_axis import WIDTH, Axis, Scale

COLUMNS: Final = 500
"""A row with more than two points per column is thinned to this many columns."""
_MOST_SPANS: Final = 150
_PLOT: Final = 76.0
_PLOT_WITHOUT_VALUES: Final = 30.0
_STRIP: Final = 16.0
_EDGE: Final = 6.0
_OVER: Final = 1.5
"""Two ticks that are more than this many intervals apart have a gap between them."""
_DOTS: Final = 120
_TITLE: Final = 160
_LETTERS: Final = 11.0
_ROOM: Final = 10
"""Characters that fit beside a row."""

GOOD, BAD, UNANSWERED, UNCOUNTED, SWEEP = "good", "failed", "error", "uncounted", "sweep"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in percent of the width."""

    x: float
    width: float
    title: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """One decision with a tooltip."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(slots=True)
class Lane:
    """
    One rule's row.

    Attributes:
        plot: height of the drawing; below it is a strip with a sign for each tick.
        line: the values over time, as the `d` of a path `WIDTH` units wide; interrupted where there was no value.
        dense: the row was thinned to columns.
        reach: the pointer reads a value up to this far from it, in `WIDTH` units.
        violating: areas where a value does not pass: pixels from the top, height.
        threshold, limit: the threshold's height, and the rule's condition in a few characters.
        high, low: the values at the top and at the bottom; empty where they would overlap the limit.
        gaps, holes: stretches without an answer, and stretches without a record.
        fired, quiet: stretches in which the rule's alert fired, or did not.
        passed, failed, error, uncounted: the strip, as the `d` of paths.
        waiting: the time before startAfter.
        silence: the text in a row without any answer.
        description: the row as a sentence.
    """

    rule: RuleView
    plot: float
    height: float
    line: str = ""
    dense: bool = False
    reach: float = 0.0
    violating: list[tuple[float, float]] = field(default_factory=list)
    threshold: float | None = None
    limit: str = ""
    high: str = ""
    low: str = ""
    gaps: list[Span] = field(default_factory=list)
    holes: list[Span] = field(default_factory=list)
    fired: list[Span] = field(default_factory=list)
    quiet: list[Span] = field(default_factory=list)
    passed: str = ""
    failed: str = ""
    error: str = ""
    uncounted: str = ""
    waiting: Span | None = None
    silence: str = ""
    marks: list[Mark] = field(default_factory=list)
    scale: Scale | None = None
    description: str = ""


def lane_of(rule: RuleView, axis: Axis, most_marks: int) -> Lane:
    """
    Args:
        most_marks: the most decisions that get a mark; the others are drawn without a tooltip.
    """
    comparison = rule.type.comparison(rule.rule)
    plot = _PLOT if comparison is not None else _PLOT_WITHOUT_VALUES
    lane = Lane(rule, plot, plot + _STRIP)
    points = sorted(rule.points, key=lambda tick: tick.t)
    cells = _Cells(rule, axis)
    counted = [tick for tick in points if tick.counted]
    lane.gaps = cells.spans((tick.t for tick in counted if not tick.good), "no answer")
    lane.holes = cells.spans(rule.missing, "nothing recorded")
    if comparison is not None:
        _values(lane, points, axis, comparison)
    else:
        lane.fired = cells.spans(
            (point.t for point in counted if point.decision.verdict == Verdict.FAILED), rule.type.failed_word
        )
        lane.quiet = cells.spans(
            (point.t for point in counted if point.decision.verdict == Verdict.PASSED), rule.type.passed_word
        )
    _strip(lane, points, cells, axis)
    start_after = int(rule.rule.run_properties.start_after)
    if start_after:
        x = axis.x(axis.start)
        lane.waiting = Span(
            x, round(axis.x(axis.start + start_after) - x, 3), f"not asked before {format_duration(start_after)}"
        )
    lane.marks = list(_marks(lane, points, axis, most_marks))
    if not rule.summary.good:
        lane.silence = "no data: never answered" if points else "no data: never asked"
        if not points and rule.state.last_t is not None:
            lane.silence = "no data here"
    lane.description = _describe(rule)
    return lane


class _Cells:
    """Draws each tick as the half interval before and after it."""

    def __init__(self, rule: RuleView, axis: Axis) -> None:
        self._half = int(rule.rule.run_properties.interval) / 2
        self._axis = axis

    def merged(self, times: Iterable[float], room: float) -> Iterator[tuple[float, float]]:
        """Stretches on the axis in percent; stretches at most `room` apart are merged."""
        open_: tuple[float, float] | None = None
        for t in times:
            left = self._axis.x(max(t - self._half, self._axis.start))
            right = self._axis.x(min(t + self._half, self._axis.latest))
            if open_ is not None and left - open_[1] <= room:
                open_ = (open_[0], max(right, open_[1]))
                continue
            if open_ is not None:
                yield open_
            open_ = (left, right)
        if open_ is not None:
            yield open_

    def spans(self, times: Iterable[float], title: str) -> list[Span]:
        """The stretches as spans; neighbours are merged if there are too many for the page."""
        times = list(times)
        stretches = list(self.merged(times, 0.001))
        if len(stretches) > _MOST_SPANS:
            stretches = list(self.merged(times, 50 / _MOST_SPANS))
        return [Span(left, round(max(right - left, 0.1), 3), title) for left, right in stretches]


def _values(lane: Lane, points: Sequence[Point], axis: Axis, comparison: Comparison) -> None:
    numbers = [point.number for point in points if point.number is not None]
    lane.scale = scale = Scale.of([*numbers, comparison.limit], _EDGE, lane.plot - _EDGE)
    lane.threshold = scale.y(comparison.limit)
    lane.limit = _limit(lane.rule, comparison)
    if numbers:
        lane.high = formatting.rough(scale.high) if lane.threshold > 2 * _LETTERS else ""
        lane.low = formatting.rough(scale.low) if lane.threshold < lane.plot - 2 * _LETTERS else ""
    lane.violating = _violating(lane.plot, lane.threshold, comparison.op)
    interval = int(lane.rule.rule.run_properties.interval)
    drawn = [point for point in points if point.counted]
    lane.dense = len(drawn) > 2 * COLUMNS
    lane.reach = round(max(0.75 * interval / (axis.last - axis.first), 1 / COLUMNS) * WIDTH, 2)
    lane.line = _path(list(_thinned(drawn, interval, axis)), axis, scale)


def _limit(rule: RuleView, comparison: Comparison) -> str:
    text = requirement(rule)
    return text if len(text) <= _ROOM else f"{comparison.op} {formatting.rough(comparison.limit)}"


def _violating(plot: float, y: float, op: str) -> list[tuple[float, float]]:
    """The areas where values do not pass, for a threshold at height `y`."""
    above, below = (0.0, y), (y, round(plot - y, 1))
    return {">": [below], ">=": [below], "<": [above], "<=": [above], "==": [above, below]}.get(op, [])


def _thinned(points: Sequence[Point], interval: float, axis: Axis) -> Iterator[tuple[float, float, bool]]:
    """Time, value, and whether a line joins the point to the previous point; each column keeps its lowest and highest value."""
    width = (axis.last - axis.first) / COLUMNS
    few = len(points) <= 2 * COLUMNS
    for _, column in itertools.groupby(
        _joined(points, interval), lambda sample: 0 if few else int((sample[0] - axis.first) / width)
    ):
        samples = list(column)
        kept = samples if few else _extremes(samples)
        for index, (t, value, joined) in enumerate(kept):
            # A gap inside a column is too narrow to see, so only the first point of a column can follow a gap.
            yield t, value, joined if few else index > 0 or samples[0][2]


def _extremes(column: Sequence[tuple[float, float, bool]]) -> list[tuple[float, float, bool]]:
    low = min(column, key=lambda sample: sample[1])
    high = max(column, key=lambda sample: sample[1])
    return [low] if low is high else sorted((low, high))


def _joined(points: Sequence[Point], interval: float) -> Iterator[tuple[float, float, bool]]:
    last: float | None = None
    for point in points:
        if point.number is None or not point.good:
            continue
        yield point.t, point.number, last is not None and point.t - last <= _OVER * interval
        last = point.t


def _path(points: Sequence[tuple[float, float, bool]], axis: Axis, scale: Scale) -> str:
    parts: list[str] = []
    for index, (t, value, joined) in enumerate(points):
        parts.append(f"{'L' if joined else 'M'}{_units(axis.x(t))} {scale.y(value):g}")
        alone = not joined and (index + 1 == len(points) or not points[index + 1][2])
        if alone:
            # Round line caps draw a line of length 0 as a dot.
            parts.append("h0")
    return "".join(parts)


def _units(percent: float) -> str:
    return f"{round(percent * WIDTH / 100, 1):g}"


def _strip(lane: Lane, points: Sequence[Point], cells: _Cells, axis: Axis) -> None:
    """A line for passed ticks, a bar for a failed tick, half a bar for an unanswered tick, a dot for an uncounted tick."""
    top = lane.plot + 3
    middle, bottom = top + 5, top + 10
    counted = [point for point in points if point.counted]
    good = cells.merged((point.t for point in counted if point.decision.verdict == Verdict.PASSED), 100 / COLUMNS)
    lane.passed = "".join(f"M{_units(left)} {middle:g}H{_units(right)}" for left, right in good)
    lane.failed = _ticks(
        (point.t for point in counted if point.decision.verdict == Verdict.FAILED), axis, f" {top:g}V{bottom:g}"
    )
    lane.error = _ticks((point.t for point in counted if not point.good), axis, f" {middle:g}V{bottom:g}")
    lane.uncounted = _ticks((point.t for point in points if not point.counted), axis, f" {middle:g}h0")


def _ticks(times: Iterable[float], axis: Axis, draw: str) -> str:
    columns = dict.fromkeys(round(axis.x(t) * COLUMNS / 100) * WIDTH // COLUMNS for t in times)
    return "".join(f"M{column}{draw}" for column in columns)


def _marks(lane: Lane, points: Sequence[Point], axis: Axis, most: int) -> Iterator[Mark]:
    """A mark for each tick that is not good; good ticks get marks only if there is room for all of them."""
    first = lane.rule.first_failure()
    telling = [point for point in points if _kind(point) != GOOD]
    # Of too many ticks, pick evenly from all of them; the strip shows every tick.
    shown = telling[:: max(1, -(-len(telling) // most))]
    if lane.scale is None:
        # An alert's stretches show when it fired, so a mark at the first failure is enough.
        shown = [point for point in shown if _kind(point) != BAD]
    elif len(points) <= min(most, _DOTS):
        shown = [point for point in points if _kind(point) == GOOD] + telling
    # Always mark the first failure, because it decided the rule's verdict.
    if first is not None and first not in shown:
        shown.append(first)
    for point in shown:
        yield Mark(axis.x(point.t), _height(lane, point), _kind(point), _title(point, axis.start))


def _kind(point: Point) -> str:
    if not point.counted or point.decision.verdict == Verdict.AWAITED:
        return UNCOUNTED
    if point.decision.verdict == Verdict.FAILED:
        return BAD
    if point.decision.verdict == Verdict.ERROR:
        return UNANSWERED
    return SWEEP if point.decision.final else GOOD


def _height(lane: Lane, point: Point) -> float:
    if lane.scale is not None and point.number is not None:
        return lane.scale.y(point.number)
    return lane.plot / 2


def _title(point: Point, start: float) -> str:
    decision = point.decision
    text = " ".join(part for part in (decision.reason, formatting.clean(decision.message, _TITLE)) if part)
    remarks = (", final sweep" if decision.final else "") + ("" if point.counted else ", did not count")
    return f"{formatting.moment(decision.t, start)}{remarks}: {decision.verdict}: {text}"


def _describe(rule: RuleView) -> str:
    state, summary = rule.state, rule.summary
    text = f"rule {rule.name}: {state.verdict}; {summary.good} of {rule.expected} decisions had an answer"
    if summary.failed:
        text += f", {summary.failed} of them failed"
    if state.failed_t is not None:
        text += f", the first at {format_time(state.failed_t)}"
    if summary.lowest is not None and summary.highest is not None:
        text += f"; values from {value_text(summary.lowest)} to {value_text(summary.highest)}"
    return text

"""A row of the timeline: what thinning keeps, and the scales."""

import math
import re

import hypothesis
import pytest
from hypothesis import strategies as st

from simulation import START, query_rule
from validationrun.oracle.decision import Decision
from validationrun.oracle.fold import RuleState
from validationrun.oracle.question import Question
from validationrun.oracle.tally import summarize
from validationrun.report.model import Point, RuleView
from validationrun.report.timeline_axis import WIDTH, Axis, Scale
from validationrun.report.timeline_row import COLUMNS, Lane, lane_of
from validationrun.spec.v1alpha1 import Rule

INTERVAL = 5


def lane(rule: Rule, answers: "list[float | None]") -> tuple[Lane, list[Point], Axis]:
    """A row of ticks one after the other; None is an answer that did not come."""
    points = []
    for index, value in enumerate(answers):
        t = START + (index + 1) * INTERVAL
        verdict = "Error" if value is None else "Passed" if value < 100 else "Failed"
        decision = Decision(rule.name, t, verdict, "", "", None if value is None else str(value))
        points.append(Point(decision, counted=True, number=value))
    length = INTERVAL * (len(answers) + 1)
    axis = Axis(START, START + length, START - 0.015 * length, START + 1.015 * length)
    summary = summarize(rule, ((point.decision, True) for point in points))
    view = RuleView(Question.of(rule, {}), RuleState(rule.name), points, summary, [], None)
    return lane_of(view, axis, 50), points, axis


def drawn(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def columns(points: list[Point], axis: Axis) -> dict[int, list[float]]:
    """The values in each of the columns into which a row is thinned."""
    found: dict[int, list[float]] = {}
    for point in points:
        if point.number is not None:
            found.setdefault(int((point.t - axis.first) / ((axis.last - axis.first) / COLUMNS)), []).append(
                point.number
            )
    return found


VALUES = st.one_of(st.none(), st.floats(-1000, 1000, allow_nan=False))


# A long row takes minutes to be made smaller, and tells no more then.
@hypothesis.settings(deadline=None, max_examples=30, phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate])
@hypothesis.given(st.lists(VALUES, min_size=2, max_size=40), st.sampled_from([7, 1000, 1001, 1700, 4000]))
def test_thinning_keeps_every_failed_and_unanswered_tick_and_the_extremes(block, length):
    """Whatever the length: the place of each failed and each unanswered tick, and the lowest and highest value of each column."""
    answers = (block * length)[:length]
    row, points, axis = lane(query_rule("r", "q", "<", "100", interval="5s"), answers)
    step = WIDTH // COLUMNS
    failed = {int(x) for x in re.findall(r"M(\d+) ", row.failed)}
    errors = {int(x) for x in re.findall(r"M(\d+) ", row.error)}
    assert failed == {round(axis.x(p.t) * COLUMNS / 100) * step for p in points if p.decision.verdict == "Failed"}
    assert errors == {round(axis.x(p.t) * COLUMNS / 100) * step for p in points if not p.good}
    numbers = [p.number for p in points if p.number is not None]
    assert bool(row.line) == bool(numbers)
    if numbers:
        heights = [y for _, y in drawn(row.line)]
        assert max(heights) == row.scale.y(min(numbers))
        assert min(heights) == row.scale.y(max(numbers))
        assert len(heights) <= 2 * COLUMNS + 2
    if row.dense:
        heights_at: dict[int, set[float]] = {}
        for at, y in drawn(row.line):
            for near in (-1, 0, 1):
                heights_at.setdefault(int(at * COLUMNS / WIDTH + 1e-9) + near, set()).add(y)
        for x, column in columns(points, axis).items():
            there = heights_at[x]
            assert {row.scale.y(min(column)), row.scale.y(max(column))} <= there
    xs = [x for x, _ in drawn(row.line)]
    assert xs == sorted(xs)


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(st.lists(VALUES, min_size=1, max_size=200))
def test_the_line_is_broken_exactly_where_an_answer_is_missing(answers):
    row, points, _ = lane(query_rule("r", "q", "<", "100", interval="5s"), answers)
    good = [point.number is not None for point in points]
    stretches = sum(now and not before for before, now in zip([False, *good], good, strict=False))
    assert row.line.count("M") == stretches
    assert len(row.gaps) == sum(not now and before for before, now in zip([True, *good], good, strict=False))


def test_the_line_is_broken_where_ticks_are_not_there_at_all():
    """Ticks of which nothing is recorded leave no answer that could break the line."""
    rule = query_rule("r", "q", "<", "100", interval="5s")
    _, points, axis = lane(rule, [1.0] * 20)
    kept = [point for index, point in enumerate(points) if not 8 <= index < 12]
    summary = summarize(rule, ((point.decision, True) for point in kept))
    missing = [point.t for point in points[8:12]]
    row = lane_of(RuleView(Question.of(rule, {}), RuleState("r"), kept, summary, missing, None), axis, 50)
    assert row.line.count("M") == 2
    assert len(row.holes) == 1
    assert not row.gaps


@pytest.mark.parametrize(
    "numbers",
    [[], [0.0], [5.0, 5.0], [-1.7e308, 1.7e308], [5e-324], [1e308, 1e308], [1.0, math.nextafter(1.0, 2)], [-3.0, 4.0]],
)
def test_a_scale_holds_whatever_numbers_there_are(numbers):
    """The lowest is drawn below the highest, and both inside; nothing overflows and nothing is divided by zero."""
    scale = Scale.of(numbers, 6, 70)
    heights = [scale.y(number) for number in sorted(numbers)]
    assert heights == sorted(heights, reverse=True)
    assert all(6 <= height <= 70 for height in heights)
    if len(set(numbers)) == 1:
        assert heights[0] == 38


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (60, ["0", "10s", "20s", "30s", "40s", "50s", "1m"]),
        (600, ["0", "2m", "4m", "6m", "8m", "10m"]),
        (3600, ["0", "10m", "20m", "30m", "40m", "50m", "1h"]),
        (86_400, ["0", "6h", "12h", "18h", "1d"]),
        (14 * 86_400, ["0", "3d", "6d", "9d", "12d"]),
        (1, ["0", "1s"]),
    ],
)
def test_the_axis_names_round_distances_from_the_start(seconds, labels):
    axis = Axis(START, START + seconds, START - 1, START + seconds + 1)
    found = axis.labels()
    assert [one.after for one in found] == labels
    assert found[0].clock.startswith("11:06:40") or found[0].clock == "11-18 11:06"
    assert [one.x for one in found] == sorted(one.x for one in found)


@pytest.mark.parametrize(
    ("op", "bands"), [(">", "below"), (">=", "below"), ("<", "above"), ("<=", "above"), ("==", "both"), ("!=", "none")]
)
def test_the_side_where_a_value_does_not_pass_is_shaded(op, bands):
    row, _, _ = lane(query_rule("r", "q", op, "50", interval="5s"), [40.0, 60.0])
    above, below = (0.0, row.threshold), (row.threshold, round(row.plot - row.threshold, 1))
    assert row.violating == {"below": [below], "above": [above], "both": [above, below], "none": []}[bands]

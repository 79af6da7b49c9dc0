"""What a counter added: every way in which series are born, reset and handed over."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validationrun.oracle.counters import SampledSeries, SeriesFacts, added, added_by_samples

START = 100.0


def sampled(points, at_start=None, before=None):
    """A series with what Prometheus says of its samples."""
    values = [value for _, value in points]
    previous = itertools.pairwise(values)
    facts = SeriesFacts(
        at_start,
        before,
        min(values, default=None),
        values[-1] if values else None,
        float(sum(later < earlier for earlier, later in previous)),
    )
    return SampledSeries(facts, points)


def line(*values, since=0):
    return [(START + 10 * (since + index + 1), float(value)) for index, value in enumerate(values)]


ONE = {
    "grew": (sampled(line(5, 7), 5), 2),
    "stood still": (sampled(line(5, 5), 5), 0),
    "was born": (sampled(line(3, 4)), 4),
    "was reset before its first sample": (sampled(line(2, 6), 5), 6),
    "came back after an outage at the start": (sampled(line(7, 8), None, 7), 1),
    "had ended before the window": (sampled([], None, 7), 0),
    "ended at the start": (sampled([], 7), 0),
}


@pytest.mark.parametrize("name", ONE)
def test_one_series_without_a_reset(name):
    series, expected = ONE[name]
    assert added([series.facts]) == expected
    assert added_by_samples([series]) == expected


def test_only_samples_tell_what_was_added_over_resets():
    series = sampled(line(8, 0, 2, 0, 1), 3)
    assert added([series.facts]) is None
    assert added_by_samples([series]) == 8


HAND_OVERS = {
    "at the same value": ([sampled(line(3, 3), 3), sampled(line(3, 3, since=2))], 0),
    "with an overlap": ([sampled(line(3, 3, 3), 3), sampled(line(3, 3, since=1))], 0),
    "with something in between": ([sampled(line(3, 4), 3), sampled(line(6, 7, since=2))], 4),
    "of one that had ended at the start": ([sampled([], 3), sampled(line(3, 5))], 2),
    "of one that had ended before": ([sampled([], None, 3), sampled(line(3, 5))], 2),
    "to a process that began at 0": ([sampled(line(3, 10), 3), sampled(line(4, 6, since=2))], 13),
    "to a second of a pair": ([sampled(line(3, 5, 9), 3), sampled(line(5, 9, since=1))], 6),
    "twice": ([sampled(line(1), 1), sampled(line(2, since=1)), sampled(line(4, since=2))], 3),
    "of one that was born": ([sampled(line(2, 3)), sampled(line(3, 4, since=2))], 4),
}


@pytest.mark.parametrize("name", HAND_OVERS)
def test_a_hand_over_continues(name):
    series, expected = HAND_OVERS[name]
    assert added_by_samples(series) == expected
    assert added([one.facts for one in series]) in (expected, None)


@pytest.mark.parametrize(
    "name", ["at the same value", "with something in between", "of one that had ended at the start"]
)
def test_a_plain_hand_over_needs_no_samples(name):
    assert added([one.facts for one in HAND_OVERS[name][0]]) is not None


def test_series_that_live_side_by_side_are_one_counter():
    """And where they differ, the one that saw most tells: a series that added nothing never hides another one."""
    pair = [sampled(line(10, 12), 10), sampled(line(10, 12), 9)]
    assert added([one.facts for one in pair]) == added_by_samples(pair) == 3
    still = [sampled(line(100, 100), 100), sampled(line(0, 50), 0)]
    assert added([one.facts for one in still]) == added_by_samples(still) == 50


def test_nothing_at_all_adds_nothing():
    assert added([]) == added_by_samples([]) == 0


@st.composite
def lives(draw):
    """A counter's value at the start, its samples, and what it added: growth, and what stood there after each reset."""
    value = begin = float(draw(st.integers(0, 5)))
    total, points = 0.0, []
    for step in range(draw(st.integers(1, 12))):
        if value > 0 and draw(st.booleans()) and draw(st.booleans()):
            # A reset shows only where less is there than before.
            value = float(draw(st.integers(0, int(value) - 1)))
            total += value
        else:
            more = float(draw(st.integers(0, 4)))
            value, total = value + more, total + more
        points.append((START + 10 * (step + 1), value))
    return begin, points, total


@given(lives())
def test_what_was_added_is_what_the_samples_show(life):
    begin, points, total = life
    series = sampled(points, begin)
    assert added_by_samples([series]) == pytest.approx(total)
    told = added([series.facts])
    assert told is None or told == pytest.approx(total)


@given(lives(), st.integers(0, 12))
def test_a_counter_that_moves_adds_the_same(life, cut):
    """Its samples before and after the cut belong to two series that are one counter."""
    begin, points, total = life
    series = [sampled(points[:cut], begin), sampled(points[cut:])]
    assert added_by_samples(series) == pytest.approx(total)
    told = added([one.facts for one in series])
    assert told is None or told == pytest.approx(total)


@given(st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=5), st.none() | st.integers(0, 9)), max_size=4))
def test_it_is_never_negative_and_never_less_than_one_series_grew(shapes):
    series = [sampled(line(*values), None if base is None else float(base)) for values, base in shapes]
    by_samples = added_by_samples(series)
    told = added([one.facts for one in series])
    assert by_samples >= 0
    assert math.isfinite(by_samples)
    assert told is None or told >= 0
    for one in series:
        if one.facts.at_start is not None:
            assert by_samples >= added_by_samples([one])


def test_a_new_series_continues_the_one_that_was_there_at_the_start() -> None:
    """Another one of the same counter ended an hour before, at the value with which the new one begins."""
    gone = SampledSeries(SeriesFacts(before=5.0), ())
    there = SampledSeries(SeriesFacts(at_start=0.0), ())
    new = SampledSeries(SeriesFacts(lowest=5.0, last=5.0), ((12.0, 5.0),))
    assert added_by_samples([gone, there, new]) == 5.0


def test_series_that_are_born_at_one_time_do_not_continue_each_other() -> None:
    """Whatever their order in the answer."""
    there = SampledSeries(SeriesFacts(at_start=1.0), ())
    low = SampledSeries(SeriesFacts(lowest=0.0, last=0.0), ((1.0, 0.0),))
    high = SampledSeries(SeriesFacts(lowest=1.0, last=1.0), ((1.0, 1.0),))
    assert [added_by_samples(order) for order in itertools.permutations([there, low, high])] == [0.0] * 6

"""promtool's notation, by hand here; tests/ruletest compares it with promtool itself."""

import math

import pytest

from validationrun.judging.ruletest.promtool_series import (
    MOST_SAMPLES,
    Mark,
    NotationError,
    Selector,
    read_series,
    read_values,
)


@pytest.mark.parametrize(("text", "values"), [
    ("", []),
    ("3", [3.0]),
    ("  1\t2\n3 ", [1.0, 2.0, 3.0]),
    ("0+1x3", [0.0, 1.0, 2.0, 3.0]),
    ("10-2x3", [10.0, 8.0, 6.0, 4.0]),
    ("1x2", [1.0, 1.0, 1.0]),
    ("-1", [-1.0]),
    ("+1.5e1", [15.0]),
    ("_", [None]),
    ("_x3", [None, None, None]),
    ("_x0", []),
    ("1 stale 2", [1.0, Mark.STALE, 2.0]),
    ("Inf -Inf +inf", [math.inf, -math.inf, math.inf]),
    ("010", [8.0]),
    ("09 0 00", [9.0, 0.0, 0.0]),
    ("0+1x20 _x5 NaN stale 3", [*map(float, range(21)), *[None] * 5, math.nan, Mark.STALE, 3.0]),
])  # fmt: skip
def test_values_are_expanded_as_promtool_does(text, values):
    # repr, because a NaN equals nothing.
    assert repr(read_values(text)) == repr(values)


def test_steps_add_up_as_floats_do():
    """promtool adds the step again and again; multiplying would give other digits."""
    assert read_values("0+0.1x3")[3] == 0.1 + 0.1 + 0.1


@pytest.mark.parametrize(
    "item", ["NaNx3", "0x1f", "1+2", "a", "stalex3", "_x", "x3", "1x2x3", "1+2x3.5", "1,", "--1", "1_000"]
)
def test_what_is_no_value_is_named(item):
    with pytest.raises(NotationError) as caught:
        read_values(f"1 {item} 2")
    assert caught.value.token == item
    assert item in str(caught.value)


def test_a_native_histogram_is_refused_by_its_name():
    with pytest.raises(NotationError, match="native histogram"):
        read_values("{{schema:1}}")


@pytest.mark.parametrize("text", ["0x1000000", "_x99999999999999999999", f"1x{MOST_SAMPLES - 2} 1 1"])
def test_endless_series_are_refused_before_they_are_made(text):
    with pytest.raises(NotationError, match="more than 1,000,000 samples"):
        read_values(text)


def test_a_series_is_its_labels_and_an_empty_label_is_none():
    assert read_series('up{a="b",c="",d="e\\"f"}') == {"__name__": "up", "a": "b", "d": 'e"f'}
    assert read_series('{__name__="up"}') == {"__name__": "up"}
    assert read_series("job:up:sum") == {"__name__": "job:up:sum"}


@pytest.mark.parametrize(
    "text",
    [
        'up{a=~"b"}',
        'up{a!="b"}',
        "rate(up[1m])",
        "up[5m]",
        '{a="b"}',
        "up{",
        "up offset 5m",
        "1",
        'up{a="1",a="2"}',
        'up{a="b" or c="d"}',
        "up @ 5",
    ],
)
def test_what_is_no_series_is_refused(text):
    with pytest.raises(NotationError):
        read_series(text)


@pytest.mark.parametrize(("selector", "selected"), [
    ("up", True), ("down", False), ('{a="b"}', True), ('up{a!="b"}', False), ('{a=~"b|c"}', True), ('up{a=~"b."}', False),
    ('up{a!~"c.*"}', True), ('up{gone=""}', True), ('{gone!=""}', False), ('{__name__=~"u.*"}', True), ('down{a="b"}', False),
])  # fmt: skip
def test_a_selector_selects_as_prometheus_does(selector, selected):
    assert Selector(selector).selects({"__name__": "up", "a": "b"}) is selected


def test_a_selector_with_a_bad_expression_is_refused():
    with pytest.raises(NotationError):
        Selector('{a=~"("}')

"""Durations: one form for people and specs, a short one for ages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validationrun.base.durations import format_duration, parse_duration, parse_span

DAY = 86_400
YEAR = 366 * DAY


@pytest.mark.parametrize(
    ("seconds", "text", "short"),
    [
        (0, "0s", "0s"),
        (0.25, "0.25s", "0s"),
        (12.3456, "12.346s", "12s"),
        (59.9996, "1m", "59s"),
        (60, "1m", "1m"),
        (119.9999, "2m", "1m59s"),
        (725, "12m5s", "12m5s"),
        (3661, "1h1m1s", "1h1m"),
        (DAY, "24h", "1d"),
        (93_784, "26h3m4s", "1d2h"),
        (2 * DAY + 300, "48h5m", "2d"),
        (-90, "-1m30s", "0s"),
    ],
)
def test_a_duration_is_as_a_spec_has_it_and_an_age_is_short(seconds: float, text: str, short: str) -> None:
    assert format_duration(seconds) == text
    assert format_duration(seconds, short=True) == short


@given(st.integers(min_value=0, max_value=YEAR))
def test_a_spec_takes_back_what_is_written(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("1h0m5s", 3605), ("0s", 0), ("8784h", 31_622_400), ("01m", 60)],
)
def test_a_duration_in_whole_seconds_is_read(text: str, seconds: int):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "1.5h", "30s10m", "1d", "10ms", "-5s", " 5s", "5S", "5s5s", "h", "1" * 40 + "s", "٣s"]
)
def test_another_form_is_no_duration(text: str):
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["8784h1s", "9999999999h", "527041m"])
def test_more_than_a_year_is_refused(text: str):
    with pytest.raises(ValueError, match="at most a year"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("2h30m", 9000),
        ("7d", 7 * DAY),
        ("1d12h", DAY + 43_200),
        ("2d1s", 2 * DAY + 1),
        ("500d", 500 * DAY),
        ("9000h", 9000 * 3600),
        ("9999d", 9999 * DAY),
    ],
)
def test_a_span_may_begin_with_days(text: str, seconds: int) -> None:
    assert parse_span(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "0s", "0d", "7", "1.5h", "-1d", "1w", "d", "1h1d", "1d 1h", "99999d", "9999d1s", "1" * 5000 + "s", "7d\n"],
)
def test_what_is_no_span_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(ValueError, match=r"must be a duration from 1s to 9999d, such as 90s, 2h30m or 7d; got"):
        parse_span(text)

"""Moments as text: what the program writes, and what a person types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validationrun.base.times import format_time, parse_given_time, parse_time, time_if_known


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1_700_000_000.0, "2023-11-14T22:13:20Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250Z"),
        (0, "1970-01-01T00:00:00Z"),
    ],
)
def test_milliseconds_are_written_where_there_are_some(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


@given(st.integers(min_value=0, max_value=2**32 * 1000))
def test_what_is_written_is_read_again(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_time(format_time(seconds)) == seconds


@pytest.mark.parametrize("text", ["2023-11-14T22:13:20", "yesterday", ""])
def test_a_time_without_its_zone_is_none(text: str) -> None:
    """It would be another time on another machine."""
    with pytest.raises(ValueError, match=r"has no time zone|Invalid isoformat"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", 1_700_000_000.0),
        ("1700000000.25", 1_700_000_000.25),
        ("1700000000.1239", 1_700_000_000.124),
        ("2023-11-14T22:13:20Z", 1_700_000_000.0),
        ("2023-11-14T22:13:20.5Z", 1_700_000_000.5),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000.0),
        ("2023-11-14 22:13:20+00:00", 1_700_000_000.0),
    ],
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    """RFC 3339 or Unix seconds, to the millisecond."""
    assert parse_given_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "now", "2h", "-5", "1e9", "2023-13-01T00:00:00Z", "2023-11-14T22:13:20", "12:00", "٣", "9" * 12],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(
        ValueError, match=r"must be a time with its zone, such as 2026-03-01T12:00:00Z, or Unix seconds"
    ):
        parse_given_time(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-01T00:01:00Z", 60.0), (None, None), ("", None), ("soon", None), ("1970-01-01T00:01:00", None)],
)
def test_what_is_no_time_is_not_known(text: str | None, seconds: float | None) -> None:
    assert time_if_known(text) == seconds

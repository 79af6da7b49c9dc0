"""Which windows are judged: times as people write them, and what is refused."""

import pytest

from validationrun.judging.backtest.client import HistoryError
from validationrun.judging.backtest.windows import MOST_WINDOWS, Period, back_from, between

NOW = 1_700_000_000.5
DAY = 86_400


def test_one_window_is_as_given() -> None:
    """Up to now."""
    assert between(NOW - 100, NOW, NOW) == [Period(NOW - 100, NOW)]
    assert Period(1.001, 2.004).seconds == 1.003


@pytest.mark.parametrize(("start", "end"), [(NOW - 5, NOW - 5), (NOW - 5, NOW - 6)])
def test_a_window_that_ends_before_it_starts_is_refused(start: float, end: float) -> None:
    """In one line."""
    with pytest.raises(HistoryError, match="the window must end after it starts"):
        between(start, end, NOW)


def test_a_window_in_the_future_is_refused() -> None:
    """In part or as a whole; what could judge it is named."""
    for start in (NOW - 100, NOW + 100):
        with pytest.raises(HistoryError, match="judge what is still to come with `evaluate`"):
            between(start, NOW + 200, NOW)


def test_looking_back_is_one_window_when_nobody_says_how_often() -> None:
    """All of it, up to the last whole second."""
    assert back_from(NOW, 3600, None, 600) == [Period(1_700_000_000.0 - 3600, 1_700_000_000.0)]


def test_windows_start_every_so_often_and_end_before_now() -> None:
    """The first one at the very beginning."""
    found = back_from(NOW, 7 * DAY, DAY, 600)

    assert [one.start for one in found] == [1_700_000_000.0 - k * DAY for k in range(7, 0, -1)]
    assert {one.seconds for one in found} == {600}
    assert back_from(NOW, 600, 600, 600) == [Period(1_700_000_000.0 - 600, 1_700_000_000.0)]


def test_windows_that_would_end_in_the_future_are_left_out() -> None:
    """They may overlap otherwise."""
    found = back_from(NOW, 3600, 600, 1800)

    assert [one.end - 1_700_000_000.0 for one in found] == [-1800, -1200, -600, 0]


def test_a_span_that_is_no_multiple_begins_at_its_beginning() -> None:
    """And its last window may be nearer than the others."""
    assert [one.start - 1_700_000_000.0 for one in back_from(NOW, 1000, 300, 60)] == [-1000, -700, -400, -100]


def test_no_window_at_all_is_an_error() -> None:
    """None that passed."""
    with pytest.raises(HistoryError, match="no window of 1h fits into the last 10m"):
        back_from(NOW, 600, 60, 3600)


def test_very_many_windows_are_refused() -> None:
    """Nobody would read them."""
    assert len(back_from(NOW, MOST_WINDOWS * 60, 60, 60)) == MOST_WINDOWS
    with pytest.raises(HistoryError, match="more than 1000 windows"):
        back_from(NOW, 30 * DAY, 60, 60)

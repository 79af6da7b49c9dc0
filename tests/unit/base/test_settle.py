"""The settle time: one reader for the command line, the compiled template and the evaluator's pod."""

import pytest

from validationrun.base.durations import parse_settle


@pytest.mark.parametrize(("text", "seconds"), [("5s", 5), ("1m", 60), ("60", 60), ("0", 0), ("0s", 0), ("8", 8)])
def test_a_settle_time_is_a_duration_or_a_whole_number_of_seconds(text, seconds):
    assert parse_settle(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "1.5s", "61", "61s", "2m", "1h", "٣", "9" * 5000])
def test_what_is_no_settle_time_from_0s_to_60s_is_refused(text):
    with pytest.raises(ValueError, match="must be a duration from 0s to 60s, such as 5s"):
        parse_settle(text)

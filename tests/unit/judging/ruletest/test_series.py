"""Faults of samples: what each does to a series."""

import pytest

from validationrun.judging.ruletest.model import Fault
from validationrun.judging.ruletest.promtool_series import Mark
from validationrun.judging.ruletest.series import Sample, Series, lay_out, strike

STALE = Mark.STALE


def fault(**fields):
    return Fault.model_validate(fields)


def times(series):
    return [(sample.t, sample.value) for sample in series.samples]


@pytest.fixture
def counter():
    """One sample each ten seconds: at t the value t / 10."""
    return lay_out({"__name__": "c", "pod": "a"}, [float(index) for index in range(7)], 10)


def test_samples_are_laid_out_from_zero_and_holes_stay_holes():
    series = lay_out({"__name__": "c"}, [1.0, None, 2.0], 15)
    assert series.samples == (Sample(0, 1.0, 0), Sample(30, 2.0, 30))


def test_a_gap_takes_the_samples_of_its_time_away(counter):
    [struck] = strike([counter], fault(type="gap", **{"from": "10s", "for": "20s"}), opens=10)
    assert times(struck) == [(0, 0), (10, 1), (40, 4), (50, 5), (60, 6)]


def test_a_gap_without_a_length_lasts_to_the_end(counter):
    [struck] = strike([counter], fault(type="gap", **{"from": "20s"}), opens=0)
    assert times(struck) == [(0, 0), (10, 1)]


def test_a_gap_may_mark_the_series_stale_once(counter):
    [struck] = strike([counter], fault(type="gap", stale=True, **{"from": "20s", "for": "30s"}), opens=0)
    assert times(struck) == [(0, 0), (10, 1), (20, STALE), (50, 5), (60, 6)]


def test_a_reset_counter_begins_at_zero_and_grows_as_before(counter):
    [struck] = strike([counter], fault(type="counterReset", series="c", **{"from": "25s"}), opens=10)
    assert times(struck) == [(0, 0), (10, 1), (20, 2), (30, 3), (40, 0), (50, 1), (60, 2)]


def test_a_churned_series_goes_stale_and_another_one_goes_on(counter):
    old, new = strike([counter], fault(type="labelChurn", **{"from": "30s"}), opens=0)
    assert times(old) == [(0, 0), (10, 1), (20, 2), (30, STALE)]
    assert new.labels == {"__name__": "c", "pod": "a-new"}
    assert times(new) == [(30, 3), (40, 4), (50, 5), (60, 6)]


def test_between_the_old_series_and_the_new_one_there_may_be_nothing(counter):
    old, new = strike([counter], fault(type="labelChurn", to="b", **{"from": "15s", "for": "30s"}), opens=0)
    assert times(old)[-1] == (20, STALE)
    assert (new.labels["pod"], times(new)) == ("b", [(50, 5), (60, 6)])


def test_only_series_with_the_label_churn(counter):
    other = Series({"__name__": "d"}, counter.samples)
    assert strike([other], fault(type="labelChurn", **{"from": "30s"}), opens=0) == [other]
    assert len(strike([other], fault(type="labelChurn", series="d", label="x", **{"from": "30s"}), opens=0)) == 2


def test_a_late_scrape_is_stamped_as_before_and_seen_later(counter):
    [struck] = strike([counter], fault(type="lateScrape", delay="45s", **{"from": "10s", "for": "20s"}), opens=0)
    assert [(sample.t, sample.visible) for sample in struck.samples] == [
        (0, 0), (10, 55), (20, 65), (30, 30), (40, 40), (50, 50), (60, 60),
    ]  # fmt: skip


def test_a_fault_strikes_the_series_that_it_selects_and_no_other(counter):
    other = Series({"__name__": "d", "pod": "a"}, counter.samples)
    struck = strike([counter, other], fault(type="gap", series='{__name__="d"}'), opens=0)
    assert struck == [counter, Series(other.labels, ())]

"""Whether Prometheus' clock and ours agree, and what follows when nobody knows."""

import pytest

from validationrun.contract.clock_check import ClockCheck
from validationrun.judging.live.clock_skew import check_clock, doubted, fault_of
from validationrun.oracle.exchange import Fault
from validationrun.oracle.fold import RuleState

PASSED, FAILED = RuleState("a", "Passed"), RuleState("b", "Failed", "ThresholdViolated")


@pytest.mark.parametrize(
    ("theirs", "took", "skew"),
    [
        (100.0, 0, 0.0),
        (99.999, 0, 0.0),
        (106.0, 0, 6.0),
        (93.0, 0, 7.0),
        (102.0, 3, 0.0),
        (109.0, 3, 6.0),
        (94.0, 3, 6.0),
    ],
)
def test_what_the_answer_took_or_was_cut_by_is_no_skew(theirs: float, took: float, skew: float) -> None:
    times = iter([100.0, 100.0 + took])
    assert check_clock(lambda _: theirs, lambda: next(times)).skew_seconds == skew


def test_only_a_pass_is_doubted() -> None:
    checks = [ClockCheck(0, 0.1), ClockCheck(60, 5.1)]
    assert [(one.verdict, one.reason) for one in doubted([PASSED, FAILED], checks)] == [
        ("Error", "ClockSkew"),
        ("Failed", "ThresholdViolated"),
    ]
    assert doubted([PASSED], [ClockCheck(0, 5.0)]) == [PASSED]


def test_a_clock_that_nobody_could_read_is_no_witness() -> None:
    """One comparison is enough; none is not."""
    unread = check_clock(lambda _: Fault("Timeout", "no answer"), lambda: 100.0)
    assert fault_of([unread, unread]) == "Prometheus' clock could not be read: no answer"
    assert doubted([PASSED], [unread, unread])[0].reason == "ClockSkew"
    assert fault_of([unread, ClockCheck(60, 0.0)]) == ""
    assert doubted([], []) == []

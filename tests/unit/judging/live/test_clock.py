"""Whether Prometheus' clock and ours agree, and what follows when nobody knows."""

import pytest

from validationrun.contract.clock_check import ClockCheck
from validationrun.judging.live.clock_skew import check_clock, doubted, fault_of
from validationrun.oracle.exchange import Fault
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import RuleReason

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
    check = check_clock(lambda _, t=None: theirs if t is None else t, lambda: next(times))
    assert (check.skew_seconds, check.message) == (skew, "")


@pytest.mark.parametrize("fault", [False, True])
def test_a_server_that_evaluates_earlier_than_it_is_asked_about_has_a_latency(*, fault: bool) -> None:
    """A server whose clock is wrong evaluates at the time that is asked about."""

    def read(_timeout_s: float, t: float | None = None) -> float | Fault:
        if t is not None and fault:
            return Fault(RuleReason.TIMEOUT, "no answer")
        return 70.0 if t is None else t - 30

    found = fault_of([ClockCheck(0, 0.1), check_clock(read, lambda: 100.0)])
    if fault:
        assert found == "Prometheus' clock differs by 30s"
    else:
        assert found.startswith("Prometheus evaluates each query 30s before the time that is asked about")
        assert "nocache=1" in found


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

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emit_helpers import alert_rule, edited, full_run, query_rule, rules_only
from validationrun.oracle.ticks import judged_seconds, query_timeout_seconds, run_seconds, tick_count
from validationrun.spec.v1alpha1 import Rule, ValidationRun


def _spec(base, **timeouts):
    return ValidationRun.model_validate(edited(lambda run: run["spec"].update(timeouts=timeouts), base)).spec


def _rule(**properties) -> Rule:
    return Rule.model_validate(query_rule(runProperties=properties))


def test_a_run_lasts_5_minutes_longer_than_its_load():
    assert run_seconds(_spec(full_run)) == 15 * 60


def test_a_run_without_load_lasts_an_hour():
    assert run_seconds(_spec(rules_only)) == 3600


def test_a_given_run_duration_holds():
    assert run_seconds(_spec(full_run, runDuration="20m")) == 1200
    assert run_seconds(_spec(rules_only, runDuration="20m")) == 1200


def test_what_is_judged_is_the_load_or_all_of_the_run_without_one():
    assert judged_seconds(_spec(full_run, runDuration="20m")) == 600
    assert judged_seconds(_spec(rules_only, runDuration="20m")) == 1200


@pytest.mark.parametrize(
    ("rule", "seconds"),
    [
        (query_rule(), 30),
        (query_rule(runProperties={"interval": "10s"}), 10),
        (query_rule(runProperties={"interval": "2m"}), 30),
        (query_rule(query={"promql": "up", "op": ">", "threshold": "0", "timeout": "5s"}), 5),
        (alert_rule(), 30),
        ({"name": "none", "type": "query"}, 30),
    ],
)
def test_a_query_may_take_its_timeout_or_the_smaller_of_30s_and_the_interval(rule: dict, seconds: int):
    assert query_timeout_seconds(Rule.model_validate(rule)) == seconds


@pytest.mark.parametrize(
    ("window", "start_after", "ticks"),
    [
        (600, "0s", 19),
        (601, "0s", 20),
        (30, "0s", 0),
        (31, "0s", 1),
        (600, "30s", 19),
        (600, "31s", 18),
        (600, "570s", 1),
        (600, "571s", 0),
    ],
)
def test_ticks_lie_inside_the_window_and_not_before_start_after(window: int, start_after: str, ticks: int):
    assert tick_count(_rule(interval="30s", startAfter=start_after), window) == ticks


@given(st.integers(5, 300), st.integers(0, 2000), st.integers(1, 2000))
def test_the_count_is_that_of_the_ticks_written_out(interval: int, start_after: int, window: int):
    """T = start + k * interval, k >= 1, T < end; those before startAfter are dropped."""
    ticks = [k * interval for k in range(1, window) if start_after <= k * interval < window]
    assert tick_count(_rule(interval=f"{interval}s", startAfter=f"{start_after}s"), window) == len(ticks)

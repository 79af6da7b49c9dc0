"""What comes out of a test: the real engine on a real Prometheus, on simulated time."""

import time

import pytest

HEIGHT = 'height{chain_id="small",pod="rpc-0"}'
GROWS = (HEIGHT, "0+10x60")
POOL = 'pool{namespace="eng-ada",run="small-1"}'


def test_a_rule_that_holds_passes_with_its_last_value(judged):
    run, rule = judged("height", GROWS)
    assert (run["verdict"], run["reason"]) == ("Passed", "RunSucceeded")
    assert (rule["verdict"], rule["value"], rule["lastEvaluation"]) == ("Passed", "60", "5m")
    # From 1m to 4m50s every 10s, and the final sweep.
    assert run["questions"] == 25


def test_a_breach_is_failed_at_its_first_tick_and_the_later_good_ones_change_nothing(judged):
    """It stands still from 1m59s on; a minute later no range holds growth. From 4m on it grows again."""
    run, rule = judged("height", (HEIGHT, "0+10x17 170x15 180+10x20"), interval="7s")
    assert (run["verdict"], run["reason"]) == ("Failed", "RuleFailed:height")
    assert (rule["verdict"], rule["reason"], rule["firstFailure"], rule["value"]) == (
        "Failed",
        "ThresholdViolated",
        "3m",
        "0",
    )
    assert rule["lastEvaluation"] == "5m"
    assert run["stopTime"] is None


def test_a_stopping_rule_stops_the_run_at_its_first_failure(judged):
    run, rule = judged("pool", (POOL, "5x9 101x60"))
    assert (run["reason"], run["stopTime"]) == ("RuleStopOnFailure:pool", "1m45s")
    assert (rule["firstFailure"], rule["value"], rule["lastEvaluation"]) == ("1m45s", "101", "1m45s")
    # Seven ticks, and nothing afterwards: no final sweep either.
    assert run["questions"] == 7


def test_every_series_is_seen_as_far_as_its_time_has_come(judged):
    """One after the other in the file, side by side in time."""
    low, high = (POOL.replace("}", f',pod="{pod}"}}') for pod in ("a", "b"))
    for series in ([(low, "5x60"), (high, "5x9 101x50")], [(high, "5x9 101x50"), (low, "5x60")]):
        run, rule = judged("pool", *series)
        assert (run["stopTime"], rule["value"]) == ("1m45s", "101")


def test_no_series_at_all_is_an_error_that_says_why(judged):
    run, rule = judged("height", ('height{chain_id="smell"}', "0+1x60"))
    assert (run["verdict"], run["reason"]) == ("Error", "RuleError")
    assert (rule["verdict"], rule["reason"]) == ("Error", "NoSamples")
    assert rule["why"] == 'No series of height has chain_id="small"; nearest: "smell".'


@pytest.mark.parametrize(("fault", "reason"), [
    ({"type": "http", "status": 503}, "PrometheusUnavailable"), ({"type": "timeout"}, "Timeout"), ({"type": "nan"}, "NaN"),
    ({"type": "wrongType"}, "BadQuery"), ({"type": "partial"}, "PartialResponse"), ({"type": "http", "status": 400}, "BadQuery"),
])  # fmt: skip
def test_a_fault_of_every_answer_is_its_error(judged, fault, reason):
    run, rule = judged("height", GROWS, faults=[fault])
    assert (run["verdict"], rule["verdict"], rule["reason"]) == ("Error", "Error", reason)


def test_as_many_errors_as_retry_says_are_tolerated_and_one_more_is_not(judged):
    """Asked at T + 5s: 25 seconds from 2m strike T = 2m, 2m10s; 35 seconds strike a third one, and retry is 2."""
    for seconds, verdict in ((25, "Passed"), (35, "Error")):
        _, rule = judged("height", GROWS, faults=[{"type": "timeout", "from": "2m", "for": f"{seconds}s"}])
        assert rule["verdict"] == verdict, seconds


def test_the_final_sweep_is_asked_again_and_its_last_answer_counts(judged):
    """The sweep is asked at 5m5s, 5m10s and 5m15s: retry is 2."""
    _, rule = judged("height", GROWS, faults=[{"type": "timeout", "from": "5m", "for": "12s"}])
    assert (rule["verdict"], rule["lastEvaluation"]) == ("Passed", "5m")
    _, rule = judged("height", GROWS, faults=[{"type": "timeout", "from": "5m", "for": "16s"}])
    assert (rule["verdict"], rule["reason"]) == ("Error", "Timeout")


def test_a_fault_of_one_rule_is_none_of_another(tested):
    result = tested(f"""
    - name: two rules
      window: 2m
      interval: 10s
      rules: [height, pool]
      input_series:
        - {{series: '{HEIGHT}', values: 0+1x20}}
        - {{series: '{POOL}', values: "0x20"}}
      faults: [{{type: timeout, rules: [pool]}}]
      expect:
        verdict: Error
        rules: [{{name: height, verdict: Passed}}, {{name: pool, verdict: Error, reason: Timeout}}]
    """)
    assert result.code == 0, result.out


def test_an_error_that_is_final_never_becomes_passed_but_can_become_failed(judged):
    fault = {"type": "timeout", "from": "1m", "for": "1m"}
    _, rule = judged("pool", (POOL, "5x60"), faults=[fault])
    assert (rule["verdict"], rule["reason"]) == ("Error", "Timeout")
    run, rule = judged("pool", (POOL, "5x20 101x40"), faults=[fault])
    assert (rule["verdict"], run["stopTime"]) == ("Failed", "3m30s")


def test_a_gap_is_seen_only_by_the_ticks_whose_range_it_empties(judged):
    gap = {"type": "gap", "from": "2m", "for": "1m30s"}
    _, rule = judged("height", GROWS, faults=[gap])
    # Three ticks in a row hold fewer than two samples, and retry is 2.
    assert (rule["verdict"], rule["reason"]) == ("Error", "NoSamples")
    _, rule = judged("height", GROWS, faults=[{**gap, "for": "40s"}])
    assert rule["verdict"] == "Passed"


def test_a_gap_with_stale_series_ends_them_where_a_plain_gap_is_looked_through(judged):
    """Prometheus looks back five minutes for a series that is not stale; at the end its age tells."""
    gap = {"type": "gap", "from": "2m"}
    _, rule = judged("pool", (POOL, "5x60"), faults=[{**gap, "from": "3m"}])
    assert rule["verdict"] == "Passed"
    _, rule = judged("pool", (POOL, "5x60"), faults=[gap])
    assert (rule["verdict"], rule["reason"]) == ("Error", "StaleData")
    _, rule = judged("pool", (POOL, "5x60"), faults=[{**gap, "stale": True}])
    assert (rule["verdict"], rule["reason"]) == ("Error", "NoSamples")
    assert rule["why"].startswith("The series of pool ended 200s earlier")


def test_a_counter_reset_is_no_decrease_for_increase(judged):
    _, rule = judged("height", GROWS, faults=[{"type": "counterReset", "series": "height", "from": "2m"}])
    assert rule["verdict"] == "Passed"


def test_a_counter_that_stands_still_after_its_reset_is_found(judged):
    """At 0 from 1m59s on: the last growth before lies at 1m52s."""
    series = (HEIGHT, "0+10x16 160x60")
    _, rule = judged(
        "height", series, faults=[{"type": "counterReset", "series": "height", "from": "1m55s"}], interval="7s"
    )
    assert (rule["verdict"], rule["firstFailure"]) == ("Failed", "2m50s")


def test_what_is_reset_is_zero_from_then_on(judged):
    """For a rule that looks at the value itself: over its limit before the reset would be, at 0 after it."""
    reset = {"type": "counterReset", "series": "pool", "from": "10s"}
    run, rule = judged("pool", (POOL, "500x60"), faults=[reset])
    assert (rule["verdict"], rule["value"]) == ("Passed", "0")
    run, rule = judged("pool", (POOL, "500x60"), faults=[{**reset, "from": "20s"}])
    assert run["stopTime"] == "15s"


def test_label_churn_makes_a_new_series_beside_the_range_of_the_old_one(judged):
    """min over both: the old one's last minute still grows, so nothing fails; with a minute of nothing in between neither."""
    run, rule = judged("height", GROWS, faults=[{"type": "labelChurn", "from": "2m"}])
    assert rule["verdict"] == "Passed"
    run, rule = judged(
        "pool", (POOL.replace("}", ',pod="a"}'), "5x60"), faults=[{"type": "labelChurn", "from": "2m", "for": "1m"}]
    )
    # Stale at once: at 2m, 2m15s, 2m30s and 2m45s there is nothing, and retry is 1.
    assert (run["verdict"], rule["reason"]) == ("Error", "NoSamples")


def test_a_late_scrape_hides_samples_that_are_there_afterwards(judged):
    """
    The pool is over its limit at 2m only. Asked at T + 5s: seen when it comes in time, or 4s late; not when it comes 20s late,
    because the tick of 2m was asked by then and the next one finds a newer sample.
    """
    series = (POOL, "5x11 500 5x40")
    late = {"type": "lateScrape", "from": "2m", "for": "10s"}
    for delay, verdict in (("4s", "Failed"), ("20s", "Passed")):
        _, rule = judged("pool", series, faults=[{**late, "delay": delay}])
        assert rule["verdict"] == verdict, delay


def test_settle_decides_which_late_samples_are_seen(judged):
    series = (POOL, "5x11 500 5x40")
    late = {"type": "lateScrape", "from": "2m", "for": "10s", "delay": "20s"}
    _, rule = judged("pool", series, faults=[late], settle="20s")
    assert (rule["verdict"], rule["firstFailure"]) == ("Failed", "2m")
    _, rule = judged("pool", series, settle="0s")
    assert (rule["verdict"], rule["firstFailure"]) == ("Failed", "2m")


def test_an_alert_passes_on_silence_only_while_it_is_loaded(judged):
    run, rule = judged("alert")
    assert (run["verdict"], rule["verdict"]) == ("Passed", "Passed")
    run, rule = judged("alert", faults=[{"type": "alertNotLoaded", "from": "1m"}])
    assert (rule["verdict"], rule["reason"]) == ("Error", "AlertNotLoaded")


def test_an_alert_that_fired_between_two_ticks_failed(judged):
    """Sample 4 is at 40s; the ticks are at 30s and 1m."""
    alerts = 'ALERTS{alertname="NodeDown",alertstate="firing",chain_id="small"}'
    run, rule = judged("alert", (alerts, "_x4 1 stale"))
    assert (run["reason"], rule["reason"], rule["firstFailure"]) == ("RuleFailed:alert", "AlertFired", "1m")
    run, rule = judged("alert", (alerts.replace("small", "other"), "_x4 1 stale"))
    assert rule["verdict"] == "Passed"


def test_values_are_put_in_for_the_rules(judged):
    series = ('pool{namespace="eng-bob",run="night-1"}', "101x60")
    _, rule = judged("pool", series, values={"namespace": "eng-bob", "runId": "night"})
    assert rule["firstFailure"] == "15s"
    _, rule = judged("height", ('height{chain_id="other-1"}', "0+1x60"), values={"chainId": "other-1"})
    assert rule["verdict"] == "Passed"


def test_a_warmup_fills_the_first_ranges_and_moves_no_offset(judged):
    run, rule = judged("height", (HEIGHT, "5x60"), warmup="2m", window="3m")
    assert rule["firstFailure"] == "1m"
    # The pool breaks its limit 3m after the first sample, which is 1m after the window's start.
    run, rule = judged("pool", (POOL, "5x17 101x60"), warmup="2m", window="3m")
    assert (rule["firstFailure"], run["stopTime"]) == ("1m", "1m")


def test_time_begins_at_zero_with_the_first_sample_so_that_time_can_be_compared(spec, judged):
    """As in promtool: sample i is at i * interval, so a metric that holds a time can be written down."""
    spec.write_text(spec.read_text().replace("max(pool{", "max(time() - pool{").replace('"100"', '"25"'))
    _, rule = judged("pool", (POOL, "0+10x6 60x60"))
    # The last block is of 1m: at 1m30s it is 30 seconds old.
    assert (rule["firstFailure"], rule["value"]) == ("1m30s", "30")


def test_the_window_is_the_specs_unless_the_test_says_otherwise(judged):
    _, rule = judged("pool", (POOL, "5x60"), window="1m")
    assert rule["lastEvaluation"] == "1m"


def test_tests_of_one_file_know_nothing_of_each_other(tested):
    result = tested(f"""
    - {{name: one, window: 1m, interval: 10s, rules: [pool], expect: {{verdict: Failed}},
       input_series: [{{series: '{POOL}', values: 500x10}}]}}
    - {{name: two, window: 1m, interval: 10s, rules: [pool], expect: {{verdict: Error, rules: [{{name: pool, verdict: Error, reason: NoSamples}}]}}}}
    - {{name: three, window: 1m, interval: 10s, rules: [pool], expect: {{verdict: Passed}},
       input_series: [{{series: '{POOL}', values: 5x10}}]}}
    """)
    assert result.code == 0, result.out


def test_a_day_takes_no_day(judged):
    began = time.monotonic()
    run, rule = judged("alert", window="24h")
    assert (rule["verdict"], run["questions"]) == ("Passed", 24 * 120)
    assert time.monotonic() - began < 120

"""Too few answers, and too short a window, prove nothing; a rule that waits for traffic is patient."""

HEIGHT = 'height{chain_id="small",pod="rpc-0"}'
GROWS = (HEIGHT, "0+10x60")
POOL = 'pool{namespace="eng-ada",run="small-1"}'


def away(*spans):
    return [{"type": "http", "status": 503, "from": begin, "for": lasts} for begin, lasts in spans]


def test_data_for_the_last_minute_of_the_window_alone_is_low_coverage(judged):
    run, rule = judged("height", (HEIGHT, "_x24 0+10x6"))
    assert (run["verdict"], rule["verdict"], rule["reason"]) == ("Error", "Error", "LowCoverage")
    assert run["reason"] == "RuleError"


def test_errors_that_are_never_three_in_a_row_add_up_to_low_coverage(judged):
    """Two ticks without an answer, then one with, again and again."""
    spans = [(f"{begin}s", "18s") for begin in range(103, 290, 30)]
    run, rule = judged("height", GROWS, faults=away(*spans))
    assert (run["verdict"], rule["reason"]) == ("Error", "LowCoverage")


def test_one_outage_that_the_retry_tolerates_is_no_low_coverage(judged):
    run, rule = judged("height", GROWS, faults=away(("103s", "18s")))
    assert (run["verdict"], rule["verdict"]) == ("Passed", "Passed")


def test_a_window_that_ends_before_start_after_is_too_short(judged):
    run, rule = judged("height", GROWS, window="45s")
    assert (run["verdict"], rule["verdict"], rule["reason"]) == ("Error", "Error", "WindowTooShort")
    assert "the window ends 45s after its start; the rule needs 60s" in run["message"]


def test_a_window_that_ends_before_the_first_tick_is_too_short_even_for_a_breach(judged):
    _, rule = judged("pool", (POOL, "500x60"), window="14s")
    assert (rule["verdict"], rule["reason"]) == ("Error", "WindowTooShort")
    _, rule = judged("pool", (POOL, "500x60"), window="15s")
    assert (rule["verdict"], rule["reason"]) == ("Failed", "ThresholdViolated")


SHARE = """
    - name: share
      type: query
      query:
        promql: sum(rate(bad{chain_id="${chainId}"}[30s])) / sum(rate(all{chain_id="${chainId}"}[30s]))
        op: "<="
        threshold: "0.05"
      runProperties: {interval: 10s}
"""


def test_a_share_of_no_traffic_at_all_waits_for_the_traffic(judged, spec):
    """0/0 is NaN: it is no error before the first answer, and one after it."""
    spec.write_text(spec.read_text() + SHARE.strip("\n") + "\n")
    bad = ('bad{chain_id="small"}', "0x60")
    run, rule = judged("share", bad, ('all{chain_id="small"}', "0x8 10+10x52"))
    assert (run["verdict"], rule["verdict"]) == ("Passed", "Passed")
    _, rule = judged("share", bad, ('all{chain_id="small"}', "0+10x20 200x40"))
    assert (rule["verdict"], rule["reason"]) == ("Error", "NaN")

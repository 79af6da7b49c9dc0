"""Who is missing, frozen, born late or handed over: guards and counters, against a real Prometheus."""

import json

import pytest

IMAGE = "registry.example.com/sei/seid@sha256:" + "1" * 64
NODES = [f"net-validators-{index}-0" for index in range(4)]


def deployment(name, role, replicas):
    return {"name": name, "role": role, "spec": {"replicas": replicas, "template": {"spec": {"image": IMAGE}}}}


def query(promql, op=">", threshold="0", **body):
    return {"type": "query", "query": {"promql": promql, "op": op, "threshold": threshold, **body}}


def counter(selector, **body):
    return {"type": "counter", "counter": {"selector": selector, "op": "==", "threshold": "0", **body}}


OF_RUN = '{chain_id="${chainId}"}'


@pytest.fixture
def outcome(tmp_path, judged, spec):
    """Judges one rule in a window of five minutes after a warm-up of three; samples come every 10s from the warm-up on."""

    def outcome(rule, *series, properties=None, **options):
        document = {
            "apiVersion": "validation.sei.io/v1alpha1",
            "kind": "ValidationRun",
            "metadata": {"name": "small", "namespace": "eng-ada"},
            "spec": {
                "chain": {
                    "chainId": "net",
                    "deployments": [deployment("validators", "validator", 4), deployment("rpc", "fullNode", 2)],
                },
                "timeouts": {"runDuration": "5m"},
                "rules": [{"name": "rule", **rule, "runProperties": {"interval": "10s", **(properties or {})}}],
            },
        }
        spec.write_text(json.dumps(document))
        _, found = judged("rule", *series, warmup="3m", **options)
        return found["verdict"], found["reason"]

    return outcome


def each(metric, values, nodes=NODES, **labels):
    more = "".join(f', {name}="{value}"' for name, value in labels.items())
    return [(f'{metric}{{chain_id="net", pod="{node}"{more}}}', values) for node in nodes]


GROWS, DIES = "0+10x60", "0+10x25 stale"
HEIGHT = f"min(increase(height{OF_RUN}[1m]))"
MISSING = ("Error", "SeriesMissing")
PASSED = ("Passed", "")


def test_one_of_four_validators_is_gone_in_mid_run(outcome):
    """Timeline 39: what is left under min() is good."""
    series = [*each("height", GROWS, NODES[:3]), *each("height", DIES, NODES[3:])]
    assert outcome(query(HEIGHT), *series) == MISSING
    assert outcome(query(HEIGHT, series={"min": 0}), *series) == PASSED


def test_a_gauge_of_a_node_that_is_gone(outcome):
    series = [*each("peers", "5x60", NODES[:3]), *each("peers", "5x25 stale", NODES[3:])]
    assert outcome(query(f"min(peers{OF_RUN})", ">=", "3"), *series) == MISSING
    assert outcome(query('min(peers{namespace=""})', ">=", "3"), *series) == PASSED  # names no placeholder


def test_a_node_that_restarts_and_comes_back_is_not_missing(outcome):
    series = [*each("height", GROWS, NODES[:3]), *each("height", "0+10x30 stale _x3 0+10x26", NODES[3:])]
    assert outcome(query(f"min(height{OF_RUN})", ">=", "0"), *series) == PASSED


def test_replicas_of_prometheus_are_no_series_of_their_own(outcome):
    """One of an HA pair is gone in the end."""
    pair = [*each("peers", "5x60", [""], replica="a"), *each("peers", "5x25 stale", [""], replica="b")]
    assert outcome(query(f"min(peers{OF_RUN})", ">=", "3"), *pair) == PASSED


def test_series_without_a_pod_are_counted_as_series(outcome):
    """Those of a recording rule."""
    series = [('rate:sum{chain_id="net", zone="a"}', "5x60"), ('rate:sum{chain_id="net", zone="b"}', "5x25 stale")]
    assert outcome(query(f"sum(rate:sum{OF_RUN})"), *series) == MISSING
    assert outcome(query(f"sum(rate:sum{OF_RUN})"), *series[:1]) == PASSED


@pytest.mark.parametrize(
    "promql",
    [
        f"count(peers{OF_RUN} > 4) or vector(1)",
        f"count(peers{OF_RUN} unless peers{OF_RUN} < 5) or vector(1)",
        f"vector(scalar(count(peers{OF_RUN} < 6))) or vector(1)",
    ],
)
def test_a_series_that_a_filter_leaves_out_is_not_missing(outcome, promql):
    series = each("peers", "5x40 3x20")
    assert outcome(query(promql, ">=", "0"), *series) == PASSED


def test_a_value_made_of_silence_does_not_hide_that_everybody_is_gone(outcome):
    assert outcome(query(f"sum(peers{OF_RUN}) or vector(1)"), *each("peers", "5x25 stale")) == MISSING


def test_a_breach_goes_before_a_missing_series(outcome):
    series = [*each("peers", "5x60", NODES[:3]), *each("peers", "2x25 stale", NODES[3:])]
    assert outcome(query(f"min(peers{OF_RUN})", ">=", "3"), *series) == ("Failed", "ThresholdViolated")


# `series` in the spec


@pytest.mark.parametrize("on_missing", ["Error", "Failed"])
def test_a_validator_that_was_never_scraped(outcome, on_missing):
    """Timeline 40; a full node does not stand in for it."""
    rule = query(HEIGHT, series={"min": "validators", "onMissing": on_missing})
    there = each("height", GROWS, [*NODES[:3], "net-rpc-0-0", "net-rpc-1-0"])
    assert outcome(rule, *there) == (on_missing, "SeriesMissing")
    assert outcome(rule, *there, *each("height", GROWS, NODES[3:])) == PASSED


def test_a_number_counts_all_and_a_name_its_own(outcome):
    nodes = each("height", GROWS, ["net-rpc-0-0", "net-rpc-1-0", "exporter-0"])
    assert outcome(query(HEIGHT, series={"min": 3}), *nodes) == PASSED
    assert outcome(query(HEIGHT, series={"min": 4}), *nodes) == MISSING
    assert outcome(query(HEIGHT, series={"min": "rpc"}), *nodes) == PASSED
    assert outcome(query(HEIGHT, series={"min": "fullNodes"}), *nodes[1:]) == MISSING


def test_a_rule_waits_until_everybody_was_there_once(outcome):
    """A breach before that is none, but the ticks are due: the last validator comes half a minute, or two minutes, into the window."""
    rule = query(f"min(peers{OF_RUN})", ">=", "3", series={"min": 4})
    early = [*each("peers", "2x20 5x39", NODES[:3]), *each("peers", "_x21 5x39", NODES[3:])]
    assert outcome(rule, *early) == PASSED
    late = [*each("peers", "2x29 5x30", NODES[:3]), *each("peers", "_x30 5x30", NODES[3:])]
    assert outcome(rule, *late) == ("Error", "LowCoverage")
    assert outcome(rule, *late, properties={"minCoverage": "0.5"}) == PASSED


def test_fewer_for_longer_than_the_retry(outcome):
    series = [*each("peers", "5x60", NODES[:3]), *each("peers", "5x25 stale _x12 5x22", NODES[3:])]
    rule = query(f"min(peers{OF_RUN})", ">=", "3", series={"min": "nodes", "of": f"peers{OF_RUN}"})
    assert outcome(rule, *series, properties={"retry": 1}) == MISSING
    four = query(f"min(peers{OF_RUN})", ">=", "3", series={"min": 4})
    assert outcome(four, *series, properties={"retry": 1}) == MISSING
    assert outcome(four, *each("peers", "5x25 stale _x2 5x33")) == PASSED


# maxAge


def test_nothing_new_for_the_last_minutes_and_no_stale_mark(outcome):
    """Timeline 47: the gauge stands as it was."""
    rule = f"min(peers{OF_RUN})"
    series = each("peers", "5x30")
    assert outcome(query(rule), *series) == ("Error", "StaleData")
    assert outcome(query(rule, maxAge="0s"), *series) == PASSED
    assert outcome(query(rule, maxAge="4m"), *series) == PASSED


def test_a_long_range_does_not_hide_that_its_series_have_ended(outcome):
    rule = f"sum(increase(height{OF_RUN}[8m]))"
    assert outcome(query(rule), *each("height", "0+10x30 stale")) == ("Error", "StaleData")
    assert outcome(query(rule), *each("height", "0+10x60")) == PASSED


def test_an_offset_is_not_judged_by_its_age(outcome):
    assert outcome(query(f"min(peers{OF_RUN} offset 4m)"), *each("peers", "5x30")) == PASSED


# counters

PANICS = f"panics_total{OF_RUN}"
UP = each("up", "1x60")


def test_a_counter_that_is_born_in_mid_run(outcome):
    """Timeline 49; increase() sees no increase."""
    born = each("panics_total", "_x30 500x30", NODES[:1])
    assert outcome(query(f"sum(increase({PANICS}[${{window}}])) or vector(0)", "=="), *born, *UP) == PASSED
    assert outcome(counter(PANICS), *born, *UP) == ("Failed", "ThresholdViolated")


def test_a_counter_that_never_was(outcome):
    """Timeline 50."""
    assert outcome(counter(PANICS, alive=f"up{OF_RUN} == 1"), *UP) == PASSED
    assert outcome(counter(PANICS), *UP) == ("Error", "NoSamples")
    assert outcome(counter(PANICS, alive=f"up{OF_RUN} == 1"), *each("up", "1x25 stale")) == ("Error", "NoSamples")


ERRORS = f"sum(increase(errors_total{OF_RUN}[2m]))"
BARE, SCRAPED = f"up{OF_RUN}", f"up{OF_RUN} == 1"


def documented(up):
    """The patterns of docs/rules.md and docs/diagnostics.md for errors that may never happen, with this selector of `up`."""
    return (
        counter(PANICS, alive=up),
        counter(PANICS, alive=f"up{OF_RUN} == 1 or vector(1)", series={"min": "validators", "of": up}),
        query(f"{ERRORS} or 0 * sum({up})", "<", "1"),
        query(f"count({up})", "==", "4"),
    )


def test_nodes_that_cannot_be_scraped_do_not_pass_by_the_documented_patterns(outcome):
    """Prometheus writes `up` as 0 for a target that it cannot scrape. A bare `up` takes that for a healthy node."""
    down = each("up", "0x60")
    assert [outcome(rule, *UP) for rule in documented(SCRAPED)] == [PASSED] * 4
    assert [outcome(rule, *down) for rule in documented(BARE)] == [PASSED] * 4
    missing = [("Error", "NoSamples"), MISSING, ("Error", "NoSamples"), ("Error", "NoSamples")]
    assert [outcome(rule, *down) for rule in documented(SCRAPED)] == missing


def test_one_node_that_cannot_be_scraped_is_missed(outcome):
    one_down = [*each("up", "1x60", NODES[1:]), *each("up", "1x25 0x35", NODES[:1])]
    guarded = {"series": {"min": "validators", "of": SCRAPED}}
    assert outcome(counter(PANICS, alive=SCRAPED, **guarded), *one_down) == MISSING
    assert outcome(counter(PANICS, alive=SCRAPED, series={"min": "validators", "of": BARE}), *one_down) == PASSED


def test_kube_state_metrics_moves_to_another_instance(outcome):
    """Timeline 51."""
    moved = [*each("restarts", "3x30 stale", instance="a:1"), *each("restarts", "_x28 3x32", instance="b:1")]
    assert outcome(counter(f"restarts{OF_RUN}"), *moved) == PASSED
    more = [*moved[:4], *each("restarts", "_x32 3x10 4x18", instance="b:1")]
    assert outcome(counter(f"restarts{OF_RUN}"), *more) == ("Failed", "ThresholdViolated")


def test_resets_add(outcome):
    """3 before the window; 5 until the reset, 2 after it, another reset and 1."""
    series = each("panics_total", "3x20 8x5 0x5 2x5 0x5 1x20", NODES[:1])
    assert outcome(counter(PANICS, op="<=", threshold="8"), *series) == PASSED
    assert outcome(counter(PANICS, op="<=", threshold="7"), *series) == ("Failed", "ThresholdViolated")


def test_what_was_counted_before_the_window_does_not_count(outcome):
    assert outcome(counter(PANICS), *each("panics_total", "0x9 7x51")) == PASSED


def test_an_outage_at_the_start_is_no_birth(outcome):
    """Stale when the window opens, back with the same value."""
    assert outcome(counter(PANICS), *each("panics_total", "7x15 stale _x6 7x38")) == PASSED


def test_an_ha_pair_counts_once(outcome):
    pair = [
        *each("panics_total", "0x30 4x30", NODES[:1], replica="a"),
        *each("panics_total", "0x31 4x29", NODES[:1], replica="b"),
    ]
    assert outcome(counter(PANICS, op="<=", threshold="4"), *pair) == PASSED


def test_a_counter_that_stands_still_because_nothing_is_written(outcome):
    assert outcome(counter(PANICS), *each("panics_total", "0x30")) == ("Error", "StaleData")


def test_series_of_a_counter(outcome):
    rule = counter(PANICS, series={"min": "validators"})
    assert outcome(rule, *each("panics_total", "0x60")) == PASSED
    assert outcome(rule, *each("panics_total", "0x60", NODES[:3])) == MISSING

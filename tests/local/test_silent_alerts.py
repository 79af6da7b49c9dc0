"""`evaluate` with alerts that can tell nothing about this run, on a real Prometheus that evaluates them."""

import json

import pytest

from local_kit import Spec, alert, ran
from prometheus_kit import exporting, running

METRICS = {
    'toy_node_failed{chain_id="toy-1"}': 1,
    'toy_node_state{chain_id="toy-1",namespace="eng-ada"}': 1,
    'toy_height{chain_id="toy-1",pod="a"}': 1,
    'toy_height{chain_id="toy-1",pod="b"}': 1,
    'toy_block_seconds_bucket{chain_id="toy-1",le="1"}': 0,
    'toy_block_seconds_bucket{chain_id="toy-1",le="10"}': 9,
    'toy_block_seconds_bucket{chain_id="toy-1",le="+Inf"}': 9,
}
GROUPS = [
    {
        "name": "toy",
        "rules": [
            {"alert": "Fails", "expr": "toy_node_failed == 1"},
            {"alert": "State", "expr": "toy_node_state == 1"},
            {"alert": "Slow", "expr": "histogram_quantile(0.5, sum by (le) (toy_block_seconds_bucket)) > 3"},
            {"alert": "Long", "expr": "toy_node_failed == 1", "for": "1h"},
            {"alert": "Twin", "expr": "vector(0) > 1"},
            {"alert": "Twin", "expr": "toy_height * on (chain_id) toy_height > 0", "labels": {"severity": "page"}},
            {"alert": "Renamed", "expr": "toy_node_failed_total > 0"},
            {"alert": "Healthy", "expr": "toy_height == 0"},
            {
                "alert": "Silenced",
                "expr": 'toy_height == 0 unless on () toy_maintenance or absent(toy_height{pod="a"})',
            },
        ],
    },
    # Prometheus spreads the evaluations of a group over its interval: one of a minute would sometimes fall into the window.
    {"name": "once a day", "interval": "1d", "rules": [{"alert": "Seldom", "expr": "toy_node_failed == 1"}]},
]


def matching(name, alertname, label="chain_id", value="${chainId}", **body):
    rule = alert(name, alertname)
    rule["alert"] |= {"matchers": [{"name": label, "op": "=", "value": value}], **body}
    return rule


RULES = [
    matching("label-nowhere", "Fails", "chain"),
    matching("exported-namespace", "State", "namespace", "${namespace}"),
    matching("aggregated-away", "Slow"),
    matching("long-for", "Long"),
    matching("long-for-that-may-not-be-pending", "Long", pending="Failed"),
    matching("twin-in-error", "Twin"),
    matching("no-such-metric", "Renamed"),
    matching("born-with-its-first-error", "Renamed", requireSeries=False),
    matching("slow-group", "Seldom"),
    matching("healthy", "Healthy"),
    matching("what-need-not-exist", "Silenced"),
]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One window of 12s for all of them. The target has a `namespace` of its own, so that the metric's becomes another label."""
    folder = tmp_path_factory.mktemp("silent")
    with exporting(METRICS) as exporter:
        job = {"targets": [exporter.address], "labels": {"namespace": "monitoring"}}
        config = {"scrape_configs": [{"job_name": "toy", "static_configs": [job]}]}
        with running(folder / "prometheus", groups=GROUPS, config=config) as server:
            server.until("toy_height")
            server.until('ALERTS{alertname="Fails"}')
            spec = Spec(["true"], RULES, duration="12s", run_duration="12s")
            yield ran(spec, folder, "--prometheus", server.url, verb=("evaluate",))


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("label-nowhere", "Error", "AlertNotScoped"),
        ("exported-namespace", "Error", "AlertBlind"),
        ("aggregated-away", "Error", "AlertNotScoped"),
        ("long-for", "Error", "AlertCannotFire"),
        ("long-for-that-may-not-be-pending", "Failed", "AlertPending"),
        ("twin-in-error", "Error", "AlertNotLoaded"),
        ("no-such-metric", "Error", "AlertBlind"),
        ("born-with-its-first-error", "Passed", ""),
        ("slow-group", "Error", "AlertCannotFire"),
        ("healthy", "Passed", ""),
        ("what-need-not-exist", "Passed", ""),
    ],
)
def test_what_the_silence_of_an_alert_proves(done, name, verdict, reason):
    [state] = [state for state in done.result.document.states if state.name == name]
    assert (state.verdict, state.reason) == (verdict, reason), state.message


def test_a_silence_that_passes_without_series_says_so(done):
    [state] = [state for state in done.result.document.states if state.name == "born-with-its-first-error"]
    assert (
        state.message
        == "the alert did not fire; in the window the alert saw no series of this run for toy_node_failed_total"
    )


def test_everything_that_was_asked_is_evidence(done):
    """The rules at each tick; at the final sweep the alerts and the series too."""
    lines = [json.loads(line) for line in done.file("rules/healthy.jsonl").splitlines()]
    roles = ("proof", "pending", "unscoped", "labels", "series")
    assert all("proof" in line for line in lines)
    assert all(role in lines[-1] for role in roles)
    assert not any(role in lines[0] for role in roles[1:])


def test_a_run_with_a_load_is_refused_at_once(tmp_path):
    """Before a load of ten minutes begins that could prove nothing."""
    groups = [{"name": "toy", "rules": [{"alert": "Long", "expr": "vector(0) > 1", "for": "1h"}]}]
    with running(tmp_path / "prometheus", groups=groups) as server:
        refused = ran(Spec(["touch", "ran"], [alert("long", "Long")]), tmp_path, "--prometheus", server.url)
    assert refused.code == 2
    assert "rule long: AlertCannotFire: it fires 3601s after its condition begins" in refused.err
    assert not (tmp_path / "work" / "ran").exists()


def test_what_start_after_takes_away_is_refused_at_once(tmp_path):
    groups = [{"name": "toy", "rules": [{"alert": "Long", "expr": "vector(0) > 1", "for": "5m"}]}]
    with running(tmp_path / "prometheus", groups=groups) as server:
        rule = alert("long", "Long", startAfter="6m")
        refused = ran(Spec(["touch", "ran"], [rule], duration="10m"), tmp_path, "--prometheus", server.url)
    assert refused.code == 2
    assert "rule long: AlertCannotFire" in refused.err
    assert "and the rule judges 240s" in refused.err

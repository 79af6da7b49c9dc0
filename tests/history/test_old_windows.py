"""A window that is older than what Prometheus holds: `evaluate` and `backtest` judge it alike, and nothing in it passes."""

import pathlib
from collections.abc import Iterator

import pytest
from tests.history.kit import alert_rule, counter_rule, guarded_rule, query_rule
from tests.history.test_compare import is_loaded, live

from prometheus_kit import Server, running, series, until
from validationrun.judging.backtest.backtest import backtest
from validationrun.judging.backtest.client import Past
from validationrun.judging.backtest.windows import Period
from validationrun.judging.replay import replay_folder
from validationrun.oracle.question import Question

START = 1_699_992_000.0
HOUR = 3600

ALERTS = [
    {"alert": "Never", "expr": "vector(1) > 2"},
    {"alert": "Slow", "expr": "vector(1) > 2", "for": "1h"},
    {"alert": "Pending", "expr": "vector(1) > 0", "for": "1h"},
    {"alert": "Fires", "expr": "vector(1) > 0"},
    {"alert": "Blind", "expr": "nothing_there > 0"},
]
NODES = 'min(height{chain_id="${chainId}"})'
RULES = [
    query_rule("height", "height"),
    query_rule("guarded", NODES),
    query_rule("constant", "vector(1)"),
    query_rule("absent", "absent(restarts_total)"),
    query_rule("unswept", "vector(1)", finalSweep=False),
    query_rule("bad", "no_such_function(height)"),
    guarded_rule("three", NODES, {"series": {"min": 3}}),
    guarded_rule("missed", NODES, {"series": {"min": 3, "onMissing": "Failed"}}),
    counter_rule("steady", "height"),
    counter_rule("nothing", "nothing_total"),
    *(alert_rule(alert["alert"].lower(), alert["alert"]) for alert in ALERTS),
    alert_rule("unknown", "Unknown"),
    alert_rule("scoped", "Never", (("pod", "=", "a"),)),
]
UNSWEPT_ALERT = alert_rule("silent", "Never", finalSweep=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It holds five minutes of samples, and none of the hour before."""
    times = [START + 5 * k for k in range(60)]
    past = [series(name, [(t, 1.0) for t in times], chain_id="chain-1", pod="a") for name in ("up", "height")]
    groups = [{"name": "g", "rules": ALERTS}]
    with running(tmp_path_factory.mktemp("old"), history=past, groups=groups, config={"storage": {}}) as found:
        until(lambda: is_loaded(found), what="each rule was evaluated")
        yield found


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validationrun.judging.live.loop.SWEEP_PAUSE_SECONDS", 0.02)


def evaluated(folder: pathlib.Path, url: str, rules: list[Question], start: float) -> dict[str, tuple[str, str]]:
    result, where = live(folder, url, rules, start=start)
    assert replay_folder(where)[1].differences == []
    return {rule.name: (rule.verdict, rule.reason or "") for rule in result.status.rules}


def backtested(url: str, rules: list[Question], start: float) -> dict[str, tuple[str, str]]:
    with Past(url) as past:
        outcome = backtest(past, rules, Period(start, start + 300))
    return {rule.rule.name: (str(rule.state.verdict), str(rule.state.reason)) for rule in outcome.rules}


@pytest.mark.parametrize("start", [START - HOUR, START - 240], ids=["before", "partly"])
def test_both_judge_it_alike(server: Server, tmp_path: pathlib.Path, start: float) -> None:
    found = evaluated(tmp_path, server.url, RULES, start)
    assert found == backtested(server.url, RULES, start)
    assert found["never"] == found["slow"] == ("Error", "AlertNotLoaded")


def test_nothing_passes_before_the_first_sample(server: Server, tmp_path: pathlib.Path) -> None:
    found = evaluated(tmp_path, server.url, [*RULES, UNSWEPT_ALERT], START - HOUR)
    assert [name for name, (verdict, _) in found.items() if verdict == "Passed"] == []
    assert found["constant"] == found["absent"] == found["unswept"] == ("Error", "NoSamples")


def test_an_alert_without_a_final_sweep_does_not_pass_by_what_is_evaluated_now(
    server: Server, tmp_path: pathlib.Path
) -> None:
    """Every tick sees an evaluation of today; the window has samples, but no evaluation."""
    found = evaluated(tmp_path, server.url, [UNSWEPT_ALERT], START)
    assert found["silent"][0] == "Error"
    assert backtested(server.url, [UNSWEPT_ALERT], START)["silent"][0] == "Error"

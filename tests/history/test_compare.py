"""
Live runs by the real driver, asked once more of history: they agree when every tick was answered, else the ticks that
differ are listed. And replay of each of them agrees to the letter.
"""

import dataclasses
import math
import pathlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest
from tests.history.kit import alert_rule, counter_rule, guarded_rule, query_rule

from prometheus_kit import STALE, Exporter, Proxy, Server, behaviours, between, exporting, running, series, until
from validationrun.judging.backtest.client import HistoryError, Past
from validationrun.judging.backtest.compare import Comparison, compare, compare_with_backtest
from validationrun.judging.replay import replay_folder
from validationrun.local.evaluate import EvaluateOptions, evaluate
from validationrun.oracle.question import Question
from validationrun.prometheus import Access
from validationrun.results.folder import Result, read_result
from validationrun.spec.v1alpha1 import Rule, ValidationRun

START = 1_699_992_000.25
LOADED = ("Never", "Fired", "Before", "Twice")


def past_of_all_kinds() -> list:
    times = [START - 400 + 5 * k for k in range(300)]

    def at(name, value, **labels):
        return series(name, [(t, value(t - START)) for t in times if value(t - START) is not None], **labels)

    return [
        at("up", lambda t: 1.0),
        at("height", lambda t: t),
        at("gap", lambda t: None if 100 < t < 450 else 1.0),
        at("odd", lambda t: math.nan if 50 < t < 60 else math.inf if 200 < t < 230 else 1.0),
        at("churn", lambda t: t if t < 200 else None, pod="a"),
        at("churn", lambda t: t if t > 150 else None, pod="b"),
        *(at("share", lambda t, k=k: (t + 400) / (k + 3), pod=f"p{k}") for k in range(6)),
        *(at("height_of", lambda t: t + 401, chain_id="chain-1", pod=f"p{k}") for k in range(2)),
        at("height_of", lambda t: t + 401 if t < 100 else None, chain_id="chain-1", pod="p2"),
        at("frozen", lambda t: 1.0 if t < 100 else None),
        at("moved_total", lambda t: 3.0 if t < 100 else None, instance="a"),
        at("moved_total", lambda t: 3.0 if t > 90 else None, instance="b"),
        at("reset_total", lambda t: (t + 400) % 90),
        series("ALERTS", [(START + t, 1) for t in (120, 125, 130)], alertname="Fired", alertstate="firing", pod="a"),
        series("ALERTS", [(START + t, 1) for t in range(-60, 60, 5)], alertname="Before", alertstate="firing"),
        series("ALERTS", [(START + t, 1) for t in (40, 250)], alertname="Twice", alertstate="firing", pod="a"),
        series("ALERTS", [(START + 245, 1)], alertname="Twice", alertstate="firing", pod="b"),
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    rules = [{"alert": name, "expr": "vector(1) > 2"} for name in LOADED]
    folder = tmp_path_factory.mktemp("live")
    groups = [{"name": "g", "rules": rules}]
    with running(folder, history=past_of_all_kinds(), groups=groups, config={"storage": {}}) as found:
        until(lambda: is_loaded(found), what="each rule was evaluated")
        yield found


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the attempts at a final sweep; the past does not change meanwhile."""
    monkeypatch.setattr("validationrun.judging.live.loop.SWEEP_PAUSE_SECONDS", 0.02)


def is_loaded(server: Server) -> bool:
    return all(rule["health"] == "ok" for group in server.get("rules")["groups"] for rule in group["rules"])


def live(
    folder: pathlib.Path,
    url: str,
    rules: Sequence[Question],
    *,
    start: float = START,
    seconds: int = 300,
    settle_s: float = 0.0,
) -> tuple[Result, pathlib.Path]:
    """A run judged by `evaluate`, which is the driver with an asker for each rule."""
    document = {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationRun",
        "metadata": {"name": "nightly", "namespace": "eng"},
        "spec": {"chain": {"chainId": "chain-1", "endpoints": {"rpc": ["http://127.0.0.1:1"]}}, "rules": []},
    }
    run = ValidationRun.model_validate(document)
    own: list[Rule] = [question.rule for question in rules]
    run = run.model_copy(update={"spec": run.spec.model_copy(update={"rules": own})})
    options = EvaluateOptions(url, Access(), folder, start=start, seconds=seconds, settle_s=settle_s)
    _, where = evaluate(run, options)
    return read_result(where), where


def against_history(result: Result, url: str, *, instant: bool = False) -> Comparison:
    with Past(url) as past:
        return compare(result, past, instant=instant)


RUNS = {
    "good": [
        query_rule("low", "height", "<", "1e9"),
        query_rule("sum", "sum(share)", ">", "0"),
    ],
    # Nobody saw an evaluation in a window that is over: live it is an Error, and history cannot say more.
    "a-silent-alert-of-the-past": [alert_rule("quiet", "Never"), query_rule("low", "height", "<", "1e9")],
    "breached": [query_rule("low", "height", "<", "200"), query_rule("other", "height", "<", "250")],
    "stopped": [
        query_rule("low", "height", "<", "200", stopOnFailure=True),
        query_rule("whole", "max_over_time(height[${window}])", "<", "1e9"),
        alert_rule("quiet", "Never"),
    ],
    "stopped-in-the-sweep": [query_rule("low", "height", "<", "300", stopOnFailure=True), alert_rule("quiet", "Never")],
    "alerts": [
        alert_rule("quiet", "Never"),
        alert_rule("fired", "Fired", interval="7s"),
        alert_rule("before", "Before"),
        alert_rule("twice", "Twice", startAfter="100s"),
    ],
    "stopped-by-an-alert": [alert_rule("fired", "Fired", stopOnFailure=True), query_rule("low", "height", "<", "1e9")],
    "an-alert-nobody-loaded": [alert_rule("unknown", "Unknown"), query_rule("low", "height", "<", "1e9")],
    "nothing-there": [query_rule("nothing", "nothing"), query_rule("low", "height", "<", "1e9")],
    "a-gap": [query_rule("gap", "gap"), query_rule("rate", "sum(rate(gap[1m]))", ">=", "0", retry=10)],
    "odd-numbers": [query_rule("odd", "odd", retry=10), query_rule("churn", "churn", "<", "1e9", retry=10)],
    "a-bad-query": [query_rule("bad", "no_such_function(height)"), query_rule("text", '"text"')],
    "a-node-that-dies": [
        query_rule("height", 'min(height_of{chain_id="${chainId}"})'),
        query_rule("breached", 'max(height_of{chain_id="${chainId}"})', "<", "200", stopOnFailure=False),
        guarded_rule("three", 'min(height_of{chain_id="${chainId}"})', {"series": {"min": 3}}),
        guarded_rule("two", 'min(height_of{chain_id="${chainId}"})', {"series": {"min": 2}}),
        guarded_rule("never", 'min(height_of{chain_id="${chainId}"})', {"series": {"min": 9, "onMissing": "Failed"}}),
    ],
    "stopped-by-a-missing-series": [
        guarded_rule(
            "three",
            'min(height_of{chain_id="${chainId}"})',
            {"series": {"min": 3, "onMissing": "Failed"}},
            stopOnFailure=True,
        ),
        query_rule("low", "height", "<", "1e9"),
    ],
    "data-that-stand-still": [query_rule("frozen", "frozen"), guarded_rule("still", "frozen", {"maxAge": "0s"})],
    "counters": [
        counter_rule("steady", "height"),
        counter_rule("moved", "moved_total"),
        counter_rule("reset", "reset_total", "<", "1000"),
        counter_rule("nothing", "nothing_total"),
    ],
    "without-sweep": [
        query_rule("low", "height", "<", "300", finalSweep=False),
        query_rule("late", "height", startAfter="200s"),
    ],
}


@pytest.mark.parametrize("run", RUNS)
def test_history_says_what_the_live_run_was_told(server: Server, tmp_path: pathlib.Path, run: str) -> None:
    """Every tick, every state, stop and verdict; by ranges and tick by tick. Replay agrees too."""
    result, folder = live(tmp_path, server.url, RUNS[run])
    assert replay_folder(folder)[1].differences == []

    for instant in (False, True):
        found = against_history(result, server.url, instant=instant)
        assert (found.ticks, found.others) == ([], [])
        assert found.agrees
        assert (found.verdict.phase, found.verdict.reason) == (result.status.phase, result.status.reason)
    counted = sum(one.counted for evidence in result.evidence.values() for one in evidence.entries)
    assert found.compared == counted > 0
    with Past(server.url) as past:
        assert compare_with_backtest(result, past) == []


def test_these_runs_end_in_every_way(server: Server, tmp_path: pathlib.Path) -> None:
    """Else the test above would prove little."""
    verdicts = {live(tmp_path / run, server.url, RUNS[run])[0].status.verdict for run in ("good", "stopped", "a-gap")}

    assert verdicts == {"Passed", "Failed", "Error"}


def test_a_live_run_over_scraped_metrics_agrees(tmp_path: pathlib.Path) -> None:
    """Samples that come while it is judged, a series that goes stale, counters that start anew, an alert that fires."""
    rules = [{"alert": "High", "expr": "height > 3"}, {"alert": "Never", "expr": "vector(1) > 2"}]
    with exporting({"height": 1, "requests_total": 5}) as exporter:
        groups = [{"name": "g", "rules": rules}]
        targets = {"node": [exporter.address]}
        with running(tmp_path / "p", targets=targets, groups=groups, config={"storage": {}}) as server:
            server.until("height")
            until(lambda: is_loaded(server), what="each rule was evaluated")
            questions = [
                query_rule("height", "height", "<", "1e9", retry=10),
                query_rule("rate", "sum(rate(requests_total[5s]))", ">=", "0", retry=10),
                query_rule("whole", "max_over_time(height[${window}])", "<", "1e9"),
                query_rule("parts", "avg(part)", "<", "1e9", retry=10),
                alert_rule("quiet", "Never"),
                alert_rule("high", "High"),
            ]
            result, folder = during(
                exporter, lambda: live(tmp_path, server.url, questions, start=time.time(), seconds=17, settle_s=1.5)
            )
            found = against_history(result, server.url)
            assert replay_folder(folder)[1].differences == []

    assert (found.ticks, found.others) == ([], [])
    verdicts = {rule.name: rule.verdict for rule in result.status.rules}
    assert verdicts["quiet"] == "Passed"
    assert verdicts["high"] == "Failed"
    assert {entry.reason for entry in result.evidence["height"].entries} > {""}


def during(exporter: Exporter, work: Callable[[], tuple[Result, pathlib.Path]]) -> tuple[Result, pathlib.Path]:
    """The metrics change while the work is done."""
    steps = [
        {"height": 2, "requests_total": 9, **{f'part{{pod="p{k}"}}': 0.1 * k for k in (3, 1, 2)}},
        {"requests_total": 2},
        {"height": 7, "requests_total": 30, 'part{pod="p1"}': 0.7},
    ]
    over = threading.Event()

    def change() -> None:
        for step in steps:
            if over.wait(4):
                return
            exporter.set(step)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        return work()
    finally:
        over.set()
        thread.join()


# Where they differ


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with between(server.url) as found:
        yield found


def asked_at(seconds: float, query: str = ""):
    def holds(request) -> bool:
        t = request.form.get("time")
        return query in request.query and t is not None and abs(float(t[0]) - START - seconds) < 0.01

    return holds


def test_the_ticks_that_were_not_answered_live_are_listed(server: Server, proxy: Proxy, tmp_path: pathlib.Path) -> None:
    """Each with what was said then and what is said now, in the order of time; and nothing else."""
    proxy.behave(behaviours.status(503), on=asked_at(50, "height"))
    proxy.behave(behaviours.warned("a store is away"), on=asked_at(25, "share"))
    result, _ = live(tmp_path, proxy.url, RUNS["good"])

    found = against_history(result, server.url)

    assert [(one.rule, one.t - START, one.final, one.then, one.now) for one in found.ticks] == [
        ("sum", 25, False, ("Error", "PartialResponse", None), ("Passed", "", found.ticks[0].now[2])),
        ("low", 50, False, ("Error", "PrometheusUnavailable", None), ("Passed", "", "50")),
    ]
    # Both were tolerated, so that the verdicts agree.
    assert found.others == []
    assert not found.agrees


def test_a_verdict_that_rests_on_missing_answers_differs(server: Server, proxy: Proxy, tmp_path: pathlib.Path) -> None:
    """It was an Error then; history says that it would have passed."""
    for k in range(10):
        proxy.behave(behaviours.status(503), on=asked_at(50 + 5 * k, "height"))
    result, _ = live(tmp_path, proxy.url, RUNS["good"])
    assert result.status.verdict == "Error"

    found = against_history(result, server.url)

    assert len(found.ticks) == 10
    assert found.others == [
        "rule low: Error PrometheusUnavailable then, Passed  now",
        "verdict: Error RuleError then, Succeeded RunSucceeded now",
    ]
    assert found.verdict.verdict == "Passed"


def test_a_history_that_changed_since_is_seen(tmp_path: pathlib.Path) -> None:
    """Samples that came late turn a run that passed into one that would have been stopped."""
    times = [START - 60 + 5 * k for k in range(100)]
    history = [
        series("up", [(t, 1) for t in times]),
        series("height", [(t, 1) for t in times if t < START + 100 or t > START + 110]),
    ]
    with running(tmp_path / "p", history=history) as server:
        rules = [query_rule("low", "max(height)", "<", "5", stopOnFailure=True)]
        result, _ = live(tmp_path, server.url, rules)
        assert result.status.verdict == "Passed"
        # The head has to know a time before what is late can be told from what is too old.
        server.send(
            series("height", [(START + 105, 9.0)], pod="late"), series("height", [(START + 106, STALE)], pod="late")
        )

        found = against_history(result, server.url)

    assert [(one.t - START, one.now) for one in found.ticks] == [(105, ("Failed", "ThresholdViolated", "9"))]
    assert found.others == [
        "rule low: Passed  then, Failed ThresholdViolated now",
        f"stop: none then, by low at {START + 105} now",
        "verdict: Succeeded RunSucceeded then, Failed RuleStopOnFailure:low now",
    ]


def test_a_sum_whose_last_digit_alone_differs_agrees(server: Server, tmp_path: pathlib.Path) -> None:
    """Prometheus adds up in another order once its newest data have become a block. It is listed all the same."""
    result, _ = live(tmp_path, server.url, [query_rule("sum", "sum(share)", ">", "0")])
    entries = result.evidence["sum"].entries
    value = entries[3].value
    assert value is not None
    nearly = repr(math.nextafter(float(value), math.inf))
    changed = entries[3].__class__(
        **{**{name: getattr(entries[3], name) for name in entries[3].__slots__}, "value": nearly}
    )
    entries[3] = changed

    found = against_history(result, server.url)

    assert [(one.then[2], one.now[2], one.is_last_digit) for one in found.ticks] == [(nearly, value, True)]
    assert found.agrees
    entries[3] = changed.__class__(
        **{**{name: getattr(changed, name) for name in changed.__slots__}, "value": repr(float(value) * 1.001)}
    )
    assert not against_history(result, server.url).agrees


def test_a_run_whose_load_never_began_has_nothing_to_compare(server: Server, tmp_path: pathlib.Path) -> None:
    """One clear error."""
    result, _ = live(tmp_path, server.url, RUNS["breached"])
    window = msgspec.structs.replace(result.document.window, start=None)
    nowhere = dataclasses.replace(result, document=msgspec.structs.replace(result.document, window=window))

    with pytest.raises(HistoryError, match="the run has no window"):
        against_history(nowhere, server.url)

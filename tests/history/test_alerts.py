"""
What an alert rule is told at each tick, read from the raw samples of its series, is what its own query says there.

The reference is the evaluator's `Asker`, one instant query a tick.
"""

from collections.abc import Iterator, Sequence

import pytest
from tests.history.kit import alert_rule
from tests.history.test_identity import told_by_decisions
from tests.prometheus.history import Series

from prometheus_kit import Proxy, Server, behaviours, between, running, series, until
from validationrun.judging.backtest import alert_samples
from validationrun.judging.backtest.backtest import backtest
from validationrun.judging.backtest.client import Past
from validationrun.judging.backtest.fetch import ask_window
from validationrun.judging.backtest.query_strategy import Form
from validationrun.judging.backtest.windows import Period
from validationrun.judging.live.rule_query import Asker
from validationrun.oracle.decision import Decision
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question
from validationrun.prometheus import Prometheus

START = 1_699_992_000.25
END = START + 600
CASES = {
    "never": [],
    "long-before": [(-120, -60)],
    "up-to-the-start": [(-60, 0)],
    "at-the-start-alone": [(0, 0)],
    "just-behind-the-start": [(0.001, 0.001)],
    "already-firing": [(-60, 45)],
    "on-a-tick": [(100, 100)],
    "between-ticks": [(102, 103)],
    "in-the-middle": [(200, 260)],
    "twice": [(50, 60), (300, 310)],
    "at-the-last-tick": [(595, 595)],
    "behind-the-last-tick": [(596, 598)],
    "at-the-end": [(600, 600)],
    "behind-the-end": [(600.001, 640)],
    "in-the-second-before-startAfter": [(59.5, 59.5)],
    "at-startAfter": [(60, 60)],
}


def alerts_series(case: str, pod: str = "a", shift: float = 0.0, state: str = "firing") -> Series:
    points = []
    for since, last in CASES[case]:
        count = int((last - since) / 5) + 1
        points += [(START + shift + since + 5 * k, 1.0) for k in range(count)]
    return series("ALERTS", points, alertname=case, alertstate=state, pod=pod, chain_id="chain-1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Alerts that fired in the past, all of them loaded now."""
    history = [alerts_series(case) for case in CASES if CASES[case]]
    # More series of one alert, later and not yet firing; and one of another chain.
    history += [alerts_series("in-the-middle", "b", 40), alerts_series("in-the-middle", "c", 80)]
    history += [alerts_series("in-the-middle", "d", -150, "pending")]
    history += [series("ALERTS", [(START + 20, 1)], alertname="in-the-middle", alertstate="firing", chain_id="other")]
    history += [series("up", [(START + 5 * k, 1) for k in range(-100, 200)])]
    rules = [{"alert": case, "expr": "vector(1) > 2"} for case in CASES]
    with running(tmp_path_factory.mktemp("alerts"), history=history, groups=[{"name": "g", "rules": rules}]) as found:
        until(lambda: loaded(found), what="each rule was evaluated")
        yield found


def loaded(server: Server) -> bool:
    return all(rule["health"] == "ok" for group in server.get("rules")["groups"] for rule in group["rules"])


def by_the_evaluator(url: str, question: Question, end: float = END) -> list[Decision]:
    asker = Asker(question, Prometheus(url))
    times = [round(START + k * 5, 3) for k in range(1, 200) if START + k * 5 < end]
    return [asker.tick(START, t) for t in times if t >= START + int(question.rule.run_properties.start_after)]


def verdicts(decisions: Sequence[Decision]) -> list[tuple]:
    """All but the words of the first failure, which hang on a question that is not of its tick."""
    return [(one.t, one.verdict, one.reason, one.count) for one in decisions]


def assumed(decisions: Sequence[Decision]) -> list[tuple]:
    """The same, where silence is taken for Passed. The evaluator can't prove it of the past: this Prometheus evaluated the alert later."""
    return [
        (t, Verdict.PASSED if verdict == Verdict.AWAITED else verdict, *rest)
        for t, verdict, *rest in verdicts(decisions)
    ]


@pytest.mark.parametrize("start_after", ["0s", "60s", "62s"])
@pytest.mark.parametrize("case", CASES)
def test_samples_tell_for_each_tick_what_the_query_does(server: Server, case: str, start_after: str) -> None:
    """Also at the very edges, which this Prometheus alone decides; and for how many series."""
    question = alert_rule("rule", case, (("chain_id", "=", "${chainId}"),), startAfter=start_after)
    with Past(server.url) as past:
        [asked] = ask_window(past, [question], Period(START, END))
        found = told_by_decisions(past, question, Period(START, END))

    assert asked.choice.form is Form.SAMPLES
    # Where the range opens it is one second long.
    assert asked.instants == (1 if start_after == "60s" else 0)
    told = by_the_evaluator(server.url, question)
    assert {decision.verdict for decision in told} <= {Verdict.AWAITED, Verdict.FAILED}
    assert verdicts(found) == assumed(told)


def test_a_long_range_is_looked_at_in_pieces(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much for one answer is asked in halves, with the same result."""
    question = alert_rule("rule", "in-the-middle", (("chain_id", "=~", "chain-.*"),))
    monkeypatch.setattr(alert_samples, "LEAST_SECONDS", 1)
    whole = by_the_evaluator(server.url, question)
    for most in (500, 100, 10):
        with between(server.url) as proxy, Past(proxy.url) as past:
            refuse_longer_than(proxy, most)
            found = told_by_decisions(past, question, Period(START, END))
            assert len(proxy.requests) > 600 / most
        assert verdicts(found) == assumed(whole)


def refuse_longer_than(proxy: Proxy, seconds: int) -> None:
    def behaviour(exchange) -> None:
        query = exchange.request.query
        length = int(query.rsplit("[", 1)[1].split("s]")[0]) if query.startswith("ALERTS") and "[" in query else 0
        (behaviours.status(422) if length > seconds else behaviours.pass_on)(exchange)

    proxy.behave(behaviour)


def test_with_a_warning_each_tick_is_asked_by_itself(server: Server) -> None:
    """An answer in parts cannot show that an alert was silent."""
    question = alert_rule("rule", "on-a-tick")
    with between(server.url) as proxy, Past(proxy.url) as past:
        proxy.behave(behaviours.warned("a store is away"))
        [asked] = ask_window(past, [question], Period(START, END))
        found = told_by_decisions(past, question, Period(START, END))

    assert asked.instants == 119
    assert {one.reason for one in found} == {"PartialResponse"}


@pytest.mark.parametrize("case", ["already-firing", "in-the-middle"])
def test_the_first_failure_says_whether_the_alert_fired_before(server: Server, case: str) -> None:
    """As in a live run, and no other decision does."""
    question, period = alert_rule("rule", case), Period(START, END)
    with Past(server.url) as past:
        outcome = backtest(past, [question], period)

    first = next(one for one in by_the_evaluator(server.url, question) if one.verdict == "Failed")
    [rule] = outcome.rules
    assert (rule.state.failed_t, rule.state.message) == (first.t, first.message)
    assert ("already firing" in first.message) == (case == "already-firing")

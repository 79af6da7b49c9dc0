"""One question at one moment: what is asked, and what is kept of it."""

from msgspec.structs import replace

import replies
from validationrun.base.times import format_time
from validationrun.judging.live.rule_query import Asker
from validationrun.oracle.decide import decide
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.memory import NOTHING_REMEMBERED
from validationrun.oracle.question import Question
from validationrun.spec.v1alpha1 import Rule

NOW = 1_795_000_500.0


class FakeConnection:
    """Stands in for the client: answers in turn, and keeps what it was asked."""

    def __init__(self, *answers: Reply, rules: Reply | None = None) -> None:
        self.asked: list[tuple[str, float | None]] = []
        self._answers = list(answers)
        self._rules = rules

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply:
        assert timeout_s > 0
        self.asked.append((promql, t))
        return replies.asked_at(self._answers.pop(0), t or 0) if self._answers else replies.fault()

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        assert timeout_s > 0
        self.asked.append((alertname, None))
        return self._rules or replies.fault()


def alert_question(**properties: object) -> Question:
    body = {"ruleRef": {"name": "a", "namespace": "b", "alertname": "C"}}
    rule = Rule.model_validate({"name": "a", "type": "alert", "alert": body, "runProperties": properties})
    return Question.of(rule, {"chainId": "c", "namespace": "n", "runId": "r"})


def query_question(promql: str = "x", **properties: object) -> Question:
    query = {"promql": promql, "op": ">", "threshold": "0"}
    rule = Rule.model_validate({"name": "q", "type": "query", "query": query, "runProperties": properties})
    return Question.of(rule, {"chainId": "c", "namespace": "n", "runId": "r"})


def test_an_alerts_range_opens_with_start_after_and_window_with_start() -> None:
    def asked(question: Question) -> list[str]:
        return [question.at(100.0, t).split("[")[1].split("s")[0] for t in (100.0, 110.0, 120.0, 160.0)]

    assert asked(alert_question(startAfter="20s")) == ["1", "1", "1", "40"]
    assert asked(query_question("x[${window}]", startAfter="20s")) == ["1", "10", "20", "60"]


def test_a_refused_reference_is_not_asked_of_prometheus() -> None:
    connection = FakeConnection(replies.vector())
    refused = Fault("CrossNamespaceForbidden", "no label")
    decision = Asker(alert_question(), connection, reference=lambda _: refused).tick(0, 10)
    assert (decision.verdict, decision.reason, connection.asked) == ("Error", "CrossNamespaceForbidden", [])


def test_an_alerts_silence_passes_with_proof_only() -> None:
    for rules, expected in (
        (replies.loaded("C", format_time(NOW)), ("Passed", "")),
        (replies.loaded("C", format_time(NOW), health="err"), ("Error", "AlertNotLoaded")),
        (replies.loaded("C", format_time(NOW - 501)), ("Error", "AlertNotLoaded")),
        (replies.loaded("Other", format_time(NOW)), ("Error", "AlertNotLoaded")),
        (replies.http(503), ("Error", "PrometheusUnavailable")),
    ):
        connection = FakeConnection(replies.vector(), rules=rules)
        decision = Asker(alert_question(), connection, now=lambda: NOW).tick(NOW - 500, NOW - 5)
        assert (decision.verdict, decision.reason) == expected


def test_without_its_proof_silence_is_an_error() -> None:
    connection = FakeConnection(replies.vector(), rules=replies.loaded("C", format_time(NOW)))
    decision = Asker(alert_question(), connection, now=lambda: NOW).tick(NOW - 500, NOW - 5)
    exchange = decision.exchange
    assert exchange is not None
    question = alert_question()
    assert decide(question, NOW - 500, replace(exchange, others={})).reason == "AlertNotLoaded"


def test_an_alert_that_fired_already_at_the_start_says_so_once() -> None:
    connection = FakeConnection(replies.vector("1"), replies.vector("1"), replies.vector("1"))
    asker = Asker(alert_question(startAfter="20s"), connection)
    first, second = asker.tick(100.0, 200.0), asker.tick(100.0, 230.0)
    assert (first.reason, first.message) == ("AlertFired", "the alert fired; already firing at start")
    assert second.message == "the alert fired"
    # Where its own range opens, not where the window does.
    assert connection.asked[1] == ('ALERTS{alertname="C",alertstate="firing"}', 120.0)
    assert len(connection.asked) == 3


def test_an_empty_answer_is_explained_when_somebody_can() -> None:
    asker = Asker(
        query_question(), FakeConnection(replies.vector()), explain=lambda query, t, _: f"{query} at {t}: none"
    )
    decision = asker.sweep(0, 60, NOTHING_REMEMBERED)
    assert (decision.reason, decision.why) == ("NoSamples", "")
    explained = asker.explained(decision, 0, NOTHING_REMEMBERED)
    assert (explained.reason, explained.message, explained.why) == (decision.reason, decision.message, "x at 60: none")
    good = Asker(query_question(), FakeConnection(replies.vector("1")), explain=lambda *_: "never").tick(0, 10)
    assert asker.explained(good, 0, NOTHING_REMEMBERED).why == ""


def test_what_was_exchanged_is_kept_and_decides_again() -> None:
    asker = Asker(query_question(), FakeConnection(replies.vector("0")), now=lambda: NOW)
    decision = asker.tick(100.0, 110.0)
    exchange = decision.exchange
    assert exchange is not None
    assert (exchange.query, exchange.t, exchange.asked, exchange.answered) == ("x", 110.0, NOW, NOW)
    assert decide(asker.question, 100.0, exchange) == decision


def many_series(count: int) -> Reply:
    result = [{"metric": {"pod": f"toy-{n:06}"}, "value": [NOW, "5"]} for n in range(count)]
    return replies.success("vector", result)


def test_an_error_keeps_only_the_first_series_of_a_large_answer() -> None:
    """Decisions wait for earlier ticks, and the answers of 32 rules would fill the memory meanwhile."""
    rule = Rule.model_validate({"name": "a", "type": "query", "query": {"promql": "x", "op": ">", "threshold": "0"}})
    question = Question.of(rule, {})
    decision = Asker(question, FakeConnection(many_series(5000))).tick(NOW - 100, NOW)
    assert decision.message == "the query gave 5000 series; it must give one"
    assert decision.exchange is not None
    assert decision.exchange.size < 1000
    assert decide(question, NOW - 100, decision.exchange, NOTHING_REMEMBERED) == decision
    small = Asker(question, FakeConnection(many_series(2))).tick(NOW - 100, NOW)
    assert small.exchange is not None
    assert (small.reason, small.exchange.reply) == ("AmbiguousResult", many_series(2))


def test_a_failure_keeps_its_whole_answer() -> None:
    """It is the evidence of a bad system."""
    decision = Asker(alert_question(), FakeConnection(many_series(5000))).tick(NOW - 100, NOW)
    assert (decision.verdict, decision.count) == ("Failed", 5000)
    assert decision.exchange is not None
    assert decision.exchange.reply == many_series(5000)

"""Answers over HTTP that are not what they seem: none of them may count as a good answer."""

import json

import pytest

from http_helpers import Reply, Request, serving
from simulation import alert_rule, query_rule
from validationrun.judging.live.rule_query import Asker
from validationrun.oracle.question import Question
from validationrun.prometheus import Prometheus

T = 1_795_000_000.0


def vector(*samples, **more):
    result = [{"metric": {"pod": "rpc-0"}, "value": list(sample)} for sample in samples]
    return Reply(
        body=json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}, **more}).encode()
    )


def asked(rule, reply):
    """Verdict and reason of one tick about T, when every request gets this reply."""

    def answer(_: Request) -> Reply:
        return reply

    with serving(answer) as url:
        decision = Asker(Question.of(rule, {}), Prometheus(url)).tick(T - 60, T)
    return decision.verdict, decision.reason


@pytest.mark.parametrize("rule", [query_rule("height"), alert_rule("alert")], ids=["query", "alert"])
def test_is_partial(rule):
    """VictoriaMetrics says so when one of its stores is away; samples or none, the answer is not whole."""
    assert asked(rule, vector((T, "5"), isPartial=True)) == ("Error", "PartialResponse")
    assert asked(rule, vector(isPartial=True)) == ("Error", "PartialResponse")


@pytest.mark.parametrize("rule", [query_rule("height"), alert_rule("alert")], ids=["query", "alert"])
@pytest.mark.parametrize("elsewhere", [-600, -1.5, 1.5, 30])
def test_stamped_elsewhere(rule, elsewhere):
    assert asked(rule, vector((T + elsewhere, "5"))) == ("Error", "BadQuery")


def test_stamped_within_a_second():
    assert asked(query_rule("height"), vector((T + 0.9, "5"))) == ("Passed", "")


def test_server_limit():
    error = "query processing would load too many samples into memory in query execution"
    body = json.dumps({"status": "error", "errorType": "execution", "error": error}).encode()
    assert asked(query_rule("height"), Reply(422, body)) == ("Error", "ServerLimit")

"""Answers of many series: whole up to a bound, a fault beyond it, and never judged in part."""

import json
from typing import Any

import pytest

import replies
from validationrun.base.times import format_time
from validationrun.oracle.alerting_rules import read_alerting_rules
from validationrun.oracle.exchange import Fault, Reply, Samples
from validationrun.oracle.large_answers import LARGE_BYTES, MOST_SERIES, beginning, only_alert, within_bounds
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_response import read_vector

NOW = 1_795_000_000.0


def vector(count: int, **labels: str) -> Reply:
    result = [{"metric": {"pod": f"toy-{n:06}", **labels}, "value": [1, "5"]} for n in range(count)]
    return replies.success("vector", result)


@pytest.mark.parametrize("count", [1, 5_000, MOST_SERIES])
def test_some_thousand_series_are_read_whole(count: int) -> None:
    reply = vector(count)
    assert within_bounds(reply) is reply
    answer = read_vector(within_bounds(reply))
    assert isinstance(answer, Samples)
    assert len(answer.samples) == count


def test_more_series_are_a_fault_that_shows_the_first() -> None:
    """The first series say which label is not aggregated away."""
    bounded = within_bounds(vector(MOST_SERIES + 1))
    answer = read_vector(bounded)
    assert isinstance(answer, Fault)
    assert answer.reason == RuleReason.SERVER_LIMIT
    assert answer.message == "the answer has 10001 series, of which at most 10000 are read; aggregate them"
    body = json.loads(bounded.body)
    assert [sample["metric"]["pod"] for sample in body["data"]["result"]] == [f"toy-{n:06}" for n in range(10)]
    assert body["seriesCut"] == MOST_SERIES + 1


@pytest.mark.parametrize(
    "reply",
    [
        vector(1, node="n" * 100_000),
        replies.success("vector", [{"metric": {}, "value": [1, "1" * 100_000]}]),
        replies.success("vector", [], warnings=["w" * 100_000]),
    ],
    ids=["label", "value", "warnings"],
)
def test_a_series_of_absurd_size_is_a_fault(reply: Reply) -> None:
    bounded = within_bounds(reply)
    answer = read_vector(bounded)
    assert isinstance(answer, Fault)
    assert answer.reason == RuleReason.SERVER_LIMIT
    assert len(bounded.body) <= LARGE_BYTES


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success","data":{"resultType":"vector","result":[' + b"[]," * 50_000 + b"[]]}}",
        b'{"data":' * 100_000,
        b"[" * 100_000,
        b"\xff" * 100_000,
        b'{"status":"success","data":{"resultType":"scalar","result":[1,"' + b"1" * 100_000 + b'x"]}}',
    ],
)
def test_what_is_no_vector_is_an_error_all_the_same(body: bytes) -> None:
    bounded = within_bounds(Reply(200, body, None))
    answer = read_vector(bounded)
    assert isinstance(answer, Fault)
    assert (answer.reason, bounded.body) == (RuleReason.PROMETHEUS_UNAVAILABLE, b"")
    assert answer == read_vector(Reply(200, body, None))


def test_an_error_of_the_server_is_kept_short() -> None:
    bounded = within_bounds(Reply(422, b"e" * 8_000_000, None))
    assert (bounded.status, len(bounded.body)) == (422, LARGE_BYTES)


def test_the_beginning_of_a_small_reply_is_the_reply() -> None:
    fault = Fault(RuleReason.AMBIGUOUS_RESULT, "the query gave 2 series; it must give one")
    assert beginning(vector(2), fault) == vector(2)
    assert beginning(Reply(200, b"[" * 100_000, None), fault) == Reply(200, b"", fault)


def alerts(health: str = "ok", *, own: int = 1, others: int = 3_000, **whole: Any) -> Reply:
    rule = {"type": "alerting", "health": health, "lastEvaluation": format_time(NOW), "query": "x"}
    groups = [
        {"name": "a", "interval": 15, "rules": [{**rule, "name": f"Other-{n}"} for n in range(others)]},
        {
            "name": "b",
            "file": "b.yaml",
            "interval": 30,
            "rules": [{**rule, "name": "Other"}, *({**rule, "name": 'My "<alert>"'} for _ in range(own))],
        },
    ]
    return Reply(200, json.dumps({"status": "success", "data": {"groups": groups}, **whole}).encode(), None)


@pytest.mark.parametrize("reply", [alerts(), alerts("err"), alerts(own=0)], ids=["ok", "err", "absent"])
def test_a_long_list_of_alerts_is_reduced_to_its_own(reply: Reply) -> None:
    """It proves the same."""
    name = 'My "<alert>"'
    reduced = only_alert(reply, name)
    assert len(reduced.body) < 1000
    rules = read_alerting_rules(reply, name)
    assert not isinstance(rules, Fault)
    assert read_alerting_rules(reduced, name) == rules


def test_a_reduced_list_keeps_what_is_said_of_the_group_and_of_the_answer() -> None:
    reduced = json.loads(only_alert(alerts(own=2, warnings=["partial"]), 'My "<alert>"').body)
    [group] = reduced["data"]["groups"]
    assert (group["name"], group["file"], group["interval"], len(group["rules"])) == ("b", "b.yaml", 30, 2)
    assert (reduced["status"], reduced["warnings"]) == ("success", ["partial"])


def test_a_short_list_stays_as_it_came() -> None:
    reply = alerts(others=3)
    assert only_alert(reply, "x") is reply


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"status":"success","data":{"groups":[{"rules":[' + b"{}," * 50_000 + b"{}]}]}}", "PrometheusUnavailable"),
        (b'{"data":' * 100_000, "PrometheusUnavailable"),
        (alerts(others=60_000).body, "ServerLimit"),
    ],
    ids=["nameless", "deep", "many"],
)
def test_a_list_beyond_the_bounds_proves_nothing(body: bytes, reason: str) -> None:
    reduced = only_alert(Reply(200, body, None), "Down")
    fault = read_alerting_rules(reduced, "Down")
    assert isinstance(fault, Fault)
    assert (fault.reason, reduced.body) == (reason, b"")

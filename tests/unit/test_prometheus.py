"""The client of Prometheus against answers that a good one never gives; a good one is asked in tests/e2e."""

import datetime as dt
import json
import time
import urllib.parse
from typing import Any

import pytest

from http_helpers import Reply, Request, serving
from validationrun.oracle.answers import Fault, Samples
from validationrun.prometheus import Prometheus


def vector(*values: Any, **more: Any) -> bytes:
    result = [{"metric": {"a": str(index)}, "value": [1, value]} for index, value in enumerate(values)]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}, **more}).encode()


def asked(reply: Reply, timeout_s: float = 5) -> Any:
    with serving(lambda _: reply) as url:
        return Prometheus(url).query("up", 10, timeout_s)


def test_values_keep_their_own_text() -> None:
    answer = asked(Reply(body=vector("1.50", "NaN", "+Inf")))
    assert isinstance(answer, Samples)
    assert [(sample.labels, sample.value) for sample in answer.samples] == [
        ({"a": "0"}, "1.50"),
        ({"a": "1"}, "NaN"),
        ({"a": "2"}, "+Inf"),
    ]


def test_a_scalar_is_one_sample() -> None:
    body = json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [1, "5"]}}).encode()
    answer = asked(Reply(body=body))
    assert [sample.value for sample in answer.samples] == ["5"]


def test_it_asks_by_post_with_an_explicit_time() -> None:
    seen: list[Request] = []

    def reply(request: Request) -> Reply:
        seen.append(request)
        return Reply(body=vector("1"))

    with serving(reply) as url:
        Prometheus(url + "/prefix/", {"X-Scope-OrgID": "tenant"}).query('up{a="&"}', 1_795_000_000.25, 7)
    (request,) = seen
    assert (request.method, request.path) == ("POST", "/prefix/api/v1/query")
    assert urllib.parse.parse_qs(request.body.decode()) == {
        "query": ['up{a="&"}'],
        "time": ["1795000000.250"],
        "timeout": ["7s"],
    }
    assert request.headers["X-Scope-OrgID"] == "tenant"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(body=vector("1", warnings=["one store is away"])), "PartialResponse"),
        (Reply(body=json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}}).encode()), "BadQuery"),
        (Reply(body=json.dumps({"status": "success", "data": {"resultType": "string", "result": [1, "x"]}}).encode()), "BadQuery"),
        (Reply(body=json.dumps({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "histogram": []}]}}).encode()), "BadQuery"),
        (Reply(400, json.dumps({"status": "error", "error": "parse error"}).encode()), "BadQuery"),
        (Reply(422, json.dumps({"status": "error", "error": "too many samples"}).encode()), "BadQuery"),
        (Reply(503, b"away"), "PrometheusUnavailable"),
        (Reply(500, b""), "PrometheusUnavailable"),
        (Reply(302, b"", {"Location": "/elsewhere"}), "PrometheusUnavailable"),
        (Reply(body=b"<html>a login page</html>"), "PrometheusUnavailable"),
        (Reply(body=vector("1")[:-9], length=len(vector("1"))), "PrometheusUnavailable"),
        (Reply(body=b"[]"), "PrometheusUnavailable"),
        (Reply(body=b'{"status": "success"}'), "PrometheusUnavailable"),
        (Reply(body=vector(5)), "PrometheusUnavailable"),
        (Reply(body=vector("five")), "PrometheusUnavailable"),
    ],
)  # fmt: skip
def test_no_good_answer_is_a_fault(reply: Reply, reason: str) -> None:
    answer = asked(reply)
    assert isinstance(answer, Fault)
    assert answer.reason == reason


def test_a_whole_answer_that_takes_too_long_is_a_timeout() -> None:
    """Each piece comes soon after the one before, so that no single wait is long."""
    answer = asked(Reply(body=vector(*["1"] * 4000), pieces=40, hold=lambda: time.sleep(0.05)), 0.4)
    assert isinstance(answer, Fault)
    assert answer.reason == "Timeout"


def test_nobody_there() -> None:
    answer = Prometheus("http://127.0.0.1:1").query("up", 10, 1)
    assert isinstance(answer, Fault)
    assert (answer.reason, "refused" in answer.message) == ("PrometheusUnavailable", True)


NOW = 1_795_000_000.0


def rules(**changes: Any) -> bytes:
    at = dt.datetime.fromtimestamp(NOW - 20, dt.UTC).isoformat()
    rule = {"type": "alerting", "name": "NodeFailed", "health": "ok", "lastEvaluation": at, **changes}
    return json.dumps({"status": "success", "data": {"groups": [{"interval": 30, "rules": [rule]}]}}).encode()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(body=rules()), None),
        (Reply(body=rules(name="Renamed")), "AlertNotLoaded"),
        (Reply(body=rules(type="recording")), "AlertNotLoaded"),
        (Reply(body=rules(health="err", lastError="no such metric")), "AlertNotLoaded"),
        (Reply(body=rules(health="unknown")), "AlertNotLoaded"),
        (Reply(body=rules(lastEvaluation="0001-01-01T00:00:00Z")), "AlertNotLoaded"),
        (Reply(body=rules(lastEvaluation=dt.datetime.fromtimestamp(NOW - 91, dt.UTC).isoformat())), "AlertNotLoaded"),
        (Reply(body=b'{"status": "success", "data": {"groups": []}}'), "AlertNotLoaded"),
        (Reply(404, b"no such page"), "PrometheusUnavailable"),
        (Reply(body=b"nonsense"), "PrometheusUnavailable"),
    ],
)
def test_proof_that_an_alert_runs(reply: Reply, reason: str | None) -> None:
    with serving(lambda _: reply) as url:
        fault = Prometheus(url).alert_fault("NodeFailed", NOW, 5)
    assert (fault.reason if fault else None) == reason

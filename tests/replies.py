"""What Prometheus' HTTP API says, written by hand: for tests of what is made of it."""

import json
from collections.abc import Mapping
from typing import Any

from validationrun.oracle.exchange import Answer, Fault, Reply


def success(kind: str, result: Any, **more: Any) -> Reply:
    body = {"status": "success", "data": {"resultType": kind, "result": result}, **more}
    return Reply(200, json.dumps(body).encode(), None)


def vector(*values: str, t: float = 0, **more: Any) -> Reply:
    """A sample for each value; several differ in the label `pod`."""
    result = [{"metric": {"pod": str(index)}, "value": [t, value]} for index, value in enumerate(values)]
    return success("vector", result, **more)


def series(*samples: tuple[Mapping[str, str], str]) -> Reply:
    """A sample for each of these labels and values."""
    return success("vector", [{"metric": dict(labels), "value": [0, value]} for labels, value in samples])


def asked_at(reply: Reply, t: float) -> Reply:
    """The reply as an answer about T: every sample is stamped with T."""
    try:
        body = json.loads(reply.body)
        kind, result = body["data"]["resultType"], body["data"]["result"]
        pairs = [result] if kind == "scalar" else [sample["value"] for sample in result if "value" in sample]
        for pair in pairs:
            pair[0] = t
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return reply
    return Reply(reply.status, json.dumps(body).encode(), reply.fault) if pairs else reply


def scalar(value: str, t: float = 0) -> Reply:
    return success("scalar", [t, value])


def http(status: int, error: str = "", kind: str = "") -> Reply:
    return Reply(status, json.dumps({"status": "error", "errorType": kind, "error": error}).encode(), None)


def fault(reason: str = "PrometheusUnavailable", message: str = "connection refused") -> Reply:
    return Reply(None, b"", Fault(reason, message))


def loaded(alertname: str, at: str, *, health: str = "ok", interval: float = 15) -> Reply:
    """The heartbeat of an alert. `at` is RFC 3339."""
    rule = {
        "type": "alerting",
        "name": alertname,
        "query": "vector(1)",
        "duration": 0,
        "health": health,
        "lastEvaluation": at,
    }
    body = {"status": "success", "data": {"groups": [{"name": "group", "interval": interval, "rules": [rule]}]}}
    return Reply(200, json.dumps(body).encode(), None)


def of(answer: Answer, t: float = 0) -> Reply:
    """The reply that reads as this answer."""
    if isinstance(answer, Fault):
        return Reply(None, b"", answer)
    return vector(*(sample.value for sample in answer.samples), t=t)

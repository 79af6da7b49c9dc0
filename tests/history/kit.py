"""Rules as the tests of the past write them."""

from typing import Any

from validationrun.oracle.question import Question
from validationrun.spec.v1alpha1 import Rule


def query_rule(name: str, promql: str, op: str = ">", threshold: str = "0", **properties: Any) -> Question:
    return _question(
        {"name": name, "type": "query", "query": {"promql": promql, "op": op, "threshold": threshold}}, properties
    )


def guarded_rule(name: str, promql: str, body: dict[str, Any], op: str = ">", **properties: Any) -> Question:
    query = {"promql": promql, "op": op, "threshold": "0", **body}
    return _question({"name": name, "type": "query", "query": query}, properties)


def counter_rule(name: str, selector: str, op: str = "==", threshold: str = "0", **properties: Any) -> Question:
    body = {"selector": selector, "op": op, "threshold": threshold}
    return _question({"name": name, "type": "counter", "counter": body}, properties)


def alert_rule(
    name: str, alertname: str, matchers: tuple[tuple[str, str, str], ...] = (), **properties: Any
) -> Question:
    """`matchers` as (name, op, value)."""
    ref = {"name": "alerts", "namespace": "monitoring", "alertname": alertname}
    found = [{"name": one, "op": op, "value": value} for one, op, value in matchers]
    return _question({"name": name, "type": "alert", "alert": {"ruleRef": ref, "matchers": found}}, properties)


def _question(rule: dict[str, Any], properties: dict[str, Any]) -> Question:
    document = {**rule, "runProperties": {"interval": "5s", **properties}}
    return Question.of(Rule.model_validate(document), {"chainId": "chain-1", "namespace": "eng", "runId": "run-1"})

"""What `/api/v1/rules` says of an alert."""

import datetime as dt
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validationrun.oracle.alerting_rules import (
    AlertingRule,
    counting,
    never_matching,
    not_loaded,
    not_running,
    read_alerting_rules,
)
from validationrun.oracle.exchange import DefinedAlert, Fault, Reply
from validationrun.oracle.label_matcher import LabelMatcher

NOW = 1_795_000_000.0


def ok(*groups: Any, **more: Any) -> Reply:
    return Reply(200, json.dumps({"status": "success", "data": {"groups": groups}, **more}).encode(), None)


def ago(seconds: float) -> str:
    return dt.datetime.fromtimestamp(NOW - seconds, dt.UTC).isoformat()


def group(interval: Any = 30, name: str = "nodes", offset: Any = None, **changes: Any) -> dict[str, Any]:
    rule = {
        "type": "alerting",
        "name": "NodeFailed",
        "query": "x == 1",
        "duration": 0,
        "health": "ok",
        "lastEvaluation": ago(20),
    }
    told = {"name": name, "interval": interval, "rules": [rule | changes]}
    return told if offset is None else told | {"queryOffset": offset}


def reason(found: Any) -> str | None:
    return found.reason if isinstance(found, Fault) else None


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (ok(group()), None),
        (ok(group(lastEvaluation=ago(90))), None),
        (ok(group(lastEvaluation="2026-11-18T12:26:30.123456789+01:00")), None),
        (ok(group(name="Renamed") | {"rules": []}), "AlertNotLoaded"),
        (ok(group(type="recording")), "AlertNotLoaded"),
        (ok(group(health="err", lastError="no such metric")), "AlertNotLoaded"),
        (ok(group(health="unknown")), "AlertNotLoaded"),
        (ok(group(lastEvaluation="0001-01-01T00:00:00Z")), "AlertNotLoaded"),
        (ok(group(lastEvaluation=ago(91))), "AlertNotLoaded"),
        (ok(group(interval=0)), "AlertNotLoaded"),
        (ok(group(interval=math.nan)), "AlertNotLoaded"),
        (ok(), "AlertNotLoaded"),
        (ok(group(lastEvaluation="2026-11-18T11:26:30")), "PrometheusUnavailable"),
        (ok(group(lastEvaluation="soon")), "PrometheusUnavailable"),
        (ok(group(interval="thirty")), "PrometheusUnavailable"),
        (ok(group(duration=-1)), "PrometheusUnavailable"),
        (ok(group(duration=math.nan)), "PrometheusUnavailable"),
        (ok(group(alerts=[{"labels": {}, "state": "firing"}])), "PrometheusUnavailable"),
        (ok({"interval": 30}), "PrometheusUnavailable"),
        (ok(group(), warnings=["a store is away"]), "PartialResponse"),
        (Reply(503, b"", None), "PrometheusUnavailable"),
        (Reply(None, b"", Fault("Timeout", "late")), "Timeout"),
    ],
)
def test_only_a_healthy_and_fresh_alert_runs(reply: Reply, expected: str | None) -> None:
    assert reason(not_running(reply, "NodeFailed", NOW)) == expected


def test_twin_in_error() -> None:
    """Of two rules of one name the one in error may be the one that is meant."""
    reply = ok(group(), group(name="other", health="err", lastError="many-to-many"))
    found = not_running(reply, "NodeFailed", NOW)
    assert isinstance(found, Fault)
    assert (found.reason, "many-to-many" in found.message) == ("AlertNotLoaded", True)


def test_in_a_cluster_the_rules_count_that_are_those_of_the_prometheus_rule() -> None:
    reply = ok(group(name="ours", duration=60), group(name="theirs", health="err"), group(name="ours", duration=600))
    defined = (DefinedAlert("ours", 60.0),)
    rules = read_alerting_rules(reply, "NodeFailed", defined)
    assert not isinstance(rules, Fault)
    assert [(rule.group, rule.for_s) for rule in counting(rules, defined)] == [("ours", 60.0)]
    assert not_loaded(rules, "NodeFailed", defined) is None
    other = not_loaded(rules, "NodeFailed", (DefinedAlert("ours", 61.0),))
    assert isinstance(other, Fault)
    assert other.reason == "AlertNotLoaded"
    assert "expected group ours with `for: 61s`" in other.message


def read(*groups: Any) -> list[AlertingRule]:
    rules = read_alerting_rules(ok(*groups), "NodeFailed")
    assert not isinstance(rules, Fault)
    return rules


OURS = (LabelMatcher("namespace", "=", "eng-ada"),)
ADA, BOB = {"namespace": "eng-ada"}, {"namespace": "eng-bob"}
DEFINED = (DefinedAlert("nodes", 0.0),)


def test_a_copy_of_the_rule_that_is_another_tenants_does_not_count() -> None:
    """All copies have the same group, name and `for`; the label that each sets tells whose it is."""
    reply = ok(group(labels=BOB, health="err"), group(labels=ADA))
    rules = read(group(labels=BOB, health="err"), group(labels=ADA))
    assert [rule.labels for rule in counting(rules, DEFINED, OURS)] == [ADA]
    assert not_loaded(rules, "NodeFailed", DEFINED, OURS) is None
    assert not_running(reply, "NodeFailed", NOW, OURS) is None
    assert reason(not_loaded(rules, "NodeFailed", DEFINED)) == "AlertNotLoaded"
    stale = ok(group(labels=BOB, lastEvaluation=ago(900)), group(labels=ADA))
    assert not_running(stale, "NodeFailed", NOW, OURS) is None


def test_a_rule_without_the_label_may_be_the_one_that_is_meant() -> None:
    rules = read(group(labels=BOB), group(labels={"namespace": "{{ $labels.ns }}"}), group(health="err"))
    assert [rule.health for rule in counting(rules, DEFINED, OURS)] == ["ok", "err"]
    assert never_matching(counting(rules, DEFINED, OURS), OURS) is None


def test_where_every_rule_is_another_ones_all_count_and_none_can_match() -> None:
    rules = read(group(labels=BOB), group(labels={"namespace": "eng-eve"}), group(labels=BOB))
    counted = counting(rules, DEFINED, OURS)
    assert counted == rules
    found = never_matching(counted, OURS)
    assert isinstance(found, Fault)
    assert found.reason == "AlertNotScoped"
    assert found.message.count("the rule sets namespace to eng-bob") == 1
    assert "the rule sets namespace to eng-eve" in found.message
    assert never_matching([], OURS) is None


@pytest.mark.parametrize(
    ("told", "defined", "offset"),
    [
        (None, (), 0),
        (None, (DefinedAlert("nodes", 0.0, 45.0),), 45),
        (30, (DefinedAlert("nodes", 0.0, 45.0),), 30),
        ("1m", (), 60),
    ],
)
def test_an_evaluation_looks_at_data_as_old_as_the_query_offset(told: Any, defined: Any, offset: float) -> None:
    rules = read_alerting_rules(ok(group(offset=told)), "NodeFailed", defined)
    assert not isinstance(rules, Fault)
    assert rules[0].evaluated == pytest.approx(NOW - 20 - offset)


@given(st.binary(max_size=200), st.sampled_from([None, 200, 400, 503]))
def test_no_body_raises(body: bytes, status: int | None) -> None:
    assert isinstance(read_alerting_rules(Reply(status, body, None), "A"), Fault)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "interval", "rules", "type", "health", "alerts", "labels"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_no_group_raises(data: Any) -> None:
    for groups in (data, [data], [{"name": "g", "interval": 1, "rules": [data]}]):
        body = json.dumps({"status": "success", "data": {"groups": groups}}).encode()
        found = read_alerting_rules(Reply(200, body, None), "A")
        assert isinstance(found, Fault) or found == []

"""Faults of answers: made before anybody reads them, so that the same code reads them as live."""

import json

import pytest

from validationrun.judging.ruletest.alert_rules import assumed
from validationrun.judging.ruletest.faults import Clock, Connection, Struck
from validationrun.judging.ruletest.model import Fault as Wanted
from validationrun.judging.ruletest.server import PrivatePrometheusError
from validationrun.oracle.alerting_rules import not_running
from validationrun.oracle.exchange import Fault, Reply, Samples
from validationrun.oracle.prometheus_response import read_vector

ONE = Reply(200, json.dumps(
    {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [5, "7"]}]}}
).encode(), None)  # fmt: skip
SCALAR = Reply(200, b'{"status":"success","data":{"resultType":"scalar","result":[5,"7"]}}', None)


class Canned:
    """Answers everything alike."""

    def __init__(self, reply):
        self.reply = reply

    def query(self, promql, t, timeout_s):
        return self.reply


def connection(*faults, reply=ONE, now=100.0, opens=0, rule="r"):
    clock = Clock()
    clock.now = now
    struck = [Struck(Wanted.model_validate(one), opens) for one in faults]
    return Connection(rule, Canned(reply), struck, clock, lambda alertname, at: assumed(alertname, [], at)), struck


def answer(*faults, **options):
    asked, _ = connection(*faults, **options)
    return read_vector(asked.query("q", 5.0, 3.0))


@pytest.mark.parametrize(("fault", "reason"), [
    ({"type": "http", "status": 503}, "PrometheusUnavailable"),
    ({"type": "http", "status": 403}, "PrometheusUnavailable"),
    ({"type": "http", "status": 422}, "BadQuery"),
    ({"type": "timeout"}, "Timeout"),
    ({"type": "wrongType"}, "BadQuery"),
    ({"type": "partial"}, "PartialResponse"),
])  # fmt: skip
def test_each_fault_is_read_as_its_reason(fault, reason):
    found = answer(fault)
    assert isinstance(found, Fault)
    assert found.reason == reason


def test_nan_keeps_the_series_and_takes_their_values():
    for reply in (ONE, SCALAR):
        found = answer({"type": "nan"}, reply=reply)
        assert isinstance(found, Samples)
        assert [sample.value for sample in found.samples] == ["NaN"]


def test_nan_leaves_an_empty_answer_empty():
    empty = Reply(200, b'{"status":"success","data":{"resultType":"vector","result":[]}}', None)
    assert answer({"type": "nan"}, reply=empty) == Samples(())


@pytest.mark.parametrize(("now", "strikes"), [(159.9, False), (160, True), (189.9, True), (190, False)])
def test_a_fault_strikes_the_moments_of_asking_in_its_time(now, strikes):
    asked, [struck] = connection({"type": "timeout", "from": "1m", "for": "30s"}, now=now, opens=100)
    assert isinstance(read_vector(asked.query("q", 5.0, 3.0)), Fault) is strikes
    assert struck.struck is strikes


def test_a_fault_without_a_length_lasts_to_the_end():
    assert isinstance(answer({"type": "timeout", "from": "1m"}, now=1e9), Fault)


def test_a_fault_strikes_only_the_rules_that_it_names():
    fault = {"type": "timeout", "rules": ["other"]}
    assert isinstance(answer(fault), Samples)
    assert isinstance(answer(fault, rule="other"), Fault)


def test_the_first_fault_that_strikes_is_the_one():
    found = answer({"type": "timeout"}, {"type": "http", "status": 503})
    assert isinstance(found, Fault)
    assert found.reason == "Timeout"


def test_an_alert_counts_as_loaded_until_a_fault_says_otherwise():
    asked, _ = connection(now=100.0)
    assert not_running(asked.rules("X", 3.0), "X", 100.0) is None
    asked, [struck] = connection({"type": "alertNotLoaded"})
    found = not_running(asked.rules("X", 3.0), "X", 100.0)
    assert found is not None
    assert found.reason == "AlertNotLoaded"
    assert struck.struck
    assert isinstance(read_vector(asked.query("q", 5.0, 3.0)), Samples)


def test_what_strikes_answers_strikes_the_proof_too():
    asked, _ = connection({"type": "http", "status": 503})
    assert asked.rules("X", 3.0).status == 503


@pytest.mark.parametrize(
    "reply", [Reply(None, b"", Fault("PrometheusUnavailable", "gone")), Reply(503, b"", None), Reply(500, b"", None)]
)
def test_a_fault_of_the_private_prometheus_itself_is_no_answer_to_be_judged(reply):
    """A test that expects PrometheusUnavailable must not pass because its own Prometheus died."""
    with pytest.raises(PrivatePrometheusError):
        answer(reply=reply)


def test_a_query_that_the_private_prometheus_rejects_is_an_answer():
    found = answer(reply=Reply(422, b'{"status":"error","errorType":"execution","error":"many-to-many"}', None))
    assert isinstance(found, Fault)
    assert found.reason == "BadQuery"

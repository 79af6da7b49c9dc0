"""Rule type `counter`: what is asked, and what an answer means."""

from typing import Any

import pytest

import replies
from validationrun.oracle.decide import decide
from validationrun.oracle.decision import Decision
from validationrun.oracle.evidence import Encoder, read_lines
from validationrun.oracle.exchange import Exchange, Reply
from validationrun.oracle.memory import NOTHING_REMEMBERED
from validationrun.oracle.question import Question
from validationrun.oracle.rules.counter import MOST_SAMPLES, SAMPLES, Counter
from validationrun.oracle.rules.rule_type import InstantQuery
from validationrun.spec import promql
from validationrun.spec.v1alpha1 import Rule

START, T = 1000.0, 1060.0


def question(**body: Any) -> Question:
    own = {"selector": 'panics{chain_id="${chainId}"}', "op": "==", "threshold": "0", **body}
    rule = {"name": "a", "type": "counter", "counter": own, "runProperties": {"interval": "30s"}}
    return Question.of(Rule.model_validate(rule), {"chainId": "net-1", "namespace": "eng", "runId": "r"})


def answer(*series: dict[str, Any], alive: int = 1) -> Reply:
    """A series is given by its labels and its parts."""
    result = [{"metric": {"validationrun": "alive"}, "value": [T, str(alive)]}] if alive else []
    for one in series:
        labels = {name: value for name, value in one.items() if isinstance(value, str)}
        for part, value in one.items():
            if not isinstance(value, str):
                result.append({"metric": {**labels, "validationrun": part}, "value": [T, f"{value:g}"]})
    return replies.success("vector", result)


def exchanged(reply: Reply, **others: Reply) -> Exchange:
    return Exchange("a", T, False, T, T, question().at(START, T), reply=reply, others=others)


def judged(reply: Reply, **others: Reply) -> Decision:
    return decide(question(), START, exchanged(reply, **others))


def test_the_query_asks_for_every_fact_at_once() -> None:
    asked = question(alive='up{chain_id="${chainId}"} # of the chain').at(START, T)
    tree = promql.parse(asked)
    assert promql.value_type(tree) == "vector"
    assert asked.count('chain_id="net-1"') == 8
    assert "[60s]" in asked
    assert "offset 60s" in asked


@pytest.mark.parametrize(
    ("series", "value"),
    [
        ([], "0"),
        ([{"pod": "a", "start": 5, "last": 5, "lowest": 5}], "0"),
        ([{"pod": "a", "start": 5, "last": 7, "lowest": 5}, {"pod": "b", "last": 3, "lowest": 3}], "5"),
        ([{"pod": "a", "start": 1, "last": 1.5, "lowest": 1}], "0.5"),
        (
            [{"pod": "a", "start": 3, "last": 3, "lowest": 3}, {"pod": "a", "instance": "x", "last": 3, "lowest": 3}],
            "0",
        ),
        ([{"pod": "a", "last": 2e16, "lowest": 1}], "2e+16"),
    ],
)
def test_the_value_is_the_sum_over_counters(series: list[dict[str, Any]], value: str) -> None:
    decision = judged(answer(*series))
    assert decision.value == value
    assert decision.verdict == ("Passed" if value == "0" else "Failed")


def test_nobody_alive_is_no_sample() -> None:
    decision = judged(answer({"pod": "a", "start": 5, "last": 9, "lowest": 5}, alive=0))
    assert (decision.verdict, decision.reason) == ("Error", "NoSamples")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_counter_that_is_no_number_is_an_error(value: float) -> None:
    assert judged(answer({"pod": "a", "start": 5, "last": value, "lowest": 5})).reason == "NaN"


RESET = {"pod": "a", "start": 3, "last": 1, "lowest": 0, "resets": 1, "samples": 4}
OTHER = {"pod": "b", "start": 5, "last": 5, "lowest": 5, "samples": 4}


def samples(*values: float, pod: str = "a") -> Reply:
    points = [[START + 10 * (index + 1), str(value)] for index, value in enumerate(values)]
    return replies.success("matrix", [{"metric": {"__name__": "panics", "pod": pod}, "values": points}])


def test_samples_are_asked_of_the_series_in_doubt_alone() -> None:
    request = Counter().next_request(question().context(START), exchanged(answer(RESET, OTHER)), NOTHING_REMEMBERED, ())
    assert request == InstantQuery(SAMPLES, 'panics{pod="a"}[60s]', T)
    assert judged(answer(RESET, OTHER), samples=samples(3, 8, 0, 1)).value == "6"
    assert judged(answer(RESET, OTHER)).verdict == "Error"
    assert judged(answer(RESET, OTHER), samples=replies.http(503)).reason == "PrometheusUnavailable"


def test_labels_that_differ_become_alternatives() -> None:
    series = [{**RESET, "zone": "x.y"}, {**RESET, "pod": 'c"\\'}]
    request = Counter().next_request(question().context(START), exchanged(answer(*series)), NOTHING_REMEMBERED, ())
    assert isinstance(request, InstantQuery)
    assert promql.value_type(promql.parse(request.promql)) == "matrix"
    assert 'zone=~"|x\\\\.y"' in request.promql


def test_a_label_that_is_no_plain_name_is_quoted() -> None:
    """OpenTelemetry's names in Prometheus 3."""
    series = {**RESET, "service.name": "seid"}
    request = Counter().next_request(question().context(START), exchanged(answer(series)), NOTHING_REMEMBERED, ())
    assert request == InstantQuery(SAMPLES, 'panics{pod="a","service.name"="seid"}[60s]', T)


def test_too_many_samples_are_not_asked_for() -> None:
    many = {**RESET, "samples": MOST_SAMPLES + 1}
    assert Counter().next_request(question().context(START), exchanged(answer(many)), NOTHING_REMEMBERED, ()) is None
    decision = judged(answer(many))
    assert (decision.verdict, decision.reason) == ("Error", "ServerLimit")


def test_large_evidence_keeps_its_labels() -> None:
    """Else the series of one counter could not be told from those of another one."""
    series = [
        {"pod": f"pod-{index}-{'x' * 100}", "start": index, "last": index, "lowest": index} for index in range(300)
    ]
    decision = judged(answer(*series))
    line = Encoder(keeps_labels=Counter.reads_labels).decision(decision, counted=True)
    entry = read_lines([line], "a").entries[0]
    assert entry.exchange is not None
    assert decide(question(), START, entry.exchange) == decision
    assert decision.verdict == "Passed"


def test_what_people_read() -> None:
    rule = question().rule
    assert Counter().passes_when(rule) == "added == 0"
    assert Counter().condition(rule) == 'the increase of panics{chain_id="${chainId}"} == 0'

"""
Evidence, written and read back: what was decided live is decided again, whatever Prometheus sent.

The lines are `oracle.evidence`'s; the summary beside them is `oracle.summary`'s.
"""

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replies
from simulation import alert_rule, query_rule
from validationrun.oracle.comparison import Comparison
from validationrun.oracle.decide import decide
from validationrun.oracle.decision import Decision
from validationrun.oracle.evidence import SAME, Encoder, EvidenceError, read_lines
from validationrun.oracle.exchange import NOTHING_ASKED, DefinedAlert, Exchange, Fault, Reply
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import REFUSED, RuleReason
from validationrun.oracle.question import Question
from validationrun.oracle.tally import Tally, summarize
from validationrun.spec.v1alpha1 import Rule

QUERY = query_rule("rule", "x", ">", "10")
ALERT = alert_rule("rule", "Down")
NOW = 1_795_000_100.0
JUST_BEFORE = "2026-11-18T11:08:15Z"


def exchange(reply: Reply = NOTHING_ASKED, t: float = NOW, **more) -> Exchange:
    return Exchange(
        "rule", t, more.pop("final", False), t + 5.0, t + 5.25, "x", reply=replies.asked_at(reply, t), **more
    )


def decided(rule: Rule, exchanges: Sequence[Exchange]) -> list[Decision]:
    return [decide(Question.of(rule, {}), 0, one) for one in exchanges]


def round_trip(rule: Rule, decisions: Sequence[Decision]) -> list[Decision]:
    """Through the lines of a file, and decided again."""
    encoder = Encoder()
    lines = [encoder.decision(one, counted=True) for one in decisions]
    assert all(line.isascii() and "\n" not in line for line in lines)
    entries = read_lines([line + "\n" for line in lines], "rule").entries
    found = [decide(Question.of(rule, {}), 0, entry.exchange) for entry in entries if entry.exchange is not None]
    for entry, decision in zip(entries, decisions, strict=True):
        assert (entry.t, entry.final, entry.verdict, entry.reason, entry.message, entry.value, entry.counted) == (
            decision.t, decision.final, decision.verdict, decision.reason, decision.message, decision.value, True,
        )  # fmt: skip
        assert entry.exchange is not None
        assert (entry.exchange.asked, entry.exchange.answered) == (decision.t + 5.0, decision.t + 5.25)
    return found


LARGE = "x" * 70_000
BODIES = {
    "empty": b"",
    "not JSON": b"<html>Sign in</html>",
    "not UTF-8": b"\xff\xfe\x00garbage\x80",
    "half of it": b'{"status":"success","data":{"resultType":"vec',
    "not UTF-8 in a label": b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"\xff"},"value":[1,"11"]}]}}',
    "a lone surrogate": b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"\\ud800"},"value":[1,"11"]}]}}',
    "control characters": b'{"status":"error","errorType":"x","error":"\\u001b[31m red \\n line"}',
    "a line feed": b'{"status":"success",\n"data":\n{"resultType":"scalar","result":[1,"11"]}}\n',
    "only brackets": b"[" * 100_000,
    "a list": b"[1,2,3]",
    "a number": b"17",
    "null": b"null",
    "Infinity": b'{"status":"success","data":{"resultType":"scalar","result":[1,Infinity]}}',
    "a key twice": b'{"status":"success","data":{"resultType":"scalar","result":[1,"11"],"result":[1,"9"]}}',
    "no status": b'{"data":{"resultType":"scalar","result":[1,"11"]}}',
    "another status": b'{"status":"error","error":"no"}',
    "no result": b'{"status":"success","data":{}}',
    "the wrong types": b'{"status":"success","data":{"resultType":"vector","result":{"a":1}}}',
    "a value that is no number": b'{"status":"success","data":{"resultType":"scalar","result":[1,"eleven"]}}',
    "a value that is no text": b'{"status":"success","data":{"resultType":"scalar","result":[1,11]}}',
    "large garbage": b"\xfe" * 200_000,
    "large text": json.dumps({"status": "error", "error": LARGE}).encode(),
    "large and of the wrong type": json.dumps({"status": "success", "data": {"resultType": "vector", "result": LARGE}}).encode(),
    "the word for a repeated body": b'"same"',
    "NaN as a number": b'{"status":"success","data":{"resultType":"scalar","result":[NaN,"11"]}}',
    "a huge number": b'{"status":"success","data":{"resultType":"scalar","result":[1e400,"11"]}}',
    "large, compact and of the wrong type": b'{"status":"success","data":{"resultType":"vector","result":"' + LARGE.encode() + b'"}}',
    "that word alone": b"same",
}  # fmt: skip

REPLIES = {
    **{f"a body: {name}": Reply(200, body, None) for name, body in BODIES.items()},
    **{f"a body of an error: {name}": Reply(503, body, None) for name, body in BODIES.items()},
    "one": replies.vector("11"),
    "too low": replies.vector("9.5"),
    "a scalar": replies.scalar("11"),
    "none": replies.vector(),
    "two": replies.vector("11", "12"),
    "NaN": replies.vector("NaN"),
    "infinite": replies.vector("+Inf"),
    "a string": replies.success("string", [1, "text"]),
    "a matrix": replies.success("matrix", []),
    "a histogram": replies.success("vector", [{"metric": {}, "histogram": [1, {}]}]),
    "with a warning": replies.vector("11", warnings=["a store is away\x1b[0m"]),
    "with information": replies.vector("11", warnings=["PromQL info: metric might not be a counter"]),
    "refused by Prometheus": replies.http(403, "forbidden"),
    "a bad query": replies.http(400, "parse error", "bad_data"),
    "a time-out of its own": replies.http(503, "query timed out", "timeout"),
    "late": replies.fault("Timeout", "late"),
    "away": replies.fault(),
    "many series": replies.vector(*map(str, range(3000))),
    "large labels": replies.success("vector", [{"metric": {"a": LARGE}, "value": [1, "11"]}]),
    "a very long value": replies.vector("1" + "0" * 300),
}


@pytest.mark.parametrize("rule", [QUERY, ALERT], ids=["query", "alert"])
@pytest.mark.parametrize("name", REPLIES)
def test_a_decision_is_made_again_as_it_was(name: str, rule: Rule) -> None:
    """Verdict, reason, message, value and count, from what was kept."""
    decisions = decided(rule, [exchange(REPLIES[name], final=final) for final in (False, True)])

    assert round_trip(rule, decisions) == decisions


def test_the_replies_above_bring_every_reason_of_an_answer() -> None:
    """And each of the two verdicts beside Error."""
    found = {(one.verdict, one.reason) for one in decided(QUERY, [exchange(reply) for reply in REPLIES.values()])}
    found |= {
        (one.verdict, one.reason) for one in decided(ALERT, [exchange(replies.vector("1")), exchange(replies.vector())])
    }
    asked = {
        RuleReason.PROMETHEUS_UNAVAILABLE, RuleReason.TIMEOUT, RuleReason.PARTIAL_RESPONSE, RuleReason.NO_SAMPLES, RuleReason.AMBIGUOUS_RESULT,
        RuleReason.NAN, RuleReason.NOT_FINITE, RuleReason.BAD_QUERY, RuleReason.ALERT_NOT_LOADED,
    }  # fmt: skip

    assert {reason for verdict, reason in found if verdict == "Error"} == asked
    assert {("Passed", ""), ("Failed", RuleReason.THRESHOLD_VIOLATED), ("Failed", RuleReason.ALERT_FIRED)} <= found


def test_same_stands_only_for_samples_of_the_asked_time() -> None:
    """A body that says another time than T is written whole, so that it is judged again as it was."""
    stamped = [NOW, NOW, NOW + 60]
    exchanges = [
        Exchange("rule", t, False, t + 5.0, t + 5.25, "x", reply=replies.vector("11", t=stamp))
        for t, stamp in zip([NOW, NOW + 30, NOW + 60], stamped, strict=True)
    ]
    decisions = decided(QUERY, exchanges)
    assert [decision.verdict for decision in decisions] == ["Passed", "Error", "Passed"]
    assert round_trip(QUERY, decisions) == decisions


@pytest.mark.parametrize("reason", sorted(REFUSED))
def test_a_refused_reference_is_kept(reason: str) -> None:
    """Nothing was asked then."""
    decisions = decided(ALERT, [exchange(refused=Fault(reason, "it is not there"))])

    assert round_trip(ALERT, decisions) == decisions
    assert decisions[0].reason == reason


@pytest.mark.parametrize(
    ("proof", "verdict"),
    [
        (replies.loaded("Down", JUST_BEFORE), "Passed"),
        (replies.loaded("Down", "0001-01-01T00:00:00Z"), "Error"),
        (replies.loaded("Down", "2046-01-01T00:00:00Z"), "Error"),
        (replies.loaded("Down", JUST_BEFORE, health="err"), "Error"),
        (replies.loaded("Other", JUST_BEFORE), "Error"),
        (replies.http(404, "no rules here"), "Error"),
        (replies.fault("Timeout", "late"), "Error"),
        (Reply(200, b"\xff garbage", None), "Error"),
        (None, "Error"),
    ],
)
def test_the_proof_of_silence_is_kept(proof: Reply | None, verdict: str) -> None:
    """With the moment that it was fresh at."""
    decisions = decided(ALERT, [exchange(replies.vector(), others={"proof": proof} if proof else {})])

    assert round_trip(ALERT, decisions) == decisions
    assert decisions[0].verdict == verdict


def test_the_definition_of_the_alert_is_kept() -> None:
    """The rules of Prometheus count by it."""
    proof = {"proof": replies.loaded("Down", JUST_BEFORE)}
    same, other = (
        exchange(replies.vector(), others=proof, defined=(DefinedAlert(group, 0.0, 15.0),))
        for group in ("group", "other")
    )
    decisions = decided(ALERT, [same, other])

    assert round_trip(ALERT, decisions) == decisions
    assert [decision.verdict for decision in decisions] == ["Passed", "Error"]


def large_rules(health: str) -> Reply:
    """What a Prometheus says that names all of its alerts."""
    whole = json.loads(replies.loaded("Down", JUST_BEFORE, health=health).body)
    [group] = whole["data"]["groups"]
    group["rules"] += [{**group["rules"][0], "name": f"Other{n}", "query": "x" * 100} for n in range(600)]
    return Reply(200, json.dumps(whole, separators=(",", ":")).encode(), None)


@pytest.mark.parametrize(("health", "verdict"), [("ok", "Passed"), ("err", "Error")])
def test_a_large_proof_proves_the_same_again(health: str, verdict: str) -> None:
    """Nothing in it may be cut."""
    proof = large_rules(health)
    assert len(proof.body) > 64 * 1024
    decisions = decided(ALERT, [exchange(replies.vector(), others={"proof": proof})])

    assert decisions[0].verdict == verdict
    assert round_trip(ALERT, decisions) == decisions


@pytest.mark.parametrize("opening", [replies.vector("1"), replies.vector(), replies.fault(), Reply(200, b"\xff", None)])
def test_what_fired_at_the_opening_is_kept(opening: Reply) -> None:
    """It is part of the message."""
    decisions = decided(ALERT, [exchange(replies.vector("1", "1"), others={"opening": opening})])

    assert round_trip(ALERT, decisions) == decisions
    assert ("already firing" in decisions[0].message) == (opening == replies.vector("1"))


def test_why_an_answer_was_empty_is_kept() -> None:
    """Of a query."""
    decisions = decided(QUERY, [exchange(replies.vector(), why="no such metric")])

    [again] = round_trip(QUERY, decisions)
    assert again.why == decisions[0].why == "no such metric"


# Bodies that repeat


def test_a_body_that_repeats_is_written_once() -> None:
    """Its own evaluation time apart."""
    decisions = decided(QUERY, [exchange(replies.vector("11", t=NOW + k), NOW + k) for k in range(4)])
    encoder = Encoder()
    lines = [json.loads(encoder.decision(one, counted=True)) for one in decisions]

    assert [line["body"] == SAME for line in lines] == [False, True, True, True]
    assert round_trip(QUERY, decisions) == decisions


def test_another_body_ends_the_repetition() -> None:
    """Each line is read with the body before it. What an Error may quote is kept to the letter, its time too."""
    values = ["11", "11", "9", "9", "11", "NaN", "NaN", "11"]
    decisions = decided(QUERY, [exchange(replies.vector(value, t=NOW + k), NOW + k) for k, value in enumerate(values)])
    encoder = Encoder()
    lines = [json.loads(encoder.decision(one, counted=True)) for one in decisions]

    assert [line["body"] == SAME for line in lines] == [False, True, False, True, False, False, False, False]
    assert round_trip(QUERY, decisions) == decisions


def test_after_a_restart_no_body_is_taken_over() -> None:
    """The lines of another attempt may be lost."""
    encoder = Encoder()
    [decision] = decided(QUERY, [exchange(replies.vector("11", t=NOW))])
    before = encoder.decision(decision, counted=True)
    resumed = Encoder()
    state = RuleState("rule", "Passed", last_t=NOW)
    lines = [before, resumed.resume(state), resumed.decision(decision, counted=True)]

    found = read_lines(lines, "rule")

    assert found.resumed == (state, 1)
    assert json.loads(lines[2])["body"] != SAME
    assert [
        decide(Question.of(QUERY, {}), 0, entry.exchange) for entry in found.entries if entry.exchange is not None
    ] == [decision] * 2


def test_same_without_a_body_before_it_is_no_answer() -> None:
    """The line with the body was cut away."""
    encoder = Encoder()
    decisions = decided(QUERY, [exchange(replies.vector("11", t=NOW + k), NOW + k) for k in range(2)])
    lines = [encoder.decision(one, counted=True) for one in decisions]

    [entry] = read_lines(lines[1:], "rule").entries

    assert entry.exchange is not None
    assert decide(Question.of(QUERY, {}), 0, entry.exchange).verdict == "Error"


# Whatever comes

_texts = st.text(max_size=40)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)
_values = st.floats().map(lambda value: {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, repr(value)))
_bodies = st.one_of(
    st.binary(max_size=80),
    _json.map(lambda value: json.dumps(value).encode()),
    st.lists(_values, max_size=3).map(lambda values: replies.vector(*values).body),
    st.builds(
        lambda kind, result: replies.success(kind, result).body,
        st.sampled_from(["vector", "scalar", "matrix", "string"]),
        _json,
    ),
)
_replies = st.one_of(
    st.builds(Reply, st.sampled_from([200, 200, 200, 400, 403, 422, 500, 503]), _bodies, st.none()),
    st.builds(
        lambda reason, text: Reply(None, b"", Fault(reason, text)),
        st.sampled_from(["Timeout", "PrometheusUnavailable"]),
        _texts,
    ),
)


@settings(max_examples=400, deadline=None)
@given(
    rule=st.sampled_from([QUERY, ALERT]),
    sent=st.lists(st.tuples(_replies, st.none() | _replies), min_size=1, max_size=6),
)
def test_whatever_was_sent_decides_again_as_it_did(rule: Rule, sent: list[tuple[Reply, Reply | None]]) -> None:
    """A whole file of it, bodies that repeat too."""
    exchanges = [
        exchange(reply, NOW + k, others={"proof": other, "opening": other} if other is not None else {})
        for k, (reply, other) in enumerate(sent)
    ]
    decisions = decided(rule, exchanges)

    assert round_trip(rule, decisions) == decisions


@pytest.mark.parametrize(
    ("field", "word"), [("verdict", "passed"), ("verdict", ""), ("reason", "Unheard"), ("reason", 1)]
)
def test_a_line_with_another_vocabulary_is_an_error_of_evidence(field: str, word: object) -> None:
    line = json.loads(Encoder().decision(decided(QUERY, [exchange()])[0], counted=True))
    with pytest.raises(EvidenceError, match=r"rules/rule\.jsonl line 1 cannot be read"):
        read_lines([json.dumps({**line, field: word})], "rule")


@settings(max_examples=200, deadline=None)
@given(line=st.one_of(st.text(max_size=60), _json.map(json.dumps)))
def test_a_line_that_is_none_is_an_error_of_evidence(line: str) -> None:
    """And nothing else: no traceback, no entry."""
    with pytest.raises(EvidenceError, match=r"rules/rule\.jsonl line 1 cannot be read"):
        read_lines([line], "rule")


# Summaries


@settings(max_examples=200, deadline=None)
@given(
    op=st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
    values=st.lists(st.sampled_from(["1", "10", "11", "-3", "NaN", "+Inf", "1e300", "10.5"]), max_size=12),
    counted=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_a_summary_is_what_its_decisions_add_up_to(op: str, values: list[str], counted: list[bool]) -> None:
    """Counted once more from the list as a whole."""
    rule = query_rule("rule", "x", op, "10")
    decisions = [(one, counts) for one, counts in zip(decided(rule, [exchange(replies.vector(v), NOW + k) for k, v in enumerate(values)]), counted, strict=False)]  # fmt: skip

    summary = summarize(rule, decisions)

    taken = [one for one, counts in decisions if counts]
    good = [one for one in taken if one.verdict != "Error"]
    numbers = [float(one.value) for one in good if one.value is not None]
    assert (summary.decisions, summary.counted, summary.good) == (len(decisions), len(taken), len(good))
    assert summary.failed == sum(one.verdict == "Failed" for one in good)
    assert sum(summary.errors.values()) == len(taken) - len(good)
    assert (summary.lowest is None) == (not numbers)
    if numbers:
        assert (float(summary.lowest), float(summary.highest)) == (min(numbers), max(numbers))
        assert summary.margin == min(Comparison(op, "10").margin(number) for number in numbers)
        assert (summary.margin < 0 or op in ("!=", "==") or summary.margin == 0) or summary.failed == 0
    assert summary.coverage == (len(good) / len(taken) if taken else None)
    json.dumps(summary.to_data(), allow_nan=False)


def test_the_margin_of_an_alert_is_none() -> None:
    """It has no number."""
    assert Tally(ALERT).summary().margin is None


def test_a_distance_beyond_all_numbers_is_none() -> None:
    """A value and a threshold at the two ends of what a float holds; JSON could not write it."""
    rule = query_rule("rule", "x", ">", "-1.7e308")
    summary = summarize(rule, [(one, True) for one in decided(rule, [exchange(replies.vector("1.7e308"))])])

    assert summary.margin is None
    json.dumps(summary.to_data(), allow_nan=False)

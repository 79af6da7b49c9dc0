from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import replies
from simulation import query_rule
from validationrun.oracle.comparison import Comparison
from validationrun.oracle.decision import Decision, Observation
from validationrun.oracle.exchange import Exchange, Fault, Sample, Samples
from validationrun.oracle.memory import NOTHING_REMEMBERED
from validationrun.oracle.rule_context import RuleContext
from validationrun.oracle.rules.query import Query

OPERATORS = (">=", "<=", ">", "<", "==", "!=")


def judged(op: str, threshold: str, answer: Any) -> Decision:
    context = RuleContext(query_rule("a", "x", op, threshold), {}, 0)
    return Query().judge(context, Observation(10, answer), NOTHING_REMEMBERED)


@pytest.mark.parametrize(
    ("op", "value", "holds"),
    [
        (">=", "1", True), (">=", "0.9", False), ("<=", "1", True), ("<=", "1.1", False), (">", "1", False), (">", "1.1", True),
        ("<", "1", False), ("<", "0.9", True), ("==", "1", True), ("==", "1.1", False), ("!=", "1", False), ("!=", "2", True),
    ],
)  # fmt: skip
def test_each_operator(op: str, value: str, holds: bool) -> None:
    decision = judged(op, "1", Samples([Sample({}, value)]))
    assert decision.verdict == ("Passed" if holds else "Failed")
    assert decision.value == value


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Samples([]), "NoSamples"),
        (Samples([Sample({"a": "1"}, "5"), Sample({"a": "2"}, "5")]), "AmbiguousResult"),
        (Samples([Sample({}, "NaN")]), "NaN"),
        (Samples([Sample({}, "+Inf")]), "NotFinite"),
        (Samples([Sample({}, "-Inf")]), "NotFinite"),
        (Fault("Timeout", "no answer"), "Timeout"),
    ],
)
def test_no_usable_value_is_an_error(answer: Any, reason: str) -> None:
    decision = judged("!=", "1", answer)
    assert (decision.verdict, decision.reason) == ("Error", reason)


@given(
    op=st.sampled_from(OPERATORS),
    threshold=st.sampled_from(["0", "1", "-2.5", "1e300"]),
    value=st.floats(allow_nan=False, allow_infinity=False),
)
def test_the_margin_is_negative_exactly_where_the_rule_fails_off_the_threshold(
    op: str, threshold: str, value: float
) -> None:
    comparison = Comparison(op, threshold)
    margin = comparison.margin(value)
    if margin is None:
        assert abs(value - float(threshold)) == float("inf")
    elif margin:
        assert comparison.holds(value) == (margin > 0)
    else:
        assert value == float(threshold)
        assert comparison.holds(value) == (op in (">=", "<=", "=="))


def test_nothing_more_is_asked() -> None:
    context = RuleContext(query_rule("a"), {}, 0)
    exchange = Exchange("a", 10, False, 15, 16, "x", reply=replies.vector())
    assert Query().next_request(context, exchange, NOTHING_REMEMBERED, ()) is None
    assert Query().latching_series("x") is None


def test_what_people_read() -> None:
    rule, query = query_rule("a", "x", ">=", "0.50"), Query()
    assert query.requirement(rule) == ">= 0.50"
    assert query.condition(rule) == query.passes_when(rule) == "value >= 0.50"

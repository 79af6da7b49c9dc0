"""Comparisons without `bool` that take away the value which a rule needs."""

import pytest

from validationrun.oracle.comparison import Comparison
from validationrun.spec import promql

HARMFUL = [
    ("max(a) > 8", "> 0", ""), ("8 < max(a)", "> 0", ""), ("(sum(a) / sum(b)) > 5", "<= 5", ""), ("100 * (max(a) > 8)", "> 0", ""),
    ("abs(max(a) > 8)", "> 0", ""), ("-(max(a) > 8)", "> 0", ""), ("max(a) > max(b)", "> 0", ""), ("max(a) != 0", "> 0", ""),
    ("max(a > 10)", "<= 60", "max"), ("max(a < 10)", "<= 60", "max"), ("max(a < 10)", "> 5", "max"), ("max(a == 1)", "> 0", "max"),
    ("min(a > 10)", "> 5", "min"), ("min(a > 10)", "< 5", "min"), ("min(a != 0)", "< 5", "min"), ("avg(a > 5)", "> 5", "avg"),
    ("quantile(0.5, a > 5)", "> 5", "quantile"), ("count(up == 0)", "== 0", "count"), ("count(a > 5)", "<= 1", "count"), ("sum(a > 5)", "< 9", "sum"),
    ("count(up == 0) / count(up)", "<= 0.1", "count"), ("100 * count(up == 0)", "<= 5", "count"), ("5 - max(a > 5)", "> 5", "max"),
    ("max_over_time((max(a) > 5)[5m:])", "< 9", "max"), ("count_over_time((max(a) > 5)[5m:])", "<= 3", "count"),
    ("sum(max by (pod) (a > 5))", "<= 9", "sum"), ("max(a) > 5 or max(b) > 5", "<= 5", ""), ("max(a) > 5 and max(b) > 3", "<= 5", ""),
    ('label_replace(max(a) > 5, "a", "b", "", "")', "<= 5", ""), ("scalar(max(a) > 5)", "<= 5", ""),
]  # fmt: skip
HARMLESS = [
    ("max(a)", "> 0"), ("max(a > bool 8)", "== 0"), ("count(up == 1)", ">= 4"), ("count(up == 1)", "== 4"), ("sum(up == 1)", ">= 4"),
    ("sum(a) / (sum(b) > 0)", "<= 0.1"), ("max(a > 5)", "> 9"), ("min(a < 5)", "< 9"), ("time() - max(a > 0)", "< 60"), ("max(a >= 0)", "< 9"),
    ("max(up <= 1)", "== 1"), ("max(a) and on () sum(b) > 10", "< 5"), ("sum(a and on (pod) up == 1)", "< 5"), ("max(a > 5) or max(a) * 0", "< 9"),
    ("a * on (pod) (up == 1)", "< 9"), ("vector(1) unless sum(a) > 5", "== 1"), ("count(a > 5) + 1", "<= 3"), ("absent(up == 1)", "== 0"),
    ("group(a > 5)", "== 1"), ("-max(a > 5)", "< -9"), ("max(a > 5) * -1", "< -9"), ("9 / max(a > 5)", "< 1"), ("hour()", "> 3"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "condition", "inside"), HARMFUL, ids=[f"{query} {condition}" for query, condition, _ in HARMFUL]
)
def test_a_filter_that_hides_a_breach_or_a_healthy_run_is_found(query: str, condition: str, inside: str):
    comparison = Comparison(*condition.split())
    found = promql.harmful_filter(promql.parse(query), comparison.op, comparison.holds)
    assert found is not None
    assert found.inside == inside


@pytest.mark.parametrize(("query", "condition"), HARMLESS, ids=[" ".join(pair) for pair in HARMLESS])
def test_a_filter_that_chooses_what_is_judged_is_not(query: str, condition: str):
    comparison = Comparison(*condition.split())
    assert promql.harmful_filter(promql.parse(query), comparison.op, comparison.holds) is None


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("max(a) > 8e9", ("max(a)", "8e9")), ("((max(a)  >= 8))", ("max(a)", "8")), ("8<max(a)", ("8", "max(a)")), ('a{b=">"} == 1 # x > y', ('a{b=">"}', "1")),
        ("(a) > (b)", ("(a)", "(b)")), ("max(a > 5)", None), ("a > 5 and b > 5", None), ("a > 5 or b", None), ("a > bool 5", None), ("a > on (x) b", None),
        ("a", None), ("", None),
    ],
)  # fmt: skip
def test_a_comparison_is_split_as_it_is_written(text: str, sides: tuple[str, str] | None):
    assert promql.split_comparison(text) == sides

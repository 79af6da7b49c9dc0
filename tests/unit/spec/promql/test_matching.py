"""Joins that can't work, and selectors that a join restricts."""

import pytest

from validationrun.spec import promql
from validationrun.spec.promql import Mismatch

LEFT, RIGHT, NO_PAIR = Mismatch.SEVERAL_LEFT, Mismatch.SEVERAL_RIGHT, Mismatch.NO_PAIR
WRONG = [
    ("a * on () sum(b)", LEFT), ("sum(a) * on () b", RIGHT), ("sum by (pod, c) (a) / on (pod) sum by (pod) (b)", LEFT),
    ("sum by (pod, c) (a) / ignoring (c) sum by (pod) (b)", LEFT), ("a * on () group_left () b", RIGHT), ("a * on () group_right () b", LEFT),
    ("a / sum(b)", NO_PAIR), ("sum(a) > b", NO_PAIR), ("a and sum(b)", NO_PAIR), ("sum by (pod) (a) / sum by (c) (b)", NO_PAIR),
    ("sum by (pod) (a) - vector(1)", NO_PAIR), ("a * on (pod) sum(b)", NO_PAIR), ("a and hour() > 8", NO_PAIR),
]  # fmt: skip
RIGHT_ONES = [
    "a / b", "a * on (pod) b", "a / on (pod) sum by (pod) (b)", "a / ignoring (c) sum by (pod) (b)", "sum(a) / sum(b)", "sum(a) * on () sum(b)",
    "sum by (pod) (a) / sum by (pod) (b)", "a * on () group_left () sum(b)", "sum(a) * on () group_right () b", "sum(a) or b", "a unless sum(b)",
    "a and on () sum(b)", "a and on () hour() > 8", "a * 2", "a / scalar(sum(b))", "topk(1, a) * on () sum(b)",
    'sum by (pod, c) (a{c="1"}) / on (pod) sum by (pod) (b)', "a * on () fill (1) sum(b)",
]  # fmt: skip


@pytest.mark.parametrize(("query", "mismatch"), WRONG, ids=[query for query, _ in WRONG])
def test_a_join_that_cannot_work_is_found(query: str, mismatch: Mismatch):
    assert [found for _, found in promql.mismatches(promql.parse(query))] == [mismatch]


@pytest.mark.parametrize("query", RIGHT_ONES)
def test_a_join_that_works_is_not(query: str):
    assert list(promql.mismatches(promql.parse(query))) == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("own", []), ("other", ["other"]), ("own * on (pod) group_left () other", []), ("other * on (pod) own", []), ("own * other", []),
        ("own and on (pod) other", []), ("other and own", []), ("own unless other", []), ("other unless own", ["other"]), ("own or other", ["other"]),
        ("own * on () other", ["other"]), ("sum(own) / sum(other)", ["other"]), ("sum by (pod) (own) / sum by (pod) (other)", []),
        ("own / scalar(other)", ["other"]), ("topk(scalar(other), own)", ["other"]), ("sum(rate(other[1m]))", ["other"]), ("own * 2", []),
        ("(own * on (pod) other) / on (pod) third", []), ("other * third", ["other", "third"]),
    ],
)  # fmt: skip
def test_a_selector_is_scoped_by_itself_or_by_its_partner(query: str, names: list[str]):
    found = promql.unscoped(promql.parse(query), lambda selector: selector.name == "own")
    assert [selector.name for selector in found] == names

"""What a query's number is calculated from, and which numbers it can be."""

import math

import pytest

from validationrun.spec import promql


@pytest.mark.parametrize(
    ("query", "is_count"),
    [
        ("count(up)", True), ("(count(up))", True), ("group(up)", True), ("sum(count(up) by (a))", True), ("max(count by (a) (up))", True),
        ("count_over_time(up[1m])", True), ("sum(count_over_time(up[1m]))", True), ("sum(up)", False), ("up", False),
        ("min(count(up))", False), ("count(up) * 2", False), ("avg_over_time(up[1m])", False),
    ],
)  # fmt: skip
def test_a_count_is_known(query: str, is_count: bool):
    assert promql.is_count(promql.parse(query)) is is_count


@pytest.mark.parametrize(
    ("query", "exact"),
    [
        ("up", True), ("sum(up)", True), ("max(min(up))", True), ("count(up)", True), ("up + up * 2 - 1", True),
        ("max_over_time(up[1m])", True),
        ("up / 2", False), ("up % 2", False), ("up ^ 2", False), ("up atan2 down", False), ("avg(up)", False), ("stddev(up)", False),
        ("quantile(0.5, up)", False), ("rate(up[1m])", False), ("sum(irate(up[1m]))", False), ("avg_over_time(up[1m])", False),
        ("sqrt(up)", False),
    ],
)  # fmt: skip
def test_it_is_known_whether_whole_numbers_stay_whole(query: str, exact: bool):
    assert promql.is_exact(promql.parse(query)) is exact


@pytest.mark.parametrize(
    "query",
    ["count(rate(up[1m]) > 0)", "count(up / 2 == 1)", "up / down > bool 1", "changes(up[1m])", "up and up / 2 > 1"],
)
def test_a_fraction_that_decides_only_whether_there_is_a_value_does_not_count(query: str):
    assert promql.is_exact(promql.parse(query))


def test_a_filter_passes_on_the_number_of_the_vector():
    assert not promql.is_exact(promql.parse("5 < up / 2"))
    assert promql.is_exact(promql.parse("(up > scalar(down / 2))"))


def test_increase_is_no_whole_number():
    assert not promql.is_exact(promql.parse("sum(increase(up[1m]))"))
    assert promql.functions_of_value(promql.parse("abs(sum(increase(up[1m])) - count(rate(up[1m])))")) == [
        "abs",
        "increase",
    ]


INF = math.inf
POSSIBLE = [
    ("5", 5, 5), ("-5", -5, -5), ("up", 0, 1), ("height", -INF, INF), ("sent_total", 0, INF), ('{__name__=~"a_total|b_total"}', 0, INF),
    ("-up", -1, 0), ("sum(up)", 0, INF), ("max(up)", 0, 1), ("sum(-up)", -INF, 0), ("sum(height)", -INF, INF), ("count(height)", 1, INF),
    ("group(height)", 1, 1), ("stddev(height)", 0, INF), ("quantile(0.5, up)", 0, 1), ("quantile(2, up)", -INF, INF), ("topk(1, up)", 0, 1),
    ("rate(height[2m])", 0, INF), ("increase(height[2m])", 0, INF), ("rate(height[2m:1m])", -INF, INF), ("rate(sent_total[2m:1m])", 0, INF),
    ("delta(height[2m])", -INF, INF), ("abs(height)", 0, INF), ("abs(-up)", 0, 1), ("abs(clamp(height, -3, 2))", 0, 3),
    ("clamp(height, 2, 5)", 2, 5), ("clamp_min(height, 1)", 1, INF), ("clamp_max(height, 1)", -INF, 1), ("sgn(height)", -1, 1),
    ("sgn(abs(height))", 0, 1), ("round(up)", 0, 2), ("round(up, 0)", -INF, INF), ("floor(up)", 0, 1), ("ceil(-up)", -1, 0),
    ("hour()", 0, 23), ("time()", 0, INF), ("pi()", math.pi, math.pi), ("scalar(up)", 0, 1), ("vector(3)", 3, 3), ("absent(up)", 1, 1),
    ("sin(height)", -1, 1), ("exp(height)", 0, INF), ("ln(height)", -INF, INF), ("count_over_time(height[1m])", 1, INF),
    ("present_over_time(height[1m])", 1, 1), ("sum_over_time(up[1m])", 0, INF), ("max_over_time(up[1m])", 0, 1),
    ("quantile_over_time(0.5, up[1m])", 0, 1), ("nothing_of_the_sort", -INF, INF), ("histogram_quantile(0.5, b)", -INF, INF),
    ("up + 1", 1, 2), ("1 - up", 0, 1), ("up * 100", 0, 100), ("up * -2", -2, 0), ("up / 2", 0, 0.5), ("up / -2", -0.5, 0),
    ("up / sent_total", 0, INF), ("up / height", -INF, INF), ("height ^ 2", 0, INF), ("height ^ 3", -INF, INF), ("up ^ height", 0, INF),
    ("height % 3", -INF, INF), ("up % 3", 0, 1), ("-up % 3", -1, 0), ("height atan2 height", -math.pi, math.pi),
    ("height > 5", 5, INF), ("5 > height", -INF, 5), ("height == 5", 5, 5), ("height != 5", -INF, INF), ("height > bool 5", 0, 1),
    ("1 > bool 2", 0, 0), ("2 >= bool 2", 1, 1), ("up and height", 0, 1), ("up unless height", 0, 1), ("up or vector(7)", 0, 7),
    ("up * on (pod) fill (3) up", 0, 9), ("height > up", 0, INF),
]  # fmt: skip


@pytest.mark.parametrize(("query", "low", "high"), POSSIBLE, ids=[query for query, _, _ in POSSIBLE])
def test_the_numbers_that_a_query_can_give_are_known(query: str, low: float, high: float):
    possible = promql.possible(promql.parse(query))
    assert (possible.low, possible.high) == pytest.approx((low, high))


def test_a_filter_that_nothing_passes_gives_no_number():
    assert promql.possible(promql.parse("up > 5")).none


@pytest.mark.parametrize(
    ("op", "limit", "can", "only"),
    [
        (">", 0, True, False), (">", -1, True, True), (">", 1, False, False), (">=", 0, True, True), (">=", 1, True, False), ("<", 0, False, False),
        ("<=", 1, True, True), ("<", 1, True, False), ("==", 0.5, True, False), ("==", 2, False, False), ("!=", 2, True, True), ("!=", 1, True, False),
    ],
)  # fmt: skip
def test_a_condition_of_numbers_from_0_to_1(op: str, limit: float, can: bool, only: bool):
    numbers = promql.Numbers(0, 1, nan=True)
    assert (numbers.can(op, limit), numbers.only(op, limit)) == (can, only)

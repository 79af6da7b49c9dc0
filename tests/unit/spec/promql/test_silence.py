"""What a query gives on an empty Prometheus. tests/prometheus/test_promql.py asks a real one the same."""

import math

import pytest

from validationrun.spec import promql

NEVER = [
    "up", "sum(up)", "count(up)", "count(up == 0)", "up > bool 0", "sum(up) > bool 0", "up or down", "up * 0", "rate(up[1m])",
    "max_over_time(up[1m:])", "vector(1) and up", "vector(1) * up", "up unless vector(1)", "vector(0) > 0", "0 > vector(0)",
    "absent(vector(1))", "topk(0, vector(1))", "clamp(vector(1), 5, 0)", "vector(1) == 2",
    'vector(1) * label_replace(vector(1), "a", "b", "", "")', "histogram_quantile(0.9, vector(1))",
]  # fmt: skip
SURELY = [
    ("vector(0)", 0, 0), ("up or vector(0)", 0, 0), ("vector(0) or up", 0, 0), ("up or (vector(0) * 1)", 0, 0), ("up or -vector(1)", -1, -1),
    ("absent(up)", 1, 1), ("absent_over_time(up[5m])", 1, 1), ("absent(up) + absent(down)", 2, 2), ("hour()", 0, 23),
    ("vector(1) unless on () (sum(up) > 5)", 1, 1), ("sum(sum(up) or sum(vector(0)))", 0, 0), ("count(absent(up))", 1, 1),
    ('max(sum by (code) (up) or label_replace(vector(3), "code", "500", "", ""))', 3, 3), ("up or clamp_max(vector(1), 0)", 0, 0),
    ("up or vector(time()) * 0", 0, 0), ("scalar(up) > bool 0", 0, 0), ("scalar(up) != bool 0", 1, 1), ("scalar(vector(4))", 4, 4),
    ('sum(vector(1) or label_join(vector(2), "a", "-", "b"))', 1, 1),
    ('sum(vector(1) or label_replace(vector(2), "a", "b", "", ""))', 3, 3), ("2 < vector(3)", 3, 3), ("last_over_time(vector(1)[5m:1m])", 1, 1),
    ("vector(2) * on () group_left () vector(3)", 6, 6), ("vector(2) + fill (1) up", 3, 3), ("up * fill_left (4) vector(2)", 8, 8),
]  # fmt: skip
PERHAPS = [
    "hour() > 12",
    "vector(time()) > 5",
    "rate(vector(1)[5m:1m])",
    "max_over_time(vector(1)[1m:2m])",
    "vector(1) unless hour() > 5",
]


@pytest.mark.parametrize("query", NEVER)
def test_a_query_without_a_value_in_silence_is_known(query: str):
    assert not promql.silence(promql.parse(query)).possible


@pytest.mark.parametrize(("query", "low", "high"), SURELY, ids=[query for query, _, _ in SURELY])
def test_a_query_with_a_value_in_silence_is_known(query: str, low: float, high: float):
    silence = promql.silence(promql.parse(query))
    assert silence.sure
    assert (silence.value.low, silence.value.high) == (low, high)


@pytest.mark.parametrize("query", PERHAPS)
def test_a_query_whose_value_depends_on_the_time_is_known(query: str):
    silence = promql.silence(promql.parse(query))
    assert (silence.possible, silence.sure) == (True, False)


def test_a_scalar_of_nothing_is_no_number():
    silence = promql.silence(promql.parse("scalar(up)"))
    assert silence.value.none
    assert silence.value.nan


def test_nothing_is_promised_of_a_query_that_prometheus_refuses():
    query = 'vector(1) or on () (vector(1) * on () (vector(1) or label_replace(vector(1), "a", "b", "", "")))'
    silence = promql.silence(promql.parse(query))
    assert (silence.possible, silence.sure) == (True, False)


def test_of_a_count_the_number_of_samples_is_known():
    silence = promql.silence(promql.parse('count(vector(1) or label_replace(hour() > 3, "a", "b", "", ""))'))
    assert (silence.value.low, silence.value.high) == (1, 2)
    assert not math.isinf(silence.value.high)


def _doubled(times: int) -> str:
    query = 'label_replace(vector(1), "a", "aaaaaaaaaaaaaaaa", "", "")'
    for _ in range(times):
        query = f'label_replace({query}, "a", "$1$1", "a", "(.*)")'
    return query


@pytest.mark.parametrize(
    "query",
    [f'label_replace({_doubled(2)}, "b", "c", "a", "(a*)*b")', f'label_replace({_doubled(2)}, "b", "c", "a", "a*a*a*a*a*b")', _doubled(80),
     'label_replace(vector(1), "a", "b", "c", "\\\\pN*")'],
)  # fmt: skip
def test_a_label_that_is_costly_to_know_is_left_unknown(query: str):
    silence = promql.silence(promql.parse(query))
    assert (silence.possible, silence.value.single) == (True, 1)


@pytest.mark.parametrize(
    ("label", "matches"),
    [('label_replace(vector(1), "a", "x$1-${1}-$2", "", "(.*)")', "x--"), ('label_replace(vector(1), "a", "x", "a", "b")', ""),
     ('label_join(vector(1), "a", "-", "b", "c")', "-"), ('label_replace(vector(1), "a", "$n", "b", "(?P<n>.*)")', "")],
)  # fmt: skip
def test_the_label_that_a_function_writes_is_known(label: str, matches: str):
    """Two series with one value of the label match; others do not."""
    other = f'label_replace(vector(2), "a", "{matches}", "", "")'
    assert promql.silence(promql.parse(f"{label} and on (a) {other}")).sure
    assert not promql.silence(
        promql.parse(f'{label} and on (a) label_replace(vector(2), "a", "other", "", "")')
    ).possible

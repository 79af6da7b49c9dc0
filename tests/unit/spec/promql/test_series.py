"""How many series a query can give. tests/prometheus/test_promql.py compares it with a real Prometheus."""

import pytest

from validationrun.spec import promql

PINNED = 'up{a="1", b="2"}'


ONE = [
    "1", "scalar(up)", "vector(1)", "time()", "hour()", "sum(up)", "(sum(up))", "-sum(up)", "absent(up)", "absent_over_time(up[5m])",
    "topk(1, up)", "bottomk(1, up)", "sum(up) / sum(up)", "sum(up) / up", "up / sum(up)", "sum(up) > 1", "1 < sum(up)", "abs(sum(up))",
    "sum(up) or vector(0)", "sum(up) and up", "sum(up) unless up", 'sum by (a) (up{a="1"})', 'sum by (a) (up{a="1"} + up{a="1"})',
    "max_over_time(sum(up)[5m:])", "histogram_quantile(0.9, sum by (le) (rate(b[5m])))",
    'histogram_quantile(0.9, (sum by (le, a) (rate(b{a="1"}[5m]))))', "sum(up) / 2 or vector(0)",
    'sum by (a) (up{a="1"} + down)',
    "sum(up) * on() group_left sum(up)", "sum(up) * on() group_right sum(up)",
]  # fmt: skip
SEVERAL = [
    "up", "-up", "up + 1", "1 + up", PINNED, "rate(up[5m])", "abs(up)", "topk(2, up)", "topk(1, up) by (a)", "topk by (a) (1, up)",
    "topk(scalar(up), up)", "limitk(1, up) by (a)", "limit_ratio(1, up)", 'count_values("v", up)', "sum by (a) (up)",
    "sum without (a) (up)",
    'sum by (a) (up{a=~"1"})', 'sum by (a) (up{a="1"} or down)', "up / up", "up * on(a) group_left sum(up)",
    "sum(up) * on() group_right up", "up or vector(0)", "sum(up) or up", 'sum(up) or sum by (a) (up{a="1"})', "topk(1, up) or vector(0)",
    "up and sum(up)", "up unless sum(up)", "max_over_time(up[5m])", "max_over_time(topk(1, up)[5m:])", "max_over_time(up[5m:])", "histogram_quantile(0.9, rate(b[5m]))",
    "histogram_quantile(0.9, sum by (le, a) (rate(b[5m])))", "histogram_quantile(0.9, sum without (le) (rate(b[5m])))",
    "histogram_quantile(0.9, sum(rate(b[5m])) by (a))", 'sum by (a) (label_replace(up{a="1"}, "a", "$1", "b", "(.*)"))',
    'sum(up) or label_replace(vector(0), "a", "1", "", "")', 'abs(sum(up)) or label_replace(sum(up), "a", "b", "c", "d")',
]  # fmt: skip


@pytest.mark.parametrize("query", ONE)
def test_a_query_that_gives_at_most_one_series_is_known(query: str):
    assert not promql.may_give_several(promql.parse(query))


@pytest.mark.parametrize("query", SEVERAL)
def test_a_query_that_could_give_several_series_is_known(query: str):
    assert promql.may_give_several(promql.parse(query))

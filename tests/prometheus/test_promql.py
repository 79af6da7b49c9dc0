"""What is said of a query without a Prometheus, held against the answers of a real one."""

import math
import time
import urllib.error

import pytest
from tests.prometheus.expressions import Expressions

from prometheus_kit import series, unlike
from validationrun.spec import promql

RANDOM = 1200


@pytest.fixture
def answer(shared_prometheus):
    """The values of a query's answer; None when it is refused."""

    def answer(query, t=None):
        try:
            result = shared_prometheus.result(query, t)
        except urllib.error.HTTPError:
            return None
        if result and not isinstance(result[0], dict):
            return [float(result[1])]
        return [float(sample["value"][1]) for sample in result]

    return answer


def within(value, numbers):
    # Prometheus rounds in the order of its own calculation.
    slack = 1e-9 * max(1.0, abs(value))
    return numbers.nan if math.isnan(value) else numbers.low - slack <= value <= numbers.high + slack


WITH_A_VALUE = [
    "sum(nothing) or vector(0)", "sum(nothing) or (vector(0) * 1)", "vector(0) or sum(nothing)",
    'max(sum by (code) (nothing) or label_replace(vector(0), "code", "500", "", ""))', "max(sum(nothing) or -vector(1))",
    "max(sum(nothing) or clamp_max(vector(1), 0))", "sum(sum(nothing) or sum(vector(0)))", "sum(nothing) or vector(time()) * 0",
    "vector(1) unless on () (sum(nothing) > 5)", "hour() * 0 unless on () nothing", 'absent(nothing{a="1"}) or sum(nothing)',
    "absent_over_time(nothing[5m])", "scalar(sum(nothing)) > bool 0", "scalar(nothing)", "time()", "count(absent(nothing))",
    'vector(1) * on () group_left () absent(nothing{a="1"})', 'absent(nothing{a="1"}) and on () absent(nothing)', "10 * vector(2) > 3",
    "max_over_time(vector(1)[5m:1m])", 'label_join(vector(1), "a", "-", "b", "c")', "quantile(0.5, vector(2))", "3 < vector(5)",
]  # fmt: skip
WITHOUT_A_VALUE = [
    "nothing", "sum(nothing)", "count(nothing)", "count(nothing == 0)", "count(nothing unless nothing == 1)", "sum(nothing) > bool 0",
    "nothing > bool 0", "nothing or missing", "nothing + vector(1)", "vector(1) and nothing", 'absent(nothing{a="1"}) and vector(1)',
    "absent(vector(1))", "vector(1) unless vector(2)", "vector(0) > 0", "topk(0, vector(1))", "clamp(vector(1), 5, 0)", "rate(nothing[5m])",
    "histogram_quantile(0.9, nothing)", "histogram_quantile(0.9, vector(1))", "sum_over_time(nothing[5m:1m])", 'vector(1) * absent(nothing{a="1"})',
]  # fmt: skip


@pytest.mark.parametrize("query", WITH_A_VALUE)
def test_a_query_with_a_value_in_silence_has_it(answer, query):
    silence = promql.silence(promql.parse(query))
    values = answer(query)
    assert silence.sure
    assert values
    assert all(within(value, silence.value) for value in values)


@pytest.mark.parametrize("query", WITHOUT_A_VALUE)
def test_a_query_without_a_value_in_silence_has_none(answer, query):
    assert not promql.silence(promql.parse(query)).possible
    assert answer(query) == []


def test_what_random_queries_give_without_data_is_known(answer):
    """Whether there is a sample, and its value. A query that Prometheus refuses has no sample, and none may be promised."""
    expressions = Expressions(7, ['nothing{pod="a"}', 'nothing{zone=~"z.*"}'], ["nothing"])
    wrong, seen, known = [], 0, 0
    for _ in range(RANDOM):
        query = expressions.one()
        silence = promql.silence(promql.parse(query))
        values = answer(query)
        seen += bool(values)
        known += silence.sure or not silence.possible
        if silence.sure and not values:
            wrong.append((query, silence, values))
        if values and not (silence.possible and all(within(value, silence.value) for value in values)):
            wrong.append((query, silence, values))
    assert not wrong, "\n".join(map(str, wrong[:10]))
    assert seen > RANDOM / 4
    assert known > RANDOM * 0.8


@pytest.fixture
def selectors(shared_prometheus):
    """Selectors of a gauge with numbers of both signs, and of a counter, with four series each until now."""
    own, now = unlike().replace("-", "_"), int(time.time())
    times = range(now - 600, now + 1, 15)
    sent = []
    for number, (pod, zone) in enumerate([("a", "z1"), ("b", "z1"), ("a", "z2"), ("c", "z2")]):
        labels = {"pod": pod, "zone": zone}
        sent.append(series(f"sent_{own}_total", [(t, (t - now + 600) // 15 * number) for t in times], **labels))
        sent.append(series(f"drift_{own}", [(t, math.sin(t + number) * number) for t in times], **labels))
    shared_prometheus.send(*sent)
    gauges = [f"drift_{own}", f'drift_{own}{{pod="c", zone="z2"}}', f'drift_{own}{{pod="a"}}', "nothing"]
    return gauges, [f"sent_{own}_total", f'sent_{own}_total{{pod="b"}}']


def test_the_numbers_the_count_of_series_and_the_pairs_of_random_queries_are_known(answer, selectors):
    expressions, t = Expressions(11, *selectors), time.time()
    wrong, seen, bounded, single, pairless = [], 0, 0, 0, 0
    for _ in range(RANDOM):
        query = expressions.one()
        tree = promql.parse(query)
        possible, several = promql.possible(tree), promql.may_give_several(tree)
        values = answer(query, t) or []
        for node, mismatch in promql.mismatches(tree):
            if mismatch is promql.Mismatch.NO_PAIR:
                pairless += 1
                if answer(str(node), t):
                    wrong.append((str(node), mismatch))
        seen += bool(values)
        bounded += possible.low > -math.inf or possible.high < math.inf
        single += not several
        if not all(within(value, possible) for value in values) or (len(values) > 1 and not several):
            wrong.append((query, possible, several, values))
    assert not wrong, "\n".join(map(str, wrong[:10]))
    assert seen > RANDOM / 4
    assert bounded > RANDOM / 4
    assert single > RANDOM / 4
    assert pairless > RANDOM / 30

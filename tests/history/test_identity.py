"""
Every tick that is told by a range query, or read from an alert's raw samples, is what an instant query at that tick says.

Against the real Prometheus: the answers to compare with come from the evaluator's own `Asker`, one instant query a tick.
"""

import math
from collections.abc import Iterator

import pytest
from tests.history.kit import query_rule
from tests.prometheus.history import Series

from prometheus_kit import Server, running, series
from validationrun.judging.backtest.client import Past
from validationrun.judging.backtest.decide import Decider
from validationrun.judging.backtest.fetch import ask_window
from validationrun.judging.backtest.query_strategy import Form
from validationrun.judging.backtest.windows import Period
from validationrun.judging.live.rule_query import Asker
from validationrun.oracle.decision import ASSUMED, Decision
from validationrun.oracle.question import Question
from validationrun.prometheus import Prometheus

START = 1_699_992_000.25
"""Not on a whole second."""

LENGTH = 1200
END = START + LENGTH


def every(step: float, value, since: float = -400.0, until: float = LENGTH + 100.0) -> list[tuple[float, float]]:
    """Samples from before the window to behind it; `value` of the seconds since its start, None for a gap."""
    count = int((until - since) / step)
    times = [since + k * step for k in range(count)]
    return [(START + t, float(made)) for t in times if (made := value(t)) is not None]


def hostile() -> list[Series]:
    """Everything that could make a range differ from its steps."""
    found = [
        series("steady", every(7, lambda t: 10 + t / 3), pod="a"),
        series("gap", every(7, lambda t: None if 200 < t < 700 else t), pod="a"),
        series("resets", every(5, lambda t: t % 97), pod="a"),
        series("odd", every(5, lambda t: {0: math.nan, 1: math.inf, 2: -math.inf}.get(int(t / 60) % 5, t))),
        series("tiny", every(5, lambda t: 1e-9 * (t + 500))),
        series("huge", every(5, lambda t: 1e21 * (t + 500))),
        series("negative_zero", every(5, lambda t: -0.0)),
        # Two that take turns, and for a while both.
        series("churn", every(5, lambda t: t, until=400), pod="a"),
        series("churn", every(5, lambda t: -t, since=300, until=800), pod="b"),
        series("churn", every(5, lambda t: 2 * t, since=1110), pod="c"),
        # The same labels under two names, at the same time for a while.
        series("one_name", every(5, lambda t: t, until=300), pod="a"),
        series("other_name", every(5, lambda t: t, since=590), pod="a"),
        # Many to many in the middle alone.
        series("left", every(5, lambda t: t), pod="a"),
        series("right", every(5, lambda t: t), pod="a", role="x"),
        series("right", every(5, lambda t: t, since=500, until=600), pod="a", role="y"),
        *(
            series("requests_bucket", every(5, lambda t, le=le: (t + 400) * min(le, 2)), le=f"{le:g}")
            for le in (0.5, 1.0, 2.5, math.inf)
        ),
        *(series("part", every(5, lambda t, k=k: (t + 401) / (k + 3)), pod=f"p{k}") for k in range(7)),
    ]
    return [*found, series("up", every(5, lambda t: 1), job="x")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The past in blocks; out of order samples are not taken, as by default."""
    with running(tmp_path_factory.mktemp("hostile"), history=hostile(), config={"storage": {}}) as found:
        yield found


QUERIES = [
    "steady",
    "gap",
    "odd",
    "tiny",
    "huge",
    "negative_zero",
    "churn",
    "nothing",
    "-steady",
    "steady > 100",
    "steady > bool 100",
    "steady offset 3m",
    "steady offset -20s",
    "steady @ 1699992400",
    "steady @ start()",
    "max_over_time(steady[1m] @ end())",
    "rate(resets[1m])",
    "increase(resets[2m] offset 45s)",
    "irate(resets[30s])",
    "resets(resets[5m])",
    "deriv(gap[2m])",
    "predict_linear(steady[3m], 600)",
    "holt_winters(steady[3m], 0.4, 0.3)",
    "quantile_over_time(0.9, steady[1m])",
    "stddev_over_time(resets[1m])",
    "last_over_time(gap[10m])",
    "absent(gap)",
    "absent_over_time(gap[1m])",
    "gap or vector(0)",
    "churn or vector(0)",
    "timestamp(steady)",
    "time() - timestamp(gap)",
    "scalar(churn)",
    "scalar(tiny)",
    "scalar(huge)",
    "time()",
    "vector(1)",
    "minute()",
    "hour(vector(time()))",
    "max_over_time(rate(resets[30s])[5m:30s])",
    "max_over_time(steady[4m:])",
    "sum_over_time(gap[3m:7s])",
    'rate({__name__=~"one_name|other_name"}[1m])',
    'max by (pod) (rate({__name__=~"one_name|other_name"}[1m]))',
    "left * on (pod) right",
    "left * on (pod) group_left () right",
    "count(left) - count(right)",
    "sum(part)",
    "sum(rate(part[1m]))",
    "avg(part)",
    "stddev(part)",
    "sum(part offset -30s)",
    "sum(part @ 1699992400)",
    "quantile(0.37, part)",
    "topk(1, part)",
    "bottomk(2, part)",
    "count(part > 100)",
    'count_values("v", round(part))',
    "histogram_quantile(0.9, requests_bucket)",
    "histogram_quantile(0.9, sum by (le) (rate(requests_bucket[1m])))",
    'label_replace(steady, "pod", "", "pod", ".*")',
    'label_join(churn, "all", "-", "pod")',
    "sort(part)",
    "sgn(clamp(odd, -5, 500))",
    "steady / 0",
    "max_over_time(steady[${window}])",
    "increase(resets[${window}])",
    '"a string"',
    "steady[1m]",
    "no_such_function(steady)",
    "sum(",
]


def told_by_decisions(past: Past, question: Question, period: Period, **how: bool) -> list[Decision]:
    [asked] = ask_window(past, [question], period, **how)
    decider = (
        Decider(question, period.start)
        if question.rule.query
        else Decider(question, period.start, lambda _: ASSUMED, bool)
    )
    return [decider.decide(t, told) for t, told in zip(asked.times, asked.answers, strict=True) if told is not None]


def told_by_the_evaluator(url: str, question: Question, period: Period) -> list[Decision]:
    """What a live run is told, tick by tick."""
    asker = Asker(question, Prometheus(url))
    times = [round(period.start + k * 5, 3) for k in range(1, 2 * LENGTH) if period.start + k * 5 < period.end]
    return [asker.tick(period.start, t) for t in times]


@pytest.mark.parametrize("promql", QUERIES)
def test_a_range_tells_for_each_tick_what_an_instant_query_does(server: Server, promql: str) -> None:
    """Verdict, reason, message and value, to the letter."""
    question, period = query_rule("rule", promql, "<", "150"), Period(START, END)
    with Past(server.url) as past:
        found = told_by_decisions(past, question, period)

    expected = told_by_the_evaluator(server.url, question, period)

    assert len(found) == 239
    assert found == expected


def test_most_of_the_queries_above_are_asked_as_ranges(server: Server) -> None:
    """Else the comparison would be one of instant queries with themselves."""
    period = Period(START, END)
    with Past(server.url) as past:
        asked = ask_window(past, [query_rule(f"r{n}", promql) for n, promql in enumerate(QUERIES)], period)

    by_form = {one.question.promql: one.choice.form for one in asked}
    untouched = [one.question.promql for one in asked if one.choice.form is Form.RANGE and one.instants == 0]
    assert by_form["steady @ start()"] is by_form["max_over_time(steady[${window}])"] is Form.INSTANT
    assert {"steady", "churn", "sum(rate(part[1m]))", "steady offset -20s", "scalar(churn)"} <= set(untouched)
    assert len(untouched) > 45
    partly = {one.question.promql: one.instants for one in asked if 0 < one.instants < 200}
    assert {"left * on (pod) right", 'count_values("v", round(part))'} & set(partly) == {"left * on (pod) right"}

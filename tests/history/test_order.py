"""
Prometheus adds floats up in the order in which it reads series: that of their labels in blocks, that of their appearance in its
newest data. So the last digit of a sum may differ between a range over both and an instant query in the one.
"""

from collections.abc import Iterator

import pytest
from tests.history.kit import query_rule
from tests.history.test_identity import told_by_decisions

from prometheus_kit import Server, running, series
from validationrun.judging.backtest.client import Past
from validationrun.judging.backtest.fetch import ask_window
from validationrun.judging.backtest.windows import Period
from validationrun.judging.live.rule_query import Asker
from validationrun.prometheus import Prometheus

START = 1_699_992_000.0
NEW = START + 600
END = START + 1200
SHARES = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.7, "e": 1e-7, "f": 1 / 3}


def points(since: float, until: float, share: float) -> list[tuple[float, float]]:
    return [(since + 5 * k, share * (1 + k % 11)) for k in range(int((until - since) / 5))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Half of the window lies in a block; in the newest data the series appeared in another order than that of their labels."""
    old = [series("part", points(START - 400, NEW, share), pod=pod) for pod, share in SHARES.items()]
    with running(tmp_path_factory.mktemp("order"), history=old, config={"storage": {}}) as found:
        for pod in "ecafdb":
            found.send(series("part", points(NEW, END + 10, SHARES[pod]), pod=pod))
        yield found


@pytest.mark.parametrize(
    "promql",
    [
        "sum(part)",
        "avg(part)",
        "stddev(part)",
        "max_over_time(sum(part)[1m:5s])",
        "sum(part offset 1m)",
        "avg(part offset -30s)",
        "avg(part @ 1699993100)",
    ],
)
def test_a_sum_has_the_last_digit_of_an_instant_query_at_each_tick(server: Server, promql: str) -> None:
    """In blocks, in the newest data, and where one goes over into the other."""
    question, period = query_rule("rule", promql), Period(START, END)
    with Past(server.url) as past:
        found = told_by_decisions(past, question, period)

    asker = Asker(question, Prometheus(server.url))
    expected = [asker.tick(START, START + 5 * k) for k in range(1, 240)]
    assert [one.value for one in found] == [one.value for one in expected]


def test_what_lies_in_blocks_alone_is_asked_as_a_range(server: Server) -> None:
    """The rest is asked tick by tick, and what needs no order not even there."""
    questions = [query_rule("sum", "sum(part)"), query_rule("max", "max(part)")]
    with Past(server.url) as past:
        assert NEW - 5 < past.newest_since() <= NEW
        asked = ask_window(past, questions, Period(START, END))

    assert [one.instants for one in asked] == [120, 0]


def test_a_server_that_takes_late_samples_is_asked_tick_by_tick(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where late samples lie is not known."""
    old = [series("part", points(START - 400, END, share), pod=pod) for pod, share in SHARES.items()]
    late = {"storage": {"tsdb": {"out_of_order_time_window": "30m"}}}
    with running(tmp_path_factory.mktemp("late"), history=old, config=late) as server, Past(server.url) as past:
        [asked] = ask_window(past, [query_rule("sum", "sum(part)")], Period(START, START + 300))

    assert asked.instants == len(asked.times) == 59

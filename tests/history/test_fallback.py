"""What a range query cannot say is asked tick by tick; the rest of the window is not."""

import json
import math
from collections.abc import Callable, Iterator

import pytest
from tests.history.kit import query_rule
from tests.history.test_identity import told_by_decisions

from prometheus_kit import Proxy, Server, behaviours, between, running, series
from validationrun.judging.backtest import client as pasts
from validationrun.judging.backtest import ranges
from validationrun.judging.backtest.client import HistoryError, Past
from validationrun.judging.backtest.fetch import Ticks, ask_window
from validationrun.judging.backtest.query_strategy import Choice, Form
from validationrun.judging.backtest.ranges import MOST_TICKS, ranged
from validationrun.judging.backtest.windows import Period
from validationrun.judging.live.rule_query import Asker
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Reply
from validationrun.oracle.question import Question
from validationrun.prometheus import Prometheus

START = 1_699_992_000.0
TICKS = 400
END = START + 5 * (TICKS + 1)
PERIOD = Period(START, END)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A number that grows; and for a while very many series."""
    times = [START + 5 * k for k in range(-80, TICKS + 10)]
    history = [series("x", [(t, (t - START) / 7) for t in times])]
    history += [series("many", [(t, 1) for t in times if 500 < t - START < 600], pod=f"p{n}") for n in range(300)]
    history += [series("many", [(t, 1) for t in times], pod="always")]
    with running(tmp_path_factory.mktemp("fallback"), history=history, config={"storage": {}}) as found:
        yield found


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with between(server.url) as found:
        yield found


def asked(url: str, question: Question, period: Period = PERIOD) -> tuple[Ticks, list[Decision]]:
    with Past(url) as past:
        [ticks] = ask_window(past, [question], period)
        return ticks, told_by_decisions(past, question, period)


def expected(url: str, question: Question) -> list[Decision]:
    asker = Asker(question, Prometheus(url))
    return [asker.tick(START, START + 5 * k) for k in range(1, TICKS + 1)]


def spans(since: float, until: float) -> Callable[[object], bool]:
    """Range queries that hold one of these seconds of the window."""

    def holds(request) -> bool:
        form = request.form
        return "step" in form and float(form["start"][0]) - START <= until and float(form["end"][0]) - START >= since

    return holds


def is_at(since: float, until: float) -> Callable[[object], bool]:
    return lambda request: "time" in request.form and since <= float(request.form["time"][0]) - START <= until


def test_a_warning_at_a_few_ticks_costs_no_more_than_those(server: Server, proxy: Proxy) -> None:
    """It is a warning of the whole range, and of those instants."""
    proxy.behave(behaviours.warned("a store is away"), on=spans(1000, 1020))
    proxy.behave(behaviours.warned("a store is away"), on=is_at(1000, 1020))

    ticks, found = asked(proxy.url, query_rule("rule", "x"))

    assert [one.t - START for one in found if one.reason == "PartialResponse"] == [1000, 1005, 1010, 1015, 1020]
    assert sum(one.verdict == "Passed" for one in found) == TICKS - 5
    assert 5 <= ticks.instants < 5 * ranges.LEAST_TICKS


def test_information_of_a_range_is_no_reason_to_ask_again(server: Server, proxy: Proxy) -> None:
    """It is about the query and not about missing data."""
    proxy.behave(behaviours.warned("PromQL info: metric might not be a counter"))

    ticks, found = asked(proxy.url, query_rule("rule", "x"))

    assert ticks.instants == 0
    assert found == expected(server.url, query_rule("rule", "x"))


def test_a_native_histogram_at_a_few_ticks_is_one_there_alone(server: Server, proxy: Proxy) -> None:
    """The other ticks of its series are numbers."""

    def range_of_both(whole: dict) -> None:
        [one] = whole["data"]["result"]
        one["histograms"] = [[START + 50, {"count": "1", "sum": "1"}]]

    def instant(whole: dict) -> None:
        [one] = whole["data"]["result"]
        one["histogram"] = one.pop("value")

    proxy.behave(behaviours.rewritten(range_of_both), on=spans(50, 50))
    proxy.behave(behaviours.rewritten(instant), on=is_at(50, 50))

    ticks, found = asked(proxy.url, query_rule("rule", "x"))

    assert [(one.t - START, one.reason) for one in found if one.verdict != "Passed"] == [(50, "BadQuery")]
    assert 0 < ticks.instants < 2 * ranges.LEAST_TICKS


def test_a_server_that_moves_ranges_to_other_times_is_asked_tick_by_tick(server: Server, proxy: Proxy) -> None:
    """Some caches answer for multiples of the step, whatever they were asked for."""

    def shift(whole: dict) -> None:
        for one in whole["data"]["result"]:
            one["values"] = [[t - 2, value] for t, value in one["values"]]

    proxy.behave(behaviours.rewritten(shift), on="query_range")

    ticks, found = asked(proxy.url, query_rule("rule", "x"))

    assert ticks.instants == TICKS
    assert found == expected(server.url, query_rule("rule", "x"))


@pytest.mark.parametrize(
    "behaviour",
    [behaviours.status(403), behaviours.status(404), behaviours.status(500), behaviours.garbage, behaviours.wrong_type("vector"),
     behaviours.half, behaviours.reset, behaviours.endless],
    ids=["403", "404", "500", "garbage", "wrong-type", "half", "reset", "endless"],
)  # fmt: skip
def test_a_server_that_knows_no_ranges_is_asked_tick_by_tick(server: Server, proxy: Proxy, behaviour) -> None:
    """Whatever it says instead."""
    period = Period(START, START + 100)
    proxy.behave(behaviour, on="query_range")

    ticks, found = asked(proxy.url, query_rule("rule", "x"), period)

    assert ticks.instants == 19
    assert found == expected(server.url, query_rule("rule", "x"))[:19]


def test_too_many_samples_for_one_range_are_asked_in_pieces(tmp_path_factory: pytest.TempPathFactory) -> None:
    """And one by one where there are too many for that; an instant that is too much is ServerLimit, as live."""
    times = [START + 5 * k for k in range(-80, TICKS + 10)]
    history = [series("x", [(t, t - START) for t in times], pod=f"p{n}") for n in range(4)]
    history += [series("x", [(t, 1) for t in times if 500 < t - START < 520], pod=f"q{n}") for n in range(600)]
    flags = ["--query.max-samples=500"]
    folder = tmp_path_factory.mktemp("limited")
    with running(folder, history=history, config={"storage": {}}, flags=flags) as server:
        question = query_rule("rule", "count(x)")
        ticks, found = asked(server.url, question)
        whole = expected(server.url, question)

    assert found == whole
    assert {one.reason for one in found} == {"", "ServerLimit"}
    assert 0 < ticks.instants < TICKS / 2


def test_a_slow_range_is_asked_in_pieces(server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its own time."""
    monkeypatch.setattr("validationrun.judging.backtest.fetch.RANGE_SECONDS", 0.5)

    def longer_than(seconds: float) -> Callable[[object], bool]:
        def holds(request) -> bool:
            form = request.form
            return "step" in form and float(form["end"][0]) - float(form["start"][0]) > seconds

        return holds

    proxy.behave(behaviours.hang, on=longer_than(1000))

    ticks, found = asked(proxy.url, query_rule("rule", "x"))

    assert ticks.instants == 0
    assert found == expected(server.url, query_rule("rule", "x"))


def test_churn_with_very_many_series_is_ambiguous_where_it_is(server: Server) -> None:
    """And one value before and after it."""
    _, found = asked(server.url, query_rule("rule", "many"))

    assert found == expected(server.url, query_rule("rule", "many"))
    assert "the query gave 301 series; it must give one" in {one.message for one in found}


# A long window


def test_a_long_window_is_asked_in_chunks() -> None:
    """Prometheus answers at most 11,000 steps at once."""
    times = [START + 5 * k for k in range(1, 2 * MOST_TICKS + 100)]
    chunks = []

    def ask(start: float, end: float) -> Reply:
        count = round((end - start) / 5) + 1
        chunks.append(count)
        points = [[start + 5 * k, str(round((start - START) / 5) + k)] for k in range(count)]
        data = {"resultType": "matrix", "result": [{"metric": {}, "values": points}]}
        return Reply(200, json.dumps({"status": "success", "data": data}).encode(), None)

    told = ranged(ask, times, 5, Choice(Form.RANGE))

    assert chunks == [11_000, 11_000, 99]
    assert told == [str(k) for k in range(1, 2 * MOST_TICKS + 100)]


def test_prometheus_answers_as_many_steps_as_are_asked_at_once(server: Server) -> None:
    """A limit that is not the real one would make every chunk fail."""
    end = START + 5 * (MOST_TICKS - 1)
    reply = Prometheus(server.url).query_range("vector(1)", START, end, 5, 30)
    assert reply.status == 200
    assert Prometheus(server.url).query_range("vector(1)", START, end + 10, 5, 30).status == 400


def test_only_a_tail_that_may_be_in_the_newest_data_is_left_out() -> None:
    """Of a sum; a maximum needs no order."""
    times = [START + 5 * k for k in range(1, 101)]

    def ask(start: float, end: float) -> Reply:
        points = [[t, "1"] for t in times if start <= t <= end]
        data = {"resultType": "matrix", "result": [{"metric": {}, "values": points}]}
        return Reply(200, json.dumps({"status": "success", "data": data}).encode(), None)

    for since, known in ((START + 250, 49), (math.inf, 100), (-math.inf, 0)):
        told = ranged(ask, times, 5, Choice(Form.RANGE, ordered=True), since)
        assert told == ["1"] * known + [None] * (100 - known)
    assert None not in ranged(ask, times, 5, Choice(Form.RANGE), -math.inf)


# A Prometheus that goes


def test_a_prometheus_that_goes_ends_it_with_one_clear_error(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of Errors would look like a finding."""
    monkeypatch.setattr(pasts, "_PAUSE_SECONDS", 0.01)
    with Past(proxy.url) as past, proxy.down():
        with pytest.raises(HistoryError, match=r"Prometheus stopped answering: .*no connection"):
            ask_window(past, [query_rule("rule", "x @ end()")], PERIOD)


def test_a_prometheus_that_is_away_for_a_moment_is_asked_again(
    server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The past does not change meanwhile."""
    monkeypatch.setattr(pasts, "_PAUSE_SECONDS", 0.01)
    proxy.behave(behaviours.status(503), on=is_at(100, 200), times=2)
    proxy.behave(behaviours.reset, on=is_at(300, 400), times=1)

    _, found = asked(proxy.url, query_rule("rule", "x @ end()"))

    assert {one.verdict for one in found} == {"Passed"}


def test_a_tick_that_cannot_be_answered_is_an_error_there(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Prometheus answers everything else."""
    monkeypatch.setattr(pasts, "_PAUSE_SECONDS", 0.01)
    proxy.behave(behaviours.status(500), on=is_at(100, 100))

    _, found = asked(proxy.url, query_rule("rule", "x @ end()"))

    assert [(one.t - START, one.reason) for one in found if one.verdict != "Passed"] == [(100, "PrometheusUnavailable")]


def test_a_query_that_is_never_accepted_is_asked_a_few_times_only(server: Server, proxy: Proxy) -> None:
    """No moment can mend it."""
    for promql in ("no_such_function(x)", '"a string"', "x[5m]"):
        proxy.requests.clear()
        ticks, found = asked(proxy.url, query_rule("rule", promql))
        assert [(one.reason, one.message) for one in found] == [
            (one.reason, one.message) for one in expected(server.url, query_rule("rule", promql))
        ]
        assert ticks.instants == 1
        assert len(proxy.requests) < 120

"""What is said of an empty answer: the right cause, of the real Prometheus, briefly, and never an exception."""

import contextlib
import threading
import time

import pytest

from prometheus_kit import STALE, behaviours, between, series, unlike, unreachable
from validationrun.oracle.prometheus_response import warnings
from validationrun.prometheus import Prometheus
from validationrun.prometheus.explain_empty import MOST_CHARACTERS, explain_empty
from validationrun.prometheus.query_budget import MOST_QUESTIONS

SECONDS = 10.0


@pytest.fixture
def t():
    return float(int(time.time()))


@pytest.fixture
def own():
    """A label value, and a metric name, that no other test has."""
    word = unlike()
    return word, "height_" + "".join(one if one.isalnum() else "_" for one in word)


@pytest.fixture
def ask(shared_prometheus, t):
    """The explanation of a query that really gives nothing."""

    def ask(query, at=None):
        at = t if at is None else at
        assert shared_prometheus.result(query, at) == [], "the case is none: the query has an answer"
        return explain_empty(Prometheus(shared_prometheus.url))(query, at, SECONDS)

    return ask


def every(seconds, t, count=10, value=1.0, until=0):
    """Samples up to `until` seconds before t."""
    return [(t - until - seconds * index, value + count - index) for index in reversed(range(count))]


def test_an_unknown_metric_is_told_with_the_nearest_names(shared_prometheus, ask, own, t):
    word, name = own
    shared_prometheus.send(series(name, every(15, t), chain_id=word))
    misspelt = name.replace("height", "heigth")
    answer = ask(f'min({misspelt}{{chain_id="{word}"}})')
    assert answer.startswith(f"No metric is named {misspelt}; nearest: ")
    assert name in answer
    assert len(answer.split(", ")) <= 3


def test_a_metric_like_no_other_has_no_nearest_name(ask):
    assert ask("zqxjkvwy") == "No metric is named zqxjkvwy; none is near."


def test_a_label_value_that_no_series_has_is_told_with_the_nearest_values(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, every(15, t), chain_id="nightly-0a1b2c3d", pod="rpc-0"))
    shared_prometheus.send(series(name, every(15, t), chain_id="other", pod="rpc-0"))
    answer = ask(f'{name}{{pod="rpc-0",chain_id="nightly-0a1b2c3e"}}')
    assert answer == f'No series of {name} has chain_id="nightly-0a1b2c3e"; nearest: "nightly-0a1b2c3d", "other".'


def test_a_regular_expression_that_no_value_matches_is_blamed(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, every(15, t), pod="rpc-0"))
    answer = ask(f'sum(rate({name}{{pod=~"validator-.*"}}[1m]))')
    assert answer == f'No series of {name} has pod=~"validator-.*"; nearest: "rpc-0".'


def test_a_label_that_the_metric_has_not_is_told(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, every(15, t), pod="rpc-0"))
    assert ask(f'{name}{{chain_id="x"}}') == f"No series of {name} has a label chain_id."


def test_a_matcher_that_holds_without_the_label_is_not_blamed(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, every(15, t), pod="rpc-0"))
    assert ask(f'{name}{{gone!="x",other=~".*",pod="b"}}') == f'No series of {name} has pod="b"; nearest: "rpc-0".'


def test_labels_that_exist_but_not_together_are_told(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(
        series(name, every(15, t), chain_id="a", pod="rpc-0"), series(name, every(15, t), chain_id="b", pod="rpc-1")
    )
    answer = ask(f'{name}{{chain_id="a",pod="rpc-1"}}')
    assert answer == f'No series of {name}{{pod="rpc-1"}} has chain_id="a"; nearest: "b".'


def test_a_selector_without_a_name_is_explained_by_its_labels(shared_prometheus, ask, own, t):
    word, name = own
    shared_prometheus.send(series(name, every(15, t), chain_id=word))
    assert ask(f'count({{chain_id="{word}-not"}})').startswith(
        f'No series has chain_id="{word}-not"; nearest: "{word}"'
    )


def test_a_target_that_is_down_is_named(shared_prometheus, ask, own, t):
    word, name = own
    labels = {"job": word, "instance": "10.0.0.1:26660"}
    ended = [*every(15, t, until=60), (t - 45, STALE)]
    shared_prometheus.send(series(name, ended, **labels), series("up", [(t - 30, 0), (t, 0)], **labels))
    assert ask(f"{name} > 0") == f"The series of {name} ended 60s earlier: target 10.0.0.1:26660 is down."


def test_several_targets_that_are_down_are_counted(shared_prometheus, ask, own, t):
    word, name = own
    for host in ("a", "b", "c"):
        labels = {"job": word, "instance": f"{host}:1"}
        ended = [*every(15, t, until=60), (t - 45, STALE)]
        shared_prometheus.send(series(name, ended, **labels), series("up", [(t - 5, 0)], **labels))
    assert ask(name).endswith(": targets a:1 and 2 more are down.")


def test_a_target_that_is_gone_is_told_from_one_that_is_down(shared_prometheus, ask, own, t):
    word, name = own
    shared_prometheus.send(
        series(name, [*every(15, t, until=60), (t - 45, STALE)], job=word, instance="a"),
        series("up", [(t - 60, 1), (t - 45, STALE)], job=word, instance="a"),
    )
    assert ask(name) == f"The series of {name} ended 60s earlier: nothing that Prometheus scrapes now had them."


def test_a_target_that_is_up_and_stopped_to_expose_the_series_is_told(shared_prometheus, ask, own, t):
    word, name = own
    shared_prometheus.send(
        series(name, [*every(15, t, until=60), (t - 45, STALE)], job=word, instance="a"),
        series("up", every(15, t, value=1.0), job=word, instance="a"),
    )
    assert ask(name).endswith("the target is up and does not expose them any more.")


def test_a_series_that_ended_long_ago_counts_as_ended(shared_prometheus, ask, own, t):
    """Without a mark: Prometheus still looks back five minutes, not twenty."""
    _, name = own
    shared_prometheus.send(series(name, every(15, t, until=1200)))
    assert ask(name).startswith(f"The series of {name} ended 1200s earlier")


def test_a_range_with_one_sample_is_too_short_and_the_spacing_is_told(shared_prometheus, ask, own, t):
    word, name = own
    shared_prometheus.send(series(name, every(30, t, until=3), chain_id=word))
    answer = ask(f'min(increase({name}{{chain_id="{word}"}}[15s])) > 0')
    assert answer == f"increase() needs two samples, and its range of 15s holds one of {name}; they are 30s apart."


def test_a_range_without_any_sample_is_too_short_when_the_series_lives(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, every(60, t, until=40)))
    assert ask(f"max_over_time({name}[15s])") == f"The range of 15s holds no sample of {name}; they are 60s apart."


def test_a_series_that_has_just_begun_is_no_matter_of_the_range(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, [(t - 1, 5.0)]))
    answer = ask(f"rate({name}[5m])")
    assert answer == f"rate() needs two samples, and its range of 300s holds one of {name}; there has been one so far."


def test_an_offset_moves_the_moment_that_is_looked_at(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, every(30, t, count=20, until=303)))
    answer = ask(f"increase({name}[15s] offset 5m)")
    assert answer.endswith("they are 30s apart.")
    assert ask(f"increase({name}[15s])").startswith(f"The series of {name} ended 303s earlier")


def test_a_comparison_that_no_value_passes_is_told_with_the_values(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, [(t, 3)], pod="a"), series(name, [(t, 1)], pod="b"))
    assert ask(f"sum({name} > 5)") == "No value passes `> 5`: they lie between 1 and 3."
    assert ask(f"5 < {name}") == "No value passes `5 <`: they lie between 1 and 3."
    assert ask(f'{name}{{pod="a"}} > 5') == "No value passes `> 5`: the value is 3."


def test_sides_with_different_labels_are_told_by_them(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, [(t, 3)], pod="a"), series(f"{name}_total", [(t, 1)], node="b"))
    answer = ask(f"{name} / {name}_total")
    assert answer == (
        "Both sides of `/` have data, but no series of one belongs to one of the other: "
        "only the left has pod; only the right has node. on(...) or ignoring(...) says what must be equal."
    )


def test_sides_matched_on_a_label_with_other_values_are_told_by_it(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, [(t, 3)], pod="a", x="1"), series(f"{name}_total", [(t, 1)], pod="b", y="1"))
    for query, operator in (
        (f"{name} * on(pod) {name}_total", "*"),
        (f"{name} and on (pod) {name}_total", "and"),
        (f"{name} - ignoring(x, y) {name}_total", "-"),
        (f"{name} > on(pod) {name}_total", ">"),
    ):
        answer = ask(query)
        assert answer.startswith(f"Both sides of `{operator}` have data")
        assert answer.endswith(': pod is "a" on the left, "b" on the right.')


def test_a_comparison_of_series_that_belong_together_is_not_blamed_on_labels(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, [(t, 3)], pod="a"), series(f"{name}_total", [(t, 9)], pod="a"))
    assert ask(f"{name} > {name}_total") == (
        "Both sides of `>` have data that belong together, and no pair passes the comparison."
    )


def test_unless_and_absent_are_told(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, every(15, t), pod="a"))
    assert ask(f"{name} unless {name}") == "`unless` removes every series of its left side."
    assert ask(f"absent({name})") == "absent() gives nothing as long as there is data, and there is."


def test_a_histogram_without_le_is_told(shared_prometheus, ask, own, t):
    """By us, or by Prometheus 3 itself: it answers with a warning, so that nobody is asked why the answer is empty."""
    _, name = own
    shared_prometheus.send(series(name, every(15, t), pod="a"))
    query = f"histogram_quantile(0.9, sum by (pod) (rate({name}[1m])))"
    with contextlib.closing(Prometheus(shared_prometheus.url)) as prometheus:
        told = warnings(prometheus.query(query, t, 5))
    if told:
        assert 'bucket label "le" is missing' in told[0]
    else:
        assert ask(query) == "histogram_quantile() needs the label le, and no series in it has one."


def test_the_innermost_empty_part_is_blamed_and_not_what_is_around_it(shared_prometheus, ask, own, t):
    _, name = own
    shared_prometheus.send(series(name, every(15, t), pod="a"))
    answer = ask(f'(sum(rate({name}[1m])) / sum(rate({name}{{pod="b"}}[1m]))) > 5 and on() vector(1)')
    assert answer == f'No series of {name} has pod="b"; nearest: "a".'


def test_an_or_is_empty_because_of_both_sides(ask, own):
    _, name = own
    assert ask(f"{name} or {name}_total").startswith(f"No metric is named {name};")


def test_a_part_that_cannot_be_evaluated_does_not_spoil_the_rest(shared_prometheus, ask, own, t):
    """The label_replace makes two series of one label set, which Prometheus refuses when it has to evaluate it alone."""
    _, name = own
    shared_prometheus.send(series(name, [(t, 1)], pod="a"), series(name, [(t, 1)], pod="b"))
    query = f'{name}_gone and on() label_replace({name}, "pod", "", "", "")'
    answer = explain_empty(Prometheus(shared_prometheus.url))(query, t, SECONDS)
    assert answer.startswith(f"No metric is named {name}_gone;")


def test_an_explanation_stays_short_and_printable_whatever_the_labels_hold(shared_prometheus, ask, own, t):
    _, name = own
    hostile = "\x1b[2J" + "x" * 500 + "\n"
    shared_prometheus.send(series(name, every(15, t), pod=hostile), series(name, every(15, t), pod=hostile[::-1]))
    answer = ask(f'{name}{{pod="{"y" * 500}"}}')
    assert answer.startswith(f"No series of {name} has pod=")
    assert len(answer) <= MOST_CHARACTERS
    assert answer.isprintable()


class Counting(Prometheus):
    """Counts what is asked."""

    asked = 0

    def _reply(self, *arguments, **more):
        self.asked += 1
        return super()._reply(*arguments, **more)


@pytest.mark.parametrize("query", [
    'a{b="1",c="2",d="3",e="4",f="5"}', "sum(rate(a[1m])) / on(x) group_left() (b > 1) and c", "a or b or c or d or e or f or g",
    " + ".join(f"a{number}" for number in range(40)), "-".join(["a"] * 30), "absent(a)", "1", "time()", "vector(1) > 2",
    "max_over_time(rate(a[1m])[5m:30s])", "topk(0, vector(1))", "scalar(a) > 1", "a @ 5", 'a{b="c" or d="e"}', "up @ end()", "))", "",
])  # fmt: skip
def test_whatever_is_asked_there_is_no_exception_and_few_questions(shared_prometheus, query, t):
    prometheus = Counting(shared_prometheus.url)
    answer = explain_empty(prometheus)(query, t, SECONDS)
    assert isinstance(answer, str)
    assert len(answer) <= MOST_CHARACTERS
    assert prometheus.asked <= MOST_QUESTIONS


def test_a_puzzle_that_would_take_more_questions_is_left_unsolved(shared_prometheus, own, t):
    """Each of its labels is there, and every two of them, but no series has three."""
    _, name = own
    labels = ("a", "b", "c", "d", "e")
    pairs = [pair for index, pair in enumerate((x, y) for x in labels for y in labels) if pair[0] < pair[1]]
    shared_prometheus.send(*(series(name, every(15, t), **dict.fromkeys(pair, "1")) for pair in pairs))
    prometheus = Counting(shared_prometheus.url)
    matchers = ",".join(f'{label}="1"' for label in labels)
    answer = explain_empty(prometheus)(f"{name}{{{matchers}}}", t, SECONDS)
    assert answer == f"Nothing matches {name}{{{matchers}}}."
    assert prometheus.asked == MOST_QUESTIONS


def test_a_prometheus_that_is_away_is_no_exception(t):
    with unreachable() as url:
        assert explain_empty(Prometheus(url))("a", t, 1.0) == ""


def test_a_prometheus_that_hangs_costs_no_more_than_the_time_given(shared_prometheus, t):
    with between(shared_prometheus.url) as proxy:
        proxy.behave(behaviours.hang)
        began = time.monotonic()
        assert explain_empty(Prometheus(proxy.url))("a", t, 0.5) == ""
        assert time.monotonic() - began < 1.5


def test_what_is_known_when_the_time_ends_is_still_said(shared_prometheus, own, t):
    """The questions about names hang; that nothing matches was known before."""
    _, name = own
    with between(shared_prometheus.url) as proxy:
        proxy.behave(behaviours.hang, on="label/")
        assert explain_empty(Prometheus(proxy.url))(name, t, 0.5) == f"Nothing matches {name}."


def test_threads_take_turns(shared_prometheus, own, t):
    """One connection serves all rules of a run, whose final sweeps end side by side."""
    explain = explain_empty(Prometheus(shared_prometheus.url))
    _, name = own
    answers = []

    def one(number):
        answers.append((number, explain(f"{name}_{number}", t, SECONDS)))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    assert all(answer.startswith(f"No metric is named {name}_{number};") for number, answer in answers)

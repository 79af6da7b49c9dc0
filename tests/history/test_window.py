"""
The fold of a window, without the decisions that change nothing, is the fold of all of them.

What is compared with is as plain as can be: every tick decided by itself and folded in order, every decision added to the
summary.
"""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.history.kit import alert_rule, query_rule

from validationrun.judging.backtest import fold_window
from validationrun.judging.backtest.compact_answer import NOTHING, CompactAnswer, compact, expand, several
from validationrun.judging.backtest.decide import Decider, fails
from validationrun.judging.backtest.fold_window import Course, Judged, judge_window, times_of
from validationrun.judging.backtest.windows import Period
from validationrun.oracle.decision import ASSUMED, Decision, Silence
from validationrun.oracle.exchange import Fault, Sample, Samples
from validationrun.oracle.fold import Fold
from validationrun.oracle.memory import NOTHING_REMEMBERED
from validationrun.oracle.question import Question
from validationrun.oracle.tally import Tally

START = 1_699_992_000.0
AWAY = Fault("PrometheusUnavailable", "away")
UNPROVEN = Silence(Fault("AlertNotLoaded", "not proven"))

_numbers = st.sampled_from(["1", "1", "1", "9.5", "10", "10.5", "-3", "1e-20", "2e-20", "1e300", "-0"])
_odd = st.sampled_from(["NaN", "+Inf", "-Inf", NOTHING, several(2), AWAY, Fault("PartialResponse", "a store is away")])
_told = st.one_of(_numbers, _numbers, _numbers, _odd)
_runs = st.lists(st.tuples(_told, st.integers(1, 12)), min_size=1, max_size=8)


@st.composite
def _questions(draw: st.DrawFn) -> Question:
    properties = {
        "interval": draw(st.sampled_from(["5s", "7s", "20s"])),
        "startAfter": draw(st.sampled_from(["0s", "12s", "35s"])),
        "retry": draw(st.integers(0, 4)),
        "stopOnFailure": draw(st.booleans()),
        "finalSweep": draw(st.booleans()),
    }
    name = f"r{draw(st.integers(0, 10**6))}"
    if draw(st.integers(0, 3)) == 0:
        return alert_rule(name, "Down", **properties)
    op = draw(st.sampled_from([">", ">=", "<", "<=", "==", "!="]))
    return query_rule(name, "x", op, draw(st.sampled_from(["10", "1", "0", "1e-20"])), **properties)


def spread(runs: Sequence[tuple[CompactAnswer, int]], count: int) -> list[CompactAnswer]:
    """So many answers, each as often as it says, from the beginning again when they do not suffice."""
    one_round = [told for told, times in runs for _ in range(times)]
    return [one_round[index % len(one_round)] for index in range(count)]


def course(question: Question, told: Sequence[CompactAnswer | None], sweep: CompactAnswer, period: Period) -> Course:
    rule = question.rule
    decider = (
        Decider(question, period.start)
        if rule.query
        else Decider(question, period.start, lambda t: UNPROVEN if int(t) % 4 == 1 else ASSUMED, lambda: True)
    )
    final = rule.run_properties.final_sweep
    times = times_of(rule, period)
    return Course(
        rule,
        times,
        told,
        decider,
        (lambda memory: decider.decide(period.end, sweep, memory, final=True)) if final else None,
    )


def plainly(courses: Sequence[Course], period: Period) -> Judged:
    rules = [one.rule for one in courses]
    judged = Judged(Fold.begin(rules), {rule.name: Tally(rule) for rule in rules})
    every: list[Decision] = []
    for one in courses:
        every += [
            one.decider.decide(t, told) for t, told in zip(one.times, one.answers, strict=True) if told is not None
        ]
    order = {rule.name: index for index, rule in enumerate(rules)}
    for decision in sorted(every, key=lambda one: (one.t, order[one.rule])):
        judged.fold.add(decision)
        for folded, counted in judged.fold.advance(decision.t):
            judged.tallies[folded.rule].add(folded, counted=counted)
    if judged.fold.stop_time is None:
        for one in courses:
            if one.sweep is not None:
                judged.fold.add(one.sweep(NOTHING_REMEMBERED))
        for folded, counted in judged.fold.advance(period.end):
            judged.tallies[folded.rule].add(folded, counted=counted)
    return judged


@settings(max_examples=500, deadline=None)
@given(
    questions=st.lists(_questions(), min_size=1, max_size=4, unique_by=lambda one: one.rule.name),
    runs=st.lists(_runs, min_size=4, max_size=4),
    sweeps=st.lists(_told, min_size=4, max_size=4),
    length=st.integers(3, 400),
    slice_s=st.sampled_from([30.0, 100.0, 3600.0]),
)
def test_a_window_is_folded_as_if_every_decision_were(questions, runs, sweeps, length, slice_s) -> None:
    """States, stop and verdict; and what the summaries say of the ticks that count."""
    period = Period(START, START + length)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold_window, "SLICE_SECONDS", slice_s)
        courses, others = (
            [
                course(question, spread(run, len(times_of(question.rule, period))), sweep, period)
                for question, run, sweep in zip(questions, runs, sweeps, strict=False)
            ]
            for _ in range(2)
        )
        found = judge_window(courses, period)

    expected = plainly(others, period)

    assert found.fold.closed() == expected.fold.closed()
    assert (found.fold.stop_time, found.fold.stop_rule) == (expected.fold.stop_time, expected.fold.stop_rule)
    for name, tally in expected.tallies.items():
        counted = replace(tally.summary(), decisions=tally.counted)
        assert found.tallies[name].summary() == counted


@settings(max_examples=200, deadline=None)
@given(question=_questions(), run=_runs, length=st.integers(20, 300), data=st.data())
def test_a_tick_that_was_forgotten_is_never_passed_over(question, run, length, data) -> None:
    """Unless it lies behind a stop."""
    period = Period(START, START + length)
    count = len(times_of(question.rule, period))
    if count == 0:
        return
    told: list[CompactAnswer | None] = list(spread(run, count))
    first = next((index for index, one in enumerate(told) if one is not None and fails(question, START, one)), math.inf)
    hole = data.draw(st.integers(0, count - 1))
    told[hole] = None
    if question.rule.run_properties.stop_on_failure and first < hole:
        assert judge_window([course(question, told, "1", period)], period).fold.stop_time is not None
        return

    with pytest.raises(RuntimeError, match="was not asked"):
        judge_window([course(question, told, "1", period)], period)


@given(_told)
def test_fails_is_what_a_decision_says(told: CompactAnswer) -> None:
    """It decides how much is asked at all."""
    for question in (query_rule("r", "x", "<", "10"), query_rule("r", "x", "!=", "1")):
        assert fails(question, START, told) == (Decider(question, START).decide(START, told).verdict == "Failed")
    decider = Decider(alert_rule("r", "Down"), START, lambda _: ASSUMED, bool)
    assert fails(alert_rule("r", "Down"), START, told) == (decider.decide(START, told).verdict == "Failed")


def test_most_ticks_of_a_rule_that_holds_are_not_decided_one_by_one() -> None:
    """Else a day would take a minute."""
    times, decider = [START + k for k in range(720)], Decider(query_rule("r", "x", ">", "0"), START)

    assert len(decider.worth_deciding(times, [str(1 + k % 50) for k in range(720)])) <= 5
    assert len(decider.worth_deciding(times, [str(k) for k in range(720)])) == 720
    assert len(decider.worth_deciding(times, ["1"] * 719 + ["NaN"])) == 720
    assert len(decider.worth_deciding(times, ["1"] * 719 + [NOTHING])) == 720


def test_ticks_of_an_alert_are_decided_unless_each_of_them_is_silent_and_proven() -> None:
    """One that fired, or proves nothing, is looked at with all of its neighbours."""
    times = [START + k for k in range(10)]
    proven = Decider(alert_rule("r", "Down"), START, lambda _: ASSUMED, bool)
    doubtful = Decider(alert_rule("r", "Down"), START, lambda t: UNPROVEN if t == times[4] else ASSUMED, bool)

    assert list(proven.worth_deciding(times, [NOTHING] * 10)) == [0, 9]
    for odd in ("1", several(2), AWAY, None):
        assert list(proven.worth_deciding(times, [*[NOTHING] * 5, odd, *[NOTHING] * 4])) == list(range(10))
    assert list(doubtful.worth_deciding(times, [NOTHING] * 10)) == list(range(10))
    assert list(proven.worth_deciding([], [])) == []


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_what_is_kept_of_an_answer_decides_as_it_does(count: int) -> None:
    """Its value when there is one, else how many there were."""
    answer = Samples(tuple(Sample({"pod": str(n)}, "7") for n in range(count)))

    kept = expand(compact(answer))

    assert isinstance(kept, Samples)
    assert len(kept.samples) == count
    assert count != 1 or kept.samples[0].value == "7"
    assert compact(AWAY) is AWAY


def test_ticks_end_before_the_window_does() -> None:
    """A tick at its end is the final sweep's."""
    question = query_rule("r", "x")

    assert times_of(question.rule, Period(START, START + 15)) == [START + 5, START + 10]
    assert times_of(question.rule, Period(START, START + 15.001))[-1] == START + 15
    assert times_of(question.rule, Period(START, START + 3)) == []


@pytest.mark.parametrize(
    ("op", "threshold", "values"),
    [
        ("!=", "10", ["1", "10", "20", "1"]),
        ("!=", "10", ["1", "2", "20", "1"]),
        ("!=", "10", ["1", "10", "10", "20", "1"]),
        ("==", "10", ["10", "10", "9", "10"]),
        ("==", "10", ["10", "10", "10", "10"]),
        (">", "10", ["11", "10", "12", "11"]),
        (">=", "10", ["11", "10", "12", "11"]),
        # The same distance from two values: the earlier one is the closest.
        ("<", "1", ["-5", "1e-20", "2e-20", "-5"]),
        ("<", "1", ["-5", "2e-20", "1e-20", "-5"]),
    ],
)
def test_values_around_the_threshold_are_folded_as_if_each_were_decided(
    op: str, threshold: str, values: list[str]
) -> None:
    """A value in the middle may fail where the smallest and the largest do not."""
    period = Period(START, START + 5 * len(values) + 1)
    question = query_rule("r", "x", op, threshold, finalSweep=False)

    found = judge_window([course(question, values, "1", period)], period)

    expected = plainly([course(question, values, "1", period)], period)
    assert found.fold.closed() == expected.fold.closed()
    assert found.tallies["r"].summary() == expected.tallies["r"].summary()


def test_the_first_decision_that_finds_an_alert_firing_says_whether_it_did_before() -> None:
    """Asked again it says the same, and no other decision says it, as in a live run; it is looked up once."""
    asked = []
    decider = Decider(alert_rule("r", "Down"), START, lambda _: ASSUMED, lambda: bool(asked.append(1)) or True)

    messages = [decider.decide(START + k, told).message for k, told in ((5, NOTHING), (10, "1"), (15, "1"), (10, "1"))]

    already = "the alert fired; already firing at start"
    assert messages == ["the alert did not fire", already, "the alert fired", already]
    assert asked == [1]

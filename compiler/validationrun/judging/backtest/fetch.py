"""Asks for the ticks of a window: by range queries first, then by instant queries for what is left."""

import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.judging.backtest.alert_samples import from_samples
from validationrun.judging.backtest.client import Past
from validationrun.judging.backtest.compact_answer import CompactAnswer, compact
from validationrun.judging.backtest.decide import fails
from validationrun.judging.backtest.fold_window import times_of
from validationrun.judging.backtest.further import observed_at
from validationrun.judging.backtest.query_strategy import Choice, Form, choose
from validationrun.judging.backtest.ranges import ranged
from validationrun.judging.backtest.windows import Period
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_response import read_vector
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of

RANGE_SECONDS: Final = 60.0
"""The time-out of a query for many ticks; the rule's own time-out is for one tick."""

_BLOCK: Final = 32
_OK: Final = 200
_BAD_REQUEST: Final = 400


@dataclass
class Ticks:
    """
    A rule's ticks and the answer for each.

    Attributes:
        answers: None for a tick that was not asked.
        instants: number of ticks that were asked by instant queries.
    """

    question: Question
    choice: Choice
    times: Sequence[float]
    answers: list[CompactAnswer | None]
    instants: int = 0


def ask_window(past: Past, questions: Sequence[Question], period: Period, *, instant: bool = False) -> list[Ticks]:
    """
    Asks for every tick of every rule.

    Args:
        instant: use an instant query for each tick.
    """
    choices = [Choice(Form.INSTANT) if instant else choose(question, period.start) for question in questions]
    newest = past.newest_since() if any(choice.ordered for choice in choices) else math.inf

    def begin(index: int) -> Ticks:
        question, choice = questions[index], choices[index]
        times = times_of(question.rule, period)
        return Ticks(question, choice, times, _many(past, question, choice, period, times, newest))

    asked = past.side_by_side(begin, range(len(questions)))
    incomplete = [ticks for ticks in asked if None in ticks.answers]
    stop = _known_stop(asked, period.start) if incomplete else math.inf
    for ticks in incomplete:
        if type_of(ticks.question.rule).asks_at_every_tick(ticks.question.rule):
            ticks.instants = observe_all(past, ticks.question, period.start, ticks.times, ticks.answers, stop)
            continue
        query_at = functools.partial(ticks.question.at, period.start)
        ticks.instants = fill(past, query_at, ticks.times, ticks.answers, ticks.question.timeout_s, stop)
    return asked


def _many(
    past: Past, question: Question, choice: Choice, period: Period, times: Sequence[float], newest: float
) -> list[CompactAnswer | None]:
    if choice.form is Form.SAMPLES:
        return from_samples(lambda query, t: past.once(query, t, RANGE_SECONDS), question, period.start, times)
    if choice.form is Form.INSTANT or not times:
        return [None] * len(times)
    query, step = question.at(period.start, times[0]), int(question.rule.run_properties.interval)
    return ranged(lambda start, end: past.range(query, start, end, step, RANGE_SECONDS), times, step, choice, newest)


def _known_stop(asked: Sequence[Ticks], start: float) -> float:
    """The earliest known stop: no later tick counts, whatever the ticks say that were not asked yet."""
    return min(
        (
            t
            for ticks in asked
            if ticks.question.rule.run_properties.stop_on_failure
            for t, answer in zip(ticks.times, ticks.answers, strict=True)
            if answer is not None and fails(ticks.question, start, answer)
        ),
        default=math.inf,
    )


def fill(
    past: Past,
    query_at: Callable[[float], str],
    times: Sequence[float],
    answers: list[CompactAnswer | None],
    timeout_s: float,
    until: float = math.inf,
) -> int:
    """
    Asks an instant query for each tick up to `until` that has no answer yet. Returns the number of these ticks.

    Raises:
        HistoryError: Prometheus is gone.
    """
    holes = [index for index, answer in enumerate(answers) if answer is None and times[index] <= until]
    if not holes:
        return 0

    def ask(index: int) -> Reply:
        return past.instant(query_at(times[index]), times[index], timeout_s)

    if (fault := always_refused(ask(holes[0]))) is not None:
        for index in holes:
            answers[index] = fault
        return 1

    def block(at: int) -> None:
        for index in holes[at : at + _BLOCK]:
            answers[index] = compact(read_vector(ask(index), times[index]))

    past.side_by_side(block, range(0, len(holes), _BLOCK))
    return len(holes)


def observe_all(
    past: Past,
    question: Question,
    start: float,
    times: Sequence[float],
    answers: list[CompactAnswer | None],
    until: float,
) -> int:
    """
    Asks everything about each tick up to `until`. Returns the number of these ticks.

    Raises:
        HistoryError: Prometheus is gone.
    """
    holes = [index for index in range(len(times)) if times[index] <= until]

    def block(at: int) -> None:
        for index in holes[at : at + _BLOCK]:
            answers[index] = observed_at(past, question, start, times[index])

    past.side_by_side(block, range(0, len(holes), _BLOCK))
    return len(holes)


def always_refused(reply: Reply) -> Fault | None:
    """The fault of a query that fails at every time: it does not parse, or is of a type that no rule can take."""
    answer = read_vector(reply)
    if not isinstance(answer, Fault) or answer.reason != RuleReason.BAD_QUERY:
        return None
    if reply.status != _OK:
        # 422 depends on the data at the time of the query.
        return answer if reply.status == _BAD_REQUEST else None
    # The type belongs to the query; a native histogram comes in a vector, and only while the series has one.
    return answer if json.loads(reply.body)["data"]["resultType"] not in ("vector", "scalar") else None

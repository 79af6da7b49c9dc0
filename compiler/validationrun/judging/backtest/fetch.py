"""All that is asked for the ticks of a window: ranges first, then what only instant queries can say."""

import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.judging.backtest.alert_samples import from_samples
from validationrun.judging.backtest.client import Past
from validationrun.judging.backtest.compact_answer import Told, tell
from validationrun.judging.backtest.decide import fails
from validationrun.judging.backtest.fold_window import times_of
from validationrun.judging.backtest.query_strategy import Choice, Form, choose
from validationrun.judging.backtest.ranges import ranged
from validationrun.judging.backtest.windows import Period
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_response import read_vector
from validationrun.oracle.question import Question

RANGE_SECONDS: Final = 60.0
"""How long one query for many ticks may take; the rule's own time-out is for one tick."""

_BLOCK: Final = 32
_OK: Final = 200
_BAD_REQUEST: Final = 400


@dataclass
class Ticks:
    """
    A rule's ticks and what was told for each.

    Attributes:
        instants: how many of them were asked by instant queries.
    """

    question: Question
    choice: Choice
    times: Sequence[float]
    told: list[Told | None]
    instants: int = 0


def ask_window(past: Past, questions: Sequence[Question], period: Period, *, instant: bool = False) -> list[Ticks]:
    """
    Every tick of every rule.

    Args:
        instant: ask each tick by itself.
    """
    choices = [Choice(Form.INSTANT) if instant else choose(question, period.start) for question in questions]
    newest = past.newest_since() if any(choice.ordered for choice in choices) else math.inf

    def begin(index: int) -> Ticks:
        question, choice = questions[index], choices[index]
        times = times_of(question.rule, period)
        return Ticks(question, choice, times, _many(past, question, choice, period, times, newest))

    found = past.side_by_side(begin, range(len(questions)))
    unknown = [one for one in found if any(told is None for told in one.told)]
    stop = _known_stop(found) if unknown else math.inf
    for one in unknown:
        query_at = functools.partial(one.question.at, period.start)
        one.instants = fill(past, query_at, one.times, one.told, one.question.timeout_s, stop)
    return found


def _many(
    past: Past, question: Question, choice: Choice, period: Period, times: Sequence[float], newest: float
) -> list[Told | None]:
    if choice.form is Form.SAMPLES:
        return from_samples(lambda query, t: past.once(query, t, RANGE_SECONDS), question, period.start, times)
    if choice.form is Form.INSTANT or not times:
        return [None] * len(times)
    query, step = question.at(period.start, times[0]), int(question.rule.run_properties.interval)
    return ranged(lambda start, end: past.range(query, start, end, step, RANGE_SECONDS), times, step, choice, newest)


def _known_stop(found: Sequence[Ticks]) -> float:
    """No later tick counts, whatever the ticks say that nobody asked yet."""
    return min(
        (
            t
            for one in found
            if one.question.rule.run_properties.stop_on_failure
            for t, told in zip(one.times, one.told, strict=True)
            if told is not None and fails(one.question.rule, told)
        ),
        default=math.inf,
    )


def fill(
    past: Past,
    query_at: Callable[[float], str],
    times: Sequence[float],
    told: list[Told | None],
    timeout_s: float,
    until: float = math.inf,
) -> int:
    """
    Asks what is still unknown up to a time, each tick by itself. Returns how many there were.

    Raises:
        HistoryError: Prometheus is gone.
    """
    holes = [index for index, one in enumerate(told) if one is None and times[index] <= until]
    if not holes:
        return 0

    def ask(index: int) -> Reply:
        return past.instant(query_at(times[index]), times[index], timeout_s)

    if (fault := always_refused(ask(holes[0]))) is not None:
        for index in holes:
            told[index] = fault
        return 1

    def block(at: int) -> None:
        for index in holes[at : at + _BLOCK]:
            told[index] = tell(read_vector(ask(index)))

    past.side_by_side(block, range(0, len(holes), _BLOCK))
    return len(holes)


def always_refused(reply: Reply) -> Fault | None:
    """The fault of a query that no time can mend: it does not parse, or is of a type that no rule can take."""
    answer = read_vector(reply)
    if not isinstance(answer, Fault) or answer.reason != RuleReason.BAD_QUERY:
        return None
    if reply.status != _OK:
        # 422 is of the data at one moment.
        return answer if reply.status == _BAD_REQUEST else None
    # The type is the query's own; a native histogram comes in a vector, and only where there is one.
    return answer if json.loads(reply.body)["data"]["resultType"] not in ("vector", "scalar") else None

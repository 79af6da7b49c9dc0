"""
The ticks of one rule by range queries.

A range query gives for each step what an instant query gives there, except that an error, a warning or a native histogram at any
step spoils the whole answer. So a piece with a fault is asked again in halves, and small pieces are left to instant queries.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from validationrun.judging.backtest.compact_answer import NOTHING, CompactAnswer, by_tick
from validationrun.judging.backtest.query_strategy import Choice
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.prometheus_response import Matrix, Series, read_matrix

MOST_TICKS: Final = 11_000
"""The most steps of a range query that Prometheus accepts."""

LEAST_TICKS: Final = 16
"""Fewer ticks are not worth a range query that may fail again."""

_HALF_A_MILLISECOND: Final = 0.0005

AskRange = Callable[[float, float], Reply]
"""A range query from one tick to another, with the rule's interval as its step."""


class MisalignedError(Exception):
    """The server evaluates at other times than it was asked for, so its ranges cannot be used."""


def ranged(
    ask: AskRange, times: Sequence[float], step: int, choice: Choice, newest_since: float = math.inf
) -> list[CompactAnswer | None]:
    """
    The answer for each tick; None where it needs an instant query.

    Args:
        times: one step apart, ascending.
        newest_since: see `Connection.newest_since`.
    """
    # Prometheus reads the series of one store in the order in which they appeared, and those of several stores in the order of
    # their labels. The last digit of a sum may depend on that order. In blocks both orders are the same.
    count = bisect_left(times, newest_since) if choice.ordered else len(times)
    answers: list[CompactAnswer | None] = []
    try:
        for first in range(0, count, MOST_TICKS):
            answers += _piece(ask, times[first : min(first + MOST_TICKS, count)], step)
    except MisalignedError:
        answers = [None] * count
    if choice.scalar:
        # An instant query writes very large and very small scalars in another way.
        answers = [None if isinstance(answer, str) and "e" in answer else answer for answer in answers]
    return answers + [None] * (len(times) - count)


def _piece(ask: AskRange, times: Sequence[float], step: int) -> list[CompactAnswer | None]:
    if len(times) < LEAST_TICKS:
        return [None] * len(times)
    matrix = read_matrix(ask(times[0], times[-1]))
    if isinstance(matrix, Fault):
        half = len(times) // 2
        return _piece(ask, times[:half], step) + _piece(ask, times[half:], step)
    return list(_read(matrix, times, step))


def _read(matrix: Matrix, times: Sequence[float], step: int) -> list[CompactAnswer]:
    if not matrix.series:
        return [NOTHING] * len(times)
    columns = [_column(series, times, step) for series in matrix.series]
    if len(columns) == 1:
        return [NOTHING if value is None else value for value in columns[0]]
    return by_tick(columns, len(times))


def _column(series: Series, times: Sequence[float], step: int) -> list[str | None]:
    """The values of a series over the ticks, None where it has none."""
    start, count = times[0], len(times)
    column: list[str | None] = [None] * count
    for t, value in series.points:
        index = round((t - start) / step)
        if not 0 <= index < count or abs(times[index] - t) > _HALF_A_MILLISECOND:
            raise MisalignedError
        column[index] = value
    return column

"""
The ticks of one rule by range queries.

A range query gives for each step what an instant query gives there, except that an error, a warning or a native histogram at
one step is that of the whole answer. So a piece that is not plainly good is asked again in halves, and what is small is left
to instant queries.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from validationrun.judging.backtest.compact_answer import NOTHING, Told, by_tick
from validationrun.judging.backtest.query_strategy import Choice
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.prometheus_response import Matrix, Series, read_matrix

MOST_TICKS: Final = 11_000
"""In one range query; Prometheus refuses more."""

LEAST_TICKS: Final = 16
"""Fewer are not worth a range query that may fail again."""

_HALF_A_MILLISECOND: Final = 0.0005

AskRange = Callable[[float, float], Reply]
"""A range query from one tick to another, with the rule's interval as its step."""


class MisalignedError(Exception):
    """The server evaluates at other times than it was asked for: its ranges are of no use here."""


def ranged(
    ask: AskRange, times: Sequence[float], step: int, choice: Choice, newest_since: float = math.inf
) -> list[Told | None]:
    """
    What is told for each tick; None where only an instant query can say.

    Args:
        times: one step apart, ascending.
        newest_since: see `Connection.newest_since`.
    """
    # Data of one store are read in the order in which series appeared, data of several in the order of their labels. The last
    # digit of a sum may hang on that. Of what lies in blocks alone, both orders are one.
    count = bisect_left(times, newest_since) if choice.ordered else len(times)
    told: list[Told | None] = []
    try:
        for first in range(0, count, MOST_TICKS):
            told += _piece(ask, times[first : min(first + MOST_TICKS, count)], step)
    except MisalignedError:
        told = [None] * count
    if choice.scalar:
        # Very large and very small scalars are written in another way at instants.
        told = [None if isinstance(one, str) and "e" in one else one for one in told]
    return told + [None] * (len(times) - count)


def _piece(ask: AskRange, times: Sequence[float], step: int) -> list[Told | None]:
    if len(times) < LEAST_TICKS:
        return [None] * len(times)
    matrix = read_matrix(ask(times[0], times[-1]))
    if isinstance(matrix, Fault):
        half = len(times) // 2
        return _piece(ask, times[:half], step) + _piece(ask, times[half:], step)
    return list(_read(matrix, times, step))


def _read(matrix: Matrix, times: Sequence[float], step: int) -> list[Told]:
    if not matrix.series:
        return [NOTHING] * len(times)
    columns = [_column(series, times, step) for series in matrix.series]
    if len(columns) == 1:
        return [NOTHING if one is None else one for one in columns[0]]
    return by_tick(columns, len(times))


def _column(series: Series, times: Sequence[float], step: int) -> list[str | None]:
    """A series' values over the ticks."""
    start, count = times[0], len(times)
    column: list[str | None] = [None] * count
    for t, value in series.points:
        index = round((t - start) / step)
        if not 0 <= index < count or abs(times[index] - t) > _HALF_A_MILLISECOND:
            raise MisalignedError
        column[index] = value
    return column

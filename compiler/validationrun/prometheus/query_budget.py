"""The queries that explain an empty answer. They are limited in number and time, and cover the hour before it."""

import time
from collections.abc import Sequence
from typing import Final, TypeVar

from validationrun.oracle.exchange import Fault, Reply, Sample
from validationrun.oracle.prometheus_response import read_matrix, read_vector
from validationrun.prometheus import Prometheus

MOST_QUESTIONS: Final = 10
BACK_SECONDS: Final = 3600
"""How far back to search for series. A series that ended earlier is not the cause of missing data now."""

_LEAST_SECONDS: Final = 0.05


class NoAnswerError(Exception):
    """A query has no answer, or the limit of queries or time is reached. It proves nothing about the data."""


_Known = TypeVar("_Known")


def _known(answer: _Known | Fault) -> _Known:
    if isinstance(answer, Fault):
        raise NoAnswerError
    return answer


class Inquiry:
    """
    The queries about one empty answer. Each raises NoAnswerError when it has no answer.

    Attributes:
        t: evaluation time of the answer, Unix seconds.
        so_far: the best explanation so far; further queries only make it more precise.
    """

    def __init__(self, prometheus: Prometheus, t: float, until: float) -> None:
        """`until` is a time of the monotonic clock."""
        self.t = t
        self.so_far = ""
        self._prometheus = prometheus
        self._until = until
        self._asked = 0

    def vector(self, promql: str, t: float | None = None) -> Sequence[Sample]:
        """The samples at `t`, or at the evaluation time of the answer."""
        return _known(read_vector(self._reply(promql, t), self.t if t is None else t)).samples

    def number(self, promql: str, t: float) -> float | None:
        samples = self.vector(promql, t)
        return float(samples[0].value) if samples else None

    def times(self, selector: str, t: float) -> list[float]:
        """The times of one series' samples in a range."""
        answer = _known(read_matrix(self._reply(selector, t)))
        return [at for at, _ in answer.series[0].points] if answer.series else []

    def values(self, label: str, selector: str | None, moment: float) -> list[str]:
        """The values of a label in the hour before `moment`, on the series of a selector or on all series."""
        matches = [] if selector is None else [selector]
        return _known(self._prometheus.label_values(label, matches, moment - BACK_SECONDS, moment, self._left()))

    def label_names(self, selector: str, moment: float) -> list[str]:
        """The names of the labels on the series of a selector, in the hour before `moment`, without the metric's name."""
        names = _known(self._prometheus.label_names([selector], moment - BACK_SECONDS, moment, self._left()))
        return [name for name in names if name != "__name__"]

    def series(self, selector: str, moment: float, limit: int) -> list[dict[str, str]]:
        """The labels of at most `limit` series in the hour before `moment`."""
        return _known(self._prometheus.series([selector], moment - BACK_SECONDS, moment, self._left(), limit))

    def _reply(self, promql: str, t: float | None) -> Reply:
        return self._prometheus.query(promql, self.t if t is None else t, self._left())

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if self._asked >= MOST_QUESTIONS or left < _LEAST_SECONDS:
            raise NoAnswerError
        self._asked += 1
        return left

"""The time axis that all rows of a timeline share, and the scale of one row's values."""

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.report.model import RunView

WIDTH: Final = 1000
"""Units of a row's drawing from left to right; it is stretched to whatever width the page has."""

_LETTER: Final = 2.0
"""Percent of the width that a letter of 11 pixels takes on a phone."""
_PADDING: Final = 0.015
_MOST_LABELS: Final = 6
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Label:
    """
    A moment that the axis names.

    Attributes:
        x: percent of the width.
        after: since the window's start.
        clock: the time of day, UTC.
    """

    x: float
    after: str
    clock: str


@dataclass(frozen=True, slots=True)
class Event:
    """
    A moment that the timeline names, above the axis.

    Attributes:
        x: percent of the width.
        left: the name stands to the left of the moment's line.
        line: of text, from 0; two names that would meet stand in different lines.
    """

    x: float
    name: str
    kind: str
    left: bool
    line: int = 0

    @property
    def extent(self) -> tuple[float, float]:
        """From where to where its name reaches on the narrowest page, in percent."""
        length = _LETTER * (len(self.name) + 1)
        return (self.x - length, self.x) if self.left else (self.x, self.x + length)


def in_lines(events: Iterable[Event]) -> list[Event]:
    """Each event in the first line of text in which its name meets no other."""
    placed: list[Event] = []
    for event in events:
        low, high = event.extent
        taken = {other.line for other in placed if other.extent[0] < high and low < other.extent[1]}
        line = next(line for line in range(len(placed) + 1) if line not in taken)
        placed.append(replace(event, line=line))
    return placed


@dataclass(frozen=True, slots=True)
class Axis:
    """
    Unix seconds, with a little room at both ends.

    Attributes:
        start, latest: the window's start, and the last moment of which anything is known.
        first, last: the ends of the drawing.
    """

    start: float
    latest: float
    first: float
    last: float

    @classmethod
    def of(cls, view: RunView) -> "Axis | None":
        """Wide enough for the window and every decision; None when the window never opened."""
        if view.start is None:
            return None
        times = [view.end, view.stop_time, *(point.t for rule in view.rules for point in rule.points)]
        times += [shard.finished for shard in view.shards]
        latest = max((t for t in times if t is not None), default=view.start)
        length = max(latest - view.start, 1.0)
        return cls(
            view.start, view.start + length, view.start - length * _PADDING, view.start + length * (1 + _PADDING)
        )

    def x(self, t: float) -> float:
        """Percent of the width, inside of the drawing whatever the time."""
        return round(min(100.0, max(0.0, 100 * (t - self.first) / (self.last - self.first))), 3)

    def labels(self) -> list[Label]:
        """At round distances from the start."""
        length = self.latest - self.start
        step = next((candidate for candidate in _STEPS if length / candidate <= _MOST_LABELS), None)
        step = step or math.ceil(length / _MOST_LABELS / _STEPS[-1]) * _STEPS[-1]
        return [
            Label(
                self.x(t), format_duration(t - self.start, short=True) if t > self.start else "0", self._clock(t, step)
            )
            for t in (self.start + index * step for index in range(int(length // step) + 1))
        ]

    def _clock(self, t: float, step: int) -> str:
        moment = dt.datetime.fromtimestamp(t, dt.UTC)
        if step >= _STEPS[-1]:
            return f"{moment:%m-%d %H:%M}"
        return f"{moment:%H:%M:%S}" if step < _MINUTE or round(self.start) % _MINUTE else f"{moment:%H:%M}"


@dataclass(frozen=True, slots=True)
class Scale:
    """
    From values to heights: `low` is drawn at the bottom, `high` at the top.

    Attributes:
        top, bottom: heights in pixels, from above.
    """

    low: float
    high: float
    top: float
    bottom: float

    @classmethod
    def of(cls, numbers: Sequence[float], top: float, bottom: float) -> "Scale":
        """With room around the numbers; a single one lies in the middle."""
        low, high = min(numbers, default=0.0), max(numbers, default=0.0)
        # Halves first: the distance of two large numbers can be more than a number holds.
        room = (high / 2 - low / 2) * 0.2 or max(abs(high) * 0.1, 1e-9)
        return cls(_finite(low - room), _finite(high + room), top, bottom)

    def y(self, value: float) -> float:
        part = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return round(self.bottom - min(1.0, max(0.0, part)) * (self.bottom - self.top), 1)


def _finite(value: float) -> float:
    return max(-1.7e308, min(1.7e308, value))

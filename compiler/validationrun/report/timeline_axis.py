"""The time axis that all rows of a timeline share, and the scale of one row's values."""

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.report.model import RunView

WIDTH: Final = 1000
"""Width of a row's drawing in units; the drawing is stretched to the width of the page."""

_LETTER: Final = 2.0
"""Width of an 11-pixel letter on a phone, in percent of the page."""
_PADDING: Final = 0.015
_MOST_LABELS: Final = 6
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Label:
    """
    A labelled moment on the axis.

    Attributes:
        x: percent of the width.
        after: the time since the window's start.
        clock: the time of day, UTC.
    """

    x: float
    after: str
    clock: str


@dataclass(frozen=True, slots=True)
class Event:
    """
    A named moment above the axis.

    Attributes:
        x: percent of the width.
        left: the name is to the left of the moment's line.
        line: the line of text, from 0; names that would overlap are in different lines.
    """

    x: float
    name: str
    kind: str
    left: bool
    line: int = 0

    @property
    def extent(self) -> tuple[float, float]:
        """Left and right end of the name on the narrowest page, in percent."""
        length = _LETTER * (len(self.name) + 1)
        return (self.x - length, self.x) if self.left else (self.x, self.x + length)


def in_lines(events: Iterable[Event]) -> list[Event]:
    """Put each event in the first line of text where its name overlaps no other."""
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
    A time axis in Unix seconds, with some padding at both ends.

    Attributes:
        start, latest: the window's start, and the latest known moment.
        first, last: the ends of the drawing.
    """

    start: float
    latest: float
    first: float
    last: float

    @classmethod
    def of(cls, view: RunView) -> "Axis | None":
        """An axis for the window and every decision; None if the window never opened."""
        if view.start is None:
            return None
        times = [
            view.end,
            view.cooldown_end,
            view.stop_time,
            *(point.t for rule in view.rules for point in rule.points),
        ]
        times += [shard.finished for shard in view.shards]
        latest = max((t for t in times if t is not None), default=view.start)
        length = max(latest - view.start, 1.0)
        return cls(
            view.start, view.start + length, view.start - length * _PADDING, view.start + length * (1 + _PADDING)
        )

    def x(self, t: float) -> float:
        """Position in percent of the width, limited to the drawing."""
        return round(min(100.0, max(0.0, 100 * (t - self.first) / (self.last - self.first))), 3)

    def labels(self) -> list[Label]:
        """Labels at round distances from the start."""
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
    Maps values to heights: `low` to the bottom, `high` to the top.

    Attributes:
        top, bottom: pixels from the upper edge.
    """

    low: float
    high: float
    top: float
    bottom: float

    @classmethod
    def of(cls, numbers: Sequence[float], top: float, bottom: float) -> "Scale":
        """A scale with room around the numbers; a single number is in the middle."""
        low, high = min(numbers, default=0.0), max(numbers, default=0.0)
        # Halve first, because the difference of two large floats can overflow.
        room = (high / 2 - low / 2) * 0.2 or max(abs(high) * 0.1, 1e-9)
        return cls(_finite(low - room), _finite(high + room), top, bottom)

    def y(self, value: float) -> float:
        part = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return round(self.bottom - min(1.0, max(0.0, part)) * (self.bottom - self.top), 1)


def _finite(value: float) -> float:
    return max(-1.7e308, min(1.7e308, value))

"""
What a counter added: the arithmetic, over series that are one counter.

Nothing is extrapolated. A value that is lower than the one before is a reset, after which the counter began at 0.
"""

import math
from collections.abc import Sequence

from msgspec import Struct

Points = Sequence[tuple[float, float]]
"""Times in Unix seconds, ascending, and values."""


class SeriesFacts(Struct, frozen=True):
    """
    One series of a counter in a window.

    Attributes:
        at_start: its value at the window's start; None when it had none then.
        before: its last value in the hour before, when it had none at the start; None without one.
        lowest: its lowest value in the window, which is its first one without a reset; None without a sample.
        last: its last value in the window; None without a sample.
        resets: how often it was reset in the window.
    """

    at_start: float | None = None
    before: float | None = None
    lowest: float | None = None
    last: float | None = None
    resets: float = 0.0

    @property
    def base(self) -> float | None:
        return self.before if self.at_start is None else self.at_start


def added(series: Sequence[SeriesFacts]) -> float | None:
    """
    What one counter added in the window; None when only its samples can tell.

    Args:
        series: those that are one counter.
    """
    seen = [member for member in series if member.last is not None]
    if not seen:
        return 0.0
    if any(member.resets for member in seen):
        return None
    if len(series) == 1:
        return _added_by(seen[0], seen[0].base)
    born = [member for member in seen if member.at_start is None]
    if not born:
        return max(_added_by(member, member.at_start) for member in seen)
    others = [member for member in series if member is not born[0]]
    if len(born) > 1 or len(others) > 1 or born[0].before is not None or others[0].base is None:
        return None
    # One series went on where the other one stood: a hand-over.
    other, base = others[0], others[0].base
    stood = base if other.last is None else other.last
    if born[0].lowest is None or born[0].lowest < stood or (other.lowest is not None and other.lowest < base):
        return None
    return _added_by(born[0], base)


def _added_by(member: SeriesFacts, base: float | None) -> float:
    """What a series without a reset in the window added, from its value before the window on."""
    if member.last is None or member.lowest is None:
        return 0.0
    # Lower than before the window: the reset lies between.
    return member.last if base is None or member.lowest < base else member.last - base


class SampledSeries(Struct, frozen=True):
    """A series of a counter with its samples in the window."""

    facts: SeriesFacts
    points: Points


def added_by_samples(series: Sequence[SampledSeries]) -> float:
    """
    What one counter added in the window, by its samples.

    A series that is born continues the series whose sample is the latest then, but none that is born at the same time. Series that
    lived side by side saw the same counter, so the one that saw most tells.

    Args:
        series: those that are one counter.
    """
    courses = [_course(member) for member in series if member.facts.at_start is not None]
    # Before the window: no time, so that everything seen later goes before it.
    earlier = [(-math.inf, member.facts.before, 0.0) for member in series if member.facts.before is not None]
    born = [member for member in series if member.facts.at_start is None and member.points]
    for member in sorted(born, key=lambda member: member.points[0][0]):
        t, value = member.points[0]
        known = (entry for course in courses if course[0][0] < t for entry in course if entry[0] <= t)
        behind = [*earlier, *known]
        total = value
        if behind:
            _, stood, so_far = max(behind, key=lambda entry: entry[:2])
            total = so_far + _step(stood, value)
        courses.append(_followed(member.points[1:], (t, value, total)))
    return max((course[-1][2] for course in courses), default=0.0)


_Entry = tuple[float, float, float]
"""A sample's time and value, and what the counter had added by then."""


def _course(member: SampledSeries) -> list[_Entry]:
    # What was there at the start is later than what ended before it, and earlier than every sample.
    return _followed(member.points, (0.0, member.facts.at_start or 0.0, 0.0))


def _followed(points: Points, first: _Entry) -> list[_Entry]:
    course = [first]
    for t, value in points:
        _, before, total = course[-1]
        course.append((t, value, total + _step(before, value)))
    return course


def _step(before: float, value: float) -> float:
    return value - before if value >= before else value

"""
When the expressions of a schedule fire: the gaps between firings, and what a change of the clocks does to them.

The compiler knows no present time. It looks at a fixed span of eight years, which has every weekday of each date and two leap days.
"""

import bisect
import datetime as dt
import functools
import itertools
import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.cron import Cron, next_time, next_times

_FIRST_DAY: Final = dt.date(2026, 1, 1)
_DAYS: Final = 8 * 365 + 2
_DAY: Final = dt.timedelta(days=1)
_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Gaps:
    """The least and the greatest time between two firings, in seconds; 0 when there are no two."""

    least_s: int
    greatest_s: int


@dataclass(frozen=True, slots=True)
class ClockChange:
    """
    A wall-clock time at which an expression fires, and which the clocks leave out or repeat on that day.

    Attributes:
        whole_day: the expression does not fire at this time, but the controller passes over the day because it is left out.
    """

    day: dt.date
    time: str
    repeated: bool
    whole_day: bool = False


def ever_fires(cron: Cron) -> bool:
    return next(_days([cron]), None) is not None


def gaps(crons: Sequence[Cron], zone: zoneinfo.ZoneInfo) -> Gaps:
    """The gaps between the firings of all expressions together."""
    least, greatest = 0, 0
    last: int | None = None
    for stretch in _stretches(crons, zone):
        apart = _apart(stretch.minutes)
        if last is not None:
            apart = (*apart, stretch.first - last)
        for gap in apart:
            least = gap if not least else min(least, gap)
            greatest = max(greatest, gap)
        last = stretch.last
    return Gaps(least, greatest)


def clock_changes(cron: Cron, zone: zoneinfo.ZoneInfo) -> Iterator[ClockChange]:
    """
    The firing times that a change of the clocks leaves out or repeats, one for each change.

    An expression that fires in every hour goes on through a change, so that nothing of it is left out or too much, unless the
    controller passes over the whole day.
    """
    for wall, minutes, repeated in _changes(zone.key):
        touched = None if cron.every_hour else _touched(cron, wall, minutes)
        if touched is not None:
            yield ClockChange(touched.date(), f"{touched:%H:%M}", repeated)
        elif not repeated and wall.time() == dt.time() and _is_passed_over(cron, zone, wall.date()):
            yield ClockChange(wall.date(), f"{wall:%H:%M}", repeated, whole_day=True)


def _touched(cron: Cron, wall: dt.datetime, minutes: int) -> dt.datetime | None:
    """The first of these wall-clock times at which the expression fires."""
    times = (wall + dt.timedelta(minutes=number) for number in range(minutes))
    return next((time for time in times if _fires_at(cron, time)), None)


def _fires_at(cron: Cron, time: dt.datetime) -> bool:
    return time.hour in cron.hours and time.minute in cron.minutes and cron.has_day(time.date())


def _is_passed_over(cron: Cron, zone: zoneinfo.ZoneInfo, day: dt.date) -> bool:
    """Whether the controller, which goes on from its last firing before a day of the expression, finds none on the day."""
    if not cron.has_day(day):
        return False
    before = (day - number * _DAY for number in range(1, (day - _FIRST_DAY).days + 1))
    last = next((earlier for earlier in before if cron.has_day(earlier)), None)
    minutes = cron.minutes_of_day()[-1] if last is not None else 0
    after = dt.datetime.combine(last or _FIRST_DAY, dt.time(), zone) + dt.timedelta(minutes=minutes)
    found = next_time(cron, zone, after)
    return found is None or found.astimezone(zone).date() != day


def meet(first: Sequence[tuple[int, int]], second: Sequence[tuple[int, int]]) -> bool:
    """Whether two of these times overlap, one of each; each is as `busy` has it."""
    few, many = sorted((first, second), key=len)
    for begin, end in few:
        before = bisect.bisect_left(many, (end,)) - 1
        if before >= 0 and many[before][1] > begin:
            return True
    return False


@functools.lru_cache(maxsize=64)
def busy(crons: tuple[Cron, ...], zone: zoneinfo.ZoneInfo, lasts_s: int) -> tuple[tuple[int, int], ...]:
    """
    The times of the span at which something goes on that lasts so long from each firing.

    Returns:
        begin and end, Unix seconds, in order; what overlaps or touches is one time.
    """
    times: list[tuple[int, int]] = []
    for stretch in _stretches(crons, zone):
        for first, last in _bursts(stretch.minutes, lasts_s):
            begin, end = stretch.begin + first * 60, stretch.begin + last * 60 + lasts_s
            if times and begin <= times[-1][1]:
                begin = times.pop()[0]
            times.append((begin, end))
    return tuple(times)


@functools.lru_cache(maxsize=64)
def _bursts(minutes: tuple[int, ...], lasts_s: int) -> tuple[tuple[int, int], ...]:
    """The first and the last of the minutes between which something that lasts so long never ends."""
    breaks = [
        number
        for number, (earlier, later) in enumerate(itertools.pairwise(minutes), 1)
        if (later - earlier) * 60 > lasts_s
    ]
    edges = itertools.pairwise([0, *breaks, len(minutes)])
    return tuple((minutes[low], minutes[high - 1]) for low, high in edges)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Firings on one day without a change of the clocks: `begin` in Unix seconds, and the minutes since then."""

    begin: int
    minutes: tuple[int, ...]

    @property
    def first(self) -> int:
        return self.begin + self.minutes[0] * 60

    @property
    def last(self) -> int:
        return self.begin + self.minutes[-1] * 60


@functools.lru_cache(maxsize=64)
def _apart(minutes: tuple[int, ...]) -> tuple[int, ...]:
    """The least and the greatest time between two of the minutes, in seconds; empty for a single one."""
    found = [(later - earlier) * 60 for earlier, later in itertools.pairwise(minutes)]
    return (min(found), max(found)) if found else ()


def _stretches(crons: Sequence[Cron], zone: zoneinfo.ZoneInfo) -> Iterator[_Stretch]:
    """
    Every firing of the span, in order.

    On a day with a change of the clocks `next_times` says when the controller fires; on all others the wall clock does.
    """
    changed = _changed_days(zone.key)
    last: int | None = None
    for day, minutes in _days(crons):
        midnight = _midnight(day, zone)
        if day in changed:
            for time in _day_of_change(crons, zone, day, midnight - 60 if last is None else last):
                yield _Stretch(time, (0,))
                last = time
            continue
        left = minutes
        if last is not None and midnight + minutes[0] * 60 <= last:
            left = tuple(minute for minute in minutes if midnight + minute * 60 > last)
        if left:
            yield _Stretch(midnight, left)
            last = midnight + left[-1] * 60


def _day_of_change(crons: Sequence[Cron], zone: zoneinfo.ZoneInfo, day: dt.date, after: int) -> Iterator[int]:
    """The firings from a moment on, up to the first one behind the day, unless that is behind the span."""
    time = dt.datetime.fromtimestamp(after, zone)
    while time.date() <= day:
        found = next(next_times(crons, zone, time, 1), None)
        if found is None or found.astimezone(zone).date() >= _FIRST_DAY + _DAYS * _DAY:
            return
        time = found.astimezone(zone)
        yield int(found.timestamp())


def _days(crons: Sequence[Cron]) -> Iterator[tuple[dt.date, tuple[int, ...]]]:
    """Each day of the span with a firing, and the minutes of these."""
    by_choice: dict[tuple[bool, ...], tuple[int, ...]] = {}
    for number in range(_DAYS):
        day = _FIRST_DAY + number * _DAY
        choice = tuple(cron.has_day(day) for cron in crons)
        if not any(choice):
            continue
        if choice not in by_choice:
            chosen = (cron.minutes_of_day() for cron, fires in zip(crons, choice, strict=True) if fires)
            by_choice[choice] = tuple(sorted({minute for minutes in chosen for minute in minutes}))
        yield day, by_choice[choice]


def _midnight(day: dt.date, zone: dt.tzinfo) -> int:
    return int(dt.datetime.combine(day, dt.time(), zone).timestamp())


@functools.cache
def _changed_days(zone_name: str) -> frozenset[dt.date]:
    """The days of which a change of the clocks leaves out or repeats a part, and the day that follows at once."""
    changes = _changes(zone_name)
    return frozenset(
        time.date() for wall, minutes, _ in changes for time in (wall, wall + dt.timedelta(minutes=minutes))
    )


@functools.cache
def _changes(zone_name: str) -> tuple[tuple[dt.datetime, int, bool], ...]:
    """Each change of the clocks: the first wall-clock time that it leaves out or repeats, how many minutes, and whether it repeats."""
    zone = zoneinfo.ZoneInfo(zone_name)
    changes = []
    for number in range(_DAYS):
        begin = dt.datetime.combine(_FIRST_DAY + number * _DAY, dt.time(), dt.UTC)
        before, after = _offset_minutes(begin, zone), _offset_minutes(begin + _DAY, zone)
        if before == after:
            continue
        low, high = 0, _DAY_MINUTES
        while high - low > 1:
            middle = (low + high) // 2
            same = _offset_minutes(begin + dt.timedelta(minutes=middle), zone) == before
            low, high = (middle, high) if same else (low, middle)
        wall = begin.replace(tzinfo=None) + dt.timedelta(minutes=high + min(before, after))
        changes.append((wall, abs(after - before), after < before))
    return tuple(changes)


def _offset_minutes(moment: dt.datetime, zone: dt.tzinfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) // 60 if offset is not None else 0

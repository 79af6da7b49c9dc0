"""
When the expressions of a schedule fire: the gaps between firings, and what a change of the clocks does to them.

The compiler knows no present time. It looks at a fixed span of eight years, which has every weekday of each date and two leap days.
"""

import datetime as dt
import functools
import itertools
import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.cron import Cron

_FIRST_DAY: Final = dt.date(2026, 1, 1)
_DAYS: Final = 8 * 365 + 2
_DAY: Final = dt.timedelta(days=1)
_DAY_MINUTES: Final = 24 * 60
_MOST_TIMES: Final = 2000


@dataclass(frozen=True, slots=True)
class Gaps:
    """The least and the greatest time between two firings, in seconds; 0 when there are no two."""

    least_s: int
    greatest_s: int


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A wall-clock time at which an expression fires, and which the clocks leave out or repeat on that day."""

    day: dt.date
    time: str
    repeated: bool


def ever_fires(cron: Cron) -> bool:
    return next(_days([cron]), None) is not None


def gaps(crons: Sequence[Cron], zone: dt.tzinfo) -> Gaps:
    """The gaps between the firings of all expressions together."""
    least, greatest = 0, 0
    last: dt.datetime | None = None
    for day, minutes in _days(crons):
        inside = [(later - earlier) * 60 for earlier, later in itertools.pairwise(minutes)]
        first = _moment(day, minutes[0], zone)
        if last is not None:
            inside.append(int((first - last).total_seconds()))
        for gap in inside:
            least = gap if not least else min(least, gap)
            greatest = max(greatest, gap)
        last = _moment(day, minutes[-1], zone)
    return Gaps(least, greatest)


def clock_changes(cron: Cron, zone: zoneinfo.ZoneInfo) -> Iterator[ClockChange]:
    """
    The firing times that a change of the clocks leaves out or repeats, one for each change.

    An expression that fires in every hour goes on through a change, so that nothing of it is left out or too much.
    """
    if cron.every_hour:
        return
    for wall, minutes, repeated in _changes(zone.key):
        for number in range(minutes):
            time = wall + dt.timedelta(minutes=number)
            if time.hour in cron.hours and time.minute in cron.minutes and cron.has_day(time.date()):
                yield ClockChange(time.date(), f"{time:%H:%M}", repeated)
                break


def first_times(crons: Sequence[Cron], zone: dt.tzinfo) -> list[int]:
    """The first firing times of the span, Unix seconds, in order: those of a year, but not more than a bound."""
    times: list[int] = []
    for day, minutes in _days(crons):
        if len(times) >= _MOST_TIMES or (day - _FIRST_DAY).days > 366:  # noqa: PLR2004 - a year
            break
        times += [int(_moment(day, minute, zone).timestamp()) for minute in minutes]
    return times


def _days(crons: Sequence[Cron]) -> Iterator[tuple[dt.date, list[int]]]:
    """Each day of the span with a firing, and the minutes of these."""
    by_choice: dict[tuple[bool, ...], list[int]] = {}
    for number in range(_DAYS):
        day = _FIRST_DAY + number * _DAY
        choice = tuple(cron.has_day(day) for cron in crons)
        if not any(choice):
            continue
        if choice not in by_choice:
            chosen = (cron.minutes_of_day() for cron, fires in zip(crons, choice, strict=True) if fires)
            by_choice[choice] = sorted({minute for minutes in chosen for minute in minutes})
        yield day, by_choice[choice]


def _moment(day: dt.date, minute: int, zone: dt.tzinfo) -> dt.datetime:
    time = dt.time(minute // 60, minute % 60)
    return dt.datetime.combine(day, time, zone).astimezone(dt.UTC)


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

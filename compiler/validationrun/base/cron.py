"""
Cron expressions as Argo's controller reads them, and the times at which it fires.

The controller uses robfig/cron v3: five fields or a name such as `@daily`. Its day and hour arithmetic around a change of the
clocks is repeated here, because no library has it: a time that the clocks leave out does not fire, a time that they repeat
fires twice. `tests/cron/` compares this module with the controller's own library.
"""

import datetime as dt
import functools
import importlib.resources
import re
import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_MINUTE: Final = dt.timedelta(minutes=1)
_HOUR: Final = dt.timedelta(hours=1)
_DAY: Final = dt.timedelta(days=1)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMED: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELD_COUNT: Final = 5
_DECEMBER: Final = 12
_NOON: Final = 12
_NO_PLACES: Final = frozenset({"Factory", "localtime", "posixrules"})
"""Names in lists of time zones for what an installation has not chosen, or has chosen for itself."""

_SEARCHED_YEARS: Final = 5
"""The controller's library searches no further."""


class CronError(ValueError):
    """
    The controller would refuse the expression.

    Attributes:
        token: the part that is wrong; None for the whole expression.
        help: what would be right.
    """

    def __init__(self, message: str, help_: str, token: str | None = None) -> None:
        super().__init__(message)
        self.token = token
        self.help = help_


@dataclass(frozen=True, slots=True)
class _Field:
    """The values of a field: its name in messages, its bounds, and the names of its values from `low` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """
    A parsed expression.

    Attributes:
        any_day: day of month or day of week is `*`, so that a day must match both; else one of the two is enough.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool

    def has_day(self, day: dt.date) -> bool:
        if day.month not in self.months:
            return False
        of_month = day.day in self.days
        of_week = day.isoweekday() % 7 in self.weekdays
        return (of_month and of_week) if self.any_day else (of_month or of_week)

    @property
    def every_hour(self) -> bool:
        return len(self.hours) == 24  # noqa: PLR2004 - hours of a day

    def minutes_of_day(self) -> list[int]:
        return [hour * 60 + minute for hour in sorted(self.hours) for minute in sorted(self.minutes)]


def parse_cron(text: str) -> Cron:
    """
    Raises:
        CronError
    """
    if text.startswith(("TZ=", "CRON_TZ=")):
        raise CronError(f"must not name a time zone; got {text!r}", "name it by `timezone:`", text.split(maxsplit=1)[0])
    if text.startswith("@every"):
        help_ = "write the times of day, such as `0 */2 * * *`"
        raise CronError("must not be @every, which counts from the controller's own start", help_)
    if text.startswith("@"):
        if text not in _NAMED:
            raise CronError(f"must be one of {', '.join(_NAMED)}, or five fields; got {text!r}", "write five fields")
        text = _NAMED[text]
    parts = text.split()
    if len(parts) != _FIELD_COUNT:
        names = ", ".join(field.name for field in _FIELDS)
        message = f"must have five fields ({names}); got {len(parts)}"
        raise CronError(message, "write five fields, such as `0 2 * * *` for 02:00 every day")
    values = [_values(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = (frozenset(chosen) for chosen, _ in values)
    return Cron(minutes, hours, days, months, weekdays, any_day=values[2][1] or values[4][1])


def _values(text: str, field: _Field) -> tuple[set[int], bool]:
    """The values that a field chooses, and whether it says `*` for all."""
    chosen: set[int] = set()
    every = False
    for part in text.split(","):
        if not part:
            raise _wrong(text, field, "has an empty entry")
        values, star = _range(part, field)
        chosen.update(values)
        every = every or star
    return chosen, every


def _range(text: str, field: _Field) -> tuple[range, bool]:
    """One entry: `*`, `?`, a value, or a range; and with `/` behind it every so many."""
    match = re.fullmatch(r"(\*|\?|[^-/*?]+)(?:-([^-/*?]+))?(?:/([^-/*?]+))?", text)
    if match is None or (match[1] in "*?" and match[2]):
        raise _wrong(text, field, "is no value, range or step")
    star = match[1] in "*?"
    low = field.low if star else _number(match[1], field)
    high = field.high if star else low
    if match[2]:
        high = _number(match[2], field)
    elif match[3]:
        high = field.high
    step = 1
    if match[3]:
        if not re.fullmatch(r"[0-9]{1,6}", match[3]) or int(match[3]) == 0:
            raise _wrong(text, field, "has a step that is no whole number from 1 on")
        step = int(match[3])
    if low < field.low or high > field.high:
        hint = "; Sunday is 0" if field.names is _WEEKDAYS and high == field.high + 1 else ""
        raise _wrong(text, field, f"is not within {field.low}-{field.high}{hint}")
    if low > high:
        raise _wrong(text, field, "ends before it begins")
    return range(low, high + 1, step), star and step == 1


def _number(text: str, field: _Field) -> int:
    lower = text.lower()
    if lower in field.names:
        return field.names.index(lower) + field.low
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise _wrong(text, field, "is no number" + (f" and none of {', '.join(field.names)}" if field.names else ""))
    return int(text)


def _wrong(text: str, field: _Field, what: str) -> CronError:
    known = f"{field.low}-{field.high}"
    return CronError(f"{field.name} {text!r} {what}", f"write {field.name} as *, a number of {known}, or a range", text)


@functools.cache
def zone_names() -> frozenset[str]:
    """
    The IANA names of time zones, from the package `tzdata`.

    Not what lies on this machine: `localtime`, `posix/...` and `right/...` mean another thing elsewhere, or nothing in Argo's image.
    """
    names = importlib.resources.files("tzdata").joinpath("zones").read_text("ascii").split()
    return frozenset(names) - _NO_PLACES


def zone_of(name: str) -> zoneinfo.ZoneInfo | None:
    """The time zone of an IANA name; None when there is none."""
    if name not in zone_names():
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def next_time(cron: Cron, zone: dt.tzinfo, after: dt.datetime) -> dt.datetime | None:
    """The controller's next firing time, in UTC; None when there is none within five years."""
    walk = _Walk(zone, after)
    limit = walk.local.year + _SEARCHED_YEARS
    while walk.local.year <= limit:
        if (
            walk.to_month(cron.months)
            and walk.to_day(cron)
            and walk.to_hour(cron.hours)
            and walk.to_minute(cron.minutes)
        ):
            return walk.moment
    return None


def next_times(crons: Sequence[Cron], zone: dt.tzinfo, after: dt.datetime, count: int) -> Iterator[dt.datetime]:
    """The next firing times of several expressions together, each time once."""
    for _ in range(count):
        times = [found for cron in crons if (found := next_time(cron, zone, after)) is not None]
        if not times:
            return
        after = min(times)
        yield after


class _Walk:
    """
    A walk from a moment to the first one that matches: by months, then days, hours and minutes.

    Each part returns False when it walked into the next larger unit, whose match is then open again. Months and days are steps
    of the calendar, hours and minutes steps of real time. So a repeated hour is met twice. Where the clocks leave out midnight,
    no hour 0 ends the walk through the hours, which goes on into the next day without a look at its date.
    """

    def __init__(self, zone: dt.tzinfo, after: dt.datetime) -> None:
        self.zone = zone
        self.moment = after.astimezone(dt.UTC).replace(second=0, microsecond=0) + _MINUTE
        self._rounded = False

    @property
    def local(self) -> dt.datetime:
        return self.moment.astimezone(self.zone)

    def to_month(self, months: frozenset[int]) -> bool:
        while (local := self.local).month not in months:
            year, month = (local.year + 1, 1) if local.month == _DECEMBER else (local.year, local.month + 1)
            self._go(dt.datetime(year, month, 1))  # noqa: DTZ001 - a wall-clock time
            if self.local.month == 1:
                return False
        return True

    def to_day(self, cron: Cron) -> bool:
        while not cron.has_day((local := self.local).date()):
            wall = local.replace(tzinfo=None, fold=0)
            self._go((wall if self._rounded else wall.replace(hour=0, minute=0)) + _DAY)
            hour = self.local.hour
            self.moment += (24 - hour) * _HOUR if hour > _NOON else -hour * _HOUR
            if self.local.day == 1:
                return False
        return True

    def to_hour(self, hours: frozenset[int]) -> bool:
        while (local := self.local).hour not in hours:
            if not self._rounded:
                self._go(local.replace(tzinfo=None, fold=0, minute=0))
            self.moment += _HOUR
            if self.local.hour == 0:
                return False
        return True

    def to_minute(self, minutes: frozenset[int]) -> bool:
        while self.local.minute not in minutes:
            self._rounded = True
            self.moment += _MINUTE
            if self.local.minute == 0:
                return False
        return True

    def _go(self, wall: dt.datetime) -> None:
        """To a wall-clock time, which may be left out or repeated: then to the moment that Go's time.Date gives it."""
        self._rounded = True
        as_utc = wall.replace(tzinfo=dt.UTC)
        guess = as_utc - _offset(as_utc, self.zone)
        self.moment = as_utc - _offset(guess, self.zone)


def _offset(moment: dt.datetime, zone: dt.tzinfo) -> dt.timedelta:
    return moment.astimezone(zone).utcoffset() or dt.timedelta()

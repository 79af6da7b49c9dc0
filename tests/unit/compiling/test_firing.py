"""The gaps between firings are those of the firings themselves, also on the days on which the clocks change."""

import datetime as dt
import itertools
import random
from collections.abc import Iterable, Iterator

import pytest

from validationrun.base.cron import Cron, next_time, parse_cron, zone_of
from validationrun.compiling import firing
from validationrun.compiling.firing import Gaps, busy, clock_changes, gaps, meet

DAYS = 2 * 365
HOUR = 3600


@pytest.fixture
def two_years(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(firing, "_DAYS", DAYS)
    for cached in (firing._changes, firing._changed_days, firing.busy):
        cached.cache_clear()
    yield
    for cached in (firing._changes, firing._changed_days, firing.busy):
        cached.cache_clear()


def fired(crons: list[Cron], zone: dt.tzinfo) -> list[int]:
    """Every firing of the two years, each expression by itself, as the controller has it."""
    begin = dt.datetime(2026, 1, 1, tzinfo=zone)
    end = dt.datetime(2028, 1, 1, tzinfo=zone)
    times = set()
    for cron in crons:
        time = next_time(cron, zone, begin - dt.timedelta(minutes=1))
        while time is not None and time < end:
            times.add(int(time.timestamp()))
            time = next_time(cron, zone, time)
    return sorted(times)


@pytest.mark.usefixtures("two_years")
def test_so_they_are_of_what_fires_in_every_hour() -> None:
    test_gaps_are_those_of_the_firings(["15 * * * *"], "Australia/Lord_Howe")


@pytest.mark.usefixtures("two_years")
@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "America/Santiago", "America/Havana"],
)
@pytest.mark.parametrize(
    "expressions",
    [
        ["30 2 * * *"],
        ["0 2 * * *"],
        ["45 1 * * *"],
        ["30 0 * * *"],
        ["30 23 * * *"],
        ["0 6 * * *"],
        ["30 2 * * 0"],
        ["30 2 1 * *"],
        ["30 1 25-31 3,10 *"],
        ["15 */6 * * *"],
        ["*/20 1-3 * * *"],
        ["30 2 * * *", "30 14 * * *"],
        ["30 2 * * 0", "0 12 1 * *"],
    ],
    ids="; ".join,
)
def test_gaps_are_those_of_the_firings(expressions: list[str], zone: str) -> None:
    place = zone_of(zone)
    assert place is not None
    crons = [parse_cron(text) for text in expressions]
    times = fired(crons, place)
    apart = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps(crons, place) == Gaps(min(apart), max(apart))
    for lasts_s in (HOUR // 3, HOUR, 6 * HOUR + 1, 30 * HOUR):
        assert list(busy(tuple(crons), place, lasts_s)) == united([(time, time + lasts_s) for time in times])


def united(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, where those that overlap or touch are one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


@pytest.mark.parametrize("seed", range(40))
def test_two_lists_of_times_meet_where_a_second_is_in_both(seed: int) -> None:
    dice = random.Random(seed)
    lists = []
    for _ in range(2):
        starts = [dice.randrange(60) for _ in range(dice.randrange(5))]
        lists.append(united((start, start + dice.randrange(1, 6)) for start in starts))
    seconds = [{second for begin, end in times for second in range(begin, end)} for times in lists]
    assert meet(*lists) == bool(seconds[0] & seconds[1])


@pytest.mark.parametrize("expression", ["* * * * *", "*/10 * * * *", "0 * * * *"])
def test_a_dense_expression_is_known_to_the_end_of_the_span(expression: str) -> None:
    place = zone_of("UTC")
    assert place is not None
    last = busy((parse_cron(expression),), place, 60)[-1]
    assert dt.datetime.fromtimestamp(last[1], dt.UTC) > dt.datetime(2033, 12, 31, 23, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "least_s", "greatest_s"),
    [
        ("30 2 * * *", "Europe/Berlin", HOUR, 47 * HOUR),
        ("30 2 * * *", "America/New_York", 24 * HOUR, 47 * HOUR),
        ("30 1 * * *", "America/New_York", HOUR, 24 * HOUR),
        # The controller's walk by hours goes from 01:30, half an hour after the change, to 02:30.
        ("15 2 * * *", "Australia/Lord_Howe", 24 * HOUR, 48 * HOUR + HOUR // 2),
        ("45 1 * * *", "Australia/Lord_Howe", HOUR // 2, 24 * HOUR),
        ("30 2 * * *", "UTC", 24 * HOUR, 24 * HOUR),
    ],
)
def test_a_time_that_is_left_out_or_repeated(expression: str, zone: str, least_s: int, greatest_s: int) -> None:
    place = zone_of(zone)
    assert place is not None
    assert gaps([parse_cron(expression)], place) == Gaps(least_s, greatest_s)


@pytest.mark.parametrize(
    ("expression", "zone", "lost"),
    [
        ("0 6 * * 0", "Asia/Beirut", ["2026-03-29", "2027-03-28"]),
        ("0 6 * * 5", "Africa/Cairo", ["2026-04-24", "2027-04-30"]),
        ("* * * * 0", "Asia/Beirut", ["2026-03-29", "2027-03-28"]),
        ("0 6 30 4 *", "Africa/Cairo", ["2027-04-30"]),
        # The walk by hours goes on from the day before, without a look at the date.
        ("0 6 * * 6,0", "Asia/Beirut", []),
        ("0 6 * * *", "Africa/Cairo", []),
        ("0 * * * *", "Africa/Cairo", []),
        # No other day of the week is touched, nor one whose midnight exists.
        ("0 6 * * 1", "Asia/Beirut", []),
        ("0 6 * * 0", "Europe/Berlin", []),
    ],
)
@pytest.mark.usefixtures("two_years")
def test_a_day_without_a_midnight_is_lost_where_the_day_before_does_not_fire(
    expression: str, zone: str, lost: list[str]
) -> None:
    place = zone_of(zone)
    assert place is not None
    cron = parse_cron(expression)
    told = {change.day for change in clock_changes(cron, place) if change.whole_day}
    assert sorted(map(str, told)) == lost
    days = {dt.datetime.fromtimestamp(time, place).date() for time in fired([cron], place)}
    wanted = {day for number in range(DAYS) if cron.has_day(day := dt.date(2026, 1, 1) + dt.timedelta(days=number))}
    assert told == wanted - days


def test_one_firing_has_no_gap() -> None:
    place = zone_of("Europe/Berlin")
    assert place is not None
    assert gaps([parse_cron("0 0 30 2 *")], place) == Gaps(0, 0)

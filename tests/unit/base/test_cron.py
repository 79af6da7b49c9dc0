"""Cron expressions; `tests/cron/` compares the firing times with the library of Argo's controller."""

import datetime as dt
import importlib.resources
import zoneinfo

import pytest

from validationrun.base.cron import CronError, next_time, next_times, parse_cron, zone_names, zone_of

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def after(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def times(expression: str, begin: str, zone=BERLIN, count: int = 3):
    return [
        f"{found.astimezone(zone):%m-%d %H:%M %Z}"
        for found in next_times([parse_cron(expression)], zone, after(begin), count)
    ]


def test_a_time_that_the_clocks_leave_out_does_not_fire():
    assert times("30 2 * * *", "2027-03-27T00:00Z") == ["03-27 02:30 CET", "03-29 02:30 CEST", "03-30 02:30 CEST"]


def test_a_time_that_the_clocks_repeat_fires_twice():
    assert times("30 2 * * *", "2027-10-30T12:00Z") == ["10-31 02:30 CEST", "10-31 02:30 CET", "11-01 02:30 CET"]


def test_a_day_needs_to_match_one_of_two_fields_but_both_beside_a_star():
    one_of_both = parse_cron("0 0 13 * 5")
    assert one_of_both.has_day(dt.date(2027, 1, 13))
    assert one_of_both.has_day(dt.date(2027, 1, 15))
    both = parse_cron("0 0 * * 5")
    assert both.has_day(dt.date(2027, 1, 15))
    assert not both.has_day(dt.date(2027, 1, 13))


def test_a_step_of_one_is_a_star_and_a_larger_one_is_none():
    assert not parse_cron("0 0 */1 * 5").has_day(dt.date(2027, 1, 13))
    assert parse_cron("0 0 */2 * 5").has_day(dt.date(2027, 1, 13))


def test_the_next_time_is_later_than_the_given_one():
    assert next_time(parse_cron("0 4 * * *"), dt.UTC, after("2027-01-01T04:00Z")) == after("2027-01-02T04:00Z")


def test_what_never_fires_has_no_next_time():
    assert next_time(parse_cron("0 0 30 2 *"), dt.UTC, after("2027-01-01T00:00Z")) is None


def test_several_expressions_fire_together_once():
    crons = [parse_cron("0 4 * * *"), parse_cron("0 */4 * * *")]
    found = [f"{time:%H}" for time in next_times(crons, dt.UTC, after("2027-01-01T00:00Z"), 3)]
    assert found == ["04", "08", "12"]


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("60 * * * *", "not within 0-59"),
        ("* * 0 * *", "not within 1-31"),
        ("* * * * 7", "Sunday is 0"),
        ("* * * foo *", "none of jan, feb"),
        ("5-1 * * * *", "ends before"),
        ("*/0 * * * *", "step"),
        ("1-2-3 * * * *", "no value"),
        ("5,,6 * * * *", "empty entry"),
        ("@every 1h", "@every"),
        ("@fortnightly", "@daily"),
        ("TZ=UTC 0 0 * * *", "time zone"),
        ("", "five fields"),
    ],
)
def test_what_the_controller_refuses_or_what_misleads_is_refused(expression, part):
    with pytest.raises(CronError, match=part):
        parse_cron(expression)


def test_a_time_zone_is_found_by_its_iana_name_only():
    assert zone_of("Europe/Berlin") is not None
    assert [zone_of(name) for name in ("Europe/Berlinn", "../../etc/passwd", "", "/etc/localtime")] == [None] * 4


@pytest.mark.parametrize(
    "name",
    ["localtime", "posixrules", "Factory", "posix/Europe/Berlin", "right/UTC", "europe/berlin", "SystemV/PST8PDT"],
)
def test_a_time_zone_means_the_same_on_every_machine(name, tmp_path):
    """Also on one that has a file of that name."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(importlib.resources.files("tzdata.zoneinfo.Europe").joinpath("Berlin").read_bytes())
    zoneinfo.reset_tzpath([str(tmp_path)])
    try:
        assert zoneinfo.ZoneInfo.no_cache(name)
        assert zone_of(name) is None
    finally:
        zoneinfo.reset_tzpath()


def test_every_name_of_a_time_zone_is_one():
    assert {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "EST5EDT"} <= zone_names()
    assert all(zone_of(name) is not None for name in zone_names())

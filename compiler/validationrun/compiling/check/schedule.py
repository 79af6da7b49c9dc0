"""Checks of a schedule by itself: its expressions, its time zone, and what it starts."""

import difflib
import functools
from collections.abc import Callable, Iterator
from typing import Final

from validationrun.base.cron import Cron, CronError, parse_cron, zone_names, zone_of
from validationrun.compiling.check.readable import if_readable, readable
from validationrun.compiling.firing import ClockChange, clock_changes, ever_fires
from validationrun.spec.findings import Finding, Loc, Severity, format_path, quote
from validationrun.spec.v1alpha1 import ValidationSchedule
from validationrun.spec.v1alpha1.schedule import INNER_RUN_SUFFIX, INNER_SUITE_SUFFIX

SCHEDULES: Final[Loc] = ("spec", "schedules")
_LONGEST_NAME: Final = 40
_SHORT_DEADLINE_SECONDS: Final = 60
"""A controller that restarts or fails over is back within a minute."""


def check_schedule(schedule: ValidationSchedule) -> list[Finding]:
    """Every finding about one schedule, or about the readable parts of one with errors."""
    return [finding for check in CHECKS for finding in readable(check(schedule))]


def expressions(schedule: ValidationSchedule) -> Iterator[Finding]:
    """Expressions that the controller refuses, that never fire, or that say the same twice."""
    seen: dict[Cron, int] = {}
    for index, text in enumerate(schedule.spec.schedules):
        loc = (*SCHEDULES, index)
        try:
            cron = parse_cron(text)
        except CronError as error:
            yield Finding("VR801", loc, f"{format_path(loc)}: {error}", error.help, token=error.token)
            continue
        if not ever_fires(cron):
            message = f"{format_path(loc)} {quote(text)} never fires: no month of it has such a day"
            yield Finding("VR802", loc, message, "give a day that the month has")
        if cron in seen:
            message = f"{format_path(loc)} {quote(text)} says the same as {format_path((*SCHEDULES, seen[cron]))}"
            yield Finding("VR803", loc, message, "delete one of the two")
        seen.setdefault(cron, index)


def timezone(schedule: ValidationSchedule) -> Iterator[Finding]:
    name = schedule.spec.timezone
    if zone_of(name) is None:
        loc = ("spec", "timezone")
        message = f"{format_path(loc)} {quote(name)} is no IANA time zone"
        near = difflib.get_close_matches(name.lower(), _zones_by_lower_case(), n=1, cutoff=0.7)
        help_ = (
            f"did you mean {_zones_by_lower_case()[near[0]]}?" if near else "write a name such as Europe/Berlin or UTC"
        )
        yield Finding("VR804", loc, message, help_)


@functools.cache
def _zones_by_lower_case() -> dict[str, str]:
    """Also by their last part, which is what people call a place."""
    names = sorted(zone_names())
    return {name.rpartition("/")[2].lower(): name for name in names} | {name.lower(): name for name in names}


def changes_of_the_clocks(schedule: ValidationSchedule) -> Iterator[Finding]:
    """A time that the clocks leave out does not fire on that day, a time that they repeat fires twice."""
    zone = zone_of(schedule.spec.timezone)
    if zone is None:
        return
    for index, text in enumerate(schedule.spec.schedules):
        try:
            cron = parse_cron(text)
        except CronError:
            continue
        loc = (*SCHEDULES, index)
        told = set()
        for change in clock_changes(cron, zone):
            if change.repeated in told:
                continue
            told.add(change.repeated)
            yield _told(change, loc, zone.key)


def _told(change: ClockChange, loc: Loc, zone: str) -> Finding:
    what = "does not exist, and nothing starts"
    if change.repeated:
        what = "comes twice, and each time starts a run"
    elif change.whole_day:
        what = "does not exist, and nothing starts at any time of that day"
    when = f"{change.time} in {zone}, such as on {change.day}"
    message = f"{format_path(loc)}: {when}, {what}, because the clocks change"
    help_ = "choose an hour that no change of the clocks touches, or `timezone: UTC`"
    if change.whole_day:
        help_ = "fire on the day before too, choose another day, or `timezone: UTC`"
    return Finding("VR806" if change.repeated else "VR805", loc, message, help_, Severity.WARNING)


def one_template(schedule: ValidationSchedule) -> Iterator[Finding]:
    """Exactly one of runTemplate and suiteTemplate, and in it exactly one of ref and spec."""
    spec = schedule.spec
    templates = {"runTemplate": spec.run_template, "suiteTemplate": spec.suite_template}
    given = [name for name, template in templates.items() if template is not None]
    if len(given) != 1:
        message = "spec needs exactly one of runTemplate and suiteTemplate; it has " + (" and ".join(given) or "none")
        yield Finding("VR807", ("spec", given[1]) if given else ("spec",), message, "keep the one that is to start")
    for name, noun, template in (
        ("runTemplate", "run", spec.run_template),
        ("suiteTemplate", "suite", spec.suite_template),
    ):
        if template is not None and (template.ref is None) == (template.spec is None):
            loc = ("spec", name)
            has = "none" if template.ref is None else "both"
            message = f"{format_path(loc)} needs exactly one of ref and spec; it has {has}"
            yield Finding("VR807", loc, message, f"name a {noun} by ref, or write it here as spec")


def inner_name(schedule: ValidationSchedule) -> Iterator[Finding]:
    """A run or suite that is written inside the schedule has a name of its own, which has a bound, too."""
    run = if_readable(lambda: schedule.spec.run_template, None)
    suite = if_readable(lambda: schedule.spec.suite_template, None)
    if run is not None and run.spec is not None:
        yield from _inner_name(schedule.metadata.name, "run", INNER_RUN_SUFFIX)
    elif suite is not None and suite.spec is not None:
        yield from _inner_name(schedule.metadata.name, "suite", INNER_SUITE_SUFFIX)


def _inner_name(schedule: str, noun: str, suffix: str) -> Iterator[Finding]:
    name = f"{schedule}{suffix}"
    if len(name) > _LONGEST_NAME:
        longest = _LONGEST_NAME - len(suffix)
        message = (
            f"metadata.name is too long: the {noun} inside compiles as {name}, which is over {_LONGEST_NAME} characters"
        )
        yield Finding("VR808", ("metadata", "name"), message, f"shorten it to {longest} characters, or use ref")


def starting_deadline(schedule: ValidationSchedule) -> Iterator[Finding]:
    seconds = schedule.spec.starting_deadline_seconds
    if seconds < _SHORT_DEADLINE_SECONDS:
        loc = ("spec", "startingDeadlineSeconds")
        message = (
            f"{format_path(loc)} {seconds} is short: a restart of Argo's controller at a firing time loses the run"
        )
        help_ = f"give at least {_SHORT_DEADLINE_SECONDS}, the default"
        yield Finding("VR809", loc, message, help_, Severity.WARNING)


CHECKS: Final[tuple[Callable[[ValidationSchedule], Iterator[Finding]], ...]] = (
    expressions,
    timezone,
    changes_of_the_clocks,
    one_template,
    inner_name,
    starting_deadline,
)

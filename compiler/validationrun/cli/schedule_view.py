"""Schedules as `list` and `status` print them."""

import datetime as dt
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from validationrun.base.cron import zone_of
from validationrun.base.durations import format_duration
from validationrun.base.text import printable
from validationrun.base.times import parse_time
from validationrun.cli.console import usage_error, use_color
from validationrun.cli.errors import cluster_errors, explain
from validationrun.cli.run_options import open_cluster
from validationrun.cli.verbosity import note
from validationrun.oracle.outcome import Verdict

if TYPE_CHECKING:
    from validationrun.contract.schedule_status import ScheduleStatus
    from validationrun.kube.cluster import Cluster

_COLUMNS: Final = ("SCHEDULE", "STATE", "VERDICT", "LAST RUN", "ENDED", "NEXT")
_WIDE: Final = ("STARTS", "TIMES", "MESSAGE")
_COLORS: Final = {Verdict.PASSED: "32", Verdict.FAILED: "31"}


def print_schedules(
    context: str | None, namespace: str | None, name: str | None, output: str, *, everywhere: bool
) -> None:
    """
    The schedules alone.

    Args:
        name: of a schedule, or of the run or suite that it starts; None for all.
        output: `text`, `wide`, `json` or `yaml`.
    """
    from validationrun.runs.schedules import list_schedules
    from validationrun.runs.submit import no_namespace

    with cluster_errors():
        cluster = open_cluster(context, namespace)
        found = list_schedules(cluster, everywhere=everywhere)
        if not found and not everywhere and not cluster.has_namespace():
            raise usage_error(no_namespace(cluster))
    found = _named(found, name)
    if output == "json":
        print(json.dumps([schedule.to_data() for schedule in found], indent=2, ensure_ascii=False))
    elif output == "yaml":
        from validationrun.compiling.emit import yaml

        print(yaml.dump([schedule.to_data() for schedule in found]), end="")
    elif not found:
        where = "any namespace" if everywhere else f"namespace {cluster.namespace}"
        print(f"no schedules in {where}" + (" that match" if name else ""))
    else:
        _print_table(found, everywhere=everywhere, wide=output == "wide")


def print_schedules_below(cluster: "Cluster", name: str | None, *, everywhere: bool, wide: bool) -> None:
    """The schedules below the runs, if there are any. An account that may not list them still gets its runs."""
    from validationrun.kube.cluster import ClusterError
    from validationrun.runs.schedules import list_schedules

    try:
        found = _named(list_schedules(cluster, everywhere=everywhere), name)
    except ClusterError as error:
        note(f"schedules are not shown: {explain(error)}")
        return
    if found:
        print()
        _print_table(found, everywhere=everywhere, wide=wide)


def _named(found: "Sequence[ScheduleStatus]", name: str | None) -> "list[ScheduleStatus]":
    return [schedule for schedule in found if name in (None, schedule.name, schedule.starts.partition("/")[2])]


def _print_table(found: "Sequence[ScheduleStatus]", *, everywhere: bool, wide: bool) -> None:
    for line in schedule_table(found, everywhere=everywhere, wide=wide):
        print(line)


def schedule_table(found: "Sequence[ScheduleStatus]", *, everywhere: bool, wide: bool) -> Iterator[str]:
    """A line for each schedule. A verdict that is too old stands there as `stale`."""
    now = time.time()
    header = (*(("NAMESPACE",) if everywhere else ()), *_COLUMNS, *(_WIDE if wide else ()))
    rows = [
        (
            *((schedule.namespace,) if everywhere else ()),
            *(schedule.name, schedule.state, _verdict(schedule), *_last(schedule, now), _next(schedule)),
            *((schedule.starts, _times(schedule), schedule.message) if wide else ()),
        )
        for schedule in found
    ]
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    for schedule, row in zip((None, *found), cells, strict=True):
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join([*padded[:-1], row[-1]]).rstrip()
        yield line if schedule is None else _painted(line, schedule)


def _verdict(schedule: "ScheduleStatus") -> str:
    if schedule.verdict is None and schedule.last is not None:
        return "stale"
    return schedule.verdict or ""


def _last(schedule: "ScheduleStatus", now: float) -> tuple[str, str]:
    if schedule.last is None or schedule.last.finished is None:
        return "", ""
    return schedule.last.name, f"{format_duration(now - parse_time(schedule.last.finished), short=True)} ago"


def _next(schedule: "ScheduleStatus") -> str:
    """In the schedule's own time zone."""
    if schedule.next is None:
        return ""
    zone = zone_of(schedule.timezone) or dt.UTC
    return f"{dt.datetime.fromtimestamp(parse_time(schedule.next), zone):%a %Y-%m-%d %H:%M %Z}"


def _times(schedule: "ScheduleStatus") -> str:
    return f"{' and '.join(schedule.schedules)} ({schedule.timezone})"


def _painted(line: str, schedule: "ScheduleStatus") -> str:
    """The state of an active schedule has the colour of its verdict; every other one is yellow."""
    if not use_color(sys.stdout):
        return line
    color = _COLORS.get(Verdict(schedule.verdict), "33") if schedule.state == "Active" and schedule.verdict else "33"
    return line.replace(schedule.state, f"\033[{color}m{schedule.state}\033[0m", 1)


def schedule_lines(schedule: "ScheduleStatus") -> Iterator[str]:
    """A schedule for people: its state first."""
    now = time.time()
    yield _painted(printable(f"{schedule.name} in {schedule.namespace}: {schedule.state}"), schedule)
    for label, text in (
        ("message", schedule.message),
        ("starts", schedule.starts),
        ("times", _times(schedule)),
        ("next", _next(schedule)),
        ("running", ", ".join(schedule.running)),
        ("last", _last_words(schedule, now)),
        ("overdue", f"after {schedule.overdue_after} without a verdict" if schedule.overdue_after else ""),
    ):
        if text:
            yield f"  {label:<8} {printable(text)}"


def _last_words(schedule: "ScheduleStatus", now: float) -> str:
    last = schedule.last
    if last is None:
        return "no run of it that has ended is there"
    stale = " (stale)" if schedule.verdict is None else ""
    words = ": ".join(filter(None, (last.reason, last.message)))
    return "  ".join(filter(None, (last.name, f"{last.verdict}{stale}", _last(schedule, now)[1], words)))

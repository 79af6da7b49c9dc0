"""An outline of a schedule for people: when it fires, what it starts, and when its silence is seen."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from validationrun.base.cron import next_times, parse_cron, zone_of
from validationrun.base.durations import format_duration
from validationrun.compiling.explain import Outline
from validationrun.compiling.plan.schedule import LOST_BY_REPLACE, SchedulePlan
from validationrun.contract.override import overrides_text

_NEXT: Final = 5
_POLICIES: Final = {"Forbid": "the firing is left out", "Allow": "both go on", "Replace": "Argo terminates the first"}


def next_firings(plan: SchedulePlan, now: dt.datetime, count: int = _NEXT) -> Iterator[str]:
    """The next firing times in the schedule's own time zone, such as `Mon 2026-11-30 02:30 CET`."""
    zone = zone_of(plan.timezone) or dt.UTC
    for time in next_times([parse_cron(text) for text in plan.schedules], zone, now, count):
        yield f"{time.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def schedule_outline(plan: SchedulePlan, now: dt.datetime) -> Outline:
    """
    Args:
        now: the firings after this moment are shown.
    """
    started, root = plan.started, Outline(f"ValidationSchedule {plan.name} in namespace {plan.namespace}")
    committed = root.add("committed and applied once")
    committed.add(f"CronWorkflow {plan.name}" + (" (paused)" if plan.paused else ""))
    if not plan.paused:
        committed.add(f"PrometheusRule {plan.name} (alert ValidationScheduleOverdue)")
    times = root.add(f"fires at {' and '.join(plan.schedules)} ({plan.timezone})")
    if plan.paused:
        times.add("paused: nothing starts")
    for line in next_firings(plan, now):
        times.add(line)
    noun = "run" if started.kind == "ValidationRun" else "suite"
    starts = root.add(f"each time: {noun} {started.name}, as Workflow {plan.name}-<Unix time>")
    if plan.parameters:
        starts.add(f"parameters: {overrides_text(plan.overridden) or 'as compiled'}")
    starts.add(f"may start {format_duration(plan.starting_deadline_s)} late, after the controller missed the time")
    lost = LOST_BY_REPLACE[noun] if plan.concurrency_policy == "Replace" else ""
    policy = f"{_POLICIES[plan.concurrency_policy]}{lost} ({plan.concurrency_policy})"
    starts.add(f"while the one before still runs: {policy}")
    worst = root.add(f"worst case: {format_duration(started.worst_case_s)} from start to verdict")
    if plan.least_gap_s:
        worst.add(f"{format_duration(plan.least_gap_s)} at least between two firings")
    if not plan.paused:
        root.add(f"overdue after {format_duration(plan.overdue_s)} without a verdict")
    return root


def schedule_mermaid(plan: SchedulePlan) -> str:
    """The schedule as a Mermaid flowchart. It holds only expressions and names that passed a check."""
    times = "<br/>".join(plan.schedules)
    head = f'  schedule(["{plan.name}<br/>{times}<br/>{plan.timezone}"])'
    return f'flowchart LR\n{head} --> started["{plan.started.kind} {plan.started.name}"]\n'

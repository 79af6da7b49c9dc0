"""Schedules on a cluster: when each fires next, its last verdict, and whether it has given none for too long."""

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.base.cron import CronError, next_times, parse_cron, zone_of
from validationrun.base.durations import format_duration, parse_duration
from validationrun.base.times import FUTURE_SECONDS, format_time, time_if_known
from validationrun.contract.argo_phase import has_ended
from validationrun.contract.owned_record import RecordError
from validationrun.contract.record import Record
from validationrun.contract.schedule_status import LastRun, ScheduleStatus, State
from validationrun.contract.status_document import Status
from validationrun.contract.suite_record import SuiteRecord
from validationrun.kube.cluster import CRON_WORKFLOWS, WORKFLOWS, Cluster
from validationrun.kube.cron_workflow import CronWorkflow
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Verdict
from validationrun.runs.list_runs import Listed, listed
from validationrun.runs.lookup import identity_of, owned_runs, workflows_of
from validationrun.runs.submit import OURS
from validationrun.runs.suites import is_part, is_suite

_VERDICTS: Final = (Verdict.PASSED, Verdict.FAILED, Verdict.ERROR)
_MOST_RUNNING: Final = 5


@dataclass(frozen=True, slots=True)
class _Silence:
    """
    How long a schedule has been without a verdict.

    Attributes:
        since: the moment that it is counted from, Unix seconds.
        what: happened at that moment.
        limit_s: from when on the schedule is overdue; None when the CronWorkflow does not say it.
    """

    since: float
    what: str
    limit_s: int | None
    now: float

    @property
    def too_long(self) -> bool:
        return self.limit_s is not None and self.now - self.since > self.limit_s

    @property
    def of_the_future(self) -> bool:
        """It is counted from a moment that has not come: it would not be too long for any time to come."""
        return self.since > self.now + FUTURE_SECONDS

    @property
    def unknown(self) -> bool:
        return self.limit_s is None or self.of_the_future


def list_schedules(cluster: Cluster, *, everywhere: bool = False) -> list[ScheduleStatus]:
    """The schedules, by namespace and name. Raises ClusterError."""
    found = CronWorkflow.all(cluster.list(CRON_WORKFLOWS, labels=OURS, everywhere=everywhere))
    if not found:
        return []
    started = Workflow.all(cluster.list(WORKFLOWS, labels=conventions.LABEL_CRON_WORKFLOW, everywhere=everywhere))
    ordered = sorted(found, key=lambda schedule: (schedule.namespace, schedule.name))
    return [_status(cluster, schedule, owned_runs(schedule, started), time.time()) for schedule in ordered]


def schedule_status(cluster: Cluster, schedule: CronWorkflow) -> ScheduleStatus:
    return _status(cluster, schedule, workflows_of(cluster, schedule), time.time())


def _status(cluster: Cluster, schedule: CronWorkflow, workflows: Sequence[Workflow], now: float) -> ScheduleStatus:
    # A part of a suite is not what the schedule is to start: somebody started the part, or edited the CronWorkflow.
    workflows = [found for found in workflows if not is_part(found)]
    ended = _last_first(workflows)
    running = [found.name for found in workflows if not has_ended(found.object)]
    last = listed(cluster, ended[0]) if ended else None
    silence = _silence(cluster, schedule, workflows, now)
    stops = schedule.suspended or schedule.stopped
    declared = stops and schedule.annotations.get(conventions.ANNOTATION_PAUSED) == "true"
    state: State = "Paused" if stops else "Active"
    if silence.unknown and not declared:
        state = "Unknown"
    elif silence.too_long and not declared:
        state = "Overdue"
    fires, problem = (None, "") if stops else _next(schedule, now)
    return ScheduleStatus(
        name=schedule.name,
        namespace=schedule.namespace,
        starts=schedule.annotations.get(conventions.ANNOTATION_STARTS, "") or schedule.template,
        schedules=schedule.schedules,
        timezone=schedule.timezone,
        state=state,
        verdict=None if last is None or silence.too_long or silence.unknown else last.verdict,
        message="; ".join(filter(None, [*_words(schedule, silence, declared=declared), problem, *schedule.faults])),
        next=fires,
        overdue_after=format_duration(silence.limit_s) if silence.limit_s is not None else None,
        running=tuple(running[:_MOST_RUNNING]),
        last=_last_run(last),
    )


def _last_first(workflows: Sequence[Workflow]) -> list[Workflow]:
    """Those that have ended, the last end first: of two that went on at once the older one may be the last to end."""
    ended = [found for found in workflows if has_ended(found.object)]
    return sorted(ended, key=lambda found: _seconds(found.finished), reverse=True)


def _last_run(run: Listed | None) -> LastRun | None:
    if run is None:
        return None
    return LastRun(
        name=run.name,
        verdict=run.verdict,
        reason=run.reason,
        message=run.message,
        started=run.started,
        finished=run.finished,
    )


def _silence(cluster: Cluster, schedule: CronWorkflow, workflows: Sequence[Workflow], now: float) -> _Silence:
    """
    Counted from the last verdict, else from the creation of the schedule.

    A Workflow that is gone proves no verdict: Argo's limits of the history keep the newest one that has ended, until its time to
    live is over. A schedule that may be silent for longer than that counts from the start of its last run, once that start is
    older, or while that run goes on.
    """
    limit, moments = _limit(schedule), [(_seconds(schedule.created), "it was created")]
    ended = _last_first(workflows)
    judged = next((found for found in ended if _is_judged(cluster, found)), None)
    if judged is not None:
        moments.append((_seconds(judged.finished), f"the verdict of {judged.name}"))
    scheduled = _seconds(schedule.last_scheduled)
    forgets = limit is not None and limit > conventions.TTL_SECONDS
    if forgets and not ended and (workflows or 0 < scheduled < now - conventions.TTL_SECONDS):
        moments.append((scheduled, "it last started a run; verdicts before that are past their time to live"))
    since, what = max(moments)
    return _Silence(since, what, limit, now)


def _is_judged(cluster: Cluster, workflow: Workflow) -> bool:
    """Finalize gave a verdict: it labelled the Workflow, or wrote the record. A run that was terminated has none."""
    if workflow.labels.get(conventions.LABEL_VERDICT) in _VERDICTS:
        return True
    identity = identity_of(workflow)
    try:
        if is_suite(workflow):
            suite = SuiteRecord.read(cluster.within(identity.namespace), identity)
            return suite is not None and suite.result is not None
        record = Record.read(cluster.within(identity.namespace), identity)
        return record is not None and record.get(Status) is not None
    except RecordError:
        return False


def _limit(schedule: CronWorkflow) -> int | None:
    try:
        return int(parse_duration(schedule.annotations.get(conventions.ANNOTATION_OVERDUE, "")))
    except ValueError:
        return None


def _seconds(time_: str | None) -> float:
    """Unix seconds; 0 for none."""
    return time_if_known(time_) or 0.0


def _next(schedule: CronWorkflow, now: float) -> tuple[str | None, str]:
    """When it fires next, and why that cannot be told."""
    zone = zone_of(schedule.timezone)
    if zone is None:
        return None, f"{schedule.timezone!r} is no time zone"
    try:
        crons = [parse_cron(text) for text in schedule.schedules]
    except CronError as error:
        return None, f"spec.schedules {error}"
    times = list(next_times(crons, zone, dt.datetime.fromtimestamp(now, dt.UTC), 1))
    return (format_time(times[0].timestamp()), "") if times else (None, "it never fires")


def _words(schedule: CronWorkflow, silence: _Silence, *, declared: bool) -> Iterator[str]:
    if declared:
        yield "paused by its spec, without an alert"
    elif schedule.suspended:
        yield "suspended by hand: nothing starts until somebody resumes it"
    elif schedule.stopped:
        yield "stopped by its stopStrategy: nothing starts"
    if silence.limit_s is None:
        yield f"the annotation {conventions.ANNOTATION_OVERDUE} is missing or no duration, so nobody can tell if it is overdue"
    elif silence.of_the_future:
        ahead = format_duration(silence.since - silence.now, short=True)
        yield (
            f"nobody can tell if it is overdue, because its last sign of life ({silence.what}) is {ahead} in the future: "
            "compare the clocks of this machine and of the cluster"
        )
    elif silence.too_long:
        ago = format_duration(silence.now - silence.since, short=True)
        yield f"no verdict for {ago}, since {silence.what}"

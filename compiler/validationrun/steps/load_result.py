"""The end of a load, as load-job records it."""

import logging
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from validationrun.base.times import format_time, parse_time
from validationrun.base.truncate import cut
from validationrun.contract.evaluation_entries import StopIntent
from validationrun.contract.image_ids import agreed
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadSignal
from validationrun.contract.record import Record
from validationrun.contract.run_entry import LoadPlan, RunEntry
from validationrun.contract.shards import DELETED, POD_GONE, ShardState, load_end, told
from validationrun.kube.job import Job
from validationrun.oracle.outcome import RunReason
from validationrun.oracle.workload import (
    ASSERTION_FAILED,
    INFRASTRUCTURE,
    PASSED,
    EarlyEnd,
    WorkloadCode,
    aggregate,
    early_end,
)
from validationrun.steps.context import Context, end_against_run
from validationrun.steps.load_clock import APART_SECONDS
from validationrun.steps.load_start_failure import why_not_started

logger = logging.getLogger(__name__)

RUN_DURATION: Final = "runDuration"
SUITE_ENDED: Final = "the suite of this run is over"
"""Why the load is stopped, when rule-evaluator recorded that."""

_STOPPED: Final = "Stopped"
_KUBERNETES_SECONDS: Final = 1.0
"""Kubernetes cuts the times of a container to whole seconds."""


class LoadFailedError(Exception):
    """A fault of the load itself: a reason of row 5 of the verdict table, and a message."""

    def __init__(self, reason: RunReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Load(Struct):
    """
    The state of a load while load-job follows its Job.

    Attributes:
        start: when the last shard's container started, in Unix seconds; the window opens then. None until every shard has started.
        stopping: why the load is being stopped, or empty.
        signal: the recorded end of a load with `endBy: Signal`, once its duration is over.
        signal_sent: this step deleted the pods of `signal`.
        not_started: reason and message of a load that was stopped before every shard ran.
        clock_fault: why the times of the shards' nodes cannot be right, or empty.
        watched: the resource version from which the watch of the pods continues; empty to begin a new watch.
        listed: that of the last list of the pods.
        written_shards: exit code, start and reason by shard, as last recorded.
        said_waiting, said_watch: the last log message about shards that do not run yet, and about a failed watch.
    """

    context: Context
    written: Record
    run: RunEntry
    job: JobEntry
    shards: dict[int, ShardState] = field(default_factory=dict)
    start: float | None = None
    stopping: str = ""
    signal: LoadSignal | None = None
    signal_sent: bool = False
    not_started: tuple[RunReason, str] | None = None
    clock_fault: str = ""
    watched: str = ""
    listed: str = ""
    written_shards: dict[int, tuple[int | None, float | None, str]] = field(default_factory=dict)
    said_waiting: list[str] = field(default_factory=list)
    said_watch: str = ""

    @property
    def plan(self) -> LoadPlan:
        """The planned load. A run without load has no load-job."""
        if self.run.load is None:
            raise ValueError("the run has no load")
        return self.run.load

    @property
    def replicas(self) -> int:
        return self.plan.shards

    @property
    def signal_at(self) -> float | None:
        """When the shards get SIGTERM, Unix seconds; None before the start, and for a load that ends by itself."""
        if self.start is None or self.plan.end_by != "Signal":
            return None
        return self.start + self.run.duration_seconds


def by_rule(stop: StopIntent) -> str:
    """Why the load is stopped, when a rule failed."""
    return f"rule {stop.rule} failed"


def finish(load: Load, job: Job | None) -> None:
    """
    Records the end of a load whose Job is over.

    Args:
        job: as last read; None when it was deleted.
    """
    if load.start is None:
        record_failure(load.context, load.written, load.shards, _why_no_start(load, job), job_uid=load.job.uid)
        return
    complete = job is not None and job.all_indexes_complete(load.replicas)
    load.stopping = _what_ended_it(load, complete=complete)
    for_a_rule = bool(load.stopping) and load.stopping != RUN_DURATION
    shards = {index: _ended(state, load.stopping, for_a_rule=for_a_rule) for index, state in load.shards.items()}
    end = _end(shards, job, load.start)
    image = next((state.image for state in shards.values() if state.image), None)
    image_id, image_ids = agreed(state.image_id for state in shards.values())
    faults = f"Job {load.job.name} was deleted; " if job is None else ""
    faults += f"{load.clock_fault}; " if load.clock_fault else ""
    code = _code(load, shards, complete=complete, for_a_rule=for_a_rule)
    early = _early(load, shards) if code == PASSED else None
    message = cut(faults + (f"{early.message}; " if early is not None else "") + told(shards, load.stopping))
    ended = LoadEnd(
        at=format_time(load.context.now()),
        job_uid=load.job.uid,
        code=code,
        reason=RunReason.LOAD_ENDED_EARLY if early is not None else None,
        message=message,
        early=format_time(early.at) if early is not None else None,
        stopped=load.stopping,
        start=format_time(load.start),
        end=format_time(end) if end is not None else None,
        shards=[state.as_status() for _, state in sorted(shards.items())],
        image=image,
        image_id=image_id,
        image_ids=image_ids,
    )
    if _record(load.context, load.written, ended):
        logger.info("the load ended: %s", message)
        load.context.output("message", message)


def _why_no_start(load: Load, job: Job | None) -> LoadFailedError:
    if job is None and load.not_started is None:
        return LoadFailedError(
            RunReason.WORKLOAD_INFRA_FAILURE, f"Job {load.job.name} was deleted before every shard ran"
        )
    known = load.not_started or why_not_started(load.context, load.job.name, load.job.uid, load.shards)
    return LoadFailedError(*known)


def _what_ended_it(load: Load, *, complete: bool) -> str:
    """
    What ended the load; empty when it ended by itself.

    A Job that is complete was ended by no rule, also when a stop was asked for in its last moment: it has its cooldown.
    """
    stop = load.written.refresh().get(StopIntent)
    rule = by_rule(stop) if stop is not None else ""
    if load.stopping and not (complete and load.stopping == rule):
        return load.stopping
    if _lasted_too_long(load):
        # No attempt of this step was running to stop the load.
        return RUN_DURATION
    # The evaluator stops the Job itself, so the Job can be over before this step has read the stop intent.
    return "" if complete else rule


def _code(load: Load, shards: Mapping[int, ShardState], *, complete: bool, for_a_rule: bool) -> WorkloadCode | None:
    """Adds up the shards' codes; None for a load that was stopped before it had a code."""
    if load.stopping == RUN_DURATION or load.clock_fault:
        return INFRASTRUCTURE
    if for_a_rule and any(state.reason == _STOPPED for state in shards.values()):
        # A load that was stopped because of a rule proves nothing for or against the workload.
        return None
    seen, failed_codes = [state.as_shard() for state in shards.values()], load.plan.failed_codes
    if for_a_rule and load.signal is not None and not complete:
        # The stop made the Job fail while the shards were ending as planned, so only their codes say how they ended.
        ended = aggregate(seen, load.replicas, job_complete=True, failed_codes=failed_codes)
        return None if ended == PASSED else ended
    return aggregate(seen, load.replicas, job_complete=complete, failed_codes=failed_codes)


def _early(load: Load, shards: Mapping[int, ShardState]) -> EarlyEnd | None:
    """
    The shards that ended with 0 too soon, by the times of their own containers.

    A shard that got SIGTERM from this step lived until then, by this step's clock; its node's may be behind.
    """
    seen = [state.as_shard() for state in shards.values()]
    apart = {index: APART_SECONDS for index, state in shards.items() if state.signalled}
    return early_end(seen, load.plan.min_seconds, _KUBERNETES_SECONDS, load.signal_at, apart)


def _record(context: Context, written: Record, ended: LoadEnd) -> bool:
    """Records the load's end, once. False when another attempt has recorded it."""
    if written.add(context.step, ended):
        return True
    logger.info("another attempt of this step has recorded the load's end, or the run has its verdict")
    return False


def _lasted_too_long(load: Load) -> bool:
    finished = [state.finished for state in load.shards.values() if state.finished is not None]
    return load.start is not None and bool(finished) and max(finished) > load.start + load.run.run_seconds


def _end(shards: Mapping[int, ShardState], job: Job | None, start: float) -> float | None:
    """The last end of a container; not before the Job's end where a container's end is unknown."""
    seen = load_end(shards, start)
    if all(state.finished is not None for state in shards.values()):
        return seen
    known = [moment for moment in (seen, _job_end(job, start)) if moment is not None]
    return max(known) if known else None


def _ended(state: ShardState, stopping: str, *, for_a_rule: bool) -> ShardState:
    """The shard's final state. If the run was stopping the load, the run itself deleted the shard's pod."""
    if state.code is None and not state.reason:
        state = replace(state, reason=POD_GONE)
    if stopping and state.deleted and state.reason == DELETED:
        return replace(state, reason=_STOPPED, code=None if for_a_rule else state.code)
    return state


def _job_end(job: Job | None, start: float) -> float | None:
    """The Job's end by its own status."""
    ends = [parse_time(text) for text in job.ends] if job is not None else []
    return max(start, min(ends) - 1) if ends else None


def record_failure(
    context: Context,
    written: Record,
    shards: Mapping[int, ShardState],
    error: LoadFailedError,
    *,
    job_uid: str | None = None,
) -> None:
    """Records a fault of the load itself, with code 2 and no window."""
    message = cut(str(error))
    ended = LoadEnd(
        at=format_time(context.now()),
        job_uid=job_uid,
        code=INFRASTRUCTURE,
        reason=error.reason,
        message=message,
        shards=[state.as_status() for _, state in sorted(shards.items())],
    )
    if _record(context, written, ended):
        logger.info("%s: %s", error.reason, message)
        context.output("message", f"{error.reason}: {message}")


def exit_code(written: Record) -> int:
    """By the load's recorded result, whichever attempt wrote it. A load that a rule stopped says nothing against the run."""
    load = written.get(LoadEnd)
    if load is None or load.code is None or (load.code == PASSED and load.early is None):
        return 0
    failed = load.code == ASSERTION_FAILED
    reason = load.reason or (RunReason.WORKLOAD_FAILED if failed else RunReason.WORKLOAD_INFRA_FAILURE)
    return end_against_run(f"{reason}: {load.message}")


def record_none(context: Context, written: Record, stopped: str) -> None:
    """Records that the run was stopped before its load began, so that no step waits for a load."""
    message = "the load never began"
    ended = LoadEnd(format_time(context.now()), job_uid=None, code=None, reason=None, message=message, stopped=stopped)
    if _record(context, written, ended):
        logger.info("no load begins: %s", stopped)

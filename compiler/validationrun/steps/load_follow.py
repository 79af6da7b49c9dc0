"""Follows a Job from its first pod to its last container's end, and stops it when it must."""

import logging
from collections.abc import Mapping
from typing import Final

from validationrun.base.conventions import DEFAULT_GRACE_SECONDS
from validationrun.base.times import format_time, parse_time
from validationrun.base.truncate import cut
from validationrun.contract.evaluation_entries import StopIntent, SuiteEnded
from validationrun.contract.load_entries import LoadStart, ShardsEntry
from validationrun.contract.shards import ShardState, load_start, observe, observe_change
from validationrun.kube.cluster import JOBS, PODS, ForbiddenError, Object, WatchLostError
from validationrun.kube.job import Job
from validationrun.oracle.outcome import RunReason
from validationrun.steps.load_clock import clock_fault
from validationrun.steps.load_result import RUN_DURATION, SUITE_ENDED, Load, by_rule, finish
from validationrun.steps.load_signal import pods_of, read_signal, signal_when_due
from validationrun.steps.load_start_failure import why_not_started

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1
_GRACE_SLACK_SECONDS: Final = 30
_WAITING_BYTES: Final = 500
STOP_PATCH: Final[Object] = {"spec": {"activeDeadlineSeconds": 1}}
"""
The only way to stop a load that fails closed: the Job ends Failed with DeadlineExceeded.
A shrunk Job ends Complete without a success, a suspended Job never ends, and a deleted Job loses the exit codes.
"""


def follow(load: Load) -> None:
    """
    Polls every second until the Job is over and its containers have ended, then records the end.

    A watch sees the changes between two polls. A pod on a lost node is waited for only during its grace period.
    """
    context, stopped, until = load.context, False, None
    while True:
        found = context.cluster.get(JOBS, load.job.name)
        job = Job(found) if found is not None and Job(found).uid == load.job.uid else None
        _look(load)
        if job is None or job.condition:
            # The API server reports a pod on a lost node as running for ever.
            until = until or context.now() + _grace(job)
            if context.now() >= until or not any(state.running for state in load.shards.values()):
                break
        load.stopping = load.stopping or _why_stop(load)
        if load.stopping and not stopped:
            if load.start is None and load.not_started is None:
                # Ask before the stop, because the stop deletes the pods that show why.
                load.not_started = why_not_started(context, load.job.name, load.job.uid, load.shards)
            logger.info("stopping the load: %s", load.stopping)
            context.cluster.patch(JOBS, load.job.name, STOP_PATCH)
            stopped = True
        if not load.stopping:
            signal_when_due(load)
        _watch(load)
    if any(state.started is not None and state.code is None for state in load.shards.values()):
        # A container may have ended between the last watch and the last poll.
        _watch(load)
        _write_shards(load)
    finish(load, job)


def _grace(job: Job | None) -> float:
    """How long the Job's pods may take to terminate."""
    return ((job.grace_seconds if job is not None else 0) or DEFAULT_GRACE_SECONDS) + _GRACE_SLACK_SECONDS


def _watch(load: Load) -> None:
    """
    Watches the pods for a second.

    A deleted pod is gone moments after its container's end, so polling alone would lose its exit code.
    The watch continues where the last watch ended, whatever was listed since, so that no change is missed. One without a change
    proves that there was none until the list before it. So the next one goes on from there, because the API server forgets old
    versions, and a watch from a forgotten one sees nothing.
    """
    cluster = load.context.cluster
    try:
        changed, seen = cluster.watch(PODS, load.watched, labels=pods_of(load), seconds=_LOOK_SECONDS)
    except (ForbiddenError, WatchLostError) as error:
        if str(error) != load.said_watch:
            logger.warning("the pods cannot be watched just now, and are looked at: %s", error)
            load.said_watch = str(error)
        load.watched = ""
        load.context.sleep(_LOOK_SECONDS)
        return
    load.watched = load.listed if seen == load.watched and load.listed else seen
    read_signal(load)
    for pod in changed:
        load.shards = observe_change(load.shards, pod)
    _compare_clocks(load)


def _look(load: Load) -> None:
    pods, version = load.context.cluster.list_to_watch(PODS, labels=pods_of(load))
    load.listed = version
    load.watched = load.watched or version
    read_signal(load)
    load.shards = observe(load.shards, pods, load.replicas)
    _compare_clocks(load)
    _write_shards(load)
    if load.start is not None or load.not_started is not None:
        # The window is open, or the load is being stopped because it did not start: a late shard opens no window.
        return
    if load.clock_fault:
        load.not_started = (RunReason.WORKLOAD_INFRA_FAILURE, load.clock_fault)
    elif (start := load_start(load.shards)) is not None:
        load.start = start
        load.written.write(load.context.step, LoadStart(format_time(start)))
        logger.info("every shard runs; the window opened at %s", format_time(start))
    elif load.said_waiting != (waiting := _waiting(load.shards)):
        load.said_waiting = waiting
        logger.info("waiting for %s", cut("; ".join(waiting) or "the shards' pods", _WAITING_BYTES))


def _compare_clocks(load: Load) -> None:
    load.clock_fault = load.clock_fault or clock_fault(load.shards, parse_time(load.job.created_at), load.context.now())


def _seen(shards: Mapping[int, ShardState]) -> dict[int, tuple[int | None, float | None, str]]:
    """The fields whose changes are recorded at once."""
    return {index: (state.code, state.started, state.reason) for index, state in shards.items()}


def _waiting(shards: Mapping[int, ShardState]) -> list[str]:
    return [f"shard {index}: {state.waiting}" for index, state in sorted(shards.items()) if state.waiting]


def _write_shards(load: Load) -> None:
    """Records each exit code and start as soon as it is known, so that neither is lost with this step."""
    seen = _seen(load.shards)
    if seen == load.written_shards:
        return
    load.written_shards = seen
    shards = [state.as_status() for _, state in sorted(load.shards.items())]
    load.written.write(load.context.step, ShardsEntry(shards))
    codes = ",".join("" if shard.exit_code is None else str(shard.exit_code) for shard in shards)
    load.context.output("exit-codes", codes)


def _why_stop(load: Load) -> str:
    """The reason to end the load now, or empty."""
    if load.not_started is not None:
        return load.not_started[1]
    now = load.context.now()
    stop = load.written.refresh().get(StopIntent)
    if stop is not None:
        return by_rule(stop)
    if load.written.get(SuiteEnded) is not None:
        return SUITE_ENDED
    if load.start is None:
        hopeless = any(state.hopeless for state in load.shards.values())
        return (
            RunReason.LOAD_NOT_STARTED
            if hopeless or now >= parse_time(load.job.created_at) + load.run.load_start_seconds
            else ""
        )
    if now >= load.start + load.run.run_seconds:
        return RUN_DURATION
    return ""

"""`load-job`: one Indexed Job, from the evaluator's readiness to the last shard's exit code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from validationrun import conventions, record
from validationrun.cluster import (
    CONFIG_MAPS,
    EVENTS,
    JOBS,
    PODS,
    AlreadyExistsError,
    ClusterError,
    Object,
    UnreachableError,
    owned_by,
)
from validationrun.oracle.workload import aggregate
from validationrun.record import Record, format_time, parse_time
from validationrun.runner import values
from validationrun.runner.bundle import Bundle
from validationrun.runner.context import Context
from validationrun.runner.shards import (
    LABEL_JOB_UID,
    ShardState,
    all_indexes_complete,
    job_condition,
    load_end,
    load_start,
    observe,
)

_POLL_SECONDS: Final = 1.0
STOP_PATCH: Final[Object] = {"spec": {"activeDeadlineSeconds": 1}}
"""
The one way to stop a load that fails closed: the Job ends Failed with DeadlineExceeded.
Shrinking it would make it Complete with no success, suspending it never ends, deleting it loses the exit codes.
"""


class LoadFailedError(Exception):
    """The load has a fault of its own: a reason of row 5, and a sentence for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass
class _Load:
    """What the step knows while it watches."""

    context: Context
    bundle: Bundle
    written: Record
    run: Object
    job_uid: str
    job_name: str
    created: float
    shards: dict[int, ShardState] = field(default_factory=dict)
    start: float | None = None
    stopping: str = ""

    @property
    def replicas(self) -> int:
        return int(self.run["load"]["shards"])


def load_job(context: Context) -> None:
    """Creates the Job, follows it to its end, and records what its shards' exit codes add up to."""
    written = Record.read(context.cluster, context.identity)
    if written is None or not written.chain_is_ready:
        context.say("there is no chain to load")
        return
    if written.get(record.LOAD) is not None:
        context.say("the record has this step's result already")
        return
    bundle = Bundle.mounted(context.bundle_dir, context.bundle_hash)
    run = written.need(record.RUN)
    try:
        _wait_for_evaluator(context, written, run)
        if written.get(record.STOP) is not None and written.get(record.JOB) is None:
            context.say("the run was stopped before its load began")
            return
        load = _begin(context, bundle, written, run)
    except LoadFailedError as error:
        _record(context, written, {}, error)
        return
    _follow(load)


def _wait_for_evaluator(context: Context, written: Record, run: Object) -> None:
    """The window opens with the load, so whoever judges it has to be there before."""
    until = context.now() + run["seconds"]["loadStart"]
    while written.refresh().get(record.EVALUATOR) is None:
        if context.now() >= until:
            raise LoadFailedError("LoadNotStarted", "the evaluator was not ready within timeouts.loadStart")
        context.sleep(_POLL_SECONDS)


def _begin(context: Context, bundle: Bundle, written: Record, run: Object) -> _Load:
    """The Job of this run: the recorded one, or a new one. Once a UID is recorded no second Job is ever made."""
    known = written.get(record.JOB)
    if known is None:
        known = _create(context, bundle, written, run)
        written.write(record.LOAD_JOB, record.JOB, known)
    load = _Load(context, bundle, written, run, known["uid"], known["name"], parse_time(known["createdAt"]))
    began = written.get(record.LOAD_START)
    load.start = parse_time(began["start"]) if began else None
    load.shards = _recorded_shards(written)
    return load


def _recorded_shards(written: Record) -> dict[int, ShardState]:
    """What an earlier attempt of this step saw: an exit code seen once is never lost."""
    shards = {}
    for one in (written.get(record.SHARDS) or {}).get("shards", []):
        shards[one["index"]] = ShardState(
            one["index"],
            pod=one["pod"] or "",
            started=parse_time(one["startedAt"]) if one["startedAt"] else None,
            finished=parse_time(one["finishedAt"]) if one["finishedAt"] else None,
            code=one["exitCode"],
            reason=one["reason"] or "",
        )
    return shards


def _create(context: Context, bundle: Bundle, written: Record, run: Object) -> Object:
    chain_id = written.need(record.CHAIN)["chainId"]
    run_values = values.run_values(bundle.plan, context.identity, chain_id, run["parameters"])
    _create_config(context, bundle, chain_id, run_values)
    images = values.image_replacements(bundle.plan, run["parameters"])
    body = bundle.manifest(bundle.plan["load"]["file"], run_values, images)
    # The compiled deadline is that of the compiled duration, a backstop for when nobody is left to stop the load.
    name, uid = body["metadata"]["name"], context.identity.uid
    try:
        job = context.cluster.create(JOBS, body)
    except AlreadyExistsError:
        found = context.cluster.get(JOBS, name)
        if found is None or not owned_by(found, uid):
            raise LoadFailedError("WorkloadInfraFailure", f"Job {name} exists and is not this run's") from None
        job = found
    except UnreachableError:
        raise
    except ClusterError as error:
        raise LoadFailedError("WorkloadInfraFailure", f"Job {name} was refused: {error}") from None
    metadata = job["metadata"]
    context.say(f"created Job {name}")
    return {"name": name, "uid": metadata["uid"], "createdAt": metadata["creationTimestamp"]}


def _create_config(context: Context, bundle: Bundle, chain_id: str, run_values: Mapping[str, str]) -> None:
    """The workload's files. Creating, not applying: a ConfigMap of that name that is not this run's is left alone."""
    files = bundle.config_files(run_values)
    if not files:
        return
    identity = context.identity
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": identity.config_name,
            "namespace": identity.namespace,
            "labels": identity.labels(conventions.COMPONENT_LOAD, chain_id),
            "ownerReferences": [identity.owner()],
        },
        "data": files,
    }
    try:
        context.cluster.create(CONFIG_MAPS, body)
    except AlreadyExistsError:
        found = context.cluster.get(CONFIG_MAPS, identity.config_name) or {}
        if not owned_by(found, identity.uid) or found.get("data") != files:
            message = f"ConfigMap {identity.config_name} exists and is not this run's"
            raise LoadFailedError("ConfigApplyFailed", message) from None
    except UnreachableError:
        raise
    except ClusterError as error:
        raise LoadFailedError("ConfigApplyFailed", str(error)) from None


def _follow(load: _Load) -> None:
    """Looks every second until the Job is over and its containers have ended."""
    context, stopped = load.context, False
    while True:
        job = context.cluster.get(JOBS, load.job_name)
        if job is not None and job["metadata"]["uid"] != load.job_uid:
            job = None
        pods = context.cluster.list(PODS, labels=f"{LABEL_JOB_UID}={load.job_uid}")
        _look(load, pods)
        over = job is None or bool(job_condition(job))
        if over and not any(state.running for state in load.shards.values()):
            break
        load.stopping = load.stopping or _why_stop(load)
        if load.stopping and not stopped:
            context.say(f"stopping the load: {load.stopping}")
            context.cluster.patch(JOBS, load.job_name, STOP_PATCH)
            stopped = True
        context.sleep(_POLL_SECONDS)
    _finish(load, job)


def _look(load: _Load, pods: list[Object]) -> None:
    before = {index: (state.code, state.started) for index, state in load.shards.items()}
    load.shards = observe(load.shards, pods, load.replicas)
    if before != {index: (state.code, state.started) for index, state in load.shards.items()}:
        _write_shards(load)
    if load.start is None and (start := load_start(load.shards)) is not None:
        load.start = start
        load.written.write(record.LOAD_JOB, record.LOAD_START, {"start": format_time(start)})
        load.context.say(f"every shard runs; the window opened at {format_time(start)}")


def _write_shards(load: _Load) -> None:
    shards = [state.as_json() for _, state in sorted(load.shards.items())]
    load.written.write(record.LOAD_JOB, record.SHARDS, {"shards": shards})
    codes = ",".join("" if one["exitCode"] is None else str(one["exitCode"]) for one in shards)
    load.context.output("exit-codes", codes)


def _why_stop(load: _Load) -> str:
    """The reason to end the load now, or empty."""
    now = load.context.now()
    stop = load.written.refresh().get(record.STOP)
    if stop is not None:
        return f"rule {stop['rule']} failed"
    if load.start is None:
        if now >= load.created + load.run["seconds"]["loadStart"]:
            return "LoadNotStarted"
        return ""
    if now >= load.start + load.run["runSeconds"]:
        return "runDuration"
    return ""


def _finish(load: _Load, job: Object | None) -> None:
    shards = [state.as_shard() for _, state in sorted(load.shards.items())]
    if load.start is None:
        reason, message = _why_not_started(load)
        _record(load.context, load.written, load.shards, LoadFailedError(reason, message), job_uid=load.job_uid)
        return
    code = aggregate(shards, load.replicas, job_complete=all_indexes_complete(job, load.replicas))
    if load.stopping == "runDuration":
        code = 2
    end = load_end(load.shards, load.start) or _job_end(job, load.start)
    image = next((state for state in load.shards.values() if state.image_id), None)
    load.written.write(
        record.LOAD_JOB,
        record.LOAD,
        {
            "jobUid": load.job_uid,
            "code": code,
            "reason": "",
            "message": _describe(load),
            "stopped": load.stopping,
            "start": format_time(load.start),
            "end": format_time(end) if end is not None else None,
            "shards": [state.as_json() for _, state in sorted(load.shards.items())],
            "image": image.image if image else None,
            "imageID": image.image_id if image else None,
            "at": format_time(load.context.now()),
        },
    )
    load.context.say(f"the load ended: {_describe(load)}")


def _job_end(job: Object | None, start: float) -> float | None:
    """From the Job's own times, when no container's end was seen."""
    status = (job or {}).get("status") or {}
    times = [status.get("completionTime")]
    times += [one.get("lastTransitionTime") for one in status.get("conditions") or [] if one.get("type") == "Failed"]
    known = [parse_time(text) for text in times if text]
    return max(start, min(known) - 1) if known else None


def _describe(load: _Load) -> str:
    parts = []
    for index, state in sorted(load.shards.items()):
        code = "no exit code" if state.code is None else f"exit {state.code}"
        word = f" ({state.reason})" if state.reason not in ("", "Completed", "Error") else ""
        parts.append(f"shard {index} {code}{word}")
    text = ", ".join(parts)
    return f"{text}; stopped: {load.stopping}" if load.stopping else text


def _why_not_started(load: _Load) -> tuple[str, str]:
    """Kubernetes says in events what never reaches a pod's status: a missing account, a quota, a refusal."""
    events = load.context.cluster.list(EVENTS, fields=f"involvedObject.name={load.job_name}")
    refusals = [str(one.get("message") or "") for one in events if one.get("reason") == "FailedCreate"]
    waiting = [f"shard {index}: {state.waiting}" for index, state in sorted(load.shards.items()) if state.waiting]
    if refusals:
        missing_account = "serviceaccount" in refusals[-1].lower() and "not found" in refusals[-1].lower()
        return ("ServiceAccountMissing" if missing_account else "LoadNotStarted"), refusals[-1]
    return "LoadNotStarted", "; ".join(waiting[:3]) or "no shard started"


def _record(
    context: Context,
    written: Record,
    shards: Mapping[int, ShardState],
    error: LoadFailedError,
    *,
    job_uid: str | None = None,
) -> None:
    context.say(f"{error.reason}: {error}")
    written.write(
        record.LOAD_JOB,
        record.LOAD,
        {
            "jobUid": job_uid,
            "code": 2,
            "reason": error.reason,
            "message": str(error),
            "stopped": "",
            "start": None,
            "end": None,
            "shards": [state.as_json() for _, state in sorted(shards.items())],
            "at": format_time(context.now()),
        },
    )

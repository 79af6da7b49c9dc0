"""`load-job`: one Indexed Job, from the evaluator's readiness to the last shard's exit code."""

import logging
from collections.abc import Mapping
from typing import Final

from validationrun.base import conventions
from validationrun.base.times import parse_time
from validationrun.contract import parameters
from validationrun.contract.bundle import Bundle
from validationrun.contract.chain_entries import ChainEntry
from validationrun.contract.evaluation_entries import EvaluatorReady, StopIntent, SuiteEnded
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadStart, ShardsEntry
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.shards import ShardState
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    JOBS,
    AlreadyExistsError,
    ClusterError,
    UnreachableError,
    owned_by,
)
from validationrun.oracle.outcome import RunReason
from validationrun.steps.context import Context
from validationrun.steps.load_follow import follow
from validationrun.steps.load_result import (
    SUITE_ENDED,
    Load,
    LoadFailedError,
    by_rule,
    exit_code,
    record_failure,
    record_none,
)

logger = logging.getLogger(__name__)

_EVALUATOR_POLL_SECONDS: Final = 0.1
"""Short, because both steps start together and the chain is idle meanwhile: each wait makes the run longer."""


def load_job(context: Context) -> int:
    """
    Creates the Job, follows it to its end, and records what its shards' exit codes add up to.

    Returns:
        The step's exit code.
    """
    record = Record.read(context.cluster, context.identity)
    if record is None or not record.chain_is_ready:
        logger.info("there is no chain to load")
        return 0
    if record.sealed or record.get(LoadEnd) is not None:
        logger.info("the record has this step's result already, or the run has its verdict")
        return exit_code(record)
    _drive(context, record)
    return exit_code(record)


def _drive(context: Context, written: Record) -> None:
    bundle = Bundle.mounted(context.bundle_dir, context.bundle_hash)
    run = written.need(RunEntry)
    try:
        _wait_for_evaluator(context, written, run)
        stop = written.get(StopIntent)
        if stop is not None and written.get(JobEntry) is None:
            record_none(context, written, by_rule(stop))
            return
        if written.get(SuiteEnded) is not None and written.get(JobEntry) is None:
            record_none(context, written, SUITE_ENDED)
            return
        if written.sealed:
            logger.info("the run has its verdict: no load is started any more")
            return
        load = _begin(context, bundle, written, run)
    except LoadFailedError as error:
        record_failure(context, written, {}, error)
        return
    follow(load)


def _wait_for_evaluator(context: Context, written: Record, run: RunEntry) -> None:
    """The window opens with the load, so the evaluator must be ready before."""
    until = context.now() + run.load_start_seconds
    while written.refresh().get(EvaluatorReady) is None:
        if context.now() >= until:
            raise LoadFailedError(RunReason.LOAD_NOT_STARTED, "the evaluator was not ready within timeouts.loadStart")
        context.sleep(_EVALUATOR_POLL_SECONDS)


def _begin(context: Context, bundle: Bundle, written: Record, run: RunEntry) -> Load:
    """Returns the load with the recorded Job, or a new Job. Once a UID is recorded, no second Job is ever created."""
    job = written.get(JobEntry)
    if job is None:
        job = _create(context, bundle, written, run)
        written.write(context.step, job)
    load = Load(context, written, run, job)
    began = written.get(LoadStart)
    load.start = parse_time(began.start) if began is not None else None
    if (recorded := written.get(ShardsEntry)) is not None:
        load.shards = {shard.index: ShardState.recorded(shard) for shard in recorded.shards}
    return load


def _create(context: Context, bundle: Bundle, written: Record, run: RunEntry) -> JobEntry:
    chain_id = written.need(ChainEntry).chain_id
    run_values = parameters.run_values(bundle.plan, context.identity, chain_id, run.parameters)
    _create_config(context, bundle, chain_id, run_values)
    images = parameters.image_replacements(bundle.plan, run.parameters)
    body = bundle.job(run_values, images)
    # The Job's own deadline, from the compiled duration, ends the load if no step is left to stop it.
    name, uid = body["metadata"]["name"], context.identity.uid
    try:
        job = context.cluster.create(JOBS, body)
    except AlreadyExistsError:
        existing = context.cluster.get(JOBS, name)
        if existing is None or not owned_by(existing, uid):
            raise LoadFailedError(
                RunReason.WORKLOAD_INFRA_FAILURE, f"Job {name} exists and is not this run's"
            ) from None
        if "deletionTimestamp" in existing["metadata"]:
            raise LoadFailedError(RunReason.WORKLOAD_INFRA_FAILURE, f"Job {name} is being deleted") from None
        job = existing
    except UnreachableError:
        raise
    except ClusterError as error:
        raise LoadFailedError(RunReason.WORKLOAD_INFRA_FAILURE, f"Job {name} was refused: {error}") from None
    metadata = job["metadata"]
    logger.info("created Job %s", name)
    return JobEntry(name, metadata["uid"], metadata["creationTimestamp"])


def _create_config(context: Context, bundle: Bundle, chain_id: str, run_values: Mapping[str, str]) -> None:
    """Creates the workload's files. Creates, never applies, so that a ConfigMap of that name of another run stays unchanged."""
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
        existing = context.cluster.get(CONFIG_MAPS, identity.config_name) or {}
        if not owned_by(existing, identity.uid) or existing.get("data") != files:
            message = f"ConfigMap {identity.config_name} exists and is not this run's"
            raise LoadFailedError(RunReason.CONFIG_APPLY_FAILED, message) from None
    except UnreachableError:
        raise
    except ClusterError as error:
        raise LoadFailedError(RunReason.CONFIG_APPLY_FAILED, str(error)) from None

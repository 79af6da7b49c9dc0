"""`ensure-chain`: the run record, the run's copy of the bundle, and the chain's objects in their order."""

import logging
from collections.abc import Mapping

from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.hashing import bundle_hash
from validationrun.base.times import format_time, parse_time
from validationrun.base.truncate import cut
from validationrun.contract import parameters as values
from validationrun.contract.bundle import Bundle, BundleError
from validationrun.contract.chain_entries import ChainEntry, Endpoints, PreflightEntry
from validationrun.contract.owned_record import RecordError
from validationrun.contract.planned_run import planned_run
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import CONFIG_MAPS, AlreadyExistsError, owned_by
from validationrun.oracle.outcome import RunReason
from validationrun.steps import preflight
from validationrun.steps.bring_up import BringUp, bring_up
from validationrun.steps.chain_objects import ChainFailedError, conclude, deployment_statuses, exit_code
from validationrun.steps.context import Context
from validationrun.steps.suite_look import SuiteLook

logger = logging.getLogger(__name__)


def ensure_chain(context: Context, given: Mapping[str, str]) -> int:
    """
    Brings the chain up, or records why not.

    Args:
        given: the template's parameters, empty where the user gave none.

    Returns:
        The step's exit code.
    """
    earlier = Record.read(context.cluster, context.identity)
    chain = earlier.get(ChainEntry) if earlier is not None else None
    if chain is not None or (earlier is not None and earlier.sealed):
        logger.info("the record has this step's result already, or the run has its verdict")
        context.output("chain-id", chain.chain_id if chain is not None else "")
        return exit_code(chain)
    try:
        bundle = Bundle.mounted(context.bundle_dir, context.bundle_hash)
    except BundleError as error:
        return _give_up(context, RunReason.BUNDLE_MISSING, str(error))
    try:
        parameters = values.effective_parameters(bundle.plan, given)
    except values.ParameterError as error:
        return _give_up(context, RunReason.CHAIN_SPEC_INVALID, str(error))
    return _ensure(context, bundle, parameters)


def _ensure(context: Context, bundle: Bundle, parameters: Mapping[str, str]) -> int:
    """
    The run's record, its copy of the bundle, the preflight and the chain, in this order. Returns the step's exit code.

    Raises:
        RecordError: an earlier attempt recorded another run than this one. Only its start time may differ.
    """
    planned = planned_run(bundle, context.identity, context.bundle_hash, parameters, context.now())
    record = Record.create(context.cluster, context.identity, planned)
    run, chain_id = record.need(RunEntry), planned.chain_id
    if replace(run, started_at=planned.started_at) != planned:
        raise RecordError(
            f"ConfigMap {context.identity.record_name}: key run is not what this bundle and these parameters plan"
        )
    context.output("chain-id", chain_id)
    reason, message = None, None
    try:
        _copy_bundle(context, bundle, chain_id)
        _pass_preflight(context, bundle, record)
        if bundle.plan.chain.bring_up:
            bring_up(
                BringUp(
                    context,
                    record,
                    bundle,
                    chain_id,
                    values.run_values(bundle.plan, context.identity, chain_id, run.parameters),
                    values.image_replacements(bundle.plan, run.parameters),
                    parse_time(run.started_at) + bundle.plan.seconds.chain_ready,
                    SuiteLook(context, record),
                )
            )
    except ChainFailedError as error:
        reason, message = error.reason, str(error)
        logger.info("%s: %s", error.reason, error)
    endpoints = Endpoints(**values.endpoints(bundle.plan, chain_id))
    failed = reason in (RunReason.CHAIN_FAILED, RunReason.CHAIN_NOT_READY)
    deployments = deployment_statuses(context, bundle.plan.chain, chain_id) if failed else []
    entry = ChainEntry(format_time(context.now()), chain_id, endpoints, reason, message, deployments)
    return conclude(context, record, entry, "the chain makes blocks" if run.bring_up else "the chain exists")


def _pass_preflight(context: Context, bundle: Bundle, written: Record) -> None:
    """
    Runs once: a later fault is reported by the step that meets it.

    Raises:
        ChainFailedError: the run cannot succeed; none of its chain exists yet.
    """
    known = written.get(PreflightEntry)
    if known is None:
        findings = preflight.preflight(context, bundle, written.need(RunEntry).parameters)
        known = PreflightEntry(format_time(context.now()), findings)
        if not written.add(context.step, known):
            known = written.need(PreflightEntry)
    if known.findings:
        raise ChainFailedError(RunReason.PREFLIGHT_FAILED, preflight.told(known.findings))
    logger.info("preflight passed")


def _give_up(context: Context, reason: RunReason, message: str) -> int:
    """Records a failure from before the plan is known: a missing bundle, or an invalid parameter."""
    logger.info("%s: %s", reason, message)
    now = format_time(context.now())
    run = RunEntry(started_at=now, bundle_hash=context.bundle_hash)
    entry = ChainEntry(now, chain_id="", reason=reason, message=cut(message))
    # In one request: a next attempt that knows the plan must not take this run, of which nothing is planned, for its own.
    record = Record.create(context.cluster, context.identity, run, entry)
    return conclude(context, record, entry, "")


def _copy_bundle(context: Context, bundle: Bundle, chain_id: str) -> None:
    """Creates the run's own copy, because a merge or a prune may change the original during a long run."""
    identity = context.identity
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": identity.bundle_name,
            "namespace": identity.namespace,
            "labels": identity.labels(conventions.COMPONENT_RULES, chain_id),
            "ownerReferences": [identity.owner()],
        },
        "immutable": True,
        "data": bundle.data,
    }
    try:
        context.cluster.create(CONFIG_MAPS, body)
    except AlreadyExistsError:
        existing = context.cluster.get(CONFIG_MAPS, identity.bundle_name) or {}
        if not owned_by(existing, identity.uid) or bundle_hash(existing.get("data") or {}) != context.bundle_hash:
            raise ChainFailedError(
                RunReason.BUNDLE_MISSING, f"ConfigMap {identity.bundle_name} is not this run's"
            ) from None

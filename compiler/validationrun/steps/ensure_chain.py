"""`ensure-chain`: the run record, the run's copy of the bundle, and the chain's objects in their order."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.base.hashing import bundle_hash
from validationrun.base.times import format_time, parse_time
from validationrun.base.truncate import cut
from validationrun.contract import parameters as values
from validationrun.contract.bundle import Bundle, BundleError
from validationrun.contract.chain_entries import ChainEntry, Endpoints, PreflightEntry
from validationrun.contract.plan_json import PlannedDeployment
from validationrun.contract.planned_run import planned_run
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import (
    CHAIN_OBJECTS,
    CONFIG_MAPS,
    AlreadyExistsError,
    ClusterError,
    InvalidError,
    UnreachableError,
    owned_by,
)
from validationrun.kube.objects import SeiNodeDeployment
from validationrun.oracle.outcome import RunReason
from validationrun.steps import preflight
from validationrun.steps.context import Context
from validationrun.steps.probes import height, node_url
from validationrun.steps.sei_deployment import (
    POLL_SECONDS,
    ChainFailedError,
    conclude,
    exit_code,
    own_deployment,
    raise_if_going,
)

logger = logging.getLogger(__name__)

_GENESIS_DONE: Final = "GenesisCeremonyComplete"
_FIRST_BLOCKS: Final = 1
"""Height 1 is the genesis block itself: only a height above it proves that the validators agree."""


@dataclass(frozen=True, slots=True)
class BringUp:
    """The inputs for bringing this chain up."""

    context: Context
    written: Record
    bundle: Bundle
    chain_id: str
    values: Mapping[str, str]
    images: Mapping[str, Mapping[str, str]]
    deadline: float


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
    """The run's record, its copy of the bundle, the preflight and the chain, in this order. Returns the step's exit code."""
    planned = planned_run(bundle, context.identity, context.bundle_hash, parameters, context.now())
    record = Record.create(context.cluster, context.identity, planned)
    # An earlier attempt may have recorded the run, with its own start time.
    run, chain_id = record.need(RunEntry), planned.chain_id
    context.output("chain-id", chain_id)
    reason, message = None, None
    try:
        _copy_bundle(context, bundle, chain_id)
        _pass_preflight(context, bundle, record)
        if bundle.plan.chain.bring_up:
            _bring_up(
                BringUp(
                    context,
                    record,
                    bundle,
                    chain_id,
                    values.run_values(bundle.plan, context.identity, chain_id, run.parameters),
                    values.image_replacements(bundle.plan, run.parameters),
                    parse_time(run.started_at) + bundle.plan.seconds.chain_ready,
                )
            )
    except ChainFailedError as error:
        reason, message = error.reason, str(error)
        logger.info("%s: %s", error.reason, error)
    endpoints = Endpoints(**values.endpoints(bundle.plan, chain_id))
    entry = ChainEntry(format_time(context.now()), chain_id, endpoints, reason, message)
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
    record = Record.create(context.cluster, context.identity, run)
    return conclude(context, record, ChainEntry(now, chain_id="", reason=reason, message=cut(message)), "")


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


def _bring_up(up: BringUp) -> None:
    """Validators first; full nodes once blocks are made, because a full node that starts before the genesis fails for good."""
    deployments = up.bundle.plan.chain.deployments
    validators = next(entry for entry in deployments if entry.role == "validator")
    _create(up, validators)
    _wait_for_blocks(up, validators)
    for entry in deployments:
        if entry.role != "validator":
            _create(up, entry)


def _create(up: BringUp, entry: PlannedDeployment) -> None:
    """Creates a chain object, or adopts this run's own from before. Never adopts another run's; creates none after clean-up."""
    body = up.bundle.manifest(entry.file, up.values, up.images)
    name, cluster, uid = body["metadata"]["name"], up.context.cluster, up.context.identity.uid
    while True:
        if up.written.refresh().sealed:
            # Argo gave this attempt up, but it still runs: nobody would remove an object that it creates.
            raise ChainFailedError(RunReason.CHAIN_FAILED, "the run has its verdict")
        try:
            cluster.create(CHAIN_OBJECTS, body)
        except AlreadyExistsError:
            found = cluster.get(CHAIN_OBJECTS, name)
            existing = SeiNodeDeployment(found) if found is not None else None
            if existing is not None and existing.is_owned_by(uid):
                raise_if_going(existing)
                logger.info("SeiNodeDeployment %s is this run's already", name)
                return
            if existing is not None and not existing.deleted:
                message = f"SeiNodeDeployment {name} belongs to another run; give another --set chain-id, or none"
                raise ChainFailedError(RunReason.CHAIN_ID_IN_USE, message) from None
            _pause(up, f"SeiNodeDeployment {name} of an earlier run is still going away")
        except UnreachableError:
            raise
        except InvalidError as error:
            raise ChainFailedError(RunReason.CHAIN_SPEC_INVALID, str(error)) from None
        except ClusterError as error:
            raise ChainFailedError(RunReason.CHAIN_APPLY_FAILED, str(error)) from None
        else:
            logger.info("created SeiNodeDeployment %s", name)
            return


def _wait_for_blocks(up: BringUp, entry: PlannedDeployment) -> None:
    """Waits until the controller reports the validators Ready, with a complete genesis, and a validator's RPC shows blocks."""
    name = f"{up.chain_id}-{entry.name}"
    last = ""
    while True:
        deployment = own_deployment(up.context, name)
        missing = _missing(deployment)
        if not missing:
            url = node_url(name, 0, up.bundle.plan.chain.endpoints.rpc[0])
            blocks = height(url)
            if isinstance(blocks, int) and blocks > _FIRST_BLOCKS:
                logger.info("%s makes blocks: height %s", name, blocks)
                return
            missing = f"height is {blocks}" if isinstance(blocks, int) else str(blocks)
        if missing != last:
            logger.info("waiting for %s: %s", name, missing)
            last = missing
        _pause(up, f"SeiNodeDeployment {name}: {missing}")


def _pause(up: BringUp, waiting_for: str) -> None:
    if up.context.now() >= up.deadline:
        raise ChainFailedError(RunReason.CHAIN_NOT_READY, f"not within timeouts.chainReady: {waiting_for}")
    up.context.sleep(POLL_SECONDS)


def _missing(deployment: SeiNodeDeployment) -> str:
    """What the controller has not reported yet; empty when nothing is missing."""
    if not deployment.is_seen:
        return "not seen by the controller yet"
    if deployment.phase != "Ready":
        return f"phase is {deployment.phase or 'not set'}"
    conditions = {condition.type: condition.status for condition in deployment.conditions}
    if conditions.get(_GENESIS_DONE) != "True":
        return f"condition {_GENESIS_DONE} is {conditions.get(_GENESIS_DONE, 'not set')}"
    return ""

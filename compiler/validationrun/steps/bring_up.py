"""The chain's objects in their order: validators, their blocks, then full nodes."""

import logging
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from validationrun.base.conventions import LABEL_CHAIN, LABEL_CHAIN_ID, LABEL_NODE, LABEL_NODE_DEPLOYMENT
from validationrun.contract.bundle import Bundle
from validationrun.contract.plan_json import PlannedDeployment
from validationrun.contract.record import Record
from validationrun.kube.cluster import (
    PERSISTENT_VOLUME_CLAIMS,
    SEI_NODES,
    AlreadyExistsError,
    ClusterError,
    InvalidError,
    Resource,
    UnreachableError,
)
from validationrun.kube.objects import KubeObject
from validationrun.kube.sei import NodeGroup, SeiNode, kind_of
from validationrun.oracle.outcome import RunReason
from validationrun.steps.chain_objects import (
    POLL_SECONDS,
    ChainFailedError,
    Reference,
    own_object,
    raise_if_going,
    read,
    references,
)
from validationrun.steps.context import Context
from validationrun.steps.probes import height, node_url
from validationrun.steps.suite_look import SuiteLook

logger = logging.getLogger(__name__)

_FIRST_BLOCKS: Final = 1
"""Height 1 is the genesis block itself: only a height above it proves that the validators agree."""

_COLLECTED_SECONDS: Final = 30.0
"""Until then the garbage collector has deleted a SeiNode whose owner is gone."""

_ANOTHER_ID: Final = "give another --set chain-id, or none"


class BringUp(Struct, frozen=True):
    """The inputs for bringing this chain up."""

    context: Context
    written: Record
    bundle: Bundle
    chain_id: str
    values: Mapping[str, str]
    images: Mapping[str, Mapping[str, str]]
    deadline: float
    suite: SuiteLook

    def references(self, entry: PlannedDeployment) -> list[Reference]:
        return references(self.bundle.plan.chain.api, self.chain_id, entry)


def bring_up(up: BringUp) -> None:
    """
    Validators first; full nodes once blocks are made, because a full node that starts before the genesis fails for good.

    All full nodes come at once: a node never catches up with a single peer. Nothing is created while a part of an earlier chain by
    this id is there: a full node that lives on would connect to the new validators.

    Raises:
        ChainFailedError
    """
    deployments = up.bundle.plan.chain.deployments
    for entry in deployments:
        for reference in up.references(entry):
            _wait_for_an_earlier_chain(up, reference)
    _wait_for_other_names(up)
    validators = next(entry for entry in deployments if entry.role == "validator")
    _create_all(up, validators)
    _wait_for_blocks(up, validators)
    for entry in deployments:
        if entry.role != "validator":
            _create_all(up, entry)


def _wait_for_an_earlier_chain(up: BringUp, reference: Reference) -> None:
    """Until nothing is left of another run's object of this name. This run's own stays, from before."""
    while True:
        existing = read(up.context, reference)
        if _is_own(up, reference, existing):
            return
        left = _left(up.context, reference) if existing is None else str(reference)
        if not left:
            return
        _pause(up, f"{left} of an earlier chain is still going away")


def _wait_for_other_names(up: BringUp) -> None:
    """
    Until no SeiNode of this chain id is there under another name, such as one that another spec gave it.

    The new nodes would connect to it, and every rule that names the chain would be asked about both.

    Raises:
        ChainFailedError: one stays.
    """
    began = up.context.now()
    while others := _other_nodes(up):
        node = min(others, key=lambda node: bool(node.deleted))
        there = f"SeiNode {node.name} of another chain by this id is still there"
        if not node.deleted and up.context.now() - began >= _COLLECTED_SECONDS:
            raise ChainFailedError(RunReason.CHAIN_ID_IN_USE, f"{there}; {_ANOTHER_ID}")
        _pause(up, there)


def _other_nodes(up: BringUp) -> list[KubeObject]:
    """The SeiNodes of this chain id that belong to none of this chain's objects, by our label or the later controller's."""
    mine = {reference.name for entry in up.bundle.plan.chain.deployments for reference in up.references(entry)}
    found = [
        node
        for label in (LABEL_CHAIN_ID, LABEL_CHAIN)
        for node in _listed(up.context, SEI_NODES, f"{label}={up.chain_id}")
    ]
    return [node for node in found if not mine & {node.name, node.labels.get(LABEL_NODE_DEPLOYMENT, "")}]


def _create_all(up: BringUp, entry: PlannedDeployment) -> None:
    for ordinal, reference in enumerate(up.references(entry)):
        _create(up, reference, entry.file, ordinal)


def _create(up: BringUp, reference: Reference, file: str, ordinal: int) -> None:
    """Creates a chain object, or adopts this run's own from before. Never adopts another run's; creates none after clean-up."""
    # The full nodes of a SeiNetwork have one manifest and an object each.
    body = up.bundle.manifest(file, {**up.values, "ordinal": str(ordinal)}, up.images)
    while True:
        if up.written.refresh().sealed:
            # Argo gave this attempt up, but it still runs: nobody would remove an object that it creates.
            raise ChainFailedError(RunReason.CHAIN_FAILED, "the run has its verdict")
        try:
            up.context.cluster.create(reference.resource, body)
        except AlreadyExistsError:
            if _is_own(up, reference, read(up.context, reference)):
                logger.info("%s is this run's already", reference)
                return
            _pause(up, f"{reference} of an earlier chain is still going away")
        except UnreachableError:
            raise
        except InvalidError as error:
            raise ChainFailedError(RunReason.CHAIN_SPEC_INVALID, str(error)) from None
        except ClusterError as error:
            raise ChainFailedError(RunReason.CHAIN_APPLY_FAILED, str(error)) from None
        else:
            logger.info("created %s", reference)
            return


def _is_own(up: BringUp, reference: Reference, existing: NodeGroup | SeiNode | None) -> bool:
    """
    Whether the object that has the name is this run's. Otherwise it is gone, or going.

    Raises:
        ChainFailedError: it is another run's and stays, or it is this run's and is being deleted.
    """
    if existing is None:
        return False
    if existing.is_owned_by(up.context.identity.uid):
        raise_if_going(reference, existing)
        return True
    if not existing.deleted:
        raise ChainFailedError(RunReason.CHAIN_ID_IN_USE, f"{reference} belongs to another run; {_ANOTHER_ID}")
    return False


def _left(context: Context, reference: Reference) -> str:
    """
    What is going of an earlier chain whose object of this name is gone: SeiNodes, which a deletion in the background leaves for a
    while, and volumes. A SeiNode is gone before its pod, and its volume only after the pod. Empty when nothing is left.

    A new SeiNode that meets the volume of another one fails for good.

    Raises:
        ChainFailedError: a SeiNode stays, because nothing owns it.
    """
    labels = f"{LABEL_NODE_DEPLOYMENT if reference.is_group else LABEL_NODE}={reference.name}"
    nodes = _listed(context, SEI_NODES, labels) if reference.is_group else []
    claims = [claim for claim in _listed(context, PERSISTENT_VOLUME_CLAIMS, labels) if _goes(claim)]
    for node in nodes:
        if not node.deleted and not node.owners:
            message = f"SeiNode {node.name} of an earlier chain is still there, and nothing owns it: delete it, or {_ANOTHER_ID}"
            raise ChainFailedError(RunReason.CHAIN_ID_IN_USE, message)
    if nodes:
        return f"SeiNode {nodes[0].name}"
    return f"PersistentVolumeClaim {claims[0].name}" if claims else ""


def _goes(claim: KubeObject) -> bool:
    """One that stays may be there to be imported; if it is not, the controller's own error says so."""
    return bool(claim.deleted) or any(owner.kind == kind_of(SEI_NODES) for owner in claim.owners)


def _listed(context: Context, resource: Resource, labels: str) -> list[KubeObject]:
    try:
        return KubeObject.all(context.cluster.list(resource, labels=labels))
    except UnreachableError:
        raise
    except ClusterError as error:
        # Without this right, or in a cluster without SeiNodes, a new chain comes up all the same: its id is new for every run.
        logger.info("no %s of an earlier chain were looked for: %s", resource.plural, error)
        return []


def _wait_for_blocks(up: BringUp, entry: PlannedDeployment) -> None:
    """Waits until the controller reports the validators Ready, with a complete genesis, and a validator's RPC shows blocks."""
    (reference,) = up.references(entry)
    last = ""
    while True:
        validators = own_object(up.context, reference)
        missing = _missing(validators) if isinstance(validators, NodeGroup) else ""
        if not missing:
            url = node_url(reference.name, 0, up.bundle.plan.chain.endpoints.rpc[0])
            blocks = height(url)
            if isinstance(blocks, int) and blocks > _FIRST_BLOCKS:
                logger.info("%s makes blocks: height %s", reference.name, blocks)
                return
            missing = f"height is {blocks}" if isinstance(blocks, int) else str(blocks)
        if missing != last:
            logger.info("waiting for %s: %s", reference.name, missing)
            last = missing
        _pause(up, f"{reference}: {missing}")


def _pause(up: BringUp, waiting_for: str) -> None:
    if why := up.suite.ended():
        raise ChainFailedError(RunReason.CANCELLED, why)
    if up.context.now() >= up.deadline:
        raise ChainFailedError(RunReason.CHAIN_NOT_READY, f"not within timeouts.chainReady: {waiting_for}")
    up.context.sleep(POLL_SECONDS)


def _missing(validators: NodeGroup) -> str:
    """What the controller has not reported yet; empty when nothing is missing."""
    if not validators.is_seen:
        return "not seen by the controller yet"
    if validators.phase != "Ready":
        return "; ".join([f"phase is {validators.phase or 'not set'}", *validators.troubles])
    if validators.genesis != "True":
        return f"condition GenesisCeremonyComplete is {validators.genesis or 'not set'}"
    return ""

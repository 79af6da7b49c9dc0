"""For the chain's steps: the objects of a chain, how they are read, what makes a chain fail, and how the result is recorded."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from validationrun.base.conventions import ChainApi
from validationrun.base.text import printable
from validationrun.base.truncate import cut
from validationrun.contract.chain_entries import ChainEntry, ChainReady, DeploymentStatus
from validationrun.contract.plan_json import PlannedChain, PlannedDeployment
from validationrun.contract.record import Record
from validationrun.kube.cluster import SEI_NETWORKS, SEI_NODE_DEPLOYMENTS, SEI_NODES, ClusterError, Resource
from validationrun.kube.sei import ChainObject, NodeGroup, SeiNode, kind_of
from validationrun.oracle.outcome import RunReason
from validationrun.steps.context import Context, end_against_run
from validationrun.steps.node_failures import failure_text, failures_of

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
_RUNNING: Final = "Running"
_MOST_FAILURES: Final = 8


API_KINDS: Final[Mapping[ChainApi, Sequence[Resource]]] = {
    "SeiNodeDeployment": (SEI_NODE_DEPLOYMENTS,),
    "SeiNetwork": (SEI_NETWORKS, SEI_NODES),
}
"""The kinds of the objects that a run creates, by API: the Workflow owns them."""


class ChainFailedError(Exception):
    """The chain will not come up: a reason of row 2 of the verdict table, and a message."""

    def __init__(self, reason: RunReason, message: str) -> None:
        # The message may quote a node, and becomes the Workflow's.
        super().__init__(cut(printable(message)))
        self.reason = reason


class Reference(Struct, frozen=True):
    """An object of the chain by its name."""

    resource: Resource
    name: str

    @property
    def is_group(self) -> bool:
        """It makes its SeiNodes itself."""
        return self.resource != SEI_NODES

    def __str__(self) -> str:
        return f"{kind_of(self.resource)} {self.name}"


def references(api: ChainApi, chain_id: str, entry: PlannedDeployment) -> list[Reference]:
    """The objects that make up a deployment: one, or with the SeiNetwork API a SeiNode for each full node."""
    name = f"{chain_id}-{entry.name}"
    if api == "SeiNodeDeployment":
        return [Reference(SEI_NODE_DEPLOYMENTS, name)]
    if entry.role == "validator":
        return [Reference(SEI_NETWORKS, name)]
    return [Reference(SEI_NODES, f"{name}-{ordinal}") for ordinal in range(entry.replicas)]


def conclude(context: Context, written: Record, entry: ChainEntry | ChainReady, otherwise: str) -> int:
    """Records a step's result, once, where it is not in the record yet. Returns the step's exit code."""
    written.add(context.step, entry)
    recorded = written.get(type(entry))
    if recorded == entry:
        context.output("message", f"{entry.reason}: {entry.message}" if entry.reason else otherwise)
    else:
        logger.info("another attempt of this step has recorded its result, or the run has its verdict")
    return exit_code(recorded)


def exit_code(entry: ChainEntry | ChainReady | None) -> int:
    """By the step's recorded result, whichever attempt wrote it; 0 when there is none."""
    return end_against_run(f"{entry.reason}: {entry.message}") if entry is not None and entry.reason else 0


def read(context: Context, reference: Reference) -> NodeGroup | SeiNode | None:
    """The object, or None when it does not exist."""
    found = context.cluster.get(reference.resource, reference.name)
    if found is None:
        return None
    return NodeGroup(found) if reference.is_group else SeiNode(found)


def own_object(context: Context, reference: Reference) -> NodeGroup | SeiNode:
    """
    An object of this run's chain that may still come up.

    Raises:
        ChainFailedError: it is deleted, being deleted, another run's by now, or it or one of its nodes failed for good.
    """
    found = read(context, reference)
    if found is None or not found.is_owned_by(context.identity.uid):
        raise ChainFailedError(RunReason.CHAIN_FAILED, f"{reference} was deleted")
    raise_if_going(reference, found)
    failures = failures_of(context, found)
    if failures or found.has_failed:
        raise ChainFailedError(RunReason.CHAIN_FAILED, failure_text(str(reference), found, failures))
    return found


def raise_if_going(reference: Reference, found: ChainObject) -> None:
    """Raises for a chain that is being deleted: a new chain with the same id would meet a stale genesis."""
    if found.deleted:
        raise ChainFailedError(RunReason.CHAIN_FAILED, f"{reference} is being deleted")


def deployment_statuses(context: Context, planned: PlannedChain, chain_id: str) -> list[DeploymentStatus]:
    """The deployments as their controller reports them, for people: those that cannot be read are missing."""
    statuses = []
    for entry in planned.deployments:
        try:
            statuses.append(_deployment_status(context, planned.api, chain_id, entry))
        except ClusterError as error:
            logger.warning("no status of deployment %s: %s", entry.name, error)
    return statuses


def _deployment_status(context: Context, api: ChainApi, chain_id: str, entry: PlannedDeployment) -> DeploymentStatus:
    found = [read(context, reference) for reference in references(api, chain_id, entry)]
    there = [chain_object for chain_object in found if chain_object is not None]
    phases = [chain_object.phase for chain_object in there if chain_object.phase]
    failures = [failure for chain_object in there for failure in failures_of(context, chain_object)]
    return DeploymentStatus(
        name=entry.name,
        role=entry.role,
        object_name=f"{chain_id}-{entry.name}",
        phase=next((phase for phase in phases if phase != _RUNNING), phases[0] if phases else None),
        image=next((chain_object.image for chain_object in there if chain_object.image), None),
        failures=failures[:_MOST_FAILURES],
    )

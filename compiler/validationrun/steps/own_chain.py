"""For finalize: what is left of the chain that its run brought up, also when the run has no record."""

import logging
from typing import Final

from validationrun.base import conventions
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import (
    SEI_NODES,
    ClusterError,
    ForbiddenError,
    Resource,
)
from validationrun.kube.sei import CHAIN_RESOURCES, NodeGroup, SeiNode
from validationrun.steps.chain_objects import API_KINDS, Reference
from validationrun.steps.context import Context

logger = logging.getLogger(__name__)

_NOT_FOUND: Final = 404


class OwnChain:
    """
    What a run may have brought up. It is looked for by the run's label, and belongs to the run by its owner only: a name or a
    label is no proof.

    Args:
        run: None when there is no record, so that the kinds of objects and their names are unknown.
    """

    def __init__(self, run: RunEntry | None) -> None:
        self._resources = API_KINDS[run.chain_api] if run is not None else CHAIN_RESOURCES
        self._is_known = run is not None
        self._groups = {f"{run.chain_id}-{entry.name}" for entry in run.deployments} if run is not None else set()

    def objects(self, context: Context) -> list[tuple[Reference, NodeGroup | SeiNode]]:
        """The objects that the Workflow owns."""
        found = []
        for resource in self._resources:
            for chain_object in self._list(context, resource, _run_label(context), is_needed=self._is_known):
                if chain_object.is_owned_by(context.identity.uid):
                    found.append((Reference(resource, chain_object.name), chain_object))
        self._groups |= {reference.name for reference, _ in found if reference.is_group}
        return found

    def nodes(self, context: Context) -> list[SeiNode]:
        """The SeiNodes that are to go with the run's objects, once these are gone. A node without owner was meant to stay."""
        nodes = self._nodes(context, _run_label(context))
        for name in sorted(self._groups):
            own = self._nodes(context, f"{conventions.LABEL_NODE_DEPLOYMENT}={name}")
            if own and not self._is_taken(context, name):
                nodes += own
        return list({node.name: node for node in nodes}.values())

    def _nodes(self, context: Context, labels: str) -> list[SeiNode]:
        nodes = self._list(context, SEI_NODES, labels, is_needed=False)
        return [node for node in nodes if isinstance(node, SeiNode) and (node.deleted or node.owners)]

    def _is_taken(self, context: Context, group: str) -> bool:
        """Another run has an object of this name, which has SeiNodes of its own."""
        return any(
            self._list(context, resource, fields=f"metadata.name={group}", is_needed=False)
            for resource in self._resources
        )

    def _list(
        self, context: Context, resource: Resource, labels: str = "", *, fields: str = "", is_needed: bool
    ) -> list[NodeGroup | SeiNode]:
        """Empty for a kind that the cluster does not serve; without `is_needed` also for one that the account may not list."""
        try:
            found = context.cluster.list(resource, labels=labels, fields=fields)
            return [SeiNode(body) if resource == SEI_NODES else NodeGroup(body) for body in found]
        except ForbiddenError as error:
            if is_needed:
                raise
            logger.info("no %s were looked for: %s", resource.plural, error)
        except ClusterError as error:
            if error.status != _NOT_FOUND:
                raise
        return []


def _run_label(context: Context) -> str:
    return f"{conventions.LABEL_RUN_ID}={context.identity.workflow}"

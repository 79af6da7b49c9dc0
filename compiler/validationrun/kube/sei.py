"""
Views of what the chain's controller makes blocks with: SeiNodeDeployment, SeiNetwork and SeiNode.

A view copes with every field that may be absent, as in `kube/objects.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from msgspec import Struct

from validationrun.kube.cluster import SEI_NETWORKS, SEI_NODE_DEPLOYMENTS, SEI_NODES, Resource
from validationrun.kube.objects import Condition, KubeObject

_FAILED: Final = "Failed"
_FIRST_GENERATION: Final = 1
_GENESIS: Final = "GenesisCeremonyComplete"
_TELLING: Final = (_GENESIS, "NodesReady")
"""The genesis first: a ceremony that failed is the cause of nodes that are not ready."""

_KINDS: Final = {SEI_NODE_DEPLOYMENTS: "SeiNodeDeployment", SEI_NETWORKS: "SeiNetwork", SEI_NODES: "SeiNode"}
CHAIN_RESOURCES: Final = tuple(_KINDS)
"""Every resource of which a chain may be made, in either API."""


def kind_of(resource: Resource) -> str:
    """The kind of a resource of the chain's controller, such as `SeiNode`."""
    return _KINDS[resource]


class TaskFailure(Struct, frozen=True):
    """The task of the controller's plan that failed for good; the texts as the controller wrote them."""

    task: str
    error: str

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> Self | None:
        """By `status.plan.failedTaskDetail`; None when there is none."""
        detail = (status.get("plan") or {}).get("failedTaskDetail") or {}
        task, error = str(detail.get("type") or ""), str(detail.get("error") or "")
        return cls(task, error) if task or error else None


class ChainObject(KubeObject, frozen=True):
    """Any object of the chain's controller."""

    @property
    def phase(self) -> str:
        return str(self.status.get("phase") or "")

    @property
    def has_failed(self) -> bool:
        """It failed for good, by what it says of itself."""
        return self.phase == _FAILED

    @property
    def conditions(self) -> list[Condition]:
        return Condition.all_of(self.status)

    @property
    def failed_task(self) -> TaskFailure | None:
        return TaskFailure.of(self.status)

    @property
    def troubles(self) -> list[str]:
        """What NodesReady and GenesisCeremonyComplete say while they do not hold. The other conditions are False in health too."""
        return [
            ": ".join(filter(None, (condition.type, condition.reason, condition.message)))
            for telling in _TELLING
            for condition in self.conditions
            if condition.type == telling and condition.status == "False"
        ]


class SeiNode(ChainObject, frozen=True):
    """A SeiNode: a child of a SeiNodeDeployment or a SeiNetwork, or one of its own. A failed one never recovers."""

    @property
    def image(self) -> str | None:
        image: str | None = self.spec.get("image")
        return image


class NodeGroup(ChainObject, frozen=True):
    """A SeiNodeDeployment or a SeiNetwork. Their statuses have the same shape, as far as it is read here."""

    @property
    def image(self) -> str | None:
        node = (self.spec.get("template") or {}).get("spec") or self.spec
        image: str | None = node.get("image")
        return image

    @property
    def is_seen(self) -> bool:
        """
        The status speaks of the spec as it is.

        The API server drops the status of an object that is created, and nobody but the controller writes one. So any phase
        of an object of generation 1 is about the spec that was created, and a Ready among them is not stale; of a changed
        spec only `observedGeneration` says that. The controller leaves `observedGeneration` out during the whole genesis
        ceremony, while phase and conditions are live.
        """
        generation = int(self.object["metadata"].get("generation") or 0)
        observed = int(self.status.get("observedGeneration") or 0)
        return observed >= generation if observed else bool(self.phase) and generation <= _FIRST_GENERATION

    @property
    def has_failed(self) -> bool:
        """
        Its phase is Failed, or its genesis ceremony failed.

        A node that failed does not always show here, and the phase may change again: see `failed_nodes`.
        """
        return self.phase == _FAILED or any(
            condition.type == _GENESIS and condition.reason == "CeremonyFailed" for condition in self.conditions
        )

    @property
    def genesis(self) -> str:
        """The status of the genesis ceremony: `True`, `False`, `Unknown`, or empty when the controller says nothing of it."""
        return next((condition.status for condition in self.conditions if condition.type == _GENESIS), "")

    @property
    def failed_nodes(self) -> Sequence[str]:
        """
        The names of its SeiNodes that failed.

        This is the lasting sign of a failed chain: the phase of the group goes by the other nodes too, and is Degraded or
        Initializing beside a failed node.
        """
        nodes = self.status.get("nodes") or []
        return [str(node.get("name")) for node in nodes if node.get("phase") == _FAILED]

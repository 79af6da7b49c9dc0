"""What is to be done for a SeiNodeDeployment or a SeiNetwork and what its status says; a function of what was observed.

Its phase follows from its children's, and therefore flaps; why a node failed is said by the node alone.
"""

import datetime as dt
import enum
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import manifests
from .manifests import EVM, EVM_WS, REST, RPC
from .node import endpoint
from .objects import GROUP_FINALIZERS, Group, Manifest, Node, SwitchError
from .status import NOT_PAUSED, Condition, condition, conditions, plan

ASSEMBLE, COLLECT_PEERS, AWAIT_NODES = "assemble-and-upload-genesis", "collect-and-set-peers", "await-nodes-running"
COMPLETE, IN_PLAN, ROLLOUT = "GenesisCeremonyComplete", "PlanInProgress", "RolloutInProgress"
CEREMONY_FAILED = "CeremonyFailed"


@dataclass(frozen=True, slots=True)
class GroupWorld:
    """What lies in the cluster for one group.

    `children` are its own SeiNodes, `taken` the names of those that belong to another. `genesis` is the text stored for its
    chain id, `genesis_owner` the uid of the group that made it; `rivals` are the uids of all other groups.
    """

    children: tuple[Node, ...] = ()
    taken: frozenset[str] = frozenset()
    has_internal_service: bool = False
    genesis: str = ""
    genesis_owner: str = ""
    rivals: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GroupDecision:
    """`make_genesis` asks for a genesis of its nodes, `reimage` names children of another image, `orphan` asks to let all go."""

    status: Mapping[str, Any]
    create: tuple[Manifest, ...] = ()
    make_genesis: bool = False
    reimage: tuple[str, ...] = ()
    hold: bool = False
    orphan: bool = False


class Ceremony(enum.Enum):
    """How far the genesis is; the object itself keeps no more of it than its plan and conditions."""

    NONE = enum.auto()
    WAITING = enum.auto()
    ACTIVE = enum.auto()
    FAILED = enum.auto()
    COMPLETE = enum.auto()


def decide_group(group: Group, world: GroupWorld, now: dt.datetime) -> GroupDecision:
    """The next step from here, whatever happened before: a restarted operator goes on."""
    finalizer = GROUP_FINALIZERS[group.meta.kind]
    if group.meta.deleted is not None:
        leaving = {**group.status, "phase": "Terminating"}
        return GroupDecision(leaving, orphan=finalizer in group.meta.finalizers)
    try:
        if now < group.meta.created + group.switches.time("delay"):
            return GroupDecision(group.status)
    except SwitchError:
        # Its nodes say so.
        pass
    in_plan = bool(group.status.get("plan"))
    there = {child.meta.name for child in world.children}
    create = [] if world.has_internal_service else [manifests.internal_service(group)]
    if not in_plan:
        create += [
            manifests.child(group, ordinal)
            for ordinal, name in enumerate(group.nodes)
            if name not in there and name not in world.taken
        ]
    ceremony = _ceremony(group, world)
    return GroupDecision(
        status=_status(group, world, ceremony, now),
        create=tuple(create),
        make_genesis=in_plan and ceremony is Ceremony.ACTIVE and _can_assemble(group, world),
        reimage=tuple(child.meta.name for child in world.children if not in_plan and child.image != group.image),
        # One that takes its children along needs none: the garbage collector does it.
        hold=group.deletion_policy == "Retain" and finalizer not in group.meta.finalizers,
    )


def _can_assemble(group: Group, world: GroupWorld) -> bool:
    """Every node has brought its part."""
    parts = [child for child in world.children if child.phase not in ("", "Failed")]
    return not world.genesis and len(parts) == group.replicas


def _ceremony(group: Group, world: GroupWorld) -> Ceremony:
    if not group.has_genesis:
        return Ceremony.NONE
    said = condition(group.status, COMPLETE)
    if said.get("status") == "True":
        return Ceremony.COMPLETE
    if group.is_network and said.get("reason") == CEREMONY_FAILED:
        return Ceremony.FAILED
    if not group.status.get("plan"):
        # A failed one is begun again, for ever, by a SeiNodeDeployment.
        return Ceremony.WAITING if world.taken & set(group.nodes) else Ceremony.ACTIVE
    made = bool(world.genesis) and world.genesis_owner == group.meta.uid
    phases = [child.phase for child in world.children]
    if group.switches.flag("ceremony_fails") or world.genesis_owner in world.rivals or (made and "Failed" in phases):
        return Ceremony.FAILED
    return Ceremony.COMPLETE if made and phases.count("Running") == group.replicas else Ceremony.ACTIVE


# --- status ---------------------------------------------------------------------------------------


def _status(group: Group, world: GroupWorld, ceremony: Ceremony, now: dt.datetime) -> dict[str, Any]:
    phases = [child.phase for child in world.children]
    ready = phases.count("Running")
    status: dict[str, Any] = {
        "phase": _phase(group, ceremony, phases),
        "replicas": group.replicas,
        "readyReplicas": ready,
        "nodes": [_node_entry(group, child) for child in world.children],
        "incumbentNodes": [child.meta.name for child in world.children],
        "internalService": {
            "name": manifests.internal_name(group),
            "namespace": group.meta.namespace,
            "ports": {"rpc": RPC, "evmHttp": EVM, "rest": REST},
        },
    }
    # Unset during the whole ceremony, while phase and conditions are live.
    observed = group.status.get("observedGeneration") if ceremony is Ceremony.ACTIVE else group.meta.generation
    if observed is not None:
        status["observedGeneration"] = observed
    if ceremony is Ceremony.ACTIVE:
        # Gone in the very look in which it completes or fails.
        tasks = [ASSEMBLE, COLLECT_PEERS, AWAIT_NODES] if world.genesis else [ASSEMBLE]
        status["plan"] = plan(group.meta, "Active", tasks)
    if world.genesis and world.genesis_owner == group.meta.uid:
        status["genesisHash"] = hashlib.sha256(world.genesis.encode()).hexdigest()
        status["genesisS3URI"] = f"s3://stand-in/{group.chain_id}/genesis.json"
    holding = [_nodes_ready(group, phases), *_of_ceremony(group, ceremony)]
    if group.is_network:
        status |= _network_fields(group, world)
        holding += [NOT_PAUSED, _rollout(group, world)]
    else:
        shape = json.dumps([group.image, group.chain_id])
        status["templateHash"] = hashlib.sha256(shape.encode()).hexdigest()[:16]
    status["conditions"] = conditions(group.meta, group.status, now, holding)
    return status


def _phase(group: Group, ceremony: Ceremony, phases: Sequence[str]) -> str:
    if ceremony is Ceremony.ACTIVE:
        return "Initializing"
    if group.is_network and ceremony is Ceremony.FAILED:
        return "Failed"
    if not phases:
        return "Pending"
    if phases.count("Running") == group.replicas:
        return "Ready"
    if phases.count("Failed") == len(phases):
        return "Failed"
    return "Degraded" if "Failed" in phases and "Running" in phases else "Initializing"


def _node_entry(group: Group, child: Node) -> dict[str, str]:
    entry = {"name": child.meta.name, **({"phase": child.phase} if child.phase else {})}
    image = child.status.get("currentImage")
    return {**entry, "currentImage": image} if group.is_network and image else entry


def _nodes_ready(group: Group, phases: Sequence[str]) -> Condition:
    """It counts the nodes that failed, and says no cause."""
    ready, failed = phases.count("Running"), phases.count("Failed")
    said = f"{ready}/{group.replicas} nodes ready"
    if ready == group.replicas:
        return Condition("NodesReady", holds=True, reason="AllNodesReady", message=said)
    reason = "NodesFailed" if failed else "NodesInitializing"
    return Condition("NodesReady", holds=False, reason=reason, message=f"{said} ({failed} failed)")


def _of_ceremony(group: Group, ceremony: Ceremony) -> list[Condition]:
    if ceremony is Ceremony.NONE:
        return []
    in_plan = {
        Ceremony.WAITING: (False, "NotStarted", "there was no plan yet"),
        Ceremony.ACTIVE: (True, "PlanStarted", "the plan goes on"),
        Ceremony.FAILED: (False, "PlanFailed", "the plan failed"),
        Ceremony.COMPLETE: (False, "PlanComplete", "the plan is done"),
    }
    complete = {
        Ceremony.WAITING: (False, "NotStarted", "the ceremony did not begin yet"),
        Ceremony.ACTIVE: (False, "InProgress", "the ceremony goes on"),
        Ceremony.FAILED: (False, CEREMONY_FAILED, "the plan of the ceremony failed"),
        Ceremony.COMPLETE: (True, "CeremonyComplete", "the ceremony is done"),
    }
    holding = []
    if group.is_network or ceremony is not Ceremony.WAITING:
        holding.append(Condition(IN_PLAN, *in_plan[ceremony]))
    if group.is_network or ceremony is Ceremony.COMPLETE:
        holding.append(Condition(COMPLETE, *complete[ceremony]))
    else:
        holding.append(
            Condition("GenesisCeremonyNeeded", holds=True, reason="GenesisConfigured", message="of spec.genesis")
        )
    return holding


def _rollout(group: Group, world: GroupWorld) -> Condition:
    """In progress until every pod is seen with the image, also when the network is Ready already."""
    current = _up_to_date(group, world)
    said = f"{current}/{group.replicas} replicas on spec.image"
    if world.children and current < group.replicas:
        return Condition(ROLLOUT, holds=True, reason="ImageRolling", message=said)
    return Condition(ROLLOUT, holds=False, reason="AllUpToDate", message=said)


def _up_to_date(group: Group, world: GroupWorld) -> int:
    return sum(child.status.get("currentImage") == group.image for child in world.children)


def _network_fields(group: Group, world: GroupWorld) -> dict[str, Any]:
    """It lists the validators' EVM, which does not serve, as the real one does."""
    space = group.meta.namespace
    names = [child.meta.name for child in world.children]
    internal = endpoint(manifests.internal_name(group), space)
    nodes = []
    for name in names:
        own = endpoint(name, space)
        nodes.append({"name": name, "evmJsonRpc": own["evmJsonRpc"], "evmWs": own["evmWs"]})
    return {
        "upToDateReplicas": _up_to_date(group, world),
        "perPodServices": [
            {"name": name, "namespace": space, "ports": {"evmHttp": EVM, "evmWs": EVM_WS}} for name in names
        ],
        "endpoints": {
            "tendermintRpc": internal["tendermintRpc"],
            "tendermintRest": internal["tendermintRest"],
            "nodes": nodes,
        },
    }

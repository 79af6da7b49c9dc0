"""What is to be done for a SeiNode and what its status says; a function of what was observed.

`Running` means that the container was started, which proves neither that it serves nor that it makes blocks.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import manifests
from .manifests import EVM, EVM_WS, REST, RPC, Peer
from .objects import NODE_FINALIZER, Manifest, Node, SwitchError
from .status import NOT_PAUSED, conditions, plan, stamp

# In the words of the real controller, in its order.
CEREMONY_TASKS = ("generate-identity", "generate-gentx", "upload-genesis-artifacts")
ENSURE_CLAIM = "ensure-data-pvc"
TASKS = (ENSURE_CLAIM, "apply-statefulset", "apply-service")
CONFIGURE_GENESIS, CONFIG_APPLY, DISCOVER_PEERS = "configure-genesis", "config-apply", "discover-peers"
VALIDATE, MARK_READY = "config-validate", "mark-ready"

WRITE_MODE = "storage.state_commit.write_mode"
LATER_WRITE_MODES = ("memiavl_only",)
"""What the sidecars of SeiNodeDeployment's time do not know."""


@dataclass(frozen=True, slots=True)
class NodeWorld:
    """
    What lies in the cluster for one node. `image` is of its own StatefulSet, None without one; `peers` are those it selects;
    `claim` is the uid that owns the claim by the name of the node's, empty when nobody does, and None when there is no claim.
    """

    genesis: bool = False
    peers: frozenset[Peer] = frozenset()
    image: str | None = None
    service: bool = False
    started: bool = False
    claim: str | None = None


@dataclass(frozen=True, slots=True)
class NodeDecision:
    """`release` asks for the finalizer's removal, `hold` for the finalizer, `reimage` for the new image of its StatefulSet."""

    status: Mapping[str, Any]
    create: tuple[Manifest, ...] = ()
    reimage: bool = False
    hold: bool = False
    release: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended the plan."""

    task: str
    error: str


def decide_node(node: Node, world: NodeWorld, now: dt.datetime) -> NodeDecision:
    """The next step from here, whatever happened before: a restarted operator goes on."""
    if node.meta.deleted is not None:
        return _leave(node, node.meta.deleted, now)
    hold = NODE_FINALIZER not in node.meta.finalizers
    if node.phase == "Failed":
        # Terminal: the real one has to be deleted and made again.
        return NodeDecision(node.status, hold=hold)
    try:
        # A child's delay is its group's.
        if now < node.meta.created + node.switches.time("delay") and not node.meta.owner_kind:
            return NodeDecision(node.status, hold=hold)
        failure = _find_failure(node, world)
        pods_after = node.switches.time("pods_after")
        node.switches.time("linger")
    except SwitchError as error:
        failure, pods_after = Failure(VALIDATE, str(error)), dt.timedelta()
    if failure:
        return NodeDecision(_failed(node, world, failure, now), _claim(node, world), hold=hold)
    released = world.genesis and (bool(pods_after) or world.started)
    create = _missing(node, world, with_pods=now >= node.meta.created + pods_after)
    reimage = world.image is not None and world.image != node.image
    return NodeDecision(_status(node, world, now, released=released), create, reimage, hold)


def _leave(node: Node, deleted: dt.datetime, now: dt.datetime) -> NodeDecision:
    """StatefulSet, Service and pod go once the object itself has gone, and its volume last."""
    if NODE_FINALIZER not in node.meta.finalizers:
        return NodeDecision(node.status)
    try:
        lingers = now < deleted + node.switches.time("linger")
    except SwitchError:
        lingers = False
    return NodeDecision({**node.status, "phase": "Terminating"}, release=not lingers)


def _find_failure(node: Node, world: NodeWorld) -> Failure | None:
    """A node that was released never fails any more, whatever becomes of its container."""
    if node.phase == "Running":
        return None
    if not node.imports_volume and world.claim not in (None, node.meta.uid):
        return Failure(
            ENSURE_CLAIM, f"{manifests.claim_name(node)} is there, and not owned by SeiNode {node.meta.name}"
        )
    ordinals = node.switches.ordinals("fail_nodes")
    text = node.switches.get("fail")
    if text and (ordinals is None or node.ordinal in ordinals):
        task = node.switches.get("fail_task") or CONFIG_APPLY
        if task in CEREMONY_TASKS or world.genesis:
            return Failure(task, text)
    if node.is_of_deployment and world.genesis and node.switches.overrides.get(WRITE_MODE) in LATER_WRITE_MODES:
        return Failure(CONFIG_APPLY, f"invalid write_mode {node.switches.overrides[WRITE_MODE]!r}")
    if not node.is_of_deployment or node.is_in_ceremony or world.image is not None:
        # The later controller waits for these.
        return None
    if not world.genesis:
        return Failure(CONFIGURE_GENESIS, f"NoSuchKey: no genesis for chain {node.chain_id}")
    if node.peers and not world.peers:
        return Failure(DISCOVER_PEERS, "no reachable peer")
    return None


def _missing(node: Node, world: NodeWorld, *, with_pods: bool) -> tuple[Manifest, ...]:
    made = (*_claim(node, world), *(() if world.service else (manifests.headless_service(node),)))
    if world.genesis and world.image is None and with_pods:
        made = (*made, manifests.stateful_set(node, world.peers - {Peer(node.meta.name, node.meta.namespace)}))
    return made


def _claim(node: Node, world: NodeWorld) -> tuple[Manifest, ...]:
    """The first that the real one makes, also for a node that fails later."""
    return () if node.imports_volume or world.claim is not None else (manifests.data_claim(node),)


# --- status ---------------------------------------------------------------------------------------


def _status(node: Node, world: NodeWorld, now: dt.datetime, *, released: bool) -> dict[str, Any]:
    running = released or node.phase == "Running"
    status = _common(node, world, "Running" if running else "Initializing", now)
    if not running:
        done = [*TASKS, *(CEREMONY_TASKS if node.is_in_ceremony else ()), CONFIGURE_GENESIS]
        if world.genesis:
            done += [CONFIG_APPLY, VALIDATE, MARK_READY]
        status["plan"] = {**plan(node.meta, "Active", done), "targetPhase": "Running", "failedPhase": "Failed"}
    return status


def _failed(node: Node, world: NodeWorld, failure: Failure, now: dt.datetime) -> dict[str, Any]:
    status = _common(node, world, "Failed", now)
    tasks = [failure.task] if failure.task == ENSURE_CLAIM else [*TASKS, failure.task]
    failed = plan(node.meta, "Failed", tasks, (failure.task, failure.error))
    status["plan"] = {**failed, "targetPhase": "Running", "failedPhase": "Failed"}
    return status


def _common(node: Node, world: NodeWorld, phase: str, now: dt.datetime) -> dict[str, Any]:
    since = node.status.get("phaseTransitionTime") if node.phase == phase else None
    status: dict[str, Any] = {"phase": phase, "phaseTransitionTime": since or stamp(now)}
    image = node.image if world.started and world.image == node.image else node.status.get("currentImage")
    if image:
        status["currentImage"] = image
    peers = sorted(world.peers - {Peer(node.meta.name, node.meta.namespace)})
    if peers:
        status["resolvedPeers"] = [peer.address for peer in peers]
    if not node.is_of_deployment:
        status["conditions"] = conditions(node.meta, node.status, now, [NOT_PAUSED])
        if node.mode in ("fullNode", "archive"):
            status["endpoint"] = endpoint(node.meta.name, node.meta.namespace)
    return status


def endpoint(name: str, namespace: str) -> dict[str, str]:
    """Of a node that serves EVM, by its headless Service."""
    host = f"{name}.{namespace}.svc"
    return {
        "evmJsonRpc": f"http://{host}:{EVM}",
        "evmWs": f"ws://{host}:{EVM_WS}",
        "tendermintRpc": f"http://{host}:{RPC}",
        "tendermintRest": f"http://{host}:{REST}",
    }

"""What is to be done for a SeiNodeDeployment and what its status says; a function of what was observed.

The order of steps is the real controller's: genesis, children, release. `Ready` means that every node's container was
started, which proves neither that it serves nor that it makes blocks.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import manifests
from .deployment import Deployment, SwitchError
from .manifests import Manifest, Peer


@dataclass(frozen=True, slots=True)
class World:
    """What lies in the cluster for one deployment.

    `genesis` is the text stored for its chain id, `genesis_owner` the uid of the deployment that made it.
    `images` has the image of each child that exists, `running` the nodes whose container has started,
    `peers` every node that its peer selectors match.
    """

    genesis: str = ""
    genesis_owner: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    services: frozenset[str] = frozenset()
    running: frozenset[str] = frozenset()
    peers: frozenset[Peer] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """`make_genesis` asks for a genesis of `deployment.nodes`; `reimage` names children that run another image."""

    status: Mapping[str, Any]
    create: tuple[Manifest, ...] = ()
    reimage: tuple[str, ...] = ()
    make_genesis: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended the plan; `task` in the words of the real controller."""

    task: str
    error: str


def decide(deployment: Deployment, world: World, now: dt.datetime) -> Decision:
    """The next step from here, whatever happened before: a restarted operator goes on."""
    if is_failed(deployment):
        # Terminal: the real one has to be deleted and made again.
        return Decision(deployment.status)
    try:
        waiting = now < deployment.created + deployment.delay
    except SwitchError as error:
        return Decision(failed_status(deployment, world, Failure("config-validate", str(error)), now))
    if waiting:
        return Decision(build_status(deployment, world, now))
    failure = find_failure(deployment, world)
    if failure:
        return Decision(failed_status(deployment, world, failure, now))
    if deployment.genesis and not world.genesis:
        return Decision(build_status(deployment, world, now), make_genesis=True)
    return Decision(
        status=build_status(deployment, world, now),
        create=tuple(missing(deployment, world)),
        reimage=tuple(
            node for node in deployment.nodes if world.images.get(node, deployment.image) != deployment.image
        ),
    )


def is_failed(deployment: Deployment) -> bool:
    status = deployment.status
    return bool(status.get("phase") == "Failed" and status.get("observedGeneration") == deployment.generation)


def find_failure(deployment: Deployment, world: World) -> Failure | None:
    if text := deployment.switch("fail"):
        return Failure("config-apply", text)
    if deployment.genesis:
        if world.genesis and world.genesis_owner != deployment.uid:
            return Failure("assemble-genesis", f"chain {deployment.chain_id} already has a genesis")
        return None
    if world.images:
        # Past these steps: what goes away later does not fail a node that was released.
        return None
    if not world.genesis:
        return Failure("configure-genesis", f"NoSuchKey: no genesis for chain {deployment.chain_id}")
    if deployment.peers and not world.peers:
        return Failure("discover-peers", "no reachable peer")
    return None


def missing(deployment: Deployment, world: World) -> list[Manifest]:
    made = [manifests.internal_service(deployment)]
    made += [manifests.headless_service(deployment, node) for node in deployment.nodes]
    made = [service for service in made if service["metadata"]["name"] not in world.services]
    siblings = {Peer(node, deployment.namespace) for node in deployment.nodes} if deployment.validators else set()
    for node in deployment.nodes:
        if node not in world.images:
            peers = (siblings | world.peers) - {Peer(node, deployment.namespace)}
            made.append(manifests.stateful_set(deployment, node, peers))
    return made


# --- status ---------------------------------------------------------------------------------------


def build_status(deployment: Deployment, world: World, now: dt.datetime) -> dict[str, Any]:
    nodes = [{"name": node, "phase": node_phase(deployment, world, node)} for node in deployment.nodes]
    started = bool(world.images)
    ready = sum(node["phase"] == "Running" for node in nodes)
    done = ready == deployment.replicas
    phase = "Ready" if done else "Initializing" if started or deployment.status else "Pending"
    conditions = [
        ("NodesReady", done, "AllNodesReady" if done else "NodesInitializing", f"{ready} of {deployment.replicas}"),
        ("PlanInProgress", not done, "PlanComplete" if done else "PlanActive", ""),
    ]
    status = common(deployment, phase, ready, nodes)
    status["plan"] = {"phase": "Complete" if done else "Active"}
    if deployment.genesis:
        made = bool(world.genesis)
        conditions += [
            ("GenesisCeremonyNeeded", not made, "CeremonyComplete" if made else "CeremonyPending", ""),
            ("GenesisCeremonyComplete", made, "GenesisReady" if made else "CeremonyInProgress", ""),
        ]
    if deployment.genesis and world.genesis:
        status["genesisHash"] = hashlib.sha256(world.genesis.encode()).hexdigest()
        status["genesisS3URI"] = f"s3://stand-in/{deployment.chain_id}/genesis.json"
    return with_conditions(deployment, status, conditions, now)


def failed_status(deployment: Deployment, world: World, failure: Failure, now: dt.datetime) -> dict[str, Any]:
    nodes = [{"name": node, "phase": "Failed"} for node in deployment.nodes]
    status = common(deployment, "Failed", 0, nodes)
    detail = {"type": failure.task, "id": f"{deployment.name}-{failure.task}", "error": failure.error}
    status["plan"] = {"phase": "Failed", "failedTaskDetail": {**detail, "retryCount": 0, "maxRetries": 0}}
    conditions = [
        ("NodesReady", False, "NodesFailed", failure.error),
        ("PlanInProgress", False, "PlanFailed", failure.error),
    ]
    if deployment.genesis:
        made = bool(world.genesis) and world.genesis_owner == deployment.uid
        reason, message = ("GenesisReady", "") if made else ("CeremonyFailed", failure.error)
        conditions.append(("GenesisCeremonyComplete", made, reason, message))
    return with_conditions(deployment, status, conditions, now)


def common(deployment: Deployment, phase: str, ready: int, nodes: list[dict[str, str]]) -> dict[str, Any]:
    shape = json.dumps([deployment.image, dict(deployment.overrides), deployment.chain_id], sort_keys=True)
    return {
        "observedGeneration": deployment.generation,
        "templateHash": hashlib.sha256(shape.encode()).hexdigest()[:16],
        "phase": phase,
        "replicas": deployment.replicas,
        "readyReplicas": ready,
        "nodes": nodes,
        "internalService": {
            "name": f"{deployment.name}-internal",
            "namespace": deployment.namespace,
            "ports": {"rpc": manifests.RPC, "evmHttp": manifests.EVM, "rest": manifests.REST},
        },
    }


def node_phase(deployment: Deployment, world: World, node: str) -> str:
    """Running is never taken back: a node that crashes later keeps it, as a real one does."""
    before = {entry["name"]: entry["phase"] for entry in deployment.status.get("nodes") or []}
    if node in world.running or before.get(node) == "Running":
        return "Running"
    return "Initializing" if node in world.images else "Pending"


def with_conditions(
    deployment: Deployment, status: dict[str, Any], conditions: list[tuple[str, bool, str, str]], now: dt.datetime
) -> dict[str, Any]:
    """A condition keeps its time while its status stays."""
    before = {entry["type"]: entry for entry in deployment.status.get("conditions") or []}
    status["conditions"] = []
    for kind, holds, reason, message in conditions:
        text = "True" if holds else "False"
        old = before.get(kind, {})
        since = old["lastTransitionTime"] if old.get("status") == text else now.strftime("%Y-%m-%dT%H:%M:%SZ")
        status["conditions"].append(
            {
                "type": kind,
                "status": text,
                "reason": reason,
                "message": message,
                "observedGeneration": deployment.generation,
                "lastTransitionTime": since,
            }
        )
    return status

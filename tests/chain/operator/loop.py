"""Look at the cluster once a second, less often while all is settled, and do what is decided; nothing is kept meanwhile."""

import dataclasses
import datetime as dt
import functools
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import urllib3
from kubernetes import client

from . import manifests
from .cluster import ClusterView, has_started, owned
from .group import GroupWorld, decide_group
from .manifests import Peer
from .node import NodeWorld, decide_node
from .objects import (
    DEPLOYMENT,
    GROUP_FINALIZERS,
    LABEL_GROUP,
    LABEL_NODE,
    NETWORK,
    NODE,
    NODE_FINALIZER,
    Group,
    Manifest,
    Node,
    Peers,
    parse_deployment,
    parse_network,
    parse_node,
)

AT_ONCE = 8
SETTLED_FACTOR = 3
"""So much longer are the pauses once nothing is to come: many operators side by side share a machine."""
BUSY_FACTOR = 0.2
"""So much shorter after objects were created, of which more follow."""
SETTLED = ("Ready", "Running", "Failed")


class Operator:
    """`namespace` None is all of them; `program` makes a genesis; `say` gets one line for each change."""

    def __init__(
        self, api: client.ApiClient, program: Path, namespace: str | None = None, say: Callable[[str], None] = print
    ) -> None:
        self._view = ClusterView(api, say)
        self._program = program
        self._namespace = namespace
        self._say = say
        self._last_fault: dict[str, str] = {}
        self._pause_factor: float = 1
        self._groups: list[Group] = []
        self._nodes: list[Node] = []

    def run(self, stop: threading.Event, interval: float = 1.0) -> None:
        while not stop.is_set():
            self._pause_factor = 1
            self._guarded("list", self.look)
            stop.wait(interval * self._pause_factor)

    def look(self) -> None:
        """Reconcile every object once; a fault of one does not keep the others waiting."""
        self._view.fresh()
        self._groups = [
            *map(parse_deployment, self._view.of_kind(DEPLOYMENT, self._namespace)),
            *map(parse_network, self._view.of_kind(NETWORK, self._namespace)),
        ]
        self._nodes = self._all_nodes(self._namespace)
        # By what was seen before this look, which may have done the last thing that there was to do.
        seen = [*self._groups, *self._nodes]
        settled = bool(seen) and all(one.status.get("phase") in SETTLED and not one.meta.deleted for one in seen)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # Whoever creates waits for answers most of the time. Groups see what became of their nodes in this look.
            self._nodes = list(pool.map(self._look_at_node, self._nodes))
            list(pool.map(self._look_at_group, self._groups))
        leaving = self._view.leaving_claims(self._namespace)
        for claim in leaving:
            self._guarded(claim["metadata"]["name"], functools.partial(self._let_claim_go, claim))
        settled = settled and not leaving
        self._pause_factor = BUSY_FACTOR if self._view.created else SETTLED_FACTOR if settled else 1

    def _all_nodes(self, namespace: str | None) -> list[Node]:
        return [parse_node(body) for body in self._view.of_kind(NODE, namespace)]

    def _look_at_group(self, group: Group) -> None:
        self._guarded(group.meta.where, functools.partial(self._reconcile_group, group))

    def _look_at_node(self, node: Node) -> Node:
        """The node as it is afterwards."""
        after = [node]
        self._guarded(node.meta.where, lambda: after.append(self._reconcile_node(node)))
        return after[-1]

    def _guarded(self, what: str, action: Callable[[], None]) -> None:
        """Faults of the world end with the next look; each is said once."""
        try:
            action()
        except client.ApiException as error:
            self._fault(what, f"{error.status} {error.reason}: {error.body}")
        except (urllib3.exceptions.HTTPError, OSError, subprocess.SubprocessError) as error:
            self._fault(what, str(error))
        else:
            self._last_fault.pop(what, None)

    def _fault(self, what: str, text: str) -> None:
        if self._last_fault.get(what) != text:
            self._last_fault[what] = text
            self._say(f"{what}: {text}")

    # --- groups -----------------------------------------------------------------------------------

    def _reconcile_group(self, group: Group) -> None:
        decision = decide_group(group, self._world_of_group(group), dt.datetime.now(dt.UTC))
        if decision.hold:
            self._view.set_finalizers(group.meta, [*group.meta.finalizers, GROUP_FINALIZERS[group.meta.kind]])
        if decision.make_genesis:
            self._view.create(group.meta, manifests.genesis_config_map(group, self._make_genesis(group)))
        for body in decision.create:
            self._view.create(group.meta, body)
        for child in self._children(group):
            if child.meta.name in decision.reimage:
                self._view.patch(child.meta, {"spec": {"image": group.image}})
        self._view.write_status(group.meta, group.status, decision.status)
        if decision.orphan:
            self._orphan(group)

    def _world_of_group(self, group: Group) -> GroupWorld:
        if group.meta.deleted is not None:
            return GroupWorld()
        space, children = group.meta.namespace, self._children(group)
        mine = {child.meta.name for child in children}
        there = {node.meta.name for node in self._nodes if node.meta.namespace == space}
        genesis, genesis_owner = self._view.genesis(space, group.chain_id) if group.has_genesis else ("", "")
        services = owned(self._view.all("services", space), group.meta.uid)
        return GroupWorld(
            children=tuple(children),
            taken=frozenset(there - mine),
            has_internal_service=manifests.internal_name(group) in services,
            genesis=genesis,
            genesis_owner=genesis_owner,
            rivals=frozenset(other.meta.uid for other in self._groups if other is not group and not other.meta.deleted),
        )

    def _children(self, group: Group) -> list[Node]:
        found = [node for node in self._nodes if node.meta.is_controlled_by(group.meta.uid)]
        return sorted(found, key=lambda node: node.ordinal)

    def _make_genesis(self, group: Group) -> str:
        validators = [argument for node in group.nodes for argument in ("--validator", node)]
        command = [str(self._program), "genesis", "--chain-id", group.chain_id, *validators]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    def _orphan(self, group: Group) -> None:
        """All that the group made stays, and belongs to nobody. The genesis stays too, as it does in a bucket."""
        for child in self._children(group):
            left = [owner for owner in child.meta.owners if owner["uid"] != group.meta.uid]
            self._view.set_owners(child.meta, left)
        self._view.orphan_core(group.meta, "Service", manifests.internal_name(group))
        self._view.orphan_core(group.meta, "ConfigMap", manifests.genesis_name(group.chain_id))
        gone = GROUP_FINALIZERS[group.meta.kind]
        self._view.set_finalizers(group.meta, [one for one in group.meta.finalizers if one != gone])
        self._say(f"{group.meta.where}: its nodes stay")

    # --- nodes ------------------------------------------------------------------------------------

    def _reconcile_node(self, node: Node) -> Node:
        decision = decide_node(node, self._world_of_node(node), dt.datetime.now(dt.UTC))
        if decision.hold:
            self._view.set_finalizers(node.meta, [*node.meta.finalizers, NODE_FINALIZER])
        for body in decision.create:
            self._view.create(node.meta, body)
        if decision.reimage:
            self._view.reimage_pods(node.meta, node.image)
        self._view.write_status(node.meta, node.status, decision.status)
        if decision.release:
            if not node.imports_volume:
                self._view.delete_claim(node.meta, manifests.claim_name(node))
            self._view.set_finalizers(node.meta, [one for one in node.meta.finalizers if one != NODE_FINALIZER])
            self._say(f"{node.meta.where}: gone")
        return dataclasses.replace(node, status=decision.status)

    def _let_claim_go(self, claim: Manifest) -> None:
        """Once the pod of its node is gone, whether or not the node is."""
        space, labels = claim["metadata"]["namespace"], claim["metadata"].get("labels") or {}
        if not self._pods(space, labels.get(LABEL_NODE, "")):
            self._view.release_claim(claim)

    def _pods(self, namespace: str, node: str) -> list[Manifest]:
        pods = self._view.all("pods", namespace)
        return [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(LABEL_NODE) == node]

    def _world_of_node(self, node: Node) -> NodeWorld:
        if node.meta.deleted is not None or node.phase == "Failed":
            return NodeWorld()
        space, name = node.meta.namespace, node.meta.name
        sets = owned(self._view.all("statefulsets", space), node.meta.uid)
        pods = self._pods(space, name)
        there = name in sets
        return NodeWorld(
            genesis=there or bool(self._view.genesis(space, node.chain_id)[0]),
            peers=self._peers(node),
            image=_image(sets[name]) if there else None,
            service=name in owned(self._view.all("services", space), node.meta.uid),
            started=there and any(map(has_started, pods)),
            claim=self._claim_owner(node),
        )

    def _claim_owner(self, node: Node) -> str | None:
        for claim in self._view.all("persistentvolumeclaims", node.meta.namespace):
            if claim["metadata"]["name"] == manifests.claim_name(node):
                return next((owner["uid"] for owner in claim["metadata"].get("ownerReferences") or []), "")
        return None

    def _peers(self, node: Node) -> frozenset[Peer]:
        """Labels of SeiNodes decide, not those of pods. Validators of one ceremony know each other without."""
        found = {peer for entry in node.peers for peer in self._selected(node, entry)}
        if node.is_in_ceremony and LABEL_GROUP in node.meta.labels:
            siblings = Peers({LABEL_GROUP: node.meta.labels[LABEL_GROUP]}, None)
            found |= set(self._selected(node, siblings))
        return frozenset(found)

    def _selected(self, node: Node, entry: Peers) -> Sequence[Peer]:
        space = entry.namespace or node.meta.namespace
        others = self._nodes if self._namespace in (None, space) else self._all_nodes(space)
        return [
            Peer(other.meta.name, space)
            for other in others
            if other.meta.namespace == space and other.meta.deleted is None
            if entry.selector.items() <= other.meta.labels.items()
        ]


def _image(stateful_set: Manifest) -> str:
    return str(stateful_set["spec"]["template"]["spec"]["containers"][0]["image"])

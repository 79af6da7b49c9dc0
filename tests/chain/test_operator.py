"""The stand-in operator's decisions and objects, as functions of what was observed."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest

from emit_helpers import full_run, plan_of

from .operator.group import GroupDecision, GroupWorld, decide_group
from .operator.manifests import Peer, child, pod_labels, stateful_set
from .operator.node import NodeDecision, NodeWorld, decide_node
from .operator.objects import Group, Node, parse_deployment, parse_network, parse_node

CREATED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOW = CREATED + dt.timedelta(seconds=5)
RUN_LABELS = {"sei.io/chain-id": "nightly-1", "sei.io/role": "validator"}
IMAGE = "localhost/validationrun/chain:test"
FAIL = "test.operator.fail"


def metadata(name: str, **more: Any) -> dict[str, Any]:
    made = {"namespace": "eng-ada", "uid": f"uid-{name}", "generation": 1}
    return {"name": name, **made, "creationTimestamp": "2026-01-01T00:00:00Z", **more}


def deployment(
    name: str = "nightly-1-val",
    *,
    status: Mapping[str, Any] | None = None,
    overrides: Mapping[str, str] | None = None,
    **more: Any,
) -> Group:
    """Two validators unless the name says rpc."""
    full = name.endswith("rpc")
    selector = {"sei.io/nodedeployment": "nightly-1-val"} if full else {"sei.io/chain-id": "nightly-1"}
    inner = {
        "chainId": "nightly-1",
        "image": IMAGE,
        "peers": [{"label": {"selector": selector}}],
        "podLabels": {"tier": "gold"},
        "entrypoint": {"command": ["seid"]},
        "overrides": dict(overrides or {}),
        ("fullNode" if full else "validator"): {},
    }
    spec = {"replicas": 2, "template": {"metadata": {"labels": RUN_LABELS}, "spec": inner}}
    if not full:
        spec["genesis"] = {"chainId": "nightly-1"}
    return parse_deployment({"metadata": metadata(name, **more), "spec": spec, "status": dict(status or {})})


def network(
    *, status: Mapping[str, Any] | None = None, overrides: Mapping[str, str] | None = None, **more: Any
) -> Group:
    spec = {
        "image": IMAGE,
        "replicas": 2,
        "genesis": {"chainId": "nightly-1"},
        "configOverrides": dict(overrides or {}),
        "podLabels": {"tier": "gold"},
    }
    return parse_network({"metadata": metadata("nightly-1-val", **more), "spec": spec, "status": dict(status or {})})


def node_of(group: Group, ordinal: int, phase: str = "") -> Node:
    """A child as the API server has it."""
    body = child(group, ordinal)
    body["metadata"] |= metadata(body["metadata"]["name"])
    return parse_node({**body, "status": {"phase": phase} if phase else {}})


def standalone(name: str = "nightly-1-rpc-0", *, deleted: str = "", **spec: Any) -> Node:
    """A full node of the later era."""
    selector = {"sei.io/seinetwork": "nightly-1-val"}
    own = {"chainId": "nightly-1", "image": IMAGE, "peers": [{"label": {"selector": selector}}], "fullNode": {}, **spec}
    leaving = {"deletionTimestamp": deleted} if deleted else {}
    return parse_node({"metadata": metadata(name, finalizers=["sei.io/seinode-finalizer"], **leaving), "spec": own})


def world(group: Group, *phases: str, genesis: bool = True) -> GroupWorld:
    """Its nodes in these phases."""
    made = {"genesis": "{}", "genesis_owner": group.meta.uid} if genesis else {}
    children = tuple(node_of(group, ordinal, phase) for ordinal, phase in enumerate(phases))
    return GroupWorld(children=children, has_internal_service=True, **made)


def with_image(seen: GroupWorld) -> GroupWorld:
    """Its nodes' pods have been seen."""
    children = [dataclasses.replace(one, status={**one.status, "currentImage": IMAGE}) for one in seen.children]
    return dataclasses.replace(seen, children=tuple(children))


def looks(group: Group, *worlds: GroupWorld) -> list[GroupDecision]:
    """One look after another, each at the status that the one before wrote."""
    decisions: list[GroupDecision] = []
    for seen in worlds:
        before = decisions[-1].status if decisions else group.status
        decisions.append(decide_group(dataclasses.replace(group, status=before), seen, NOW))
    return decisions


def conditions(decision: GroupDecision) -> dict[str, str]:
    return {entry["type"]: entry["status"] for entry in decision.status["conditions"]}


def phases(decisions: Sequence[GroupDecision]) -> list[str]:
    return [decision.status["phase"] for decision in decisions]


def made(decision: GroupDecision | NodeDecision) -> list[str]:
    return [f"{body['kind']}/{body['metadata']['name']}" for body in decision.create]


PEERS = frozenset({Peer("nightly-1-val-0", "eng-ada"), Peer("nightly-1-val-1", "eng-ada")})
BOTH = pytest.mark.parametrize("group", [deployment(), network()], ids=["deployment", "network"])


# --- bring-up -------------------------------------------------------------------------------------


@BOTH
def test_nodes_come_first_then_the_genesis_then_ready(group: Group) -> None:
    new, nodes, genesis, released, later = looks(
        group,
        GroupWorld(),
        world(group, "Initializing", "Initializing", genesis=False),
        world(group, "Initializing", "Running"),
        world(group, "Running", "Running"),
        world(group, "Running", "Running"),
    )
    assert made(new) == ["Service/nightly-1-val-internal", "SeiNode/nightly-1-val-0", "SeiNode/nightly-1-val-1"]
    assert [one.make_genesis for one in (new, nodes, genesis)] == [False, True, False]
    assert phases([new, nodes, genesis, released, later]) == ["Initializing"] * 3 + ["Ready"] * 2
    assert (genesis.status["readyReplicas"], released.status["readyReplicas"]) == (1, 2)
    # Nothing of the ceremony says which generation it is of.
    assert ["observedGeneration" in one.status for one in (new, nodes, genesis, released)] == [False] * 3 + [True]
    assert ["plan" in one.status for one in (new, nodes, genesis, released)] == [True] * 3 + [False]
    assert conditions(genesis)["PlanInProgress"] == "True"
    assert conditions(released)["GenesisCeremonyComplete"] == "True"
    assert later.status == released.status


def test_false_conditions_of_a_healthy_object() -> None:
    ready = looks(network(), GroupWorld(), *[with_image(world(network(), "Running", "Running"))] * 2)[-1]
    assert conditions(ready) == {
        "NodesReady": "True",
        "GenesisCeremonyComplete": "True",
        "PlanInProgress": "False",
        "Paused": "False",
        "RolloutInProgress": "False",
    }
    older = looks(deployment(), GroupWorld(), *[world(deployment(), "Running", "Running")] * 2)[-1]
    assert conditions(older) == {"NodesReady": "True", "PlanInProgress": "False", "GenesisCeremonyComplete": "True"}


def test_full_nodes_have_no_ceremony() -> None:
    group = deployment("nightly-1-rpc")
    new, ready = looks(group, GroupWorld(), world(group, "Running", "Running", genesis=False))
    assert phases([new, ready]) == ["Pending", "Ready"]
    assert conditions(ready) == {"NodesReady": "True"}
    assert not ready.make_genesis


def test_switch_delay() -> None:
    slow = deployment(overrides={"test.operator.delay": "10s"})
    assert decide_group(slow, GroupWorld(), NOW) == GroupDecision({})
    assert decide_group(slow, GroupWorld(), CREATED + dt.timedelta(seconds=10)).create
    # A child has waited with its group.
    assert made(decide_node(node_of(slow, 0), NodeWorld(genesis=True), NOW))
    alone = standalone(overrides={"test.operator.delay": "10s"})
    assert decide_node(alone, NodeWorld(genesis=True), NOW) == NodeDecision({})
    assert made(decide_node(alone, NodeWorld(genesis=True), CREATED + dt.timedelta(seconds=10)))


def test_another_image_reaches_nodes_and_pods() -> None:
    old = dataclasses.replace(node_of(deployment(), 0, "Running"), image="old")
    seen = dataclasses.replace(world(deployment(), "Running", "Running"), children=(old, node_of(deployment(), 1)))
    assert decide_group(deployment(), seen, NOW).reimage == ("nightly-1-val-0",)
    assert decide_node(old, NodeWorld(genesis=True, image="older", service=True), NOW).reimage


# --- failures -------------------------------------------------------------------------------------


def test_one_of_two_followers_failed_is_degraded() -> None:
    group = deployment("nightly-1-rpc")
    seen = world(group, "Running", "Failed", genesis=False)
    (decision,) = looks(group, seen)
    assert decision.status["phase"] == "Degraded"
    assert [entry["phase"] for entry in decision.status["nodes"]] == ["Running", "Failed"]
    assert "plan" not in decision.status
    assert phases(looks(group, world(group, "Failed", "Failed", genesis=False))) == ["Failed"]


def test_a_deployment_says_no_cause() -> None:
    failing = deployment(overrides={FAIL: "no volume"})
    decisions = looks(failing, GroupWorld(), *[world(failing, "Failed", "Failed")] * 2)
    assert all("no volume" not in str(decision.status) for decision in decisions)


def test_a_failed_ceremony_alternates() -> None:
    group = deployment()
    all_failed = looks(group, GroupWorld(), *[world(group, "Failed", "Failed")] * 4)
    assert phases(all_failed) == ["Initializing", "Failed", "Initializing", "Failed", "Initializing"]
    none_running = looks(group, GroupWorld(), *[world(group, "Failed", "Initializing")] * 4)
    assert phases(none_running) == ["Initializing"] * 5
    assert [conditions(one)["PlanInProgress"] for one in none_running] == ["True", "False", "True", "False", "True"]
    some_running = looks(group, GroupWorld(), *[world(group, "Failed", "Running")] * 2)
    assert phases(some_running) == ["Initializing", "Degraded", "Initializing"]


def test_a_failed_ceremony_of_a_network_is_final() -> None:
    group = network()
    decisions = looks(group, GroupWorld(), world(group, "Failed", "Running"), *[world(group, "Running", "Running")] * 2)
    assert phases(decisions) == ["Initializing", "Failed", "Failed", "Failed"]
    (complete,) = (one for one in decisions[-1].status["conditions"] if one["type"] == "GenesisCeremonyComplete")
    assert (complete["status"], complete["reason"]) == ("False", "CeremonyFailed")
    assert "plan" not in decisions[-1].status


def test_switch_ceremony_fails() -> None:
    group = network(overrides={"test.operator.ceremony_fails": "true"})
    seen = world(group, "Initializing", "Initializing", genesis=False)
    decision = looks(group, GroupWorld(), seen)[-1]
    assert decision.status["phase"] == "Failed"
    assert not decision.make_genesis
    assert {entry["phase"] for entry in decision.status["nodes"]} == {"Initializing"}


@pytest.mark.parametrize(("task", "genesis"), [("", True), ("config-apply", True), ("generate-gentx", False)])
def test_switch_fail(task: str, genesis: bool) -> None:
    group = deployment(overrides={FAIL: "no volume", "test.operator.fail_task": task})
    decision = decide_node(node_of(group, 0), NodeWorld(genesis=genesis), NOW)
    assert decision.status["phase"] == "Failed"
    detail = decision.status["plan"]["failedTaskDetail"]
    assert (detail["type"], detail["error"]) == (task or "config-apply", "no volume")
    # Its volume was made before it failed.
    assert made(decision) == ["PersistentVolumeClaim/data-nightly-1-val-0"]
    failed = dataclasses.replace(node_of(group, 0), status=decision.status)
    again = decide_node(failed, NodeWorld(genesis=True, peers=PEERS), NOW + dt.timedelta(hours=1))
    assert again.status == decision.status


def test_a_value_that_the_sidecars_of_its_time_do_not_know_fails_a_node() -> None:
    """As all validators of a starter did; the later controller's sidecars take it."""
    later = {"storage.state_commit.write_mode": "memiavl_only"}
    failed = decide_node(node_of(deployment(overrides=later), 0), NodeWorld(genesis=True), NOW).status
    detail = failed["plan"]["failedTaskDetail"]
    assert (failed["phase"], detail["type"], detail["error"]) == (
        "Failed",
        "config-apply",
        "invalid write_mode 'memiavl_only'",
    )
    known = {"storage.state_commit.write_mode": "cosmos_only"}
    assert (
        decide_node(node_of(deployment(overrides=known), 0), NodeWorld(genesis=True), NOW).status["phase"] != "Failed"
    )
    alone = standalone("nightly-1-rpc-1", overrides=later)
    assert decide_node(alone, NodeWorld(genesis=True), NOW).status["phase"] != "Failed"


def test_a_task_behind_the_genesis_fails_behind_it() -> None:
    group = deployment(overrides={FAIL: "no volume"})
    assert decide_node(node_of(group, 0), NodeWorld(), NOW).status["phase"] == "Initializing"


def test_a_node_that_failed_brings_no_part_of_the_genesis() -> None:
    group = deployment()
    seen = world(group, "Failed", "Initializing", genesis=False)
    assert not any(one.make_genesis for one in looks(group, GroupWorld(), seen, seen))


def test_switch_fail_nodes() -> None:
    group = deployment(overrides={FAIL: "no volume", "test.operator.fail_nodes": "1"})
    decisions = [decide_node(node_of(group, ordinal), NodeWorld(genesis=True), NOW) for ordinal in (0, 1)]
    assert [decision.status["phase"] for decision in decisions] == ["Initializing", "Failed"]
    alone = standalone("nightly-1-rpc-1", overrides=group.switches.overrides)
    assert decide_node(alone, NodeWorld(genesis=True), NOW).status["phase"] == "Failed"


@pytest.mark.parametrize(
    ("key", "value"), [("delay", "soon"), ("pods_after", "1"), ("linger", "x"), ("fail_nodes", "one")]
)
def test_a_switch_that_means_nothing(key: str, value: str) -> None:
    wrong = deployment(overrides={f"test.operator.{key}": value})
    detail = decide_node(node_of(wrong, 0), NodeWorld(genesis=True), NOW).status["plan"]["failedTaskDetail"]
    assert (detail["type"], value in detail["error"]) == ("config-validate", True)
    assert made(decide_group(wrong, GroupWorld(), NOW))


def test_full_nodes_of_a_deployment_have_no_patience() -> None:
    node = node_of(deployment("nightly-1-rpc"), 0)
    early = decide_node(node, NodeWorld(), NOW)
    assert early.status["phase"] == "Failed"
    assert early.status["plan"]["failedTaskDetail"]["type"] == "configure-genesis"
    alone = decide_node(node, NodeWorld(genesis=True), NOW)
    assert alone.status["plan"]["failedTaskDetail"]["type"] == "discover-peers"
    there = decide_node(dataclasses.replace(node, status={"phase": "Initializing"}), NodeWorld(image=IMAGE), NOW)
    assert there.status["phase"] == "Initializing"


def test_standalone_nodes_wait() -> None:
    decision = decide_node(standalone(), NodeWorld(), NOW)
    assert decision.status["phase"] == "Initializing"
    assert decision.status["plan"]["tasks"][-1] == {
        "type": "configure-genesis",
        "id": "nightly-1-rpc-0-configure-genesis",
        "status": "Pending",
    }
    assert made(decision) == ["PersistentVolumeClaim/data-nightly-1-rpc-0", "Service/nightly-1-rpc-0"]


def test_running_is_never_taken_back() -> None:
    running = dataclasses.replace(standalone(overrides={FAIL: "late"}), status={"phase": "Running"})
    decision = decide_node(running, NodeWorld(genesis=True, image=IMAGE, service=True), NOW)
    assert decision.status["phase"] == "Running"
    assert "plan" not in decision.status


# --- volumes --------------------------------------------------------------------------------------


@BOTH
def test_a_node_has_a_volume_of_its_own(group: Group) -> None:
    node = node_of(group, 0)
    claim = decide_node(node, NodeWorld(genesis=True), NOW).create[0]
    assert (claim["kind"], claim["metadata"]["name"]) == ("PersistentVolumeClaim", "data-nightly-1-val-0")
    assert claim["metadata"]["labels"] == pod_labels(node)
    assert claim["metadata"]["ownerReferences"][0]["uid"] == node.meta.uid
    own = decide_node(node, NodeWorld(genesis=True, claim=node.meta.uid), NOW)
    assert made(own) == ["Service/nightly-1-val-0", "StatefulSet/nightly-1-val-0"]


@pytest.mark.parametrize("owner", ["", "uid-of-another"])
@pytest.mark.parametrize("node", [node_of(deployment(), 0), standalone()], ids=["child", "standalone"])
def test_a_volume_of_another_one_is_the_end_of_a_node(node: Node, owner: str) -> None:
    decision = decide_node(node, NodeWorld(claim=owner), NOW)
    assert (decision.status["phase"], decision.create) == ("Failed", ())
    plan = decision.status["plan"]
    assert [task["type"] for task in plan["tasks"]] == ["ensure-data-pvc"]
    assert plan["failedTaskDetail"]["error"] == (
        f"data-{node.meta.name} is there, and not owned by SeiNode {node.meta.name}"
    )


def test_a_volume_matters_only_before_a_node_runs_and_not_when_it_is_imported() -> None:
    running = dataclasses.replace(standalone(), status={"phase": "Running"})
    assert decide_node(running, NodeWorld(genesis=True, claim="other"), NOW).status["phase"] == "Running"
    imported = standalone(dataVolume={"import": {"pvcName": "data-nightly-1-rpc-0"}})
    decision = decide_node(imported, NodeWorld(claim="other"), NOW)
    assert (decision.status["phase"], made(decision)) == ("Initializing", ["Service/nightly-1-rpc-0"])
    assert made(decide_node(imported, NodeWorld(), NOW)) == ["Service/nightly-1-rpc-0"]


# --- ready without a pod --------------------------------------------------------------------------


def test_switch_pods_after() -> None:
    overrides = {"test.operator.pods_after": "10s"}
    node = node_of(network(overrides=overrides), 0)
    early = decide_node(node, NodeWorld(genesis=True), NOW)
    assert early.status["phase"] == "Running"
    assert "currentImage" not in early.status
    assert made(early) == ["PersistentVolumeClaim/data-nightly-1-val-0", "Service/nightly-1-val-0"]
    late = decide_node(node, NodeWorld(genesis=True), CREATED + dt.timedelta(seconds=10))
    assert "StatefulSet/nightly-1-val-0" in made(late)
    waiting = decide_node(node, NodeWorld(), NOW)
    assert waiting.status["phase"] == "Initializing"


def test_a_network_is_ready_while_its_pods_are_still_to_come() -> None:
    group = network()
    ready = looks(group, GroupWorld(), *[world(group, "Running", "Running")] * 2)[-1]
    assert ready.status["phase"] == "Ready"
    assert conditions(ready)["RolloutInProgress"] == "True"
    seen = with_image(world(group, "Running", "Running"))
    rolled = decide_group(dataclasses.replace(group, status=ready.status), seen, NOW)
    assert conditions(rolled)["RolloutInProgress"] == "False"


# --- the end --------------------------------------------------------------------------------------


def test_a_node_lives_on_until_its_finalizer_goes() -> None:
    leaving = standalone(deleted="2026-01-01T00:00:04Z", overrides={"test.operator.linger": "20s"})
    now = decide_node(leaving, NodeWorld(), NOW)
    assert (now.status["phase"], now.release) == ("Terminating", False)
    later = decide_node(leaving, NodeWorld(), NOW + dt.timedelta(seconds=20))
    assert later.release
    at_once = decide_node(standalone(deleted="2026-01-01T00:00:04Z"), NodeWorld(), NOW)
    assert at_once.release


def test_a_network_keeps_its_nodes_by_default() -> None:
    assert looks(network(), GroupWorld())[0].hold
    assert not looks(deployment(), GroupWorld())[0].hold
    held = {"finalizers": ["sei.io/seinetwork-finalizer"], "deletionTimestamp": "2026-01-01T00:00:04Z"}
    decision = decide_group(network(**held), GroupWorld(), NOW)
    assert decision.orphan
    assert not decision.create


def test_a_chain_id_whose_nodes_still_live_is_waited_for() -> None:
    group = deployment()
    seen = GroupWorld(taken=frozenset(group.nodes), has_internal_service=True)
    (waiting,) = looks(group, seen)
    assert (waiting.status["phase"], waiting.create) == ("Pending", ())
    assert "plan" not in waiting.status
    gone = looks(group, seen, GroupWorld(has_internal_service=True))[-1]
    assert made(gone) == ["SeiNode/nightly-1-val-0", "SeiNode/nightly-1-val-1"]


def test_a_genesis_of_another_group_fails_the_ceremony() -> None:
    group = network()
    seen = dataclasses.replace(world(group, "Initializing", "Initializing"), genesis_owner="uid-other")
    assert phases(looks(group, GroupWorld(), seen))[-1] == "Initializing"
    rival = dataclasses.replace(seen, rivals=frozenset({"uid-other"}))
    assert phases(looks(group, GroupWorld(), rival))[-1] == "Failed"


# --- objects --------------------------------------------------------------------------------------


def test_labels_of_a_deployment_reach_nodes_and_pods() -> None:
    body = child(deployment(), 1)
    stamped = {"sei.io/nodedeployment": "nightly-1-val", "sei.io/revision": "1"}
    assert body["metadata"]["labels"] == {**RUN_LABELS, **stamped, "sei.io/nodedeployment-ordinal": "1"}
    assert body["metadata"]["finalizers"] == ["sei.io/seinode-finalizer"]
    assert body["metadata"]["ownerReferences"][0]["uid"] == "uid-nightly-1-val"
    assert "entrypoint" not in body["spec"]
    pods = {**RUN_LABELS, "tier": "gold", **stamped, "sei.io/node": "nightly-1-val-1"}
    assert pod_labels(node_of(deployment(), 1)) == pods


def test_labels_of_a_network_do_not() -> None:
    labelled = network(labels=RUN_LABELS)
    names = {"sei.io/nodedeployment": "nightly-1-val", "sei.io/seinetwork": "nightly-1-val"}
    said = {"sei.io/chain": "nightly-1", "sei.io/role": "validator"}
    ordinals = {"sei.io/nodedeployment-ordinal": "1", "sei.io/seinetwork-ordinal": "1"}
    assert child(labelled, 1)["metadata"]["labels"] == {**names, **ordinals, **said}
    pods = {"tier": "gold", **names, **said, "sei.io/node": "nightly-1-val-1"}
    assert pod_labels(node_of(labelled, 1)) == pods


@pytest.mark.parametrize(("mode", "role"), [("fullNode", "node"), ("archive", "archive"), ("replayer", "replayer")])
def test_role_of_a_standalone_node(mode: str, role: str) -> None:
    node = dataclasses.replace(standalone(podLabels={"tier": "gold"}), mode=mode)
    labels = {"sei.io/node": "nightly-1-rpc-0", "sei.io/chain": "nightly-1", "sei.io/role": role}
    assert pod_labels(node) == {"tier": "gold", **labels}


def test_endpoint_of_nodes_that_serve_evm() -> None:
    status = decide_node(standalone(), NodeWorld(genesis=True), NOW).status
    assert status["endpoint"]["evmJsonRpc"] == "http://nightly-1-rpc-0.eng-ada.svc:8545"
    validator = decide_node(node_of(network(), 0), NodeWorld(genesis=True), NOW).status
    assert "endpoint" not in validator


def test_the_planned_endpoint_of_a_node_is_the_pod_behind_the_one_that_the_controller_publishes() -> None:
    """The compiler computes the addresses, because a load needs them before a status may be there."""
    run = full_run()
    run["spec"]["chain"]["api"] = "SeiNetwork"
    for entry in run["spec"]["chain"]["deployments"]:
        entry["spec"].pop("monitoring", None)
    planned = plan_of(run).endpoints
    published = decide_node(standalone(), NodeWorld(genesis=True), NOW).status["endpoint"]
    own = [urlsplit(url.replace("${chainId}", "nightly-1")) for url in (planned.evm[0], planned.ws[0])]
    told = [urlsplit(published[name]) for name in ("evmJsonRpc", "evmWs")]
    assert [url.port for url in own] == [url.port for url in told] == [8545, 8546]
    assert [url.hostname for url in own] == [f"nightly-1-rpc-0-0.{url.hostname}" for url in told]


def test_peers_reach_the_node_without_itself() -> None:
    node = node_of(deployment(), 0)
    decision = decide_node(node, NodeWorld(genesis=True, peers=PEERS), NOW)
    args = decision.create[-1]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--role=validator" in args
    assert [arg for arg in args if arg.startswith("--peer=")] == [
        "--peer=nightly-1-val-1=nightly-1-val-1-0.nightly-1-val-1.eng-ada.svc:26656"
    ]
    assert decision.status["resolvedPeers"] == ["nightly-1-val-1-0.nightly-1-val-1.eng-ada.svc.cluster.local:26656"]


@pytest.mark.parametrize(
    ("switch", "value", "flag"),
    [
        ("ready_without_serving", "true", "--no-serve"),
        ("crash_after", "5s", "--crash-after=5s"),
        ("halt_height", "20", "--halt-height=20"),
        ("metrics_namespace", "tendermint", "--metrics-namespace=tendermint"),
        ("timeout_commit", "100ms", "--timeout-commit=100ms"),
        ("real_evm", "true", "--evm-program=/evm"),
    ],
)
def test_switches_of_the_node(switch: str, value: str, flag: str) -> None:
    switched = stateful_set(standalone(overrides={f"test.operator.{switch}": value}), [])
    assert flag in switched["spec"]["template"]["spec"]["containers"][0]["args"]
    plain = stateful_set(standalone(), [])
    assert flag not in plain["spec"]["template"]["spec"]["containers"][0]["args"]
    assert plain["spec"]["serviceName"] == plain["metadata"]["name"]
    assert plain["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == "26660"

"""The stand-in operator's decisions and objects, as functions of what was observed."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from .operator.decide import Decision, World, decide
from .operator.deployment import Deployment, parse
from .operator.manifests import Peer, stateful_set

CREATED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOW = CREATED + dt.timedelta(seconds=5)
RUN_LABELS = {"sei.io/chain-id": "nightly-1", "sei.io/role": "validator"}


def deployment(
    name: str = "nightly-1-validators",
    *,
    replicas: int = 2,
    status: Mapping[str, Any] | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Deployment:
    """Validators unless the name says rpc."""
    full = name.endswith("rpc")
    selector = {"sei.io/nodedeployment": "nightly-1-validators"} if full else {"sei.io/chain-id": "nightly-1"}
    spec: dict[str, Any] = {
        "replicas": replicas,
        "updateStrategy": {"type": "InPlace"},
        "template": {
            "metadata": {"labels": RUN_LABELS},
            "spec": {
                "chainId": "nightly-1",
                "image": "localhost/validationrun/chain:test",
                "peers": [{"label": {"selector": selector}}],
                "overrides": dict(overrides or {}),
                ("fullNode" if full else "validator"): {},
            },
        },
    }
    if not full:
        spec["genesis"] = {"chainId": "nightly-1"}
    metadata = {
        "name": name,
        "namespace": "eng-ada",
        "uid": f"uid-{name}",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return parse({"metadata": metadata, "spec": spec, "status": dict(status or {})})


def conditions(decision: Decision) -> dict[str, str]:
    return {entry["type"]: entry["status"] for entry in decision.status["conditions"]}


def kinds(decision: Decision) -> list[str]:
    return [f"{body['kind']}/{body['metadata']['name']}" for body in decision.create]


GENESIS = World(genesis="{}", genesis_owner="uid-nightly-1-validators")
PEERS = frozenset({Peer("nightly-1-validators-0", "eng-ada"), Peer("nightly-1-validators-1", "eng-ada")})


def test_validators_make_a_genesis_first() -> None:
    decision = decide(deployment(), World(), NOW)
    assert decision.make_genesis
    assert not decision.create
    assert decision.status["phase"] == "Pending"
    assert conditions(decision)["GenesisCeremonyNeeded"] == "True"
    assert conditions(decision)["GenesisCeremonyComplete"] == "False"


def test_validators_start_with_their_genesis() -> None:
    decision = decide(deployment(), GENESIS, NOW)
    assert kinds(decision) == [
        "Service/nightly-1-validators-internal",
        "Service/nightly-1-validators-0",
        "Service/nightly-1-validators-1",
        "StatefulSet/nightly-1-validators-0",
        "StatefulSet/nightly-1-validators-1",
    ]
    assert conditions(decision)["GenesisCeremonyComplete"] == "True"
    for body in decision.create:
        assert body["metadata"]["ownerReferences"][0]["uid"] == "uid-nightly-1-validators"


def test_ready_when_every_container_started() -> None:
    images = dict.fromkeys(deployment().nodes, deployment().image)
    some = World(genesis="{}", genesis_owner=deployment().uid, images=images, running=frozenset(deployment().nodes[:1]))
    first = decide(deployment(), some, NOW)
    assert (first.status["phase"], first.status["readyReplicas"]) == ("Initializing", 1)
    everything = World(
        genesis="{}", genesis_owner=deployment().uid, images=images, running=frozenset(deployment().nodes)
    )
    second = decide(deployment(status=first.status), everything, NOW)
    assert (second.status["phase"], second.status["readyReplicas"]) == ("Ready", 2)
    assert conditions(second)["NodesReady"] == "True"
    assert second.status["observedGeneration"] == 1
    crashed = World(genesis="{}", genesis_owner=deployment().uid, images=images)
    later = decide(deployment(status=second.status), crashed, NOW + dt.timedelta(hours=1))
    assert later.status == second.status


def test_full_nodes_before_the_genesis_fail_for_good() -> None:
    early = decide(deployment("nightly-1-rpc"), World(), NOW)
    assert early.status["phase"] == "Failed"
    assert "NoSuchKey" in early.status["plan"]["failedTaskDetail"]["error"]
    late = World(genesis="{}", genesis_owner="uid-nightly-1-validators", peers=PEERS)
    again = decide(deployment("nightly-1-rpc", status=early.status), late, NOW)
    assert again.status == early.status
    assert not again.create


def test_full_nodes_without_peers_fail() -> None:
    decision = decide(deployment("nightly-1-rpc"), GENESIS, NOW)
    assert decision.status["plan"]["failedTaskDetail"]["type"] == "discover-peers"


def test_full_nodes_know_the_validators() -> None:
    world = World(genesis="{}", genesis_owner="uid-nightly-1-validators", peers=PEERS)
    decision = decide(deployment("nightly-1-rpc", replicas=1), world, NOW)
    args = decision.create[-1]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--role=full" in args
    assert [arg for arg in args if arg.startswith("--peer=")] == [
        f"--peer={name}={name}-0.{name}.eng-ada.svc:26656"
        for name in ("nightly-1-validators-0", "nightly-1-validators-1")
    ]


def test_validators_are_each_others_peers() -> None:
    args = decide(deployment(), GENESIS, NOW).create[-1]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert [arg for arg in args if arg.startswith("--peer=")] == [
        "--peer=nightly-1-validators-0=nightly-1-validators-0-0.nightly-1-validators-0.eng-ada.svc:26656"
    ]


def test_a_genesis_of_another_is_a_failure() -> None:
    decision = decide(deployment(), World(genesis="{}", genesis_owner="uid-other"), NOW)
    assert decision.status["phase"] == "Failed"
    assert conditions(decision)["GenesisCeremonyComplete"] == "False"


def test_switch_delay() -> None:
    slow = deployment(overrides={"test.operator.delay": "10s"})
    assert not decide(slow, World(), NOW).make_genesis
    assert decide(slow, World(), CREATED + dt.timedelta(seconds=10)).make_genesis
    wrong = decide(deployment(overrides={"test.operator.delay": "soon"}), World(), NOW)
    assert wrong.status["phase"] == "Failed"


def test_switch_fail() -> None:
    decision = decide(deployment(overrides={"test.operator.fail": "no volume"}), World(), NOW)
    assert decision.status["phase"] == "Failed"
    assert decision.status["plan"]["failedTaskDetail"]["error"] == "no volume"
    assert {node["phase"] for node in decision.status["nodes"]} == {"Failed"}


@pytest.mark.parametrize(
    ("switch", "value", "flag"),
    [
        ("ready_without_serving", "true", "--no-serve"),
        ("halt_height", "20", "--halt-height=20"),
        ("metrics_namespace", "tendermint", "--metrics-namespace=tendermint"),
        ("timeout_commit", "100ms", "--timeout-commit=100ms"),
    ],
)
def test_switches_of_the_node(switch: str, value: str, flag: str) -> None:
    made = stateful_set(deployment(overrides={f"test.operator.{switch}": value}), "nightly-1-validators-0", [])
    assert flag in made["spec"]["template"]["spec"]["containers"][0]["args"]
    plain = stateful_set(deployment(), "nightly-1-validators-0", [])
    assert flag not in plain["spec"]["template"]["spec"]["containers"][0]["args"]


def test_labels_reach_the_pods() -> None:
    made = stateful_set(deployment(), "nightly-1-validators-0", [])
    pod = made["spec"]["template"]["metadata"]
    assert pod["labels"] == {
        **RUN_LABELS,
        "sei.io/nodedeployment": "nightly-1-validators",
        "sei.io/revision": "1",
        "sei.io/node": "nightly-1-validators-0",
    }
    assert made["metadata"]["labels"]["sei.io/nodedeployment-ordinal"] == "0"
    assert pod["annotations"]["prometheus.io/port"] == "26660"
    assert made["spec"]["serviceName"] == made["metadata"]["name"]


def test_another_image_reaches_children() -> None:
    images = {"nightly-1-validators-0": "old", "nightly-1-validators-1": deployment().image}
    world = World(genesis="{}", genesis_owner=deployment().uid, images=images)
    assert decide(deployment(), world, NOW).reimage == ("nightly-1-validators-0",)

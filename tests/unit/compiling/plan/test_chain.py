"""What is injected into a SeiNodeDeployment, and the endpoints."""

import pytest

from emit_helpers import RUN_LABELS, edited, full_run, node, plan_of, rules_only, unchanged

VALIDATOR_LABELS = RUN_LABELS | {
    "app.kubernetes.io/component": "chain",
    "sei.io/role": "validator",
    "sei.io/deployment-name": "validators",
}
FULL_NODE_LABELS = RUN_LABELS | {
    "app.kubernetes.io/component": "rpc",
    "sei.io/role": "fullNode",
    "sei.io/deployment-name": "rpc",
}


def objects(edit=unchanged):
    return [entry.manifest.data for entry in plan_of(edited(edit)).deployments]


def spec_of(run, index):
    return run["spec"]["chain"]["deployments"][index]["spec"]


def test_an_object_is_named_after_the_effective_chain_id_and_its_entry():
    validators, rpc = objects()
    assert (validators["apiVersion"], validators["kind"]) == ("sei.io/v1alpha1", "SeiNodeDeployment")
    assert [one["metadata"]["name"] for one in (validators, rpc)] == ["${chainId}-validators", "${chainId}-rpc"]
    assert validators["metadata"]["namespace"] == "eng-ada"


def test_labels_stand_on_the_object_and_on_the_template():
    for found, wanted in zip(objects(), (VALIDATOR_LABELS, FULL_NODE_LABELS), strict=True):
        assert found["metadata"]["labels"] == wanted
        assert found["spec"]["template"]["metadata"]["labels"] == wanted


def test_a_users_own_template_labels_stay_beside_ours():
    def edit(run):
        metadata = {"labels": {"team": "ada"}, "annotations": {"a": "b"}}
        spec_of(run, 0)["template"]["metadata"] = metadata

    metadata = objects(edit)[0]["spec"]["template"]["metadata"]
    assert metadata == {"labels": {"team": "ada", **VALIDATOR_LABELS}, "annotations": {"a": "b"}}


def test_the_workflow_owns_the_object_without_controller_or_block():
    for one in objects():
        assert one["metadata"]["ownerReferences"] == [
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "${runId}", "uid": "${workflowUid}"}
        ]


def test_chain_id_is_injected_for_every_node_and_into_the_validators_genesis_only():
    validators, rpc = objects()
    assert validators["spec"]["genesis"] == {"chainId": "${chainId}"}
    assert "genesis" not in rpc["spec"]
    assert [one["spec"]["template"]["spec"]["chainId"] for one in (validators, rpc)] == ["${chainId}"] * 2


def test_a_users_chain_ids_are_replaced_and_the_rest_of_genesis_stays():
    def edit(run):
        spec_of(run, 0)["genesis"] = {"chainId": "mine", "stakingAmount": "5usei"}
        spec_of(run, 0)["template"]["spec"]["chainId"] = "mine"

    spec = objects(edit)[0]["spec"]
    assert spec["genesis"] == {"chainId": "${chainId}", "stakingAmount": "5usei"}
    assert spec["template"]["spec"]["chainId"] == "${chainId}"


def test_the_roles_block_is_injected():
    validators, rpc = (one["spec"]["template"]["spec"] for one in objects())
    assert validators["validator"] == {}
    assert "fullNode" not in validators
    assert rpc["fullNode"] == {}
    assert "validator" not in rpc


def test_a_users_own_role_block_wins():
    def edit(run):
        spec_of(run, 0)["template"]["spec"]["validator"] = {"snapshot": {"stateSync": {}}}
        spec_of(run, 1)["template"]["spec"]["fullNode"] = {"snapshot": {"s3": {"targetHeight": 2}}}

    validators, rpc = (one["spec"]["template"]["spec"] for one in objects(edit))
    assert validators["validator"] == {"snapshot": {"stateSync": {}}}
    assert rpc["fullNode"] == {"snapshot": {"s3": {"targetHeight": 2}}}


@pytest.mark.parametrize(
    ("mode", "settings"),
    [("archive", {}), ("archive", {"snapshotGeneration": {"tendermint": {"keepRecent": 2}}}),
     ("replayer", {"snapshot": {"s3": {"targetHeight": 5}}})],
)  # fmt: skip
def test_another_mode_of_a_full_node_stands_alone(mode, settings):
    """The API refuses a node of two modes, so that no empty fullNode may be put beside the user's."""

    def edit(run):
        spec_of(run, 1)["template"]["spec"][mode] = settings

    node = objects(edit)[1]["spec"]["template"]["spec"]
    assert node[mode] == settings
    assert {"fullNode", "archive", "replayer", "validator"} & node.keys() == {mode}
    assert node["peers"] == [{"label": {"selector": {"sei.io/nodedeployment": "${chainId}-validators"}}}]


def test_validators_find_peers_by_chain_and_full_nodes_by_the_validators_object():
    validators, rpc = (one["spec"]["template"]["spec"]["peers"] for one in objects())
    assert validators == [{"label": {"selector": {"sei.io/chain-id": "${chainId}"}}}]
    assert rpc == [{"label": {"selector": {"sei.io/nodedeployment": "${chainId}-validators"}}}]


@pytest.mark.parametrize("peers", [[], [{"static": {"addresses": ["a"]}}]])
def test_a_users_own_peers_win(peers):
    def edit(run):
        spec_of(run, 1)["template"]["spec"]["peers"] = peers

    assert objects(edit)[1]["spec"]["template"]["spec"]["peers"] == peers


def test_update_strategy_and_deletion_policy_have_defaults():
    for one in objects():
        assert one["spec"]["updateStrategy"] == {"type": "InPlace"}
        assert one["spec"]["deletionPolicy"] == "Delete"


def test_a_users_own_update_strategy_and_deletion_policy_win():
    def edit(run):
        run["spec"]["cleanup"] = "Never"
        spec_of(run, 0)["updateStrategy"] = {"type": "HardFork", "hardFork": {"haltHeight": 9}}
        spec_of(run, 0)["deletionPolicy"] = "Retain"

    spec = objects(edit)[0]["spec"]
    assert spec["updateStrategy"] == {"type": "HardFork", "hardFork": {"haltHeight": 9}}
    assert spec["deletionPolicy"] == "Retain"


def test_every_setting_of_a_deployment_reaches_the_object_as_it_was_written():
    genesis = {
        "stakingAmount": "5usei",
        "accounts": [{"address": "sei1", "balance": "7usei"}],
        "overrides": {"app_state.gov": "1"},
        "maxCeremonyDuration": "20m",
        "fork": {"sourceChainId": "pacific-1", "sourceImage": "seid:6.1", "exportHeight": 9},
    }
    node = {
        "entrypoint": {"command": ["seid"], "args": ["start"]},
        "peers": [
            {"static": {"addresses": ["a@b:26656"]}},
            {"ec2Tags": {"region": "eu-central-1", "tags": {"a": "b"}}},
        ],
        "overrides": {"evm.http_port": "8545"},
        "sidecar": {
            "image": "sidecar:1",
            "port": 7,
            "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": 5}},
        },
        "podLabels": {"team": "ada"},
        "dataVolume": {"import": {"pvcName": "data"}},
        "validator": {"snapshot": {"s3": {"targetHeight": 3}, "trustPeriod": "9h", "backfillBlocks": 4}},
    }

    def edit(run):
        # An imported volume is one node's.
        spec_of(run, 0).update(genesis=genesis, networking={}, replicas=1)
        spec_of(run, 0)["template"]["spec"] |= node

    spec = objects(edit)[0]["spec"]
    assert spec["networking"] == {}
    assert spec["genesis"] == {**genesis, "chainId": "${chainId}"}
    assert {key: spec["template"]["spec"][key] for key in node} == node


def test_replicas_are_written_out():
    def edit(run):
        del spec_of(run, 1)["replicas"]

    assert [one["spec"]["replicas"] for one in objects(edit)] == [4, 1]


def test_what_a_user_did_not_write_is_not_written_but_for_what_is_injected():
    validators, rpc = objects()
    assert list(validators["spec"]) == [
        "replicas",
        "deletionPolicy",
        "updateStrategy",
        "genesis",
        "monitoring",
        "template",
    ]
    assert list(rpc["spec"]["template"]["spec"]) == ["chainId", "image", "fullNode", "peers"]


# Endpoints.


def test_endpoints_are_the_full_nodes_only_in_the_order_of_the_spec_and_then_ordinal():
    def edit(run):
        run["spec"]["chain"]["deployments"] = [
            node("b", "fullNode", replicas=2),
            node("validators", "validator", replicas=4),
            node("a", "fullNode"),
        ]

    endpoints = plan_of(edited(edit)).endpoints
    hosts = [
        f"${{chainId}}-{name}-{index}-0.${{chainId}}-{name}-{index}.eng-ada.svc"
        for name, index in (("b", 0), ("b", 1), ("a", 0))
    ]
    assert endpoints.rpc == tuple(f"http://{host}:26657" for host in hosts)
    assert endpoints.evm == tuple(f"http://{host}:8545" for host in hosts)
    assert endpoints.ws == tuple(f"ws://{host}:8546" for host in hosts)
    assert endpoints.rest == tuple(f"http://{host}:1317" for host in hosts)


def test_a_deployment_that_switches_evm_off_serves_no_evm_and_no_websocket():
    def edit(run):
        run["spec"]["chain"]["deployments"].append(node("plain", "fullNode"))
        spec_of(run, 2)["template"]["spec"]["overrides"] = {"evm.http_enabled": "false"}

    plan = plan_of(edited(edit))
    assert len(plan.endpoints.rpc) == len(plan.endpoints.rest) == 3
    assert len(plan.endpoints.evm) == len(plan.endpoints.ws) == 2
    assert not any("plain" in url for url in plan.endpoints.evm + plan.endpoints.ws)


@pytest.mark.parametrize(
    ("overrides", "evm", "ws"),
    [
        ({}, "http://{}:8545", "ws://{}:8546"),
        ({"evm.http_port": "18545"}, "http://{}:18545", "ws://{}:8546"),
        ({"evm.ws_port": "18546"}, "http://{}:8545", "ws://{}:18546"),
        ({"evm.ws_enabled": "false"}, "http://{}:8545", None),
        ({"evm.ws_enabled": "False", "evm.ws_port": "18546"}, "http://{}:8545", None),
        ({"evm.ws_enabled": "true"}, "http://{}:8545", "ws://{}:8546"),
        ({"evm.http_enabled": "false"}, None, None),
        ({"evm.http_enabled": "false", "evm.ws_enabled": "true"}, None, "ws://{}:8546"),
    ],
)
def test_ports_and_switches_of_the_overrides_reach_the_endpoints(overrides, evm, ws):
    def edit(run):
        spec_of(run, 1)["template"]["spec"]["overrides"] = overrides

    plan = plan_of(edited(edit))
    host = "${chainId}-rpc-0-0.${chainId}-rpc-0.eng-ada.svc"
    assert (plan.endpoints.evm[:1], plan.endpoints.ws[:1]) == (
        (evm.format(host),) if evm else (),
        (ws.format(host),) if ws else (),
    )


@pytest.mark.parametrize(
    ("overrides", "evm", "ws"),
    [
        ({}, None, None),
        ({"evm.http_port": "18545"}, None, None),
        ({"evm.http_enabled": "false"}, None, None),
        ({"evm.http_enabled": "true"}, "http://{}:8545", "ws://{}:8546"),
        ({"evm.http_enabled": "True", "evm.ws_enabled": "false"}, "http://{}:8545", None),
        ({"evm.ws_enabled": "true"}, None, "ws://{}:8546"),
    ],
)
@pytest.mark.parametrize("api", ["SeiNodeDeployment", "SeiNetwork"])
def test_a_replayer_serves_the_evm_that_its_overrides_switch_on(api, overrides, evm, ws):
    """The controller publishes none for it: a probe of EVM there could wait until the time for the chain is over."""

    def edit(run):
        run["spec"]["chain"]["api"] = api
        for entry in run["spec"]["chain"]["deployments"]:
            entry["spec"].pop("monitoring", None)
        node = spec_of(run, 1)["template"]["spec"]
        node |= {"replayer": {"snapshot": {"s3": {"targetHeight": 5}}}, "overrides": overrides}

    endpoints = plan_of(edited(edit)).endpoints
    host = "${chainId}-rpc-0-0.${chainId}-rpc-0.eng-ada.svc"
    assert (endpoints.evm[:1], endpoints.ws[:1]) == (
        (evm.format(host),) if evm else (),
        (ws.format(host),) if ws else (),
    )
    assert len(endpoints.rpc) == len(endpoints.rest) == 2


def test_evm_that_is_switched_on_by_name_is_served():
    def edit(run):
        spec_of(run, 1)["template"]["spec"]["overrides"] = {"evm.http_enabled": "true"}

    assert len(plan_of(edited(edit)).endpoints.evm) == 2


def test_a_cluster_domain_ends_every_host_name():
    endpoints = plan_of(full_run(), cluster_domain="cluster.local").endpoints
    assert endpoints.rpc[0] == "http://${chainId}-rpc-0-0.${chainId}-rpc-0.eng-ada.svc.cluster.local:26657"


def test_an_existing_chain_is_used_as_it_is():
    def edit(run):
        run["spec"]["chain"]["endpoints"] |= {"evm": ["http://e:1"], "ws": ["ws://w:1"], "rest": ["http://r:1"]}

    plan = plan_of(edited(edit, rules_only), cluster_domain="cluster.local")
    assert plan.deployments == ()
    assert not plan.brings_chain_up
    assert plan.endpoints.rpc == ("http://rpc.example.com:26657",)
    assert (plan.endpoints.evm, plan.endpoints.ws, plan.endpoints.rest) == (
        ("http://e:1",),
        ("ws://w:1",),
        ("http://r:1",),
    )

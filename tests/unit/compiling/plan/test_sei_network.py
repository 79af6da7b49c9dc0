"""What becomes of a deployment with `chain.api: SeiNetwork`: a SeiNetwork for the validators, SeiNodes for the full nodes."""

import copy
from typing import Any

import pytest

from emit_helpers import RUN_LABELS, SEID, compiled, edited, full_run, node, plan_of, unchanged
from validationrun.spec.v1alpha1.chain import Genesis, SeiNodeDeploymentSpec, TemplateMetadata
from validationrun.spec.v1alpha1.nodes import SeiNodeSpec, Validator

NETWORK_LABELS = RUN_LABELS | {
    "app.kubernetes.io/component": "chain",
    "sei.io/role": "validator",
    "sei.io/deployment-name": "validators",
}
NODE_LABELS = RUN_LABELS | {
    "app.kubernetes.io/component": "rpc",
    "sei.io/role": "node",
    "sei.io/deployment-name": "rpc",
}
OF_NETWORK = {"sei.io/seinetwork": "${chainId}-validators"}


def network_run() -> dict[str, Any]:
    run = full_run()
    run["spec"]["chain"]["api"] = "SeiNetwork"
    for entry in run["spec"]["chain"]["deployments"]:
        del entry["spec"]["monitoring"]
    return run


def plan(edit=unchanged):
    return plan_of(edited(edit, network_run))


def objects(edit=unchanged):
    return [entry.manifest.data for entry in plan(edit).deployments]


def spec_of(run, index):
    return run["spec"]["chain"]["deployments"][index]["spec"]


def node_of(run, index):
    return spec_of(run, index)["template"]["spec"]


def test_the_plan_says_which_api():
    assert plan().chain_api == "SeiNetwork"
    assert compiled(network_run()).plan_json["chain"]["api"] == "SeiNetwork"
    assert compiled(full_run()).plan_json["chain"]["api"] == "SeiNodeDeployment"


def test_validators_are_one_network_and_a_full_node_is_a_node_with_its_ordinal():
    network, rpc = objects()
    assert (network["apiVersion"], network["kind"]) == ("sei.io/v1alpha1", "SeiNetwork")
    assert (rpc["apiVersion"], rpc["kind"]) == ("sei.io/v1alpha1", "SeiNode")
    assert network["metadata"]["name"] == "${chainId}-validators"
    assert rpc["metadata"]["name"] == "${chainId}-rpc-${ordinal}"
    assert {one["metadata"]["namespace"] for one in (network, rpc)} == {"eng-ada"}


def test_names_replicas_and_endpoints_are_those_of_the_other_api():
    ours, theirs = plan(), plan_of(full_run())
    assert [(one.object_name, one.replicas) for one in ours.deployments] == [
        (one.object_name, one.replicas) for one in theirs.deployments
    ]
    assert ours.endpoints == theirs.endpoints


def test_the_whole_of_a_small_chain():
    """No field that the user did not write, but for what is injected."""
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "${runId}", "uid": "${workflowUid}"}
    network, rpc = objects()
    assert network == {
        "apiVersion": "sei.io/v1alpha1",
        "kind": "SeiNetwork",
        "metadata": {
            "name": "${chainId}-validators",
            "namespace": "eng-ada",
            "labels": NETWORK_LABELS,
            "ownerReferences": [owner],
        },
        "spec": {
            "replicas": 4,
            "deletionPolicy": "Delete",
            "genesis": {"chainId": "${chainId}"},
            "image": SEID,
            "podLabels": NETWORK_LABELS,
        },
    }
    assert rpc == {
        "apiVersion": "sei.io/v1alpha1",
        "kind": "SeiNode",
        "metadata": {
            "name": "${chainId}-rpc-${ordinal}",
            "namespace": "eng-ada",
            "labels": NODE_LABELS | OF_NETWORK,
            "ownerReferences": [owner],
        },
        "spec": {
            "chainId": "${chainId}",
            "image": SEID,
            "fullNode": {},
            "peers": [{"label": {"selector": OF_NETWORK}}],
            "podLabels": NODE_LABELS,
        },
    }


def test_delete_is_said_because_a_network_keeps_its_nodes_by_default():
    network, rpc = objects()
    assert network["spec"]["deletionPolicy"] == "Delete"
    assert "deletionPolicy" not in rpc["spec"]


def test_no_evm_endpoint_is_a_validators_which_does_not_serve_it():
    """The SeiNetwork's own status lists them."""
    endpoints = plan().endpoints
    assert endpoints.evm
    assert not [url for url in endpoints.evm if "-validators-" in url]


def test_replicas_are_written_out():
    def edit(run):
        del spec_of(run, 0)["replicas"]

    assert objects(edit)[0]["spec"]["replicas"] == 1


def test_a_policy_of_the_network_is_kept_and_a_node_has_none():
    def edit(run):
        run["spec"]["cleanup"] = "Never"
        spec_of(run, 0)["deletionPolicy"] = "Retain"
        spec_of(run, 1)["deletionPolicy"] = "Delete"

    network, rpc = objects(edit)
    assert network["spec"]["deletionPolicy"] == "Retain"
    assert "deletionPolicy" not in rpc["spec"]


SHARED: dict[str, Any] = {
    "sidecar": {"image": "sidecar:1", "port": 7, "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": 5}}},
    "dataVolume": {"import": {"pvcName": "data"}},
}


def test_every_setting_of_the_validators_reaches_the_network():
    genesis = {
        "stakingAmount": "5usei",
        "accountBalance": "6usei",
        "accounts": [
            {"address": "sei1", "balance": "7usei"},
            {"address": "sei2", "balance": "8usei", "vesting": {"amount": "3usei", "endTime": 9, "delayed": True}},
        ],
        "maxCeremonyDuration": "20m",
    }

    def edit(run):
        spec_of(run, 0).update(genesis={**copy.deepcopy(genesis), "chainId": "mine"}, replicas=1)
        node_of(run, 0).update({**copy.deepcopy(SHARED), "overrides": {"evm.http_port": "8545"}, "validator": {}})

    spec = objects(edit)[0]["spec"]
    assert spec["genesis"] == {**genesis, "chainId": "${chainId}"}
    assert {key: spec[key] for key in SHARED} == SHARED
    assert spec["configOverrides"] == {"evm.http_port": "8545"}
    assert not {"overrides", "validator", "template", "updateStrategy", "chainId", "peers"} & spec.keys()


def test_genesis_overrides_are_json_and_text_stays_text():
    values = {"a": 5, "b": True, "c": "5", "d": 0.25, "e": {"x": [1, "${chainId}", {"y": False}]}, "f": []}

    def edit(run):
        spec_of(run, 0)["genesis"] = {"overrides": copy.deepcopy(values)}

    assert objects(edit)[0]["spec"]["genesis"]["overrides"] == values
    output = compiled(edited(edit, network_run))
    assert output.inner("chain.validators.yaml")["spec"]["genesis"]["overrides"] == values
    assert not any("overrides" in place for place in output.plan_json["places"]["chain.validators.yaml"])


def test_every_setting_of_a_full_node_reaches_the_node():
    settings = {
        **SHARED,
        "peers": [{"static": {"addresses": ["a@b:26656"]}}],
        "overrides": {"evm.http_port": "8545"},
        "fullNode": {
            "snapshot": {"stateSync": {}, "trustPeriod": "9h", "backfillBlocks": 4, "rpcServers": ["a:1", "b.c:2"]},
            "snapshotGeneration": {"tendermint": {"keepRecent": 3, "publish": {}}},
        },
    }

    def edit(run):
        node_of(run, 1).update(copy.deepcopy(settings), chainId="mine")
        spec_of(run, 1)["replicas"] = 1  # An imported volume is one node's.
        spec_of(run, 1)["template"]["metadata"] = {"annotations": {"a": "b"}}

    made = objects(edit)[1]
    assert {key: made["spec"][key] for key in settings} == settings
    assert made["spec"]["chainId"] == "${chainId}"
    assert made["metadata"]["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    ("mode", "settings", "role"),
    [("archive", {}, "archive"), ("replayer", {"snapshot": {"s3": {"targetHeight": 5}}}, "replayer"),
     ("fullNode", {}, "node")],
)  # fmt: skip
def test_a_mode_stands_alone_and_the_role_is_the_one_that_the_controller_gives_the_pod(mode, settings, role):
    def edit(run):
        node_of(run, 1)[mode] = settings

    made = objects(edit)[1]
    assert made["spec"][mode] == settings
    assert {"fullNode", "archive", "replayer", "validator"} & made["spec"].keys() == {mode}
    assert made["metadata"]["labels"]["sei.io/role"] == made["spec"]["podLabels"]["sei.io/role"] == role


def test_labels_of_template_and_pods_reach_the_pods_and_ours_win():
    """The API copies no label of an object's metadata to its pods."""

    def edit(run):
        for index, role in enumerate(("validator", "node")):
            spec_of(run, index)["template"]["metadata"] = {"labels": {"team": "ada", "both": "1", "sei.io/role": role}}
            node_of(run, index)["podLabels"] = {"both": "2", "own": "3"}

    network, rpc = objects(edit)
    users = {"team": "ada", "both": "2", "own": "3"}
    assert network["spec"]["podLabels"] == users | NETWORK_LABELS
    assert rpc["spec"]["podLabels"] == users | NODE_LABELS
    assert network["metadata"]["labels"] == NETWORK_LABELS
    assert rpc["metadata"]["labels"] == {"team": "ada", "both": "1"} | NODE_LABELS | OF_NETWORK


def test_the_image_parameters_replace_the_image_of_the_object():
    for entry, parameter in zip(plan().deployments, ("image-validators", "image-rpc"), strict=True):
        (found,) = [one for one in plan().parameters if one.name == parameter]
        assert (found.manifest, found.path) == (entry.manifest.key, "/spec/image")
        assert entry.manifest.data["spec"]["image"] == found.compiled


def test_every_place_is_filled_by_a_value_of_the_runner():
    network, rpc = plan().deployments
    assert "/spec/genesis/chainId" in network.manifest.places
    assert {"/metadata/name", "/spec/chainId", "/spec/peers/0/label/selector/sei.io~1seinetwork"} <= set(
        rpc.manifest.places
    )


# No field of the spec is lost without a word.

OF_SPEC = {"replicas", "template", "genesis", "deletionPolicy"}
OF_GENESIS = {"chainId", "stakingAmount", "accountBalance", "accounts", "overrides", "maxCeremonyDuration"}
OF_NODE = {"chainId", "image", "overrides", "sidecar", "podLabels", "dataVolume"}
REFUSED_EVERYWHERE = {"updateStrategy", "monitoring", "networking"}


def names_of(model):
    return {field.alias for field in model.model_fields.values()}


def test_each_field_of_the_models_is_mapped_or_refused():
    """Both tables of the tests above and VR328 together: a new field of a model fails here."""
    assert names_of(SeiNodeDeploymentSpec) == OF_SPEC | REFUSED_EVERYWHERE
    assert names_of(Genesis) == OF_GENESIS | {"fork"}
    assert names_of(TemplateMetadata) == {"labels", "annotations"}
    assert names_of(SeiNodeSpec) == OF_NODE | {"entrypoint", "peers", "validator", "fullNode", "archive", "replayer"}
    assert names_of(Validator) == {"snapshot", "genesisCeremony", "signingKey", "nodeKey"}


# Hostile text.

TEXTS = ["{{=workflow.name}}", "${chainId}${ordinal}", "a\n---\nb: c\n", "\"'`\\ # x", "\ufeff\u202e\r\n🚀"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_users_text_arrives_byte_for_byte_and_is_never_a_place(text):
    def texts(run, text):
        spec_of(run, 0)["genesis"] = {
            "stakingAmount": text,
            "accountBalance": text,
            "accounts": [{"address": text, "balance": text, "vesting": {"amount": text, "endTime": 1}}],
            "overrides": {text: text, "nested": [{text: text}]},
        }
        node_of(run, 0)["overrides"] = {text: text}
        node_of(run, 1)["overrides"] = {text: text}
        node_of(run, 1)["peers"] = [{"static": {"addresses": [text]}}]
        spec_of(run, 1)["template"]["metadata"] = {"annotations": {"a": text}}
        return run

    hostile, harmless = compiled(texts(network_run(), text)), compiled(texts(network_run(), "x"))
    network, rpc = (hostile.inner(f"chain.{name}.yaml") for name in ("validators", "rpc"))
    assert network["spec"]["genesis"]["accounts"][0] == {
        "address": text,
        "balance": text,
        "vesting": {"amount": text, "endTime": 1},
    }
    assert network["spec"]["genesis"]["overrides"] == {text: text, "nested": [{text: text}]}
    assert network["spec"]["configOverrides"] == rpc["spec"]["overrides"] == {text: text}
    assert rpc["spec"]["peers"] == [{"static": {"addresses": [text]}}]
    assert rpc["metadata"]["annotations"] == {"a": text}
    assert hostile.plan_json["places"] == harmless.plan_json["places"]
    assert text not in hostile.text["workflowtemplate.yaml"]


def test_peers_belong_to_the_validator_entry_wherever_it_stands():
    def edit(run):
        run["spec"]["chain"]["deployments"] = [node("rpc", "fullNode"), node("val", "validator")]
        for entry in run["spec"]["chain"]["deployments"]:
            del entry["spec"]["monitoring"]

    rpc = objects(edit)[0]
    assert rpc["metadata"]["labels"]["sei.io/seinetwork"] == "${chainId}-val"
    assert rpc["spec"]["peers"][0]["label"]["selector"] == {"sei.io/seinetwork": "${chainId}-val"}

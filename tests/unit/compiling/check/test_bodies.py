"""
What the API server would refuse in a deployment is told before.

The rules are those of the resource definition SeiNodeDeployment of sei-k8s-controller at 3814922; a docstring quotes what the API server
answers.
"""

import pytest

from emit_helpers import SEID, edited, plan_of, unchanged
from validationrun.compiling.check import check
from validationrun.spec.findings import Severity, format_path
from validationrun.spec.parse import parse_document

VALIDATORS, RPC = 0, 1
NODE = "template.spec"


def found(*edits):
    """Code, severity, path below the deployments, and help of each finding. An edit is a deployment, a dotted path and a value."""

    def edit(run):
        for index, path, value in edits:
            *parents, last = path.split(".")
            place = run["spec"]["chain"]["deployments"][index]["spec"]
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = value

    run, findings = parse_document(edited(edit))
    findings = findings if run is None else check(run)
    start = "spec.chain.deployments"
    return [(one.code, one.severity, format_path(one.loc).removeprefix(start), one.help) for one in findings]


def errors(*edits):
    return [(code, path) for code, severity, path, _ in found(*edits) if severity is Severity.ERROR]


# What the API takes.


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [(RPC, f"{NODE}.archive", {})],
        [(RPC, f"{NODE}.archive", {"snapshotGeneration": {"tendermint": {"keepRecent": 5, "publish": {}}}})],
        [(RPC, f"{NODE}.replayer", {"snapshot": {"s3": {"targetHeight": 5}}})],
        [(RPC, f"{NODE}.fullNode", {"snapshot": {"stateSync": {}, "trustPeriod": "168h0m0s"}})],
        [(RPC, f"{NODE}.fullNode", {"snapshot": {"s3": {"targetHeight": 1}, "bootstrapImage": SEID}})],
        [(RPC, f"{NODE}.peers", [])],
        [(RPC, f"{NODE}.peers", [{"label": {"selector": {"sei.io/role": "validator"}, "namespace": "other"}}])],
        [(VALIDATORS, "updateStrategy", {"type": "HardFork", "hardFork": {"haltHeight": 1}})],
        [(VALIDATORS, "updateStrategy", {"type": "BlueGreen"})],
        [(VALIDATORS, f"{NODE}.dataVolume", {})],
        [(VALIDATORS, "networking", {})],
        [(VALIDATORS, "genesis.fork", {"sourceChainId": "pacific-1", "sourceImage": SEID, "exportHeight": 1})],
        [(VALIDATORS, f"{NODE}.sidecar", {"port": 7777, "resources": {"requests": {"cpu": "0.5", "memory": 5}}})],
    ],
)
def test_what_the_api_takes_has_no_finding(edits):
    assert found(*edits) == []


# Keys that nobody knows.


def test_a_misspelt_key_is_told_with_the_nearest_name_or_the_place_where_it_belongs():
    findings = found((RPC, "replica", 3), (RPC, "image", SEID), (RPC, f"{NODE}.overides", {"evm.http_port": "8545"}))
    assert [(code, path, help_) for code, _, path, help_ in findings] == [
        ("VR202", "[1].spec.template.spec.overides", "did you mean `overrides`?"),
        ("VR202", "[1].spec.replica", "did you mean `replicas`?"),
        ("VR202", "[1].spec.image", "did you mean `template.spec.image`?"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "replicaCount", "networking.service", "monitoring.podMonitor", "monitoring.serviceMonitor.path", "updateStrategy.a",
        "genesis.seed", "genesis.fork.a", "template.labels", "template.metadata.finalizers", "template.spec.resources",
        "template.spec.sidecar.tag", "template.spec.sidecar.resources.cpu", "template.spec.dataVolume.size",
        "template.spec.dataVolume.import.a", "template.spec.entrypoint.env", "template.spec.validator.moniker",
        "template.spec.validator.signingKey.file", "template.spec.validator.snapshot.s3.bucket",
        "template.spec.validator.snapshot.stateSync.a", "template.spec.fullNode.pruning", "template.spec.archive.snapshot",
        "template.spec.archive.snapshotGeneration.a", "template.spec.archive.snapshotGeneration.tendermint.publish.bucket",
        "template.spec.replayer.resultExport.shadowResult.a", "updateStrategy.hardFork.name",
    ],
)  # fmt: skip
def test_a_key_that_the_api_does_not_know_is_an_error_at_every_level(path):
    """Strict decoding: unknown field."""
    assert ("VR202", f"[1].spec.{path}") in errors((RPC, path, "x"))


# Fields that exclude or need each other.


def test_a_full_node_has_one_mode():
    """exactly one of fullNode, archive, replayer, or validator must be set"""
    modes = [(RPC, f"{NODE}.fullNode", {}), (RPC, f"{NODE}.archive", {})]
    assert errors(*modes) == [("VR320", "[1].spec.template.spec.archive")]
    replayer = (RPC, f"{NODE}.replayer", {"snapshot": {"s3": {"targetHeight": 5}}})
    assert errors(modes[1], replayer) == [("VR320", "[1].spec.template.spec.replayer")]


@pytest.mark.parametrize("mode", ["fullNode", "archive", "replayer"])
def test_a_validator_has_no_mode_of_a_full_node(mode):
    settings = {"snapshot": {"s3": {"targetHeight": 5}}} if mode == "replayer" else {}
    assert errors((VALIDATORS, f"{NODE}.{mode}", settings)) == [("VR307", f"[0].spec.template.spec.{mode}")]


def test_a_replayer_without_peers_is_an_error():
    """peers is required when replayer mode is set"""
    replayer = (RPC, f"{NODE}.replayer", {"snapshot": {"s3": {"targetHeight": 5}}})
    assert errors(replayer, (RPC, f"{NODE}.peers", [])) == [("VR321", "[1].spec.template.spec.peers")]


@pytest.mark.parametrize("snapshot", [{}, {"trustPeriod": "9h"}, {"s3": {"targetHeight": 5}, "stateSync": {}}])
@pytest.mark.parametrize(("index", "mode"), [(RPC, "fullNode"), (RPC, "replayer"), (VALIDATORS, "validator")])
def test_a_snapshot_has_one_source(index, mode, snapshot):
    """exactly one of s3 or stateSync must be set"""
    place = f"[{index}].spec.template.spec.{mode}.snapshot"
    assert errors((index, f"{NODE}.{mode}", {"snapshot": snapshot})) == [("VR322", place)]


@pytest.mark.parametrize(
    "peer", [{}, {"label": {"selector": {"a": "b"}}, "static": {"addresses": ["a@b:26656"]}}], ids=["none", "two"]
)
def test_a_peer_has_one_form(peer):
    """exactly one of ec2Tags, static, or label must be set"""
    good = {"static": {"addresses": ["a@b:26656"]}}
    assert errors((RPC, f"{NODE}.peers", [good, peer])) == [("VR323", "[1].spec.template.spec.peers[1]")]


@pytest.mark.parametrize(
    ("peer", "place"),
    [
        ({"label": {"selector": {}}}, "label.selector"),
        ({"static": {"addresses": []}}, "static.addresses"),
        ({"ec2Tags": {"region": "eu-central-1", "tags": {}}}, "ec2Tags.tags"),
        ({"ec2Tags": {"region": "", "tags": {"a": "b"}}}, "ec2Tags.region"),
    ],
)
def test_a_form_of_peer_is_not_empty(peer, place):
    assert errors((RPC, f"{NODE}.peers", [peer])) == [("VR205", f"[1].spec.template.spec.peers[0].{place}")]


def test_a_hard_fork_needs_its_height():
    """hardFork strategy requires haltHeight > 0"""
    assert errors((VALIDATORS, "updateStrategy", {"type": "HardFork"})) == [("VR324", "[0].spec.updateStrategy.type")]
    low = {"type": "HardFork", "hardFork": {"haltHeight": 0}}
    assert errors((VALIDATORS, "updateStrategy", low)) == [("VR205", "[0].spec.updateStrategy.hardFork.haltHeight")]
    empty = {"type": "HardFork", "hardFork": {}}
    assert errors((VALIDATORS, "updateStrategy", empty)) == [("VR201", "[0].spec.updateStrategy.hardFork.haltHeight")]


def test_a_key_that_stands_alone_or_names_no_secret_is_an_error():
    """signingKey and nodeKey must be set together; exactly one signing key source must be set"""
    place = "[0].spec.template.spec.validator."
    key = {"secret": {"secretName": "a"}}
    assert errors((VALIDATORS, f"{NODE}.validator", {"signingKey": key})) == [("VR325", f"{place}signingKey")]
    assert errors((VALIDATORS, f"{NODE}.validator", {"nodeKey": key})) == [("VR325", f"{place}nodeKey")]
    assert errors((VALIDATORS, f"{NODE}.validator", {"nodeKey": key, "signingKey": {}})) == [
        ("VR325", f"{place}signingKey")
    ]


def test_two_keys_come_from_two_secrets():
    """signingKey and nodeKey must reference distinct Secrets"""
    key, other = {"secret": {"secretName": "a"}}, {"secret": {"secretName": "b"}}
    same = found((VALIDATORS, f"{NODE}.validator", {"signingKey": key, "nodeKey": key}))
    assert [(code, path) for code, _, path, _ in same] == [
        ("VR325", "[0].spec.template.spec.validator.nodeKey.secret.secretName")
    ]
    apart = found((VALIDATORS, f"{NODE}.validator", {"signingKey": key, "nodeKey": other}))
    assert [(code, severity) for code, severity, _, _ in apart] == [("VR326", Severity.WARNING)]


@pytest.mark.parametrize(
    ("path", "value", "code", "place"),
    [
        ("dataVolume.import", {}, "VR201", "dataVolume.import.pvcName"),
        ("dataVolume.import", {"pvcName": "a.b"}, "VR206", "dataVolume.import.pvcName"),
        ("fullNode.snapshot", {"s3": {}}, "VR201", "fullNode.snapshot.s3.targetHeight"),
        ("fullNode.snapshot", {"s3": {"targetHeight": 0}}, "VR205", "fullNode.snapshot.s3.targetHeight"),
        ("fullNode.snapshot", {"s3": {"targetHeight": "5"}}, "VR204", "fullNode.snapshot.s3.targetHeight"),
        ("archive.snapshotGeneration.tendermint", {}, "VR201", "archive.snapshotGeneration.tendermint.keepRecent"),
        ("replayer", {}, "VR201", "replayer.snapshot"),
        ("sidecar.port", "7777", "VR204", "sidecar.port"),
        ("sidecar.resources", {"limits": {"cpu": 0.5}}, "VR204", "sidecar.resources.limits.cpu"),
        ("entrypoint", {"args": ["a"]}, "VR201", "entrypoint.command"),
        ("entrypoint", {"command": []}, "VR205", "entrypoint.command"),
        ("overrides", {"evm.http_port": 8545}, "VR204", "overrides.evm.http_port"),
    ],
)
def test_a_bound_or_a_type_of_the_api_is_held(path, value, code, place):
    (first, *_) = errors((RPC, f"{NODE}.{path}", value))
    assert first[0] == code
    assert first[1].replace('["evm.http_port"]', ".evm.http_port") == f"[1].spec.template.spec.{place}"


@pytest.mark.parametrize("missing", ["sourceChainId", "sourceImage", "exportHeight"])
def test_a_fork_is_told_whole(missing):
    fork = {"sourceChainId": "pacific-1", "sourceImage": SEID, "exportHeight": 5}
    del fork[missing]
    assert errors((VALIDATORS, "genesis.fork", fork)) == [("VR201", f"[0].spec.genesis.fork.{missing}")]


# What the controller never starts.


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("fullNode.snapshotGeneration", {}, "fullNode.snapshotGeneration"),
        ("archive.snapshotGeneration", {}, "archive.snapshotGeneration"),
        ("archive.snapshotGeneration", {"tendermint": {"keepRecent": 1, "publish": {}}},
         "archive.snapshotGeneration.tendermint.keepRecent"),
        ("fullNode.snapshot", {"stateSync": {}, "bootstrapImage": SEID}, "fullNode.snapshot.bootstrapImage"),
        ("replayer.snapshot", {"stateSync": {}}, "replayer.snapshot.stateSync"),
        ("replayer", {"snapshot": {"s3": {"targetHeight": 5}}, "resultExport": {}}, "replayer.resultExport"),
    ],
)  # fmt: skip
def test_what_the_controller_refuses_is_an_error(path, value, place):
    assert errors((RPC, f"{NODE}.{path}", value)) == [("VR327", f"[1].spec.template.spec.{place}")]


# Labels.


@pytest.mark.parametrize("index", [VALIDATORS, RPC])
def test_a_label_with_the_value_that_is_set_anyway_is_no_error(index):
    """Every label of the object whose value does not wait for the run."""
    labels = plan_of(edited(unchanged)).deployments[index].manifest.data["metadata"]["labels"]
    fixed = {key: value for key, value in labels.items() if "${" not in value}
    assert {"sei.io/role", "sei.io/deployment-name"} <= fixed.keys()
    assert found((index, "template.metadata.labels", fixed), (index, f"{NODE}.podLabels", fixed)) == []


def test_such_a_label_with_another_value_is_an_error():
    labels = (RPC, "template.metadata.labels", {"sei.io/role": "validator"})
    assert errors(labels) == [("VR309", '[1].spec.template.metadata.labels["sei.io/role"]')]

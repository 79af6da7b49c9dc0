"""VR423: a load that uses an endpoint which its chain does not serve."""

import pytest

from emit_helpers import edited, full_run
from validationrun.compiling.check import check
from validationrun.spec.findings import format_path
from validationrun.spec.parse import parse_document

OFF = {"evm.http_enabled": "false"}


def found(workload, chain=None, overrides=None):
    def edit(run):
        run["spec"]["load"]["workload"] |= workload
        if chain is not None:
            run["spec"]["chain"] = chain
        for entry in run["spec"]["chain"].get("deployments", []):
            if entry["role"] == "fullNode":
                entry["spec"]["template"]["spec"]["overrides"] = overrides or {}

    run, findings = parse_document(edited(edit))
    assert run is not None, findings
    return [
        (finding.severity.value, format_path(finding.loc).removeprefix("spec.load.workload."), finding.token)
        for finding in check(run)
        if finding.code == "VR423"
    ]


def exists(**endpoints):
    return {"chainId": "pacific-1", "endpoints": {"rpc": ["http://a:1"], **endpoints}}


EVERY = "$(CHAIN_RPC_URL) $(CHAIN_EVM_URL) $(CHAIN_WS_URL) $(CHAIN_REST_URL)"


@pytest.mark.parametrize(
    ("chain", "missing"),
    [
        (exists(), ["$(CHAIN_EVM_URL)", "$(CHAIN_WS_URL)", "$(CHAIN_REST_URL)"]),
        (exists(evm=["http://a:2"]), ["$(CHAIN_WS_URL)", "$(CHAIN_REST_URL)"]),
        (exists(evm=["http://a:2"], ws=["ws://a:3"], rest=["http://a:4"]), []),
    ],
)
def test_of_a_chain_that_exists_what_the_spec_does_not_name_is_missing(chain, missing):
    assert found({"args": [EVERY]}, chain) == [("error", "args[0]", token) for token in missing]


@pytest.mark.parametrize(
    ("overrides", "missing"),
    [
        ({}, []),
        (OFF, ["$(CHAIN_EVM_URL)", "$(CHAIN_WS_URL)"]),
        ({**OFF, "evm.ws_enabled": "true"}, ["$(CHAIN_EVM_URL)"]),
        ({"evm.ws_enabled": "false"}, ["$(CHAIN_WS_URL)"]),
    ],
)
def test_of_a_chain_of_its_own_what_no_full_node_serves_is_missing(overrides, missing):
    assert found({"command": ["x", EVERY]}, overrides=overrides) == [("error", "command[1]", text) for text in missing]


def test_one_full_node_that_serves_it_is_enough():
    chain = full_run()["spec"]["chain"]
    quiet = {**next(entry for entry in chain["deployments"] if entry["role"] == "fullNode"), "name": "quiet"}
    quiet["spec"] = {"template": {"spec": {**quiet["spec"]["template"]["spec"], "overrides": OFF}}}
    chain["deployments"].append(quiet)
    run, _ = parse_document(edited(lambda run: run["spec"].update(chain=chain)))
    assert [finding for finding in check(run) if finding.code == "VR423"] == []


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("${evmEndpointsJson}", "error"),
        ("${wsEndpoints}", "error"),
        ("__ENV.CHAIN_EVM_URL", "warning"),
        ('if [ -n "$CHAIN_EVM_URL" ]; then', "warning"),
        ("${CHAIN_EVM_URL:-http://b}", None),
        ("${evmEndpointsJSON} CHAIN_EVM_URL_2 ${rpcEndpoints} $CHAIN_RPC_URL", None),
    ],
)
def test_a_bare_name_in_a_file_is_a_warning_because_the_program_may_do_without(text, severity):
    severities = [severity for severity, *_ in found({"config": {"files": {"f": text}}}, exists())]
    assert severities == ([] if severity is None else [severity])


def test_the_place_is_that_of_the_text():
    workload = {
        "env": [{"name": "A", "value": "$(CHAIN_WS_URL)"}],
        "podTemplate": {
            "initContainers": [{"name": "i", "image": "i:v1", "args": ["$(CHAIN_REST_URL)", "$$(CHAIN_WS_URL)"]}]
        },
    }
    assert found(workload, exists()) == [
        ("error", "env[0].value", "$(CHAIN_WS_URL)"),
        ("error", "podTemplate.initContainers[0].args[0]", "$(CHAIN_REST_URL)"),
    ]

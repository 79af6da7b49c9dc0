"""From a planned Job to what a shard is started with."""

import json

import pytest

from local_kit import IMAGE, Spec
from validationrun.base.http import NoResponseError
from validationrun.compiling.emit.bundle import build_bundle
from validationrun.compiling.pipeline import OF_A_CLUSTER, lint
from validationrun.compiling.plan import build_plan
from validationrun.contract.bundle import Bundle
from validationrun.contract.owned_record import Identity
from validationrun.local.chain import Chain, chain_of, endpoints_of
from validationrun.local.preflight import LocalError
from validationrun.local.workload import cluster_only, container_of, placing

HERE = Chain("toy-1", {"rpc": ["http://a:1"], "evm": [], "ws": [], "rest": []})
BRINGS_UP = {
    "chainId": "nightly",
    "deployments": [
        {"name": name, "role": role, "spec": {"template": {"spec": {"image": "r.example.com/seid:v1"}}}}
        for name, role in (("validators", "validator"), ("rpc", "fullNode"))
    ],
}


def run_of(**fields):
    document = json.dumps(Spec(**{"command": ["x"], **fields}).document()).encode()
    linted = lint(document, "spec.yaml", leave_out=OF_A_CLUSTER)
    assert linted.ok, linted.diagnostics
    return linted.runs[0].run


def container(chain=HERE, given=None, parameters=None, **fields):
    run = run_of(**fields)
    bundle = Bundle(build_bundle(build_plan(run)).data)
    return container_of(run, bundle, Identity("mini-1", "mini-1", "eng-ada"), chain, parameters or {}, given or {})


def test_a_source_is_refused_by_the_name_of_its_field():
    """What only a cluster knows is no empty string: the message names the field and the way out."""
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}}
    workload = {"env": [{"name": "PLAIN", "value": "x"}, secret]}
    with pytest.raises(LocalError, match=r"spec\.load\.workload\.env\[1\]\.valueFrom .* give --env KEY=VALUE"):
        container(workload=workload)
    with pytest.raises(LocalError, match=r"spec\.load\.workload\.envFrom cannot be resolved"):
        container(workload={"envFrom": [{"secretRef": {"name": "keys"}}]})


def test_a_variable_that_is_given_stands_where_the_spec_has_it():
    """Later entries may refer to it, it is taken to the letter, and one that the spec lacks is added."""
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}}
    workload = {"env": [secret, {"name": "USES", "value": "<$(KEY)>"}]}
    shard = container(workload=workload, given={"KEY": "$(CHAIN_ID)$$", "NEW": "n"}).shard(0)
    assert (shard.environment["KEY"], shard.environment["USES"]) == ("$(CHAIN_ID)$$", "<$(CHAIN_ID)$$>")
    assert shard.environment["NEW"] == "n"


def test_results_of_this_machine_have_no_uri():
    """With results.s3 in the spec too: nothing from here goes to the bucket."""
    shard = container(extra={"results": {"s3": {"bucket": "some-bucket"}}}).shard(0)
    assert shard.environment["RESULTS_URI"] == ""


def test_the_grace_is_the_specs_or_the_jobs_default():
    """60 s where the spec is silent, as in the cluster."""
    assert container(grace=7).grace_s == 7
    assert container(grace=None).grace_s == 60


def test_a_list_that_nobody_gave_is_asked_for():
    """A load without endpoints would hammer nothing; and an image that was set is the container's."""
    files = {"config": {"files": {"p.json": "${chainId} ${evmEndpointsJson}"}}}
    with pytest.raises(LocalError, match=r"config file p\.json uses \$\{evmEndpointsJson\}: give --evm URL"):
        container(workload=files)
    evm = Chain("toy-1", {**HERE.endpoints, "evm": ["http://b:2", "http://c:3"]})
    made = container(evm, workload=files, parameters={"image-workload": "r.example.com/x:v2"})
    assert made.files == {"p.json": 'toy-1 ["http://b:2", "http://c:3"]'}
    assert (made.image, container().image) == ("r.example.com/x:v2", IMAGE)


@pytest.mark.parametrize(
    ("text", "placed"),
    [
        ("/etc/load", "/tmp/c"),
        ("/etc/load/", "/tmp/c/"),
        ("--config=/etc/load/a.json", "--config=/tmp/c/a.json"),
        ("file:///etc/load/a", "file:///tmp/c/a"),
        ("/etc/load:/etc/load/x", "/tmp/c:/tmp/c/x"),
        ("/etc/load/results/x", "/tmp/r/x"),
        ("/etc/loader", "/etc/loader"),
        ("/etc/load.d", "/etc/load.d"),
        ("/my/etc/load", "/my/etc/load"),
        ("etc/load", "etc/load"),
    ],
)
def test_folders_are_replaced_where_they_begin_a_path(text, placed):
    """The longest first, and never a part of another name."""
    assert placing({"/etc/load/": "/tmp/c", "/etc/load/results": "/tmp/r"})(text) == placed


def test_the_root_is_no_folder_to_replace():
    """It would be in every path."""
    assert placing({"/": "/tmp/c", "/var/r": "/tmp/r"})("/a/b /var/r/x") == "/a/b /tmp/r/x"


def test_what_only_a_cluster_has_is_told():
    """A reader must know that the load ran without it."""
    workload = {
        "resources": {"limits": {"cpu": "1"}},
        "podTemplate": {"nodeSelector": {"a": "b"}, "securityContext": {"runAsUser": 1}},
    }
    run = run_of(workload=workload)
    assert cluster_only(run, in_container=False) == [
        "podTemplate.securityContext", "podTemplate.nodeSelector", "resources",
    ]  # fmt: skip
    assert cluster_only(run, in_container=True) == ["podTemplate.nodeSelector", "resources"]
    assert cluster_only(run_of(), in_container=False) == []


def test_a_containers_security_context_and_pull_policy_are_told_as_far_as_docker_lacks_them():
    workload = {"securityContext": {"runAsNonRoot": True, "readOnlyRootFilesystem": True}, "imagePullPolicy": "Always"}
    run = run_of(workload=workload)
    assert cluster_only(run, in_container=False) == ["securityContext", "imagePullPolicy"]
    assert cluster_only(run, in_container=True) == ["securityContext.runAsNonRoot", "imagePullPolicy"]
    user = run_of(workload={"securityContext": {"runAsNonRoot": True, "runAsUser": 1000}})
    assert cluster_only(user, in_container=True) == []


def test_the_containers_user_wins_over_the_pods_and_its_root_is_read_only():
    pod = {"securityContext": {"runAsUser": 1, "runAsGroup": 2}}
    context = {"runAsUser": 1000, "readOnlyRootFilesystem": True}
    made = container(workload={"podTemplate": pod, "securityContext": context})
    assert (made.user, made.read_only) == ("1000:2", True)
    made = container(workload={"podTemplate": pod})
    assert (made.user, made.read_only) == ("1:2", False)


def test_init_containers_are_refused_in_words():
    """Without them the workload would not be prepared, and would fail for a cause that nobody named."""
    pod = {"initContainers": [{"name": "accounts", "image": "r.example.com/accounts:v1"}]}
    with pytest.raises(LocalError, match=r"podTemplate\.initContainers do not run on one machine"):
        container(workload={"podTemplate": pod})


def refuse(url):
    raise AssertionError(f"{url} was asked")


def test_the_command_line_names_another_chain_than_the_spec():
    """With --rpc nothing of the spec's endpoints is used; without it a single list may be replaced."""
    chain = {"chainId": "own-1", "endpoints": {"rpc": ["http://a:1"], "evm": ["http://a:2"]}}
    run = run_of(chain=chain)
    assert chain_of(run, {}, None, refuse) == Chain(
        "own-1", {"rpc": ["http://a:1"], "evm": ["http://a:2"], "ws": [], "rest": []}
    )
    assert endpoints_of(run, {"evm": ["http://b:2"]})["evm"] == ["http://b:2"]
    status = {"result": {"node_info": {"network": "other-1"}}}
    found = chain_of(run, {"rpc": ["http://b:1/"]}, None, {"http://b:1/status": status}.get)
    assert found == Chain("other-1", {"rpc": ["http://b:1/"], "evm": [], "ws": [], "rest": []})
    assert chain_of(run, {"rpc": ["http://b:1"]}, "told-1", refuse).chain_id == "told-1"


def test_a_chain_that_would_be_brought_up_needs_an_rpc():
    """A local run brings none up."""
    with pytest.raises(LocalError, match="give --rpc URL"):
        chain_of(run_of(chain=BRINGS_UP), {}, "nightly-1", refuse)


@pytest.mark.parametrize(
    "answer",
    [None, [], "x", {}, {"result": None}, {"node_info": {}}, {"node_info": {"network": ""}},
     {"node_info": {"network": 'a"b'}}, {"node_info": {"network": 7}}],
)  # fmt: skip
def test_an_rpc_that_does_not_name_its_chain_is_told(answer):
    """Without the envelope too; what could change the meaning of a query is no name."""
    run = run_of(chain=BRINGS_UP)
    with pytest.raises(LocalError, match=r"/status names no chain .*; give --chain-id"):
        chain_of(run, {"rpc": ["http://b:1"]}, None, lambda _: answer)
    plain = {"node_info": {"network": "pacific-1"}}
    assert chain_of(run, {"rpc": ["http://b:1"]}, None, lambda _: plain).chain_id == "pacific-1"


def test_an_rpc_that_does_not_answer_is_told():
    """With why, and the way out."""

    def ask(url):
        raise NoResponseError(url, "no connection")

    with pytest.raises(LocalError, match=r"http://b:1 does not say which chain it is: no connection; give --chain-id"):
        chain_of(run_of(chain=BRINGS_UP), {"rpc": ["http://b:1"]}, None, ask)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"workload": {"args": ["--url", "$(CHAIN_EVM_URL)"]}},
            "spec.load.workload.args[1] uses $(CHAIN_EVM_URL): give --evm URL",
        ),
        (
            {"workload": {"env": [{"name": "ETH", "value": "$(CHAIN_WS_URL)/x"}]}},
            "env[0].value uses $(CHAIN_WS_URL): give --ws URL",
        ),
        ({"command": ["run", "--rest=$(CHAIN_REST_URL)"]}, "command[1] uses $(CHAIN_REST_URL): give --rest URL"),
    ],
)
def test_an_endpoint_that_nobody_gave_is_asked_for(fields, words):
    with pytest.raises(LocalError) as refused:
        container(**fields)
    assert words in str(refused.value)


def test_every_endpoint_that_is_missing_is_named_at_once():
    files = {"files": {"p.json": "${wsEndpoints}"}}
    with pytest.raises(LocalError) as refused:
        container(workload={"config": files, "args": ["$(CHAIN_EVM_URL)", "$(CHAIN_RPC_URL)"]})
    assert str(refused.value) == (
        "config file p.json uses ${wsEndpoints}: give --ws URL; "
        "spec.load.workload.args[0] uses $(CHAIN_EVM_URL): give --evm URL"
    )


def test_an_escaped_reference_and_a_value_of_the_command_line_use_no_endpoint():
    workload = {"args": ["$$(CHAIN_EVM_URL)"], "env": [{"name": "ETH", "value": "$(CHAIN_EVM_URL)"}]}
    assert container(workload=workload, given={"ETH": "http://b:2"}).shard(0).environment["ETH"] == "http://b:2"


K6 = {"script.js": "export default function () { http.post(__ENV.CHAIN_EVM_URL, call); }"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"command": ["sh", "-c", 'test -n "$CHAIN_EVM_URL"']},
            "spec.load.workload.command[2] names CHAIN_EVM_URL: give --evm URL",
        ),
        (
            {"workload": {"args": ["--env=CHAIN_WS_URL"]}},
            "spec.load.workload.args[0] names CHAIN_WS_URL: give --ws URL",
        ),
        (
            {"workload": {"env": [{"name": "READS", "value": "CHAIN_REST_URL"}]}},
            "spec.load.workload.env[0].value names CHAIN_REST_URL: give --rest URL",
        ),
        ({"workload": {"config": {"files": K6}}}, "config file script.js names CHAIN_EVM_URL: give --evm URL"),
        ({"command": ["sh", "-c", "$CHAIN_EVM_URL $CHAIN_EVM_URL $CHAIN_RPC_URL"]}, "command[2] names CHAIN_EVM_URL"),
    ],
)
def test_a_variable_that_a_program_reads_by_its_name_is_asked_for(fields, words):
    """The load would run against nothing, and the run would be Failed."""
    with pytest.raises(LocalError) as refused:
        container(**fields)
    assert str(refused.value).count("names") == 1
    assert words in str(refused.value)
    served = {"rpc": ["http://a:1"], "evm": ["http://b:2"], "ws": ["ws://b:3"], "rest": ["http://b:4"]}
    assert container(Chain("toy-1", served), **fields)


def test_a_shells_own_default_and_longer_names_use_no_endpoint():
    script = "${CHAIN_EVM_URL:-http://b:2} ${CHAIN_WS_URL-} ${CHAIN_REST_URL:+x} $MY_CHAIN_EVM_URL $CHAIN_EVM_URLS"
    assert container(command=["sh", "-c", script], workload={"config": {"files": {"run.sh": script}}})

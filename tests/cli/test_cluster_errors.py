"""Every fault of a cluster is one line that says what to do, and exit 2."""

import json
import pathlib
from typing import Any

import pytest

from cli_helpers import call
from emit_helpers import as_yaml, full_run
from fake_api_server import FakeApiServer
from runner_helpers import IDENTITY, NAMESPACE
from runs_kit import gitops, step_pod, under_load
from validationrun.cli import run_options
from validationrun.cli.errors import explain
from validationrun.kube.cluster import ForbiddenError

RUN = IDENTITY.workflow
ON_A_RUN = ("wait", "watch", "status", "logs", "report", "stop", "rerun", "delete")


def said(done: Any) -> str:
    """One line, no traceback, exit 2."""
    assert done.code == 2
    assert "Traceback" not in done.err
    (line,) = [line for line in done.err.splitlines() if line.startswith("validationrun: ")]
    return str(line)


@pytest.mark.parametrize("verb", ON_A_RUN)
def test_a_run_that_is_not_there_is_never_a_verdict(api: FakeApiServer, verb: str) -> None:
    del api
    line = said(call(verb, "nightly-gone", "-n", NAMESPACE))
    assert f"there is no run nightly-gone in namespace {NAMESPACE}" in line


@pytest.mark.parametrize("verb", [*ON_A_RUN, "list"])
def test_without_argo_every_verb_says_so(api: FakeApiServer, verb: str) -> None:
    del api.groups["argoproj.io"]
    line = said(call(verb, *([] if verb == "list" else [RUN]), "-n", NAMESPACE))
    assert "Argo Workflows is not installed on http://127.0.0.1" in line


def test_without_argo_nothing_is_submitted(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    """Not even the bundle, which needs no Argo."""
    del api.groups["argoproj.io"]
    spec = tmp_path / "run.yaml"
    spec.write_bytes(as_yaml(full_run()))
    assert "Argo Workflows is not installed" in said(call("submit", spec))
    assert api.cluster.created == []


@pytest.mark.parametrize("verb", [*ON_A_RUN, "list"])
def test_a_namespace_that_is_not_there(api: FakeApiServer, verb: str) -> None:
    del api
    line = said(call(verb, *([] if verb == "list" else [RUN]), "-n", "eng-bob"))
    assert "there is no namespace eng-bob on http://127.0.0.1" in line


def test_a_namespace_that_nobody_may_look_at_may_be_there(api: FakeApiServer) -> None:
    """Tenants often may not read Namespaces."""
    api.denied = {("get", "namespaces")}
    assert "there is no run nope" in said(call("status", "nope", "-n", "eng-bob"))


def test_submit_into_a_namespace_that_is_not_there(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    spec = tmp_path / "run.yaml"
    spec.write_bytes(as_yaml({**full_run(), "metadata": {"name": "nightly", "namespace": "eng-bob"}}))
    assert "there is no namespace eng-bob" in said(call("submit", spec))
    assert api.cluster.created == []


@pytest.mark.parametrize(
    ("verb", "denied"),
    [
        ("status", ("get", "workflows")),
        ("status", ("get", "configmaps")),
        ("wait", ("get", "workflows")),
        ("stop", ("patch", "workflows")),
        ("delete", ("delete", "workflows")),
        ("logs", ("list", "pods")),
        ("logs", ("get", "pods/log")),
        ("list", ("list", "workflows")),
        ("rerun", ("create", "workflows")),
        ("rerun", ("get", "workflowtemplates")),
    ],
)
def test_a_right_that_lacks_is_named_with_the_way_to_get_it(
    api: FakeApiServer, verb: str, denied: tuple[str, str]
) -> None:
    """Which verb, on which resource, in which namespace, for whom, and what an administrator types."""
    gitops(api)
    under_load(api)
    step_pod(api, "ensure-chain", "hello\n")
    api.denied = {denied}
    arguments = [] if verb == "list" else [RUN, *(["--yes"] if verb == "delete" else [])]
    line = said(call(verb, *arguments, "-n", NAMESPACE))
    plural, _, sub = denied[1].partition("/")
    group = ".argoproj.io" if plural.startswith("workflow") else ""
    resource = f"{plural}{group}" + (f"/{sub}" if sub else "")
    assert f"jane may not {denied[0]} {resource} in namespace {NAMESPACE}; " in line
    name = f"validationrun-{denied[0]}-{denied[1].replace('/', '-')}"
    assert f"`kubectl create role {name} -n {NAMESPACE} --verb={denied[0]} --resource={resource}`" in line
    assert f"`kubectl create rolebinding {name} -n {NAMESPACE} --role={name} --user=jane`" in line


def test_a_right_in_all_namespaces_needs_a_cluster_role(api: FakeApiServer) -> None:
    api.denied = {("list", "workflows")}
    line = said(call("list", "-A"))
    assert "jane may not list workflows.argoproj.io in all namespaces" in line
    assert "`kubectl create clusterrolebinding validationrun-list-workflows --clusterrole=" in line


def test_a_service_account_is_bound_as_one() -> None:
    text = (
        'workflows.argoproj.io is forbidden: User "system:serviceaccount:eng-ada:ci" cannot list resource '
        '"workflows" in API group "argoproj.io" in the namespace "eng-ada"'
    )
    assert "--serviceaccount=eng-ada:ci`" in explain(ForbiddenError(text, 403, "Forbidden"))


def test_another_refusal_keeps_its_own_words() -> None:
    text = 'admission webhook "x" denied the request: no images from elsewhere'
    assert explain(ForbiddenError(text, 403, "Forbidden")) == text


def test_credentials_that_are_not_accepted() -> None:
    words = explain(ForbiddenError("Unauthorized", 401, "Unauthorized"))
    assert (
        words
        == "the cluster does not accept these credentials (Unauthorized): log in again, or choose another --context"
    )


def test_an_api_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(run_options, "_FIRST_ANSWER_SECONDS", 0)
    kubeconfig(tmp_path, monkeypatch, server="http://127.0.0.1:1")
    line = said(call("list", "-n", NAMESPACE))
    assert "the API server does not answer: GET http://127.0.0.1:1/apis/argoproj.io/" in line
    assert line.endswith("Connection refused")


def kubeconfig(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, server: str = "http://127.0.0.1:1", **more: Any
) -> None:
    document = {
        "current-context": "prod",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("prod", "stage")],
        **more,
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    monkeypatch.setenv("KUBECONFIG", str(path))


def test_a_context_that_is_not_there_is_told_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    kubeconfig(tmp_path, monkeypatch)
    line = said(call("list", "--context", "dev"))
    assert line.endswith("kubeconfig has no context dev; it has prod, stage")


def test_a_kubeconfig_without_a_current_context(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    kubeconfig(tmp_path, monkeypatch, **{"current-context": None})
    assert "has no current context; choose one by --context: it has prod, stage" in said(call("list"))


def test_a_kubeconfig_without_any_context(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    kubeconfig(tmp_path, monkeypatch, contexts=None, **{"current-context": None})
    assert said(call("list")).endswith(f"kubeconfig {tmp_path}/kubeconfig has no context")


def test_a_kubeconfig_whose_user_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    kubeconfig(tmp_path, monkeypatch, clusters=[])
    assert "context prod: Expected object with name c" in said(call("list"))


@pytest.mark.parametrize("text", ["a: [", "- 1", "contexts: 7", "contexts: [{}]", "", "\x00"])
def test_a_file_that_is_no_kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert f"kubeconfig {path}" in said(call("list"))


def test_without_a_kubeconfig_and_outside_of_a_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    line = said(call("list"))
    assert f"no kubeconfig: there is no {tmp_path / 'none'}, and this is not inside a pod" in line
    assert "so no context dev" in said(call("list", "--context", "dev"))


@pytest.mark.parametrize("verb", ON_A_RUN)
@pytest.mark.parametrize("name", ["../pods/x", "a/b", "A", ""])
def test_a_name_cannot_leave_its_place_in_a_path(api: FakeApiServer, verb: str, name: str) -> None:
    del api
    assert "is no Kubernetes name" in said(call(verb, name, "-n", NAMESPACE))


def test_a_name_of_a_template_is_answered_with_its_runs(api: FakeApiServer) -> None:
    under_load(api)
    assert f"the runs of nightly are named {RUN}" in said(call("status", "nightly", "-n", NAMESPACE))


def test_who_may_not_list_runs_learns_all_the_same_that_one_is_not_there(api: FakeApiServer) -> None:
    api.denied = {("list", "workflows")}
    assert "there is no run nope in namespace" in said(call("status", "nope", "-n", NAMESPACE))

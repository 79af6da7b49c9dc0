"""The command line on a real API server: what GitOps applied, dry runs, watching, logs, rights, and every refusal."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.running import BASE, run_operator
from tests.e2e.world import CLI, KINDS, REPOSITORY, World, as_json, documents, merge, until

from validationrun.contract.load_entries import LoadStart
from validationrun.kube import kubeconfig
from validationrun.kube.cluster import CONFIG_MAPS, PODS, SERVICE_ACCOUNTS, WORKFLOW_TEMPLATES, WORKFLOWS, ConflictError

ROLE = re.search(r"```yaml\n(apiVersion: rbac.*?)```", (REPOSITORY / "docs" / "cli.md").read_text(), re.DOTALL)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World.open(request.node.name.removeprefix("test_")[:20].replace("_", "-").strip("-")) as opened:
        yield opened


def spec_of(world: World, folder: Path, patch: dict[str, Any] | None = None) -> Path:
    """A spec for this namespace, its access files applied."""
    spec = folder / "run.yaml"
    spec.write_text(yaml.safe_dump(merge(merge(BASE, {"metadata": {"namespace": world.namespace}}), patch or {})))
    compiled = world.run_offline("compile", str(spec), "--out", str(folder / "out"))
    assert compiled.returncode == 0, compiled.stderr
    world.grant(folder / "out" / world.namespace / "e2e")
    return spec


def apply_as_flux(world: World, folder: Path) -> None:
    """As a GitOps controller does: server-side, as a field manager of its own."""
    for file, resource in (("bundle.yaml", CONFIG_MAPS), ("workflowtemplate.yaml", WORKFLOW_TEMPLATES)):
        (document,) = documents((folder / "out" / world.namespace / "e2e" / file).read_text())
        query = {"fieldManager": "flux", "force": "true"}
        world.ask("PATCH", resource, document["metadata"]["name"], document, query, "application/apply-patch+yaml")


def test_gitops_run_watched_and_read(world: World, tmp_path: Path) -> None:
    """From a template that somebody else owns: refused as a spec, started by name, watched to its verdict, every log read."""
    spec = spec_of(world, tmp_path)
    apply_as_flux(world, tmp_path)
    changed = tmp_path / "changed.yaml"
    changed.write_text(spec.read_text().replace("--rate=10", "--rate=11"))
    refused = world.run("submit", str(changed))
    assert (refused.returncode, world.only_workflow()) == (2, None)
    assert f"`validationrun submit --from e2e -n {world.namespace}`" in refused.stderr
    with pytest.raises(ConflictError):
        world.cluster.apply(WORKFLOW_TEMPLATES, _template(tmp_path, world, "0" * 64))

    wrong = world.run("submit", "--from", "e2e", "-n", world.namespace, "--set", "duration=1h")
    assert (wrong.returncode, "at most the compiled 20s" in wrong.stderr) == (2, True)
    with run_operator(world):
        started = world.run("submit", "--from", "e2e", "-n", world.namespace, "--set", "duration=15s")
        assert started.returncode == 0, started.stderr
        name = started.stdout.strip()
        with open(tmp_path / "logs", "w") as stream:  # noqa: PTH123
            following = subprocess.Popen(_command("logs", name, "-n", world.namespace, "-f"), stdout=stream)
        try:
            watched = world.run("watch", name, "-n", world.namespace, "-o", "json", "--timeout", "9m")
            assert watched.returncode == 0, watched.stderr
            assert following.wait(60) == 0
        finally:
            following.kill()
    status = as_json(watched.stdout)
    assert (status["verdict"], status["parameters"]) == ("Passed", {"duration": "15s"})
    lines = [line.partition(" ")[2] for line in watched.stderr.splitlines()]
    for expected in (
        r"Running: under load",
        r"step ensure-chain: Done after .*",
        r"step load-job: Running",
        r"shard 0: running",
        r"rule height-advances: Passed: .* > 0",
        r"shard 0: exit 0",
    ):
        assert [line for line in lines if re.fullmatch(expected, line)], (expected, lines)
    logs = (tmp_path / "logs").read_text().splitlines()
    origins = {line.partition("]")[0].removeprefix("[") for line in logs}
    assert origins == {"ensure-chain", "wait-chain-ready", "load-job", "rule-evaluator", "finalize", "shard 0"}
    # Each line once: the evaluator's answers have times of their own.
    answers = [line for line in logs if line.startswith("[rule-evaluator] {")]
    assert answers
    assert len(answers) == len(set(answers))


def _template(folder: Path, world: World, digest: str) -> Any:
    (document,) = documents((folder / "out" / world.namespace / "e2e" / "workflowtemplate.yaml").read_text())
    document["metadata"]["annotations"]["validation.sei.io/bundle-hash"] = digest
    return document


def _command(*arguments: str) -> list[str]:
    context = os.environ.get("E2E_CONTEXT")
    return [str(CLI), *arguments, *(["--context", context] if context else [])]


def test_dry_runs_create_nothing(world: World, tmp_path: Path) -> None:
    spec = spec_of(world, tmp_path)
    before = world.holdings()
    rehearsed = world.run("submit", str(spec), "--dry-run", "server")
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert [line.split()[1] for line in rehearsed.stdout.splitlines()] == ["created", "created", "created"]
    printed = world.run("submit", str(spec), "--dry-run", "client")
    assert [one["kind"] for one in yaml.safe_load_all(printed.stdout)] == ["ConfigMap", "WorkflowTemplate", "Workflow"]
    assert world.holdings() == before

    apply_as_flux(world, tmp_path)
    held = world.run("submit", "--from", "e2e", "-n", world.namespace, "--dry-run", "server")
    assert (held.returncode, held.stdout) == (0, "workflows.argoproj.io/e2e-* created (server dry run)\n")
    again = world.run("submit", str(spec), "--dry-run", "server")
    assert [line.split()[1] for line in again.stdout.splitlines()] == ["unchanged", "unchanged", "created"]
    assert world.only_workflow() is None
    bundle = next(one for one in world.holdings() - before if one.startswith("configmaps/e2e-bundle-"))
    world.cluster.delete(CONFIG_MAPS, bundle.partition("/")[2])
    missing = world.run("submit", "--from", "e2e", "-n", world.namespace)
    assert (missing.returncode, "bundle missing: WorkflowTemplate e2e needs" in missing.stderr) == (2, True)
    assert world.only_workflow() is None


def test_rights_of_the_documented_role_are_enough_and_needed(world: World, tmp_path: Path) -> None:
    """With the Role of docs/cli.md every verb works on a run; without it each says what lacks."""
    # Long enough for all that is asked while the load runs, on a busy machine too; `stop` ends it.
    spec = spec_of(world, tmp_path, {"spec": {"load": {"duration": "8m"}, "timeouts": {"runDuration": "9m"}}})
    run = _as_account(world, tmp_path, "daily")
    verbs = [
        ["submit", str(spec)],
        ["list"],
        *([verb, "e2e-x"] for verb in ("status", "wait", "watch", "logs", "report", "stop")),
    ]
    for arguments in [
        *verbs,
        ["rerun", "e2e-x"],
        ["delete", "e2e-x", "--yes"],
        ["delete", "--chain-id", "aa", "--yes"],
    ]:
        denied = run(*arguments)
        assert denied.returncode == 2, arguments
        who = f"system:serviceaccount:{world.namespace}:daily may not "
        assert who in denied.stderr, (arguments, denied.stderr)
        assert f"--serviceaccount={world.namespace}:daily`" in denied.stderr
    assert world.only_workflow() is None

    _grant_documented_role(world, "daily")
    with run_operator(world):
        submitted = until("the role is in force", lambda: _done(run("submit", str(spec))), 30)
        name = submitted.stdout.strip()
        until("the load runs", lambda: _under_load(world, name), 300)
        assert json.loads(run("list", "-o", "json").stdout)[0]["name"] == name
        assert "  window   " in run("status", name).stdout
        assert "[ensure-chain] " in run("logs", name).stdout
        assert run("logs", name, "--shard", "0").returncode == 0
        assert "has no verdict within --timeout" in run("watch", name, "--timeout", "1s").stderr
        assert run("stop", name, "--wait").returncode == 0
        assert run("wait", name).returncode == 2
        assert run("report", name).stdout.startswith("CANCELLED  e2e  Cancelled")
        assert run("logs", name, "--saved").stdout.startswith("== ")
        shown = json.loads(run("status", name, "-o", "json").stdout)
        assert json.loads(_said_in_a_pod(world, "daily", "status", name, "-o", "json")) == shown
        again = run("rerun", name)
        assert again.returncode == 0, again.stderr
        chain_id = until("the second run has a chain id", lambda: _chain_id(world, again.stdout.strip()), 120)
        deleted = run("delete", "--chain-id", chain_id, "--yes")
        assert deleted.returncode == 0, deleted.stderr
        assert again.stdout.strip() in deleted.stdout
        until("its chain is gone", lambda: not world.left_running(), 180)
    assert [one["metadata"]["name"] for one in world.cluster.list(WORKFLOWS)] == [name]
    assert run("delete", name, "--yes").returncode == 0


def _said_in_a_pod(world: World, account: str, *arguments: str) -> str:
    """What the command line says inside a pod, which has no kubeconfig, as its account and in its own namespace."""
    container = {
        "name": "cli",
        "image": "validationrun-runner:v1",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "validationrun", *arguments],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    }
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "cli"},
        "spec": {"serviceAccountName": account, "restartPolicy": "Never", "containers": [container]},
    }
    world.cluster.create(PODS, body)
    until("the pod has said it", lambda: _phase(world, "cli") == "Succeeded", 90)
    said = world.cluster.log("cli", "cli", 1000)
    world.cluster.delete(PODS, "cli")
    return said


def _phase(world: World, pod: str) -> str:
    found = world.cluster.get(PODS, pod) or {}
    return str((found.get("status") or {}).get("phase"))


def _done(called: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str] | None:
    return called if called.returncode == 0 else None


def _under_load(world: World, name: str) -> bool:
    workflow = world.cluster.get(WORKFLOWS, name)
    found = world.record(workflow) if workflow is not None else None
    return found is not None and found.get(LoadStart) is not None


def _chain_id(world: World, name: str) -> str | None:
    workflow = world.cluster.get(WORKFLOWS, name)
    found = world.record(workflow) if workflow is not None else None
    chain = world.cluster.get(CONFIG_MAPS, found.identity.record_name) if found is not None else None
    return chain["metadata"]["labels"]["sei.io/chain-id"] if chain is not None else None


def _as_account(world: World, folder: Path, account: str) -> Any:
    """The CLI as a service account of the namespace, which may nothing yet."""
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}
    world.cluster.create(SERVICE_ACCOUNTS, body)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = world.ask("POST", SERVICE_ACCOUNTS, f"{account}/token", request)["status"]["token"]
    access, _ = kubeconfig.of_user(os.environ.get("E2E_CONTEXT"))
    assert isinstance(access, kubeconfig.KubeconfigAccess)
    cluster: dict[str, Any] = {"server": world.cluster.server}
    if access.settings.ssl_ca_cert:
        authority = Path(access.settings.ssl_ca_cert).read_bytes()
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "daily",
        "clusters": [{"name": "daily", "cluster": cluster}],
        "users": [{"name": "daily", "user": {"token": token}}],
        "contexts": [{"name": "daily", "context": {"cluster": "daily", "user": "daily", "namespace": world.namespace}}],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(document))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "KUBECONFIG": str(file)}
        command = [str(CLI), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)

    return run


def _grant_documented_role(world: World, account: str) -> None:
    assert ROLE is not None
    role = yaml.safe_load(ROLE[1])
    world.cluster.create(KINDS["Role"], role)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role["metadata"]["name"]},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": world.namespace}],
    }
    world.cluster.create(KINDS["RoleBinding"], binding)


def test_refusals_of_a_real_api_server(world: World, tmp_path: Path) -> None:
    """What is not there is told as such, and is never a verdict."""
    for verb in ("status", "wait", "watch", "logs", "report", "stop", "rerun", "delete"):
        gone = world.run(verb, "e2e-x7k2p", "-n", world.namespace)
        assert (gone.returncode, gone.stdout) == (2, "")
        assert f"there is no run e2e-x7k2p in namespace {world.namespace}" in gone.stderr
        nowhere = world.run(verb, "e2e-x7k2p", "-n", f"{world.namespace}-not")
        assert (nowhere.returncode, f"there is no namespace {world.namespace}-not on " in nowhere.stderr) == (2, True)
    spec = tmp_path / "run.yaml"
    spec.write_text(yaml.safe_dump(merge(BASE, {"metadata": {"namespace": f"{world.namespace}-not"}})))
    for dry_run in ([], ["--dry-run", "server"]):
        submitted = world.run("submit", str(spec), *dry_run)
        assert (submitted.returncode, "there is no namespace" in submitted.stderr) == (2, True)
    missing = world.run("submit", "--from", "e2e", "-n", world.namespace)
    assert (missing.returncode, "there is no WorkflowTemplate e2e" in missing.stderr) == (2, True)
    other = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "etl"},
        "spec": {"entrypoint": "main", "suspend": True, "templates": [{"name": "main", "suspend": {}}]},
    }
    world.cluster.create(WORKFLOWS, other)
    for arguments in (["stop", "etl"], ["delete", "etl", "--yes"], ["wait", "etl"]):
        refused = world.run(*arguments, "-n", world.namespace)
        assert (refused.returncode, "the Workflow of that name is not validationrun's" in refused.stderr) == (2, True)
    assert world.cluster.get(WORKFLOWS, "etl") is not None

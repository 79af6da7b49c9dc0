"""`submit`: of a spec, of a template that is there, and as a dry run; by a fake API server over HTTP."""

import json
import pathlib

import pytest
import yaml

from cli_helpers import call
from emit_helpers import as_yaml, full_run
from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE
from runs_kit import OURS, gitops
from validationrun.contract.new_workflow import new_workflow
from validationrun.kube.cluster import ForbiddenError, UnreachableError
from validationrun.runs import submit

SUBMISSION = "validation.sei.io/submission"


@pytest.fixture
def spec(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "run.yaml"
    path.write_bytes(as_yaml(full_run()))
    return path


def workflows(api: FakeApiServer) -> list[str]:
    return [name for plural, name in api.cluster.objects if plural == "workflows"]


def test_a_spec_becomes_bundle_template_and_workflow(api: FakeApiServer, spec: pathlib.Path) -> None:
    done = call("submit", spec, "--set", "duration=5m")
    assert done.code == 0, done.err
    (name,) = workflows(api)
    assert done.out == f"{name}\n"
    made = api.cluster.objects[("workflows", name)]
    digest = made["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
    assert ("configmaps", f"nightly-bundle-{digest[:8]}") in api.cluster.objects
    assert ("workflowtemplates", "nightly") in api.cluster.objects
    assert made["spec"]["arguments"] == {"parameters": [{"name": "duration", "value": "5m"}]}


def test_what_gitops_applied_is_started_as_it_is(api: FakeApiServer) -> None:
    """No spec, nothing applied: a Workflow of the template, about the bundle that the template names."""
    digest = gitops(api)
    before = dict(api.cluster.objects)
    done = call("submit", "--from", "nightly", "-n", NAMESPACE, "--set", "duration=5m")
    assert done.code == 0, done.err
    made = api.cluster.objects[("workflows", done.out.strip())]
    assert {name: api.cluster.objects[name] for name in before} == before
    assert made["metadata"]["labels"] == {**OURS, OVERRIDDEN: "true"}
    assert made["metadata"]["annotations"]["validation.sei.io/bundle-hash"] == digest
    assert made["spec"] == {
        "workflowTemplateRef": {"name": "nightly"},
        "arguments": {"parameters": [{"name": "duration", "value": "5m"}]},
    }


def test_a_template_for_one_of_several_controllers_starts_runs_for_it(api: FakeApiServer) -> None:
    gitops(api)
    api.cluster.objects[("workflowtemplates", "nightly")]["metadata"]["labels"] |= {
        "workflows.argoproj.io/controller-instanceid": "blue"
    }
    done = call("submit", "--from", "nightly", "-n", NAMESPACE)
    labels = api.cluster.objects[("workflows", done.out.strip())]["metadata"]["labels"]
    assert labels["workflows.argoproj.io/controller-instanceid"] == "blue"


OVERRIDDEN = "validation.sei.io/overridden"


def test_what_differs_from_the_spec_stands_on_the_workflow(api: FakeApiServer, spec: pathlib.Path) -> None:
    done = call("submit", spec, "--set", "duration=5m", "--set", "chain-id=mine")
    metadata = api.cluster.objects[("workflows", done.out.strip())]["metadata"]
    assert metadata["labels"][OVERRIDDEN] == "true"
    texts = ("duration: 5m (compiled: 10m)", "chain-id: mine (compiled: base-<uid8>)")
    assert metadata["annotations"][OVERRIDDEN].split("; ") == sorted(texts)


@pytest.mark.parametrize("settings", [(), ("--set", "duration=600s")])
def test_a_run_as_compiled_has_neither_label_nor_annotation(
    api: FakeApiServer, spec: pathlib.Path, settings: tuple[str, ...]
) -> None:
    metadata = api.cluster.objects[("workflows", call("submit", spec, *settings).out.strip())]["metadata"]
    assert OVERRIDDEN not in {**metadata["labels"], **metadata["annotations"]}


def test_a_held_template_is_told_the_same_way(api: FakeApiServer) -> None:
    gitops(api)
    done = call("submit", "--from", "nightly", "-n", NAMESPACE, "--set", "duration=5m")
    metadata = api.cluster.objects[("workflows", done.out.strip())]["metadata"]
    assert metadata["labels"][OVERRIDDEN] == "true"
    assert metadata["annotations"][OVERRIDDEN] == "duration: 5m (compiled: 10m)"


@pytest.mark.parametrize("lock", ["duration", "all", "chain-id,duration"])
def test_a_locked_parameter_cannot_be_set(api: FakeApiServer, spec: pathlib.Path, lock: str) -> None:
    done = call("submit", spec, "--lock", lock, "--set", "duration=5m")
    assert (done.code, workflows(api)) == (2, [])
    assert "--set the parameter duration is locked" in done.err


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("duration=9h", "--set duration must be a duration of at least 1s and at most the compiled 10m; got '9h'"),
        ("tps=5", "--set there is no parameter tps; there are"),
        ("chain-id=Not An Id", "--set chain-id must be lower-case letters"),
    ],
)
def test_parameters_are_checked_against_the_bundle_that_is_there(api: FakeApiServer, setting: str, words: str) -> None:
    gitops(api)
    done = call("submit", "--from", "nightly", "-n", NAMESPACE, "--set", setting)
    assert (done.code, words in done.err, workflows(api)) == (2, True, [])


def test_where_the_bundle_cannot_be_read_the_template_tells_the_names(api: FakeApiServer) -> None:
    gitops(api)
    api.denied = {("get", "configmaps")}
    refused = call("submit", "--from", "nightly", "-n", NAMESPACE, "--set", "tps=5")
    assert (refused.code, "--set there is no parameter tps; there are" in refused.err) == (2, True)
    assert call("submit", "--from", "nightly", "-n", NAMESPACE, "--set", "duration=5m").code == 0


def test_without_its_bundle_a_template_is_not_started(api: FakeApiServer) -> None:
    digest = gitops(api)
    del api.cluster.objects[("configmaps", f"nightly-bundle-{digest[:8]}")]
    done = call("submit", "--from", "nightly", "-n", NAMESPACE)
    assert (done.code, workflows(api)) == (2, [])
    assert f"bundle missing: WorkflowTemplate nightly needs ConfigMap nightly-bundle-{digest[:8]}" in done.err


def test_a_bundle_that_is_another_is_refused(api: FakeApiServer) -> None:
    digest = gitops(api)
    api.cluster.objects[("configmaps", f"nightly-bundle-{digest[:8]}")]["data"]["rules.yaml"] = "[]\n"
    done = call("submit", "--from", "nightly", "-n", NAMESPACE)
    assert (done.code, "is not the bundle that WorkflowTemplate nightly names" in done.err) == (2, True)


def test_a_template_that_is_not_there_and_one_that_is_not_ours(api: FakeApiServer) -> None:
    gitops(api)
    done = call("submit", "--from", "nigthly", "-n", NAMESPACE)
    assert (done.code, "there is no WorkflowTemplate nigthly" in done.err) == (2, True)
    assert done.err.rstrip().endswith("; there are nightly")
    del api.cluster.objects[("workflowtemplates", "nightly")]["metadata"]["annotations"]
    done = call("submit", "--from", "nightly", "-n", NAMESPACE)
    assert (done.code, "was not compiled by validationrun" in done.err) == (2, True)


def test_a_template_of_a_gitops_controller_is_left_alone_and_the_way_out_is_named(
    api: FakeApiServer, spec: pathlib.Path
) -> None:
    api.conflicts = {"workflowtemplates"}
    done = call("submit", spec)
    assert (done.code, workflows(api)) == (2, [])
    assert f"`validationrun submit --from nightly -n {NAMESPACE}`" in done.err


@pytest.mark.parametrize("arguments", [["SPEC"], ["--from", "nightly"]])
def test_the_servers_dry_run_asks_about_every_object_and_keeps_none(
    api: FakeApiServer, spec: pathlib.Path, arguments: list[str]
) -> None:
    if arguments[0] == "--from":
        gitops(api)
    before = set(api.cluster.objects)
    given = [str(spec) if one == "SPEC" else one for one in arguments]
    done = call("submit", *given, "-n", NAMESPACE, "--dry-run", "server")
    assert done.code == 0, done.err
    assert set(api.cluster.objects) == before
    said = [line.split()[0].split("/")[0] for line in done.out.splitlines()]
    whole = ["configmaps", "workflowtemplates.argoproj.io", "workflows.argoproj.io"]
    assert said == (whole if arguments == ["SPEC"] else whole[-1:])


def test_the_servers_dry_run_tells_what_would_change(api: FakeApiServer, spec: pathlib.Path) -> None:
    def outcomes() -> list[str]:
        return [line.split()[1] for line in call("submit", spec, "--dry-run", "server").out.splitlines()]

    assert outcomes() == ["created", "created", "created"]
    gitops(api)
    assert outcomes() == ["unchanged", "unchanged", "created"]
    api.cluster.objects[("workflowtemplates", "nightly")]["spec"]["activeDeadlineSeconds"] = 1
    assert outcomes() == ["unchanged", "changed", "created"]


def test_the_servers_dry_run_says_what_would_be_refused(api: FakeApiServer, spec: pathlib.Path) -> None:
    api.denied = {("create", "workflows")}
    done = call("submit", spec, "--dry-run", "server")
    assert (done.code, "jane may not create workflows.argoproj.io" in done.err) == (2, True)


def test_the_clients_dry_run_prints_the_objects_without_a_cluster(
    spec: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    done = call("submit", spec, "--dry-run", "client", "--set", "duration=5m")
    assert done.code == 0, done.err
    bundle, template, workflow = yaml.safe_load_all(done.out)
    assert [one["kind"] for one in (bundle, template, workflow)] == ["ConfigMap", "WorkflowTemplate", "Workflow"]
    digest = bundle["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
    assert workflow["metadata"]["annotations"] == {
        "validation.sei.io/bundle-hash": digest,
        OVERRIDDEN: "duration: 5m (compiled: 10m)",
    }
    assert workflow["spec"]["arguments"]["parameters"] == [{"name": "duration", "value": "5m"}]
    assert call("submit", spec, "--dry-run", "client", "--set", "duration=9h").code == 2


def test_the_clients_dry_run_of_a_template_prints_its_workflow(api: FakeApiServer) -> None:
    gitops(api)
    done = call("submit", "--from", "nightly", "-n", NAMESPACE, "--dry-run", "client")
    assert (done.code, yaml.safe_load(done.out)["kind"], workflows(api)) == (0, "Workflow", [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a SPEC, or a WorkflowTemplate"),
        (["run.yaml", "--from", "nightly"], "SPEC and --from exclude each other"),
        (["--from", "nightly", "--runner-image", "mine:2"], "only --set can still change it"),
        (["--from", "nightly", "--dry-run", "client", "--wait"], "--dry-run starts no run"),
        (["--from", "../configmaps/x"], "is no Kubernetes name"),
    ],
)
def test_what_does_not_go_together(api: FakeApiServer, arguments: list[str], words: str) -> None:
    del api
    done = call("submit", *arguments)
    assert (done.code, done.out, words in done.err) == (2, "", True)


def test_an_answer_that_is_lost_makes_no_second_run(
    api: FakeApiServer, spec: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is given by the API server, so asking again would start the run twice."""
    monkeypatch.setattr(submit, "_CREATE_PAUSE_SECONDS", 0.01)
    assert call("submit", spec).code == 0
    (first,) = workflows(api)
    api.lost = 1
    done = call("submit", "--from", "nightly", "-n", NAMESPACE)
    assert done.code == 0, done.err
    assert set(workflows(api)) == {first, done.out.strip()}
    assert len(workflows(api)) == 2
    marks = {api.cluster.objects[("workflows", one)]["metadata"]["annotations"][SUBMISSION] for one in workflows(api)}
    assert len(marks) == 2


def test_argo_that_reads_an_old_template_is_asked_again(api: FakeApiServer, spec: pathlib.Path) -> None:
    """Its cache may be behind: a run of the template of before would judge another spec."""
    gitops(api)
    stale = json.loads(
        json.dumps(api.cluster.objects[("workflowtemplates", "nightly")]["spec"]).replace("nightly-bundle", "old")
    )
    looks = iter(range(100))

    def argo_with_a_cache() -> None:
        for (plural, _), found in api.cluster.objects.items():
            if plural == "workflows" and not found.get("status"):
                current = api.cluster.objects[("workflowtemplates", "nightly")]["spec"]
                old = json.loads(json.dumps(stale).replace(digest, "0" * 64))
                found["status"] = {
                    "phase": "Running",
                    "storedWorkflowTemplateSpec": old if next(looks) < 2 else current,
                }

    digest = api.cluster.objects[("workflowtemplates", "nightly")]["metadata"]["annotations"][
        "validation.sei.io/bundle-hash"
    ]
    api.cluster.on_get = argo_with_a_cache
    done = call("submit", spec)
    assert done.code == 0, done.err
    assert workflows(api) == [done.out.strip()]
    assert len([one for one in api.cluster.created if one.startswith("workflows/")]) == 3


@pytest.mark.parametrize("error", [UnreachableError("Connection refused"), ForbiddenError("cannot get workflows", 403)])
def test_a_run_that_was_started_is_named_though_it_cannot_be_looked_at(error: Exception) -> None:
    """Whether Argo read the right template could not be looked at; finalize compares again."""

    class Away:
        def patient(self, seconds: float) -> "Away":
            del seconds
            return self

        def create(self, resource: object, body: object) -> dict[str, dict[str, str]]:
            del resource, body
            return {"metadata": {"name": "nightly-x7k2p"}}

        def get(self, resource: object, name: str) -> None:
            del resource, name
            raise error

    body = new_workflow("nightly", "eng-ada", "b" * 64, {}, "")
    assert submit.start(Away(), body, lambda _: None) == "nightly-x7k2p"  # type: ignore[arg-type]

"""`submit` of a suite: what it puts on the cluster, what it starts, and what it refuses."""

import pathlib

import pytest
import yaml

from cli_helpers import call
from emit_helpers import as_yaml, full_run
from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE
from runs_kit import OURS

NAME, UID = "release-suite-x7k2p", "0f8fad5b-d9cb-469f-a165-70867728950e"


def suite_file(folder: pathlib.Path, *, beside: bool = False) -> pathlib.Path:
    """A suite of a run that is written inside it, and of one that stands beside it."""
    inner, outer = full_run()["spec"], full_run()
    suite = {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationSuite",
        "metadata": {"name": "release-suite", "namespace": NAMESPACE},
        "spec": {"runs": [{"name": "inside", "spec": inner}, {"name": "outside", "ref": {"name": "nightly"}}]},
    }
    documents = [suite, outer]
    if beside:
        documents.append({**full_run(), "metadata": {"name": "alone", "namespace": NAMESPACE}})
    path = folder / "suite.yaml"
    path.write_bytes(b"\n---\n".join(as_yaml(document) for document in documents))
    return path


def test_submit_applies_the_members_and_starts_the_suite_alone(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    done = call("submit", suite_file(tmp_path))
    assert done.code == 0, done.err
    (name,) = [name for plural, name in api.cluster.objects if plural == "workflows"]
    assert done.out == f"{name}\n"
    made = api.cluster.objects[("workflows", name)]
    assert made["metadata"]["labels"] == {**OURS, "validation.sei.io/suite": "release-suite"}
    assert made["spec"] == {"workflowTemplateRef": {"name": "release-suite"}}
    templates = {name for plural, name in api.cluster.objects if plural == "workflowtemplates"}
    assert templates == {"nightly", "release-suite", "release-suite-inside"}
    bundles = {name.rpartition("-bundle-")[0] for plural, name in api.cluster.objects if plural == "configmaps"}
    assert bundles == templates


def test_what_gitops_applied_of_a_suite_is_started_as_it_is(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    call("submit", suite_file(tmp_path))
    done = call("submit", "--from", "release-suite", "-n", NAMESPACE)
    assert done.code == 0, done.err
    made = api.cluster.objects[("workflows", done.out.strip())]
    assert made["metadata"]["labels"] == {**OURS, "validation.sei.io/suite": "release-suite"}
    again = call("rerun", done.out.strip(), "-n", NAMESPACE)
    assert api.cluster.objects[("workflows", again.out.strip())]["metadata"]["labels"] == made["metadata"]["labels"]


@pytest.mark.parametrize("what", ["missing", "another bundle"])
def test_a_suite_whose_members_do_not_fit_is_not_started(api: FakeApiServer, tmp_path: pathlib.Path, what: str) -> None:
    call("submit", suite_file(tmp_path))
    before = [name for plural, name in api.cluster.objects if plural == "workflows"]
    if what == "missing":
        del api.cluster.objects[("workflowtemplates", "nightly")]
    else:
        annotations = api.cluster.objects[("workflowtemplates", "nightly")]["metadata"]["annotations"]
        annotations["validation.sei.io/bundle-hash"] = "f" * 64
    done = call("submit", "--from", "release-suite", "-n", NAMESPACE)
    assert done.code == 2
    assert "WorkflowTemplate nightly" in done.err
    assert [name for plural, name in api.cluster.objects if plural == "workflows"] == before


@pytest.mark.parametrize("how", ["client", "server"])
def test_a_dry_run_names_every_object_and_keeps_none(api: FakeApiServer, tmp_path: pathlib.Path, how: str) -> None:
    before = set(api.cluster.objects)
    done = call("submit", suite_file(tmp_path), f"--dry-run={how}")
    assert done.code == 0, done.err
    if how == "client":
        names = [document["metadata"].get("name") for document in yaml.safe_load_all(done.out)]
        assert [name for name in names if name and "bundle" not in name] == [
            "release-suite-inside",
            "nightly",
            "release-suite",
        ]
        assert names[-1] is None
    else:
        assert done.out.count(" (server dry run)") == 7
    assert set(api.cluster.objects) == before


def test_parameters_of_a_suite_stand_in_its_file(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    done = call("submit", suite_file(tmp_path), "--set", "duration=5m")
    assert done.code == 2
    assert "--set does not apply to a suite" in done.err


def test_a_run_that_the_suite_does_not_name(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    done = call("submit", suite_file(tmp_path, beside=True))
    assert done.code == 2
    assert "suite release-suite, which does not name alone" in done.err


def test_nobody_makes_a_run_a_member_by_hand(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    call("submit", suite_file(tmp_path))
    done = call("submit", "--from", "nightly", "-n", NAMESPACE, "--set", f"suite={NAME}/{UID}")
    assert done.code == 2
    assert "suite is given by a suite to its members, and by nobody else" in done.err


def run_file(folder: pathlib.Path, name: str = "nightly") -> pathlib.Path:
    path = folder / f"{name}.yaml"
    path.write_bytes(as_yaml({**full_run(), "metadata": {"name": name, "namespace": NAMESPACE}}))
    return path


@pytest.mark.parametrize("more", [(), ("--dry-run=server",)])
def test_a_run_that_a_suite_starts_is_not_taken_from_it(
    api: FakeApiServer, tmp_path: pathlib.Path, more: tuple[str, ...]
) -> None:
    """Compiled alone it has no parameter `suite`, and the suite's next run of it would not begin."""
    call("submit", suite_file(tmp_path))
    before = {key: dict(value) for key, value in api.cluster.objects.items()}
    done = call("submit", run_file(tmp_path), *more)
    assert (done.code, done.out) == (2, "")
    assert "a suite starts runs of WorkflowTemplate nightly in namespace" in done.err
    assert f"`validationrun submit --from nightly -n {NAMESPACE}`" in done.err
    assert before == api.cluster.objects
    assert call("submit", "--from", "nightly", "-n", NAMESPACE).code == 0
    assert call("submit", suite_file(tmp_path)).code == 0
    assert call("submit", "--from", "release-suite", "-n", NAMESPACE).code == 0


def test_a_schedule_of_a_run_does_not_take_it_from_its_suite(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    call("submit", suite_file(tmp_path))
    schedule = {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationSchedule",
        "metadata": {"name": "every-day", "namespace": NAMESPACE},
        "spec": {"schedules": ["0 6 * * *"], "runTemplate": {"ref": {"name": "nightly"}}},
    }
    path = tmp_path / "schedule.yaml"
    path.write_bytes(b"\n---\n".join(as_yaml(document) for document in (schedule, full_run())))
    before = set(api.cluster.objects)
    done = call("submit", path)
    assert (done.code, "a suite starts runs of WorkflowTemplate nightly" in done.err) == (2, True), done.err
    assert set(api.cluster.objects) == before


def test_a_run_of_no_suite_is_submitted_again_as_before(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    call("submit", suite_file(tmp_path))
    for more in ((), ("--dry-run=server",), ()):
        done = call("submit", run_file(tmp_path, "alone"), *more)
        assert done.code == 0, done.err
    assert ("workflowtemplates", "alone") in api.cluster.objects


def test_a_run_joins_a_suite(api: FakeApiServer, tmp_path: pathlib.Path) -> None:
    assert call("submit", run_file(tmp_path)).code == 0
    assert call("submit", suite_file(tmp_path)).code == 0

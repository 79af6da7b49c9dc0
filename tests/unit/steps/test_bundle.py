"""The bundle as a ConfigMap volume shows it, and what a step does without one."""

import json
import pathlib

import pytest

from emit_helpers import compiled, full_run
from runner_helpers import Clock, FakeCluster, bundle_folder, context
from validationrun.base.durations import parse_settle
from validationrun.contract.bundle import Bundle, BundleError, fill_template
from validationrun.steps.context import Context
from validationrun.steps.main import PROGRAMS, run


def as_volume(folder: pathlib.Path) -> pathlib.Path:
    """The kubelet's way: the files lie in a hidden folder, and links of their names point through another link."""
    volume = folder / "volume"
    volume.mkdir()
    (folder / "bundle").rename(volume / "..2026_11_24")
    (volume / "..data").symlink_to("..2026_11_24")
    for path in (volume / "..2026_11_24").iterdir():
        (volume / path.name).symlink_to(pathlib.Path("..data") / path.name)
    return volume


def test_a_mounted_bundle_is_what_was_compiled(tmp_path: pathlib.Path) -> None:
    digest = bundle_folder(tmp_path / "bundle", full_run())
    bundle = Bundle.mounted(as_volume(tmp_path), digest)
    assert bundle.plan.name == "nightly"
    assert [rule.name for rule in bundle.rules()] == ["height"]


def test_another_hash_is_refused(tmp_path: pathlib.Path) -> None:
    bundle_folder(tmp_path / "bundle", full_run())
    with pytest.raises(BundleError, match="was compiled with 00000000"):
        Bundle.mounted(as_volume(tmp_path), "0" * 64)


def test_values_go_only_where_the_plan_says(tmp_path: pathlib.Path) -> None:
    spec = full_run()
    spec["spec"]["load"]["workload"]["config"] = {"files": {"profile": "${chainId} ${CHAIN} {{x}} ${evmEndpointsJson}"}}
    spec["spec"]["load"]["workload"]["args"] = ["${chainId}"]
    digest = bundle_folder(tmp_path / "bundle", spec)
    bundle = Bundle.mounted(as_volume(tmp_path), digest)
    values = dict.fromkeys(
        (
            "runId",
            "namespace",
            "workflowUid",
            "jobName",
            "configMapName",
            "durationSeconds",
            "rpcUrl",
            "evmUrl",
            "wsUrl",
            "restUrl",
        ),
        "v",
    )
    values |= {"chainId": "${runId}", "evmEndpointsJson": '["http://a"]'}
    assert bundle.config_files(values) == {"profile": '${runId} ${CHAIN} {{x}} ["http://a"]'}
    job = bundle.manifest("job.yaml", values, {"job.yaml": {"/spec/template/spec/containers/0/image": "other:1"}})
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert (container["args"], container["image"]) == (["${chainId}"], "other:1")
    assert {"name": "CHAIN_ID", "value": "${runId}"} in container["env"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "plan.json is missing or damaged"),
        ("[]", "plan.json is missing or damaged"),
        ('{"format": 1}', "plan.json is missing or damaged: PlanDocument: .*`name`"),
        ('{"format": 2}', "has format 2, this runner reads format 1"),
    ],
)
def test_a_damaged_plan_is_one_clear_error(text: str | None, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        Bundle({} if text is None else {"plan.json": text})


def test_a_plan_without_a_rules_query_is_refused(tmp_path: pathlib.Path) -> None:
    bundle_folder(tmp_path / "bundle", full_run())
    data = {path.name: path.read_text() for path in (tmp_path / "bundle").iterdir()}
    bundle = Bundle({**data, "plan.json": json.dumps({**json.loads(data["plan.json"]), "rules": []})})
    with pytest.raises(BundleError, match=r"plan\.json and rules\.yaml differ: 'height'"):
        bundle.questions({})


def test_a_value_that_this_runner_does_not_know() -> None:
    with pytest.raises(BundleError, match="older than the compiler"):
        fill_template("${somethingNew}", {})


def test_an_exit_code_of_a_fault_is_never_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in ([], ["nonsense"], ["finalize", "--nonsense"], ["finalize"]):
        assert run(arguments) == 70
    for name, value in (
        ("WORKFLOW_NAME", "a"),
        ("WORKFLOW_UID", "b"),
        ("WORKFLOW_NAMESPACE", "c"),
        ("BUNDLE_HASH", "d"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VALIDATION_SETTLE", "soon")
    assert run(["finalize"]) == 70
    monkeypatch.setitem(PROGRAMS, "finalize", lambda *_: 1 / 0)
    monkeypatch.delenv("VALIDATION_SETTLE")
    monkeypatch.setattr("validationrun.kube.cluster.Cluster.inside", lambda _: FakeCluster())
    assert run(["finalize"]) == 70


def test_every_settle_time_that_compile_accepts_reaches_the_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validationrun.kube.cluster.Cluster.inside", lambda _: FakeCluster())
    names = {"WORKFLOW_NAME": "a", "WORKFLOW_UID": "b", "WORKFLOW_NAMESPACE": "c", "BUNDLE_HASH": "d"}
    for text in ("0s", "8", "8s", "1m"):
        output = compiled(full_run(), settle_s=parse_settle(text))
        sent = [one["value"] for one in output.steps["rule-evaluator"]["container"]["env"] if "SETTLE" in one["name"]]
        read = Context.from_environment("rule-evaluator", {**names, "VALIDATION_SETTLE": sent[0]})
        assert read.settle_s == parse_settle(text)
    assert Context.from_environment("rule-evaluator", names).settle_s == 5


def test_outputs_are_for_people_and_never_fail_a_step(tmp_path: pathlib.Path) -> None:
    step = context("finalize", FakeCluster(), Clock(), tmp_path, "x")
    step.output("verdict", "Passed")
    assert (tmp_path / "outputs" / "verdict").read_text() == "Passed"
    (tmp_path / "outputs" / "verdict").unlink()
    (tmp_path / "outputs").rmdir()
    step.output("verdict", "Passed")

"""What the template of a step mounts, is told, and uploads."""

import pytest

from emit_helpers import Output, compiled, edited, full_run, program, rules_only, strings
from validationrun.compiling.emit.steps import RESULTS_DIR

FILES = {"token": "TOKEN", "ca.crt": "CA", "headers": "HEADERS"}


def with_results(**s3: str) -> Output:
    return compiled(edited(lambda run: run["spec"].update(results={"s3": s3})))


def environment(output: Output, step: str) -> dict[str, str]:
    return {one["name"]: one["value"] for one in program(output.steps[step])["env"]}


def test_whoever_asks_prometheus_gets_its_credentials_and_nobody_else():
    output = compiled(full_run(), prometheus_secret="prom", prometheus_keys=("token", "ca.crt"))
    for name in output.steps:
        if name == "main":
            continue
        volumes = [one for one in output.steps[name].get("volumes", []) if "secret" in one]
        mounts = [
            one
            for one in program(output.steps[name])["volumeMounts"]
            if one["mountPath"] == "/var/run/validation/prometheus"
        ]
        told = {one for one in environment(output, name) if one.startswith("VALIDATION_PROMETHEUS")}
        if name in ("ensure-chain", "rule-evaluator"):
            # Optional: a Secret that is missing must be an answer, and no pod that hangs.
            assert [one["secret"] for one in volumes] == [{"secretName": "prom", "optional": True}]
            assert [one["readOnly"] for one in mounts] == [True]
            assert told == {"VALIDATION_PROMETHEUS_TOKEN_FILE", "VALIDATION_PROMETHEUS_CA_FILE"}
        else:
            assert (volumes, mounts, told) == ([], [], set())
    assert "committed-bundle" in [one["name"] for one in output.steps["ensure-chain"]["volumes"]]


def test_the_evaluator_alone_serves_metrics_and_preflight_knows_the_settle_time():
    output = compiled(full_run(), settle_s=60)
    assert [name for name, one in output.steps.items() if one.get("container", {}).get("ports")] == ["rule-evaluator"]
    settled = [name for name in output.steps if name != "main" and "VALIDATION_SETTLE" in environment(output, name)]
    assert sorted(settled) == ["ensure-chain", "rule-evaluator"]
    assert environment(output, "rule-evaluator")["VALIDATION_SETTLE"] == "60", "whole seconds"


def test_the_workflow_tells_chain_exit_codes_and_verdict_by_itself():
    """`argo get` prints its outputs. The evaluator's verdict is about the rules alone, and is not one of them."""
    output = compiled(full_run())
    told = {
        one["globalName"]: name
        for name, step in output.steps.items()
        for one in step.get("outputs", {}).get("parameters", [])
        if "globalName" in one
    }
    assert told == {
        "chain-id": "ensure-chain",
        "exit-codes": "load-job",
        "verdict": "finalize",
        "reason": "finalize",
    }


@pytest.mark.parametrize("policy", ["Always", "OnSuccess", "Never"])
def test_finalize_knows_the_clean_up_policy_without_any_record(policy):
    output = compiled(edited(lambda run: run["spec"].update(cleanup=policy)))
    assert environment(output, "finalize")["CLEANUP"] == policy
    assert not any("CLEANUP" in environment(output, name) for name in output.steps if name not in ("main", "finalize"))


def test_without_results_no_artifact_is_emitted():
    for run in (full_run(), rules_only()):
        assert not any("artifact" in text.lower() or text == "s3" for text in strings(compiled(run).template["spec"]))


def test_each_step_with_files_uploads_them_to_the_whole_location():
    output = with_results(bucket="my-results", endpoint="s3.eu-central-1.amazonaws.com", region="eu-central-1")
    found = {
        name: one["outputs"]["artifacts"] for name, one in output.steps.items() if "artifacts" in one.get("outputs", {})
    }
    assert list(found) == ["rule-evaluator", "finalize"]
    for (artifact,) in found.values():
        assert artifact == {
            "name": "results",
            "path": "/var/run/validation/outputs/results",
            # Files as they are, below the run's own prefix, and never collected with the Workflow.
            "archive": {"none": {}},
            "artifactGC": {"strategy": "Never"},
            # A run that ended early has no files: that is no fault of an upload.
            "optional": True,
            "s3": {
                "bucket": "my-results",
                "endpoint": "s3.eu-central-1.amazonaws.com",
                "region": "eu-central-1",
                "key": "eng-ada/evm_transfer/{{workflow.name}}",
                "useSDKCreds": True,
            },
        }


def test_an_endpoint_without_tls_is_named_as_argo_wants_it():
    for artifact in (
        one["outputs"]["artifacts"][0]["s3"]
        for name, one in with_results(endpoint="http://s3.storage.svc:9000").steps.items()
        if name in ("rule-evaluator", "finalize")
    ):
        assert (artifact["endpoint"], artifact["insecure"]) == ("s3.storage.svc:9000", True)


def test_the_location_is_the_one_that_the_workload_and_the_status_are_told():
    output = with_results()
    (artifact,) = output.steps["finalize"]["outputs"]["artifacts"]
    where = f"s3://{artifact['s3']['bucket']}/{artifact['s3']['key']}/".replace("{{workflow.name}}", "${runId}")
    assert output.plan_json["results"]["uri"] == where
    env = {
        one["name"]: one.get("value")
        for one in output.inner("job.yaml")["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert env["RESULTS_URI"] == where


def test_rules_alone_are_uploaded_under_their_own_name():
    def edit(run):
        run["spec"]["results"] = {"s3": {}}

    (artifact,) = compiled(edited(edit, rules_only)).steps["finalize"]["outputs"]["artifacts"]
    assert artifact["s3"]["key"] == "eng-ada/rules-only/{{workflow.name}}"


def test_what_is_uploaded_is_the_folder_that_the_steps_write_to():
    mounts = with_results().steps["rule-evaluator"]["container"]["volumeMounts"]
    # Argo uploads from a volume; a path of the read-only root would be copied, or missing.
    assert any(RESULTS_DIR.startswith(one["mountPath"] + "/") for one in mounts)


def test_the_bundle_names_the_rights_that_preflight_asks_for():
    output = compiled(full_run())
    role = output.documents("access.yaml")[0]
    told = [(one["group"], one["resources"], one["verbs"]) for one in output.plan_json["rights"]]
    assert told == [(one["apiGroups"][0], one["resources"], one["verbs"]) for one in role["rules"]]

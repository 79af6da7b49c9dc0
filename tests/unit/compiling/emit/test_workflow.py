"""The WorkflowTemplate, seen from Argo's side."""

import re

import pytest
import yaml

from emit_helpers import Output, compiled, edited, full_run, program, rules_only, strings
from validationrun.base.conventions import EXIT_AGAINST_RUN, OUTPUT_DIR, OUTPUT_FINALIZE_EXIT_CODE

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture(scope="module")
def full() -> Output:
    return compiled(full_run())


@pytest.fixture(scope="module")
def passive() -> Output:
    return compiled(rules_only())


def tasks(output):
    return {task["name"]: task for task in output.steps["main"]["dag"]["tasks"]}


def test_it_is_named_like_the_run_in_its_namespace(full):
    template = full.template
    assert (template["apiVersion"], template["kind"]) == ("argoproj.io/v1alpha1", "WorkflowTemplate")
    assert (template["metadata"]["name"], template["metadata"]["namespace"]) == ("nightly", "eng-ada")


def test_the_order_of_the_run(full, passive):
    assert {name: task.get("dependencies") for name, task in tasks(full).items()} == {
        "ensure-chain": None,
        "wait-chain-ready": ["ensure-chain"],
        "load-job": ["wait-chain-ready"],
        "rule-evaluator": ["wait-chain-ready"],
    }
    assert list(tasks(passive)) == ["ensure-chain", "wait-chain-ready", "rule-evaluator"]
    assert [task["template"] for task in tasks(full).values()] == list(tasks(full))
    assert next(iter(full.steps)) == full.template["spec"]["entrypoint"] == "main"


def test_finalize_is_the_one_exit_handler_and_no_task(full):
    """As onExit, over which Argo lets no default of an installation win; over hooks.exit a default onExit would."""
    assert full.template["spec"]["onExit"] == "finalize"
    assert "hooks" not in full.template["spec"]
    assert "finalize" not in tasks(full)


def test_nothing_fails_fast(full):
    assert [full.steps[name].get("failFast") for name in full.steps] == [False] * len(full.steps)
    assert not any("hooks" in task or "onExit" in task for task in tasks(full).values())


def test_no_default_of_an_installation_keeps_load_and_evaluator_from_running_side_by_side(full):
    assert full.template["spec"]["parallelism"] >= len(tasks(full))
    assert full.steps["main"]["parallelism"] >= len(tasks(full))


def test_no_outputs_on_the_dag(full):
    assert "outputs" not in full.steps["main"]
    assert "hooks" not in full.steps["main"]


def test_time_to_live_covers_every_ending(full):
    week = 7 * 24 * 3600
    assert full.template["spec"]["ttlStrategy"] == {
        "secondsAfterCompletion": week,
        "secondsAfterSuccess": week,
        "secondsAfterFailure": week,
    }


def test_pods_of_a_failed_run_are_kept(full):
    assert full.template["spec"]["podGC"] == {"strategy": "OnWorkflowSuccess"}


def test_the_workflows_deadline(full):
    assert full.template["spec"]["activeDeadlineSeconds"] == 1200 + 300 + 900 + 600


def test_a_run_begins_awaited_and_its_reader_sees_the_specs_hash(full):
    metadata = full.template["spec"]["workflowMetadata"]
    assert metadata["labels"] == {
        "sei.io/managed-by": "validationrun",
        "app.kubernetes.io/managed-by": "validationrun",
        "app.kubernetes.io/part-of": "validationrun",
        "validation.sei.io/phase": "Running",
        "validation.sei.io/verdict": "Awaited",
        "sei.io/chain-id": "",
    }
    assert metadata["annotations"]["validation.sei.io/reason"] == ""
    assert metadata["labelsFrom"] == {"sei.io/run-id": {"expression": "workflow.name"}}
    assert metadata["annotations"]["validation.sei.io/spec-hash"] == full.plan.spec_hash


def test_step_pods_carry_the_runs_labels(full):
    labels = full.template["spec"]["podMetadata"]["labels"]
    assert labels["sei.io/run-id"] == "{{workflow.name}}"
    assert labels["sei.io/managed-by"] == "validationrun"
    components = {
        name: step["metadata"]["labels"]["app.kubernetes.io/component"]
        for name, step in full.steps.items()
        if name != "main"
    }
    assert components == {
        "ensure-chain": "chain",
        "wait-chain-ready": "chain",
        "load-job": "load",
        "rule-evaluator": "rules",
        "finalize": "rules",
    }


def test_each_step_has_its_planned_timeout_and_retry(full):
    for step in (*full.plan.steps, full.plan.finalize):
        one = full.steps[step.name]
        assert one["timeout"] == f"{step.timeout_s}s"
        assert one["activeDeadlineSeconds"] == step.timeout_s
        assert one["retryStrategy"]["limit"] == str(step.retry_limit)
        assert one["retryStrategy"]["retryPolicy"] == step.retry
        assert program(one)["args"][0] == step.name


def test_a_step_that_ends_3_is_not_tried_again_and_every_other_code_is(full):
    """Argo looks whether finalize may be tried again by its phase alone: it ends 1 with a verdict."""
    expressions = {name: step["retryStrategy"].get("expression") for name, step in full.steps.items() if name != "main"}
    assert expressions.pop("finalize") is None
    assert set(expressions.values()) == {f"lastRetry.exitCode != '{EXIT_AGAINST_RUN}'"}
    assert len(expressions) == len(full.plan.steps)


def test_finalize_has_time_to_finish_when_its_pod_is_deleted(full):
    assert full.steps["finalize"]["podSpecPatch"] == "terminationGracePeriodSeconds: 300\n"
    assert not any("podSpecPatch" in step for name, step in full.steps.items() if name != "finalize")


def test_finalize_is_killed_without_the_main_container_and_then_tried_again(full):
    """Argo calls a killed main container Failed, and an output parameter without file and default Error."""
    finalize = full.steps["finalize"]
    main, (beside,) = finalize["container"], finalize["sidecars"]
    assert (main["args"], beside["args"], beside["name"]) == (["exit-as-finalize"], ["finalize"], "finalize")
    assert main["securityContext"] == beside["securityContext"]
    assert main["volumeMounts"][0] in beside["volumeMounts"]
    (needed,) = [one for one in finalize["outputs"]["parameters"] if "default" not in one["valueFrom"]]
    assert needed["valueFrom"]["path"] == f"{OUTPUT_DIR}/{OUTPUT_FINALIZE_EXIT_CODE}"
    assert finalize["retryStrategy"]["retryPolicy"] == "OnError"
    assert not any("sidecars" in step for name, step in full.steps.items() if name != "finalize")


def test_a_node_without_memory_evicts_finalize_last(full):
    resources = program(full.steps["finalize"])["resources"]
    assert (resources["requests"]["memory"], resources["limits"]["memory"]) == ("128Mi", "512Mi")


def test_the_dag_succeeds_whatever_its_leaves_end_with(full, passive):
    """Else its failure, which has no message, would stand in the place of finalize's verdict."""
    for output in (full, passive):
        waited_for = {name for task in tasks(output).values() for name in task.get("dependencies", [])}
        leaves = set(tasks(output)) - waited_for
        assert {name for name, task in tasks(output).items() if "continueOn" in task} == leaves
        assert all(tasks(output)[name]["continueOn"] == {"failed": True} for name in leaves)
        # The two exclude each other.
        assert not any("depends" in task for task in tasks(output).values())


def test_finalize_alone_runs_as_its_own_account(full):
    accounts = {name: step.get("serviceAccountName") for name, step in full.steps.items()}
    assert accounts.pop("finalize") == "eng-ada-validation-finalize"
    assert accounts.pop("main") is None
    assert set(accounts.values()) == {"eng-ada-validation"}
    assert full.template["spec"]["serviceAccountName"] == "eng-ada-validation"


def test_the_parameters_are_optional_and_documented(full):
    parameters = full.template["spec"]["arguments"]["parameters"]
    assert [one["name"] for one in parameters] == [
        *("chain-id", "duration", "image-workload", "image-validators", "image-rpc", "prometheus-url", "runner-image")
    ]
    assert {one["value"] for one in parameters[:-1]} == {""}
    assert parameters[-1]["value"] == "validationrun-runner:v1"
    assert all(one["description"] for one in parameters)


def test_ensure_chain_alone_gets_the_parameters(full):
    wanted = [one.name for one in full.plan.parameters]
    assert "runner-image" in wanted
    args = full.steps["ensure-chain"]["container"]["args"]
    assert args[1:] == [f"--set={name}={{{{workflow.parameters.{name}}}}}" for name in wanted]
    for name, step in full.steps.items():
        if name not in ("main", "ensure-chain"):
            assert program(step)["args"] == [name]


def test_the_runner_image_is_a_parameter_everywhere():
    output = compiled(full_run(), runner_image="registry.example.com/runner:v2")
    images = {step["container"]["image"] for step in output.steps.values() if "container" in step}
    assert images == {"{{workflow.parameters.runner-image}}"}
    assert output.template["spec"]["arguments"]["parameters"][-1]["value"] == "registry.example.com/runner:v2"


def test_every_container_of_ours_is_restricted(full):
    spec = full.template["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 8737,
        "runAsGroup": 8737,
        "fsGroup": 8737,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for name, step in full.steps.items():
        if name != "main":
            assert step["container"]["securityContext"] == {**RESTRICTED, "readOnlyRootFilesystem": True}
            assert set(step["container"]["resources"]["requests"]) == {"cpu", "memory"}
            assert set(step["container"]["resources"]["limits"]) == {"memory"}


def test_argos_own_containers_are_restricted_by_a_patch(full):
    patch = yaml.safe_load(full.template["spec"]["podSpecPatch"])
    assert [one["name"] for one in patch["initContainers"] + patch["containers"]] == ["init", "wait"]
    for one in patch["initContainers"] + patch["containers"]:
        assert one["securityContext"] == RESTRICTED
        assert one["resources"]["requests"]


def test_without_the_executor_patch_no_patch_names_a_container_of_argos():
    """Pods of Argo 4.1 with `initlessPod` have neither, and the API server refuses a patch of a container without image."""
    spec = compiled(full_run(), executor_patch=False).template["spec"]
    assert "podSpecPatch" not in spec
    patches = [yaml.safe_load(step["podSpecPatch"]) for step in spec["templates"] if "podSpecPatch" in step]
    named = [one["name"] for patch in patches for key in ("initContainers", "containers") for one in patch.get(key, [])]
    assert not {"init", "wait"} & set(named)


def test_the_priority_class_and_instance_id_stand_where_argo_reads_them():
    output = compiled(full_run(), priority_class="high", instance_id="team-a")
    key = "workflows.argoproj.io/controller-instanceid"
    spec = output.template["spec"]
    assert spec["podPriorityClassName"] == "high"
    assert output.template["metadata"]["labels"][key] == "team-a"
    assert spec["workflowMetadata"]["labels"][key] == "team-a"
    plain = compiled(full_run())
    assert key not in plain.template["metadata"]["labels"]
    assert "podPriorityClassName" not in plain.template["spec"]


def test_only_ensure_chain_mounts_the_committed_bundle_and_finalize_mounts_none(full):
    mounted = {}
    for name, step in full.steps.items():
        for mount in program(step).get("volumeMounts", []):
            if mount["mountPath"] == "/var/run/validation/bundle":
                mounted[name] = mount
    assert {name: mount["name"] for name, mount in mounted.items()} == {
        "ensure-chain": "committed-bundle",
        "wait-chain-ready": "bundle",
        "load-job": "bundle",
        "rule-evaluator": "bundle",
    }
    assert all(mount["readOnly"] for mount in mounted.values())
    (committed,) = full.steps["ensure-chain"]["volumes"]
    assert committed["configMap"] == {"name": full.document("bundle.yaml")["metadata"]["name"], "optional": True}
    copies = [volume for volume in full.template["spec"]["volumes"] if volume["name"] == "bundle"]
    assert copies[0]["configMap"] == {"name": "{{workflow.name}}-{{workflow.uid}}-bundle", "optional": True}


def test_each_step_knows_which_bundle_it_belongs_to(full):
    digest = full.document("bundle.yaml")["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
    for name, step in full.steps.items():
        if name != "main":
            env = {entry["name"]: entry["value"] for entry in program(step)["env"]}
            assert env["BUNDLE_HASH"] == digest
            assert env["WORKFLOW_UID"] == "{{workflow.uid}}"


def test_the_outputs_of_each_step_have_defaults_that_never_say_passed(full):
    outputs = {
        name: {one["name"]: one["valueFrom"].get("default") for one in step["outputs"]["parameters"]}
        for name, step in full.steps.items()
        if "outputs" in step
    }
    assert outputs == {
        "ensure-chain": {"chain-id": "", "message": ""},
        "wait-chain-ready": {"message": ""},
        "load-job": {"exit-codes": "", "message": ""},
        "rule-evaluator": {"verdict": "Error"},
        "finalize": {"verdict": "Error", "reason": "Unknown", "finalize-exit-code": None},
    }


def test_a_mutex_makes_a_second_run_with_the_same_explicit_chain_id_wait(full, passive):
    (mutex,) = full.template["spec"]["synchronization"]["mutexes"]
    assert "workflow.parameters['chain-id']" in mutex["name"]
    assert "workflow.uid" in mutex["name"]
    assert "synchronization" not in passive.template["spec"]


def test_metrics_are_labelled_by_namespace_name_and_verdict_only(full):
    metrics = {one["name"]: one for one in full.steps["finalize"]["metrics"]["prometheus"]}
    labels = {name: {label["key"]: label["value"] for label in one["labels"]} for name, one in metrics.items()}
    assert labels == {
        "validation_run_terminal_total": {
            "namespace": "eng-ada",
            "name": "nightly",
            "verdict": "{{outputs.parameters.verdict}}",
        },
        "validationrun_duration_seconds": {"namespace": "eng-ada", "name": "nightly"},
    }
    assert metrics["validation_run_terminal_total"]["counter"] == {"value": "1"}
    assert not any("metrics" in step for name, step in full.steps.items() if name != "finalize")


def test_no_artifact_is_emitted(full):
    assert not any(text in ("artifacts", "archiveLocation", "artifactRepositoryRef") for text in strings(full.template))
    assert full.template["spec"]["archiveLogs"] is False


def test_the_user_interface_shows_a_title_and_a_table(full, passive):
    annotations = full.template["metadata"]["annotations"]
    assert annotations["workflows.argoproj.io/title"] == "ValidationRun nightly: 10m of evm_transfer, 1 rule"
    description = annotations["workflows.argoproj.io/description"]
    assert "| validators | validator | 4 |" in description
    assert "| height | value > 0 | 30s | no |" in description
    passive_text = passive.template["metadata"]["annotations"]
    assert passive_text["workflows.argoproj.io/title"] == "ValidationRun nightly: no load, 1 rule"
    assert "Uses an existing chain and watches the rules for 1h." in passive_text["workflows.argoproj.io/description"]
    assert "| deployment |" not in passive_text["workflows.argoproj.io/description"]


def test_a_runs_title_names_the_run_because_the_user_interface_shows_it_in_place_of_the_name(full):
    annotations = full.template["spec"]["workflowMetadata"]["annotations"]
    assert annotations["workflows.argoproj.io/title"] == "{{workflow.name}}: 10m of evm_transfer, 1 rule"
    assert annotations["workflows.argoproj.io/description"].startswith("Brings up an ephemeral chain, drives ")


def test_a_run_without_rules_says_so():
    def edit(run):
        del run["spec"]["rules"]
        run["spec"]["load"]["replicas"] = 3

    annotations = compiled(edited(edit)).template["metadata"]["annotations"]
    assert annotations["workflows.argoproj.io/title"].endswith("0 rules")
    assert "from 3 pods" in annotations["workflows.argoproj.io/description"]
    assert "| rule |" not in annotations["workflows.argoproj.io/description"]


def test_the_bundles_name_is_nowhere_but_where_it_is_mounted(full):
    name = full.document("bundle.yaml")["metadata"]["name"]
    assert full.text["workflowtemplate.yaml"].count(name) == 1


def test_flux_substitutes_nothing_in_what_goes_to_the_cluster(full):
    for file in ("workflowtemplate.yaml", "bundle.yaml"):
        annotations = full.document(file)["metadata"]["annotations"]
        assert annotations["kustomize.toolkit.fluxcd.io/substitute"] == "disabled"


def test_nothing_differs_from_what_kubernetes_keeps_of_it(full):
    """Else each apply by another manager would be a conflict, and GitOps tools would show a difference for ever."""

    def walk(value):
        if isinstance(value, dict):
            if "containerPort" in value:
                assert value["protocol"] == "TCP"
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                walk(one)
        assert not isinstance(value, float)

    walk(full.template)
    assert full.steps["finalize"]["metrics"]["prometheus"][1]["histogram"]["buckets"][0] == 300


def test_the_template_reads_in_the_order_of_a_review(full):
    keys = re.findall(r"^  ([a-zA-Z]+):", full.text["workflowtemplate.yaml"], re.MULTILINE)
    keys = keys[keys.index("entrypoint") :]
    assert keys[:4] == ["entrypoint", "onExit", "arguments", "serviceAccountName"]
    assert keys[-1] == "templates"


def parameters_of(output):
    return [entry["name"] for entry in output.template["spec"].get("arguments", {}).get("parameters", [])]


def test_a_locked_parameter_is_not_in_the_template():
    output = compiled(full_run(), lock=("duration", "image-rpc"))
    assert {"duration", "image-rpc"}.isdisjoint(parameters_of(output))
    assert {"chain-id", "image-validators", "runner-image"} <= set(parameters_of(output))
    assert "--set=duration=" not in str(output.steps["ensure-chain"]["container"]["args"])
    assert output.plan.locked == ("duration", "image-rpc")


def test_with_all_locked_no_step_depends_on_an_argument():
    """Argo takes an argument that the template does not declare without a word; no step reads it."""
    output = compiled(full_run(), lock=("all",), runner_image="registry.example.com/runner:v2")
    assert parameters_of(output) == []
    assert "workflow.parameters" not in str(output.template)
    images = {step["container"]["image"] for step in output.steps.values() if "container" in step}
    assert images == {"registry.example.com/runner:v2"}
    assert output.template["spec"]["synchronization"]["mutexes"] == [{"name": "validationrun-{{workflow.uid}}"}]


def test_finalize_alone_knows_how_often_it_was_tried(full):
    for name, step in full.steps.items():
        tries = [one["value"] for one in program(step).get("env", []) if one["name"] == "RETRIES"]
        assert tries == (["{{retries}}"] if name == "finalize" else [])

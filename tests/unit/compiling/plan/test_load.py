"""The Indexed Job, its environment, its config files."""

import pytest

from emit_helpers import alert_rule, edited, full_run, plan_of, rules_only, unchanged
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.explain import outline
from validationrun.kube.env_expansion import expand

CONTRACT = [
    *("CHAIN_RPC_URL", "CHAIN_WS_URL", "CHAIN_EVM_URL", "CHAIN_REST_URL", "CHAIN_ID", "RUN_ID", "NAMESPACE"),
    *("RESULT_DIR", "CONFIG_DIR", "RESULTS_URI", "DURATION_SECONDS", "SHARD_INDEX", "SHARD_COUNT"),
]


def load_of(edit=unchanged):
    return plan_of(edited(lambda run: edit(run["spec"]["load"]))).load


def job_of(edit=unchanged):
    return load_of(edit).job.data


def pod_of(edit=unchanged):
    return job_of(edit)["spec"]["template"]["spec"]


def container_of(edit=unchanged):
    (container,) = pod_of(edit)["containers"]
    return container


def environment(edit=unchanged):
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container_of(edit)["env"]}


def test_the_job_is_indexed_and_one_failed_shard_ends_no_other():
    job = job_of(lambda load: load.update(replicas=3))
    spec = job["spec"]
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == 3
    assert spec["backoffLimitPerIndex"] == 0
    assert "backoffLimit" not in spec
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["podReplacementPolicy"] == "Failed"


def test_the_jobs_own_deadline_is_load_start_and_run_duration():
    def edit(run):
        run["spec"]["timeouts"] = {"loadStart": "7m", "runDuration": "33m"}

    assert plan_of(edited(edit)).load.job.data["spec"]["activeDeadlineSeconds"] == 40 * 60
    assert job_of()["spec"]["activeDeadlineSeconds"] == (5 + 10 + 5) * 60


def test_name_labels_and_owner_of_the_job():
    metadata = job_of()["metadata"]
    assert metadata["name"] == "${jobName}"
    assert metadata["namespace"] == "eng-ada"
    assert metadata["labels"] == {
        "sei.io/managed-by": "validationrun",
        "sei.io/run-id": "${runId}",
        "sei.io/chain-id": "${chainId}",
        "app.kubernetes.io/managed-by": "validationrun",
        "app.kubernetes.io/part-of": "validationrun",
        "app.kubernetes.io/component": "load",
    }
    assert metadata["ownerReferences"] == [
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "${runId}", "uid": "${workflowUid}"}
    ]


def test_our_labels_win_over_the_users_and_stand_on_the_pods():
    def edit(load):
        load["workload"]["podTemplate"] = {"labels": {"app.kubernetes.io/name": "seiload"}, "annotations": {"a": "b"}}

    metadata = job_of(edit)["spec"]["template"]["metadata"]
    assert metadata["labels"] == {"app.kubernetes.io/name": "seiload", **job_of()["metadata"]["labels"]}
    assert metadata["annotations"]["a"] == "b"


def test_no_label_or_annotation_makes_flux_prune():
    metadata = job_of()["spec"]["template"]["metadata"]
    keys = [*metadata["labels"], *metadata["annotations"], *job_of()["metadata"]["labels"]]
    assert not any("fluxcd" in key for key in keys)


def test_the_pods_get_no_api_token_and_no_rights():
    pod = pod_of()
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    security = container_of()["securityContext"]
    assert security == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}


def test_the_account_is_the_namespaces_runner_or_the_users():
    assert pod_of()["serviceAccountName"] == "eng-ada-runner"
    own = pod_of(lambda load: load["workload"].update(serviceAccountName="mine"))
    assert own["serviceAccountName"] == "mine"


def test_the_environment_is_the_contract_in_its_order():
    assert [entry["name"] for entry in container_of()["env"]] == CONTRACT


def test_the_values_of_the_environment():
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert environment(lambda load: load.update(replicas=5)) == {
        "CHAIN_RPC_URL": "${rpcUrl}",
        "CHAIN_WS_URL": "${wsUrl}",
        "CHAIN_EVM_URL": "${evmUrl}",
        "CHAIN_REST_URL": "${restUrl}",
        "CHAIN_ID": "${chainId}",
        "RUN_ID": "${runId}",
        "NAMESPACE": "eng-ada",
        "RESULT_DIR": "/var/run/validation/results",
        "CONFIG_DIR": "/etc/validation/config/",
        "RESULTS_URI": "",
        "DURATION_SECONDS": "${durationSeconds}",
        "SHARD_INDEX": {"fieldRef": {"fieldPath": index}},
        "SHARD_COUNT": "5",
    }


def test_the_users_environment_comes_after_ours():
    env = [{"name": "B", "value": "$(RUN_ID)"}, {"name": "A"}]
    found = container_of(lambda load: load["workload"].update(env=env))["env"]
    assert found[len(CONTRACT) :] == env


def test_config_dir_follows_the_mount_path():
    def edit(load):
        load["workload"]["config"] = {"files": {"a": "x"}, "mountPath": "/config"}

    assert environment(edit)["CONFIG_DIR"] == "/config"
    assert container_of(edit)["volumeMounts"][1] == {"name": "validation-config", "mountPath": "/config"}


def test_config_dir_is_the_mount_path_even_when_kubernetes_would_expand_it():
    """In an environment `$(NAME)` is a reference, in the path of a mount it is not."""

    def edit(load):
        load["workload"]["config"] = {"files": {"a": "x"}, "mountPath": "/c/$(RUN_ID)$$"}

    assert container_of(edit)["volumeMounts"][1]["mountPath"] == "/c/$(RUN_ID)$$"
    assert expand(environment(edit)["CONFIG_DIR"], {"RUN_ID": "x"}) == "/c/$(RUN_ID)$$"


def results(run):
    run["spec"]["results"] = {"s3": {"bucket": "bucket", "region": "eu-central-1"}}


def test_the_results_uri_names_namespace_workload_and_run():
    plan = plan_of(edited(results))
    env = {
        entry["name"]: entry.get("value")
        for entry in plan.load.job.data["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert env["RESULTS_URI"] == "s3://bucket/eng-ada/evm_transfer/${runId}/" == plan.results.uri
    assert plan.results.to_data() == {
        "bucket": "bucket",
        "endpoint": "s3.amazonaws.com",
        "prefix": "eng-ada/evm_transfer/${runId}/",
        "region": "eu-central-1",
        "uri": "s3://bucket/eng-ada/evm_transfer/${runId}/",
    }


def test_without_load_the_results_lie_under_rules_only():
    plan = plan_of(edited(lambda run: run["spec"].update(results={"s3": {}}), rules_only))
    assert plan.results.uri == "s3://harbor-validation-results/eng-ada/rules-only/${runId}/"
    assert "region" not in plan.results.to_data()


@pytest.mark.parametrize("value", [None, {}])
def test_without_s3_there_is_no_uri(value):
    plan = plan_of(edited(lambda run: value is not None and run["spec"].update(results=value)))
    assert plan.results is None


def test_without_config_files_nothing_is_mounted_for_them():
    assert [volume["name"] for volume in pod_of()["volumes"]] == ["validation-results"]
    assert pod_of()["volumes"][0]["emptyDir"] == {}
    assert [mount["name"] for mount in container_of()["volumeMounts"]] == ["validation-results"]


def test_config_files_are_mounted_from_the_runs_own_config_map():
    def edit(load):
        load["workload"]["config"] = {"files": {"a": "x"}}

    volumes = pod_of(edit)["volumes"]
    assert volumes[1] == {"name": "validation-config", "configMap": {"name": "${configMapName}"}}


def test_what_the_pod_template_may_hold_is_forwarded():
    pod = {
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}},
        "imagePullSecrets": [{"name": "s"}],
        "terminationGracePeriodSeconds": 90,
        "volumes": [{"name": "v", "downwardAPI": {"items": []}}],
        "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": True}],
        "securityContext": {"runAsUser": 5, "fsGroup": 6, "seccompProfile": {"type": "Localhost"}},
    }

    def edit(load):
        load["workload"]["podTemplate"] = pod

    found = pod_of(edit)
    for field in ("nodeSelector", "tolerations", "affinity", "imagePullSecrets", "terminationGracePeriodSeconds"):
        assert found[field] == pod[field]
    assert found["securityContext"] == pod["securityContext"]
    assert found["volumes"][1:] == pod["volumes"]
    assert found["containers"][0]["volumeMounts"][1:] == pod["volumeMounts"]


def test_what_the_workload_may_hold_is_forwarded_and_nothing_else_is_added():
    fields = {
        "command": ["a"],
        "args": ["$(DURATION_SECONDS)", "${chainId}"],
        "envFrom": [{"prefix": "X_", "secretRef": {"name": "s", "optional": True}}],
        "ports": [{"containerPort": 9090, "name": "metrics"}],
        "resources": {"requests": {"cpu": 2, "memory": "4Gi"}, "limits": {"cpu": 0.5}},
    }
    found = container_of(lambda load: load["workload"].update(fields))
    assert {key: found[key] for key in fields} == fields
    assert not set(fields) & set(container_of())


def test_the_grace_period_is_a_minute_unless_given():
    assert pod_of()["terminationGracePeriodSeconds"] == 60


# Places.


def test_the_documented_placeholders_are_places_in_config_files_and_no_others():
    names = ["chainId", "runId", "namespace"]
    lists = ["rpcEndpoints", "evmEndpoints", "wsEndpoints", "restEndpoints"]
    known = [f"${{{name}}}" for name in (*names, *lists, *(f"{name}Json" for name in lists))]
    others = [
        "${window}",
        "${workflowUid}",
        "${ chainId }",
        "$chainId",
        "${chainIdJson}",
        "{{workflow.name}}",
        "${CHAINID}",
    ]
    text = "🚀é\n" + " ".join(known + others) + "${${chainId}}"

    def edit(load):
        load["workload"]["config"] = {"files": {"profile.json": text, "plain.txt": "x"}}

    profile, plain = load_of(edit).config
    assert profile.text == text
    assert [place.token for place in profile.places] == [*known, "${chainId}"]
    assert all(text[place.offset : place.offset + len(place.token)] == place.token for place in profile.places)
    assert (profile.key, plain.key, plain.places) == ("config.profile.json", "config.plain.txt", ())


def test_a_rules_only_run_has_no_load():
    assert plan_of(rules_only()).load is None
    assert plan_of(rules_only()).accounts.workload is None


def test_full_run_has_the_load_the_spec_names():
    load = plan_of(full_run()).load
    assert (load.name, load.duration_s, load.shards, load.config) == ("evm_transfer", 600, 1, ())


def test_an_alert_rule_asks_whether_the_alert_fired_in_the_window():
    plan = plan_of(edited(lambda run: run["spec"]["rules"].append(alert_rule())))
    assert plan.rules[1].promql == (
        'max_over_time(ALERTS{alertname="NodeFailed",alertstate="firing",namespace="${namespace}"}[${window}])'
    )
    assert [place.token for place in plan.rules[1].places] == ["${namespace}", "${window}"]


def test_the_workloads_own_token_is_mounted_only_when_the_spec_says_so():
    assert pod_of()["automountServiceAccountToken"] is False
    assert (
        pod_of(lambda load: load["workload"].update(serviceAccountToken=False))["automountServiceAccountToken"] is False
    )
    assert (
        pod_of(lambda load: load["workload"].update(serviceAccountToken=True))["automountServiceAccountToken"] is True
    )


def prepared(load):
    load["workload"]["config"] = {"files": {"a.json": "{}"}}
    load["workload"]["podTemplate"] = {
        "volumes": [{"name": "keys", "emptyDir": {}}],
        "initContainers": [
            {
                "name": "accounts",
                "image": "accounts:1",
                "imagePullPolicy": "Always",
                "command": ["prepare"],
                "args": ["--rpc=$(CHAIN_RPC_URL)"],
                "env": [{"name": "A", "value": "b"}],
                "envFrom": [{"secretRef": {"name": "s"}}],
                "resources": {"limits": {"cpu": "1"}},
                "securityContext": {"readOnlyRootFilesystem": True},
                "volumeMounts": [{"name": "keys", "mountPath": "/keys"}],
            },
            {"name": "second", "image": "accounts:2"},
        ],
    }


def test_init_containers_have_the_workloads_environment_folders_and_restrictions():
    pod, (workload,) = pod_of(prepared), pod_of(prepared)["containers"]
    first, second = pod["initContainers"]
    assert [first["name"], second["name"]] == ["accounts", "second"]
    assert first["env"] == [*workload["env"], {"name": "A", "value": "b"}]
    assert second["env"] == workload["env"]
    assert second["volumeMounts"] == workload["volumeMounts"]
    assert first["volumeMounts"] == [*workload["volumeMounts"], {"name": "keys", "mountPath": "/keys"}]
    assert second["securityContext"] == workload["securityContext"]
    assert first["securityContext"] == {**workload["securityContext"], "readOnlyRootFilesystem": True}
    assert {key: first[key] for key in ("image", "imagePullPolicy", "command", "args", "envFrom", "resources")} == {
        "image": "accounts:1",
        "imagePullPolicy": "Always",
        "command": ["prepare"],
        "args": ["--rpc=$(CHAIN_RPC_URL)"],
        "envFrom": [{"secretRef": {"name": "s"}}],
        "resources": {"limits": {"cpu": "1"}},
    }


def test_the_places_of_an_init_containers_environment_are_filled_too():
    places = load_of(prepared).job.places
    assert "/spec/template/spec/initContainers/1/env/0/value" in places


def test_a_workload_without_init_containers_has_none():
    assert "initContainers" not in pod_of()


def test_a_security_context_is_added_to_ours():
    """What it may hold only tightens: the names of what we set are taken, and change nothing."""
    context = {
        "runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "readOnlyRootFilesystem": True, "privileged": False,
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    container = container_of(lambda load: load["workload"].update(securityContext=context, imagePullPolicy="Never"))
    assert container["securityContext"] == context
    assert container["imagePullPolicy"] == "Never"
    one_field = container_of(lambda load: load["workload"].update(securityContext={"readOnlyRootFilesystem": True}))
    assert one_field["securityContext"] == {**container_of()["securityContext"], "readOnlyRootFilesystem": True}


def test_explain_names_the_init_containers_in_their_order():
    run = edited(lambda run: prepared(run["spec"]["load"]))
    tree = str(outline(plan_of(run), EmitOptions()))
    assert "prepared in each pod by accounts, then second, within timeouts.loadStart" in tree

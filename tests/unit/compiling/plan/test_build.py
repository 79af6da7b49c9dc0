"""Hashes, places, rights, accounts, parameters, steps and times."""

import copy
import json

import pytest

from emit_helpers import (
    alert_rule,
    as_yaml,
    at,
    edited,
    full_run,
    linted,
    plan_of,
    query_rule,
    rules_only,
    strings,
)
from validationrun.compiling.plan import build_plan

# Hashes.


def hash_of(run):
    return plan_of(run).spec_hash


SPELLINGS = {
    "a duration in other units": lambda run: run["spec"].update(timeouts={"chainReady": "1200s"}),
    "a default written out": lambda run: run["spec"].update(cleanup="Always", timeouts={"loadStart": "300s"}),
    "an empty block": lambda run: run["spec"].update(timeouts={}),
    "a load with one shard": lambda run: run["spec"]["load"].update(replicas=1),
    "minutes as seconds": lambda run: run["spec"]["load"].update(duration="600s"),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_two_spellings_of_one_spec_have_one_hash(name):
    assert hash_of(edited(SPELLINGS[name])) == hash_of(full_run())


def test_neither_the_order_of_keys_nor_a_comment_nor_the_form_of_yaml_counts():
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    other = b"# a comment\n" + as_yaml(turned(full_run())) + b"\n# another\n"
    assert plan_of(other).spec_hash == hash_of(full_run())


def test_the_order_of_free_keys_is_not_part_of_the_hash():
    def with_overrides(*keys):
        def edit(run):
            node = run["spec"]["chain"]["deployments"][0]["spec"]["template"]["spec"]
            node["overrides"] = dict.fromkeys(keys, "1")

        return edited(edit)

    assert hash_of(with_overrides("a", "b")) == hash_of(with_overrides("b", "a")) != hash_of(with_overrides("a", "c"))


def _changes():
    """Every scalar of the run, changed in turn."""
    run = full_run()["spec"]
    todo = [((), run)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            todo += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            todo += [((*path, index), item) for index, item in enumerate(value)]
        elif path[-1] not in ("type", "role"):
            # Those two cannot change alone: the body and the other entries have to fit.
            yield path


OTHER = {
    "op": "<",
    "threshold": "1",
    "duration": "11m",
    "promql": "min(up)",
    "replicas": 7,
    "min": 5,
    "image": "other:v1",
}


@pytest.mark.parametrize("path", sorted(_changes(), key=str), ids=str)
def test_any_change_of_the_spec_changes_its_hash(path):
    run = full_run()
    parent = run["spec"]
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = OTHER.get(path[-1], f"{parent[path[-1]]}0")
    assert hash_of(run) != hash_of(full_run())


def test_name_and_namespace_are_not_part_of_the_hash():
    """The spec's hash is the spec's: a copy under another name means the same."""
    run = edited(lambda run: run["metadata"].update(name="other", namespace="eng-bob"))
    assert hash_of(run) == hash_of(full_run())


def test_the_order_of_lists_is_part_of_the_hash():
    assert hash_of(edited(lambda run: run["spec"]["chain"]["deployments"].reverse())) != hash_of(full_run())


# Places.

HOSTILE = "${chainId}-${runId}"


def with_placeholders_of_the_user(run):
    load = run["spec"]["load"]["workload"]
    load |= {"args": [HOSTILE], "command": ["${jobName}"], "env": [{"name": "A", "value": HOSTILE}]}
    load["podTemplate"] = {"annotations": {"a": HOSTILE}, "volumes": [{"name": "v", "csi": {"driver": HOSTILE}}]}
    node = run["spec"]["chain"]["deployments"][0]["spec"]["template"]["spec"]
    node |= {"overrides": {HOSTILE: HOSTILE}, "peers": [{"static": {"addresses": [HOSTILE]}}]}


def manifests(plan):
    return [entry.manifest for entry in plan.deployments] + [plan.load.job]


def test_each_place_is_a_string_that_holds_a_template():
    for manifest in manifests(plan_of(full_run())):
        assert manifest.places
        assert len(set(manifest.places)) == len(manifest.places)
        for pointer in manifest.places:
            value = at(manifest.data, pointer)
            assert isinstance(value, str)
            assert "${" in value


def test_each_template_of_ours_is_a_place():
    for manifest in manifests(plan_of(full_run())):
        templates = [text for text in strings(manifest.data) if "${" in text]
        assert sorted(at(manifest.data, pointer) for pointer in manifest.places) == sorted(templates)


def test_a_users_own_placeholder_is_never_a_place():
    for manifest in manifests(plan_of(edited(with_placeholders_of_the_user))):
        values = [at(manifest.data, pointer) for pointer in manifest.places]
        assert HOSTILE not in values
        assert values.count("${jobName}") == (1 if manifest.key == "job.yaml" else 0)


def test_a_pointer_escapes_what_json_pointer_needs_escaped():
    (validators, _) = plan_of(full_run()).deployments
    assert "/metadata/labels/sei.io~1chain-id" in validators.manifest.places


def test_a_places_manifest_is_plain_data():
    """What goes on is str, not our subclass of it, so that nothing later can take a place for more than text."""
    kinds = {type(text) for manifest in manifests(plan_of(full_run())) for text in strings(manifest.data)}
    assert kinds == {str}


# Rights.


def rights(run, **options):
    plan = plan_of(run, **options)
    return tuple(
        {(right.group, resource): (set(right.verbs), right.names) for right in account for resource in right.resources}
        for account in (plan.step_rights, plan.finalize_rights)
    )


def test_a_full_run_has_these_rights_and_no_others():
    steps, finalize = rights(full_run())
    assert steps == {
        ("", "configmaps"): ({"create", "get", "patch"}, ()),
        ("", "serviceaccounts"): ({"get"}, ()),
        ("sei.io", "seinodedeployments"): ({"create", "get"}, ()),
        ("sei.io", "seinodes"): ({"get", "list"}, ()),
        ("", "persistentvolumeclaims"): ({"list"}, ()),
        ("batch", "jobs"): ({"create", "get", "patch"}, ()),
        ("", "pods"): ({"list", "watch"}, ()),
        ("", "events"): ({"list"}, ()),
        ("argoproj.io", "workflowtaskresults"): ({"create", "patch"}, ()),
    }
    assert finalize == {
        ("argoproj.io", "workflows"): ({"get", "patch"}, ()),
        ("", "configmaps"): ({"get", "patch"}, ()),
        ("", "pods"): ({"list"}, ()),
        ("", "pods/log"): ({"get"}, ()),
        ("", "events"): ({"list"}, ()),
        ("batch", "jobs"): ({"get", "patch"}, ()),
        ("sei.io", "seinodedeployments"): ({"delete", "list"}, ()),
        ("sei.io", "seinodes"): ({"list"}, ()),
        ("argoproj.io", "workflowtaskresults"): ({"create", "patch"}, ()),
    }


def test_another_api_changes_the_rights_to_its_own_objects_and_no_others():
    def edit(run):
        run["spec"]["chain"]["api"] = "SeiNetwork"
        for entry in run["spec"]["chain"]["deployments"]:
            del entry["spec"]["monitoring"]

    ours, theirs = (rights(run) for run in (edited(edit), full_run()))
    of_sei = [{key: value for key, value in account.items() if key[0] == "sei.io"} for account in ours]
    assert of_sei == [
        {
            ("sei.io", "seinetworks"): ({"create", "get"}, ()),
            ("sei.io", "seinodes"): ({"create", "get", "list"}, ()),
        },
        {("sei.io", "seinetworks"): ({"delete", "list"}, ()), ("sei.io", "seinodes"): ({"delete", "list"}, ())},
    ]
    for account, other in zip(ours, theirs, strict=True):
        assert {key for key in account if key[0] != "sei.io"} == {key for key in other if key[0] != "sei.io"}


def test_only_a_load_that_ends_by_signal_may_delete_pods():
    run = full_run()
    run["spec"]["load"]["endBy"] = "Signal"
    steps, finalize = rights(run)
    assert steps["", "pods"] == ({"delete", "list", "watch"}, ())
    assert finalize["", "pods"] == ({"list"}, ())


def test_only_with_results_may_finalize_read_whether_they_were_uploaded():
    steps, finalize = rights(edited(lambda run: run["spec"].update(results={"s3": {}})))
    assert finalize["argoproj.io", "workflowtaskresults"] == ({"create", "get", "patch"}, ())
    assert steps["argoproj.io", "workflowtaskresults"] == ({"create", "patch"}, ())


def test_a_rules_only_run_on_an_existing_chain_touches_neither_jobs_nor_the_chain():
    for account in rights(rules_only()):
        assert ("batch", "jobs") not in account
        assert not any(group == "sei.io" for group, _ in account)


def test_rules_only_on_a_new_chain_has_the_chains_rights_but_none_of_the_jobs():
    def edit(run):
        del run["spec"]["load"]

    for account in rights(edited(edit)):
        assert ("sei.io", "seinodedeployments") in account
        assert ("batch", "jobs") not in account


def test_a_load_on_an_existing_chain_has_the_jobs_rights_but_none_of_the_chains():
    def edit(run):
        run["spec"]["chain"] = rules_only()["spec"]["chain"]

    for account in rights(edited(edit)):
        assert ("batch", "jobs") in account
        assert not any(group == "sei.io" for group, _ in account)


def test_without_labels_finalize_cannot_patch_workflows():
    _, finalize = rights(full_run(), label=False)
    assert finalize[("argoproj.io", "workflows")] == ({"get"}, ())


@pytest.mark.parametrize(
    "run", [full_run(), rules_only(), edited(lambda run: run["spec"]["rules"].append(alert_rule()))]
)
@pytest.mark.parametrize("label", [True, False])
def test_no_run_may_exec_read_secrets_change_rbac_or_use_a_wildcard(run, label):
    plan = plan_of(run, label=label)
    for right in (*plan.step_rights, *plan.finalize_rights):
        assert right.group != "rbac.authorization.k8s.io"
        assert not {"pods/exec", "pods/attach", "pods/portforward", "secrets", "serviceaccounts/token", "*"} & set(
            right.resources
        )
        assert not {"*", "escalate", "bind", "impersonate", "deletecollection", "update"} & set(right.verbs)
        assert right.why


def test_only_finalize_may_delete_and_only_finalize_may_touch_workflows():
    steps, _ = rights(full_run())
    assert not any("delete" in verbs for verbs, _ in steps.values())
    assert ("argoproj.io", "workflows") not in steps


def test_alert_rules_of_the_own_namespace_are_read_by_name():
    def edit(run):
        run["spec"]["rules"] = [
            alert_rule("b", namespace="eng-ada", rule="zeta"),
            alert_rule("a", namespace="eng-ada", rule="alpha"),
            alert_rule("c", namespace="eng-ada", rule="alpha"),
        ]

    steps, finalize = rights(edited(edit))
    assert steps[("monitoring.coreos.com", "prometheusrules")] == ({"get"}, ("alpha", "zeta"))
    assert ("monitoring.coreos.com", "prometheusrules") not in finalize
    assert plan_of(edited(edit)).shared_rules == ()


def test_alert_rules_of_other_namespaces_are_their_owners_to_grant():
    def edit(run):
        run["spec"]["rules"] = [
            alert_rule("b", namespace="monitoring", rule="zeta"),
            alert_rule("a", namespace="monitoring", rule="alpha"),
            alert_rule("c", namespace="chain", rule="x"),
        ]

    plan = plan_of(edited(edit))
    assert [(one.namespace, one.names) for one in plan.shared_rules] == [
        ("chain", ("x",)),
        ("monitoring", ("alpha", "zeta")),
    ]
    assert not any(right.group == "monitoring.coreos.com" for right in plan.step_rights)


# Accounts.


def test_the_accounts_are_named_after_the_namespace():
    accounts = plan_of(full_run()).accounts
    assert (accounts.steps, accounts.finalize) == ("eng-ada-validation", "eng-ada-validation-finalize")
    assert accounts.workload == "eng-ada-runner"


def test_finalize_has_an_account_of_its_own_named_after_the_steps():
    def edit(run):
        run["spec"]["serviceAccountName"] = "robot"
        run["spec"]["load"]["workload"]["serviceAccountName"] = "loader"

    accounts = plan_of(edited(edit)).accounts
    assert (accounts.steps, accounts.finalize, accounts.workload) == ("robot", "robot-finalize", "loader")


# Parameters.


def test_the_parameters_are_those_of_the_contract_and_all_but_the_runners_are_empty():
    parameters = plan_of(full_run(), runner_image="runner:v2").parameters
    assert {one.name: one.default for one in parameters} == {
        "chain-id": "",
        "duration": "",
        "image-workload": "",
        "image-validators": "",
        "image-rpc": "",
        "prometheus-url": "",
        "runner-image": "runner:v2",
    }
    assert all(one.description for one in parameters)


def test_a_run_without_load_or_chain_has_no_parameter_for_their_images():
    names = [one.name for one in plan_of(rules_only()).parameters]
    assert names == ["chain-id", "duration", "prometheus-url", "runner-image"]


def test_each_image_parameter_names_the_manifest_and_the_path_it_replaces():
    plan = plan_of(full_run())
    by_key = {manifest.key: manifest.data for manifest in manifests(plan)}
    images = [one for one in plan.parameters if one.path]
    assert [one.name for one in images] == ["image-workload", "image-validators", "image-rpc"]
    for one in images:
        assert at(by_key[one.manifest], one.path).startswith("registry.example.com/")


# Steps and times.


def test_the_steps_and_what_they_wait_for():
    plan = plan_of(full_run())
    assert [(step.name, step.depends) for step in plan.steps] == [
        ("ensure-chain", None),
        ("wait-chain-ready", "ensure-chain"),
        ("load-job", "wait-chain-ready"),
        ("rule-evaluator", "wait-chain-ready"),
    ]
    assert plan.finalize.name == "finalize"
    assert plan.step_count == 5


def test_without_load_there_is_no_load_job_and_without_rules_there_is_still_an_evaluator():
    assert [step.name for step in plan_of(rules_only()).steps] == ["ensure-chain", "wait-chain-ready", "rule-evaluator"]

    def edit(run):
        del run["spec"]["rules"]

    plan = plan_of(edited(edit))
    assert plan.steps[-1].name == "rule-evaluator"
    assert plan.steps[-1].title == "Watch 0 rules"


def test_only_ensure_chain_mounts_the_committed_bundle():
    plan = plan_of(full_run())
    assert [step.name for step in (*plan.steps, plan.finalize) if step.mounts_bundle] == ["ensure-chain"]


def test_steps_are_tried_again_whatever_ended_them_and_finalize_only_after_a_fault_of_argo():
    plan = plan_of(full_run())
    assert {(step.retry, step.retry_limit) for step in plan.steps} == {("Always", 3)}
    assert (plan.finalize.retry, plan.finalize.retry_limit) == ("OnError", 2)


def test_the_number_of_pods_does_not_depend_on_the_number_of_rules():
    many = edited(lambda run: run["spec"].update(rules=[query_rule(f"r{index}") for index in range(32)]))
    assert plan_of(many).step_count == plan_of(full_run()).step_count


def test_the_deadlines_of_a_full_run():
    times = plan_of(full_run()).timings
    assert (times.chain_ready_s, times.load_start_s, times.run_s, times.judged_s) == (1200, 300, 900, 600)
    assert times.workflow_deadline_s == 1200 + 300 + 900 + 600
    assert times.worst_case_s == times.workflow_deadline_s + 3 * times.finalize_s


def test_the_deadlines_of_a_rules_only_run():
    times = plan_of(rules_only()).timings
    assert (times.run_s, times.judged_s) == (3600, 3600)


def test_given_times_are_used():
    timeouts = {"chainReady": "1m", "loadStart": "2m", "runDuration": "1h"}
    times = plan_of(edited(lambda run: run["spec"].update(timeouts=timeouts))).timings
    assert (times.chain_ready_s, times.load_start_s, times.run_s, times.judged_s) == (60, 120, 3600, 600)
    assert times.workflow_deadline_s == 60 + 120 + 3600 + 600


def test_no_step_ends_before_what_it_waits_for_may_end():
    plan = plan_of(full_run())
    steps = {step.name: step.timeout_s for step in plan.steps}
    times = plan.timings
    assert steps["ensure-chain"] > times.chain_ready_s
    assert steps["wait-chain-ready"] > times.chain_ready_s
    assert steps["load-job"] > times.load_start_s + times.run_s
    assert steps["rule-evaluator"] >= times.load_start_s + times.run_s + 600


def test_finalize_has_the_loads_grace_period_on_top():
    def edit(run):
        run["spec"]["load"]["workload"]["podTemplate"] = {"terminationGracePeriodSeconds": 500}

    base, longer = plan_of(full_run()).timings.finalize_s, plan_of(edited(edit)).timings.finalize_s
    assert longer - base == 500 - 60
    assert plan_of(rules_only()).timings.finalize_s == base - 60


def test_a_query_may_take_half_a_minute_or_the_interval():
    def edit(run):
        run["spec"]["rules"] = [
            query_rule("a"),
            query_rule("b", runProperties={"interval": "10s"}),
            query_rule("c", query={**query_rule()["query"], "timeout": "7s"}),
        ]

    assert [rule.timeout_s for rule in plan_of(edited(edit)).rules] == [30, 10, 7]


# What a caller must have done.


def test_a_run_without_namespace_is_a_bug_of_the_caller():
    run = linted(full_run()).run
    run = run.model_copy(update={"metadata": run.metadata.model_copy(update={"namespace": None})})
    with pytest.raises(ValueError, match="without a namespace"):
        build_plan(run)


def test_a_rule_without_a_body_is_a_bug_of_the_caller():
    run = linted(full_run()).run
    rule = run.spec.rules[0].model_copy(update={"query": None})
    spec = run.spec.model_copy(update={"rules": [rule]})
    with pytest.raises(ValueError, match="has no query"):
        build_plan(run.model_copy(update={"spec": spec}))


def test_building_a_plan_changes_nothing_of_the_run():
    one = linted(full_run())
    before = copy.deepcopy(one.run.model_dump())
    first = build_plan(one.run)
    assert build_plan(one.run) == first
    assert one.run.model_dump() == before
    assert json.loads(json.dumps(first.load.job.data)) == first.load.job.data

"""The objects of a suite."""

import json

import pytest

from emit_helpers import rules_only
from suite_helpers import compiled_suite, entry, suite
from validationrun.base.conventions import OUTPUT_DIR, OUTPUT_FINALIZE_EXIT_CODE
from validationrun.base.hashing import bundle_hash
from validationrun.compiling.emit.verify import EmitError, verify_template
from validationrun.contract.suite_json import MOST_MEMBERS, read_suite

ANY_END = "(b.Succeeded || b.Failed || b.Errored || b.Skipped || b.Omitted || b.Daemoned)"


def _tasks(document, **options):
    _, output = compiled_suite(document, **options)
    return {task["name"]: task for task in output.steps["main"]["dag"]["tasks"]}


def test_a_task_is_named_as_its_member_and_all_have_one_template():
    tasks = _tasks(suite(entry("a"), entry("b")))
    assert list(tasks) == ["a", "b", "End"]
    assert tasks["a"]["arguments"] == {"parameters": [{"name": "member", "value": "a"}]}
    assert {tasks["a"]["template"], tasks["b"]["template"]} == {"member"}


def test_with_stop_on_failure_the_next_member_waits_for_a_success():
    assert _tasks(suite(entry("a"), entry("b")))["b"]["depends"] == "a.Succeeded"


def test_without_stop_on_failure_it_waits_for_any_end_but_for_what_it_depends_on():
    tasks = _tasks(suite(entry("a"), entry("b"), entry("c", dependsOn=["a"]), stopOnFailure=False))
    assert tasks["c"]["depends"] == f"a.Succeeded && {ANY_END}"


def test_parallel_members_wait_for_what_they_depend_on_alone():
    tasks = _tasks(suite(entry("a"), entry("b"), entry("c", dependsOn=["b"]), concurrency="Parallel", maxParallel=2))
    assert "depends" not in tasks["a"]
    assert tasks["c"]["depends"] == "b.Succeeded"


def test_a_dependency_that_another_one_implies_is_not_waited_for_twice():
    runs = [entry("a"), entry("b", dependsOn=["a"]), entry("c", dependsOn=["a", "b"]), entry("d", dependsOn=["a"])]
    tasks = _tasks(suite(*runs, concurrency="Parallel"))
    assert [tasks[name].get("depends") for name in "abcd"] == [None, "a.Succeeded", "b.Succeeded", "a.Succeeded"]


def test_64_members_that_wait_for_all_before_them_fit():
    names = [f"m{number:02}-{'x' * 36}" for number in range(64)]
    runs = [{"name": name, "ref": {"name": "r"}, "dependsOn": names[:number]} for number, name in enumerate(names)]
    run = {**rules_only(), "metadata": {"name": "r", "namespace": "eng-ada"}}
    _, output = compiled_suite(run, suite(*runs, concurrency="Parallel"))
    assert output.steps["main"]["dag"]["tasks"][63]["depends"] == f"{names[62]}.Succeeded"


def test_the_dag_ends_well_whatever_becomes_of_the_members_so_that_finalize_has_the_message():
    _, output = compiled_suite(suite(entry("a"), entry("b"), entry("c", dependsOn=["a"]), concurrency="Parallel"))
    end = next(task for task in output.steps["main"]["dag"]["tasks"] if task["name"] == "End")
    assert ANY_END in end["depends"]
    assert "(c.Succeeded" in end["depends"]
    assert "(a." not in end["depends"]
    assert output.steps["end"]["suspend"] == {"duration": "0"}
    assert output.steps["main"]["dag"]["failFast"] is False


@pytest.mark.parametrize(
    ("fields", "most"), [({}, 1), ({"concurrency": "Parallel"}, 3), ({"concurrency": "Parallel", "maxParallel": 2}, 2)]
)
def test_only_so_many_members_are_there_at_once(fields, most):
    _, output = compiled_suite(suite(entry("a"), entry("b"), entry("c"), **fields))
    assert output.steps["main"]["parallelism"] == most
    assert output.template["spec"]["parallelism"] > most


def test_a_verdict_is_not_retried_and_a_lost_pod_is():
    _, output = compiled_suite(suite(entry("a")))
    retry = output.steps["member"]["retryStrategy"]
    assert (retry["retryPolicy"], retry["expression"]) == (
        "Always",
        "lastRetry.exitCode != '1' && lastRetry.exitCode != '2'",
    )
    assert output.steps["suite-finalize"]["retryStrategy"]["retryPolicy"] == "OnError"


def test_suite_finalize_is_killed_without_the_main_container_and_then_tried_again():
    """As finalize of a run: what Argo calls Error is tried again, and a killed main container is none."""
    _, output = compiled_suite(suite(entry("a")))
    step = output.steps["suite-finalize"]
    main, (beside,) = step["container"], step["sidecars"]
    assert (main["args"], beside["args"], beside["name"]) == (
        ["exit-as-finalize"],
        ["suite-finalize", "--set=only={{workflow.parameters.only}}"],
        "finalize",
    )
    assert "env" not in main
    assert {item["name"]: item["value"] for item in beside["env"]}["RETRIES"] == "{{retries}}"
    assert main["securityContext"] == beside["securityContext"]
    assert main["volumeMounts"] == [{"name": "outputs", "mountPath": OUTPUT_DIR}]
    assert main["volumeMounts"][0] in beside["volumeMounts"]
    assert (beside["resources"]["requests"]["memory"], beside["resources"]["limits"]["memory"]) == ("128Mi", "256Mi")
    needed = [item for item in step["outputs"]["parameters"] if "default" not in item["valueFrom"]]
    assert [item["valueFrom"]["path"] for item in needed] == [f"{OUTPUT_DIR}/{OUTPUT_FINALIZE_EXIT_CODE}"]
    assert step["retryStrategy"]["retryPolicy"] == "OnError"
    assert step["podSpecPatch"] == "terminationGracePeriodSeconds: 300\n"
    assert not {"sidecars", "podSpecPatch"} & output.steps["member"].keys()


def test_every_pod_is_hardened_and_runs_as_the_suite():
    _, output = compiled_suite(suite(entry("a")))
    assert output.template["spec"]["serviceAccountName"] == "eng-ada-validation-suite"
    for name in ("member", "suite-finalize"):
        step = output.steps[name]
        assert step["serviceAccountName"] == "eng-ada-validation-suite"
        security = step["container"]["securityContext"]
        assert (security["readOnlyRootFilesystem"], security["capabilities"]) == (True, {"drop": ["ALL"]})
        assert step["activeDeadlineSeconds"] == int(step["timeout"][:-1])


def test_suite_json_is_what_the_steps_read():
    document = suite(entry("a"), entry("b", dependsOn=["a"], parameters={"duration": "5m"}))
    plan, output = compiled_suite(document, instance_id="team", label=False)
    read = read_suite(output.data)
    assert [(member.name, member.run, member.depends_on) for member in read.members] == [
        ("a", "gate-a", ()),
        ("b", "gate-b", ("a",)),
    ]
    assert read.members[1].parameters == {"duration": "5m"}
    assert [override.name for override in read.members[1].overridden] == ["duration"]
    assert [member.bundle_hash for member in read.members] == [member.run.bundle_hash for member in plan.members]
    assert (read.instance_id, read.label, read.service_account_name) == ("team", False, "eng-ada-validation-suite")


def test_the_bundle_is_named_by_the_hash_that_the_steps_are_given():
    _, output = compiled_suite(suite(entry("a")))
    digest = bundle_hash(output.data)
    config_map = output.document("bundle.yaml")
    assert config_map["metadata"]["name"] == f"gate-bundle-{digest[:8]}"
    assert config_map["immutable"] is True
    environment = {item["name"]: item["value"] for item in output.steps["member"]["container"]["env"]}
    assert environment["BUNDLE_HASH"] == digest
    assert output.template["spec"]["volumes"][0]["configMap"]["name"] == config_map["metadata"]["name"]


def test_no_value_of_a_parameter_is_in_the_template():
    _, output = compiled_suite(suite(entry("a", parameters={"prometheus-url": "http://elsewhere:9090"})))
    assert "elsewhere" not in output.text["workflowtemplate.yaml"]
    assert "elsewhere" in output.text["bundle.yaml"]


def test_a_tag_that_is_not_ours_is_refused():
    _, output = compiled_suite(suite(entry("a")))
    names = set(output.steps)
    verify_template(output.template, names, ("only",), ("member",))
    with pytest.raises(EmitError, match=r"inputs\.parameters\.member"):
        verify_template(output.template, names, ("only",))
    output.template["metadata"]["annotations"]["x"] = "{{workflow.failures}}"


def test_the_role_lets_the_suite_get_its_own_template_and_those_of_its_members_alone():
    _, output = compiled_suite(suite(entry("a"), entry("b", matrix={"duration": ["5m", "6m"]})))
    role, binding = output.documents("access.yaml")
    rules = {rule["resources"][0]: rule for rule in role["rules"]}
    assert rules["workflowtemplates"]["resourceNames"] == ["gate", "gate-a", "gate-b"]
    assert rules["workflows"]["verbs"] == ["create", "get", "list", "patch"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "eng-ada-validation-suite", "namespace": "eng-ada"}
    ]


def test_suites_of_one_account_have_the_same_first_policy_and_each_one_of_its_own():
    _, one = compiled_suite(suite(entry("a")))
    _, other = compiled_suite(suite(entry("b"), name="other"))
    first, own = one.documents("access-cluster.yaml")[::2]
    assert first == other.documents("access-cluster.yaml")[0]
    assert own["metadata"]["name"] == "validationrun.eng-ada.gate"
    assert "'a': 'gate-a'" in own["spec"]["validations"][0]["expression"]


def test_a_suite_with_another_account_has_another_first_policy():
    _, one = compiled_suite(suite(entry("a")))
    _, other = compiled_suite(suite(entry("a"), serviceAccountName="release"))
    names = [output.documents("access-cluster.yaml")[0]["metadata"]["name"] for output in (one, other)]
    assert names[0] != names[1]
    assert "eng-ada:release-suite" in other.text["access-cluster.yaml"]


def test_64_members_fit_and_no_object_is_large():
    values = [f"{number}m" for number in range(1, 17)]
    runs = [entry(f"m{number}", matrix={"duration": values}) for number in range(4)]
    plan, output = compiled_suite(suite(*runs, concurrency="Parallel"))
    assert len(plan.members) == MOST_MEMBERS
    assert max(len(text) for text in output.text.values()) < 256 * 1024
    assert len(json.loads(output.data["suite.json"])["members"]) == MOST_MEMBERS


def test_the_choice_of_runs_reaches_both_steps_as_an_argument_alone():
    _, output = compiled_suite(suite(entry("a"), entry("b")))
    (declared,) = output.template["spec"]["arguments"]["parameters"]
    assert (declared["name"], declared["value"]) == ("only", "")
    given = "--set=only={{workflow.parameters.only}}"
    assert output.steps["member"]["container"]["args"][-1] == given
    assert output.steps["suite-finalize"]["sidecars"][0]["args"][-1] == given
    assert output.text["workflowtemplate.yaml"].count("workflow.parameters.only") == 2


def test_a_part_of_a_suite_is_not_counted_because_it_would_silence_the_alert_about_the_whole():
    _, output = compiled_suite(suite(entry("a")))
    step = output.steps["suite-finalize"]
    assert [metric["when"] for metric in step["metrics"]["prometheus"]] == ["{{outputs.parameters.scope}} == whole"] * 2
    scope = next(item for item in step["outputs"]["parameters"] if item["name"] == "scope")
    assert scope["valueFrom"] == {"path": f"{OUTPUT_DIR}/scope", "default": "whole"}

"""access.yaml, access-shared.yaml, access-cluster.yaml, kustomization.yaml."""

import pytest
import yaml

from emit_helpers import ROOT, alert_rule, compiled, edited, full_run, rules_only


def with_alert(run):
    run["spec"]["rules"] += [alert_rule("a", rule="zeta"), alert_rule("b", namespace="chain-ops", rule="x")]


def kinds(documents):
    return [document["kind"] for document in documents]


def test_a_role_and_a_binding_for_each_of_the_two_accounts():
    objects = compiled(full_run()).documents("access.yaml")
    assert kinds(objects) == ["Role", "RoleBinding", "Role", "RoleBinding"]
    assert [one["metadata"]["name"] for one in objects] == ["nightly-steps"] * 2 + ["nightly-finalize"] * 2
    assert {one["metadata"]["namespace"] for one in objects} == {"eng-ada"}
    subjects = [one["subjects"] for one in objects if one["kind"] == "RoleBinding"]
    assert [subject["name"] for (subject,) in subjects] == ["eng-ada-validation", "eng-ada-validation-finalize"]
    assert {subject["kind"] for (subject,) in subjects} == {"ServiceAccount"}
    for role, binding in (objects[:2], objects[2:]):
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": role["metadata"]["name"],
        }


def test_the_roles_hold_the_plans_rights_and_nothing_else():
    output = compiled(full_run())
    steps, _, finalize, _ = output.documents("access.yaml")
    for role, rights in ((steps, output.plan.step_rights), (finalize, output.plan.finalize_rights)):
        assert [(tuple(one["apiGroups"]), tuple(one["resources"]), tuple(one["verbs"])) for one in role["rules"]] == [
            ((right.group,), right.resources, right.verbs) for right in rights
        ]


def test_names_are_bound_where_the_plan_names_them():
    def edit(run):
        run["spec"]["rules"] = [alert_rule("a", namespace="eng-ada", rule="mine")]

    steps = compiled(edited(edit)).documents("access.yaml")[0]
    (rule,) = [rule for rule in steps["rules"] if rule["resources"] == ["prometheusrules"]]
    assert rule["resourceNames"] == ["mine"]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "generated").rglob("*.yaml")), ids=lambda path: path.parent.name + "/" + path.name
)
def test_no_service_account_no_cluster_role_no_exec_no_secret_in_what_is_committed(path):
    for document in yaml.load_all(path.read_bytes(), Loader=yaml.CSafeLoader):
        assert document["kind"] not in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret", "Namespace")
        for rule in document.get("rules", []):
            assert not {"secrets", "pods/exec", "roles", "rolebindings", "*"} & set(rule["resources"])
            assert "*" not in rule["verbs"]


def test_rules_of_other_namespaces_are_granted_in_a_file_of_their_own():
    output = compiled(edited(with_alert))
    objects = output.documents("access-shared.yaml")
    assert kinds(objects) == ["Role", "RoleBinding"] * 2
    assert [one["metadata"]["namespace"] for one in objects] == ["chain-ops"] * 2 + ["monitoring"] * 2
    assert objects[2]["rules"] == [
        {
            "apiGroups": ["monitoring.coreos.com"],
            "resources": ["prometheusrules"],
            "resourceNames": ["zeta"],
            "verbs": ["get"],
        },
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["monitoring"], "verbs": ["get"]},
    ]
    for binding in objects[1::2]:
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "eng-ada-validation", "namespace": "eng-ada"}]


def test_which_files_there_are():
    always = {"access.yaml", "bundle.yaml", "kustomization.yaml", "workflowtemplate.yaml"}
    assert set(compiled(full_run()).text) == always | {"access-cluster.yaml"}
    assert set(compiled(full_run(), label=False).text) == always
    assert set(compiled(edited(with_alert)).text) == always | {"access-cluster.yaml", "access-shared.yaml"}


def test_the_kustomization_leaves_out_what_belongs_to_other_owners():
    for run in (full_run(), rules_only(), edited(with_alert)):
        document = compiled(run).document("kustomization.yaml")
        assert document["resources"] == ["access.yaml", "bundle.yaml", "workflowtemplate.yaml"]


def test_a_policy_guards_the_right_to_patch_workflows():
    policy, binding = compiled(full_run()).documents("access-cluster.yaml")
    assert kinds([policy, binding]) == ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
    assert policy["spec"]["failurePolicy"] == "Fail"
    (condition,) = policy["spec"]["matchConditions"]
    assert "system:serviceaccount:eng-ada:eng-ada-validation-finalize'" in condition["expression"]
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["workflows"], ["UPDATE"])
    messages = [one["message"] for one in policy["spec"]["validations"]]
    assert [message.split(": ")[0] for message in messages] == [
        "finalize may not change spec",
        "finalize may not change status",
        "finalize may not change metadata.ownerReferences",
        "finalize may not change metadata.finalizers",
        "finalize may change only these labels",
        "finalize may change only these annotations",
    ]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"]["validationActions"] == ["Deny"]
    selector = binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"]
    assert selector == {"kubernetes.io/metadata.name": "eng-ada"}


def test_two_runs_never_share_an_object_of_the_cluster():
    """Names are joined: namespace `eng` with run `ada-x` must not meet namespace `eng-ada` with run `x`."""
    one = edited(lambda run: run["metadata"].update(name="ada-x", namespace="eng"))
    other = edited(lambda run: run["metadata"].update(name="x", namespace="eng-ada"))
    names = [compiled(run).documents("access-cluster.yaml")[0]["metadata"]["name"] for run in (one, other)]
    assert names[0] != names[1]


def test_two_runs_never_share_an_object_in_a_shared_namespace():
    def named(name, namespace):
        def edit(run):
            run["metadata"].update(name=name, namespace=namespace)
            run["spec"]["rules"].append(alert_rule())

        return compiled(edited(edit)).documents("access-shared.yaml")[0]["metadata"]["name"]

    assert named("ada-x", "eng") != named("x", "eng-ada")


def test_access_yaml_says_what_its_broad_rights_amount_to():
    text = compiled(full_run()).text["access.yaml"]
    comments = [line for line in text.splitlines() if line.startswith("# - ")]
    assert any("eng-ada-validation, create, get, patch jobs: run any image as any account" in line for line in comments)
    assert any("eng-ada-validation, create, get, patch configmaps: change every ConfigMap" in line for line in comments)
    assert any("eng-ada-validation-finalize, get, patch workflows: run as any account" in line for line in comments)


def test_a_right_that_a_run_has_not_is_not_in_the_comment():
    text = compiled(rules_only(), label=False).text["access.yaml"]
    assert "patch configmaps: change every ConfigMap" in text
    assert "any account" not in text

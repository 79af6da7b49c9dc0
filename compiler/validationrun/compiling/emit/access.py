"""Access rules: Roles and RoleBindings for accounts that the tenant owns. No ServiceAccount is ever written."""

from collections.abc import Sequence
from typing import Any, Final

from validationrun.base import conventions
from validationrun.compiling.plan import Plan, Right, SharedRules
from validationrun.compiling.plan.manifests import app_labels

_RBAC: Final = "rbac.authorization.k8s.io"
_LABELS: Final = {conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY}

# The keys that finalize may change on a Workflow, and nothing else.
_LABEL_KEYS: Final = (conventions.LABEL_PHASE, conventions.LABEL_VERDICT, conventions.LABEL_CHAIN_ID)
_ANNOTATION_KEYS: Final = (conventions.ANNOTATION_REASON,)


def access_objects(plan: Plan) -> list[dict[str, Any]]:
    """For the run's own namespace: one Role and one binding for the steps, and one of each for finalize."""
    steps, finalize = f"{plan.name}-steps", f"{plan.name}-finalize"
    return [
        _role(plan.namespace, steps, plan.step_rights),
        _binding(plan.namespace, steps, plan, plan.accounts.steps),
        _role(plan.namespace, finalize, plan.finalize_rights),
        _binding(plan.namespace, finalize, plan, plan.accounts.finalize),
    ]


def shared_objects(plan: Plan) -> list[dict[str, Any]]:
    """For the owners of other namespaces: reading the PrometheusRules that this run refers to, and the Namespace's own labels."""
    objects: list[dict[str, Any]] = []
    for shared in plan.shared_rules:
        # A dot, which neither of the two can hold: run `x` of `eng-ada` must not meet run `ada-x` of `eng` there.
        name = f"{plan.namespace}.{plan.name}-rules"
        objects += [
            _role(shared.namespace, name, _shared_rights(shared)),
            _binding(shared.namespace, name, plan, plan.accounts.steps),
        ]
    return objects


def _shared_rights(shared: SharedRules) -> list[Right]:
    return [
        Right("monitoring.coreos.com", ("prometheusrules",), ("get",), "", shared.names),
        # A Role may name its own Namespace object; a ClusterRole is not needed to read its labels.
        Right("", ("namespaces",), ("get",), "", (shared.namespace,)),
    ]


def _role(namespace: str, name: str, rights: Sequence[Right]) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace, "labels": {**_LABELS, **app_labels()}},
        "rules": [_rule(right) for right in rights],
    }


def _rule(right: Right) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [right.group], "resources": list(right.resources)}
    if right.names:
        rule["resourceNames"] = list(right.names)
    return {**rule, "verbs": list(right.verbs)}


def _binding(namespace: str, name: str, plan: Plan, account: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace, "labels": {**_LABELS, **app_labels()}},
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": plan.namespace}],
    }


def cluster_objects(plan: Plan) -> list[dict[str, Any]]:
    """
    The guard of `patch workflows`.

    A Workflow has no status subresource, and its controller runs the stored spec as any account of the namespace,
    so that the right to patch one is the right to be anyone there.
    This policy leaves finalize's account the labels and the annotation of the verdict, and nothing else.
    """
    # Dots, which neither of the two can hold: no other run of the cluster has a policy of this name.
    name = f"validationrun.{plan.namespace}.{plan.name}"
    user = f"system:serviceaccount:{plan.namespace}:{plan.accounts.finalize}"
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": {**_LABELS, **app_labels()}},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["argoproj.io"],
                        "apiVersions": ["*"],
                        "operations": ["UPDATE"],
                        "resources": ["workflows"],
                    }
                ],
            },
            "matchConditions": [{"name": "finalize-account", "expression": f"request.userInfo.username == '{user}'"}],
            "validations": [
                _unchanged("spec"),
                _unchanged("status"),
                *(_unchanged_metadata(field) for field in ("ownerReferences", "finalizers")),
                _only_keys("labels", _LABEL_KEYS),
                _only_keys("annotations", _ANNOTATION_KEYS),
            ],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "labels": {**_LABELS, **app_labels()}},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": plan.namespace}},
            },
        },
    }
    return [policy, binding]


def _unchanged(field: str) -> dict[str, str]:
    expression = f"has(object.{field}) == has(oldObject.{field}) && (!has(object.{field}) || object.{field} == oldObject.{field})"
    return {"expression": expression, "message": f"finalize may not change {field}"}


def _unchanged_metadata(field: str) -> dict[str, str]:
    return {**_unchanged(f"metadata.{field}"), "message": f"finalize may not change metadata.{field}"}


def _only_keys(field: str, allowed: Sequence[str]) -> dict[str, str]:
    """Both directions: nothing else added or changed, and nothing else removed."""
    keys = ", ".join(f"'{key}'" for key in allowed)

    def same(one: str, other: str) -> str:
        kept = f"has({other}.metadata.{field}) && k in {other}.metadata.{field} && {other}.metadata.{field}[k] == {one}.metadata.{field}[k]"
        return f"(!has({one}.metadata.{field}) || {one}.metadata.{field}.all(k, k in [{keys}] || ({kept})))"

    expression = f"{same('object', 'oldObject')} && {same('oldObject', 'object')}"
    return {"expression": expression, "message": f"finalize may change only these {field}: {', '.join(allowed)}"}


def kustomization() -> dict[str, Any]:
    """What GitOps applies. access-shared.yaml belongs to other owners and access-cluster.yaml to administrators: both stay out."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["access.yaml", "bundle.yaml", "workflowtemplate.yaml"],
    }

"""Access rules: Roles and RoleBindings for accounts that the tenant owns. No ServiceAccount is ever written."""

from collections.abc import Sequence
from typing import Final

from validationrun.base import conventions
from validationrun.compiling.emit.object_types import (
    AdmissionBinding,
    AdmissionPolicy,
    Kustomization,
    Metadata,
    PolicyRule,
    Role,
    RoleBinding,
)
from validationrun.compiling.plan import Plan, Right, SharedRules
from validationrun.compiling.plan.manifests import app_labels

_RBAC: Final = "rbac.authorization.k8s.io"
_LABELS: Final = {conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY}

# The only keys that finalize may change on a Workflow.
_LABEL_KEYS: Final = (
    conventions.LABEL_PHASE, conventions.LABEL_VERDICT, conventions.LABEL_CHAIN_ID, conventions.LABEL_OVERRIDDEN,
)  # fmt: skip
_ANNOTATION_KEYS: Final = (conventions.ANNOTATION_REASON, conventions.ANNOTATION_OVERRIDDEN)


def access_objects(plan: Plan) -> list[Role | RoleBinding]:
    """For the run's namespace: a Role and a RoleBinding for the steps, and a pair for finalize."""
    steps, finalize = f"{plan.name}-steps", f"{plan.name}-finalize"
    return [
        _role(plan.namespace, steps, plan.step_rights),
        _binding(plan.namespace, steps, plan, plan.accounts.steps),
        _role(plan.namespace, finalize, plan.finalize_rights),
        _binding(plan.namespace, finalize, plan, plan.accounts.finalize),
    ]


def access_comments(plan: Plan) -> str:
    """Says above the Roles what their broad rights amount to. RBAC cannot limit `create` or `patch` to objects of this run."""
    lines = ["RBAC cannot limit these rights to the objects of this run, so each allows more than the run needs:"]
    for account, rights in ((plan.accounts.steps, plan.step_rights), (plan.accounts.finalize, plan.finalize_rights)):
        lines += [
            f"- {account}, {', '.join(right.verbs)} {', '.join(right.resources)}: {right.amounts_to}"
            for right in rights
            if right.amounts_to
        ]
    lines.append("Whoever can run a pod as one of these accounts can therefore write a verdict.")
    return "".join(f"# {line}\n" for line in lines)


def shared_objects(plan: Plan) -> list[Role | RoleBinding]:
    """For the owners of other namespaces: the right to read the PrometheusRules that this run refers to, and the Namespace."""
    objects: list[Role | RoleBinding] = []
    for shared in plan.shared_rules:
        # Neither name can hold a dot, so run `x` of `eng-ada` and run `ada-x` of `eng` get different names.
        name = f"{plan.namespace}.{plan.name}-rules"
        objects += [
            _role(shared.namespace, name, _shared_rights(shared)),
            _binding(shared.namespace, name, plan, plan.accounts.steps),
        ]
    return objects


def _shared_rights(shared: SharedRules) -> list[Right]:
    return [
        Right("monitoring.coreos.com", ("prometheusrules",), ("get",), "", shared.names),
        # A Role may name its own Namespace object, so reading its labels needs no ClusterRole.
        Right("", ("namespaces",), ("get",), "", (shared.namespace,)),
    ]


def _role(namespace: str, name: str, rights: Sequence[Right]) -> Role:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace, "labels": {**_LABELS, **app_labels()}},
        "rules": [_rule(right) for right in rights],
    }


def _rule(right: Right) -> PolicyRule:
    group, resources, verbs = [right.group], list(right.resources), list(right.verbs)
    if not right.names:
        return {"apiGroups": group, "resources": resources, "verbs": verbs}
    return {"apiGroups": group, "resources": resources, "resourceNames": list(right.names), "verbs": verbs}


def _binding(namespace: str, name: str, plan: Plan, account: str) -> RoleBinding:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace, "labels": {**_LABELS, **app_labels()}},
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": plan.namespace}],
    }


def cluster_objects(plan: Plan) -> list[AdmissionPolicy | AdmissionBinding]:
    """
    An admission policy that limits finalize's right to patch Workflows.

    A Workflow has no status subresource, and its controller runs the stored spec as any account of the namespace.
    So whoever may patch a Workflow may act as any account there.
    This policy lets finalize's account change only the labels and the annotation of the verdict.
    """
    # Neither name can hold a dot, so no other run of the cluster has a policy of this name.
    name = f"validationrun.{plan.namespace}.{plan.name}"
    metadata: Metadata = {"name": name, "labels": {**_LABELS, **app_labels()}}
    user = f"system:serviceaccount:{plan.namespace}:{plan.accounts.finalize}"
    return [_policy(metadata, user), _policy_binding(metadata, plan.namespace)]


def _policy(metadata: Metadata, user: str) -> AdmissionPolicy:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata,
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


def _policy_binding(metadata: Metadata, namespace: str) -> AdmissionBinding:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata,
        "spec": {
            "policyName": metadata["name"],
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
        },
    }


def _unchanged(field: str) -> dict[str, str]:
    expression = f"has(object.{field}) == has(oldObject.{field}) && (!has(object.{field}) || object.{field} == oldObject.{field})"
    return {"expression": expression, "message": f"finalize may not change {field}"}


def _unchanged_metadata(field: str) -> dict[str, str]:
    return {**_unchanged(f"metadata.{field}"), "message": f"finalize may not change metadata.{field}"}


def _only_keys(field: str, allowed: Sequence[str]) -> dict[str, str]:
    """Compares in both directions, so that no other key can be added, changed or removed."""
    keys = ", ".join(f"'{key}'" for key in allowed)

    def same(one: str, other: str) -> str:
        kept = f"has({other}.metadata.{field}) && k in {other}.metadata.{field} && {other}.metadata.{field}[k] == {one}.metadata.{field}[k]"
        return f"(!has({one}.metadata.{field}) || {one}.metadata.{field}.all(k, k in [{keys}] || ({kept})))"

    expression = f"{same('object', 'oldObject')} && {same('oldObject', 'object')}"
    return {"expression": expression, "message": f"finalize may change only these {field}: {', '.join(allowed)}"}


def kustomization() -> Kustomization:
    """The files that GitOps applies; not access-shared.yaml (for other owners) or access-cluster.yaml (for administrators)."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["access.yaml", "bundle.yaml", "workflowtemplate.yaml"],
    }

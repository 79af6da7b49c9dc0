"""Access rules: Roles and RoleBindings for accounts that the tenant owns. No ServiceAccount is ever written."""

from collections.abc import Sequence
from typing import Final

from validationrun.base import conventions
from validationrun.compiling.emit.admission import Validation, only_keys, policy, policy_binding, unchanged
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
OUR_LABELS: Final = {conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY, **app_labels()}

# The only keys that finalize may change on a Workflow.
VERDICT_LABELS: Final = (
    conventions.LABEL_PHASE, conventions.LABEL_VERDICT, conventions.LABEL_CHAIN_ID, conventions.LABEL_OVERRIDDEN,
)  # fmt: skip
VERDICT_ANNOTATIONS: Final = (conventions.ANNOTATION_REASON, conventions.ANNOTATION_OVERRIDDEN)


def access_objects(plan: Plan) -> list[Role | RoleBinding]:
    """For the run's namespace: a Role and a RoleBinding for the steps, and a pair for finalize."""
    steps, finalize = f"{plan.name}-steps", f"{plan.name}-finalize"
    return [
        role(plan.namespace, steps, plan.step_rights),
        binding(plan.namespace, steps, plan.namespace, plan.accounts.steps),
        role(plan.namespace, finalize, plan.finalize_rights),
        binding(plan.namespace, finalize, plan.namespace, plan.accounts.finalize),
    ]


def access_comments(plan: Plan) -> str:
    """Says above the Roles what their broad rights amount to. RBAC cannot limit `create` or `patch` to objects of this run."""
    lines = ["RBAC cannot limit these rights to the objects of this run, so each allows more than the run needs:"]
    for account, rights in ((plan.accounts.steps, plan.step_rights), (plan.accounts.finalize, plan.finalize_rights)):
        lines += amounts(account, rights)
    lines.append("Whoever can run a pod as one of these accounts can therefore write a verdict.")
    return "".join(f"# {line}\n" for line in lines)


def amounts(account: str, rights: Sequence[Right]) -> list[str]:
    """What the broad rights of an account amount to, a line for each."""
    return [
        f"- {account}, {', '.join(right.verbs)} {', '.join(right.resources)}: {right.amounts_to}"
        for right in rights
        if right.amounts_to
    ]


def shared_objects(plan: Plan) -> list[Role | RoleBinding]:
    """For the owners of other namespaces: the right to read the PrometheusRules that this run refers to, and the Namespace."""
    objects: list[Role | RoleBinding] = []
    for shared in plan.shared_rules:
        # Neither name can hold a dot, so run `x` of `eng-ada` and run `ada-x` of `eng` get different names.
        name = f"{plan.namespace}.{plan.name}-rules"
        objects += [
            role(shared.namespace, name, _shared_rights(shared)),
            binding(shared.namespace, name, plan.namespace, plan.accounts.steps),
        ]
    return objects


def _shared_rights(shared: SharedRules) -> list[Right]:
    return [
        Right("monitoring.coreos.com", ("prometheusrules",), ("get",), "", shared.names),
        # A Role may name its own Namespace object, so reading its labels needs no ClusterRole.
        Right("", ("namespaces",), ("get",), "", (shared.namespace,)),
    ]


def role(namespace: str, name: str, rights: Sequence[Right]) -> Role:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(OUR_LABELS)},
        "rules": [_rule(right) for right in rights],
    }


def _rule(right: Right) -> PolicyRule:
    group, resources, verbs = [right.group], list(right.resources), list(right.verbs)
    if not right.names:
        return {"apiGroups": group, "resources": resources, "verbs": verbs}
    return {"apiGroups": group, "resources": resources, "resourceNames": list(right.names), "verbs": verbs}


def binding(namespace: str, name: str, account_namespace: str, account: str) -> RoleBinding:
    """Binds the Role of this name to an account, which may be of another namespace."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(OUR_LABELS)},
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": account_namespace}],
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
    metadata: Metadata = {"name": name, "labels": dict(OUR_LABELS)}
    user = f"system:serviceaccount:{plan.namespace}:{plan.accounts.finalize}"
    validations = [
        Validation(unchanged("spec"), "finalize may not change spec"),
        Validation(unchanged("status"), "finalize may not change status"),
        *(
            Validation(unchanged(f"metadata.{field}"), f"finalize may not change metadata.{field}")
            for field in ("ownerReferences", "finalizers")
        ),
        _only_keys("labels", VERDICT_LABELS),
        _only_keys("annotations", VERDICT_ANNOTATIONS),
    ]
    condition = {"name": "finalize-account", "expression": f"request.userInfo.username == '{user}'"}
    return [policy(metadata, ("UPDATE",), condition, validations), policy_binding(metadata, plan.namespace)]


def _only_keys(field: str, allowed: Sequence[str]) -> Validation:
    return Validation(
        only_keys(f"metadata.{field}", allowed), f"finalize may change only these {field}: {', '.join(allowed)}"
    )


def kustomization() -> Kustomization:
    """The files that GitOps applies; not access-shared.yaml (for other owners) or access-cluster.yaml (for administrators)."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["access.yaml", "bundle.yaml", "workflowtemplate.yaml"],
    }

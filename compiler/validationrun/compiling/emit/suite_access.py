"""Access rules of a suite's own account: a Role, and an admission policy that limits its rights over Workflows to this suite."""

import hashlib
from collections.abc import Sequence
from typing import Final

from validationrun.base import conventions
from validationrun.compiling.emit.access import (
    OUR_LABELS,
    VERDICT_ANNOTATIONS,
    VERDICT_LABELS,
    amounts,
    binding,
    role,
)
from validationrun.compiling.emit.admission import Validation, only_keys, policy, policy_binding, unchanged
from validationrun.compiling.emit.object_types import AdmissionBinding, AdmissionPolicy, Metadata, Role, RoleBinding
from validationrun.compiling.plan.suite import SuitePlan

_HASH_IN_NAME: Final = 8
_MEMBER: Final = conventions.LABEL_SUITE_MEMBER
_LABELS: Final = "object.metadata.labels"
_OWNERS: Final = "object.metadata.ownerReferences"
_OWNER: Final = "object.metadata.ownerReferences[0]"
_PARAMETERS: Final = "object.spec.arguments.parameters"

# What suite-member writes on the Workflow that it creates.
_MEMBER_LABELS: Final = (
    conventions.LABEL_MANAGED_BY, conventions.LABEL_SUITE, conventions.LABEL_SUITE_MEMBER, conventions.LABEL_SUITE_UID,
    conventions.LABEL_OVERRIDDEN, conventions.LABEL_INSTANCE_ID,
)  # fmt: skip
_MEMBER_ANNOTATIONS: Final = (conventions.ANNOTATION_BUNDLE_HASH, conventions.ANNOTATION_OVERRIDDEN)


def suite_access_objects(plan: SuitePlan) -> list[Role | RoleBinding]:
    """For the suite's namespace."""
    name = f"{plan.name}-suite"
    return [role(plan.namespace, name, plan.rights), binding(plan.namespace, name, plan.namespace, plan.account)]


def suite_access_comments(plan: SuitePlan) -> str:
    """Says above the Role what its broad rights amount to."""
    lines = [
        "RBAC cannot limit these rights to the objects of this suite. Without the policies of access-cluster.yaml, whoever can run",
        "a pod as this account can run anything in the namespace:",
        *amounts(plan.account, plan.rights),
    ]
    return "".join(f"# {line}\n" for line in lines)


def suite_cluster_objects(plan: SuitePlan) -> list[AdmissionPolicy | AdmissionBinding]:
    """
    Two admission policies. The first is the same for every suite of the account, because the API server asks all of them.

    It lets the account create Workflows of templates that it may get, with the labels and the owner that suite-member writes; stop
    these; and write the verdict on a suite's own Workflow. Which templates these are, the Roles of the account's suites say.
    The second one binds what has the label of this suite to the members of this suite.
    """
    digest = hashlib.sha256(plan.account.encode()).hexdigest()[:_HASH_IN_NAME]
    # Neither a namespace nor the name of a run or suite holds a dot, so no other policy has one of these names.
    everything: Metadata = {"name": f"validationrun.{plan.namespace}.suites.{digest}", "labels": dict(OUR_LABELS)}
    members: Metadata = {"name": f"validationrun.{plan.namespace}.{plan.name}", "labels": dict(OUR_LABELS)}
    is_account = f"request.userInfo.username == 'system:serviceaccount:{plan.namespace}:{plan.account}'"
    account = {"name": "suite-account", "expression": is_account}
    of_suite = {
        "name": "this-suite",
        "expression": f"{is_account} && {_has('object.metadata.labels', conventions.LABEL_SUITE, plan.name)}",
    }
    return [
        policy(everything, ("CREATE", "UPDATE"), account, [*_creation(), *_change()]),
        policy_binding(everything, plan.namespace),
        policy(members, ("CREATE",), of_suite, _members(plan)),
        policy_binding(members, plan.namespace),
    ]


def _creation() -> list[Validation]:
    # Long: one rule of the policy after the other.
    checks = [
        (
            (
                f"has({_LABELS}) && {_LABELS}.all(k, k in [{_listed(_MEMBER_LABELS)}]) && "
                f"{_is(_LABELS, conventions.LABEL_MANAGED_BY, conventions.MANAGED_BY)} && "
                f"'{conventions.LABEL_SUITE}' in {_LABELS} && '{_MEMBER}' in {_LABELS}"
            ),
            "a suite creates only its members, with the labels of suite-member",
        ),
        (
            (
                f"has({_OWNERS}) && size({_OWNERS}) == 1 && {_OWNER}.kind == 'Workflow' && "
                f"{_OWNER}.apiVersion == '{conventions.ARGO_API_VERSION}' && "
                f"(!has({_OWNER}.controller) || !{_OWNER}.controller) && "
                f"(!has({_OWNER}.blockOwnerDeletion) || !{_OWNER}.blockOwnerDeletion) && "
                f"has({_LABELS}) && {_is_value(_LABELS, conventions.LABEL_SUITE_UID, f'{_OWNER}.uid')}"
            ),
            "a member's only owner is the suite's Workflow",
        ),
        (
            "object.spec.all(k, k in ['workflowTemplateRef', 'arguments'])",
            "a member has no spec but a template and arguments",
        ),
        (
            (
                f"has(object.spec.workflowTemplateRef) && object.spec.workflowTemplateRef.all(k, k == 'name') && "
                f"object.metadata.name.startsWith(object.spec.workflowTemplateRef.name + '-') && "
                f"{_may_get('object.spec.workflowTemplateRef.name')} && "
                f"has({_LABELS}) && '{conventions.LABEL_SUITE}' in {_LABELS} && {_may_get(f'{_LABELS}[{conventions.LABEL_SUITE!r}]')}"
            ),
            "a member runs a template of the suite, which the suite's account may get",
        ),
        (
            (
                f"has(object.spec.arguments) && object.spec.arguments.all(k, k == 'parameters') && "
                f"{_PARAMETERS}.all(p, p.all(k, k in ['name', 'value']) && p.name != '{conventions.PARAM_RUNNER_IMAGE}') && "
                f"has({_OWNERS}) && {_PARAMETERS}.exists_one(p, p.name == '{conventions.PARAM_SUITE}' && "
                f"p.value == {_OWNER}.name + '/' + {_OWNER}.uid)"
            ),
            f"a member has parameters alone, the suite among them and not {conventions.PARAM_RUNNER_IMAGE}",
        ),
        (
            (
                f"has(object.metadata.annotations) && object.metadata.annotations.all(k, k in [{_listed(_MEMBER_ANNOTATIONS)}]) && "
                f"!has(object.metadata.finalizers)"
            ),
            "a member has the annotations of suite-member, and no finalizer",
        ),
    ]
    return [Validation(f"request.operation != 'CREATE' || ({expression})", message) for expression, message in checks]


def _change() -> list[Validation]:
    old = "oldObject.metadata.labels"
    is_member = f"(has({old}) && '{_MEMBER}' in {old})"
    own = "oldObject.spec.workflowTemplateRef.name"
    stopped = f"{only_keys('spec', ('shutdown',))} && has(object.spec.shutdown) && object.spec.shutdown == 'Stop'"
    kept = " && ".join(unchanged(f"metadata.{field}") for field in ("labels", "annotations"))
    verdict = (
        f"{only_keys('metadata.labels', VERDICT_LABELS)} && {only_keys('metadata.annotations', VERDICT_ANNOTATIONS)}"
    )
    checks = [
        (
            (
                f"has({old}) && '{conventions.LABEL_SUITE}' in {old} && has(oldObject.spec.workflowTemplateRef) && {_may_get(own)} && "
                f"({is_member} || {old}['{conventions.LABEL_SUITE}'] == {own})"
            ),
            "a suite changes only its own Workflow and those of its members",
        ),
        (f"!{is_member} || ({stopped} && {kept})", "a suite may only stop a member"),
        (
            f"{is_member} || ({unchanged('spec')} && {verdict})",
            "a suite may only write the verdict on its own Workflow",
        ),
        (
            " && ".join(unchanged(field) for field in ("status", "metadata.ownerReferences", "metadata.finalizers")),
            "a suite may not change status, owners or finalizers",
        ),
    ]
    return [Validation(f"request.operation != 'UPDATE' || ({expression})", message) for expression, message in checks]


def _members(plan: SuitePlan) -> list[Validation]:
    templates = ", ".join(f"'{member.name}': '{member.run.plan.name}'" for member in plan.members)
    hashes = ", ".join(f"'{run.plan.name}': '{run.bundle_hash}'" for run in plan.runs)
    template = "object.spec.workflowTemplateRef.name"
    return [
        Validation(
            (
                f"'{_MEMBER}' in {_LABELS} && {_LABELS}['{_MEMBER}'] in {{{templates}}} && "
                f"{template} == {{{templates}}}[{_LABELS}['{_MEMBER}']]"
            ),
            f"suite {plan.name} has no such member, or the member has another template",
        ),
        Validation(
            (
                f"{template} in {{{hashes}}} && has(object.metadata.annotations) && "
                f"{_is_value('object.metadata.annotations', conventions.ANNOTATION_BUNDLE_HASH, f'{{{hashes}}}[{template}]')}"
            ),
            f"suite {plan.name} was compiled with another bundle of this run",
        ),
    ]


def _may_get(name: str) -> str:
    """Whether the account may get a WorkflowTemplate: the Role of each suite names its own and those of its members."""
    resource = "authorizer.group('argoproj.io').resource('workflowtemplates').namespace(request.namespace)"
    return f"{resource}.name({name}).check('get').allowed()"


def _has(labels: str, key: str, value: str) -> str:
    return f"has({labels}) && {_is(labels, key, value)}"


def _is_value(labels: str, key: str, expression: str) -> str:
    return f"'{key}' in {labels} && {labels}['{key}'] == {expression}"


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(f"'{key}'" for key in keys)


def _is(labels: str, key: str, value: str) -> str:
    return f"'{key}' in {labels} && {labels}['{key}'] == '{value}'"

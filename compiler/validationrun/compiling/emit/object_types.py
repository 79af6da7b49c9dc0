"""The Kubernetes objects that the compiler writes beside the WorkflowTemplate, as their manifests name the fields."""

from typing import Any, NotRequired, TypedDict


class Metadata(TypedDict):
    name: str
    namespace: NotRequired[str]
    labels: dict[str, str]
    annotations: NotRequired[dict[str, str]]


class _Object(TypedDict):
    apiVersion: str
    kind: str
    metadata: Metadata


class ConfigMap(_Object):
    immutable: bool
    data: dict[str, str]


class PolicyRule(TypedDict):
    apiGroups: list[str]
    resources: list[str]
    resourceNames: NotRequired[list[str]]
    verbs: list[str]


class Role(_Object):
    rules: list[PolicyRule]


class RoleBinding(_Object):
    roleRef: dict[str, str]
    subjects: list[dict[str, str]]


class WorkflowTemplate(_Object):
    """Argo's object. Hera has checked its spec."""

    spec: dict[str, Any]


class AdmissionPolicySpec(TypedDict):
    failurePolicy: str
    matchConstraints: dict[str, list[dict[str, list[str]]]]
    matchConditions: list[dict[str, str]]
    validations: list[dict[str, str]]


class AdmissionPolicy(_Object):
    spec: AdmissionPolicySpec


class AdmissionBindingSpec(TypedDict):
    policyName: str
    validationActions: list[str]
    matchResources: dict[str, dict[str, dict[str, str]]]


class AdmissionBinding(_Object):
    spec: AdmissionBindingSpec


class Kustomization(TypedDict):
    apiVersion: str
    kind: str
    resources: list[str]


class CronWorkflowSpec(TypedDict):
    schedules: list[str]
    timezone: str
    suspend: NotRequired[bool]
    concurrencyPolicy: str
    startingDeadlineSeconds: int
    successfulJobsHistoryLimit: int
    failedJobsHistoryLimit: int
    workflowMetadata: dict[str, dict[str, str]]
    workflowSpec: dict[str, Any]


class CronWorkflow(_Object):
    spec: CronWorkflowSpec


AlertingRule = TypedDict(
    "AlertingRule",
    {"alert": str, "expr": str, "for": str, "labels": dict[str, str], "annotations": dict[str, str]},
)


class RuleGroup(TypedDict):
    name: str
    interval: str
    rules: list[AlertingRule]


class PrometheusRule(_Object):
    spec: dict[str, list[RuleGroup]]

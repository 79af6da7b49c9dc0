"""The Kubernetes objects that the compiler writes beside the WorkflowTemplate, as their manifests name the fields."""

from typing import NotRequired, TypedDict


class Metadata(TypedDict):
    name: str
    namespace: NotRequired[str]
    labels: dict[str, str]
    annotations: NotRequired[dict[str, str]]


class ConfigMap(TypedDict):
    apiVersion: str
    kind: str
    metadata: Metadata
    immutable: bool
    data: dict[str, str]


class PolicyRule(TypedDict):
    apiGroups: list[str]
    resources: list[str]
    resourceNames: NotRequired[list[str]]
    verbs: list[str]


class Role(TypedDict):
    apiVersion: str
    kind: str
    metadata: Metadata
    rules: list[PolicyRule]


class RoleBinding(TypedDict):
    apiVersion: str
    kind: str
    metadata: Metadata
    roleRef: dict[str, str]
    subjects: list[dict[str, str]]


class AdmissionPolicySpec(TypedDict):
    failurePolicy: str
    matchConstraints: dict[str, list[dict[str, list[str]]]]
    matchConditions: list[dict[str, str]]
    validations: list[dict[str, str]]


class AdmissionPolicy(TypedDict):
    apiVersion: str
    kind: str
    metadata: Metadata
    spec: AdmissionPolicySpec


class AdmissionBindingSpec(TypedDict):
    policyName: str
    validationActions: list[str]
    matchResources: dict[str, dict[str, dict[str, str]]]


class AdmissionBinding(TypedDict):
    apiVersion: str
    kind: str
    metadata: Metadata
    spec: AdmissionBindingSpec


class Kustomization(TypedDict):
    apiVersion: str
    kind: str
    resources: list[str]

"""Admission policies for the Workflows of one namespace, and the CEL expressions that they are made of."""

from collections.abc import Sequence
from typing import NamedTuple

from validationrun.compiling.emit.object_types import AdmissionBinding, AdmissionPolicy, Metadata


class Validation(NamedTuple):
    """What must hold, and what the API server says when it does not."""

    expression: str
    message: str


def policy(
    metadata: Metadata, operations: Sequence[str], condition: dict[str, str], validations: Sequence[Validation]
) -> AdmissionPolicy:
    """
    Args:
        condition: which requests the policy is about, by name and expression.
    """
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
                        "operations": list(operations),
                        "resources": ["workflows"],
                    }
                ],
            },
            "matchConditions": [condition],
            "validations": [
                {"expression": validation.expression, "message": validation.message} for validation in validations
            ],
        },
    }


def policy_binding(metadata: Metadata, namespace: str) -> AdmissionBinding:
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


def unchanged(field: str) -> str:
    return f"has(object.{field}) == has(oldObject.{field}) && (!has(object.{field}) || object.{field} == oldObject.{field})"


def only_keys(field: str, allowed: Sequence[str]) -> str:
    """Compares in both directions, so that no other key can be added, changed or removed."""
    keys = ", ".join(f"'{key}'" for key in allowed)

    def same(one: str, other: str) -> str:
        kept = f"has({other}.{field}) && k in {other}.{field} && {other}.{field}[k] == {one}.{field}[k]"
        return f"(!has({one}.{field}) || {one}.{field}.all(k, k in [{keys}] || ({kept})))"

    return f"{same('object', 'oldObject')} && {same('oldObject', 'object')}"

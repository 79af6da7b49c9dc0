"""What the objects of both chain APIs have in common: labels, metadata, and the order of fields."""

from typing import NotRequired, TypedDict, TypeVar

from validationrun.base import conventions
from validationrun.compiling.chain_labels import role_label
from validationrun.compiling.plan.manifests import Template, owner_references, run_labels
from validationrun.spec.v1alpha1 import Deployment

_Value = TypeVar("_Value")

NODE_FIELDS = ("chainId", "image", "validator", "fullNode", "archive", "replayer", "peers")
"""The fields of a node that come first in a manifest."""


def chain_labels(entry: Deployment, api: conventions.ChainApi) -> dict[str, str]:
    """The labels of a deployment's objects and pods."""
    component = conventions.COMPONENT_CHAIN if entry.role == "validator" else conventions.COMPONENT_RPC
    return {
        **run_labels(component),
        conventions.LABEL_ROLE: role_label(entry, api),
        conventions.LABEL_DEPLOYMENT: entry.name,
    }


class ChainMetadata(TypedDict):
    """The metadata of an object of `sei.io`. `name` is a template."""

    name: str
    namespace: str
    labels: dict[str, str]
    ownerReferences: list[dict[str, str]]
    annotations: NotRequired[dict[str, str]]


def chain_metadata(name: str, namespace: str, labels: dict[str, str]) -> ChainMetadata:
    """Of an object that the Workflow owns."""
    return {"name": Template(name), "namespace": namespace, "labels": labels, "ownerReferences": owner_references()}


def ordered(mapping: dict[str, _Value], first: tuple[str, ...]) -> dict[str, _Value]:
    """The mapping with the keys in `first` before the others."""
    return {key: mapping[key] for key in (*first, *(k for k in mapping if k not in first)) if key in mapping}

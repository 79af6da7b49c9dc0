"""
A deployment of the spec in the API of SeiNetwork: the validators are one SeiNetwork, each full node is a SeiNode of its own.

Fields that this API does not have never come here: `compiling/check/chain_api.py` refuses them.
"""

from validationrun.base import conventions
from validationrun.compiling.plan.chain_parts import NODE_FIELDS, chain_labels, chain_metadata, ordered
from validationrun.compiling.plan.manifests import CHAIN_ID, ORDINAL, Template, manifest
from validationrun.compiling.plan.model import Manifest
from validationrun.spec.v1alpha1 import Deployment
from validationrun.spec.v1alpha1.nodes import modes_of


def sei_network(entry: Deployment, namespace: str) -> Manifest:
    """The SeiNetwork of the validator entry."""
    labels = chain_labels(entry, "SeiNetwork")
    given = entry.spec.model_dump(by_alias=True, exclude_unset=True)
    node = given["template"]["spec"]
    return manifest(
        conventions.BUNDLE_CHAIN.format(name=entry.name),
        {
            "apiVersion": conventions.CHAIN_API_VERSION,
            "kind": "SeiNetwork",
            "metadata": chain_metadata(f"{CHAIN_ID}-{entry.name}", namespace, labels),
            "spec": {
                "replicas": entry.spec.replicas,
                # Always written, because the default of this API is Retain.
                "deletionPolicy": given.get("deletionPolicy", "Delete"),
                "genesis": {**given.get("genesis", {}), "chainId": Template(CHAIN_ID)},
                "image": node["image"],
                **({"configOverrides": node["overrides"]} if "overrides" in node else {}),
                **{key: node[key] for key in ("sidecar", "dataVolume") if key in node},
                "podLabels": _pod_labels(entry, labels),
            },
        },
    )


def sei_node(entry: Deployment, namespace: str, validator: str) -> Manifest:
    """
    A SeiNode of a full node entry. The runner creates as many as the entry has replicas, each with its ordinal.

    Args:
        validator: the name of the validator entry, whose SeiNetwork the node belongs to.
    """
    labels = chain_labels(entry, "SeiNetwork")
    of_network: dict[str, str] = {conventions.LABEL_SEI_NETWORK: Template(f"{CHAIN_ID}-{validator}")}
    node = entry.spec.template.spec.model_dump(by_alias=True, exclude_unset=True)
    node["chainId"] = Template(CHAIN_ID)
    if not modes_of(entry.spec.template.spec):
        node["fullNode"] = {}
    node.setdefault("peers", [{"label": {"selector": of_network}}])
    node["podLabels"] = _pod_labels(entry, labels)
    own_labels = {**_template_labels(entry), **labels, **of_network}
    metadata = chain_metadata(f"{CHAIN_ID}-{entry.name}-{ORDINAL}", namespace, own_labels)
    given = entry.spec.template.metadata
    if given is not None and given.annotations:
        metadata["annotations"] = given.annotations
    return manifest(
        conventions.BUNDLE_CHAIN.format(name=entry.name),
        {
            "apiVersion": conventions.CHAIN_API_VERSION,
            "kind": "SeiNode",
            "metadata": metadata,
            "spec": ordered(node, NODE_FIELDS),
        },
    )


def _pod_labels(entry: Deployment, ours: dict[str, str]) -> dict[str, str]:
    """The only labels that reach pods: this API copies none from the object's metadata."""
    return {**_template_labels(entry), **(entry.spec.template.spec.pod_labels or {}), **ours}


def _template_labels(entry: Deployment) -> dict[str, str]:
    metadata = entry.spec.template.metadata
    return (metadata.labels if metadata else None) or {}

"""A deployment of the spec as one SeiNodeDeployment."""

from typing import Any

from validationrun.base import conventions
from validationrun.compiling.plan.chain_parts import NODE_FIELDS, chain_labels, chain_metadata, ordered
from validationrun.compiling.plan.manifests import CHAIN_ID, Template, manifest
from validationrun.compiling.plan.model import Manifest
from validationrun.spec.v1alpha1 import Deployment
from validationrun.spec.v1alpha1.nodes import modes_of


def sei_node_deployment(entry: Deployment, namespace: str, validator: str) -> Manifest:
    """
    The object of a deployment.

    Args:
        validator: the name of the validator entry, whose nodes are the peers of full nodes.
    """
    labels = chain_labels(entry, "SeiNodeDeployment")
    return manifest(
        conventions.BUNDLE_CHAIN.format(name=entry.name),
        {
            "apiVersion": conventions.CHAIN_API_VERSION,
            "kind": "SeiNodeDeployment",
            "metadata": chain_metadata(f"{CHAIN_ID}-{entry.name}", namespace, labels),
            "spec": _spec(entry, validator, labels),
        },
    )


def _spec(entry: Deployment, validator: str, labels: dict[str, str]) -> dict[str, Any]:
    """The user's spec with the fields of the contract's section "chain". The user's value wins, except for labels and chain id."""
    spec = entry.spec.model_dump(by_alias=True, exclude_unset=True)
    template = spec["template"]
    node = template["spec"]
    node["chainId"] = Template(CHAIN_ID)
    if not modes_of(entry.spec.template.spec):
        node[entry.role] = {}
    node.setdefault("peers", [{"label": {"selector": _peer_selector(entry, validator)}}])
    metadata = template.setdefault("metadata", {})
    # The controller copies only these labels down to nodes and pods.
    metadata["labels"] = {**metadata.get("labels", {}), **labels}
    if entry.role == "validator":
        spec["genesis"] = {**spec.get("genesis", {}), "chainId": Template(CHAIN_ID)}
    return {
        "replicas": entry.spec.replicas,
        "deletionPolicy": spec.pop("deletionPolicy", "Delete"),
        "updateStrategy": spec.pop("updateStrategy", {"type": "InPlace"}),
        **({"genesis": spec.pop("genesis")} if "genesis" in spec else {}),
        **{key: value for key, value in spec.items() if key not in ("replicas", "template")},
        "template": {
            "metadata": metadata,
            "spec": ordered(node, NODE_FIELDS),
            **{key: value for key, value in template.items() if key not in ("metadata", "spec")},
        },
    }


def _peer_selector(entry: Deployment, validator: str) -> dict[str, str]:
    if entry.role == "validator":
        return {conventions.LABEL_CHAIN_ID: Template(CHAIN_ID)}
    return {conventions.LABEL_NODE_DEPLOYMENT: Template(f"{CHAIN_ID}-{validator}")}

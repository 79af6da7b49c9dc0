"""`spec.chain` -> the manifests of its objects."""

from typing import Final

from validationrun.base import conventions
from validationrun.compiling.plan.manifests import CHAIN_ID
from validationrun.compiling.plan.model import ChainObject, Manifest
from validationrun.compiling.plan.sei_network import sei_network, sei_node
from validationrun.compiling.plan.sei_node_deployment import sei_node_deployment
from validationrun.spec.v1alpha1 import ChainSpec, Deployment

_IMAGE_PATHS: Final = {
    "SeiNodeDeployment": "/spec/template/spec/image",
    "SeiNetwork": "/spec/image",
    "SeiNode": "/spec/image",
}
"""JSON pointers of the image, by kind."""


def plan_deployments(chain: ChainSpec, namespace: str) -> tuple[ChainObject, ...]:
    """One manifest for each deployment, in the order of the spec."""
    entries = chain.deployments or []
    validator = next((entry.name for entry in entries if entry.role == "validator"), "")
    return tuple(_chain_object(entry, _manifest(entry, chain.api, namespace, validator)) for entry in entries)


def _manifest(entry: Deployment, api: conventions.ChainApi, namespace: str, validator: str) -> Manifest:
    if api == "SeiNodeDeployment":
        return sei_node_deployment(entry, namespace, validator)
    return sei_network(entry, namespace) if entry.role == "validator" else sei_node(entry, namespace, validator)


def _chain_object(entry: Deployment, made: Manifest) -> ChainObject:
    return ChainObject(
        name=entry.name,
        role=entry.role,
        kind=made.data["kind"],
        object_name=f"{CHAIN_ID}-{entry.name}",
        replicas=entry.spec.replicas,
        image=entry.spec.template.spec.image,
        image_path=_IMAGE_PATHS[made.data["kind"]],
        manifest=made,
    )

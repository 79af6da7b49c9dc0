"""The label `sei.io/role` of a deployment's nodes."""

from typing import Final

from validationrun.base.conventions import ChainApi
from validationrun.spec.v1alpha1 import Deployment
from validationrun.spec.v1alpha1.nodes import modes_of

_ROLES_OF_PODS: Final = {"validator": "validator", "fullNode": "node", "archive": "archive", "replayer": "replayer"}
"""By the mode of a node: the role that the controller of SeiNetworks gives its pod, whatever a label of the spec says."""


def role_label(entry: Deployment, api: ChainApi) -> str:
    """The value of `sei.io/role` on every object of this deployment and on its pods."""
    if api == "SeiNodeDeployment":
        return entry.role
    (mode, *_) = [*modes_of(entry.spec.template.spec), entry.role]
    return _ROLES_OF_PODS[mode]

"""Builds a manifest and lists its places."""

from collections.abc import Mapping
from typing import Any

from validationrun.base import conventions
from validationrun.compiling.plan.model import Manifest

RUN_ID = "${runId}"
CHAIN_ID = "${chainId}"
ORDINAL = "${ordinal}"
WORKFLOW_UID = "${workflowUid}"
JOB_NAME = "${jobName}"
CONFIG_MAP_NAME = "${configMapName}"


class Template(str):
    """
    A string that the runner fills, made only of fixed text and names that passed a DNS pattern.

    A user's text is never a Template, so a `${...}` in it is never replaced.
    """

    __slots__ = ()


def manifest(key: str, data: dict[str, Any]) -> Manifest:
    """The object, with a place for every Template in it, in document order."""
    places: list[str] = []
    return Manifest(key, _plain(data, "", places), tuple(places))


def _plain(value: Any, pointer: str, places: list[str]) -> Any:
    if isinstance(value, Template):
        places.append(pointer)
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(item, f"{pointer}/{_escape(key)}", places) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, f"{pointer}/{index}", places) for index, item in enumerate(value)]
    return value


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def run_labels(component: str) -> dict[str, str]:
    """The labels of every object that a run creates."""
    return {
        conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY,
        conventions.LABEL_RUN_ID: Template(RUN_ID),
        conventions.LABEL_CHAIN_ID: Template(CHAIN_ID),
        **app_labels(component),
    }


def app_labels(component: str | None = None) -> dict[str, str]:
    """The recommended Kubernetes labels that validationrun sets."""
    labels = {
        conventions.LABEL_K8S_MANAGED_BY: conventions.MANAGED_BY,
        conventions.LABEL_K8S_PART_OF: conventions.MANAGED_BY,
    }
    return labels if component is None else {**labels, conventions.LABEL_K8S_COMPONENT: component}


def owner_references() -> list[dict[str, str]]:
    """
    The Workflow owns every object that its run creates.

    No `controller` or `blockOwnerDeletion`, because OwnerReferencesPermissionEnforcement would require rights on workflows/finalizers.
    """
    return [
        {
            "apiVersion": conventions.ARGO_API_VERSION,
            "kind": "Workflow",
            "name": Template(RUN_ID),
            "uid": Template(WORKFLOW_UID),
        }
    ]

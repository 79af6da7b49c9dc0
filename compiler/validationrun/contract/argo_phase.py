"""Reads how far a Workflow is from its phase and from what was asked of it, and how it is stopped; no status is imported for it."""

from collections.abc import Mapping
from typing import Any, Final

from validationrun.kube.cluster import Object

STOP: Final[Object] = {"spec": {"shutdown": "Stop"}}
"""The patch of a Workflow that stops it. Its exit handler still runs."""

_ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})


def workflow_phase(workflow: Mapping[str, Any]) -> str:
    """Argo's phase; `Pending` until Argo's controller has seen the Workflow."""
    return str((workflow.get("status") or {}).get("phase") or "Pending")


def has_ended(workflow: Mapping[str, Any]) -> bool:
    """The Workflow has ended, its exit handler included."""
    return workflow_phase(workflow) in _ENDED and bool((workflow.get("status") or {}).get("finishedAt"))


def is_shut_down(workflow: Mapping[str, Any]) -> bool:
    """The Workflow was stopped or terminated."""
    return bool((workflow.get("spec") or {}).get("shutdown"))

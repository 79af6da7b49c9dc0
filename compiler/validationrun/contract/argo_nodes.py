"""Reads the nodes in a Workflow's status, which Argo may also compress or keep in a database."""

import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from validationrun.kube.cluster import Object

Nodes = Mapping[str, Object]
"""Argo's nodes by id."""

_GZIP: Final = 16 + zlib.MAX_WBITS


def read_nodes(workflow: Mapping[str, Any]) -> Nodes | None:
    """The nodes; None when Argo keeps them in its database, which only its controller and server can read."""
    status = workflow.get("status") or {}
    nodes: Nodes = status.get("nodes") or _decompress(status.get("compressedNodes") or "")
    return None if not nodes and status.get("offloadNodeStatusVersion") else nodes


def _decompress(text: str) -> Nodes:
    """Nodes from gzipped JSON in base64; empty when they cannot be read."""
    try:
        nodes: Nodes = json.loads(zlib.decompress(binascii.a2b_base64(text), _GZIP)) if text else {}
    except (ValueError, zlib.error):
        return {}
    return nodes


def stored_artifacts(result: Object | None) -> set[str]:
    """
    The artifacts that an attempt of a step uploaded. Argo lists an artifact only once it is stored.

    Args:
        result: the node of the attempt, or its WorkflowTaskResult; None when there is none.
    """
    outputs = (result or {}).get("outputs") or {}
    return {str(artifact.get("name")) for artifact in outputs.get("artifacts") or []}


def retry_node(nodes: Nodes, step: str) -> Object:
    """The parent node of all attempts of a step; empty when there is none."""
    return next(
        (node for node in nodes.values() if node.get("type") == "Retry" and node.get("templateName") == step), {}
    )

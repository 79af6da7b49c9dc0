"""
Why nodes of a chain failed.

The object that made a SeiNode says at once that it failed, but drops its own plan in that very moment: the task and its error
stand on the SeiNode.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from validationrun.base.conventions import LABEL_NODE_DEPLOYMENT
from validationrun.base.text import printable
from validationrun.base.truncate import cut
from validationrun.contract.chain_entries import NodeFailure
from validationrun.kube.cluster import SEI_NODES, ClusterError
from validationrun.kube.sei import ChainObject, NodeGroup, SeiNode, TaskFailure
from validationrun.steps.context import Context

logger = logging.getLogger(__name__)

_NO_REASON: Final = "the controller gave no reason"
_ERROR_BYTES: Final = 600
_TASK_BYTES: Final = 100
_MOST_CAUSES: Final = 3
_MOST_NAMED: Final = 4


def failures_of(context: Context, found: ChainObject) -> list[NodeFailure]:
    """
    The SeiNodes that failed for good: the object itself, or those that it made. Empty while none is known to have failed.

    A SeiNode that cannot be read has failed all the same: its error then says why there is no cause.
    """
    if isinstance(found, SeiNode):
        return [_failure(found.name, found)] if found.has_failed else []
    if not isinstance(found, NodeGroup) or not (found.failed_nodes or found.has_failed):
        return []
    try:
        nodes = _nodes(context, found)
    except ClusterError as error:
        logger.warning("cannot read why nodes of %s failed: %s", found.name, error)
        unread = _bounded(f"its cause cannot be read: {error}", _ERROR_BYTES)
        return [NodeFailure(node=_bounded(name, _TASK_BYTES), error=unread) for name in found.failed_nodes]
    failed = {name for name, node in nodes.items() if node.has_failed}
    return [_failure(name, nodes.get(name)) for name in sorted({*failed, *found.failed_nodes})]


def _nodes(context: Context, group: NodeGroup) -> Mapping[str, SeiNode]:
    """The SeiNodes that the group owns, by name: a label is no proof."""
    labels = f"{LABEL_NODE_DEPLOYMENT}={group.name}"
    nodes = SeiNode.all(context.cluster.list(SEI_NODES, labels=labels))
    return {node.name: node for node in nodes if node.is_owned_by(group.uid)}


def _failure(name: str, node: SeiNode | None) -> NodeFailure:
    cause = node.failed_task if node is not None else None
    bounded = _bounded(name, _TASK_BYTES)
    if cause is None:
        return NodeFailure(bounded)
    return NodeFailure(bounded, _bounded(cause.task, _TASK_BYTES) or None, _bounded(cause.error, _ERROR_BYTES) or None)


def _bounded(text: str, limit: int) -> str:
    return cut(printable(text), limit)


def failure_text(name: str, found: ChainObject, failures: Sequence[NodeFailure]) -> str:
    """
    For people: each cause once, with the nodes that it holds for, then what the object says of itself.

    Args:
        name: the object with its kind.
    """
    own = found.failed_task if isinstance(found, NodeGroup) else None
    texts = [*_by_cause(failures)][:_MOST_CAUSES]
    if own is not None:
        texts.append(f"{name} failed: {_task_text(own)}")
    if own is not None or any(failure.task or failure.error for failure in failures):
        return "; ".join(texts)
    troubles = [_bounded(trouble, _ERROR_BYTES) for trouble in found.troubles]
    if texts:
        return "; ".join([*texts, *troubles])
    return f"{name} failed: {'; '.join(troubles) or _NO_REASON}"


def _task_text(cause: TaskFailure) -> str:
    return _bounded(": ".join(filter(None, (cause.task, cause.error))), _ERROR_BYTES)


def _by_cause(failures: Sequence[NodeFailure]) -> Iterator[str]:
    """Known causes first."""
    nodes: dict[str, list[str]] = {}
    for failure in sorted(failures, key=lambda failure: not (failure.task or failure.error)):
        cause = ": ".join(filter(None, (failure.task, failure.error))) or _NO_REASON
        nodes.setdefault(cause, []).append(failure.node)
    for cause, (first, *others) in nodes.items():
        named = ", ".join(others[:_MOST_NAMED]) + (
            f" and {len(others) - _MOST_NAMED} more" if others[_MOST_NAMED:] else ""
        )
        yield f"SeiNode {first} failed: {cause}" + (f" (and so did {named})" if named else "")

"""
finalize's last part: deletes the chain by the clean-up policy and reports what is left.

It needs only the Workflow's UID, so it also works for a run whose record is gone. It deletes only objects that this
Workflow owns, each by its own UID.
"""

import logging
from typing import Final

from msgspec.structs import replace

from validationrun.base.truncate import cut
from validationrun.contract.owned_record import RecordError
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import ClusterError, ForbiddenError
from validationrun.kube.sei import ChainObject
from validationrun.oracle.outcome import Verdict
from validationrun.steps.context import Context
from validationrun.steps.own_chain import OwnChain

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 1.0
_CLEANUP_SECONDS: Final = 300
"""Clean-up ends then: a stuck object goes with the Workflow, and the verdict does not depend on it."""

_PATIENCE_SECONDS: Final = 60
_ALWAYS: Final = "Always"
_MOST_NAMED: Final = 8
_LEFT_BYTES: Final = 1000


def clean_up(context: Context, written: Record | None, verdict: str) -> str:
    """
    Deletes the chain by the policy and waits until it is gone.

    Returns:
        What is left and why, in one line; empty when nothing is left, or when the policy keeps the chain.
    """
    try:
        run = written.get(RunEntry) if written is not None else None
    except RecordError:
        # A run whose record cannot be read still leaves its chain behind, if it had one.
        written = run = None
    if written is not None and (run is None or not run.bring_up):
        return ""
    if not _goes(context, run, verdict):
        return ""
    context = replace(context, cluster=context.cluster.patient(_PATIENCE_SECONDS))
    try:
        return cut(_delete_chain(context, OwnChain(run)), _LEFT_BYTES)
    except ClusterError as error:
        return cut(f"clean-up failed: {error}", _LEFT_BYTES)


def _goes(context: Context, run: RunEntry | None, verdict: str) -> bool:
    policy = context.cleanup or (run.cleanup if run is not None else "") or _ALWAYS
    return policy == _ALWAYS or (policy == "OnSuccess" and verdict == Verdict.PASSED)


def _delete_chain(context: Context, chain: OwnChain) -> str:
    until = context.now() + _CLEANUP_SECONDS
    asked: set[str] = set()
    refused: dict[str, ClusterError] = {}
    while True:
        # List again each time: the API server may have accepted the last request of a step that was killed.
        left = chain.objects(context)
        for reference, found in left:
            if found.uid in asked:
                continue
            try:
                # In the foreground: in the background the object is gone at once, and its SeiNodes, pods and volumes live on.
                context.cluster.delete(reference.resource, found.name, uid=found.uid, foreground=True)
            except ClusterError as error:
                # Go on: perhaps only this object is refused, and perhaps the cause is fixed meanwhile.
                refused[found.uid] = error
                continue
            asked.add(found.uid)
            refused.pop(found.uid, None)
            logger.info("deleted %s", reference)
        # Somebody else may have deleted the object in the background.
        nodes = [] if left else chain.nodes(context)
        if not left and not nodes:
            if asked:
                logger.info("the chain is gone")
            return ""
        hopeless = left and all(isinstance(refused.get(found.uid), ForbiddenError) for _, found in left)
        if hopeless or context.now() >= until:
            failed = [f"clean-up failed: {error}; " for error in refused.values()][:1]
            told = [_told(str(reference), found) for reference, found in left] + [
                _told(f"SeiNode {node.name}", node) for node in nodes
            ]
            return "".join(failed) + "left behind: " + ", ".join(told[:_MOST_NAMED])
        context.sleep(_POLL_SECONDS)


def _told(name: str, found: ChainObject) -> str:
    since = f" (deleted since {found.deleted}" if found.deleted else " (not deleted"
    held = f", held by {', '.join(found.finalizers[:3])}" if found.finalizers else ""
    return f"{name}{since}{held})"

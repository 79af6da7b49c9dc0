"""
finalize's last part: deletes the chain by the clean-up policy and reports what is left.

It needs only the Workflow's UID, so it also works for a run whose record is gone. It deletes only objects that this
Workflow owns, each by its own UID.
"""

import dataclasses
import logging
from typing import Final

from validationrun.base import conventions
from validationrun.base.truncate import cut
from validationrun.contract.record import Record, RecordError
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import CHAIN_OBJECTS, ClusterError, ForbiddenError
from validationrun.kube.objects import SeiNodeDeployment
from validationrun.oracle.outcome import Verdict
from validationrun.steps.context import Context

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
    if not _goes(context, written, verdict):
        return ""
    context = dataclasses.replace(context, cluster=context.cluster.patient(_PATIENCE_SECONDS))
    try:
        return cut(_delete_chain(context), _LEFT_BYTES)
    except ForbiddenError as error:
        if written is None:
            # A run on an existing chain has no right to chain objects, and without a record the kind of run is unknown.
            logger.info("no chain was looked for: %s", error)
            return ""
        return cut(f"clean-up failed: {error}", _LEFT_BYTES)
    except ClusterError as error:
        return cut(f"clean-up failed: {error}", _LEFT_BYTES)


def _goes(context: Context, written: Record | None, verdict: str) -> bool:
    try:
        run = written.get(RunEntry) if written is not None else None
    except RecordError:
        # A run whose record cannot be read still leaves its chain behind, if it had one.
        written = run = None
    if written is not None and (run is None or not run.bring_up):
        return False
    policy = context.cleanup or (run.cleanup if run is not None else "") or _ALWAYS
    return policy == _ALWAYS or (policy == "OnSuccess" and verdict == Verdict.PASSED)


def _delete_chain(context: Context) -> str:
    until = context.now() + _CLEANUP_SECONDS
    asked: set[str] = set()
    refused: dict[str, ClusterError] = {}
    while True:
        # List again each time: the API server may have accepted the last request of a step that was killed.
        left = _own_chain(context)
        for deployment in left:
            if deployment.uid in asked:
                continue
            try:
                context.cluster.delete(CHAIN_OBJECTS, deployment.name, uid=deployment.uid)
            except ClusterError as error:
                # Go on: perhaps only this object is refused, and perhaps the cause is fixed meanwhile.
                refused[deployment.uid] = error
                continue
            asked.add(deployment.uid)
            refused.pop(deployment.uid, None)
            logger.info("deleted SeiNodeDeployment %s", deployment.name)
        if not left:
            if asked:
                logger.info("the chain is gone")
            return ""
        if context.now() >= until or all(isinstance(refused.get(remaining.uid), ForbiddenError) for remaining in left):
            failed = [f"clean-up failed: {error}; " for error in refused.values()][:1]
            return "".join(failed) + "left behind: " + ", ".join(map(_told, left[:_MOST_NAMED]))
        context.sleep(_POLL_SECONDS)


def _own_chain(context: Context) -> list[SeiNodeDeployment]:
    """Lists by the run's label, then filters by owner: a name or a label is no proof."""
    labels = f"{conventions.LABEL_RUN_ID}={context.identity.workflow}"
    return [
        deployment
        for deployment in SeiNodeDeployment.all(context.cluster.list(CHAIN_OBJECTS, labels=labels))
        if deployment.is_owned_by(context.identity.uid)
    ]


def _told(deployment: SeiNodeDeployment) -> str:
    since = f" (deleted since {deployment.deleted}" if deployment.deleted else " (not deleted"
    held = f", held by {', '.join(deployment.finalizers[:3])}" if deployment.finalizers else ""
    return f"SeiNodeDeployment {deployment.name}{since}{held})"

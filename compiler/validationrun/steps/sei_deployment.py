"""For the chain's steps: reads SeiNodeDeployments, gives up a failed chain, and records the result."""

import logging
from typing import Final

from validationrun.base.text import printable
from validationrun.base.truncate import cut
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.record import Record
from validationrun.kube.cluster import CHAIN_OBJECTS
from validationrun.kube.objects import SeiNodeDeployment
from validationrun.oracle.outcome import RunReason
from validationrun.steps.context import Context, end_against_run

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0


class ChainFailedError(Exception):
    """The chain will not come up: a reason of row 2 of the verdict table, and a message."""

    def __init__(self, reason: RunReason, message: str) -> None:
        # The message may quote a node, and becomes the Workflow's.
        super().__init__(cut(printable(message)))
        self.reason = reason


def conclude(context: Context, written: Record, entry: ChainEntry | ChainReady, otherwise: str) -> int:
    """Records a step's result, once. Returns the step's exit code."""
    if written.add(context.step, entry):
        context.output("message", f"{entry.reason}: {entry.message}" if entry.reason else otherwise)
    else:
        logger.info("another attempt of this step has recorded its result, or the run has its verdict")
    return exit_code(written.get(type(entry)))


def exit_code(entry: ChainEntry | ChainReady | None) -> int:
    """By the step's recorded result, whichever attempt wrote it; 0 when there is none."""
    return end_against_run(f"{entry.reason}: {entry.message}") if entry is not None and entry.reason else 0


def own_deployment(context: Context, name: str) -> SeiNodeDeployment:
    """
    A SeiNodeDeployment of this run that may still become Ready.

    Raises:
        ChainFailedError: it is deleted, being deleted, another run's by now, or failed for good.
    """
    found = context.cluster.get(CHAIN_OBJECTS, name)
    if found is None or not (deployment := SeiNodeDeployment(found)).is_owned_by(context.identity.uid):
        raise ChainFailedError(RunReason.CHAIN_FAILED, f"SeiNodeDeployment {name} was deleted")
    raise_if_going(deployment)
    raise_if_failed(deployment)
    return deployment


def raise_if_going(deployment: SeiNodeDeployment) -> None:
    """Raises for a chain that is being deleted: a new chain with the same id would meet a stale genesis."""
    if deployment.deleted:
        raise ChainFailedError(RunReason.CHAIN_FAILED, f"SeiNodeDeployment {deployment.name} is being deleted")


def raise_if_failed(deployment: SeiNodeDeployment) -> None:
    """Raises ChainFailedError with the controller's own text when the object says that it failed for good."""
    if deployment.phase != "Failed":
        return
    texts = [deployment.failed_task]
    texts += [
        f"{condition.type}: {condition.message}"
        for condition in deployment.conditions
        if condition.status == "False" and condition.message
    ]
    text = "; ".join(part for part in texts if part) or "the controller gave no reason"
    raise ChainFailedError(RunReason.CHAIN_FAILED, f"SeiNodeDeployment {deployment.name} failed: {text}")

"""For finalize: the images that the nodes of the chain and the shards of the load really ran. No verdict depends on them."""

import logging
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from validationrun.base.conventions import LABEL_DEPLOYMENT, LOAD_CONTAINER, NODE_CONTAINER
from validationrun.contract.chain_entries import DeploymentStatus
from validationrun.contract.image_ids import agreed, image_id
from validationrun.contract.status_document import LoadStatus, Status
from validationrun.steps.pods import Kind, RunPod

logger = logging.getLogger(__name__)


def with_images(status: Status, pods: Sequence[RunPod]) -> Status:
    """
    The status with the resolved images of the pods that still exist, and nothing else changed.

    Never raises: a status without images has the same verdict. load-job has recorded the images of shards whose pods are gone.
    """
    try:
        chain, load = status.chain, status.load
        if chain is not None:
            chain = replace(chain, deployments=[_deployment(entry, pods) for entry in chain.deployments])
        return replace(status, chain=chain, load=_load(load, pods) if load is not None else None)
    except Exception:
        logger.exception("no resolved images")
        return status


def _deployment(entry: DeploymentStatus, pods: Sequence[RunPod]) -> DeploymentStatus:
    own = [pod for pod in pods if pod.kind == "chain" and pod.pod.labels.get(LABEL_DEPLOYMENT) == entry.name]
    one, several = agreed(_images(own, "chain", NODE_CONTAINER))
    return replace(entry, image_id=one, image_ids=several)


def _load(load: LoadStatus, pods: Sequence[RunPod]) -> LoadStatus:
    known = [load.image_id or "", *load.image_ids]
    one, several = agreed([*known, *_images(pods, "shard", LOAD_CONTAINER)])
    return replace(load, image_id=one, image_ids=several)


def _images(pods: Sequence[RunPod], kind: Kind, container: str) -> Iterator[str]:
    for pod in pods:
        if pod.kind == kind:
            yield from (image_id(status.image_id) for status in pod.pod.containers if status.name == container)

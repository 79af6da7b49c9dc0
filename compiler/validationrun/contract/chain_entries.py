"""The keys of the steps that bring the chain up: `preflight`, `chain` and `chain-ready`."""

from typing import ClassVar

import msgspec

from validationrun.base.conventions import ENSURE_CHAIN, WAIT_CHAIN_READY
from validationrun.base.document import Document
from validationrun.contract.record_key import RecordKey, Timestamp
from validationrun.oracle.outcome import RunReason


class Finding(Document, frozen=True):
    """One thing that makes the run hopeless: a reason of its own, and a sentence for people."""

    reason: str
    message: str


class PreflightEntry(RecordKey, frozen=True):
    """What preflight found before any object of the chain was created. It is done once for a run."""

    key: ClassVar[str] = "preflight"
    writer: ClassVar[str] = ENSURE_CHAIN

    at: Timestamp
    findings: list[Finding]


class Endpoints(Document, frozen=True):
    """The full nodes' URLs by kind, in the order of the spec."""

    rpc: list[str] = []
    evm: list[str] = []
    ws: list[str] = []
    rest: list[str] = []


class NodeFailure(Document, frozen=True):
    """
    A node of the chain that failed for good.

    Attributes:
        node: the name of its SeiNode.
        task: the task of the controller's plan that failed; null when it is not known.
        error: the error of that task, or why it cannot be read; null when the controller gave none.
    """

    node: str
    task: str | None = None
    error: str | None = None


class DeploymentStatus(Document, frozen=True):
    """
    A deployment of the chain as its controller last reported it.

    Attributes:
        object_name: the name of its object; the objects of full nodes that have one each are named `{objectName}-{i}`.
        phase: of its object; of several objects the first phase that is not Running.
        image_id: the resolved image of its nodes, from their pods; null while no pod is read, and when their images differ.
        image_ids: the images, when they differ.
        failures: the nodes that failed, at most eight.
    """

    name: str
    role: str
    object_name: str = ""
    phase: str | None = None
    image: str | None = None
    image_id: str | None = msgspec.field(default=None, name="imageID")
    image_ids: list[str] = msgspec.field(default_factory=list, name="imageIDs")
    failures: list[NodeFailure] = []


class ChainEntry(RecordKey, frozen=True):
    """
    The chain once its objects exist and its validators make blocks; or why there is none.

    Attributes:
        chain_id: the effective chain id; empty when the bundle could not be read.
        reason: of row 2 of the verdict table; null when the chain came up.
        deployments: as far as they exist, when the chain did not come up.
    """

    key: ClassVar[str] = "chain"
    writer: ClassVar[str] = ENSURE_CHAIN

    at: Timestamp
    chain_id: str
    endpoints: Endpoints = Endpoints()
    reason: RunReason | None = None
    message: str | None = None
    deployments: list[DeploymentStatus] = []


class ChainReady(RecordKey, frozen=True):
    """When every full node served; or why the chain never did. `reason` is null when it serves."""

    key: ClassVar[str] = "chain-ready"
    writer: ClassVar[str] = WAIT_CHAIN_READY

    at: Timestamp
    deployments: list[DeploymentStatus]
    reason: RunReason | None = None
    message: str | None = None

"""The key `diagnostics`: states, events and logs of the pods of a run that did not pass."""

from typing import ClassVar

from validationrun.base.conventions import FINALIZE
from validationrun.base.document import Document
from validationrun.contract.record_key import RecordKey, Timestamp


class ContainerDiagnostics(Document, frozen=True, omit_defaults=True):
    """A container's state: `running`, `waiting` or `terminated`, and what Kubernetes says of it."""

    name: str
    state: str
    exit_code: int | None = None
    reason: str | None = None
    message: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    restarts: int = 0


class PodDiagnostics(Document, frozen=True, omit_defaults=True):
    """
    A pod; a SeiNode that failed, which may have no pod; or the load's Job, whose events tell why a pod was never made.

    Fields without a value are left out, to save room.

    Attributes:
        pod, sei_node, job: the name of what it is; the other two are null.
        of: the step, or `shard`, or `chain`.
        reason: of a SeiNode: the task that failed.
        deleted: since when it is being deleted.
        events: the last ten, a line each.
        log: the end of the log by container.
    """

    pod: str | None = None
    sei_node: str | None = None
    job: str | None = None
    of: str | None = None
    node: str | None = None
    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    deleted: str | None = None
    containers: list[ContainerDiagnostics] = []
    events: list[str] = []
    log: dict[str, str] = {}


class Diagnostics(RecordKey, frozen=True):
    """
    The pods, the most telling first.

    Attributes:
        omitted: how many pods found no room.
    """

    key: ClassVar[str] = "diagnostics"
    writer: ClassVar[str] = FINALIZE

    at: Timestamp
    pods: list[PodDiagnostics]
    omitted: int

"""The keys of load-job: `job`, `load-start`, `load-signal`, `shards` and `load`."""

from typing import ClassVar

import msgspec

from validationrun.base.conventions import LOAD_JOB
from validationrun.base.document import Document
from validationrun.base.times import parse_time
from validationrun.contract.record_key import Recorded, RecordKey, Timestamp
from validationrun.oracle.outcome import RunReason
from validationrun.oracle.workload import ASSERTION_FAILED, PASSED, WorkloadCode


class JobEntry(RecordKey, frozen=True):
    """The load's Job. Once it is recorded, no second Job is ever made."""

    key: ClassVar[str] = "job"
    writer: ClassVar[str] = LOAD_JOB

    name: str
    uid: str
    created_at: Timestamp


class LoadStart(RecordKey, frozen=True):
    """When the last shard's container started: the start of the window."""

    key: ClassVar[str] = "load-start"
    writer: ClassVar[str] = LOAD_JOB

    start: Timestamp


class SignalledPod(Document, frozen=True):
    """A shard's pod that is deleted so that its container gets SIGTERM."""

    index: int
    name: str
    uid: str


class LoadSignal(RecordKey, frozen=True):
    """
    The duration of a load with `endBy: Signal` is over: its pods are deleted from then on.

    It is recorded before the first deletion. A pod of these UIDs was deleted as planned; any other deleted pod was disrupted.
    """

    key: ClassVar[str] = "load-signal"
    writer: ClassVar[str] = LOAD_JOB

    at: Timestamp
    pods: list[SignalledPod]


class ShardStatus(Document, frozen=True):
    """
    One shard of the load.

    Attributes:
        pod: null before there is one, and for a run on one machine.
        exit_code: null while it runs, and when nobody saw one.
        reason: the word of Kubernetes, such as `OOMKilled`, or ours for why there is no exit code.
    """

    index: int
    pod: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None


class ShardsEntry(RecordKey, frozen=True):
    """Each shard's exit code and times, as they become known."""

    key: ClassVar[str] = "shards"
    writer: ClassVar[str] = LOAD_JOB

    shards: list[ShardStatus]


class LoadEnd(RecordKey, frozen=True):
    """
    How the load ended.

    Attributes:
        job_uid: null when no Job was recorded.
        code: what the shards' exit codes add up to; null for a load that a rule stopped, or kept from beginning.
        reason: of row 5 of the verdict table; null when the exit codes alone decide.
        message: for people.
        early: when the first shard ended with 0 before the load's minimum; null when none did, and when another code decides.
        stopped: why the load was stopped; empty when it ended by itself.
        start: null for a load that never began.
        end: the end of the window; null when no end was seen.
        image_id, image_ids: of the shards, as of a deployment of the chain.
    """

    key: ClassVar[str] = "load"
    writer: ClassVar[str] = LOAD_JOB

    at: Timestamp
    job_uid: str | None
    code: WorkloadCode | None
    reason: RunReason | None
    message: str
    early: Timestamp | None = None
    stopped: str = ""
    start: Timestamp | None = None
    end: Timestamp | None = None
    shards: list[ShardStatus] = []
    image: str | None = None
    image_id: str | None = msgspec.field(default=None, name="imageID")
    image_ids: list[str] = msgspec.field(default_factory=list, name="imageIDs")

    def cooldown_end(self, seconds: int) -> float | None:
        """
        The end of the cooldown, Unix seconds; None where there is none, because the load did not end by itself with 0 or 1.

        Args:
            seconds: `spec.cooldown`.
        """
        if not seconds or self.end is None or self.stopped or self.code not in (PASSED, ASSERTION_FAILED):
            return None
        return round(parse_time(self.end) + seconds, 3)


def recorded_shards(written: Recorded) -> list[ShardStatus]:
    """The latest state of each shard: from the load's end, or before it from the key `shards`."""
    end, seen = written.get(LoadEnd), written.get(ShardsEntry)
    return (end.shards if end is not None else []) or (seen.shards if seen is not None else [])

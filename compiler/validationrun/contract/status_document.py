"""The status document of a run: what `-o json|yaml` prints, and the key `result` of the run record."""

from collections.abc import Callable
from typing import ClassVar, Literal

import msgspec

from validationrun.base import conventions
from validationrun.base.conventions import FINALIZE
from validationrun.base.document import Document
from validationrun.contract.chain_entries import DeploymentStatus
from validationrun.contract.load_entries import ShardStatus
from validationrun.contract.override import Override
from validationrun.contract.record_key import RecordKey, Timestamp
from validationrun.oracle.outcome import Phase, RunReason, Verdict


class ChainStatus(Document, frozen=True):
    """The chain of a run, once its objects exist."""

    chain_id: str
    rpc_endpoints: list[str]
    deployments: list[DeploymentStatus]


class LoadStatus(Document, frozen=True):
    """
    The load of a run.

    Attributes:
        job_name: null for a run on one machine, which has no Job.
        image_id, image_ids: of the shards, as of a deployment of the chain.
    """

    job_name: str | None
    image: str | None
    image_id: str | None = msgspec.field(name="imageID")
    shards: list[ShardStatus]
    image_ids: list[str] = msgspec.field(default_factory=list, name="imageIDs")


class QueryStatus(Document, frozen=True):
    """The last value of a query or counter rule, as Prometheus wrote it, beside what it was compared with."""

    actual_value: str | None
    threshold: str
    op: str

    def measured(self, shown: Callable[[str], str]) -> str:
        return "" if self.actual_value is None else f"{shown(self.actual_value)} {self.op} {self.threshold}"


class AlertStatus(Document, frozen=True):
    """The largest number of series for which an alert fired, and when it was last seen firing."""

    fired_count: int
    last_fired_at: Timestamp | None

    def measured(self, shown: Callable[[str], str]) -> str:
        del shown
        return f"fired for {self.fired_count} series" if self.fired_count else ""


class RuleStatus(Document, frozen=True):
    """A rule as far as it is judged; `alert` for an alert rule, else `query`."""

    name: str
    type: str
    verdict: Verdict
    reason: str | None
    message: str | None
    last_evaluated_at: Timestamp | None
    query: QueryStatus | None
    alert: AlertStatus | None

    def measured(self, shown: Callable[[str], str] = str) -> str:
        """
        What it was judged by, whatever its type; empty when nothing was measured, or an alert never fired.

        Args:
            shown: makes the last value fit for where it is shown.
        """
        bodies = (body for body in msgspec.structs.astuple(self) if isinstance(body, QueryStatus | AlertStatus))
        return "".join(body.measured(shown) for body in bodies)


class ReportStatus(Document, frozen=True):
    """Where the results were uploaded to; null without `results.s3`."""

    s3_url: str | None


class Condition(Document, frozen=True):
    """A condition as Kubernetes writes them: `True`, `False` or `Unknown`, with a reason."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str


class Status(RecordKey, frozen=True, kw_only=True):
    """
    A run as readers see it. Fields without a value are null.

    Attributes:
        reason, message: see docs/verdict.md.
        overridden: the parameters that differ from the compiled values.
        duration: whole seconds, such as `612s`.
        workload_exit_code: null without a load, without a result of it, and for a load that a rule stopped.
        failed_plan: `loadGeneration` when the load is what failed.
    """

    key: ClassVar[str] = "result"
    writer: ClassVar[str] = FINALIZE

    api_version: Literal["validation.sei.io/v1alpha1"] = conventions.API_VERSION
    kind: Literal["ValidationRunStatus"] = "ValidationRunStatus"
    name: str | None
    namespace: str
    run_id: str
    phase: Phase
    verdict: Verdict
    reason: str | None
    message: str
    spec_hash: str | None
    parameters: dict[str, str]
    overridden: list[Override] = []
    start_time: Timestamp | None
    completion_time: Timestamp | None
    duration: str | None
    chain: ChainStatus | None
    load: LoadStatus | None
    workload_exit_code: Literal[0, 1, 2] | None
    rules: list[RuleStatus]
    report: ReportStatus
    failed_plan: str | None
    conditions: list[Condition]

    @property
    def load_ended_early(self) -> bool:
        """The load ended with 0 before its time, which is an Error although the exit code is 0."""
        return any(condition.reason == RunReason.LOAD_ENDED_EARLY for condition in self.conditions)

"""`result.json`: the results of a run, with the hash of each file in its results folder."""

from typing import TYPE_CHECKING, Final, Literal

from validationrun.base import conventions
from validationrun.base.document import Document, NotNegative, UnixSeconds
from validationrun.contract.clock_check import ClockCheck
from validationrun.contract.file_hash import FileHash
from validationrun.contract.status_document import Status
from validationrun.oracle.fold import RuleState
from validationrun.oracle.question import RecordedQuestion
from validationrun.oracle.workload import Workload

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import Rule

KIND: Final = "ValidationRunResult"
FORMAT: Final = 1
IN_CLUSTER: Final = "argo"
"""The mode of a run that Argo ran."""


class JudgedWindow(Document, frozen=True):
    """
    The window as it was judged, Unix seconds.

    Attributes:
        start: null when the window never opened.
        end: null when nobody learned of it.
        stop_time, stop_rule: the failure that stopped the run; null when none did.
        interrupted: the evaluation ended before the window did, so it proves nothing.
        cooldown_end: where rules with `until: Cooldown` end, unless a stop came before; null without a cooldown.
        no_data: why no rule can pass a window of the past: Prometheus holds no samples of its beginning; null when it does.
    """

    start: UnixSeconds | None
    end: UnixSeconds | None
    stop_time: UnixSeconds | None
    stop_rule: str | None
    interrupted: bool
    cooldown_end: UnixSeconds | None = None
    no_data: str | None = None

    def end_of(self, rule: "Rule") -> float | None:
        """The end of this rule's own window."""
        lasts = self.cooldown_end is not None and rule.lasts_into_cooldown
        return self.cooldown_end if lasts else self.end


class PrometheusInfo(Document, frozen=True, omit_defaults=True):
    """The Prometheus that was asked. Without rules nothing is known of it."""

    url: str | None = None
    version: str | None = None


class ResultDocument(Document, frozen=True, kw_only=True):
    """
    A run that is over.

    Attributes:
        mode: which verb or system ran it.
        settle_seconds: how long after its evaluation time a query was asked.
        clock: how the clock of Prometheus compared with ours; empty without rules.
        versions: of the programs that judged, by name.
        workload: how the load ended, as the verdict table takes it; null without load.
        rules: in the order of the spec, as are `states`.
        notes: what a reader must know about how this was judged.
        files: every other file of the folder, by its path below the folder.
    """

    api_version: Literal["validation.sei.io/v1alpha1"] = conventions.API_VERSION
    kind: Literal["ValidationRunResult"] = KIND
    format: Literal[1] = FORMAT
    mode: Literal["run", "evaluate", "argo"]
    status: Status
    window: JudgedWindow
    settle_seconds: NotNegative
    clock: list[ClockCheck]
    prometheus: PrometheusInfo
    versions: dict[str, str]
    workload: Workload | None
    rules: list[RecordedQuestion]
    states: list[RuleState]
    notes: list[str]
    files: dict[str, FileHash] = {}

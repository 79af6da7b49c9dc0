"""The keys of rule-evaluator that come before its sign-off: `evaluator`, `window`, `rules`, `suite-ended` and `stop`."""

from typing import ClassVar

from validationrun.base.conventions import RULE_EVALUATOR
from validationrun.contract.record_key import RecordKey, Timestamp
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import RuleReason


class EvaluatorReady(RecordKey, frozen=True):
    """The evaluator is ready to judge by this Prometheus. The load's Job is created only after this."""

    key: ClassVar[str] = "evaluator"
    writer: ClassVar[str] = RULE_EVALUATOR

    ready_at: Timestamp
    prometheus: str


class WindowEntry(RecordKey, frozen=True):
    """The window as the evaluator uses it. `end` is null while a load runs that decides it."""

    key: ClassVar[str] = "window"
    writer: ClassVar[str] = RULE_EVALUATOR

    start: Timestamp
    end: Timestamp | None = None


class RuleStates(RecordKey, frozen=True):
    """Every rule as far as it is judged, in the order of the spec. A restarted evaluator goes on from here."""

    key: ClassVar[str] = "rules"
    writer: ClassVar[str] = RULE_EVALUATOR

    rules: list[RuleState]


class SuiteEnded(RecordKey, frozen=True):
    """The suite that the run is a member of is over, so the run ends as Cancelled; recorded before the load is stopped."""

    key: ClassVar[str] = "suite-ended"
    writer: ClassVar[str] = RULE_EVALUATOR

    at: Timestamp
    message: str


class StopIntent(RecordKey, frozen=True):
    """
    The failure that stops the run; recorded before the load is stopped.

    Attributes:
        t: evaluation time of the failure, Unix seconds.
        value: as Prometheus wrote it; null for a failure without a number.
    """

    key: ClassVar[str] = "stop"
    writer: ClassVar[str] = RULE_EVALUATOR

    rule: str
    t: float
    reason: RuleReason
    message: str
    value: str | None
    at: Timestamp

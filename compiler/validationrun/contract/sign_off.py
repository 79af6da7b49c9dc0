"""The key `sign-off`: rule-evaluator's proof that its evidence is complete."""

from typing import ClassVar

from validationrun.base.conventions import RULE_EVALUATOR
from validationrun.contract.clock_check import ClockCheck
from validationrun.contract.file_hash import FileHash
from validationrun.contract.record_key import RecordKey, Timestamp
from validationrun.oracle.fold import RuleState
from validationrun.oracle.summary import Summary


class SignOff(RecordKey, frozen=True):
    """
    What was judged, over which window, of which load, by which bundle. Written last.

    Attributes:
        job_uid: null for a run without load.
        node_id: of the attempt in the Workflow's status; its results are looked for there.
        start, end: the window; null where the evaluator did not learn of it.
        cooldown_end: where rules with `until: Cooldown` end; null without a cooldown.
        stop_time, stop_rule: the failure that stopped the run; null when none did.
        settle_seconds: how long after its evaluation time a query was asked.
        runner: the version of the runner.
        clock: how the clock of Prometheus compared with ours; empty without rules.
        rules: the final states, in the order of the spec.
        summaries: by rule. finalize reports in a pod of its own, and learns no more of the decisions.
        files: by path below the results folder.
        stopped: a signal ended this attempt. It proves nothing, and the next attempt replaces it.
    """

    key: ClassVar[str] = "sign-off"
    writer: ClassVar[str] = RULE_EVALUATOR

    workflow_uid: str
    job_uid: str | None
    bundle_hash: str
    start: Timestamp | None
    end: Timestamp | None
    stop_time: Timestamp | None
    stop_rule: str | None
    settle_seconds: float
    runner: str
    clock: list[ClockCheck]
    rules: list[RuleState]
    summaries: dict[str, Summary]
    files: dict[str, FileHash]
    at: Timestamp
    node_id: str = ""
    stopped: bool = False
    cooldown_end: Timestamp | None = None


def stands(sign_off: SignOff | None) -> bool:
    """Whether the evaluator has signed off; an attempt that a signal ended does not count."""
    return sign_off is not None and not sign_off.stopped

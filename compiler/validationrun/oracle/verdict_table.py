"""The verdict table: the first row that holds. Each row names its number in `docs/verdict.md`."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import Phase, RunReason, Verdict
from validationrun.oracle.workload import ASSERTION_FAILED, PASSED, Workload

LOAD_PLAN: Final = "loadGeneration"


class Facts(Struct, frozen=True):
    """
    Everything the verdict depends on.

    Attributes:
        cancelled: the run was stopped before a verdict was written.
        cancelled_how: `stopped`, `stopped with its suite`, or `interrupted` for a program that a signal ended.
        chain_reason: why the chain never came up; empty when it did. None when nothing about it was recorded.
        deadline_passed: the Workflow's own deadline.
        has_load: the spec has a load.
        workload: aggregate code; None when it was never recorded, which counts as 2 unless a rule stopped the load.
        workload_reason: the more precise reason of a 2, or empty.
        workload_early: when the first shard ended with 0 before the load's minimum, Unix seconds; None when none did.
        chain_message, workload_message: what the steps said of it, for people.
        rules: in the order of the spec; None when the evaluator left nothing at all.
        signed_off: the evaluator's sign-off is there and is this run's.
        stop_rule: the stopOnFailure rule that failed first; None when none did.
        forged: why the record's result or its seal cannot be finalize's own; empty when it can, or when there is none.
        not_stored: why the upload of the results is not proven; empty when it is, or when there is none.
    """

    cancelled: bool
    chain_reason: str | None
    deadline_passed: bool
    has_load: bool
    workload: int | None
    workload_reason: str
    rules: Sequence[RuleState] | None
    signed_off: bool
    stop_rule: str | None
    chain_message: str = ""
    workload_message: str = ""
    not_stored: str = ""
    workload_early: float | None = None
    cancelled_how: str = "stopped"
    forged: str = ""

    @classmethod
    def without_cluster(
        cls,
        rules: Sequence[RuleState],
        stop_rule: str | None,
        *,
        workload: Workload | None = None,
        interrupted: bool = False,
    ) -> "Facts":
        """
        Where no chain is brought up and nobody else decides: on one machine, over the past, in a rule test.

        Args:
            workload: None where the load counts as absent.
            interrupted: the evaluation ended before the window did.
        """
        return cls(
            cancelled=interrupted,
            cancelled_how="interrupted",
            chain_reason="",
            deadline_passed=False,
            has_load=workload is not None,
            workload=workload.code if workload is not None else None,
            workload_reason=workload.reason if workload is not None else "",
            rules=rules,
            signed_off=not interrupted,
            stop_rule=stop_rule,
            workload_message=workload.message if workload is not None else "",
            workload_early=workload.early if workload is not None else None,
        )


class RunVerdict(Struct, frozen=True):
    """Phase, reason, a sentence, and the part of the plan that failed."""

    phase: Phase
    reason: str
    message: str
    failed_plan: str | None = None

    @property
    def verdict(self) -> Verdict:
        return self.phase.verdict


# Long: one return for each row of the table, in its order.
def judge(facts: Facts) -> RunVerdict:  # noqa: C901, PLR0912 - one return for each row of the table, in its order
    """The first row that holds."""
    failed = [state for state in facts.rules or () if state.verdict == Verdict.FAILED]
    if facts.cancelled:  # row 1
        return RunVerdict(
            Phase.CANCELLED, RunReason.CANCELLED, f"the run was {facts.cancelled_how} before it had a verdict"
        )
    if facts.chain_reason != "":  # row 2
        message = facts.chain_message or "the chain never came up"
        return RunVerdict(Phase.ERROR, facts.chain_reason or RunReason.CHAIN_NOT_READY, message)
    if facts.stop_rule is not None:  # row 3
        return RunVerdict(
            Phase.FAILED, RunReason.RULE_STOP_ON_FAILURE.naming(facts.stop_rule), _told(failed, facts.stop_rule)
        )
    if facts.deadline_passed:  # row 4
        return RunVerdict(
            Phase.ERROR, RunReason.DEADLINE_EXCEEDED, "the Workflow's own deadline passed" + _also(failed)
        )
    if facts.has_load and (fault := _load_fault(facts, failed)) is not None:  # row 5
        return fault
    if facts.has_load and facts.workload == ASSERTION_FAILED:  # row 6
        message = _load_words(facts, "an assertion of the workload failed") + _also(failed)
        return RunVerdict(Phase.FAILED, RunReason.WORKLOAD_FAILED, message, LOAD_PLAN)
    if failed:  # row 7
        first = min(failed, key=lambda state: state.failed_t or 0.0)
        return RunVerdict(Phase.FAILED, RunReason.RULE_FAILED.naming(first.name), _told(failed, first.name))
    if facts.forged:  # row 8
        return RunVerdict(Phase.ERROR, RunReason.RECORD_FORGED, facts.forged)
    if not facts.signed_off or facts.rules is None:  # row 8, too
        return RunVerdict(
            Phase.ERROR, RunReason.EVALUATOR_LOST, "the evaluator's evidence is missing, or is not this run's"
        )
    if facts.not_stored:  # row 8, too
        return RunVerdict(Phase.ERROR, RunReason.RESULTS_NOT_STORED, facts.not_stored)
    if facts.rules and all(state.refused for state in facts.rules):  # row 9
        return RunVerdict(
            Phase.ERROR, RunReason.ALL_RULES_UNRESOLVED, "every rule's reference was refused" + _errors(facts.rules)
        )
    if all(state.verdict == Verdict.PASSED for state in facts.rules):  # row 10
        return RunVerdict(Phase.SUCCEEDED, RunReason.RUN_SUCCEEDED, _success(facts))
    if any(state.verdict == Verdict.ERROR for state in facts.rules):  # row 11
        return RunVerdict(Phase.ERROR, RunReason.RULE_ERROR, "not every rule could be answered" + _errors(facts.rules))
    return RunVerdict(Phase.ERROR, RunReason.UNKNOWN, "no row of the verdict table fits")  # row 12


def _load_fault(facts: Facts, failed: Sequence[RuleState]) -> RunVerdict | None:
    """Row 5: a 2, or a 0 that came early before any rule had failed, because a breach without load proves little."""
    if facts.workload not in (PASSED, ASSERTION_FAILED):
        reason = facts.workload_reason or RunReason.WORKLOAD_INFRA_FAILURE
        message = _load_words(facts, "the load had a fault of its own") + _also(failed)
        return RunVerdict(Phase.ERROR, reason, message, LOAD_PLAN)
    early = facts.workload_early
    if facts.workload != PASSED or early is None or any((state.failed_t or 0.0) <= early for state in failed):
        return None
    message = _load_words(facts, "the load ended early") + _also(failed)
    return RunVerdict(Phase.ERROR, RunReason.LOAD_ENDED_EARLY, message, LOAD_PLAN)


def _load_words(facts: Facts, words: str) -> str:
    return f"{words}: {facts.workload_message}" if facts.workload_message else words


def _success(facts: Facts) -> str:
    count = len(facts.rules or ())
    held = "the rule held" if count == 1 else f"all {count} rules held"
    if not facts.has_load:
        return held if count else "nothing was asked"
    return f"the workload passed and {held}" if count else "the workload passed; there were no rules"


def _told(failed: Sequence[RuleState], name: str) -> str:
    """The named rule's own words first, then the others' names."""
    first = next((state for state in failed if state.name == name), None)
    others = [state for state in failed if state.name != name]
    text = f"rule {name}: {first.message}" if first and first.message else f"rule {name} failed"
    return text + (_also(others) if others else "")


def _also(failed: Sequence[RuleState]) -> str:
    return "; failed rules: " + ", ".join(state.name for state in failed) if failed else ""


def _errors(states: Sequence[RuleState]) -> str:
    """Each cause once, after the names of all rules that have it: a Prometheus that is away is one cause."""
    rules_by_cause: dict[str, list[str]] = {}
    for state in states:
        if state.verdict == Verdict.ERROR:
            rules_by_cause.setdefault(f"{state.reason} ({_explained(state)})", []).append(state.name)
    causes = [f"{', '.join(names)} {cause}" for cause, names in rules_by_cause.items()]
    return f": {'; '.join(causes)}" if causes else ""


def _explained(state: RuleState) -> str:
    return f"{state.message}: {state.why}" if state.why else state.message

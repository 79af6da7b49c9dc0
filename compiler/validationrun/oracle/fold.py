"""
The rules of a run, folded from decisions: a pure function of rules, window and decisions.

Decisions are folded in the order of their evaluation time, then of the spec, whatever order their answers came in.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from validationrun.base.document import Document, UnixSeconds
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.outcome import REFUSED, RuleReason, Verdict
from validationrun.oracle.ticks import opening_seconds

if TYPE_CHECKING:
    # The steps that only read states start without what decides.
    from validationrun.oracle.decision import Decision
    from validationrun.spec.v1alpha1 import Rule


class RuleState(Document, frozen=True, forbid_unknown_fields=True, rename="lower"):
    """
    A rule after some of its decisions. Its JSON keys are the names of the fields; a reader refuses any other key, because a
    state that is read in part could pass a rule that a newer version failed.

    Attributes:
        verdict: Failed is final; Error only once `exhausted` or at the end.
        reason: of the verdict, or of the last error that is still tolerated; empty after a good answer.
        last_t: evaluation time of the last decision folded, or None.
        errors: consecutive errors.
        exhausted: more consecutive errors than tolerated: it can still become Failed, never Passed.
        answered: it had a good answer.
        refused: its first decision was that the reference is refused.
        failed_t: evaluation time of the first Failed.
        value: of the last decision that had one.
        fired: largest number of series for which an alert fired.
        fired_t: evaluation time of the last decision that found it firing.
        swept: its final sweep had a good answer.
        due: the ticks at which an answer was due.
        covered: the ticks of those that had one.
        memory: what the rule remembers for its next decision.
        why: what explains its empty answers, for people.
    """

    name: str
    verdict: Verdict = Verdict.AWAITED
    reason: RuleReason = RuleReason.NONE
    message: str = ""
    last_t: UnixSeconds | None = None
    errors: int = 0
    exhausted: bool = False
    answered: bool = False
    refused: bool = False
    failed_t: UnixSeconds | None = None
    value: str | None = None
    fired: int = 0
    fired_t: UnixSeconds | None = None
    swept: bool = False
    why: str = ""
    due: int = 0
    covered: int = 0
    memory: Memory = NOTHING_REMEMBERED


_PATIENT: Final = frozenset({RuleReason.NO_SAMPLES, RuleReason.NAN})
"""Until a rule was answered, these do not count against its retry."""

INTERRUPTED: Final = "interrupted before the window's end"


def fold(state: RuleState, decision: "Decision", retry: int) -> RuleState:
    """One more decision of this rule, later than all before."""
    first = state.last_t is None
    due, covered = _coverage(state, decision)
    change: dict[str, Any] = {"last_t": decision.t, "memory": decision.memory, "due": due, "covered": covered}
    if decision.value is not None:
        change["value"] = decision.value
    if decision.count:
        change.update(fired=max(state.fired, decision.count), fired_t=decision.t)
    if first and decision.reason in REFUSED:
        change["refused"] = True
    if decision.why:
        change["why"] = decision.why
    if decision.verdict == Verdict.ERROR:
        change.update(_error(state, decision, retry))
    elif decision.verdict == Verdict.AWAITED:
        if state.verdict == Verdict.AWAITED and not state.errors:
            change.update(reason=decision.reason, message=decision.message)
    else:
        change.update(errors=0, answered=True, swept=decision.final)
        if state.verdict != Verdict.FAILED and decision.verdict == Verdict.FAILED:
            change.update(
                verdict=Verdict.FAILED, reason=decision.reason, message=decision.message, failed_t=decision.t, why=""
            )
        elif state.verdict != Verdict.FAILED and not state.exhausted:
            change.update(verdict=Verdict.PASSED, reason=RuleReason.NONE, message=decision.message, why="")
    return replace(state, **change)


def _coverage(state: RuleState, decision: "Decision") -> tuple[int, int]:
    """The ticks that were due and those that were covered, after a decision."""
    # A restarted evaluator takes over the failure for which it stopped the run, and asks the same tick again.
    repeated = decision.t == state.last_t
    # An alert's first evaluation is awaited for two intervals at most; series may be awaited for all the window.
    excused = decision.verdict == Verdict.AWAITED and decision.reason != RuleReason.SERIES_MISSING
    if decision.final or excused or repeated:
        return state.due, state.covered
    covered = decision.verdict in (Verdict.PASSED, Verdict.FAILED)
    if decision.warming_up and not covered and not state.answered:
        return state.due, state.covered
    return state.due + 1, state.covered + covered


def _error(state: RuleState, decision: "Decision", retry: int) -> dict[str, Any]:
    """What an error changes."""
    if decision.reason in _PATIENT and not state.answered and not decision.final:
        # The load has to warm up: a ratio of two counters that do not count yet is NaN. At the end it is an Error.
        return {} if _decided(state) else {"reason": decision.reason, "message": decision.message}
    errors = state.errors + 1
    if _decided(state):
        return {"errors": errors}
    change: dict[str, Any] = {"errors": errors, "reason": decision.reason, "message": decision.message}
    if errors > retry or decision.final:
        change.update(verdict=Verdict.ERROR, exhausted=True)
    return change


def _decided(state: RuleState) -> bool:
    return state.exhausted or state.verdict == Verdict.FAILED


def close(
    state: RuleState,
    rule: "Rule",
    *,
    stopped: bool,
    ended: bool = True,
    load_s: float = math.inf,
    interrupted: bool = False,
) -> RuleState:
    """
    The rule's verdict once no more decisions come. What was never proved is an Error.

    Args:
        stopped: a rule stopped the run, so that there was no final sweep.
        ended: the window's end is known.
        load_s: how many seconds of the window of a rule that goes on into the cooldown lay under load.
        interrupted: somebody ended the evaluation before the window's end. A rule that is not decided then stays Awaited,
            because nothing is wrong with its answers.
    """
    if interrupted and not state.swept and not _decided(state):
        return replace(state, verdict=Verdict.AWAITED, reason=RuleReason.NONE, message=INTERRUPTED)
    if state.errors and state.verdict in (Verdict.AWAITED, Verdict.PASSED):
        # Tolerated so far, but no good answer came that would have cleared it.
        return replace(state, verdict=Verdict.ERROR)
    if state.verdict == Verdict.AWAITED:
        message = state.message if state.reason else "the rule was never answered"
        return replace(state, verdict=Verdict.ERROR, reason=RuleReason.NO_SAMPLES, message=message)
    unswept = rule.run_properties.final_sweep and not state.swept
    if state.verdict == Verdict.PASSED and not stopped and (unswept or not ended):
        # Nobody saw the window's end: what was good until then proves nothing.
        return replace(
            state, verdict=Verdict.ERROR, reason=RuleReason.NO_SAMPLES, message="the window's end is not known"
        )
    return _judged_enough(state, rule, load_s) if state.verdict == Verdict.PASSED else state


def _judged_enough(state: RuleState, rule: "Rule", load_s: float) -> RuleState:
    """A rule that was good so far; an Error when it saw too little of the run."""
    if rule.lasts_into_cooldown and load_s < opening_seconds(rule):
        # Judged in the cooldown alone: it was good without load, which is not what the run is about.
        message = (
            f"the load ends {load_s:.0f}s after the window's start; the rule needs {opening_seconds(rule)}s of load"
        )
        return replace(state, verdict=Verdict.ERROR, reason=RuleReason.WINDOW_TOO_SHORT, message=message)
    if not _is_covered(state, rule):
        least = f"{Decimal(rule.run_properties.min_coverage):.0%}"
        message = f"answered at {state.covered} of {state.due} ticks; at least {least} must be"
        return replace(state, verdict=Verdict.ERROR, reason=RuleReason.LOW_COVERAGE, message=message)
    return state


def _is_covered(state: RuleState, rule: "Rule") -> bool:
    """Whether enough ticks had an answer. One missing tick is always tolerated."""
    return state.covered + 1 >= Decimal(rule.run_properties.min_coverage) * state.due


def _is_of(decision: "Decision", rules: Collection[str] | None) -> bool:
    return rules is None or decision.rule in rules


class Fold(Struct, dict=True):
    """
    All rules of a run, fed with decisions in any order and folded in the right one.

    A decision is folded once no earlier decision can come any more (`settled_until`), and only when it lies before the
    window's end and not after the stop. A decision that is not folded is evidence only.
    """

    rules: "Sequence[Rule]"
    states: dict[str, RuleState]
    stop_time: float | None = None
    stop_rule: str | None = None
    pending: "list[Decision]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self._order = {rule.name: index for index, rule in enumerate(self.rules)}
        self._retry = {rule.name: rule.run_properties.retry for rule in self.rules}
        self._stopping = {rule.name for rule in self.rules if rule.run_properties.stop_on_failure}

    @classmethod
    def begin(cls, rules: "Sequence[Rule]", states: Iterable[RuleState] = ()) -> "Fold":
        """From the start, or from what a run record holds."""
        known = {state.name: state for state in states}
        fold_ = cls(rules, {rule.name: known.get(rule.name, RuleState(rule.name)) for rule in rules})
        failed = [
            (state.failed_t, index)
            for index, state in enumerate(fold_.states.values())
            if state.name in fold_._stopping and state.failed_t is not None
        ]
        if failed:
            t, index = min(failed)
            fold_.stop_time, fold_.stop_rule = t, rules[index].name
        return fold_

    def add(self, decision: "Decision") -> None:
        self.pending.append(decision)

    def advance(self, settled_until: float) -> "list[tuple[Decision, bool]]":
        """
        Folds every pending decision with T <= settled_until, in order.

        Args:
            settled_until: every decision up to here is among the pending, and the window was open until here.

        Returns:
            Those decisions, and whether each counted: what is later than the stop does not.
        """
        ready = [decision for decision in self.pending if decision.t <= settled_until]
        if not ready:
            return []
        self.pending = [decision for decision in self.pending if decision.t > settled_until]
        ready.sort(key=lambda decision: (decision.t, self._order[decision.rule]))
        return [(decision, self._take(decision)) for decision in ready]

    def _take(self, decision: "Decision") -> bool:
        if self.stop_time is not None and decision.t > self.stop_time:
            return False
        name = decision.rule
        state = self.states[name] = fold(self.states[name], decision, self._retry[name])
        # Decisions come in the order of T, then of the spec: the first failure of a stopping rule is the stop.
        if self.stop_time is None and state.failed_t is not None and name in self._stopping:
            self.stop_time, self.stop_rule = state.failed_t, name
        return True

    def skip(self, rule: str, passed: int) -> None:
        """Counts ticks that passed and were left out, because their decisions change nothing else."""
        state = self.states[rule]
        self.states[rule] = replace(state, due=state.due + passed, covered=state.covered + passed)

    def drop(self, since: float = -math.inf, rules: Collection[str] | None = None) -> "list[Decision]":
        """
        Takes out the pending decisions at or after this time, for instance those after the window's end.

        Args:
            rules: of these rules alone; None for all.
        """
        dropped = [decision for decision in self.pending if decision.t >= since and _is_of(decision, rules)]
        self.pending = [decision for decision in self.pending if decision.t < since or not _is_of(decision, rules)]
        return dropped

    def verdicts(self) -> dict[str, Verdict]:
        return {name: state.verdict for name, state in self.states.items()}

    def closed(self, *, ended: bool = True, load_s: float = math.inf, interrupted: bool = False) -> list[RuleState]:
        """
        Every rule's last word, in the order of the spec.

        Args:
            ended: the window's end is known.
            load_s: how many seconds the load lasted before a cooldown; infinite where there was none.
            interrupted: somebody ended the evaluation before the window's end.
        """
        stopped = self.stop_time is not None
        return [
            close(self.states[rule.name], rule, stopped=stopped, ended=ended, load_s=load_s, interrupted=interrupted)
            for rule in self.rules
        ]

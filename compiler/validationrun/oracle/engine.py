"""
The rules of a run, folded from decisions: a pure function of rules, window and decisions.

Decisions are folded in the order of their evaluation time, then of the spec, whatever order their answers came in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from validationrun.api.v1alpha1 import Rule
from validationrun.oracle.answers import NO_SAMPLES, REFUSED, Decision, Verdict

AWAITED: Final = "Awaited"


@dataclass(frozen=True, slots=True)
class RuleState:
    """
    A rule after some of its decisions.

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
    """

    name: str
    verdict: Verdict = "Awaited"
    reason: str = ""
    message: str = ""
    last_t: float | None = None
    errors: int = 0
    exhausted: bool = False
    answered: bool = False
    refused: bool = False
    failed_t: float | None = None
    value: str | None = None
    fired: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def fold(state: RuleState, decision: Decision, retry: int) -> RuleState:
    """One more decision of this rule, later than all before."""
    first = state.last_t is None
    state = replace(
        state,
        last_t=decision.t,
        value=decision.value if decision.value is not None else state.value,
        fired=max(state.fired, decision.count),
        refused=decision.reason in REFUSED if first else state.refused,
    )
    if state.verdict == "Failed":
        return state
    if decision.verdict == "Failed":
        return replace(
            state,
            verdict="Failed",
            reason=decision.reason,
            message=decision.message,
            failed_t=decision.t,
            answered=True,
        )
    if decision.verdict == "Error":
        return _fold_error(state, decision, retry)
    state = replace(state, errors=0, answered=True)
    if state.exhausted:
        return state
    return replace(state, verdict="Passed", reason="", message=decision.message)


def _fold_error(state: RuleState, decision: Decision, retry: int) -> RuleState:
    if state.exhausted:
        return replace(state, errors=state.errors + 1)
    warming_up = decision.reason == NO_SAMPLES and not state.answered
    if warming_up and not decision.final:
        # The load has to warm up; what is still so at the end is an Error then.
        return replace(state, reason=decision.reason, message=decision.message)
    errors = state.errors + 1
    exhausted = errors > retry or decision.final
    return replace(
        state,
        verdict="Error" if exhausted else state.verdict,
        reason=decision.reason,
        message=decision.message,
        errors=errors,
        exhausted=exhausted,
    )


def close(state: RuleState) -> RuleState:
    """The rule's verdict once no more decisions come: what never had a good answer is an Error."""
    if state.verdict == "Awaited":
        message = state.message if state.reason else "the rule was never answered"
        return replace(state, verdict="Error", reason=NO_SAMPLES, message=message)
    return state


def ticks(rule: Rule, start: float, after: float) -> Iterator[float]:
    """Evaluation times `start + k * interval`, k >= 1, later than `after` and not before startAfter; without end."""
    interval = int(rule.run_properties.interval)
    opens = start + int(rule.run_properties.start_after)
    k = 1
    if after > start:
        k = max(1, int((after - start) // interval))
    while True:
        t = start + k * interval
        if t > after and t >= opens:
            yield t
        k += 1


@dataclass
class Fold:
    """
    All rules of a run, fed with decisions in any order and folded in the right one.

    A decision is folded once no earlier one can come any more (`settled_until`), and only when it lies before the window's
    end and not after the stop. What is not folded yet is evidence only.
    """

    rules: Sequence[Rule]
    states: dict[str, RuleState]
    stop_time: float | None = None
    stop_rule: str | None = None
    pending: list[Decision] = field(default_factory=list)

    @classmethod
    def begin(cls, rules: Sequence[Rule], states: Iterable[RuleState] = ()) -> "Fold":
        """From the start, or from what a run record holds."""
        known = {state.name: state for state in states}
        fold_ = cls(rules, {rule.name: known.get(rule.name, RuleState(rule.name)) for rule in rules})
        fold_._find_stop()
        return fold_

    def add(self, decision: Decision) -> None:
        self.pending.append(decision)

    def advance(self, settled_until: float) -> bool:
        """
        Folds every pending decision with T <= settled_until. True when a verdict changed.

        Args:
            settled_until: every decision up to here is among the pending, and the window was open until here.
        """
        order = {rule.name: index for index, rule in enumerate(self.rules)}
        ready = sorted(
            (one for one in self.pending if one.t <= settled_until), key=lambda one: (one.t, order[one.rule])
        )
        self.pending = [one for one in self.pending if one.t > settled_until]
        before = {name: state.verdict for name, state in self.states.items()}
        for decision in ready:
            if self.stop_time is not None and decision.t > self.stop_time:
                continue
            rule = self.rules[order[decision.rule]]
            self.states[rule.name] = fold(self.states[rule.name], decision, rule.run_properties.retry)
            self._find_stop()
        return before != {name: state.verdict for name, state in self.states.items()}

    def closed(self) -> list[RuleState]:
        """Every rule's last word, in the order of the spec."""
        return [close(self.states[rule.name]) for rule in self.rules]

    def _find_stop(self) -> None:
        """The first Failed of a stopOnFailure rule: lowest T, then the order of the spec."""
        failed = [
            (t, index)
            for index, rule in enumerate(self.rules)
            if rule.run_properties.stop_on_failure and (t := self.states[rule.name].failed_t) is not None
        ]
        if failed:
            t, index = min(failed)
            self.stop_time, self.stop_rule = t, self.rules[index].name

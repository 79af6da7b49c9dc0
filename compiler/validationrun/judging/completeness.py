"""
Checks that the evidence of a run is complete: counts the ticks that the contract demands, from the rules and the window alone.

Decides no verdict: a run with a hole in its evidence proves nothing, whatever its verdict.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from validationrun.contract.result_json import IN_CLUSTER
from validationrun.oracle.evidence import Entry, RuleEvidence
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.ticks import ticks
from validationrun.oracle.workload import PASSED
from validationrun.results.folder import Result
from validationrun.spec.v1alpha1 import Rule

_MOST_NAMED: Final = 5
_WITH_LOAD: Final = {"run": True, "evaluate": False, IN_CLUSTER: None}
"""By mode: whether the run has a load; None when both are possible."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    The window of a rule, Unix seconds.

    Attributes:
        swept: the run reached the rule's final sweep.
    """

    start: float
    end: float | None
    stop: float | None
    swept: bool

    @classmethod
    def of(cls, result: Result, rule: Rule) -> "Self | None":
        """The bounds; None when the window never opened."""
        window = result.document.window
        end, stop = window.end_of(rule), window.stop_time
        if window.start is None:
            return None
        # A stop in the cooldown comes after the final sweep of the rules that end with the load.
        ends_with_load = window.cooldown_end is not None and end == window.end
        swept = end is not None and (
            stop is None or (ends_with_load and stop >= end) or (stop == end and _stopped_in_sweep(result))
        )
        return cls(window.start, end, stop, swept=swept)

    def holds(self, t: float) -> bool:
        """Whether a tick at T counts."""
        if self.stop is not None and not self.swept:
            return t <= self.stop
        return self.end is not None and t < self.end


def _stopped_in_sweep(result: Result) -> bool:
    window = result.document.window
    evidence = result.evidence.get(window.stop_rule) if window.stop_rule is not None else None
    entries = evidence.entries if evidence is not None else []
    return any(entry.counted and entry.final and entry.t == window.stop_time for entry in entries)


def since_resume(evidence: RuleEvidence) -> Sequence[Entry]:
    """The entries of the attempt that signed off."""
    return evidence.entries if evidence.resumed is None else evidence.entries[evidence.resumed[1] :]


def holes(result: Result) -> Iterator[str]:
    """A line for each missing or unexpected item."""
    yield from _names(result)
    yield from _load(result)
    for question in result.questions:
        yield from _question(question)
        # Only a run in a cluster resumes; a run on one machine ends with its process.
        if result.evidence[question.rule.name].resumed is not None and result.document.mode != IN_CLUSTER:
            yield f"rule {question.rule.name}: goes on from a record, which a run on one machine never does"
    if result.document.window.interrupted:
        # An interrupted run may end at any tick and is at most Cancelled.
        return
    for question in result.questions:
        bounds = Bounds.of(result, question.rule)
        entries = since_resume(result.evidence[question.rule.name])
        if bounds is None:
            if entries:
                yield f"rule {question.rule.name}: has decisions, and the window never opened"
        else:
            yield from _rule(question, result.evidence[question.rule.name], bounds)


def _names(result: Result) -> Iterator[str]:
    """The result names the same rules in every place."""
    document = result.document
    names = [question.rule.name for question in result.questions]
    if not names and document.workload is None:
        yield "the result has neither rules nor a workload: nothing was judged"
    if len(set(names)) != len(names):
        yield "two rules have one name"
    states, statuses = [state.name for state in document.states], [rule.name for rule in document.status.rules]
    for what, others in (("states", states), ("status", statuses)):
        if others != names:
            yield f"rules: {names} with their queries, {others} in the {what}"


def _load(result: Result) -> Iterator[str]:
    """Compares the workload with the mode and the status, because a result without its load would hide the load's failure."""
    document = result.document
    workload, status, mode = document.workload, document.status, document.mode
    if _WITH_LOAD[mode] is not None and _WITH_LOAD[mode] != (workload is not None):
        yield f"workload: {'absent' if workload is None else 'present'} in the result of mode {mode}"
    code = None if workload is None else workload.code
    # The status does not show a load that never had a Job, and no run passes with such a load.
    never_began = mode == IN_CLUSTER and workload is not None and code != PASSED
    if (workload is None) != (status.load is None) and not never_began:
        yield f"workload: {'absent' if workload is None else 'present'} in the result, not so in the status"
    if code != status.workload_exit_code:
        yield f"workload: code {code} in the result, {status.workload_exit_code} in the status"


def _question(question: Question) -> Iterator[str]:
    """Compares the recorded query with the query of the rule."""
    own = Question.of(question.rule, question.values, question.expected)
    if (own.promql, own.places) != (question.promql, question.places):
        yield f"rule {question.rule.name}: its query is not the one that it was written with"


def _rule(question: Question, evidence: RuleEvidence, bounds: Bounds) -> Iterator[str]:
    name = question.rule.name
    entries = since_resume(evidence)
    counted = [entry for entry in entries if entry.counted]
    resumed = evidence.resumed[0].last_t if evidence.resumed is not None else None
    if bounds.end is None and bounds.stop is None:
        if counted:
            yield f"rule {name}: has decisions that count, and the window's end is not known"
        return
    after = bounds.start if resumed is None else max(bounds.start, resumed)
    expected = list(itertools.takewhile(bounds.holds, ticks(question.rule, bounds.start, after)))
    yield from _compare(name, expected, _asked_ticks(counted))
    yield from _order(name, counted)
    yield from _sweep(question, entries, bounds)
    for entry in entries:
        if not entry.counted and not entry.final and bounds.holds(entry.t):
            yield f"rule {name} at {entry.t}: lies in the window and does not count"


def _asked_ticks(counted: Sequence[Entry]) -> list[float]:
    """
    The ticks that were asked. A tick that only the run record kept is left out when it was asked again.

    A restarted evaluator takes over the failure for which it stopped the run, and asks the same tick again.
    """
    ticked = [entry for entry in counted if not entry.final]
    asked = {entry.t for entry in ticked if entry.exchange is not None}
    return [entry.t for entry in ticked if entry.exchange is not None or entry.t not in asked]


def _compare(name: str, expected: Sequence[float], found: Sequence[float]) -> Iterator[str]:
    due, present = Counter(expected), Counter(found)
    for what, times in (
        ("no decision", due - present),
        ("a decision too many", present - due),
    ):
        if times:
            listed = sorted(times.elements())
            named = ", ".join(str(t) for t in listed[:_MOST_NAMED])
            more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
            yield f"rule {name}: {what} at {named}{more}"


def _order(name: str, counted: Sequence[Entry]) -> Iterator[str]:
    if any(later.t < earlier.t for earlier, later in itertools.pairwise(counted)):
        yield f"rule {name}: its decisions are not in the order of time"


def _sweep(question: Question, entries: Sequence[Entry], bounds: Bounds) -> Iterator[str]:
    """The final sweep: exactly one decision at the window's end counts, and every earlier attempt was an Error."""
    name = question.rule.name
    finals = [entry for entry in entries if entry.final]
    counted = [entry for entry in finals if entry.counted]
    due = bounds.swept and question.rule.run_properties.final_sweep
    if not due:
        if finals:
            yield f"rule {name}: has a final sweep that could not be"
        return
    if len(counted) != 1 or counted[0].t != bounds.end or entries[-1] is not counted[0]:
        yield f"rule {name}: its final sweep at {bounds.end} is not there, or not once, or not last"
    for entry in finals:
        if not entry.counted and (entry.verdict != Verdict.ERROR or entry.t != bounds.end):
            yield f"rule {name}: the final sweep was answered {entry.verdict} at {entry.t}, and that does not count"
    if len(finals) > question.rule.run_properties.retry + 1:
        yield f"rule {name}: the final sweep was asked {len(finals)} times, more often than its retry allows"


def resumed_rules(result: Result) -> list[str]:
    """A line for each rule that resumed from the run record: the time from which its evidence is judged."""
    return [
        f"rule {name} is judged from {evidence.resumed[0].last_t} on; what was before is the run record's word"
        for name, evidence in result.evidence.items()
        if evidence.resumed is not None
    ]

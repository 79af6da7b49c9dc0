"""
Is the evidence of a run whole? What the contract demands is counted here again, from the rules and the window alone.

Nothing is decided here: a run whose evidence has a hole may say what it wants.
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

_MOST_NAMED: Final = 5
_WITH_LOAD: Final = {"run": True, "evaluate": False, IN_CLUSTER: None}
"""By mode: whether there is a load; None where both may be."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    The window as the result has it, Unix seconds.

    Attributes:
        swept: it came to the final sweep.
    """

    start: float
    end: float | None
    stop: float | None
    swept: bool

    @classmethod
    def of(cls, result: Result) -> "Self | None":
        """None for a window that never opened."""
        window = result.document.window
        start, end, stop = window.start, window.end, window.stop_time
        if start is None:
            return None
        return cls(start, end, stop, swept=end is not None and (stop is None or _stopped_in_sweep(result)))

    def holds(self, t: float) -> bool:
        """Whether a tick at T counts."""
        if self.stop is not None and not self.swept:
            return t <= self.stop
        return self.end is not None and t < self.end


def _stopped_in_sweep(result: Result) -> bool:
    window = result.document.window
    found = result.evidence.get(window.stop_rule) if window.stop_rule is not None else None
    entries = found.entries if found is not None else []
    return any(one.counted and one.final and one.t == window.stop_time for one in entries)


def since_resume(evidence: RuleEvidence) -> Sequence[Entry]:
    """The entries of the attempt that signed off."""
    return evidence.entries if evidence.resumed is None else evidence.entries[evidence.resumed[1] :]


def holes(result: Result) -> Iterator[str]:
    """A line for everything that is missing, or there and should not be."""
    yield from _names(result)
    yield from _load(result)
    for question in result.questions:
        yield from _question(question)
        # Elsewhere a run ends with its process.
        if result.evidence[question.rule.name].resumed is not None and result.document.mode != IN_CLUSTER:
            yield f"rule {question.rule.name}: goes on from a record, which a run on one machine never does"
    if result.document.window.interrupted:
        # It may break off anywhere, and can be no more than Cancelled.
        return
    bounds = Bounds.of(result)
    for question in result.questions:
        entries = since_resume(result.evidence[question.rule.name])
        if bounds is None:
            if entries:
                yield f"rule {question.rule.name}: has decisions, and the window never opened"
        else:
            yield from _rule(question, result.evidence[question.rule.name], bounds)


def _names(result: Result) -> Iterator[str]:
    """The rules are the same wherever the result names them."""
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
    """A load that is left out would leave out its failure."""
    document = result.document
    workload, status, mode = document.workload, document.status, document.mode
    if _WITH_LOAD[mode] is not None and _WITH_LOAD[mode] != (workload is not None):
        yield f"workload: {'absent' if workload is None else 'present'} in the result of mode {mode}"
    code = None if workload is None else workload.code
    # A load that never had a Job is one that no status shows, and that no run passes with.
    never_began = mode == IN_CLUSTER and workload is not None and code != PASSED
    if (workload is None) != (status.load is None) and not never_began:
        yield f"workload: {'absent' if workload is None else 'present'} in the result, not so in the status"
    if code != status.workload_exit_code:
        yield f"workload: code {code} in the result, {status.workload_exit_code} in the status"


def _question(question: Question) -> Iterator[str]:
    """The query is the one that the rule stands for."""
    own = Question.of(question.rule, question.values)
    if (own.promql, own.places) != (question.promql, question.places):
        yield f"rule {question.rule.name}: its query is not the one that it was written with"


def _rule(question: Question, evidence: RuleEvidence, bounds: Bounds) -> Iterator[str]:
    name = question.rule.name
    entries = since_resume(evidence)
    counted = [one for one in entries if one.counted]
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
    for one in entries:
        if not one.counted and not one.final and bounds.holds(one.t):
            yield f"rule {name} at {one.t}: lies in the window and does not count"


def _asked_ticks(counted: Sequence[Entry]) -> list[float]:
    """
    Without what only the record kept: a restarted evaluator takes over the failure for which it stopped the run,
    and asks the same tick again.
    """
    ticked = [one for one in counted if not one.final]
    asked = {one.t for one in ticked if one.exchange is not None}
    return [one.t for one in ticked if one.exchange is not None or one.t not in asked]


def _compare(name: str, expected: Sequence[float], found: Sequence[float]) -> Iterator[str]:
    due, there = Counter(expected), Counter(found)
    for what, times in (
        ("no decision", due - there),
        ("a decision too many", there - due),
    ):
        if times:
            listed = sorted(times.elements())
            words = ", ".join(str(t) for t in listed[:_MOST_NAMED])
            more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
            yield f"rule {name}: {what} at {words}{more}"


def _order(name: str, counted: Sequence[Entry]) -> Iterator[str]:
    if any(later.t < earlier.t for earlier, later in itertools.pairwise(counted)):
        yield f"rule {name}: its decisions are not in the order of time"


def _sweep(question: Question, entries: Sequence[Entry], bounds: Bounds) -> Iterator[str]:
    """One decision at the window's end counts, and every answer before it was an Error."""
    name = question.rule.name
    finals = [one for one in entries if one.final]
    counted = [one for one in finals if one.counted]
    due = bounds.swept and question.rule.run_properties.final_sweep
    if not due:
        if finals:
            yield f"rule {name}: has a final sweep that could not be"
        return
    if len(counted) != 1 or counted[0].t != bounds.end or entries[-1] is not counted[0]:
        yield f"rule {name}: its final sweep at {bounds.end} is not there, or not once, or not last"
    for one in finals:
        if not one.counted and (one.verdict != Verdict.ERROR or one.t != bounds.end):
            yield f"rule {name}: the final sweep was answered {one.verdict} at {one.t}, and that does not count"
    if len(finals) > question.rule.run_properties.retry + 1:
        yield f"rule {name}: the final sweep was asked {len(finals)} times, more often than its retry allows"


def resumed_rules(result: Result) -> list[str]:
    """For each rule that goes on from a record: since when it is judged here."""
    return [
        f"rule {name} is judged from {found.resumed[0].last_t} on; what was before is the run record's word"
        for name, found in result.evidence.items()
        if found.resumed is not None
    ]

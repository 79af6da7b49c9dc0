"""
Judges a live run once more by the history of its Prometheus, and lists the ticks that differ.

Both agree when every live tick was answered and the history has not changed since.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.judging.backtest.client import HistoryError, Past
from validationrun.judging.backtest.compact_answer import CompactAnswer
from validationrun.judging.backtest.decide import Decider
from validationrun.judging.backtest.fetch import ask_window, fill
from validationrun.judging.backtest.further import further_of, observed_at
from validationrun.judging.backtest.windows import Period
from validationrun.judging.completeness import since_resume
from validationrun.judging.replay import facts_of, fold_of, states_of
from validationrun.oracle.decision import Decision, Silence
from validationrun.oracle.evidence import Entry
from validationrun.oracle.exchange import Fault
from validationrun.oracle.fold import Fold
from validationrun.oracle.memory import Memory
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of
from validationrun.oracle.verdict_table import RunVerdict, judge
from validationrun.results.folder import Result

_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError)

LAST_DIGIT: Final = 1e-12
"""The largest relative difference of two values that differ in their last digit alone."""

Judged = tuple[str, str, str | None]
"""Verdict, reason and value of one decision."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A tick that history answers in another way than it was answered live."""

    rule: str
    t: float
    final: bool
    then: Judged
    now: Judged

    @property
    def is_last_digit(self) -> bool:
        """
        Whether only the last digit of the value differs.

        Prometheus adds floats in another order once its newest data have become a block.
        """
        if self.then[:2] != self.now[:2] or self.then[2] is None or self.now[2] is None:
            return False
        return math.isclose(float(self.then[2]), float(self.now[2]), rel_tol=LAST_DIGIT)


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    Attributes:
        ticks: the ticks that differ, in the order of time.
        compared: number of ticks that were compared.
        verdict: of the run, by history.
        others: a line for each other difference.
    """

    ticks: list[Difference]
    compared: int
    verdict: RunVerdict
    others: list[str]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs but the last digit of values."""
        return all(tick.is_last_digit for tick in self.ticks) and not self.others


def compare_with_backtest(result: Result, past: Past) -> list[Difference]:
    """The ticks that count and differ. Raises what `compare` raises."""
    return compare(result, past).ticks


def compare(result: Result, past: Past, *, instant: bool = False) -> Comparison:
    """
    Asks again for every tick that counted live.

    Args:
        instant: use an instant query for each tick.

    Raises:
        HistoryError: the run has no window, or Prometheus is gone.
    """
    try:
        return _compare(result, past, instant=instant)
    except _UNREADABLE as error:
        raise HistoryError(f"the result is not as it was written: {type(error).__name__}: {error}") from None


def _compare(result: Result, past: Past, *, instant: bool) -> Comparison:
    start = result.document.window.start
    if start is None:
        raise HistoryError("the run has no window: its load never began, and nothing was asked")
    fold, ticks, compared = fold_of(result), [], 0
    for question in result.questions:
        evidence = result.evidence[question.rule.name]
        entries = [entry for entry in evidence.entries if entry.counted]
        folded = {id(entry) for entry in since_resume(evidence)}
        memory = fold.states[question.rule.name].memory
        decisions = _decisions(past, question, start, entries, memory, instant=instant)
        compared += len(entries)
        for entry, decision in zip(entries, decisions, strict=True):
            then, now = _judged(entry), _judged(decision)
            if then != now:
                ticks.append(Difference(question.rule.name, entry.t, entry.final, then, now))
            if id(entry) in folded:
                fold.add(decision)
    ticks.sort(key=lambda tick: tick.t)
    fold.advance(math.inf)
    return _concluded(result, fold, ticks, compared)


def _concluded(result: Result, fold: Fold, ticks: list[Difference], compared: int) -> Comparison:
    document = result.document
    states = states_of(result, fold)
    verdict = judge(facts_of(result, states, fold.stop_rule))
    others = []
    for then, now in zip(document.states, states, strict=True):
        if (then.verdict, then.reason) != (now.verdict, now.reason):
            others.append(f"rule {now.name}: {then.verdict} {then.reason} then, {now.verdict} {now.reason} now")
    stopped = (document.window.stop_rule, document.window.stop_time)
    if stopped != (fold.stop_rule, fold.stop_time):
        others.append(f"stop: {_stop_text(*stopped)} then, {_stop_text(fold.stop_rule, fold.stop_time)} now")
    recorded = (result.status.phase, result.status.reason)
    if recorded != (verdict.phase, verdict.reason):
        others.append(f"verdict: {' '.join(map(str, recorded))} then, {verdict.phase} {verdict.reason} now")
    return Comparison(ticks, compared, verdict, others)


def _stop_text(rule: str | None, t: float | None) -> str:
    return "none" if rule is None else f"by {rule} at {t}"


def _judged(decision: Entry | Decision) -> Judged:
    return decision.verdict, decision.reason, decision.value


def _decisions(
    past: Past, question: Question, start: float, entries: Sequence[Entry], memory: Memory, *, instant: bool
) -> list[Decision]:
    """The decision of history for each entry."""
    decider = _decider(past, question, start, entries)
    tick_times = [entry.t for entry in entries if not entry.final]
    # The last tick belongs to the period.
    period = Period(start, math.nextafter(max(tick_times, default=start), math.inf))
    [asked] = ask_window(past, [question], period, instant=instant)
    known: dict[float, CompactAnswer | None] = dict(zip(asked.times, asked.answers, strict=True))
    others = sorted({entry.t for entry in entries if entry.final or known.get(entry.t) is None})
    answers: list[CompactAnswer | None] = [None] * len(others)
    if type_of(question.rule).asks_at_every_tick(question.rule):
        final = {entry.t for entry in entries if entry.final}
        answers = [observed_at(past, question, start, t, final=t in final) for t in others]
    else:
        fill(past, lambda t: question.at(start, t), others, answers, question.timeout_s)
    at = {**known, **dict(zip(others, answers, strict=True))}
    decisions: list[Decision] = []
    for entry in entries:
        if (answer := at[entry.t]) is not None:
            decisions.append(decider.decide(entry.t, answer, memory, final=entry.final))
            memory = decisions[-1].memory
    return decisions


def _decider(past: Past, question: Question, start: float, entries: Sequence[Entry]) -> Decider:
    rule = question.rule
    if type_of(rule).reference(rule) is None:
        return Decider(question, start, further=further_of(past, question, start))
    by_time = {entry.t: entry for entry in entries}

    def silence(t: float) -> Silence | None:
        """History does not tell whether the alert was loaded, so the proof of the live run counts."""
        entry = by_time.get(t)
        if entry is None or entry.exchange is None:
            return Silence(Fault(RuleReason.ALERT_NOT_LOADED, "nothing proved that this Prometheus ran the alert"))
        return type_of(rule).silence(question.context(start), entry.exchange)

    return Decider(question, start, silence)

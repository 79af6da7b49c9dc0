"""
A run that was judged live, asked once more of history.

Both agree when every live tick was answered and the history is unchanged since; otherwise the ticks that differ are listed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from validationrun.judging.backtest.client import HistoryError, Past
from validationrun.judging.backtest.compact_answer import Told
from validationrun.judging.backtest.decide import AlertDecider, Decider, QueryDecider
from validationrun.judging.backtest.fetch import ask_window, fill
from validationrun.judging.backtest.windows import Period
from validationrun.judging.completeness import since_resume
from validationrun.judging.replay import facts_of, fold_of, states_of
from validationrun.oracle.decision import Decision
from validationrun.oracle.evidence import Entry
from validationrun.oracle.exchange import Fault
from validationrun.oracle.fold import Fold
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_response import read_loaded
from validationrun.oracle.question import Question
from validationrun.oracle.verdict_table import RunVerdict, judge
from validationrun.results.folder import Result

_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError)

LAST_DIGIT: Final = 1e-12
"""A larger share of a value is another value."""

Judged = tuple[str, str, str | None]
"""Verdict, reason and value of one decision."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One tick that history answers in another way than it was answered live."""

    rule: str
    t: float
    final: bool
    then: Judged
    now: Judged

    @property
    def is_last_digit(self) -> bool:
        """
        The value alone differs, and in its last digit alone.

        Prometheus adds floats up in another order once its newest data have become a block.
        """
        if self.then[:2] != self.now[:2] or self.then[2] is None or self.now[2] is None:
            return False
        return math.isclose(float(self.then[2]), float(self.now[2]), rel_tol=LAST_DIGIT)


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    Attributes:
        ticks: those that differ, in the order of time.
        compared: how many there were.
        verdict: of the run, by what history says.
        others: what else differs: a line each.
    """

    ticks: list[Difference]
    compared: int
    verdict: RunVerdict
    others: list[str]

    @property
    def agrees(self) -> bool:
        """But for the last digit of a value."""
        return all(one.is_last_digit for one in self.ticks) and not self.others


def compare_with_backtest(result: Result, past: Past) -> list[Difference]:
    """The ticks that count and differ. Raises as `compare`."""
    return compare(result, past).ticks


def compare(result: Result, past: Past, *, instant: bool = False) -> Comparison:
    """
    Asks every tick again that counted live.

    Args:
        instant: ask each tick by itself.

    Raises:
        HistoryError: the run has no window, or Prometheus is gone.
    """
    try:
        return _compare(result, past, instant=instant)
    except _UNREADABLE as error:
        raise HistoryError(f"the result is not as it was written: {type(error).__name__}: {error}") from None


def _compare(result: Result, past: Past, *, instant: bool) -> Comparison:
    start = result.document["window"]["start"]
    if start is None:
        raise HistoryError("the run has no window: its load never began, and nothing was asked")
    fold, ticks, compared = fold_of(result), [], 0
    for question in result.questions:
        evidence = result.evidence[question.rule.name]
        entries = [one for one in evidence.entries if one.counted]
        folded = {id(one) for one in since_resume(evidence)}
        decisions = _decisions(past, question, start, entries, instant=instant)
        compared += len(entries)
        for entry, decision in zip(entries, decisions, strict=True):
            then, now = _judged(entry), _judged(decision)
            if then != now:
                ticks.append(Difference(question.rule.name, entry.t, entry.final, then, now))
            if id(entry) in folded:
                fold.add(decision)
    ticks.sort(key=lambda one: one.t)
    fold.advance(math.inf)
    return _concluded(result, fold, ticks, compared)


def _concluded(result: Result, fold: Fold, ticks: list[Difference], compared: int) -> Comparison:
    document = result.document
    states = states_of(result, fold)
    verdict = judge(facts_of(result, states, fold.stop_rule))
    others = []
    for then, now in zip(document["states"], states, strict=True):
        if (then["verdict"], then["reason"]) != (now.verdict, now.reason):
            others.append(f"rule {now.name}: {then['verdict']} {then['reason']} then, {now.verdict} {now.reason} now")
    stopped = (document["window"]["stopRule"], document["window"]["stopTime"])
    if stopped != (fold.stop_rule, fold.stop_time):
        others.append(f"stop: {_words(*stopped)} then, {_words(fold.stop_rule, fold.stop_time)} now")
    recorded = (result.status["phase"], result.status["reason"])
    if recorded != (verdict.phase, verdict.reason):
        others.append(f"verdict: {' '.join(map(str, recorded))} then, {verdict.phase} {verdict.reason} now")
    return Comparison(ticks, compared, verdict, others)


def _words(rule: str | None, t: float | None) -> str:
    return "none" if rule is None else f"by {rule} at {t}"


def _judged(one: Any) -> Judged:
    return one.verdict, one.reason, one.value


def _decisions(
    past: Past, question: Question, start: float, entries: Sequence[Entry], *, instant: bool
) -> list[Decision]:
    """What history says at each of these moments."""
    decider = _decider(question, entries)
    ticked = [one.t for one in entries if not one.final]
    # Up to the last tick, which itself is one.
    period = Period(start, math.nextafter(max(ticked, default=start), math.inf))
    [asked] = ask_window(past, [question], period, instant=instant)
    known: dict[float, Told | None] = dict(zip(asked.times, asked.told, strict=True))
    others = sorted({one.t for one in entries if one.final or known.get(one.t) is None})
    told: list[Told | None] = [None] * len(others)
    fill(past, lambda t: question.at(start, t), others, told, question.timeout_s)
    at = {**known, **dict(zip(others, told, strict=True))}
    return [decider.decide(one.t, one_told, final=one.final) for one in entries if (one_told := at[one.t]) is not None]


def _decider(question: Question, entries: Sequence[Entry]) -> Decider:
    if question.rule.alert is None:
        return QueryDecider(question.rule)
    alertname = question.rule.alert.rule_ref.alertname
    by_time = {one.t: one for one in entries}

    def silence(t: float) -> Fault | None:
        """Whether the alert was loaded is what was found live: no history tells."""
        entry = by_time.get(t)
        if entry is None or entry.exchange is None or entry.exchange.proof is None:
            return Fault(RuleReason.ALERT_NOT_LOADED, "nothing proved that this Prometheus ran the alert")
        return read_loaded(entry.exchange.proof, alertname, entry.exchange.answered)

    return AlertDecider(question.rule, silence, lambda: False)

"""Judges one window of the past by the oracle's own ticks, decisions and folding."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from validationrun.judging.backtest.compact_answer import CompactAnswer
from validationrun.judging.backtest.decide import Decider
from validationrun.judging.backtest.windows import Period
from validationrun.oracle.decision import Decision
from validationrun.oracle.fold import Fold
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.tally import Tally
from validationrun.oracle.ticks import ticks
from validationrun.spec.v1alpha1 import Rule

SLICE_SECONDS: Final = 3600.0
"""The part of a window that is decided at a time, because a whole day would fill the memory."""


@dataclass
class Course:
    """
    The ticks of a rule in a window.

    Attributes:
        answers: one for each of `times`; None where nothing was asked, which is after a stop.
        sweep: decides the final sweep; None when the rule has none. Called only when nothing stopped the run.
        memory: after the last tick that was folded.
    """

    rule: Rule
    times: Sequence[float]
    answers: Sequence[CompactAnswer | None]
    decider: Decider
    sweep: Callable[[Memory], Decision] | None = None
    memory: Memory = NOTHING_REMEMBERED

    def __post_init__(self) -> None:
        unknown = (t for t, answer in zip(self.times, self.answers, strict=True) if answer is None)
        self.unknown_from = next(unknown, math.inf)
        """The first tick that was not asked."""


@dataclass
class Judged:
    """A judged window: the fold at its end, and the summary of each rule's decisions."""

    fold: Fold
    tallies: dict[str, Tally] = field(default_factory=dict)


def times_of(rule: Rule, period: Period) -> list[float]:
    """The ticks of a window."""
    times = []
    for t in ticks(rule, period.start, period.start):
        if t >= period.end:
            break
        times.append(t)
    return times


def judge_window(courses: Sequence[Course], period: Period) -> Judged:
    """Folds every tick in order up to the stop, then the final sweep."""
    rules = [course.rule for course in courses]
    judged = Judged(Fold.begin(rules), {rule.name: Tally(rule) for rule in rules})
    edge = period.start
    while edge < period.end:
        since, edge = edge, edge + SLICE_SECONDS
        stop = first_stop(courses, since, edge)
        until = edge if stop is None else stop
        for course in courses:
            _take(judged, course, since, until)
        judged.fold.advance(until)
        if stop is not None:
            return judged
    for course in courses:
        if course.sweep is not None:
            decision = course.sweep(course.memory)
            judged.tallies[decision.rule].add(decision, counted=True)
            judged.fold.add(decision)
    judged.fold.advance(period.end)
    return judged


def first_stop(courses: Sequence[Course], since: float, until: float) -> float | None:
    """
    When a stopOnFailure rule first failed in a part of the window. Later ticks do not count and need not be known.

    Raises:
        RuntimeError: an earlier tick was not asked. It would be left out, and the rule could pass without it.
    """
    unknown = min(course.unknown_from for course in courses)
    known = min(until, math.nextafter(unknown, -math.inf))
    failed = [
        decision.t
        for course in courses
        if course.rule.run_properties.stop_on_failure
        for decision in decided(course, since, known)[0]
        if decision.verdict == Verdict.FAILED
    ]
    if not failed and known < until:
        raise RuntimeError(f"a tick at {unknown} was not asked")
    return min(failed, default=None)


def _take(judged: Judged, course: Course, since: float, until: float) -> None:
    decisions, unseen = decided(course, since, until)
    tally = judged.tallies[course.rule.name]
    for decision in decisions:
        tally.add(decision, counted=True)
        judged.fold.add(decision)
        course.memory = decision.memory
    judged.fold.skip(course.rule.name, unseen)
    tally.decisions += unseen
    tally.counted += unseen
    tally.good += unseen


def decided(course: Course, since: float, until: float) -> tuple[list[Decision], int]:
    """
    The decisions later than `since` and not later than `until` that make a difference, and the number of the others.

    The others all passed.
    """
    first, last = bisect_right(course.times, since), bisect_right(course.times, until)
    times, answers = course.times[first:last], course.answers[first:last]
    indexes = course.decider.worth_deciding(times, answers)
    decisions: list[Decision] = []
    for index in indexes:
        if (answer := answers[index]) is not None:
            memory = decisions[-1].memory if decisions else course.memory
            decisions.append(course.decider.decide(times[index], answer, memory))
    return decisions, len(times) - len(indexes)

"""
Evaluates a run: the ticks of every rule in the window, the stop and the final sweep.

Each rule has its own thread and connection, so that a slow answer delays no other rule.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Protocol

from validationrun.base.background import in_background
from validationrun.contract.clock_check import ClockCheck
from validationrun.judging.live.clock_skew import check_clock, doubted
from validationrun.judging.live.rule_query import Asker
from validationrun.oracle.decision import Decision, is_worth_a_retry
from validationrun.oracle.exchange import Fault
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.ticks import ticks
from validationrun.results.judgement import Judgement
from validationrun.spec.v1alpha1 import Rule

BEAT_SECONDS: Final = 0.25
SWEEP_PAUSE_SECONDS: Final = 5.0
_MOST_HELD_BYTES: Final = 24 * 1024 * 1024
"""Answers of decisions that wait until an earlier tick is answered or the window is known to have been open."""
_CLOCK_ATTEMPTS: Final = 3
_CLOCK_PAUSE_SECONDS: Final = 1.0


@dataclass
class Window:
    """
    The run's window as far as it is known, Unix seconds.

    Attributes:
        open_until: the load was seen running until this time, so that a decision at an earlier T counts.
        end: known once the load has ended; known from the start in a run without load.
        over: the load has ended, or never began.
        cut: a rule's stop ended the load. A decision at `end` itself then belongs to the stop, otherwise to the final sweep.
    """

    start: float | None = None
    open_until: float = -math.inf
    end: float | None = None
    over: bool = False
    cut: bool = False


class Control(Protocol):
    """The surroundings of an evaluation: its clock, its window, its storage and the stop of the load."""

    settle_s: float
    """The delay between T and the query about T, because a sample stamped before T may be written after T."""

    def now(self) -> float:
        """Unix seconds."""

    def sleep(self, seconds: float) -> None: ...

    def look(self) -> Window:
        """Returns the window as it is known now. Called several times a second."""

    def interrupted(self) -> bool:
        """Whether the evaluation must end now."""

    def answered(self, decision: Decision) -> None:
        """Receives a new decision, before it is known whether the decision counts."""

    def settled(self, decision: Decision, *, counted: bool) -> None:
        """Receives the same decision once it is known whether it counts. Each rule's decisions come in order."""

    def stop(self, decision: Decision) -> None:
        """Records the intent to stop, then stops the load, because a stopOnFailure rule failed. May be called again."""

    def save(self, states: Sequence[RuleState]) -> None:
        """Saves the states after a verdict changed."""


@dataclass
class _Place:
    """A rule's position in the sequence of its ticks."""

    asker: Asker
    coming: Iterator[float]
    next_t: float
    future: Future[Decision] | None = None

    @property
    def rule(self) -> Rule:
        return self.asker.question.rule


@dataclass
class Evaluation:
    """
    The evaluation of one run.

    Args:
        askers: an asker for each rule, in the order of the spec.
        fold: a new fold, or the fold from the record of an earlier attempt.
        clock: returns Prometheus' own time, or a fault; takes a time-out in seconds.
        intended: the failure for which an earlier attempt recorded its intent to stop.
    """

    control: Control
    askers: Sequence[Asker]
    fold: Fold
    clock: Callable[[float], float | Fault]
    intended: Decision | None = None
    _checks: list[ClockCheck] = field(default_factory=list)
    _places: list[_Place] = field(default_factory=list)
    _window: Window = field(default_factory=Window)

    def run(self) -> Judgement:
        """Runs until the window is over and every tick in it was answered, or until an interrupt."""
        self._check_clock(attempts=1)
        if self.intended is not None:
            # The earlier attempt may have ended after it recorded the intent and before it stopped the load.
            self.control.stop(self.intended)
        complete = self._watch() and self._sweep()
        if complete:
            self._check_clock(attempts=_CLOCK_ATTEMPTS)
        return self._end(interrupted=not complete)

    def _check_clock(self, attempts: int) -> None:
        if not self.askers:
            return
        for attempt in range(attempts):
            if attempt:
                self.control.sleep(_CLOCK_PAUSE_SECONDS)
            check = check_clock(self.clock, self.control.now)
            if check.skew_seconds is not None:
                break
        self._checks.append(check)

    def _watch(self) -> bool:
        """Asks the ticks. False after an interrupt."""
        while not self._is_done():
            if self.control.interrupted():
                return False
            self.control.sleep(self._pause())
            self._beat()
        return True

    def _beat(self) -> None:
        self._window = window = self.control.look()
        if window.start is None:
            return
        if not self._places:
            self._places = [self._begin(asker, window.start) for asker in self.askers]
        self._ask(window.start)
        self._collect()

    def _begin(self, asker: Asker, start: float) -> _Place:
        state = self.fold.states[asker.question.rule.name]
        asker.memory, last = state.memory, state.last_t
        coming = ticks(asker.question.rule, start, last if last is not None else start)
        return _Place(asker, coming, next(coming))

    def _limit(self) -> float:
        """Ticks at or after this time are not asked."""
        window = self._window
        end = window.end if window.end is not None else math.inf
        if self.intended is None:
            return end
        stop = math.nextafter(self.intended.t, math.inf)
        return stop if window.cut and self.intended.t == end else min(end, stop)

    def _pause(self) -> float:
        """The seconds until the next tick is due, at most a beat."""
        limit, now = self._limit(), self.control.now()
        due = [place.next_t + self.control.settle_s - now for place in self._askable(limit)]
        return min([BEAT_SECONDS, *(max(seconds, 0.0) for seconds in due)])

    def _ask(self, start: float) -> None:
        """Asks every rule whose next tick is due and that has no query under way."""
        if self._window.over and self._window.end is None:
            return
        due = self.control.now() - self.control.settle_s
        for place in self._askable(self._limit()):
            if place.next_t <= due:
                place.future = in_background(place.asker.tick, start, place.next_t)

    def _askable(self, limit: float) -> list[_Place]:
        """
        The rules whose next tick may be asked, without a query under way.

        While the decisions that wait hold many bytes, only the earliest tick may, which they wait for. Every query names its
        T, so that a late query has the same answer.
        """
        places = [place for place in self._places if place.future is None and place.next_t < limit]
        if sum(decision.exchange.size for decision in self.fold.pending if decision.exchange) <= _MOST_HELD_BYTES:
            return places
        earliest = min(place.next_t for place in self._places)
        if earliest > self._window.open_until and not self._window.over:
            return []
        return [place for place in places if place.next_t <= earliest]

    def _collect(self) -> None:
        for place in self._places:
            if place.future is None or not place.future.done():
                continue
            decision = place.future.result()
            place.future, place.next_t = None, next(place.coming)
            self.control.answered(decision)
            self.fold.add(decision)
            if decision.verdict == Verdict.FAILED and place.rule.run_properties.stop_on_failure:
                self._stop(decision)
        outstanding = min((place.next_t for place in self._places), default=math.inf)
        # Decisions settle strictly before the earliest unanswered tick, and only while the window was surely open.
        settled = min(math.nextafter(outstanding, -math.inf), self._window.open_until)
        window = self._window
        if window.over and window.end is not None:
            settled = min(settled, window.end if window.cut else math.nextafter(window.end, -math.inf))
        self._advance(settled)

    def _advance(self, settled: float) -> None:
        before = self.fold.verdicts()
        for decision, counted in self.fold.advance(settled):
            self.control.settled(decision, counted=counted)
        if self.fold.verdicts() != before:
            self.control.save(list(self.fold.states.values()))

    def _stop(self, decision: Decision) -> None:
        # The first failure known so far. The fold decides which failure stopped the run once every earlier T was answered.
        if self.intended is None:
            self.intended = decision
        self.control.stop(self.intended)

    def _is_done(self) -> bool:
        """Whether the limit is known and no tick before it is left."""
        window = self._window
        if window.over and (window.start is None or window.end is None):
            return all(place.future is None for place in self._places)
        limit = self._limit()
        if limit == math.inf or any(place.future is not None for place in self._places):
            return False
        if self.intended is not None and not window.over:
            # The decision that caused the stop counts only once the window is known to have been open at its T.
            return self.fold.stop_time is not None and all(place.next_t >= limit for place in self._places)
        return all(place.next_t >= limit for place in self._places) and self.control.now() >= limit

    def _sweep(self) -> bool:
        """Asks the final sweep, at T = end, of every rule that has one. False after an interrupt."""
        start, end = self._window.start, self._window.end
        if start is None or end is None or self.fold.stop_time is not None:
            return True
        while self.control.now() < end + self.control.settle_s:
            if self.control.interrupted():
                return False
            self.control.sleep(min(BEAT_SECONDS, end + self.control.settle_s - self.control.now()))
        # Ticks at or after the end were asked before the end was known. They are evidence only; the sweep decides at the end.
        self._leave_out(since=end)
        swept = [asker for asker in self.askers if asker.question.rule.run_properties.final_sweep]
        futures = [in_background(self._sweep_one, asker, start, end) for asker in swept]
        while not all(future.done() for future in futures):
            if self.control.interrupted():
                return False
            self.control.sleep(BEAT_SECONDS)
        if self.control.interrupted():
            # After an interrupt the last attempt is not the final answer, because a retry may be missing.
            return False
        for future in futures:
            *earlier, last = future.result()
            for decision in earlier:
                self.control.settled(decision, counted=False)
            self.fold.add(last)
        self._advance(end)
        return True

    def _sweep_one(self, asker: Asker, start: float, end: float) -> list[Decision]:
        """Asks about the same T up to retry + 1 times; only the last answer counts."""
        rule = asker.question.rule
        memory = self.fold.states[rule.name].memory
        decisions: list[Decision] = []
        for attempt in range(rule.run_properties.retry + 1):
            if attempt:
                self.control.sleep(SWEEP_PAUSE_SECONDS)
                if self.control.interrupted():
                    break
            decisions.append(asker.sweep(start, end, memory))
            self.control.answered(decisions[-1])
            if not is_worth_a_retry(decisions[-1]):
                break
        return [*decisions[:-1], asker.explained(decisions[-1], start, memory)]

    def _leave_out(self, since: float = -math.inf) -> None:
        for decision in sorted(self.fold.drop(since), key=lambda dropped: dropped.t):
            self.control.settled(decision, counted=False)

    def _end(self, *, interrupted: bool) -> Judgement:
        self.control.save(list(self.fold.states.values()))
        self._leave_out()
        closed = self.fold.closed(ended=self._window.end is not None, interrupted=interrupted)
        return Judgement(
            start=self._window.start,
            end=self._window.end,
            stop_time=self.fold.stop_time,
            stop_rule=self.fold.stop_rule,
            states=closed if interrupted else doubted(closed, self._checks),
            clock=self._checks,
            interrupted=interrupted,
        )

"""
Evaluates a run: the ticks of every rule in the window, the stop and the final sweep.

Each rule has its own thread and connection, so that a slow answer delays no other rule.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future
from typing import Final, Protocol

from msgspec import Struct, field

from validationrun.base.background import in_background
from validationrun.contract.clock_check import ClockCheck
from validationrun.judging.live.clock_skew import ReadClock, check_clock, doubted
from validationrun.judging.live.rule_query import Asker
from validationrun.judging.live.window import Window
from validationrun.oracle.decision import Decision, is_worth_a_retry
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.ticks import load_seconds, ticks
from validationrun.results.judgement import Judgement
from validationrun.spec.v1alpha1 import Rule

BEAT_SECONDS: Final = 0.25
SWEEP_PAUSE_SECONDS: Final = 5.0
_MOST_HELD_BYTES: Final = 24 * 1024 * 1024
"""Answers of decisions that wait until an earlier tick is answered or the window is known to have been open."""
_CLOCK_ATTEMPTS: Final = 3
_CLOCK_PAUSE_SECONDS: Final = 1.0


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


class _Place(Struct):
    """A rule's position in the sequence of its ticks."""

    asker: Asker
    coming: Iterator[float]
    next_t: float
    future: Future[Decision] | None = None

    @property
    def rule(self) -> Rule:
        return self.asker.question.rule


class Evaluation(Struct):
    """
    The evaluation of one run.

    Args:
        askers: an asker for each rule, in the order of the spec.
        fold: a new fold, or the fold from the record of an earlier attempt.
        clock: reads Prometheus' time.
        intended: the failure for which an earlier attempt recorded its intent to stop.
    """

    control: Control
    askers: Sequence[Asker]
    fold: Fold
    clock: ReadClock
    intended: Decision | None = None
    _checks: list[ClockCheck] = field(default_factory=list)
    _places: list[_Place] = field(default_factory=list)
    _window: Window = field(default_factory=Window)
    _cooling: bool = False
    """The load has ended, and only rules with `until: Cooldown` are judged any more."""

    def run(self) -> Judgement:
        """Runs until the window is over and every tick in it was answered, or until an interrupt."""
        self._check_clock(attempts=1)
        if self.intended is not None:
            # The earlier attempt may have ended after it recorded the intent and before it stopped the load.
            self.control.stop(self.intended)
        complete = self._watch() and self._sweep() and self._cool_down()
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
        if not self._places and not self._cooling:
            self._places = [self._begin(asker, window.start) for asker in self.askers]
        self._ask(window.start)
        self._collect()

    def _begin(self, asker: Asker, start: float) -> _Place:
        state = self.fold.states[asker.question.rule.name]
        asker.memory, last = state.memory, state.last_t
        coming = ticks(asker.question.rule, start, last if last is not None else start)
        return _Place(asker, coming, next(coming))

    def _end_of_stage(self) -> float | None:
        """The end of the load's window, then of the cooldown."""
        return self._window.cooldown_end if self._cooling else self._window.end

    def _limit(self) -> float:
        """Ticks at or after this time are not asked, at least not before the cooldown."""
        window, known = self._window, self._end_of_stage()
        end = known if known is not None else math.inf
        if self.intended is None:
            return end
        stop = math.nextafter(self.intended.t, math.inf)
        return stop if window.cut and self.intended.t == end else min(end, stop)

    def _limit_of(self, place: _Place) -> float:
        """
        The limit of one rule. A rule that goes on is asked at the load's end too, before the others' final sweep is folded:
        decisions of one time are folded together.
        """
        limit = self._limit()
        goes_on = not self._cooling and self._window.cooldown_end is not None and place.rule.lasts_into_cooldown
        return math.nextafter(limit, math.inf) if goes_on and limit == self._window.end else limit

    def _pause(self) -> float:
        """The seconds until the next tick is due, at most a beat."""
        now = self.control.now()
        due = [place.next_t + self.control.settle_s - now for place in self._askable()]
        return min([BEAT_SECONDS, *(max(seconds, 0.0) for seconds in due)])

    def _ask(self, start: float) -> None:
        """Asks every rule whose next tick is due and that has no query under way."""
        if self._window.over and self._window.end is None:
            return
        due = self.control.now() - self.control.settle_s
        for place in self._askable():
            if place.next_t <= due:
                place.future = in_background(place.asker.tick, start, place.next_t)

    def _askable(self) -> list[_Place]:
        """
        The rules whose next tick may be asked, without a query under way.

        While the decisions that wait hold many bytes, only the earliest tick may, which they wait for. Every query names its
        T, so that a late query has the same answer.
        """
        places = [place for place in self._places if place.future is None and place.next_t < self._limit_of(place)]
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
        settled = min(math.nextafter(outstanding, -math.inf), self._open_until())
        window, end = self._window, self._end_of_stage()
        if window.over and end is not None:
            settled = min(settled, end if window.cut else math.nextafter(end, -math.inf))
        self._advance(settled)

    def _open_until(self) -> float:
        """Until when the window was surely open. Nothing ends a cooldown but a stop."""
        cooldown_end = self._window.cooldown_end
        return cooldown_end if self._cooling and cooldown_end is not None else self._window.open_until

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
        return all(place.next_t >= self._limit_of(place) for place in self._places) and self.control.now() >= limit

    def _cool_down(self) -> bool:
        """Judges the rules that go on until the end of the cooldown. False after an interrupt."""
        if self._window.cooldown_end is None or self.fold.stop_time is not None:
            return True
        self._cooling = True
        self._places = [place for place in self._places if place.rule.lasts_into_cooldown]
        # What was asked about the time after the load's end, before that end was known, counts for these rules alone.
        failed = [
            decision
            for decision in self.fold.pending
            if decision.verdict == Verdict.FAILED and self._stops(decision.rule)
        ]
        self.intended = None
        for decision in sorted(failed, key=lambda pending: pending.t)[:1]:
            self._stop(decision)
        return self._watch() and self._sweep()

    def _stops(self, name: str) -> bool:
        return any(place.rule.name == name and place.rule.run_properties.stop_on_failure for place in self._places)

    def _sweep(self) -> bool:
        """Asks the final sweep of every rule whose window ends here and that has one. False after an interrupt."""
        start, end = self._window.start, self._end_of_stage()
        if end is not None:
            # The last ticks may have been answered before it was known where this stage ends: the sweep needs their memory.
            self._advance(math.nextafter(end, -math.inf))
        if start is None or end is None or self._is_stopped_before(end):
            return True
        while self.control.now() < end + self.control.settle_s:
            if self.control.interrupted():
                return False
            self.control.sleep(min(BEAT_SECONDS, end + self.control.settle_s - self.control.now()))
        ending = [asker for asker in self.askers if self._ends_here(asker.question.rule)]
        # Ticks at or after the end were asked before the end was known. They are evidence only; the sweep decides at the end.
        self._leave_out(since=end, rules={asker.question.rule.name for asker in ending})
        swept = [asker for asker in ending if asker.question.rule.run_properties.final_sweep]
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

    def _is_stopped_before(self, end: float) -> bool:
        """Whether a stop left no final sweep. A stop in the cooldown, of which an earlier attempt knew, takes none away."""
        stop = self.fold.stop_time
        return stop is not None and (self._cooling or self._window.cooldown_end is None or stop < end)

    def _ends_here(self, rule: Rule) -> bool:
        """Whether the window of this rule ends with the load's, or with the cooldown where that is judged."""
        return self._window.cooldown_end is None or rule.lasts_into_cooldown == self._cooling

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

    def _leave_out(self, since: float = -math.inf, rules: Collection[str] | None = None) -> None:
        for decision in sorted(self.fold.drop(since, rules), key=lambda dropped: dropped.t):
            self.control.settled(decision, counted=False)

    def _end(self, *, interrupted: bool) -> Judgement:
        self.control.save(list(self.fold.states.values()))
        self._leave_out()
        start, end, cooldown_end = self._window.start, self._window.end, self._cooldown_end()
        closed = self.fold.closed(
            ended=end is not None, load_s=load_seconds(start, end, cooldown_end), interrupted=interrupted
        )
        return Judgement(
            start=start,
            end=end,
            cooldown_end=cooldown_end,
            stop_time=self.fold.stop_time,
            stop_rule=self.fold.stop_rule,
            states=closed if interrupted else doubted(closed, self._checks),
            clock=self._checks,
            interrupted=interrupted,
        )

    def _cooldown_end(self) -> float | None:
        """The end of the cooldown; None where a stop under load left none."""
        end, stop = self._window.end, self.fold.stop_time
        return None if stop is not None and end is not None and stop < end else self._window.cooldown_end

"""
Plays a timeline through the real driver in a time of its own: no thread, no waiting, and yet slow answers, a load whose
end is learned late, a busy machine, and an evaluator that is killed at any moment and goes on from the record.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any
from unittest import mock

from replay_kit import assert_replay_agrees
from validationrun.judging.live.loop import Evaluation
from validationrun.judging.live.window import Window
from validationrun.oracle.decision import Decision
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.verdict_table import judge
from validationrun.results.judgement import Judgement

from .adapter import decision_of, facts_of, question_of, rule_outcome, run_outcome, spec_rule
from .brute_force import Outcome, Timeline, cooldown_end

MOST_BEATS = 100_000


class KilledError(Exception):
    """SIGKILL: nothing is written any more."""


class Clock:
    """The main thread's time, and the time of a worker while it works."""

    def __init__(self, t: float) -> None:
        self.main = t
        self.ahead: float | None = None

    def now(self) -> float:
        return self.main + (self.ahead or 0.0)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        self.ahead = 0.0
        try:
            yield
        finally:
            self.ahead = None


def in_no_time(clock: Clock) -> Callable[..., Any]:
    """Stands for `in_background`: works at once, and shows the result when its time has come."""

    def work(function: Callable[..., Any], *arguments: Any) -> Any:
        with clock.working():
            value = function(*arguments)
            ready = clock.now()
        return SimpleNamespace(done=lambda: clock.main >= ready, result=lambda *_: value)

    return work


class Asker:
    """A rule whose answers the timeline holds; each takes a while."""

    def __init__(self, world: World, index: int) -> None:
        self.question = SimpleNamespace(rule=spec_rule(world.timeline.rules[index]))
        self.world, self.index, self.attempts = world, index, 0
        self.memory = NOTHING_REMEMBERED

    def tick(self, start: float, t: float) -> Decision:
        decision = self.ask(start, t, self.memory, final=False)
        self.memory = decision.memory
        return decision

    def sweep(self, start: float, end: float, memory: Memory) -> Decision:
        return self.ask(start, end, memory, final=True)

    def ask(self, start: float, t: float, memory: Memory, *, final: bool) -> Decision:
        timeline, rule = self.world.timeline, self.world.timeline.rules[self.index]
        assert self.world.now() >= t + self.world.settle_s - 1e-6, "asked before its time"
        self.world.asked.append((rule.name, t, final))
        if final:
            answers, place = timeline.sweeps[self.index], self.attempts
            self.attempts += 1
        else:
            answers, place = timeline.ticks[self.index], round((t - start) / rule.interval) - 1
        self.world.sleep(self.world.delay())
        return decision_of(rule, start, t, answers[min(place, len(answers) - 1)], final=final, memory=memory)

    def explained(self, *arguments: Any) -> Decision:
        return next(one for one in arguments if isinstance(one, Decision))


class World:
    """What the driver knows as `Control`, and what outlives it: the record."""

    def __init__(self, timeline: Timeline, rng: random.Random) -> None:
        assert timeline.start is not None
        self.timeline, self.rng = timeline, rng
        self.settle_s = rng.choice((0.0, 0.0, 1.0, 5.0))
        self.clock = Clock(timeline.start)
        self.slowness = rng.choice((0.0, 0.2, 3.0, 12.0))
        self.busy = rng.choice((0.0, 0.0, 1.0, 4.0))
        self.start_learned = timeline.start + rng.choice((0, 1, 7))
        self.end = None if timeline.end is None else max(timeline.start, timeline.end)
        # A container ends a second after the window; the evaluator learns of it later still.
        self.finished = timeline.asked_until if self.end is None else self.end + 1
        self.learned_after = rng.choice((0, 0.5, 4, 15))
        self.kills = sorted(rng.uniform(timeline.start, self.finished + 20) for _ in range(rng.choice((0, 0, 1, 3))))
        self.states: list[dict[str, Any]] = []
        self.intent: Decision | None = None
        self.cut = False
        self.attempts_lost = 0
        self.asked: list[tuple[str, float, bool]] = []
        self.settled_decisions: list[tuple[Decision, bool]] = []
        self.beats = 0

    def delay(self) -> float:
        return self.rng.random() * self.slowness

    def now(self) -> float:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        if self.clock.ahead is not None:
            self.clock.ahead += seconds
            return
        self.beats += 1
        assert self.beats < MOST_BEATS, "it never ends"
        self.clock.main += seconds + self.rng.random() * self.busy
        if self.kills and self.clock.main >= self.kills[0]:
            self.kills.pop(0)
            raise KilledError

    def look(self) -> Window:
        now, over_at = self.clock.main, self.finished + self.learned_after
        if now < self.start_learned:
            return Window()
        start = float(self.timeline.start or 0)
        if now >= over_at:
            last = self.finished if self.end is None else self.end
            return Window(start, last, self.end, self.cooldown_end(), over=True)
        # It was seen running until now at most, and never beyond the end that nobody knows yet.
        until = self.finished if self.end is None else math.nextafter(self.end, -math.inf)
        return Window(start, min(now - 1, until))

    def cooldown_end(self) -> float | None:
        """Only after a load that ended by itself."""
        return None if self.cut else cooldown_end(self.timeline)

    def interrupted(self) -> bool:
        return False

    def answered(self, decision: Decision) -> None: ...

    def settled(self, decision: Decision, *, counted: bool) -> None:
        self.settled_decisions.append((decision, counted))

    def stop(self, decision: Decision) -> None:
        """Recorded once. The load ends some seconds later, or on its own before that. What is over cannot be stopped."""
        rule = next(rule for rule in self.timeline.rules if rule.name == decision.rule)
        over = self.clock.main >= self.finished + self.learned_after
        end = self.cooldown_end() if rule.until_cooldown and self.cooldown_end() is not None else self.end
        if over and end is not None and decision.t >= end:
            return
        if self.intent is None:
            self.intent = decision
            ends = max(self.clock.main, decision.t) + self.rng.choice((2.5, 6.5))
            if self.end is not None and ends < self.finished:
                self.finished, self.end, self.cut = ends, ends - 1, True

    def save(self, states: Sequence[RuleState]) -> None:
        self.states = [state.to_data() for state in states]

    def attempt(self) -> tuple[Judgement, Fold]:
        """One life of the evaluator."""
        askers = [Asker(self, index) for index in range(len(self.timeline.rules))]
        fold = Fold.begin([asker.question.rule for asker in askers], [RuleState.from_data(one) for one in self.states])
        if self.intent is not None and fold.stop_time is None:
            fold.add(self.intent)
        evaluation = Evaluation(self, askers, fold, lambda *_: self.now(), self.intent)  # type: ignore[arg-type]
        return evaluation.run(), fold

    def run(self) -> tuple[Judgement, Fold]:
        """Until one life of the evaluator sees the end."""
        with mock.patch("validationrun.judging.live.loop.in_background", in_no_time(self.clock)):
            while True:
                try:
                    return self.attempt()
                except KilledError:
                    self.attempts_lost += 1
                    self.clock.main += self.rng.choice((0.5, 10, 60))


def play_live(timeline: Timeline, rng: random.Random) -> Outcome:
    """What the driver makes of a timeline. Its evaluator comes back whenever it was lost, and learns the end if there is one."""
    world = World(timeline, rng)
    judgement, fold = world.run()
    if not world.attempts_lost:
        # An evaluator that goes on from the record has only the evidence of its own life.
        assert_replay_agrees([question_of(rule) for rule in timeline.rules], judgement, world.settled_decisions)
    signed_off = judgement.end is not None
    run = run_outcome(judge(facts_of(timeline, fold, judgement.states, signed_off=signed_off)))
    return Outcome(tuple(map(rule_outcome, judgement.states)), judgement.stop_time, judgement.stop_rule, run)

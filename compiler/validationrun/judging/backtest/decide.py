"""Decides compact answers by the rule types' own functions, so that no reply is parsed again for each tick."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from validationrun.judging.backtest.compact_answer import NOTHING, CompactAnswer, expand
from validationrun.judging.backtest.further import Further
from validationrun.oracle.decide import judge
from validationrun.oracle.decision import ASSUMED, Decision, Observation, Silence
from validationrun.oracle.exchange import Answer, Fault, Samples
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of

SilenceAt = Callable[[float], Silence | None]
"""What is known about an empty answer at T; None when the rule needs no proof."""

_NOT_ASKED: Final = Silence(Fault(RuleReason.ALERT_NOT_LOADED, ""))


def needs_no_proof(t: float) -> None:
    """The silence of a rule without a reference."""
    del t


class Decider:
    """
    The decisions of one rule.

    Args:
        start: the window's start, Unix seconds.
        silence: asked for each empty answer.
        fired_before: the alert fired already when the rule's range opened; asked once, when it is seen firing first.
        further: asks what a good answer needs besides the query; None for a rule type that needs nothing.
    """

    def __init__(
        self,
        question: Question,
        start: float,
        silence: SilenceAt = needs_no_proof,
        fired_before: Callable[[], bool] | None = None,
        further: Further | None = None,
    ) -> None:
        self._question, self._start = question, start
        self._comparison = type_of(question.rule).comparison(question.rule)
        self._silence, self._fired_before, self._further = silence, fired_before, further
        self._asked: dict[float, Observation] = {}
        self._first: tuple[float, bool] | None = None

    def decide(
        self,
        t: float,
        compacted: CompactAnswer,
        memory: Memory = NOTHING_REMEMBERED,
        *,
        final: bool = False,
        silence: Silence | None = None,
    ) -> Decision:
        """
        The decision of a tick, or of the final sweep.

        Args:
            memory: after the decision before this one.
            silence: what is known about an empty answer; asked when it is None.
        """
        observation = (
            compacted if isinstance(compacted, Observation) else self._observed(t, compacted, memory, final, silence)
        )
        return judge(self._question, self._start, observation, memory)

    def _observed(
        self, t: float, compacted: CompactAnswer, memory: Memory, final: bool, silence: Silence | None
    ) -> Observation:
        answer = expand(compacted)
        if self._further is not None and type_of(self._question.rule).asks_more(
            self._question.rule, memory, final=final
        ):
            # A tick may be decided twice: to find the stop, and to fold it.
            if t not in self._asked:
                self._asked[t] = self._further(t, answer, memory, final)
            return self._asked[t]
        if silence is None and isinstance(answer, Samples) and not answer.samples:
            silence = self._silence(t)
        return Observation(t, answer, final, silence, self._before(t, answer))

    def _before(self, t: float, answer: Answer) -> bool:
        """Said of the first failure alone, as in a live run."""
        if self._fired_before is None or not isinstance(answer, Samples) or not answer.samples:
            return False
        if self._first is None:
            self._first = (t, self._fired_before())
        return self._first == (t, True)

    def worth_deciding(self, times: Sequence[float], answers: Sequence[CompactAnswer | None]) -> Sequence[int]:
        """
        The indexes of consecutive ticks whose decisions make a difference.

        When every tick passes, the rule's state needs the last tick alone, and its summary needs the extremes. Else all ticks.
        """
        every = range(len(times))
        if self._comparison is None:
            quiet = all(answer is NOTHING for answer in answers) and all(
                self._silence(t) in (None, ASSUMED) for t in times
            )
            return sorted({0, len(times) - 1}) if quiet and len(times) else every
        try:
            values = list(map(float, answers))  # type: ignore[arg-type]
        except TypeError:
            # An answer that is not one value.
            return every
        if not values or not all(map(math.isfinite, values)):
            return every
        lowest, highest, limit = min(values), max(values), self._comparison.limit
        if not (self._comparison.holds(lowest) and self._comparison.holds(highest)):
            return every
        if self._comparison.op == "!=" and lowest < limit < highest:
            return every
        distances = [abs(value - limit) for value in values]
        return sorted(
            {0, values.index(lowest), values.index(highest), distances.index(min(distances)), len(values) - 1}
        )


def fails(question: Question, start: float, compacted: CompactAnswer) -> bool:
    """Whether an answer fails the rule, whatever the other answers are."""
    if isinstance(compacted, Observation):
        # What it means depends on the ticks before it.
        return False
    observation = Observation(start, expand(compacted), silence=_NOT_ASKED)
    return judge(question, start, observation).verdict == Verdict.FAILED

"""The answers for the ticks of a rule, kept small, because a day has tens of thousands."""

import functools
from collections.abc import Sequence
from typing import Final

from validationrun.oracle.decision import Observation
from validationrun.oracle.exchange import Answer, Fault, Sample, Samples

CompactAnswer = str | Answer | Observation
"""An answer. A single sample, which most answers are, is the text of its value. An observation also has what else was asked."""

NOTHING: Final = Samples(())
"""The empty vector."""


def compact(answer: Answer) -> CompactAnswer:
    """The answer without labels; of several series only their number stays, because it alone decides."""
    if isinstance(answer, Fault):
        return answer
    if len(answer.samples) == 1:
        return answer.samples[0].value
    return several(len(answer.samples)) if answer.samples else NOTHING


@functools.lru_cache(maxsize=1024)
def several(count: int) -> Samples:
    """`count` series without labels and values."""
    return Samples((Sample({}, "1"),) * count)


def expand(compacted: CompactAnswer) -> Answer:
    """The answer that `compact` was given, without its labels."""
    if isinstance(compacted, Observation):
        return compacted.answer
    return Samples((Sample({}, compacted),)) if isinstance(compacted, str) else compacted


def by_tick(columns: Sequence[Sequence[str | None]], count: int) -> list[CompactAnswer]:
    """
    The answer for each tick.

    Args:
        columns: the values of each series over the ticks, None where it has none.
        count: number of ticks.
    """
    answers: list[CompactAnswer] = []
    for index in range(count):
        values = [value for column in columns if (value := column[index]) is not None]
        answers.append(values[0] if len(values) == 1 else several(len(values)) if values else NOTHING)
    return answers

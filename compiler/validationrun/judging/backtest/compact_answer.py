"""What Prometheus told for each tick of a rule, kept small: a day has tens of thousands."""

import functools
from collections.abc import Sequence
from typing import Final

from validationrun.oracle.exchange import Answer, Fault, Sample, Samples

Told = str | Answer
"""An answer; one sample, which most are, is its value's own text."""

NOTHING: Final = Samples(())
"""The empty vector."""


def tell(answer: Answer) -> Told:
    """As it is kept."""
    if isinstance(answer, Fault):
        return answer
    if len(answer.samples) == 1:
        return answer.samples[0].value
    return several(len(answer.samples)) if answer.samples else NOTHING


@functools.lru_cache(maxsize=1024)
def several(count: int) -> Samples:
    """So many series, whose labels and values decide nothing."""
    return Samples((Sample({}, "1"),) * count)


def untell(told: Told) -> Answer:
    """The answer again, without labels."""
    return Samples((Sample({}, told),)) if isinstance(told, str) else told


def by_tick(columns: Sequence[Sequence[str | None]], count: int) -> list[Told]:
    """
    From each series' values over the ticks, None where it has none.

    Args:
        count: of ticks.
    """
    told: list[Told] = []
    for index in range(count):
        values = [value for column in columns if (value := column[index]) is not None]
        told.append(values[0] if len(values) == 1 else several(len(values)) if values else NOTHING)
    return told

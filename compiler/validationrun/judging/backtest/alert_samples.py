"""
The ticks of an alert rule from its raw samples.

Each tick asks whether the alert fired at any moment since the rule's range opened. All those ranges open at one moment, so one
look at the samples in the longest says it for all: an alert has fired by T when one of its series has a sample up to T.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

from validationrun.judging.backtest.compact_answer import NOTHING, Told, several
from validationrun.oracle.exchange import Reply
from validationrun.oracle.prometheus_response import Matrix, read_matrix
from validationrun.oracle.question import Question
from validationrun.oracle.rules.alert import firing_selector

LEAST_SECONDS: Final = 60
"""A shorter range is not worth asking for when a longer one failed."""

AskSamples = Callable[[str, float], Reply]
"""An instant query at T."""


def from_samples(ask: AskSamples, question: Question, start: float, times: Sequence[float]) -> list[Told | None]:
    """
    What is told for each tick; None where only an instant query can say.

    Args:
        start: of the window.
        times: ascending.
    """
    opens = start + int(question.rule.run_properties.start_after)
    # At a tick where the range opens it is one second long, and opens before.
    late = bisect_right(times, opens)
    within = times[late:]
    if not within:
        return [None] * len(times)
    selector = firing_selector(question.at(start, within[-1]))
    first: dict[frozenset[tuple[str, str]], float] = {}
    if not _look(ask, selector, opens, within[-1], first):
        return [None] * len(times)
    seen = sorted(first.values())
    told: list[Told | None] = [None] * late
    for t in within:
        count = bisect_right(seen, t)
        told.append(several(count) if count else NOTHING)
    return told


def _look(
    ask: AskSamples, selector: str, since: float, until: float, first: dict[frozenset[tuple[str, str]], float]
) -> bool:
    """
    Notes each series' first sample; in two halves where the whole cannot be had. False when it cannot be known.

    The left edge is Prometheus' own: it is that of the rule's queries, and whether a sample on it counts is for Prometheus to say.
    A sample on an edge between two halves may come twice.
    """
    seconds = round(until - since)
    matrix = read_matrix(ask(f"{selector}[{seconds}s]", until))
    if isinstance(matrix, Matrix):
        for series in matrix.series:
            if series.points:
                key = frozenset(series.labels.items())
                first[key] = min(first.get(key, until), series.points[0][0])
        return True
    if seconds <= LEAST_SECONDS:
        return False
    middle = since + seconds // 2
    return _look(ask, selector, since, middle, first) and _look(ask, selector, middle, until, first)

"""
The ticks of an alert rule from its raw samples.

Each tick asks whether the alert fired at any moment since the rule's range opened. All these ranges open at the same moment, so the
samples in the longest range answer every tick: the alert has fired by T when one of its series has a sample up to T.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

from validationrun.judging.backtest.compact_answer import NOTHING, CompactAnswer, several
from validationrun.oracle.exchange import Reply
from validationrun.oracle.prometheus_response import Matrix, read_matrix
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of

LEAST_SECONDS: Final = 60
"""The shortest range that is asked for when a longer one failed."""

AskSamples = Callable[[str, float], Reply]
"""An instant query at T."""


def from_samples(
    ask: AskSamples, question: Question, start: float, times: Sequence[float]
) -> list[CompactAnswer | None]:
    """
    The answer for each tick; None where it needs an instant query.

    Args:
        start: of the window.
        times: ascending.
    """
    opens = start + int(question.rule.run_properties.start_after)
    # At the tick where the range opens, the range is one second long and opens before.
    late = bisect_right(times, opens)
    within = times[late:]
    if not within:
        return [None] * len(times)
    selector = type_of(question.rule).latching_series(question.at(start, within[-1]))
    if selector is None:
        return [None] * len(times)
    first: dict[frozenset[tuple[str, str]], float] = {}
    if not _look(ask, selector, opens, within[-1], first):
        return [None] * len(times)
    seen = sorted(first.values())
    answers: list[CompactAnswer | None] = [None] * late
    for t in within:
        count = bisect_right(seen, t)
        answers.append(several(count) if count else NOTHING)
    return answers


def _look(
    ask: AskSamples, selector: str, since: float, until: float, first: dict[frozenset[tuple[str, str]], float]
) -> bool:
    """
    Notes the first sample of each series. Asks for two halves when the whole fails. False when a half fails too.

    Prometheus decides whether a sample on the left edge counts, as it does for the rule's queries, which have the same edge.
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

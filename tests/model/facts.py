"""What a random run's Prometheus knows beside the plain answers: the rules page of an alert, counts of series, a counter's samples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instance:
    """One instance of an alert on the rules page: whether it is shown as firing, and for how many seconds its condition holds at T."""

    firing: bool
    since: int
    # ours: it has the label with this run's value; other: with another run's; bare: it has no such label.
    whose: str = "ours"


@dataclass(frozen=True)
class Page:
    """All that can be seen about an alert that is silent at T."""

    # ok, absent (no rule of that name), err (its health), starting (not evaluated yet), away (the page has no answer).
    rules: str = "ok"
    # Seconds from the last evaluation to T; negative: it came after T.
    ago: int = 1
    # Of a second rule of the same name; None: there is none.
    twin_ago: int | None = None
    instances: tuple[Instance, ...] = ()
    # At the window's end: instances of this run that ALERTS shows as pending, and whether ALERTS has some without the label that
    # fired, and that are pending.
    pending: int = 0
    bare_fired: bool = False
    bare_pending: bool = False
    # Whose series each selector of the expression saw in the window: none, bare, other, ours.
    a: str = "ours"
    b: str = "ours"
    # Which further question times out: pending, unscoped, labels, series; or none of them.
    away: str = ""


@dataclass(frozen=True)
class Beside:
    """What stands beside a value. A text instead of a number: the question for it had this error."""

    # The values of the label that `series.min` counts.
    count: int | str = 9
    # The pods and the series under the query's aggregation.
    members: tuple[int, int] | str = (2, 2)
    # The age of the newest sample in seconds; None: no selector has a sample.
    age: int | str | None = 0


@dataclass(frozen=True)
class Sampled:
    """One series of a counter: which counter it belongs to, and its samples, in seconds since the window's start."""

    counter: str
    instance: str
    samples: tuple[tuple[int, int], ...]


ENOUGH = Beside()
# Our clock when the first question is sent and when the last answer is there, in seconds after T.
SENT, ANSWERED = 5, 6

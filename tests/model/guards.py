"""The brute-force model of values: the counter's arithmetic, and what guards a value that series hide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .facts import Beside, Sampled

if TYPE_CHECKING:
    from .brute_force import Rule

LOOK_BACK = 300

Found = tuple[str, str | None]
Past = list[tuple[Beside, str]]
"""Of each earlier tick that had an answer: what stood beside it, and its verdict."""


# What a counter added


def points(series: Sampled, t: int) -> list[tuple[int, int]]:
    return [(when, value) for when, value in series.samples if when <= t]


def step(before: int, value: int) -> int:
    """A value that is lower than the one before is a reset: the counter began at 0 again."""
    return value - before if value >= before else value


def base(series: Sampled) -> int | None:
    """The last sample at or before the start."""
    earlier = [value for when, value in series.samples if when <= 0]
    return earlier[-1] if earlier else None


def forerunner(series: Sampled, born: int, others: list[Sampled]) -> Sampled | None:
    """The series of the same counter that a new one continues: the one whose sample is the latest when it is born.

    CHOICE: of those whose sample is no older than 5 minutes at the start nobody can tell which is the latest, nor of those
    that are gone by then. The highest is taken.
    """
    known = [one for one in others if one is not series and points(one, born) and is_older(one, series)]

    def lateness(one: Sampled) -> tuple[int, int]:
        when, value = points(one, born)[-1]
        return (when if when > 0 else 0 if when > -LOOK_BACK else -1), value

    return max(known, key=lateness, default=None)


def is_older(one: Sampled, series: Sampled) -> bool:
    """CHOICE: series that are born at one time do not continue each other."""
    return one.samples[0][0] < series.samples[0][0] or base(one) is not None


def added_by(series: Sampled, t: int, others: list[Sampled]) -> int:
    """What the counter had added at T, as this series and those before it saw it."""
    inside = [(when, value) for when, value in points(series, t) if when > 0]
    if base(series) is not None:
        total, before = 0, base(series) or 0
    else:
        if not inside:
            return 0
        born, before = inside.pop(0)
        other = forerunner(series, born, others)
        total = before if other is None else added_by(other, born, others) + step(points(other, born)[-1][1], before)
    for _, value in inside:
        total, before = total + step(before, value), value
    return total


def added(rule: Rule, t: int) -> int:
    """The sum over the counters. Series that live side by side see one counter, and the one that saw most tells."""
    total = 0
    for counter in sorted({series.counter for series in rule.series}):
        same = [series for series in rule.series if series.counter == counter]
        total += max(added_by(series, t, same) for series in same)
    return total


# What must be there beside the value


def with_minimum(rule: Rule, found: Found, beside: Beside, past: Past, *, sweep: bool) -> Found:
    """`series.min`. CHOICE: once enough series were there, a breach goes before what is missing."""
    least = rule.series_min or 0
    reached = any(isinstance(one.count, int) and one.count >= least for one, _ in past)
    if found[0] == "Failed" and reached:
        return found
    if isinstance(beside.count, str):
        return "Error", beside.count
    if beside.count >= least:
        return found
    if not reached and not sweep:
        return "Awaited", "SeriesMissing"
    return rule.on_missing, "SeriesMissing"


def with_members(found: Found, beside: Beside, past: Past, *, sweep: bool) -> Found:
    """Without a word in the spec: no fewer pods, or series where there is no pod, than at the first good answer."""
    if found[0] != "Passed":
        return found
    firsts = [
        one.members for one, verdict in past if verdict in {"Passed", "Failed"} and not isinstance(one.members, str)
    ]
    if firsts and not sweep:
        return found
    if isinstance(beside.members, str):
        return "Error", beside.members
    if not firsts:
        return found
    (pods, series), (pods_now, series_now) = firsts[0], beside.members
    fewer = pods_now < pods if pods else series_now < series
    return ("Error", "SeriesMissing") if fewer else found


def guarded(rule: Rule, found: Found, beside: Beside, past: Past, *, sweep: bool) -> Found:
    """The decision of a value, after all that guards it."""
    if rule.series_min:
        found = with_minimum(rule, found, beside, past, sweep=sweep)
    elif rule.series_min is None and rule.aggregates:
        found = with_members(found, beside, past, sweep=sweep)
    if found[0] == "Passed" and sweep and rule.max_age and beside.age is not None:
        if isinstance(beside.age, str):
            return "Error", beside.age
        if beside.age > rule.max_age:
            return "Error", "StaleData"
    return found

"""The samples of a world: the healthy system's series, changed as the world says, and scraped."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.worlds.starter import Starter
from tests.worlds.world import Change, Line, Moment, System, World

from validationrun.judging.ruletest.promtool_series import Mark, Selector, Value, read_series

_INFINITE: Final = float("inf")

Show = Callable[[float], float | None]
"""What a series shows at a time, in seconds since the load began; None: it is not there."""


@dataclass(frozen=True)
class Sample:
    """`t` is its time stamp in seconds since the load began."""

    t: int
    value: Value


@dataclass(frozen=True)
class Shown:
    """A series before it is scraped."""

    labels: Mapping[str, str]
    show: Show


def shown(system: System, world: World, starter: Starter) -> list[Shown]:
    """All series of a world."""
    series = [*_healthy(system, world, starter), *_further(world, starter)]
    for change in world.changes:
        selector = Selector(fill(change.series, starter))
        if not any(selector.selects(dict(one.labels)) for one in series):
            raise ValueError(f"{starter.name}: no series is {change.series}")
        series = [
            after
            for one in series
            for after in (_changed(one, change, starter) if selector.selects(dict(one.labels)) else [one])
        ]
    return series


def fill(text: str, starter: Starter, pod: str = "") -> str:
    """The values of a run, where a text has `${...}`."""
    values = {
        **starter.values,
        "pod": pod,
        "loadPod": pod or f"{starter.values['runId']}-1a2b3c4d-0-abcde",
        "validator": starter.validator,
        "fullNode": starter.full_node,
    }
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text)


def scraped(series: Shown, starter: Starter, world: World, begins: int, ends: int, late: int = 0) -> Iterator[Sample]:
    """
    Its samples. A series that is no longer there is marked stale by the next scrape, as Prometheus does.

    Args:
        begins, ends: the first and the last time at which anything is scraped.
        late: seconds between the scrapes of this Prometheus and those of another one.
    """
    every = world.scrape or starter.scrape
    # A target has an offset of its own, and all its series are scraped at once.
    target = f"{series.labels.get('job')}/{series.labels.get('instance')}"
    rng = random.Random(target)
    offset = rng.randrange(every) + late
    was_there = False
    for base in range(begins + offset, ends, every):
        t = base + (rng.randrange(world.jitter) if world.jitter else 0)
        value = series.show(t)
        if value is not None:
            yield Sample(t, value)
        elif was_there:
            yield Sample(t, Mark.STALE)
        was_there = value is not None


def _healthy(system: System, world: World, starter: Starter) -> Iterator[Shown]:
    for pod in starter.pods:
        for text, line in (*system.node.items(), *(system.replayer.items() if starter.replays else ())):
            yield Shown(read_series(fill(text, starter, pod)), _line(line))
    for index, pod in enumerate(starter.load_pods):
        # The window ends a second before the container does.
        _, ends = world.load.of(index, starter.seconds)
        for text, line in system.load.items():
            yield Shown(read_series(fill(text, starter, pod)), _during(_line(line), 0, ends + 1))


def _further(world: World, starter: Starter) -> Iterator[Shown]:
    for one in world.further:
        begins, ends = span(one.from_, one.until, starter)
        line = _line(one.is_, begins if begins > -_INFINITE else 0)
        yield Shown(read_series(fill(one.series, starter)), _during(line, begins, ends))


def span(begins: Moment | None, ends: Moment | None, starter: Starter) -> tuple[float, float]:
    return (
        begins.of(starter.seconds) if begins else -_INFINITE,
        ends.of(starter.seconds) if ends else _INFINITE,
    )


def _line(line: Line, begins: float = 0) -> Show:
    return lambda t: line.base + line.rate * (t - begins)


def _during(show: Show, begins: float, ends: float) -> Show:
    return lambda t: show(t) if begins <= t < ends else None


def _changed(series: Shown, change: Change, starter: Starter) -> list[Shown]:
    begins, ends = span(change.from_, change.until, starter)
    if change.labels:
        labels = {**series.labels, **{name: fill(value, starter) for name, value in change.labels.items()}}
        moved = Shown({name: value for name, value in labels.items() if value}, _during(series.show, begins, ends))
        return [Shown(series.labels, _outside(series.show, begins, ends)), moved]
    instead = _instead(series.show, change, begins)
    return [Shown(series.labels, lambda t: instead(t) if begins <= t < ends else series.show(t))]


def _outside(show: Show, begins: float, ends: float) -> Show:
    return lambda t: None if begins <= t < ends else show(t)


def _instead(before: Show, change: Change, begins: float) -> Show:
    """What a changed series shows in the change's time."""
    if change.gone:
        return lambda _: None
    if change.is_ is not None:
        line = _line(change.is_, begins if begins > -_INFINITE else 0)
        return lambda t: None if before(t) is None else line(t)
    if change.adds is not None:
        more = change.adds
        return lambda t: None if (value := before(t)) is None else value + more
    at = before(begins) or 0.0
    if change.holds:
        return lambda t: None if before(t) is None else at
    if change.resets:
        return lambda t: None if (value := before(t)) is None else value - at
    if change.slower is not None:
        share = change.slower
        return lambda t: None if (value := before(t)) is None else at + (value - at) * share
    raise ValueError(f"the change of {change.series} changes nothing")

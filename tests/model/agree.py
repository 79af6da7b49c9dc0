"""
`python -m tests.model.agree --count 100000 --seed 1`: does the engine agree with the brute-force model?

Every run is played through the engine, and every fourth through the driver as well. Prints how many were compared, and the
smallest form of those that differ. Ends with 1 when one does.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from .adapter import play
from .brute_force import FAILED, Outcome, Timeline, judge, signed_off
from .live import play_live
from .timelines import random_timeline, shrink

PLAYS = 2
"""How often more a run is played while it is made smaller: a mismatch may hang on the order of answers."""

LIVE_EVERY = 4


@dataclass(frozen=True)
class Mismatch:
    number: str
    player: str
    timeline: Timeline
    differences: tuple[str, ...]

    def __str__(self) -> str:
        lines = "\n".join(f"  {line}" for line in self.differences)
        return f"run {self.number}, {self.player}:\n{self.timeline!r}\n{lines}"


def differences(model: Outcome, engine: Outcome, *, whole: bool) -> list[str]:
    """
    In words, the model's first.

    Args:
        whole: the evaluator signed off. Without that only its failures are evidence, so only they are compared.
    """
    found = []
    for one, other in zip(model.rules, engine.rules, strict=True):
        if one != other and (whole or FAILED in {one.verdict, other.verdict}):
            found.append(f"rule: model {one}, engine {other}")
    for name in ("stop_time", "stop_rule", "run"):
        if getattr(model, name) != getattr(engine, name):
            found.append(f"{name}: model {getattr(model, name)}, engine {getattr(engine, name)}")
    return found


def compare(timeline: Timeline, chance: str) -> list[str]:
    engine = play(timeline, random.Random(chance))
    return differences(judge(timeline), engine, whole=signed_off(timeline))


def compare_live(timeline: Timeline, chance: str) -> list[str]:
    """Of runs whose window is known: the driver's evaluator always comes back."""
    if timeline.start is None or timeline.end is None:
        return []
    timeline = replace(timeline, lost_after=None)
    return differences(judge(timeline), play_live(timeline, random.Random(chance)), whole=True)


PLAYERS: dict[str, Callable[[Timeline, str], list[str]]] = {"engine": compare, "driver": compare_live}


def kind(found: list[str]) -> tuple[str, ...]:
    """Which parts differ: while a run is made smaller it must stay the same kind of mismatch."""
    return tuple(sorted({line.split(":")[0] for line in found}))


def smallest(timeline: Timeline, number: str, player: str) -> Mismatch:
    comparison = PLAYERS[player]
    wanted = kind(comparison(timeline, number))
    chances = [number, *(f"{number}/{again}" for again in range(PLAYS))]

    def is_bad(candidate: Timeline) -> bool:
        return any(kind(comparison(candidate, chance)) == wanted for chance in chances)

    small = shrink(timeline, is_bad)
    found = next((found for chance in chances if kind(found := comparison(small, chance)) == wanted), [])
    return Mismatch(number, player, small, tuple(found))


def disagreements(seed: int, numbers: Iterable[int], player: str = "engine", most: int = 3) -> list[Mismatch]:
    """The runs of these numbers that differ, made small; at most so many."""
    found: list[Mismatch] = []
    for n in numbers:
        number = f"{seed}/{n}"
        timeline = random_timeline(random.Random(number))
        if PLAYERS[player](timeline, number):
            found.append(smallest(timeline, number, player))
            if len(found) >= most:
                break
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model.agree", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5, help="smallest forms to print")
    options = parser.parse_args(arguments)
    began, wrong, live = time.monotonic(), 0, 0
    reasons: collections.Counter[str] = collections.Counter()
    rules: collections.Counter[str] = collections.Counter()
    for n in range(options.count):
        number = f"{options.seed}/{n}"
        timeline = random_timeline(random.Random(number))
        outcome = judge(timeline)
        reasons[outcome.run.reason.split(":")[0]] += 1
        rules.update(f"{rule.verdict} {rule.reason or ''}".strip() for rule in outcome.rules)
        players = ("engine", "driver") if n % LIVE_EVERY == 0 else ("engine",)
        live += len(players) - 1
        for player in players:
            if PLAYERS[player](timeline, number):
                wrong += 1
                if wrong <= options.show:
                    print(smallest(timeline, number, player), flush=True)
    for title, counts in (("runs", reasons), ("rules", rules)):
        print(f"{title}:  " + "  ".join(f"{reason} {count}" for reason, count in counts.most_common()))
    seconds = time.monotonic() - began
    print(f"{options.count} timelines, {live} of them through the driver too: {wrong} mismatches, {seconds:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

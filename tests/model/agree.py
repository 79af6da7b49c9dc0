"""
`python -m tests.model.agree --count 100000 --seed 1`: does the engine agree with the brute-force model?

Prints how many random runs were compared, and the smallest form of each that differs. Ends with 1 when one does.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import time
from dataclasses import dataclass

from .adapter import play
from .brute_force import FAILED, Outcome, Timeline, judge, signed_off
from .timelines import random_timeline, shrink

PLAYS = 2
"""How often a run is played anew while it is made smaller: a mismatch may hang on the order of answers."""


@dataclass(frozen=True)
class Mismatch:
    number: str
    timeline: Timeline
    differences: tuple[str, ...]

    def __str__(self) -> str:
        lines = "\n".join(f"  {line}" for line in self.differences)
        return f"run {self.number}:\n{self.timeline!r}\n{lines}"


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


def kind(found: list[str]) -> tuple[str, ...]:
    """Which parts differ: while a run is made smaller it must stay the same kind of mismatch."""
    return tuple(sorted({line.split(":")[0] for line in found}))


def smallest(timeline: Timeline, number: str) -> Mismatch:
    wanted = kind(compare(timeline, number))

    def chances() -> list[str]:
        return [number, *(f"{number}/{again}" for again in range(PLAYS))]

    def is_bad(candidate: Timeline) -> bool:
        return any(kind(compare(candidate, chance)) == wanted for chance in chances())

    small = shrink(timeline, is_bad)
    found = next((found for chance in chances() if kind(found := compare(small, chance)) == wanted), [])
    return Mismatch(number, small, tuple(found))


def disagreements(seed: int, numbers: range, most: int = 3) -> list[Mismatch]:
    """The runs of these numbers that differ, made small; at most so many."""
    found: list[Mismatch] = []
    for n in numbers:
        number = f"{seed}/{n}"
        timeline = random_timeline(random.Random(number))
        if compare(timeline, number):
            found.append(smallest(timeline, number))
            if len(found) >= most:
                break
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model.agree", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5, help="smallest forms to print")
    options = parser.parse_args(arguments)
    began, wrong = time.monotonic(), 0
    reasons: collections.Counter[str] = collections.Counter()
    for n in range(options.count):
        number = f"{options.seed}/{n}"
        timeline = random_timeline(random.Random(number))
        reasons[judge(timeline).run.reason.split(":")[0]] += 1
        if compare(timeline, number):
            wrong += 1
            if wrong <= options.show:
                print(smallest(timeline, number), flush=True)
    print("  ".join(f"{reason} {count}" for reason, count in reasons.most_common()))
    print(f"{options.count} timelines, {wrong} mismatches, {time.monotonic() - began:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""
A second opinion about the verdict of a suite, by brute force: it asks of each verdict whether it may be given.

It shares no code with the product, and is written from the sentences of `docs/suites.md`. `python -m tests.model.suite 100000`
compares so many random suites.
"""

import random
import sys
from collections.abc import Iterator, Sequence

OUTCOMES = ("Passed", "Failed", "Error", "Cancelled", "Gone", "NotStarted", "Unknown")
Ends = Sequence[tuple[str, str]]


def may_pass(planned: Sequence[str], ends: Ends, *, forged: bool) -> bool:
    """Exactly one end for each planned member, and each of them Passed; nothing else, and nothing forged."""
    return bool(planned) and not forged and sorted(ends) == sorted((name, "Passed") for name in planned)


def must_fail(ends: Ends) -> bool:
    """Somebody failed, whether or not it was planned."""
    return "Failed" in {outcome for _, outcome in ends}


def phase_of(planned: Sequence[str], ends: Ends, *, stopped: bool, forged: bool) -> str:
    if stopped:
        return "Cancelled"
    if must_fail(ends):
        return "Failed"
    return "Succeeded" if may_pass(planned, ends, forged=forged) else "Error"


def blamed(planned: Sequence[str], ends: Ends, phase: str) -> str:
    """
    The member that the reason names: the first in the order of the file that kept the suite from its pass, and of those
    that were not started only if there is no other.
    """
    order = [*planned, *dict.fromkeys(name for name, _ in ends if name not in planned)]
    outcomes = {name: [outcome for other, outcome in ends if other == name] for name in order}
    if phase == "Failed":
        return next(name for name in order if "Failed" in outcomes[name])
    late = [
        name
        for name in order
        if outcomes[name] in ([], ["NotStarted"]) or (name not in planned and set(outcomes[name]) == {"NotStarted"})
    ]
    early = [name for name in order if name not in late and (outcomes[name] != ["Passed"] or name not in planned)]
    return next(iter([*early, *late]), "")


def random_suites(seed: int, count: int) -> Iterator[tuple[list[str], list[tuple[str, str]], bool, bool]]:
    """Mostly suites that nearly pass, because there a mistake would be a false pass."""
    chance = random.Random(seed)
    for _ in range(count):
        planned = [f"m{index}" for index in range(chance.choice((0, 1, 1, 2, 3, 5, 8)))]
        ends = [(name, "Passed") for name in planned]
        for _ in range(chance.choice((0, 0, 1, 1, 2, 4))):
            kind = chance.random()
            if kind < 0.6 and ends:
                place = chance.randrange(len(ends))
                ends[place] = (ends[place][0], chance.choice(OUTCOMES))
            elif kind < 0.8 and ends:
                del ends[chance.randrange(len(ends))]
            else:
                ends.append((chance.choice([*planned, "stranger"]), chance.choice(OUTCOMES)))
        chance.shuffle(ends)
        yield planned, ends, chance.random() < 0.1, chance.random() < 0.1


def mismatches(seed: int, count: int) -> list[str]:
    """The suites about which product and model differ."""
    from validationrun.oracle.suite_verdict import MemberEnd, Outcome, SuiteFacts, judge_suite

    found = []
    for planned, ends, stopped, forged in random_suites(seed, count):
        facts = SuiteFacts(
            stopped,
            planned,
            [MemberEnd(name, Outcome(outcome)) for name, outcome in ends],
            forged="x" if forged else "",
        )
        verdict = judge_suite(facts)
        phase = phase_of(planned, ends, stopped=stopped, forged=forged)
        named = verdict.reason.partition(":")[2]
        if verdict.phase != phase or (named and named != blamed(planned, ends, phase)):
            found.append(f"{planned} {ends} stopped={stopped} forged={forged}: {verdict}, expected {phase}")
    return found


if __name__ == "__main__":
    total = int(sys.argv[1])
    differing = mismatches(20261129, total)
    print(f"{total} suites, {len(differing)} mismatches", *differing[:5], sep="\n")
    sys.exit(bool(differing))

"""
A second opinion about the verdict of a suite, by brute force: it asks of each verdict whether it may be given.

It shares no code with the product, and is written from the sentences of `docs/suites.md`. `python -m tests.model.suite 100000`
compares so many random suites.
"""

import random
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

OUTCOMES = ("Passed", "Failed", "Error", "Cancelled", "Gone", "NotStarted", "NotChosen", "Unknown")
Ends = Sequence[tuple[str, str]]


class Suite(NamedTuple):
    """`chosen` is empty when all members run; `bad` says that nobody knows which were chosen."""

    planned: Sequence[str]
    chosen: Sequence[str]
    ends: Ends
    stopped: bool = False
    forged: bool = False
    bad: bool = False


def running(suite: Suite) -> list[str]:
    """The members that are to run, each once."""
    return list(dict.fromkeys(suite.chosen or suite.planned))


def told(suite: Suite) -> list[tuple[str, str]]:
    """The ends that say something: that a member was passed over says nothing, if it was not to run."""
    passed_over = [(name, "NotChosen") for name in suite.planned if name not in running(suite)]
    return [end for end in suite.ends if end not in passed_over]


def may_pass(suite: Suite) -> bool:
    """Exactly one end for each member that is to run, all of them planned, and each end Passed; nothing else, and nothing forged."""
    names = running(suite)
    known = bool(suite.planned) and not suite.forged and not suite.bad and set(names) <= set(suite.planned)
    return known and sorted(told(suite)) == sorted((name, "Passed") for name in names)


def must_fail(suite: Suite) -> bool:
    """Somebody failed, whether or not it was to run."""
    return "Failed" in {outcome for _, outcome in suite.ends}


def phase_of(suite: Suite) -> str:
    if suite.stopped:
        return "Cancelled"
    if must_fail(suite):
        return "Failed"
    return "Succeeded" if may_pass(suite) else "Error"


def blamed(suite: Suite, phase: str) -> str:
    """
    The member that the reason names: the first in the order of the file that kept the suite from its pass, and of those
    that were not started only if there is no other.
    """
    names, ends = running(suite), told(suite)
    order = [*names, *dict.fromkeys(name for name, _ in ends if name not in names)]
    outcomes = {name: [outcome for other, outcome in ends if other == name] for name in order}
    if phase == "Failed":
        return next(name for name in order if "Failed" in outcomes[name])
    late = [
        name
        for name in order
        if outcomes[name] in ([], ["NotStarted"]) or (name not in names and set(outcomes[name]) == {"NotStarted"})
    ]
    early = [
        name
        for name in order
        if name not in late and (outcomes[name] != ["Passed"] or not {name} <= {*suite.planned} & {*names})
    ]
    return next(iter([*early, *late]), "")


def says(suite: Suite, phase: str, reason: str, message: str) -> bool:
    """A suite of which not all members are to run says so in the first words of its message, and has a word of its own for its pass."""
    count = len(set(suite.chosen))
    first = f"{count} of {len(suite.planned)} run"
    if suite.chosen and not (message.startswith(first) and " chosen" in message[: len(first) + 14]):
        return False
    return phase != "Succeeded" or reason == ("ChosenPassed" if suite.chosen else "AllPassed")


def _chosen(chance: random.Random, planned: Sequence[str]) -> list[str]:
    """Mostly none or a few of the members; rarely one that is not planned, or one twice."""
    if chance.random() < 0.5 or not planned:
        return []
    chosen = sorted(chance.sample(planned, chance.randint(1, len(planned))))
    if chance.random() < 0.1:
        chosen.append(chance.choice([*chosen, "stranger"]))
    return chosen


def random_suites(seed: int, count: int) -> Iterator[Suite]:
    """Mostly suites that nearly pass, because there a mistake would be a false pass."""
    chance = random.Random(seed)
    for _ in range(count):
        planned = [f"m{index}" for index in range(chance.choice((0, 1, 1, 2, 3, 5, 8)))]
        chosen = _chosen(chance, planned)
        ends = [(name, "Passed" if name in (chosen or planned) else "NotChosen") for name in planned]
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
        stopped, forged, bad = (chance.random() < share for share in (0.1, 0.1, 0.05))
        yield Suite(planned, chosen, ends, stopped, forged, bad)


def mismatches(seed: int, count: int) -> list[str]:
    """The suites about which product and model differ."""
    from validationrun.oracle.suite_verdict import MemberEnd, Outcome, SuiteFacts, judge_suite

    found = []
    for suite in random_suites(seed, count):
        facts = SuiteFacts(
            suite.stopped,
            suite.planned,
            [MemberEnd(name, Outcome(outcome)) for name, outcome in suite.ends],
            forged="x" if suite.forged else "",
            chosen=suite.chosen,
            bad_choice="y" if suite.bad else "",
        )
        verdict = judge_suite(facts)
        phase = phase_of(suite)
        named = verdict.reason.partition(":")[2]
        wrong = verdict.phase != phase or (named and named != blamed(suite, phase))
        if wrong or not says(suite, phase, verdict.reason, verdict.message):
            found.append(f"{suite}: {verdict}, expected {phase}")
    return found


if __name__ == "__main__":
    total = int(sys.argv[1])
    differing = mismatches(20261129, total)
    print(f"{total} suites, {len(differing)} mismatches", *differing[:5], sep="\n")
    sys.exit(bool(differing))

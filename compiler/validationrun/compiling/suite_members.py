"""The members of a suite: its entries, with every matrix expanded."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from validationrun.spec.v1alpha1 import SuiteRun, ValidationSuite, ValidationSuiteSpec


@dataclass(frozen=True, slots=True)
class Member:
    """
    One run of a suite, before its parameters are checked.

    Attributes:
        entry: the index in `spec.runs`.
        given: the values by parameter, those of the matrix among them.
        depends_on: the members that must have passed.
    """

    name: str
    entry: int
    given: Mapping[str, str]
    depends_on: tuple[str, ...]


def member_count(entry: SuiteRun) -> int:
    """How many members an entry expands to; computed without expanding it, because a matrix can mean millions."""
    return math.prod(len(values) for values in entry.matrix.values()) if entry.matrix is not None else 1


def names_of(entry: SuiteRun) -> list[str]:
    """The names of an entry's members. Its matrix must not be larger than a suite."""
    if entry.matrix is None:
        return [entry.name]
    return [f"{entry.name}-{index}" for index in range(member_count(entry))]


def members_of(spec: ValidationSuiteSpec) -> list[Member]:
    """The members in the order of the file, those of a matrix in the order of its values, the last parameter first."""
    names = {entry.name: names_of(entry) for entry in spec.runs}
    members = []
    for index, entry in enumerate(spec.runs):
        depends_on = tuple(name for other in dict.fromkeys(entry.depends_on) for name in names[other])
        for name, values in zip(names[entry.name], _combinations(entry), strict=True):
            members.append(Member(name, index, {**entry.parameters, **values}, depends_on))
    return members


def _combinations(entry: SuiteRun) -> Iterator[dict[str, str]]:
    matrix = entry.matrix or {}
    for values in itertools.product(*matrix.values()):
        yield dict(zip(matrix, values, strict=True))


def run_name(suite: ValidationSuite, entry: SuiteRun) -> str:
    """The name of an entry's ValidationRun, which is also that of its WorkflowTemplate."""
    return entry.ref.name if entry.ref is not None else inline_name(suite.metadata.name, entry.name)


def inline_name(suite: str, entry: str) -> str:
    """The name of a run that is written inside a suite."""
    return f"{suite}-{entry}"


def may_overlap(spec: ValidationSuiteSpec, members: Sequence[Member]) -> set[frozenset[str]]:
    """The pairs of members that may run at the same time: neither waits, directly or not, for the other."""
    if spec.concurrency == "Sequential":
        return set()
    before: dict[str, set[str]] = {}
    waiting = list(members)
    while waiting:
        ready = [member for member in waiting if all(name in before for name in member.depends_on)]
        if not ready:
            break
        for member in ready:
            direct = set(member.depends_on)
            before[member.name] = direct.union(*(before[name] for name in direct)) if direct else set()
        waiting = [member for member in waiting if member.name not in before]
    return {
        frozenset((one.name, other.name))
        for one, other in itertools.combinations(members, 2)
        if one.name in before and other.name in before
        if one.name not in before[other.name] and other.name not in before[one.name]
    }

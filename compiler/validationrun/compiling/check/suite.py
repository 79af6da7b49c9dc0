"""Checks of a suite's own fields: names, order, and what each entry runs. The runs written inside are checked as every run is."""

import difflib
from collections.abc import Callable, Iterator
from typing import Final

from validationrun.compiling.check.readable import if_readable, readable
from validationrun.compiling.suite_members import inline_name, member_count, names_of
from validationrun.contract.suite_json import MOST_MEMBERS
from validationrun.spec.findings import Anchor, Finding, Loc, format_path, quote
from validationrun.spec.v1alpha1 import SuiteRun, ValidationSuite

SuiteCheck = Callable[[ValidationSuite], Iterator[Finding]]

RUNS: Final[Loc] = ("spec", "runs")
_LONGEST_RUN_NAME: Final = 40

_WORDS_OF_DEPENDS: Final = frozenset(
    ["and", "contains", "else", "false", "if", "in", "let", "matches", "nil", "not", "or", "true"]
)
"""Words of the expressions that Argo evaluates for `depends`: a task of such a name could not be waited for."""


def located(suite: ValidationSuite) -> Iterator[tuple[Loc, SuiteRun]]:
    for index, entry in enumerate(suite.spec.runs):
        yield (*RUNS, index), entry


def entry_names(suite: ValidationSuite) -> list[str | None]:
    """The names of the entries, in their order; None for a name that cannot be read."""
    return [_name(entry) for entry in suite.spec.runs]


def _name(entry: SuiteRun) -> str | None:
    return if_readable(lambda: entry.name, None)


def _depends_on(entry: SuiteRun) -> list[str]:
    return if_readable(lambda: entry.depends_on, [])


def _names_of(entry: SuiteRun) -> list[str]:
    return if_readable(lambda: names_of(entry), [])


def one_of_spec_and_ref(suite: ValidationSuite) -> Iterator[Finding]:
    for loc, entry in located(suite):
        yield from readable(_spec_or_ref(loc, entry))


def _spec_or_ref(loc: Loc, entry: SuiteRun) -> Iterator[Finding]:
    if entry.spec is not None and entry.ref is not None:
        message = f"{format_path(loc)} has both spec and ref"
        yield Finding("VR708", (*loc, "ref"), message, "keep the one that says what to run", anchor=Anchor.KEY)
    elif entry.spec is None and entry.ref is None:
        message = f"{format_path(loc)} has neither spec nor ref"
        yield Finding("VR708", loc, message, "write the run as `spec:`, or name one by `ref: {name: ...}`")


def names_differ(suite: ValidationSuite) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, name in enumerate(entry_names(suite)):
        if name in seen:
            message = (
                f"{format_path((*RUNS, index, 'name'))} {name} is also the name of {format_path((*RUNS, seen[name]))}"
            )
            yield Finding("VR702", (*RUNS, index, "name"), message, "give each entry a name of its own")
        elif name is not None:
            seen[name] = index


def expansions_differ(suite: ValidationSuite) -> Iterator[Finding]:
    """The members of a matrix have names that no other member has."""
    owners: dict[str, int] = {}
    names = entry_names(suite)
    for index, entry in enumerate(suite.spec.runs):
        if names[index] is None or names[index] in names[:index] or _count(entry) > MOST_MEMBERS:
            continue
        for member in _names_of(entry):
            other = owners.setdefault(member, index)
            if other != index:
                matrix, plain = (index, other) if _has_matrix(entry) else (other, index)
                message = (
                    f"the matrix of {format_path((*RUNS, matrix))} makes a run {member}, which is also the name of a run of "
                    f"{format_path((*RUNS, plain))}"
                )
                yield Finding("VR703", (*RUNS, index, "name"), message, "rename one of the two")
                break


def _has_matrix(entry: SuiteRun) -> bool:
    return if_readable(lambda: entry.matrix is not None, False)


def _count(entry: SuiteRun) -> int:
    return if_readable(lambda: member_count(entry), 1)


def at_most_64(suite: ValidationSuite) -> Iterator[Finding]:
    counts = [_count(entry) for entry in suite.spec.runs]
    total = sum(counts)
    if total <= MOST_MEMBERS:
        return
    largest = max(range(len(counts)), key=counts.__getitem__)
    message = f"spec.runs makes {total:,} runs with every matrix expanded; at most {MOST_MEMBERS} fit"
    loc: Loc = RUNS
    if counts[largest] > 1:
        loc = (*RUNS, largest, "matrix")
        message += f", and {format_path(loc)} alone makes {counts[largest]:,}"
    yield Finding("VR701", loc, message, "take values out, or split the suite", anchor=Anchor.KEY)


def values_differ(suite: ValidationSuite) -> Iterator[Finding]:
    for loc, entry in located(suite):
        yield from readable(_values_differ(loc, entry))


def _values_differ(loc: Loc, entry: SuiteRun) -> Iterator[Finding]:
    for parameter, values in (entry.matrix or {}).items():
        place: Loc = (*loc, "matrix", parameter)
        for index, value in enumerate(values):
            if value in values[:index]:
                message = (
                    f"{format_path((*place, index))} repeats {quote(value)}: two runs of the suite would be the same"
                )
                yield Finding("VR714", (*place, index), message, "delete one of the two")
        if parameter in entry.parameters:
            message = f"{format_path(place)} is also in {format_path((*loc, 'parameters'))}"
            yield Finding("VR716", place, message, "keep one of the two", anchor=Anchor.KEY)


def dependencies_exist(suite: ValidationSuite) -> Iterator[Finding]:
    names = entry_names(suite)
    if None in names:
        return
    known = [name for name in names if name is not None]
    for loc, entry in located(suite):
        for index, other in enumerate(_depends_on(entry)):
            if other not in known:
                place = (*loc, "dependsOn", index)
                yield Finding(
                    "VR704", place, f"{format_path(place)} {quote(other)} names no entry", _meant(other, known)
                )


def _meant(name: str, known: list[str]) -> str:
    entry = name.rpartition("-")[0]
    if entry in known and name.rpartition("-")[2].isdigit():
        return f"name the entry, {entry}: that means every run of its matrix"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def no_cycle(suite: ValidationSuite) -> Iterator[Finding]:
    waits = {entry.name: set(entry.depends_on) for entry in suite.spec.runs}
    if any(not others <= waits.keys() for others in waits.values()):
        return
    while free := {name for name, others in waits.items() if not others}:
        waits = {name: others - free for name, others in waits.items() if name not in free}
    if not waits:
        return
    circle = _circle(waits)
    index = next(index for index, entry in enumerate(suite.spec.runs) if entry.name == circle[0])
    loc = (*RUNS, index, "dependsOn")
    path = " -> ".join((*circle, circle[0]))
    message = f"{format_path(loc)} leads back to its own entry: {path}"
    yield Finding("VR705", loc, message, "take one of them out of dependsOn", anchor=Anchor.KEY)


def _circle(waits: dict[str, set[str]]) -> list[str]:
    """Entries that wait for each other, from the first in the file's order: every entry here waits for another one here."""
    path = [next(iter(waits))]
    while (following := min(waits[path[-1]])) not in path:
        path.append(following)
    circle = path[path.index(following) :]
    start = min(range(len(circle)), key=lambda position: list(waits).index(circle[position]))
    return circle[start:] + circle[:start]


def order_agrees(suite: ValidationSuite) -> Iterator[Finding]:
    """One after the other is the order of the file, so an entry cannot wait for a later one."""
    if suite.spec.concurrency != "Sequential":
        return
    names = entry_names(suite)
    for loc, entry in located(suite):
        position = int(loc[-1])
        for index, other in enumerate(_depends_on(entry)):
            if other in names[position + 1 :] and other not in names[: position + 1]:
                place = (*loc, "dependsOn", index)
                message = f"{format_path(place)} {other} comes later in the file, and the runs are Sequential"
                yield Finding("VR706", place, message, f"write {other} above, or say `concurrency: Parallel`")


def max_parallel(suite: ValidationSuite) -> Iterator[Finding]:
    if suite.spec.max_parallel is not None and suite.spec.concurrency == "Sequential":
        message = "spec.maxParallel has no meaning while the runs are Sequential"
        help_ = "say `concurrency: Parallel`, or delete the line"
        yield Finding("VR707", ("spec", "maxParallel"), message, help_, anchor=Anchor.KEY)


def names_short(suite: ValidationSuite) -> Iterator[Finding]:
    """A run that is written inside a suite has both names."""
    for loc, entry in located(suite):
        yield from readable(_name_short(suite.metadata.name, loc, entry))


def _name_short(suite: str, loc: Loc, entry: SuiteRun) -> Iterator[Finding]:
    name = inline_name(suite, entry.name)
    if entry.spec is not None and len(name) > _LONGEST_RUN_NAME:
        place = (*loc, "name")
        message = (
            f"{format_path(place)} makes a run named {name}, of {len(name)} characters; at most {_LONGEST_RUN_NAME} fit"
        )
        yield Finding("VR712", place, message, "shorten it, or metadata.name of the suite")


def names_free(suite: ValidationSuite) -> Iterator[Finding]:
    for index, name in enumerate(entry_names(suite)):
        if name in _WORDS_OF_DEPENDS:
            place = (*RUNS, index, "name")
            message = f"{format_path(place)} {name} is a word of Argo's depends expressions"
            yield Finding("VR715", place, message, f"choose another, such as {name}-run")


CHECKS: Final[tuple[SuiteCheck, ...]] = (
    one_of_spec_and_ref,
    names_differ,
    names_free,
    names_short,
    at_most_64,
    expansions_differ,
    values_differ,
    dependencies_exist,
    no_cycle,
    order_agrees,
    max_parallel,
)


def check_suite(suite: ValidationSuite) -> list[Finding]:
    """
    Every finding about a suite alone.

    Args:
        suite: may be the readable parts of a suite. A check says nothing about what it can't read.
    """
    return [finding for find in CHECKS for finding in readable(find(suite))]

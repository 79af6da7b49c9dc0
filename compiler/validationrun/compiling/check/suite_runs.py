"""Checks of a suite beside the runs that it starts: they exist, take its parameters, and do not get into each other's way."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from validationrun.base import conventions
from validationrun.base.durations import MAX_DURATION, format_duration
from validationrun.compiling.check.suite import RUNS, located
from validationrun.compiling.suite_members import Member, may_overlap, members_of, run_name
from validationrun.contract.accounts import suite_account
from validationrun.contract.parameters import ParameterError, effective_parameters
from validationrun.contract.plan_json import PlanDocument
from validationrun.contract.suite_json import NEVER_GIVEN
from validationrun.spec.findings import Anchor, Finding, Loc, format_path
from validationrun.spec.v1alpha1 import SuiteRun, ValidationSuite


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What is compiled beside a suite, in its namespace.

    Attributes:
        runs: the runs without errors, by name.
        broken: the names of the runs with errors, about which nothing more is said.
        others: the kind of each other document, by name.
    """

    runs: Mapping[str, PlanDocument]
    broken: frozenset[str]
    others: Mapping[str, str]


def check_suite_runs(suite: ValidationSuite, beside: Surroundings) -> Iterator[Finding]:
    """
    Every finding about a suite beside its runs.

    Args:
        suite: one without errors.
    """
    wrong = False
    for loc, entry in located(suite):
        yield from _reference(loc, entry, suite, beside)
        document = beside.runs.get(run_name(suite, entry))
        if document is not None:
            findings = [*_values(loc, entry, document)]
            wrong = wrong or bool(findings)
            yield from findings
            yield from _accounts(loc, suite, document)
    if not wrong:
        yield from _chain_ids(suite, members_of(suite.spec))


def check_deadlines(suite: ValidationSuite, deadlines: Mapping[int, int]) -> Iterator[Finding]:
    """
    A finding for each entry whose run may take longer than suite-member follows one.

    Args:
        deadlines: seconds by entry.
    """
    for loc, entry in located(suite):
        seconds = deadlines.get(int(loc[-1]), 0)
        if seconds > MAX_DURATION:
            place = (*loc, "spec") if entry.spec is not None else (*loc, "ref", "name")
            message = (
                f"{format_path(place)}: the run {run_name(suite, entry)} may take {format_duration(seconds)} at worst, with its start and "
                f"its clean-up; a suite follows a run for at most {format_duration(MAX_DURATION)}"
            )
            help_ = "shorten the run: load.duration, runDuration or a timeout"
            yield Finding("VR717", place, message, help_, anchor=Anchor.KEY)


def _reference(loc: Loc, entry: SuiteRun, suite: ValidationSuite, beside: Surroundings) -> Iterator[Finding]:
    if entry.ref is None or entry.ref.name in beside.runs or entry.ref.name in beside.broken:
        return
    place, name = (*loc, "ref", "name"), entry.ref.name
    if name in beside.others:
        message = f"{format_path(place)} {name} is a {beside.others[name]}, and a suite starts runs"
        yield Finding("VR709", place, message, "name a ValidationRun")
        return
    near = difflib.get_close_matches(name, beside.runs, n=1, cutoff=0.6)
    namespace = suite.metadata.namespace
    message = f"{format_path(place)} {name} names no ValidationRun of namespace {namespace} in the files given"
    help_ = (
        f"did you mean {near[0]}?" if near else "give the run's file in the same command, or write the run as `spec:`"
    )
    yield Finding("VR709", place, message, help_)


def _values(loc: Loc, entry: SuiteRun, document: PlanDocument) -> Iterator[Finding]:
    """A finding for each parameter that the run does not take as it is given."""
    for name, value in entry.parameters.items():
        yield from _value((*loc, "parameters", name), name, value, document)
    for name, values in (entry.matrix or {}).items():
        for index, value in enumerate(values):
            findings = list(_value((*loc, "matrix", name, index), name, value, document))
            yield from findings
            if findings and name not in document.parameters:
                break


def _value(place: Loc, name: str, value: str, document: PlanDocument) -> Iterator[Finding]:
    problem = _problem(document, name, value)
    if problem is not None:
        known = sorted(set(document.parameters) - {*NEVER_GIVEN})
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        help_ = "write it as `submit --set` takes it"
        if name in document.locked:
            help_ = "delete it, or compile without --lock"
        elif name not in document.parameters:
            help_ = f"did you mean {near[0]}?" if near else "name a parameter of the run"
        elif name in NEVER_GIVEN:
            help_ = "delete it"
        yield Finding("VR710", place, f"{format_path(place)} does not fit run {document.name}: {problem}", help_)


def _problem(document: PlanDocument, name: str, value: str) -> str | None:
    """What `submit --set` would say. An empty value stands for the compiled one, but of a parameter that is there."""
    if name in NEVER_GIVEN:
        return f"a suite does not give the parameter {name}"
    if not value and name in document.parameters:
        return None
    try:
        effective_parameters(document, {name: value or "-"})
    except ParameterError as error:
        return str(error)
    return None


def _accounts(loc: Loc, suite: ValidationSuite, document: PlanDocument) -> Iterator[Finding]:
    """The suite's account may create Workflows, so none of a run's programs may run as it."""
    account = suite_account(suite.spec.service_account_name, suite.metadata.namespace or "")
    accounts = document.accounts
    for name, role in ((accounts.steps, "steps"), (accounts.finalize, "finalize"), (accounts.workload, "workload")):
        if name == account:
            message = f"{format_path(loc)}: the {role} of run {document.name} would run as {account}, the account of the suite's own steps"
            yield Finding("VR713", loc, message, "choose another serviceAccountName for the suite, or for the run")


def _chain_ids(suite: ValidationSuite, members: Sequence[Member]) -> Iterator[Finding]:
    """Two members with one explicit chain id must not run at the same time."""
    given = {member.name: member.given.get(conventions.PARAM_CHAIN_ID, "") for member in members}
    pairs = may_overlap(suite.spec, members)
    for number, member in enumerate(members):
        chain_id = given[member.name]
        clash = next((other.name for other in members[:number] if _clash(member.name, other.name, given, pairs)), None)
        if clash is None:
            continue
        place = (*RUNS, member.entry, _holder(suite.spec.runs[member.entry]), conventions.PARAM_CHAIN_ID)
        message = f"{format_path(place)}: {clash} and {member.name} may run at the same time on the chain id {chain_id}"
        help_ = "let one depend on the other, or give each an id of its own"
        yield Finding("VR711", place, message, help_, anchor=Anchor.KEY)


def _clash(name: str, other: str, chain_ids: Mapping[str, str], pairs: Collection[frozenset[str]]) -> bool:
    return bool(chain_ids[name]) and chain_ids[name] == chain_ids[other] and frozenset((name, other)) in pairs


def _holder(entry: SuiteRun) -> str:
    return "parameters" if conventions.PARAM_CHAIN_ID in entry.parameters else "matrix"

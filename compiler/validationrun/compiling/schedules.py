"""A schedule beside the documents that are compiled with it: what it starts, its findings, its plan."""

import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.base.cron import parse_cron, zone_of
from validationrun.base.durations import format_duration
from validationrun.compiling.documents import Linted, of_type
from validationrun.compiling.emit.bundle import plan_document
from validationrun.compiling.emit.suite_bundle import build_suite_bundle
from validationrun.compiling.firing import Gaps, busy, gaps, meet
from validationrun.compiling.plan import Plan
from validationrun.compiling.plan.schedule import LOST_BY_REPLACE, SchedulePlan, Started
from validationrun.compiling.plan.suite import SuitePlan
from validationrun.compiling.suite_members import run_name
from validationrun.compiling.suites import suite_findings, suite_plan
from validationrun.compiling.together import Together
from validationrun.contract.override import Override
from validationrun.contract.parameters import ParameterError, effective_parameters, overrides
from validationrun.spec.findings import Finding, Loc, Severity, format_path, has_errors
from validationrun.spec.v1alpha1 import Metadata, ValidationRun, ValidationSchedule, ValidationSuite
from validationrun.spec.v1alpha1.schedule import INNER_RUN_SUFFIX, INNER_SUITE_SUFFIX
from validationrun.spec.v1alpha1.suite import SuiteMetadata

_RUN: Final[Loc] = ("spec", "runTemplate")
_SUITE: Final[Loc] = ("spec", "suiteTemplate")


@dataclass(frozen=True, slots=True)
class _Target:
    """
    What a schedule starts, as far as its findings need it.

    Attributes:
        runs: the names of the runs: its own, or those of the suite.
        chains: the chain ids that every start has again; a chain that a run brings up has an id of its own each time.
    """

    noun: str
    name: str
    worst_case_s: int
    runs: frozenset[str]
    chains: frozenset[str]


def inner_documents(schedule: ValidationSchedule) -> Iterator[tuple[ValidationRun | ValidationSuite, Loc]]:
    """The run or suite that is written inside a schedule, and the field that holds its spec."""
    run, suite = schedule.spec.run_template, schedule.spec.suite_template
    namespace = schedule.metadata.namespace
    if run is not None and run.spec is not None:
        name = f"{schedule.metadata.name}{INNER_RUN_SUFFIX}"
        yield (
            ValidationRun.model_construct(
                api_version=conventions.API_VERSION,
                kind=conventions.KIND_RUN,
                metadata=Metadata.model_construct(name=name, namespace=namespace),
                spec=run.spec,
            ),
            (*_RUN, "spec"),
        )
    if suite is not None and suite.spec is not None:
        name = f"{schedule.metadata.name}{INNER_SUITE_SUFFIX}"
        yield (
            ValidationSuite.model_construct(
                api_version=conventions.API_VERSION,
                kind=conventions.KIND_SUITE,
                metadata=SuiteMetadata.model_construct(name=name, namespace=namespace),
                spec=suite.spec,
            ),
            (*_SUITE, "spec"),
        )


def started_name(schedule: ValidationSchedule) -> str:
    """The name of the run or suite that a schedule without errors starts."""
    run, suite = schedule.spec.run_template, schedule.spec.suite_template
    ref = suite.ref if suite is not None else run.ref if run is not None else None
    if ref is not None:
        return ref.name
    return f"{schedule.metadata.name}{INNER_SUITE_SUFFIX if suite is not None else INNER_RUN_SUFFIX}"


def schedule_findings(linted: Linted[ValidationSchedule], together: Together) -> Iterator[Finding]:
    """What a schedule says about the run or suite that it starts, and about other schedules."""
    target = _target(linted, together)
    if target is None:
        yield from _missing(linted, together)
        return
    if linted.document.spec.run_template is not None:
        plan = together.run_plan(linted.namespace, target.name)
        yield from _parameter_findings(linted.document, plan) if plan is not None else ()
    yield from _overlap_findings(linted.document, target)
    for other in of_type(together.documents, ValidationSchedule):
        # Each pair is reported once, at the later schedule.
        if other == linted:
            break
        theirs = _target(other, together) if other.namespace == linted.namespace else None
        if theirs is not None:
            yield from _pair_findings(linted, target, other, theirs)


def _target(linted: Linted[ValidationSchedule], together: Together) -> _Target | None:
    """None when it is missing, or has errors."""
    schedule, name = linted.document, started_name(linted.document)
    if schedule.spec.suite_template is not None:
        suite = _suite_plan(linted.namespace, name, together)
        if suite is None:
            return None
        return _Target(
            noun="suite",
            name=name,
            worst_case_s=suite.worst_case_s,
            runs=frozenset(run.plan.name for run in suite.runs),
            chains=frozenset(filter(None, (_explicit_chain(each.parameters, each.run.plan) for each in suite.members))),
        )
    plan = together.run_plan(linted.namespace, name)
    if plan is None:
        return None
    chain = _explicit_chain(_given(schedule), plan)
    return _Target("run", name, plan.timings.worst_case_s, frozenset((name,)), frozenset(filter(None, (chain,))))


def _suite_plan(namespace: str, name: str, together: Together) -> SuitePlan | None:
    """None when the suite is missing, or has errors, or one of its runs does."""
    suite = together.find(ValidationSuite, namespace, name)
    if suite is None or has_errors(list(suite_findings(suite, together))):
        return None
    runs = (together.run_plan(namespace, run_name(suite.document, entry)) for entry in suite.document.spec.runs)
    return None if any(plan is None for plan in runs) else suite_plan(suite, together)


def _missing(linted: Linted[ValidationSchedule], together: Together) -> Iterator[Finding]:
    """The run or suite is not there under this name, not even one with errors."""
    of_suite = linted.document.spec.suite_template is not None
    name, namespace = started_name(linted.document), linted.namespace
    wanted, other = (ValidationSuite, ValidationRun) if of_suite else (ValidationRun, ValidationSuite)
    if together.is_named(wanted, namespace, name):
        return
    loc = (*(_SUITE if of_suite else _RUN), "ref", "name")
    message = f"{format_path(loc)}: there is no {wanted.__name__} {name} in namespace {namespace}"
    help_ = f"compile the {'suite' if of_suite else 'run'} together with the schedule, or correct the name"
    if together.is_named(other, namespace, name):
        help_ = f"{name} is a {other.__name__}: name it by `{'runTemplate' if of_suite else 'suiteTemplate'}`"
    yield Finding("VR810", loc, message, help_)


def _parameter_findings(schedule: ValidationSchedule, plan: Plan) -> Iterator[Finding]:
    """The rules of `submit --set`."""
    document = plan_document(plan)
    for name, value in _given(schedule).items():
        loc = (*_RUN, "parameters", name)
        try:
            effective_parameters(document, {name: value})
        except ParameterError as error:
            yield Finding("VR811", loc, f"{format_path(loc)}: {error}", "correct the parameter, or leave it out")


def _overlap_findings(schedule: ValidationSchedule, target: _Target) -> Iterator[Finding]:
    """A run or suite that can last longer than the least gap between two firings."""
    worst, least, noun = target.worst_case_s, _gaps(schedule).least_s, target.noun
    if not least or worst <= least:
        return
    split = f"run it less often, or shorten the {noun} and its timeouts"
    times = f"a {noun} can last {format_duration(worst)}, but two firings are {format_duration(least)} apart"
    if schedule.spec.concurrency_policy == "Replace":
        message = f"spec.concurrencyPolicy Replace: {times}; Argo terminates the first {noun}{LOST_BY_REPLACE[noun]}"
        help_ = f"use Forbid, or {split}"
        yield Finding("VR813", ("spec", "concurrencyPolicy"), message, help_, Severity.WARNING)
        return
    then = f"two {noun}s go on at once" if schedule.spec.concurrency_policy == "Allow" else "the second is left out"
    yield Finding("VR812", ("spec", "schedules"), f"spec.schedules: {times}; {then}", split, Severity.WARNING)


def _pair_findings(
    linted: Linted[ValidationSchedule], mine: _Target, other: Linted[ValidationSchedule], theirs: _Target
) -> Iterator[Finding]:
    """Two schedules whose runs can go on at once, and which share a run or a chain."""
    runs, chains = sorted(mine.runs & theirs.runs), sorted(mine.chains & theirs.chains)
    if not (runs or chains) or not _meet(linted.document, mine, other.document, theirs):
        return
    meets = f"spec.schedules: a {theirs.noun} of schedule {other.name} can go on at the same time, and both"
    if chains:
        message = f"{meets} use chain {', '.join(chains)}"
        help_ = "choose other times, or another chain id"
        yield Finding("VR815", ("spec", "schedules"), message, help_, Severity.WARNING)
    else:
        message = f"{meets} start {', '.join(runs)}"
        help_ = "choose other times; the namespace must have room for both"
        yield Finding("VR814", ("spec", "schedules"), message, help_, Severity.WARNING)


def _explicit_chain(parameters: Mapping[str, str], plan: Plan) -> str:
    """The chain id that the run has at every start; empty when each has its own."""
    return parameters.get(conventions.PARAM_CHAIN_ID, "") or ("" if plan.brings_chain_up else plan.chain_id)


def _meet(schedule: ValidationSchedule, target: _Target, other: ValidationSchedule, theirs: _Target) -> bool:
    """Whether a run of one can begin while a run of the other goes on."""
    return meet(_busy(schedule, target), _busy(other, theirs))


def schedule_plan(linted: Linted[ValidationSchedule], together: Together) -> SchedulePlan:
    """The plan of a schedule without errors."""
    schedule, spec = linted.document, linted.document.spec
    started, parameters, changed = _started(linted, together)
    between = _gaps(schedule)
    return SchedulePlan(
        name=linted.name,
        namespace=linted.namespace,
        schedules=tuple(spec.schedules),
        timezone=spec.timezone,
        started=started,
        parameters=parameters,
        overridden=changed,
        concurrency_policy=spec.concurrency_policy,
        successful_limit=spec.successful_runs_history_limit,
        failed_limit=spec.failed_runs_history_limit,
        starting_deadline_s=spec.starting_deadline_seconds,
        paused=schedule.paused,
        least_gap_s=between.least_s,
        greatest_gap_s=between.greatest_s,
    )


def _started(
    linted: Linted[ValidationSchedule], together: Together
) -> tuple[Started, dict[str, str], tuple[Override, ...]]:
    """What it starts, with which parameters, and which of these differ from the compiled values."""
    schedule, name = linted.document, started_name(linted.document)
    if schedule.spec.suite_template is not None:
        suite = _suite_plan(linted.namespace, name, together)
        if suite is None:
            raise ValueError(f"schedule {linted.name} reached the plan without its suite {name}")
        digest, worst = build_suite_bundle(suite, together.options).hash, suite.worst_case_s
        return Started("ValidationSuite", name, digest, worst, conventions.METRIC_SUITE_TERMINAL), {}, ()
    plan, bundle = together.run_plan(linted.namespace, name), together.run_bundle(linted.namespace, name)
    if plan is None or bundle is None:
        raise ValueError(f"schedule {linted.name} reached the plan without its run {name}")
    document = plan_document(plan)
    parameters = effective_parameters(document, _given(schedule))
    started = Started("ValidationRun", name, bundle.hash, plan.timings.worst_case_s, conventions.METRIC_RUN_TERMINAL)
    return started, parameters, tuple(overrides(document, parameters))


def _given(schedule: ValidationSchedule) -> Mapping[str, str]:
    template = schedule.spec.run_template
    return template.parameters if template is not None else {}


def _gaps(schedule: ValidationSchedule) -> Gaps:
    return gaps([parse_cron(text) for text in schedule.spec.schedules], _zone(schedule))


def _busy(schedule: ValidationSchedule, target: _Target) -> Sequence[tuple[int, int]]:
    return busy(tuple(parse_cron(text) for text in schedule.spec.schedules), _zone(schedule), target.worst_case_s)


def _zone(schedule: ValidationSchedule) -> zoneinfo.ZoneInfo:
    zone = zone_of(schedule.spec.timezone)
    if zone is None:
        raise ValueError(f"{schedule.spec.timezone} passed the checks, but is no time zone")
    return zone

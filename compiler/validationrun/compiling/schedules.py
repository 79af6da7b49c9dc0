"""A schedule beside the documents that are compiled with it: what it starts, its findings, its plan."""

import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Final

from validationrun.base import conventions
from validationrun.base.cron import parse_cron, zone_of
from validationrun.base.durations import format_duration
from validationrun.compiling.documents import Linted, of_type
from validationrun.compiling.emit.bundle import plan_document
from validationrun.compiling.firing import Gaps, first_times, gaps
from validationrun.compiling.plan import Plan
from validationrun.compiling.plan.schedule import SchedulePlan, Started
from validationrun.compiling.together import Together
from validationrun.contract.parameters import ParameterError, effective_parameters, overrides
from validationrun.spec.findings import Finding, Loc, Severity, format_path
from validationrun.spec.v1alpha1 import Metadata, ValidationRun, ValidationSchedule
from validationrun.spec.v1alpha1.schedule import INNER_RUN_SUFFIX

_TEMPLATE: Final[Loc] = ("spec", "runTemplate")
_SPLIT: Final = "run it less often, or shorten the run and its timeouts"


def inner_runs(schedule: ValidationSchedule) -> Iterator[tuple[ValidationRun, Loc]]:
    """The run that is written inside a schedule, and the field that holds its spec."""
    template = schedule.spec.run_template
    if template is None or template.spec is None:
        return
    name = f"{schedule.metadata.name}{INNER_RUN_SUFFIX}"
    run = ValidationRun.model_construct(
        api_version="validation.sei.io/v1alpha1",
        kind="ValidationRun",
        metadata=Metadata.model_construct(name=name, namespace=schedule.metadata.namespace),
        spec=template.spec,
    )
    yield run, (*_TEMPLATE, "spec")


def started_name(schedule: ValidationSchedule) -> str:
    """The name of the run that a schedule without errors starts."""
    template = schedule.spec.run_template
    if template is not None and template.ref is not None:
        return template.ref.name
    return f"{schedule.metadata.name}{INNER_RUN_SUFFIX}"


def schedule_findings(linted: Linted[ValidationSchedule], together: Together) -> Iterator[Finding]:
    """What a schedule says about the run that it starts, and about other schedules."""
    schedule, name = linted.document, started_name(linted.document)
    plan = together.run_plan(linted.namespace, name)
    if plan is None:
        if not together.is_named(ValidationRun, linted.namespace, name):
            loc = (*_TEMPLATE, "ref", "name")
            message = f"{format_path(loc)}: there is no ValidationRun {name} in namespace {linted.namespace}"
            yield Finding("VR810", loc, message, "compile the run together with the schedule, or correct the name")
        return
    yield from _parameter_findings(schedule, plan)
    yield from _overlap_findings(schedule, plan)
    for other in of_type(together.documents, ValidationSchedule):
        # Each pair is reported once, at the later schedule.
        if other == linted:
            break
        if other.namespace == linted.namespace:
            yield from _pair_findings(linted, other, together)


def _parameter_findings(schedule: ValidationSchedule, plan: Plan) -> Iterator[Finding]:
    """The rules of `submit --set`."""
    document = plan_document(plan)
    for name, value in _given(schedule).items():
        loc = (*_TEMPLATE, "parameters", name)
        try:
            effective_parameters(document, {name: value})
        except ParameterError as error:
            yield Finding("VR811", loc, f"{format_path(loc)}: {error}", "correct the parameter, or leave it out")


def _overlap_findings(schedule: ValidationSchedule, plan: Plan) -> Iterator[Finding]:
    """A run that can last longer than the least gap between two firings."""
    worst, least = plan.timings.worst_case_s, _gaps(schedule).least_s
    if not least or worst <= least:
        return
    times = f"a run can last {format_duration(worst)}, but two firings are {format_duration(least)} apart"
    if schedule.spec.concurrency_policy == "Replace":
        message = (
            f"spec.concurrencyPolicy Replace: {times}; Argo terminates the first run, without clean-up and verdict"
        )
        help_ = f"use Forbid, or {_SPLIT}"
        yield Finding("VR813", ("spec", "concurrencyPolicy"), message, help_, Severity.WARNING)
        return
    then = "two runs go on at once" if schedule.spec.concurrency_policy == "Allow" else "the second is left out"
    message = f"spec.schedules: {times}; {then}"
    yield Finding("VR812", ("spec", "schedules"), message, _SPLIT, Severity.WARNING)


def _pair_findings(
    linted: Linted[ValidationSchedule], other: Linted[ValidationSchedule], together: Together
) -> Iterator[Finding]:
    """Two schedules whose runs can go on at once, and which share the run or the chain."""
    plans = [together.run_plan(entry.namespace, started_name(entry.document)) for entry in (linted, other)]
    mine, theirs = plans
    if mine is None or theirs is None:
        return
    same_run = mine.name == theirs.name
    ids = [_explicit_chain(entry.document, plan) for entry, plan in ((linted, mine), (other, theirs))]
    same_chain = bool(ids[0]) and ids[0] == ids[1]
    if not (same_run or same_chain) or not _meet(linted.document, mine, other.document, theirs):
        return
    if same_chain:
        message = (
            f"spec.schedules: a run of schedule {other.name} can go on at the same time, and both use chain {ids[0]}"
        )
        yield Finding(
            "VR815", ("spec", "schedules"), message, "choose other times, or another chain id", Severity.WARNING
        )
    else:
        message = (
            f"spec.schedules: a run of schedule {other.name} can go on at the same time, and both start {mine.name}"
        )
        help_ = "choose other times; the namespace must have room for both"
        yield Finding("VR814", ("spec", "schedules"), message, help_, Severity.WARNING)


def _explicit_chain(schedule: ValidationSchedule, plan: Plan) -> str:
    """The chain id that every run of the schedule has; empty when each run has its own."""
    return _given(schedule).get(conventions.PARAM_CHAIN_ID, "" if plan.brings_chain_up else plan.chain_id)


def _meet(schedule: ValidationSchedule, plan: Plan, other: ValidationSchedule, other_plan: Plan) -> bool:
    """Whether a run of one can begin while a run of the other goes on."""
    pairs = sorted([(time, 0) for time in _first_times(schedule)] + [(time, 1) for time in _first_times(other)])
    lasts = (plan.timings.worst_case_s, other_plan.timings.worst_case_s)
    ends = [0, 0]
    for time, which in pairs:
        if time < ends[1 - which]:
            return True
        ends[which] = max(ends[which], time + lasts[which])
    return False


def schedule_plan(linted: Linted[ValidationSchedule], together: Together) -> SchedulePlan:
    """The plan of a schedule without errors."""
    schedule, spec, name = linted.document, linted.document.spec, started_name(linted.document)
    plan, bundle = together.run_plan(linted.namespace, name), together.run_bundle(linted.namespace, name)
    if plan is None or bundle is None:
        raise ValueError(f"schedule {linted.name} reached the plan without its run {name}")
    document = plan_document(plan)
    parameters = effective_parameters(document, _given(schedule))
    between = _gaps(schedule)
    return SchedulePlan(
        name=linted.name,
        namespace=linted.namespace,
        schedules=tuple(spec.schedules),
        timezone=spec.timezone,
        started=Started("ValidationRun", name, bundle.hash, plan.timings.worst_case_s, conventions.METRIC_RUN_TERMINAL),
        parameters=parameters,
        overridden=tuple(overrides(document, parameters)),
        concurrency_policy=spec.concurrency_policy,
        successful_limit=spec.successful_runs_history_limit,
        failed_limit=spec.failed_runs_history_limit,
        starting_deadline_s=spec.starting_deadline_seconds,
        paused=schedule.paused,
        least_gap_s=between.least_s,
        greatest_gap_s=between.greatest_s,
    )


def _given(schedule: ValidationSchedule) -> Mapping[str, str]:
    template = schedule.spec.run_template
    return template.parameters if template is not None else {}


def _gaps(schedule: ValidationSchedule) -> Gaps:
    return gaps([parse_cron(text) for text in schedule.spec.schedules], _zone(schedule))


def _first_times(schedule: ValidationSchedule) -> list[int]:
    return first_times([parse_cron(text) for text in schedule.spec.schedules], _zone(schedule))


def _zone(schedule: ValidationSchedule) -> zoneinfo.ZoneInfo:
    zone = zone_of(schedule.spec.timezone)
    if zone is None:
        raise ValueError(f"{schedule.spec.timezone} passed the checks, but is no time zone")
    return zone

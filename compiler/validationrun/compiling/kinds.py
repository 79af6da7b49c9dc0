"""
The kinds of documents, each with its checks, its planner and its emitter.

A new kind is a row of `KINDS`, its model in `MODELS` of `spec.parse`, and its type in the unions `AnyDocument` and `AnyPlan`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from validationrun.base import conventions
from validationrun.compiling.check import check
from validationrun.compiling.check.schedule import check_schedule
from validationrun.compiling.check.suite import check_suite
from validationrun.compiling.documents import Linted
from validationrun.compiling.emit.bundle import build_bundle
from validationrun.compiling.emit.sizes import may_be_large, size_findings
from validationrun.compiling.plan import Plan, build_plan
from validationrun.compiling.plan.schedule import SchedulePlan
from validationrun.compiling.plan.suite import SuitePlan
from validationrun.compiling.schedules import inner_documents, schedule_findings, schedule_plan
from validationrun.compiling.suites import inline_runs, suite_findings, suite_plan
from validationrun.compiling.together import Together
from validationrun.spec.findings import Finding, Loc
from validationrun.spec.parse import AnyDocument
from validationrun.spec.v1alpha1 import ValidationRun, ValidationSchedule, ValidationSuite

if TYPE_CHECKING:
    from validationrun.compiling.emit.files import EmittedFile

AnyPlan = Plan | SuitePlan | SchedulePlan
"""The plan of a document of any kind."""


@dataclass(frozen=True, slots=True)
class Inner:
    """
    A run or suite that is written inside another document and compiles to a folder of its own.

    Attributes:
        within: the field that holds its `spec`.
    """

    document: AnyDocument
    within: Loc


@dataclass(frozen=True, slots=True)
class Kind:
    """
    How the documents of one kind become files.

    Attributes:
        check: the findings about one document, which may have wrong fields: then it is its readable parts.
        inner: what is written inside a document, which may have wrong fields. Its checks are those of its own kind.
        finished: findings about a document without errors that need its finished objects, from it and its file's content.
        among: findings about a document without errors beside the others, from whose plans it reads. It runs twice: for
            `lint` with the default options, and for `compile` with the given ones, where only errors are kept.
        emit: the plan, the files and the findings about these.
    """

    check: Callable[[Any], list[Finding]]
    emit: "Callable[[Any, Together], tuple[AnyPlan, list[EmittedFile], list[Finding]]]"
    inner: Callable[[Any], Iterator[Inner]] = lambda _: iter(())
    finished: Callable[[Any, bytes], list[Finding]] = lambda _document, _content: []
    among: Callable[[Linted[Any], Together], Iterable[Finding]] = lambda _linted, _together: ()


def _finished_run(run: ValidationRun, source: bytes) -> list[Finding]:
    """Findings that need the finished bundle. Builds the bundle only when it could be large."""
    given = run.spec.chain.endpoints
    nodes = sum(entry.spec.replicas for entry in run.spec.chain.deployments or [])
    urls = max(len(given.rpc), len(given.evm), len(given.ws), len(given.rest)) if given else nodes
    if not may_be_large(source, urls):
        return []
    return size_findings(build_bundle(build_plan(run)))


def _emit_run(linted: Linted[ValidationRun], together: Together) -> "tuple[Plan, list[EmittedFile], list[Finding]]":
    """Imports Hera, which no earlier stage needs."""
    from validationrun.compiling.emit.files import emit  # noqa: PLC0415 - half a second that lint, explain and --help do not pay

    plan = together.plan_of(linted)
    files, findings = emit(plan, together.options)
    return plan, files, findings


def _runs_inside(suite: ValidationSuite) -> Iterator[Inner]:
    for within, run in inline_runs(suite):
        yield Inner(run, within)


def _emit_suite(
    linted: Linted[ValidationSuite], together: Together
) -> "tuple[SuitePlan, list[EmittedFile], list[Finding]]":
    from validationrun.compiling.emit.suite_files import emit_suite  # noqa: PLC0415 - Hera

    plan = suite_plan(linted, together)
    return plan, emit_suite(plan, together.options), []


def _in_schedule(schedule: ValidationSchedule) -> Iterator[Inner]:
    for document, within in inner_documents(schedule):
        yield Inner(document, within)


def _emit_schedule(
    linted: Linted[ValidationSchedule], together: Together
) -> "tuple[SchedulePlan, list[EmittedFile], list[Finding]]":
    from validationrun.compiling.emit.schedule import emit_schedule  # noqa: PLC0415 - imports Hera

    plan = schedule_plan(linted, together)
    return plan, emit_schedule(plan, together.options), []


KINDS: Final[dict[str, Kind]] = {
    conventions.KIND_RUN: Kind(check=check, finished=_finished_run, emit=_emit_run),
    conventions.KIND_SUITE: Kind(check=check_suite, inner=_runs_inside, among=suite_findings, emit=_emit_suite),
    conventions.KIND_SCHEDULE: Kind(
        check=check_schedule, inner=_in_schedule, among=schedule_findings, emit=_emit_schedule
    ),
}
"""In the order of compilation: a document names others of earlier kinds only."""


def in_order(documents: Iterable[Linted[AnyDocument]]) -> list[Linted[AnyDocument]]:
    """The documents by the order of their kinds, those of one kind in their own order."""
    rank = {name: number for number, name in enumerate(KINDS)}
    return sorted(documents, key=lambda linted: rank[linted.kind])

"""Suites beside what is compiled with them: the runs inside, the findings, the plan."""

from collections.abc import Iterator

from validationrun.base import conventions
from validationrun.compiling.check.readable import if_readable
from validationrun.compiling.check.suite import located
from validationrun.compiling.check.suite_runs import Surroundings, check_deadlines, check_suite_runs
from validationrun.compiling.documents import NOUNS, Linted
from validationrun.compiling.emit.bundle import plan_document
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.emit.sizes import suite_size_findings
from validationrun.compiling.emit.suite_bundle import build_suite_bundle
from validationrun.compiling.plan.suite import MemberRun, SuitePlan, plan_suite
from validationrun.compiling.suite_members import inline_name, members_of, run_name
from validationrun.compiling.together import Together
from validationrun.contract.plan_json import PlanDocument
from validationrun.spec.findings import Finding, Loc
from validationrun.spec.partial import unreadable
from validationrun.spec.v1alpha1 import Metadata, SuiteRun, ValidationRun, ValidationRunSpec, ValidationSuite


def inline_runs(suite: ValidationSuite) -> Iterator[tuple[Loc, ValidationRun]]:
    """
    The runs that are written inside a suite, each with the field that holds its `spec`.

    Args:
        suite: may be the readable parts of a suite. Then so are its runs.
    """
    taken: set[str] = set()
    for loc, entry in located(suite):
        spec = _spec(entry)
        if spec is not None:
            run = ValidationRun.model_construct(
                api_version=conventions.API_VERSION,
                kind=conventions.KIND_RUN,
                metadata=_metadata(suite, entry, taken),
                spec=spec,
            )
            yield (*loc, "spec"), run


def _spec(entry: SuiteRun) -> ValidationRunSpec | None:
    return if_readable(lambda: entry.spec, None)


def _metadata(suite: ValidationSuite, entry: SuiteRun, taken: set[str]) -> Metadata:
    """Of the run inside an entry. A second entry of one name has its own finding, so the name of its run cannot be read."""
    name = if_readable(lambda: inline_name(suite.metadata.name, entry.name), None)
    if name is not None and name in taken:
        name = None
    taken.add(name or "")
    namespace = if_readable(lambda: suite.metadata.namespace, None)
    metadata = Metadata.model_construct(name=name or "", namespace=namespace)
    wrong = (*(("name",) if name is None else ()), *(("namespace",) if namespace is None else ()))
    return unreadable(metadata, *wrong)


def suite_findings(linted: Linted[ValidationSuite], together: Together) -> Iterator[Finding]:
    """What is wrong about a suite beside the runs that it names."""
    namespace = linted.namespace
    names = {run_name(linted.document, entry) for entry in linted.document.spec.runs}
    runs = {name: _document(together, namespace, name) for name in sorted(names)}
    beside = Surroundings(
        {name: document for name, document in runs.items() if document is not None},
        frozenset(name for name in names if runs[name] is None and together.is_named(ValidationRun, namespace, name)),
        {
            other.name: NOUNS[other.kind]
            for other in together.documents
            if other.kind != conventions.KIND_RUN and other.namespace == namespace
        },
    )
    findings = list(check_suite_runs(linted.document, beside))
    yield from findings
    if not findings and len(beside.runs) == len(names):
        yield from _plan_findings(linted.document, suite_plan(linted, together), together.options)


def _plan_findings(suite: ValidationSuite, plan: SuitePlan, options: EmitOptions) -> Iterator[Finding]:
    """What only the plan shows: a run that takes too long, or a bundle that is too large for the suite record."""
    entries = {member.name: member.entry for member in members_of(suite.spec)}
    yield from check_deadlines(suite, {entries[member.name]: member.deadline_s for member in plan.members})
    yield from suite_size_findings(build_suite_bundle(plan, options))


def _document(together: Together, namespace: str, name: str) -> PlanDocument | None:
    plan = together.run_plan(namespace, name)
    return None if plan is None else plan_document(plan)


def suite_plan(linted: Linted[ValidationSuite], together: Together) -> SuitePlan:
    """The plan of a suite without errors."""
    runs = {}
    for name in {run_name(linted.document, entry) for entry in linted.document.spec.runs}:
        plan, bundle = together.run_plan(linted.namespace, name), together.run_bundle(linted.namespace, name)
        if plan is None or bundle is None:
            raise ValueError(f"suite {linted.name} reached the plan without run {name}")
        runs[name] = MemberRun(plan, plan_document(plan), bundle.hash)
    return plan_suite(linted.document, runs, together.options.runner_image)

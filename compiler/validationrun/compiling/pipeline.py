"""
The whole compiler on one screen: text -> documents -> models of their kinds -> findings -> plans -> files.

Every stage is a function of its arguments: no clock, no environment, no network, no file system. `kinds.KINDS` says what each
stage is for a run, a suite and a schedule.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from validationrun.base import conventions
from validationrun.compiling.check.readable import readable
from validationrun.compiling.documents import NOUNS, Linted, LintResult, nested, of_type, outer_finding, place
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.kinds import KINDS, AnyPlan, Inner, in_order
from validationrun.compiling.plan import Plan
from validationrun.compiling.plan.schedule import SchedulePlan
from validationrun.compiling.plan.suite import SuitePlan
from validationrun.compiling.schedules import schedule_plan
from validationrun.compiling.silencing import silence
from validationrun.compiling.suites import suite_plan
from validationrun.compiling.together import Together, plan_run
from validationrun.spec import neighbours
from validationrun.spec.findings import Diagnostic, Finding, Loc, Severity, has_errors, worst_first
from validationrun.spec.neighbours import PassOver
from validationrun.spec.parse import AnyDocument, document_parts, parse_document
from validationrun.spec.partial import UnreadableError, unreadable
from validationrun.spec.source import Document, find_ignores, read
from validationrun.spec.v1alpha1 import ValidationRun, ValidationSchedule, ValidationSuite

if TYPE_CHECKING:
    from validationrun.compiling.emit.files import EmittedFile

__all__ = [
    "CompileResult",
    "Compiled",
    "LintResult",
    "Linted",
    "compile_all",
    "emit_all",
    "lint",
    "lint_all",
    "plan_run",
    "plan_schedules",
    "plans",
]

Look = Callable[[ValidationRun], Iterable[Finding]]
"""Findings about a run without errors that need more than its text, such as a running Prometheus."""

Track = Callable[[Sequence[Any]], Iterable[Any]]
"""Something to iterate a sequence through, such as a progress bar."""


LOOKED_UP: Final = frozenset({"VR590", "VR591", "VR592", "VR593", "VR594"})
"""The findings that only `look` gives."""

OF_A_CLUSTER: Final = frozenset({"VR423"})
"""The findings that a run on one machine does not get, because its command line gives what the spec lacks."""

TOGETHER: Final = frozenset({"VR812", "VR813", "VR814", "VR815"})
"""The warnings that only several documents give together: `Kind.among`."""

_P = TypeVar("_P", bound=AnyPlan)
P_co = TypeVar("P_co", bound=AnyPlan, covariant=True)


@dataclass(frozen=True, slots=True)
class Compiled(Generic[P_co]):
    """One document's folder."""

    plan: P_co
    files: "list[EmittedFile]"

    @property
    def folder(self) -> str:
        return f"{self.plan.namespace}/{self.plan.name}"


@dataclass(slots=True)
class CompileResult:
    """All folders, or none when any file has an error."""

    compiled: list[Compiled[AnyPlan]]
    diagnostics: list[Diagnostic]

    @property
    def ok(self) -> bool:
        return not has_errors(self.diagnostics)

    @property
    def runs(self) -> list[Compiled[Plan]]:
        return self._of(Plan)

    @property
    def suites(self) -> list[Compiled[SuitePlan]]:
        return self._of(SuitePlan)

    @property
    def schedules(self) -> list[Compiled[SchedulePlan]]:
        return self._of(SchedulePlan)

    def _of(self, kind: type[_P]) -> "list[Compiled[_P]]":
        return [
            Compiled(compiled.plan, compiled.files) for compiled in self.compiled if isinstance(compiled.plan, kind)
        ]


def lint(
    content: bytes,
    file: str,
    namespace: str | None = None,
    pass_over: PassOver = neighbours.nothing,
    look: Look | None = None,
    leave_out: Collection[str] = (),
) -> LintResult:
    """
    One file: read, parsed, checked. What its documents say about others is left to `lint_all`.

    Args:
        namespace: for documents without a namespace; a document with another namespace is an error.
        pass_over: tells which documents are not for the compiler.
        leave_out: codes of findings that do not apply.
    """
    loaded = read(content, file)
    result = LintResult(diagnostics=list(loaded.diagnostics))
    if not has_errors(loaded.diagnostics):
        others = {index for index, document in enumerate(loaded.documents) if pass_over(file, document.data)}
        if len(others) == len(loaded.documents):
            result.passed_over.append(file)
        for index, document in enumerate(loaded.documents):
            if index not in others:
                _lint_document(result, document, _Source(file, content, index, leave_out), namespace, look)
    ignores = [(ignore, loaded.lines[ignore.span.line]) for ignore in find_ignores(loaded.documents, loaded.lines)]
    now = [(ignore, line) for ignore, line in ignores if ignore.code not in TOGETHER]
    if later := [(ignore, line) for ignore, line in ignores if ignore.code in TOGETHER]:
        result.ignores[file] = later
    # A comment about a finding of `look` is not unused because nobody looked.
    unseen = {*leave_out, *(LOOKED_UP if look is None else ())}
    result.diagnostics = worst_first(silence(result.diagnostics, now, file, lambda code: code not in unseen))
    return result


@dataclass(frozen=True, slots=True)
class _Source:
    """Document number `index` of a file."""

    file: str
    content: bytes
    index: int
    leave_out: Collection[str]


def _lint_document(
    result: LintResult, document: Document, source: _Source, namespace: str | None, look: Look | None
) -> None:
    """Adds a document, what is written inside it, and every finding about both."""
    spec, findings = parse_document(document.data)
    if spec is None:
        spec = document_parts(document.data)
    if spec is None:
        result.diagnostics += [place(finding, document, source.file) for finding in findings]
        return
    spec, contradictions = _with_namespace(spec, namespace)
    findings += contradictions
    todo: list[tuple[AnyDocument, Loc | None, bool]] = [(spec, None, True)]
    while todo:
        part, within, whole = todo.pop(0)
        kind = KINDS[part.kind]
        findings = [*findings, *(found for found in kind.check(part) if found.code not in source.leave_out)]
        inner = list(readable(kind.inner(part)))
        # What is written inside a document with wrong fields may lack some, too.
        todo += [
            (each.document, nested(within, each.within), whole and not _has_errors_for(each, inner, findings))
            for each in inner
        ]
        whole = whole and not has_errors(findings)
        if whole:
            findings += kind.finished(part, source.content)
            findings += look(part) if look is not None and isinstance(part, ValidationRun) else ()
        result.diagnostics += [place(outer_finding(finding, within), document, source.file) for finding in findings]
        linted = Linted(part, source.file, source.content, source.index, within)
        result.add(linted, whole=whole and not has_errors(findings))
        findings = []


def _has_errors_for(inner: Inner, siblings: Sequence[Inner], findings: Iterable[Finding]) -> bool:
    """Whether a finding about a document is an error for what is written inside it: each but those inside a sibling."""
    others = [other.within for other in siblings if other.within != inner.within]
    return has_errors([found for found in findings if not any(found.loc[: len(within)] == within for within in others)])


def _with_namespace(document: AnyDocument, namespace: str | None) -> tuple[AnyDocument, list[Finding]]:
    """The document in its namespace. Where it has none, or two, the namespace cannot be read."""
    try:
        own = document.metadata.namespace
    except UnreadableError:
        return document, []
    if own is not None and namespace in (None, own):
        return document, []
    if own is None and namespace is not None:
        metadata = document.metadata.model_copy(update={"namespace": namespace})
        return document.model_copy(update={"metadata": metadata}), []
    if own is None:
        message = "metadata.namespace is required, here or by --namespace"
        help_ = "add `namespace:`, or give --namespace"
        finding = Finding("VR113", ("metadata", "namespace"), message, help_)
    else:
        message = f"metadata.namespace is {own}, but --namespace says {namespace}"
        finding = Finding("VR114", ("metadata", "namespace"), message, "leave one of the two out")
    return document.model_copy(update={"metadata": unreadable(document.metadata, "namespace")}), [finding]


def lint_all(
    files: Iterable[tuple[str, bytes]],
    namespace: str | None = None,
    pass_over: PassOver = neighbours.nothing,
    look: Look | None = None,
    leave_out: Collection[str] = (),
) -> LintResult:
    """Lints each file, then checks that no two documents share a name and a namespace, and what they say about each other."""
    result = LintResult()
    seen: dict[tuple[str, str], Linted[AnyDocument]] = {}
    for file, content in files:
        alone = lint(content, file, namespace, pass_over, look, leave_out)
        result.diagnostics += alone.diagnostics
        result.passed_over += alone.passed_over
        result.ignores |= alone.ignores
        twins = []
        for name, own_namespace, linted in alone.named:
            if (name, own_namespace) in seen:
                same = _same_name(name, own_namespace, linted, seen[name, own_namespace])
                result.diagnostics.append(linted.place_as_told(same))
                twins.append(linted)
            seen.setdefault((name, own_namespace), linted)
        result.documents += [linted for linted in alone.documents if linted not in twins]
        result.named += alone.named
    _lint_together(result)
    return result


def _same_name(name: str, namespace: str, linted: Linted[AnyDocument], other: Linted[AnyDocument]) -> Finding:
    subject = "metadata.name" if linted.within is None else f"the name of the {NOUNS[linted.kind]}"
    message = f"{subject} {name} in namespace {namespace} is taken by a {NOUNS[other.kind]} of {other.file}"
    return Finding("VR112", ("metadata", "name"), message, "rename one of the two: they would share an output folder")


def _lint_together(result: LintResult) -> None:
    """Adds what the documents say about each other, and silences what their ignore comments name."""
    together = Together(result, EmitOptions())
    found = [
        linted.place(finding) for linted in result.documents for finding in KINDS[linted.kind].among(linted, together)
    ]
    by_file: dict[str, list[Diagnostic]] = {diagnostic.file: [] for diagnostic in found}
    for diagnostic in found:
        by_file[diagnostic.file].append(diagnostic)
    # An error anywhere can keep the document out that the comment is about.
    checked = TOGETHER if result.ok else frozenset()
    for file in {**by_file, **result.ignores}:
        kept = silence(by_file.get(file, []), result.ignores.get(file, []), file, checked.__contains__)
        result.diagnostics += kept
    # The files stay in their order.
    rank = {file: number for number, file in enumerate(dict.fromkeys(entry.file for entry in result.diagnostics))}
    result.diagnostics = sorted(worst_first(result.diagnostics), key=lambda entry: rank[entry.file])


def plan_schedules(linted: LintResult, options: EmitOptions) -> list[SchedulePlan]:
    """The plan of each schedule, without its files."""
    together = Together(linted, options)
    return [schedule_plan(schedule, together) for schedule in of_type(linted.documents, ValidationSchedule)]


def compile_all(
    files: Sequence[tuple[str, bytes]],
    options: EmitOptions,
    namespace: str | None = None,
    pass_over: PassOver = neighbours.nothing,
) -> CompileResult:
    """Files of specs -> output folders. An error in any file means no output at all."""
    linted = lint_all(files, namespace, pass_over)
    if not linted.ok:
        return CompileResult([], linted.diagnostics)
    return emit_all(linted, options)


def plans(linted: LintResult, options: EmitOptions) -> tuple[list[Plan], list[SuitePlan]]:
    """The plans of documents without errors: of the runs, those inside suites too, and of the suites."""
    together = Together(linted, options)
    runs = [together.plan_of(run) for run in linted.runs]
    return runs, [suite_plan(suite, together) for suite in of_type(linted.documents, ValidationSuite)]


def emit_all(linted: LintResult, options: EmitOptions, track: Track = iter) -> CompileResult:
    """Documents without errors -> output folders."""
    compiled: list[Compiled[AnyPlan]] = []
    diagnostics = list(linted.diagnostics)
    together = Together(linted, options)
    ok = linted.ok
    for document in track(in_order(linted.documents)):
        kind = KINDS[document.kind]
        findings = list(kind.among(document, together))
        ok = ok and not has_errors(findings)
        # A schedule reads the plan of what it starts, which an error may keep out. Nothing is written after an error, and only the
        # files of a run have findings of their own.
        if ok or document.kind == conventions.KIND_RUN:
            plan, files, more = kind.emit(document, together)
            findings += more
            ok = ok and not has_errors(more)
            compiled.append(Compiled(plan, files))
        # lint has already reported the warnings, and a comment may have silenced them.
        errors = [finding for finding in findings if finding.severity is Severity.ERROR]
        diagnostics += [document.place(finding) for finding in errors]
    return CompileResult(compiled if ok else [], diagnostics)

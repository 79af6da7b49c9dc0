"""
The whole compiler on one screen: text -> documents -> runs -> findings -> plans -> files.

Every stage is a function of its arguments: no clock, no environment, no network, no file system.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from validationrun.compiling.check import check
from validationrun.compiling.emit.bundle import build_bundle
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.emit.sizes import may_be_large, size_findings
from validationrun.compiling.plan import Plan, PlanOptions, build_plan
from validationrun.spec import neighbours
from validationrun.spec.findings import Diagnostic, Finding, Severity, format_path, has_errors, worst_first
from validationrun.spec.neighbours import PassOver
from validationrun.spec.parse import parse_run, run_parts
from validationrun.spec.partial import UnreadableError, unreadable
from validationrun.spec.source import Document, LoadResult, find_ignores, read
from validationrun.spec.v1alpha1 import ValidationRun

if TYPE_CHECKING:
    from validationrun.compiling.emit.files import EmittedFile

Look = Callable[[ValidationRun], Iterable[Finding]]
"""Findings about a run without errors that need more than its text, such as a running Prometheus."""

Track = Callable[[Sequence[Any]], Iterable[Any]]
"""Something to iterate a sequence through, such as a progress bar."""


LOOKED_UP: Final = frozenset({"VR590", "VR591", "VR592", "VR593", "VR594"})
"""The findings that only `look` gives."""


@dataclass(frozen=True, slots=True)
class Linted:
    """
    A run without errors, and its source: document number `index` of the file's `content`.

    `place` reads the document again, because the positions of 1,000 files would fill the memory.
    """

    run: ValidationRun
    file: str
    content: bytes = field(repr=False)
    index: int

    def place(self, finding: Finding) -> Diagnostic:
        return _place(finding, read(self.content, self.file).documents[self.index], self.file)


@dataclass(slots=True)
class LintResult:
    """
    The runs without errors in one or more files, and every diagnostic, sorted by position.

    Attributes:
        named: name and namespace of every run, also of one with errors, and the place of its name.
        passed_over: files that hold no document for the compiler.
    """

    runs: list[Linted] = field(default_factory=list)
    named: list[tuple[str, str, Linted]] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not has_errors(self.diagnostics)

    def add(self, linted: Linted, *, whole: bool) -> None:
        """Adds a run, or with `whole=False` the readable parts of one with errors."""
        if whole:
            self.runs.append(linted)
        with contextlib.suppress(UnreadableError):
            metadata = linted.run.metadata
            if metadata.namespace is not None:
                self.named.append((metadata.name, metadata.namespace, linted))


@dataclass(frozen=True, slots=True)
class Compiled:
    """One run's folder."""

    plan: Plan
    files: "list[EmittedFile]"

    @property
    def folder(self) -> str:
        return f"{self.plan.namespace}/{self.plan.name}"


@dataclass(slots=True)
class CompileResult:
    """All folders, or none when any file has an error."""

    compiled: list[Compiled]
    diagnostics: list[Diagnostic]

    @property
    def ok(self) -> bool:
        return not has_errors(self.diagnostics)


def lint(
    content: bytes,
    file: str,
    namespace: str | None = None,
    pass_over: PassOver = neighbours.nothing,
    look: Look | None = None,
) -> LintResult:
    """
    One file: read, parsed, checked.

    Args:
        namespace: for documents without a namespace; a document with another namespace is an error.
        pass_over: tells which documents are not for the compiler.
    """
    loaded = read(content, file)
    result = LintResult(diagnostics=list(loaded.diagnostics))
    if not has_errors(loaded.diagnostics):
        others = {index for index, document in enumerate(loaded.documents) if pass_over(file, document.data)}
        if len(others) == len(loaded.documents):
            result.passed_over.append(file)
        for index, document in enumerate(loaded.documents):
            if index in others:
                continue
            run, findings = _lint_document(document, namespace)
            whole = not has_errors(findings)
            if run is not None and whole:
                findings += _size_findings(run, content)
                findings += look(run) if look is not None else ()
            result.diagnostics += [_place(finding, document, file) for finding in findings]
            if run is not None:
                result.add(Linted(run, file, content, index), whole=whole and not has_errors(findings))
    result.diagnostics = worst_first(_silence(result.diagnostics, loaded, file, looked=look is not None))
    return result


def _lint_document(document: Document, namespace: str | None) -> tuple[ValidationRun | None, list[Finding]]:
    """The run and every finding. With wrong fields, the run's readable parts and the findings about these."""
    run, findings = parse_run(document.data)
    if run is None:
        run = run_parts(document.data)
    if run is None:
        return None, findings
    run, contradictions = _with_namespace(run, namespace)
    return run, [*findings, *contradictions, *check(run)]


def _with_namespace(run: ValidationRun, namespace: str | None) -> tuple[ValidationRun, list[Finding]]:
    """The run in its namespace. Where it has none, or two, the namespace cannot be read."""
    try:
        own = run.metadata.namespace
    except UnreadableError:
        return run, []
    if own is not None and namespace in (None, own):
        return run, []
    if own is None and namespace is not None:
        return run.model_copy(update={"metadata": run.metadata.model_copy(update={"namespace": namespace})}), []
    if own is None:
        message = "metadata.namespace is required, here or by --namespace"
        help_ = "add `namespace:`, or give --namespace"
        finding = Finding("VR113", ("metadata", "namespace"), message, help_)
    else:
        message = f"metadata.namespace is {own}, but --namespace says {namespace}"
        finding = Finding("VR114", ("metadata", "namespace"), message, "leave one of the two out")
    return run.model_copy(update={"metadata": unreadable(run.metadata, "namespace")}), [finding]


def _size_findings(run: ValidationRun, source: bytes) -> list[Finding]:
    """Findings that need the finished bundle. Builds the bundle only when it could be large."""
    given = run.spec.chain.endpoints
    nodes = sum(entry.spec.replicas for entry in run.spec.chain.deployments or [])
    urls = max(len(given.rpc), len(given.evm), len(given.ws), len(given.rest)) if given else nodes
    if not may_be_large(source, urls):
        return []
    return size_findings(build_bundle(build_plan(run)))


def _place(finding: Finding, document: Document, file: str) -> Diagnostic:
    span = document.locate(finding)
    line = document.lines[span.line] if span.line < len(document.lines) else ""
    path = format_path(finding.loc)
    return Diagnostic(finding.code, finding.severity, file, span, path, finding.message, finding.help, line)


def _silence(diagnostics: Sequence[Diagnostic], loaded: LoadResult, file: str, *, looked: bool) -> list[Diagnostic]:
    """
    Leaves out warnings that an ignore comment names.

    An error cannot be silenced. A comment that silences nothing is a warning, because it would hide the next finding there.
    A file with errors gets no such warning, because an error can prevent the check that the comment is about. Nor does a
    comment about a finding of `look` when nobody looked.
    """
    errors = {diagnostic.code for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR}
    warnings: dict[str, dict[int, list[Diagnostic]]] = {}
    kept = []
    for diagnostic in diagnostics:
        if diagnostic.severity is Severity.WARNING:
            warnings.setdefault(diagnostic.code, {}).setdefault(diagnostic.span.line, []).append(diagnostic)
        else:
            kept.append(diagnostic)
    for ignore in find_ignores(loaded.documents, loaded.lines):
        by_line = warnings.get(ignore.code, {})
        silenced = ignore.applies_to & by_line.keys()
        for number in silenced:
            del by_line[number]
        checked = looked or ignore.code not in LOOKED_UP
        if not silenced and checked and (not errors or ignore.code in errors):
            message = f"this comment ignores {ignore.code}, which is no warning on this line"
            help_ = "put it on the warning's own line, or delete it; errors cannot be ignored"
            line = loaded.lines[ignore.span.line]
            kept.append(Diagnostic("VR109", Severity.WARNING, file, ignore.span, "", message, help_, line))
    return kept + [warning for by_line in warnings.values() for on_line in by_line.values() for warning in on_line]


def lint_all(
    files: Iterable[tuple[str, bytes]],
    namespace: str | None = None,
    pass_over: PassOver = neighbours.nothing,
    look: Look | None = None,
) -> LintResult:
    """Lints each file, then checks that no two runs share a name and a namespace."""
    result = LintResult()
    seen: dict[tuple[str, str], str] = {}
    for file, content in files:
        alone = lint(content, file, namespace, pass_over, look)
        result.diagnostics += alone.diagnostics
        result.passed_over += alone.passed_over
        twins = []
        for name, own_namespace, linted in alone.named:
            if (name, own_namespace) in seen:
                other = seen[name, own_namespace]
                message = f"metadata.name {name} in namespace {own_namespace} is taken by a run of {other}"
                help_ = "rename one of the two: they would share an output folder"
                result.diagnostics.append(linted.place(Finding("VR112", ("metadata", "name"), message, help_)))
                twins.append(linted)
            seen.setdefault((name, own_namespace), file)
        result.runs += [linted for linted in alone.runs if linted not in twins]
    return result


def plan_run(linted: Linted, options: EmitOptions) -> Plan:
    return build_plan(
        linted.run,
        PlanOptions(options.runner_image, options.label, options.cluster_domain, options.prometheus_url, options.lock),
    )


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


def emit_all(linted: LintResult, options: EmitOptions, track: Track = iter) -> CompileResult:
    """Runs without errors -> output folders. Imports Hera, which no earlier stage needs."""
    from validationrun.compiling.emit.files import emit  # noqa: PLC0415 - half a second that lint, explain and --help do not pay

    compiled: list[Compiled] = []
    diagnostics = list(linted.diagnostics)
    for run in track(linted.runs):
        plan = plan_run(run, options)
        emitted, findings = emit(plan, options)
        # lint has already reported the warnings, and a comment may have silenced them.
        errors = [finding for finding in findings if finding.severity is Severity.ERROR]
        diagnostics += [run.place(finding) for finding in errors]
        compiled.append(Compiled(plan, emitted))
    ok = not has_errors(diagnostics)
    return CompileResult(compiled if ok else [], diagnostics)

"""Test files from their text to their results: read, checked against their specs, run one after the other."""

import os
import pathlib
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from validationrun.base.atomic_files import open_regular
from validationrun.compiling.pipeline import Linted, LintResult, lint
from validationrun.judging.ruletest.compare import Mismatch, compare
from validationrun.judging.ruletest.model import RuleTestFile
from validationrun.judging.ruletest.parse import parse_tests, place
from validationrun.judging.ruletest.prepare import Case, prepare
from validationrun.judging.ruletest.server import private_prometheus
from validationrun.judging.ruletest.simulate import Outcome, simulate
from validationrun.judging.ruletest.strict import vacuous
from validationrun.spec import neighbours
from validationrun.spec.findings import Diagnostic, Finding, has_errors, quote, worst_first
from validationrun.spec.neighbours import PassOver
from validationrun.spec.source import MAX_BYTES, Document, read
from validationrun.spec.v1alpha1 import ValidationRun


@dataclass(frozen=True, slots=True)
class Ready:
    """A test that can run, the run whose rules it tests, and where it stands."""

    case: Case
    run: ValidationRun
    spec: str
    document: Document
    file: str


@dataclass(frozen=True, slots=True)
class Tested:
    """A test that ran."""

    ready: Ready
    outcome: Outcome
    mismatches: list[Mismatch]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.mismatches

    def place(self, finding: Finding) -> Diagnostic:
        """A finding about the test's file, with its line and column."""
        return place(finding, self.ready.document, self.ready.file)

    def place_of(self, mismatch: Mismatch) -> Diagnostic:
        """Where the expectation stands."""
        message = f"expected {mismatch.expected}, got {mismatch.got}"
        return self.place(Finding("RT201", mismatch.loc, message, ""))


@dataclass(slots=True)
class Suite:
    """All tests of all files, or what is wrong with them."""

    tests: list[Ready] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not has_errors(self.diagnostics)


def gather(
    files: Sequence[tuple[str, bytes]],
    namespace: str | None = None,
    pass_over: PassOver = neighbours.nothing,
    *,
    strict: bool = False,
) -> Suite:
    """
    The tests of files, each with its name and content; the specs that they name are read from disk.

    Args:
        namespace: for specs that name none.
        pass_over: documents that are no rule tests.
        strict: a test that proves nothing is an error.
    """
    gathering = _Gathering(namespace, pass_over, strict=strict)
    for file, content in files:
        gathering.add(file, content)
    gathering.suite.diagnostics = worst_first(gathering.suite.diagnostics)
    return gathering.suite


def check_tests(
    files: Sequence[tuple[str, bytes]], namespace: str | None, specs_with_errors: Iterable[str]
) -> list[Diagnostic]:
    """
    What is wrong with the rule tests in these files; their other documents are passed over.

    Args:
        specs_with_errors: files whose errors are shown already. Nothing is said about a test of such a spec.
    """
    shown = {os.path.realpath(path) for path in specs_with_errors}
    gathering = _Gathering(namespace, lambda _, data: not neighbours.is_rule_test(data), shown)
    for file, content in files:
        gathering.add(file, content)
    names = {file for file, _ in files}
    return worst_first(diagnostic for diagnostic in gathering.suite.diagnostics if diagnostic.file in names)


class _Gathering:
    """Reads each spec once, however many tests name it."""

    def __init__(
        self, namespace: str | None, pass_over: PassOver, shown: Collection[str] = (), *, strict: bool = False
    ) -> None:
        self.suite = Suite()
        self._namespace = namespace
        self._pass_over = pass_over
        self._shown = shown
        self._strict = strict
        self._specs: dict[str, LintResult] = {}

    def add(self, file: str, content: bytes) -> None:
        loaded = read(content, file)
        self.suite.diagnostics += loaded.diagnostics
        if has_errors(loaded.diagnostics):
            return
        for document in loaded.documents:
            if self._pass_over(file, document.data):
                continue
            parsed, findings = parse_tests(document.data)
            if parsed is not None:
                findings += self._against_run(parsed, document, file)
            self.suite.diagnostics += [place(finding, document, file) for finding in findings]

    def _against_run(self, parsed: RuleTestFile, document: Document, file: str) -> list[Finding]:
        if os.path.realpath(pathlib.Path(file).parent / parsed.spec) in self._shown:
            return []
        run = self._run(parsed, file)
        if isinstance(run, Finding):
            return [run]
        cases, findings = prepare(parsed, run.run)
        self.suite.tests += [Ready(case, run.run, os.path.realpath(run.file), document, file) for case in cases]
        if self._strict:
            findings += [finding for case in cases for finding in vacuous(case)]
        return findings

    def _run(self, parsed: RuleTestFile, file: str) -> Linted[ValidationRun] | Finding:
        path = os.path.normpath(pathlib.Path(file).parent / parsed.spec)
        found = self._spec(path)
        if isinstance(found, Finding):
            return found
        runs = {linted.run.metadata.name: linted for linted in found.runs}
        shown = ", ".join(runs) or "none"
        if parsed.run is not None:
            if parsed.run in runs:
                return runs[parsed.run]
            message = f"run {quote(parsed.run)} is not in {path}, which holds {shown}"
            return Finding("RT102", ("run",), message, "name one of these")
        if len(runs) != 1:
            return Finding("RT102", ("spec",), f"{path} holds {shown}", "say by `run:` which is meant")
        return next(iter(runs.values()))

    def _spec(self, path: str) -> LintResult | Finding:
        if path not in self._specs:
            try:
                with open_regular(pathlib.Path(path)) as stream:
                    content = stream.read(MAX_BYTES + 1)
            except (OSError, ValueError) as error:
                words = getattr(error, "strerror", None) or str(error)
                help_ = "the path is relative to the test file"
                return Finding("RT101", ("spec",), f"cannot read {path}: {words}", help_)
            linted = self._specs[path] = lint(content, path, self._namespace)
            if not linted.ok:
                # Its warnings are for `lint`; its errors are told once, however many tests name it.
                self.suite.diagnostics += linted.diagnostics
        linted = self._specs[path]
        if not linted.ok:
            return Finding("RT101", ("spec",), f"{path} has errors", "`validationrun lint` shows them")
        return linted


def run_all(suite: Suite, binary: str) -> Iterator[Tested]:
    """
    The results, each as soon as it is known. Every test has a Prometheus of its own, so that nothing of one meets another.

    Raises:
        PrivatePrometheusError
    """
    for ready in suite.tests:
        began = time.monotonic()
        with private_prometheus(binary) as prometheus:
            outcome = simulate(ready.case, prometheus)
        yield Tested(ready, outcome, compare(ready.case, outcome), time.monotonic() - began)

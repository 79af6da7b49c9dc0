"""What lint yields: documents of each kind without errors, and where each stands in its file."""

import contextlib
import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from validationrun.base import conventions
from validationrun.spec.findings import Diagnostic, Finding, Loc, format_path, has_errors
from validationrun.spec.parse import AnyDocument
from validationrun.spec.partial import UnreadableError
from validationrun.spec.source import Document, Ignore, read
from validationrun.spec.v1alpha1 import ValidationRun

D_co = TypeVar("D_co", bound=AnyDocument, covariant=True)

NOUNS: Final = {
    conventions.KIND_RUN: "run",
    conventions.KIND_SUITE: "suite",
    conventions.KIND_SCHEDULE: "schedule",
}
"""What messages call a document of each kind."""


@dataclass(frozen=True, slots=True)
class Linted(Generic[D_co]):
    """
    A document without errors, and its source: document number `index` of the file's `content`.

    `place` reads the document again, because the positions of 1,000 files would fill the memory.

    Attributes:
        within: the field that holds this document's `spec`, for a run or suite that is written inside another document.
    """

    document: D_co
    file: str
    content: bytes = field(repr=False)
    index: int
    within: Loc | None = None

    @property
    def kind(self) -> str:
        return self.document.kind

    @property
    def run(self: "Linted[ValidationRun]") -> ValidationRun:
        return self.document

    @property
    def name(self) -> str:
        return self.document.metadata.name

    @property
    def namespace(self) -> str:
        """Set on every document that passed its checks."""
        return self.document.metadata.namespace or ""

    def place(self, finding: Finding) -> Diagnostic:
        """The finding, whose path counts from this document, with its line and column."""
        return self._placed(outer_finding(finding, self.within))

    def place_as_told(self, finding: Finding) -> Diagnostic:
        """Like `place`, for words that name no field: they may name a file, and stay as they are."""
        return self._placed(dataclasses.replace(finding, loc=_outer_loc(finding.loc, self.within)))

    def _placed(self, outer: Finding) -> Diagnostic:
        return place(outer, read(self.content, self.file).documents[self.index], self.file)


@dataclass(slots=True)
class LintResult:
    """
    The documents without errors in one or more files, and every diagnostic, sorted by position.

    Attributes:
        named: name and namespace of every document, also of one with errors, and the place of its name.
        passed_over: files that hold no document for the compiler.
        ignores: the ignore comments about findings that several documents give together, by file, each with its source line.
    """

    documents: list[Linted[AnyDocument]] = field(default_factory=list)
    named: list[tuple[str, str, Linted[AnyDocument]]] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    ignores: dict[str, list[tuple[Ignore, str]]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not has_errors(self.diagnostics)

    @property
    def runs(self) -> list[Linted[ValidationRun]]:
        return of_type(self.documents, ValidationRun)

    def add(self, linted: Linted[AnyDocument], *, whole: bool) -> None:
        """Adds a document, or with `whole=False` the readable parts of one with errors."""
        if whole:
            self.documents.append(linted)
        with contextlib.suppress(UnreadableError):
            metadata = linted.document.metadata
            if metadata.namespace is not None:
                self.named.append((metadata.name, metadata.namespace, linted))


_D = TypeVar("_D", bound=AnyDocument)


def of_type(documents: Sequence[Linted[Any]], kind: type[_D]) -> list[Linted[_D]]:
    """The documents of one kind, in their order."""
    return [linted for linted in documents if isinstance(linted.document, kind)]


def nested(within: Loc | None, inner: Loc) -> Loc:
    """The field of the whole document for a field of what is written inside it."""
    return inner if within is None else (*within, *inner[1:])


def outer_finding(finding: Finding, within: Loc | None) -> Finding:
    """
    A finding about a document that is written inside another one, as a finding about the outer one.

    Args:
        within: the field that holds the inner document's `spec`; the inner document's name follows from the entry around it.
    """
    if within is None:
        return finding
    loc = _outer_loc(finding.loc, within)
    message, inner = finding.message, format_path(finding.loc)
    if inner and message.startswith(inner) and not inner.startswith("spec."):
        message = format_path(loc) + message.removeprefix(inner)
    outer = f"{format_path(within)}."
    message, help_ = (
        _FIELD_OF_INNER.sub(lambda found: found["quoted"] or outer, text) for text in (message, finding.help)
    )
    return dataclasses.replace(finding, loc=loc, message=message, help=help_)


def _outer_loc(loc: Loc, within: Loc | None) -> Loc:
    if within is None:
        return loc
    return (*within, *loc[1:]) if loc[:1] == ("spec",) else within[:-1]


_FIELD_OF_INNER: Final = re.compile(r'(?P<quoted>"(?:[^"\\]|\\.)*")|(?<![\w./\]-])spec\.(?=[a-z])')
"""
The start of a path in a message about a run, or a quoted value of the user, which stays.

No field of the run's own is named `spec` at the root of a longer path.
"""


def place(finding: Finding, document: Document, file: str) -> Diagnostic:
    span = document.locate(finding)
    line = document.lines[span.line] if span.line < len(document.lines) else ""
    path = format_path(finding.loc)
    return Diagnostic(finding.code, finding.severity, file, span, path, finding.message, finding.help, line)

"""
Messages about the user's file: findings, their positions, and their text form.

Nothing here depends on ValidationRun.
A stage returns `Finding`s with a field path; `pipeline` turns each into a `Diagnostic` with line and column.
"""

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from validationrun.base.text import printable

Loc = tuple[str | int, ...]
"""A field path: keys and list indexes from the document's root."""

_SHOWN_WIDTH = 120
"""A longer source line is cut to a window around the finding."""


class Severity(enum.StrEnum):
    """An error stops the compiler; a warning does not, unless the user asks for `--strict`."""

    ERROR = "error"
    WARNING = "warning"


class Anchor(enum.Enum):
    """The part of a field that a finding points at."""

    VALUE = "value"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One fault of a document, reported by a stage that knows field paths but no positions.

    Attributes:
        code: `VRnnn`, listed in `docs/diagnostics.md`.
        loc: the field. A path that does not exist in the file points at its nearest parent.
        message: what is wrong; begins with the field path, if there is one.
        help: how to fix the fault, in one sentence.
        anchor: points at the field's key or at its value.
        token: points at this text inside the value, when the value holds it exactly once.
    """

    code: str
    loc: Loc
    message: str
    help: str
    severity: Severity = Severity.ERROR
    anchor: Anchor = Anchor.VALUE
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A part of one source line. Numbers count from 0, columns in code points; `end_column` is exclusive."""

    line: int
    column: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding with its position, as the user sees it and `-o json` prints it."""

    code: str
    severity: Severity
    file: str
    span: Span
    path: str
    message: str
    help: str
    source_line: str

    @property
    def line(self) -> int:
        """Counted from 1, as editors do."""
        return self.span.line + 1

    @property
    def column(self) -> int:
        """Counted from 1, in code points."""
        return self.span.column + 1

    def as_json(self) -> dict[str, str | int]:
        """The stable wire form of `-o json`."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "endColumn": self.span.end_column + 1,
            "path": self.path,
            "message": self.message,
            "help": self.help,
            "sourceLine": self.source_line,
        }


def format_path(loc: Loc) -> str:
    """`("spec", "rules", 1, "a.b")` becomes `spec.rules[1]["a.b"]`."""
    parts: list[str] = []
    for part in loc:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", part):
            parts.append(f".{part}" if parts else part)
        else:
            parts.append(f"[{quote(part)}]")
    return "".join(parts)


def quote(value: object, limit: int = 60) -> str:
    """A user's value for a message: in double quotes, cut to `limit`, without terminal control characters."""
    text = str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return '"' + printable(text).replace('"', '\\"') + '"'


def render(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """
    One diagnostic as text: the headline, the source line with the position underlined, and the help.

    No character of the user's file reaches the terminal unless it is printable.
    """
    paint = _paint if color else _plain
    headline = (
        f"{paint(f'{printable(diagnostic.file)}:{diagnostic.line}:{diagnostic.column}', 'bold')}: "
        f"{paint(f'{diagnostic.severity.value}[{diagnostic.code}]', diagnostic.severity.value)}: "
        f"{printable(diagnostic.message)}"
    )
    source, start, width = _window(diagnostic)
    number = str(diagnostic.line)
    gutter = " " * len(number)
    lines = [
        headline,
        f"{number} | {source}",
        f"{gutter} | {' ' * start}{paint('^' * width, diagnostic.severity.value)}",
        f"{gutter} = help: {printable(diagnostic.help)}",
    ]
    return "\n".join(lines)


def render_github(diagnostic: Diagnostic) -> str:
    """One diagnostic as a GitHub Actions workflow command, which shows it beside the line in a pull request."""
    span = diagnostic.span
    place = f"file={_github_property(diagnostic.file)},line={diagnostic.line},col={diagnostic.column},"
    place += f"endColumn={max(span.end_column, span.column + 1) + 1},title={diagnostic.code}"
    text = f"{diagnostic.message}\n{diagnostic.help}"
    return f"::{diagnostic.severity.value} {place}::{_github_data(text)}"


def worst_first(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted by file, then line, column and code."""
    return sorted(diagnostics, key=lambda d: (d.file, d.span.line, d.span.column, d.code, d.message))


def has_errors(diagnostics: Sequence[Diagnostic | Finding]) -> bool:
    return any(d.severity is Severity.ERROR for d in diagnostics)


def _window(diagnostic: Diagnostic) -> tuple[str, int, int]:
    """The source line, cut around the position when it is long, and the start and width of the mark in it."""
    line, span = diagnostic.source_line, diagnostic.span
    start = min(span.column, len(line))
    end = max(start + 1, min(span.end_column, max(len(line), start + 1)))
    offset = 0 if len(line) <= _SHOWN_WIDTH else max(0, min(start - _SHOWN_WIDTH // 4, len(line) - _SHOWN_WIDTH))
    shown = line[offset : offset + _SHOWN_WIDTH]
    before = printable(shown[: start - offset].replace("\t", " "))
    marked = printable(shown[start - offset : end - offset].replace("\t", " "))
    after = printable(shown[end - offset :].replace("\t", " "))
    prefix = "…" if offset else ""
    suffix = "…" if offset + _SHOWN_WIDTH < len(line) else ""
    return f"{prefix}{before}{marked}{after}{suffix}", len(prefix) + len(before), max(1, len(marked))


_COLORS = {"bold": "\x1b[1m", "error": "\x1b[1;31m", "warning": "\x1b[1;33m"}


def _paint(text: str, style: str) -> str:
    return f"{_COLORS[style]}{text}\x1b[0m"


def _plain(text: str, style: str) -> str:
    del style
    return text


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")

"""One YAML document: plain data, and the position of every key and value in the source."""

import re
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from validationrun.spec.findings import Anchor, Finding, Loc, Span

# The line ends of libyaml. str.splitlines() would count differently, because it accepts more line ends.
_LINE_END: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_BLOCK_STYLES: Final = ("|", ">")


def split_lines(text: str) -> list[str]:
    """The lines of a YAML text, numbered as libyaml numbers them."""
    return _LINE_END.split(text)


class Mark(Protocol):
    """A position in the source, as libyaml gives it: line and column count from 0, columns in code points."""

    line: int
    column: int


@dataclass(slots=True)
class Collection:
    """A mapping or sequence in the source. Its fields have the names of libyaml's event fields."""

    start_mark: Mark
    end_mark: Mark
    children: "dict[str, Entry] | list[Node]"


class Scalar(Protocol):
    """A scalar in the source: libyaml's unchanged event. The scalar's value may have another type than its text."""

    value: str
    style: str | None
    tag: str | None
    anchor: str | None
    implicit: tuple[bool, bool]
    start_mark: Mark
    end_mark: Mark


Node = Collection | Scalar
"""The position of one value. A value that an alias repeats has the position of its anchor."""

Entry = tuple[Node, Node]
"""The positions of a key and of its value."""


def is_block(scalar: Scalar) -> bool:
    """Whether this is a block scalar (`|` or `>`), whose text begins on the line after its start."""
    return scalar.style in _BLOCK_STYLES


@dataclass(slots=True)
class Document:
    """
    Plain data (dict, list, str, int, float, bool, None) and the tree of its positions.

    `lines` are the lines of the whole file, shared by all documents in it.
    """

    data: Any
    root: Node = field(repr=False)
    lines: list[str] = field(repr=False)

    def locate(self, finding: Finding) -> Span:
        """
        The position of a finding: the field's key or value, or a token inside the value.

        A path that does not exist (a missing field) points at the key of its nearest existing parent.
        """
        node, entry, complete = self._walk(finding.loc)
        if finding.token is not None and complete:
            span = self._token(node, finding.token)
            if span is not None:
                return span
        if entry is not None and (finding.anchor is Anchor.KEY or not complete):
            return self._span(entry[0])
        return self._first_line(node)

    def _walk(self, loc: Loc) -> tuple[Node, Entry | None, bool]:
        """The deepest node on the path, the entry whose key names it (None in a list), and whether the whole path exists."""
        node: Node = self.root
        entry: Entry | None = None
        for part in loc:
            children = node.children if isinstance(node, Collection) else None
            if isinstance(children, dict) and part in children:
                entry = children[part]
                node = entry[1]
            elif isinstance(children, list) and isinstance(part, int) and part < len(children):
                node, entry = children[part], None
            else:
                return node, entry, False
        return node, entry, True

    def _first_line(self, node: Node) -> Span:
        """The first line of a value; for a block scalar, the first line of its text that is not empty."""
        if isinstance(node, Collection):
            if not node.children:
                return self._span(node)
            if isinstance(node.children, list):
                return self._first_line(node.children[0])
            first_key, _ = next(iter(node.children.values()))
            return self._span(first_key)
        if is_block(node):
            # A block ends at the start of the next line, or after its last character at the end of the file.
            for line in range(node.start_mark.line + 1, node.end_mark.line + (node.end_mark.column > 0)):
                text = self.lines[line]
                if text.strip(" "):
                    return Span(line, len(text) - len(text.lstrip(" ")), len(text))
        return self._span(node)

    def _token(self, node: Node, token: str) -> Span | None:
        """The only occurrence of a token in the value's source text; None for no occurrence or several."""
        start, end = node.start_mark, node.end_mark
        span: Span | None = None
        for number in range(start.line, min(end.line + 1, len(self.lines))):
            text = self.lines[number]
            low = start.column if number == start.line else 0
            high = end.column if number == end.line else len(text)
            at = text.find(token, low, high)
            while at != -1:
                if span is not None:
                    return None
                span = Span(number, at, at + len(token))
                at = text.find(token, at + 1, high)
        return span

    def _span(self, node: Node) -> Span:
        """From the node's start to its end, or to the end of its first line."""
        start, end = node.start_mark, node.end_mark
        if end.line == start.line:
            return Span(start.line, start.column, max(end.column, start.column + 1))
        length = len(self.lines[start.line].rstrip()) if start.line < len(self.lines) else start.column
        return Span(start.line, start.column, max(length, start.column + 1))

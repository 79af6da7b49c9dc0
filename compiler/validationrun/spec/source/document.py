"""One YAML document: plain data, and the place of every key and value in the source."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from validationrun.spec.findings import Anchor, Finding, Loc, Span

# Where libyaml ends a line. str.splitlines() knows more line ends than YAML does, so it would count differently.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def split_lines(text: str) -> list[str]:
    """The lines of a YAML text, numbered as libyaml numbers them."""
    return _LINE_END.split(text)


class Mark(Protocol):
    """A place in the source, from 0, columns in code points: libyaml's own marks, kept as they are."""

    line: int
    column: int


@dataclass(slots=True)
class Node:
    """
    The place of one value.

    `children` is a dict of key -> Entry for a mapping, a list of Node for a sequence, None for a scalar.
    A value that an alias repeats has the place of its anchor.
    """

    start: Mark
    end: Mark
    children: "dict[str, Entry] | list[Node] | None" = None
    block: bool = False
    """A block scalar (`|` or `>`): its text begins on the line after `start`."""


@dataclass(slots=True)
class Entry:
    """A key of a mapping and the value behind it."""

    key_start: Mark
    key_end: Mark
    node: Node


@dataclass(slots=True)
class Document:
    """
    Plain data (dict, list, str, int, float, bool, None) and the tree of its places.

    `lines` are the lines of the whole file, shared by all documents in it.
    The tree is made when the first place is asked for: most documents have nothing to point at.
    """

    data: Any
    make_root: Callable[[], Node] = field(repr=False)
    lines: list[str] = field(repr=False)
    _root: Node | None = field(default=None, repr=False)

    @property
    def root(self) -> Node:
        if self._root is None:
            self._root = self.make_root()
        return self._root

    def locate(self, finding: Finding) -> Span:
        """
        Where a finding points: the field's key or value, or a token inside the value.

        A path that leads nowhere (a missing field) points at the key of the nearest parent that is there.
        """
        node, entry, complete = self._walk(finding.loc)
        if finding.token is not None and complete:
            span = self._token(node, finding.token)
            if span is not None:
                return span
        if entry is not None and (finding.anchor is Anchor.KEY or not complete):
            return self._span(entry.key_start, entry.key_end)
        return self._first_line(node)

    def _walk(self, loc: Loc) -> tuple[Node, Entry | None, bool]:
        """The deepest node on the path, the entry whose key names it (None in a list), and whether the path was walked whole."""
        node: Node = self.root
        entry: Entry | None = None
        for part in loc:
            children = node.children
            if isinstance(children, dict) and part in children:
                entry = children[part]
                node = entry.node
            elif isinstance(children, list) and isinstance(part, int) and part < len(children):
                node, entry = children[part], None
            else:
                return node, entry, False
        return node, entry, True

    def _first_line(self, node: Node) -> Span:
        """The value's first line: a block scalar's is the first line of its text that is not empty."""
        if node.block:
            # A block ends at the start of the line behind it, or behind its last character when the file ends there.
            for line in range(node.start.line + 1, node.end.line + (node.end.column > 0)):
                text = self.lines[line]
                if text.strip(" "):
                    return Span(line, len(text) - len(text.lstrip(" ")), len(text))
        if isinstance(node.children, (dict, list)) and not node.children:
            return self._span(node.start, node.end)
        if isinstance(node.children, dict):
            first = next(iter(node.children.values()))
            return self._span(first.key_start, first.key_end)
        if isinstance(node.children, list):
            return self._first_line(node.children[0])
        return self._span(node.start, node.end)

    def _token(self, node: Node, token: str) -> Span | None:
        """The one place of a token in a scalar's source text; None when there is none, or several."""
        found: Span | None = None
        for number in range(node.start.line, min(node.end.line + 1, len(self.lines))):
            text = self.lines[number]
            low = node.start.column if number == node.start.line else 0
            high = node.end.column if number == node.end.line else len(text)
            at = text.find(token, low, high)
            while at != -1:
                if found is not None:
                    return None
                found = Span(number, at, at + len(token))
                at = text.find(token, at + 1, high)
        return found

    def _span(self, start: Mark, end: Mark) -> Span:
        if end.line == start.line:
            return Span(start.line, start.column, max(end.column, start.column + 1))
        length = len(self.lines[start.line].rstrip()) if start.line < len(self.lines) else start.column
        return Span(start.line, start.column, max(length, start.column + 1))

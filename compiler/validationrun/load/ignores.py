"""Comments that silence one finding: `# validationrun: ignore VR406` on the finding's line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from validationrun.diagnostics import Span
from validationrun.load.document import Document, Node

_IGNORE = re.compile(r"(?:^|(?<=\s))#\s*validationrun:\s*ignore\s+(VR\d{3}(?:\s*,\s*VR\d{3})*)")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One code of one ignore comment; `applies_to` are the lines (from 0) whose findings it silences."""

    code: str
    span: Span
    applies_to: frozenset[int]


def find_ignores(documents: Sequence[Document], lines: Sequence[str]) -> list[Ignore]:
    """
    The ignore comments of a file.

    A `#` inside quoted or block text is the user's text, not a comment.
    One exception: on the head line of a block scalar (`promql: | # validationrun: ignore VR554`) the comment is YAML's
    own and silences findings on the block's text too, where a comment would be part of the value.
    """
    found: list[Ignore] = []
    for number, line in enumerate(lines):
        if "validationrun:" not in line:
            continue
        for match in _IGNORE.finditer(line):
            if any(_inside_text(document.root, number, match.start()) for document in documents):
                continue
            applies_to = {number}
            for document in documents:
                applies_to |= _block_lines(document.root, number)
            for code in re.finditer(r"VR\d{3}", match[1]):
                start = match.start(1) + code.start()
                found.append(Ignore(code[0], Span(number, start, start + 5), frozenset(applies_to)))
    return found


def _scalars(root: Node) -> list[Node]:
    """Every scalar below a node. Aliased subtrees are shared, so each node is visited once."""
    todo, seen, scalars = [root], set(), []
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.children is None:
            scalars.append(node)
        elif isinstance(node.children, dict):
            todo.extend(entry.node for entry in node.children.values())
        else:
            todo.extend(node.children)
    return scalars


def _inside_text(root: Node, line: int, column: int) -> bool:
    for node in _scalars(root):
        if node.block:
            if node.start.line < line < node.end.line or (line == node.end.line and column < node.end.column):
                return True
        elif (node.start.line, node.start.column) <= (line, column) < (node.end.line, node.end.column):
            return True
    return False


def _block_lines(root: Node, head: int) -> set[int]:
    """The text lines of block scalars that open on this line."""
    lines: set[int] = set()
    for node in _scalars(root):
        if node.block and node.start.line == head:
            lines.update(range(head + 1, node.end.line + 1))
    return lines

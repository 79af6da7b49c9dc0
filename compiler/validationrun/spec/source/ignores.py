"""Comments that silence one finding: `# validationrun: ignore VR406` on the finding's line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from validationrun.spec.findings import Span
from validationrun.spec.source.document import Document, Node

_MARK = "validationrun:"
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
    if not any(_MARK in line for line in lines):
        return []
    by_line = _scalars_by_line(documents)
    found: list[Ignore] = []
    for number, line in enumerate(lines):
        if _MARK not in line:
            continue
        touching = by_line.get(number, [])
        for match in _IGNORE.finditer(line):
            if any(_inside_text(node, number, match.start()) for node in touching):
                continue
            applies_to = {number}
            for node in touching:
                if node.block and node.start.line == number:
                    applies_to.update(range(number + 1, node.end.line + 1))
            for code in re.finditer(r"VR\d{3}", match[1]):
                start = match.start(1) + code.start()
                found.append(Ignore(code[0], Span(number, start, start + 5), frozenset(applies_to)))
    return found


def _scalars_by_line(documents: Sequence[Document]) -> dict[int, list[Node]]:
    """Every scalar by each line that it touches. Aliased subtrees are shared, so each node is visited once."""
    todo: list[Node] = [document.root for document in documents]
    seen: set[int] = set()
    by_line: dict[int, list[Node]] = {}
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.children is None:
            for number in range(node.start.line, node.end.line + 1):
                by_line.setdefault(number, []).append(node)
        elif isinstance(node.children, dict):
            todo.extend(entry.node for entry in node.children.values())
        else:
            todo.extend(node.children)
    return by_line


def _inside_text(node: Node, line: int, column: int) -> bool:
    if node.block:
        return node.start.line < line < node.end.line or (line == node.end.line and column < node.end.column)
    return (node.start.line, node.start.column) <= (line, column) < (node.end.line, node.end.column)

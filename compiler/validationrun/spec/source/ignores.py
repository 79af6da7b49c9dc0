"""Comments that silence one finding: `# validationrun: ignore VR406` on the finding's line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from validationrun.spec.findings import Span
from validationrun.spec.source.document import Collection, Document, Node, Scalar, is_block

_MARK = "validationrun:"
_IGNORE = re.compile(r"(?:^|(?<=\s))#\s*validationrun:\s*ignore\s+(VR\d{3}(?:\s*,\s*VR\d{3})*)")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One code of one ignore comment; `applies_to` holds the lines (from 0) whose findings it silences."""

    code: str
    span: Span
    applies_to: frozenset[int]


def find_ignores(documents: Sequence[Document], lines: Sequence[str]) -> list[Ignore]:
    """
    The ignore comments of a file.

    A `#` inside quoted or block text is the user's text, not a comment.
    A comment on the head line of a block scalar (`promql: | # validationrun: ignore VR554`) also silences findings on
    the block's text, because a `#` there would be part of the value.
    """
    if not any(_MARK in line for line in lines):
        return []
    by_line = _scalars_by_line(documents)
    ignores: list[Ignore] = []
    for number, line in enumerate(lines):
        if _MARK not in line:
            continue
        touching = by_line.get(number, [])
        for match in _IGNORE.finditer(line):
            if any(_inside_text(scalar, number, match.start()) for scalar in touching):
                continue
            applies_to = {number}
            for scalar in touching:
                if is_block(scalar) and scalar.start_mark.line == number:
                    applies_to.update(range(number + 1, scalar.end_mark.line + 1))
            for code in re.finditer(r"VR\d{3}", match[1]):
                start = match.start(1) + code.start()
                ignores.append(Ignore(code[0], Span(number, start, start + 5), frozenset(applies_to)))
    return ignores


def _scalars_by_line(documents: Sequence[Document]) -> dict[int, list[Scalar]]:
    """The scalars on each line. Visits each node once, because aliases share subtrees."""
    todo: list[Node] = [document.root for document in documents]
    seen: set[int] = set()
    by_line: dict[int, list[Scalar]] = {}
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not isinstance(node, Collection):
            for number in range(node.start_mark.line, node.end_mark.line + 1):
                by_line.setdefault(number, []).append(node)
        elif isinstance(node.children, dict):
            todo.extend(value for _, value in node.children.values())
        else:
            todo.extend(node.children)
    return by_line


def _inside_text(scalar: Scalar, line: int, column: int) -> bool:
    start, end = scalar.start_mark, scalar.end_mark
    if is_block(scalar):
        return start.line < line < end.line or (line == end.line and column < end.column)
    return (start.line, start.column) <= (line, column) < (end.line, end.column)

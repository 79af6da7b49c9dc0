"""Which stretch of time each selector of a query looks at, seen from the time of its evaluation."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import promql_parser as promql

from validationrun.spec.promql.tree import children


@dataclass(frozen=True, slots=True)
class Reach:
    """
    Attributes:
        selector: the vector selector.
        back_s: how far it looks back, all ranges and offsets together.
        shift_s: how much of that is offset; negative looks ahead.
        span_s: the length of what it looks at; 0 for the newest sample alone.
        at_s: the fixed time, in Unix seconds, that `@` names; None without one. The other figures count from there.
    """

    selector: Any
    back_s: float = 0
    shift_s: float = 0
    span_s: float = 0
    at_s: float | None = None

    def over(self, seconds: float, selector: Any = None) -> "Reach":
        """The reach of a selector with this range added: it begins that many seconds earlier."""
        return Reach(selector, self.back_s + seconds, self.shift_s, self.span_s + seconds, self.at_s)


@functools.lru_cache(maxsize=1)
def reaches(tree: Any) -> tuple[Reach, ...]:
    """Of each selector, left to right. Cached for the next check of the same query."""
    return tuple(_reaches(tree, Reach(None)))


def _reaches(node: Any, so_far: Reach) -> Iterator[Reach]:
    if isinstance(node, promql.MatrixSelector):
        selector = node.vector_selector
        yield _shifted(selector, so_far).over(node.range.total_seconds(), selector)
    elif isinstance(node, promql.VectorSelector):
        yield _shifted(node, so_far).over(0, node)
    else:
        if isinstance(node, promql.SubqueryExpr):
            so_far = _shifted(node, so_far)
            so_far = so_far.over(node.range.total_seconds() if node.range else 0)
        for child in children(node):
            yield from _reaches(child, so_far)


def _shifted(node: Any, so_far: Reach) -> Reach:
    if node.offset is None and node.at is None:
        return so_far
    shift = node.offset.total_seconds() if node.offset is not None else 0
    if node.at is not None and node.at.at is not None:
        # `@ start()` and `@ end()` are the time of the evaluation, because a rule asks for one time.
        return Reach(None, shift, shift, 0, node.at.at.timestamp())
    return replace(so_far, back_s=so_far.back_s + shift, shift_s=so_far.shift_s + shift)

"""The parts of a syntax tree: its nodes, their types, its selectors and ranges."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import promql_parser as promql

_RANGE_FUNCTIONS: Final = frozenset(
    {"rate", "irate", "increase", "delta", "idelta", "deriv", "changes", "resets", "predict_linear"}
)
"""Functions that need two samples in their range."""


@dataclass(frozen=True, slots=True)
class RangeUse:
    """A function over a range: its name, and the range in seconds."""

    function: str
    seconds: float


def value_type(tree: Any) -> str:
    """The type of the query's result: `scalar`, `vector`, `matrix` or `string`."""
    tree = bare(tree)
    kind = type(tree)
    if kind is promql.Call:
        return "scalar" if tree.func.name in ("scalar", "time", "pi") else "vector"
    if kind is promql.BinaryExpr:
        return "scalar" if value_type(tree.lhs) == value_type(tree.rhs) == "scalar" else "vector"
    if kind is promql.UnaryExpr:
        return value_type(tree.expr)
    return _TYPES.get(kind, "vector")


_TYPES: Final[dict[type, str]] = {
    promql.NumberLiteral: "scalar",
    promql.StringLiteral: "string",
    promql.MatrixSelector: "matrix",
    promql.SubqueryExpr: "matrix",
}


@functools.lru_cache(maxsize=1)
def nodes(tree: Any) -> tuple[Any, ...]:
    """The tree's nodes, outermost first, left to right. Cached for the next check of the same query."""
    visited = []
    todo = [tree]
    while todo:
        node = todo.pop()
        visited.append(node)
        todo.extend(reversed(children(node)))
    return tuple(visited)


_CHILDREN: Final[dict[type, Callable[[Any], list[Any]]]] = {
    promql.BinaryExpr: lambda node: [node.lhs, node.rhs],
    promql.Call: lambda node: list(node.args),
    promql.AggregateExpr: lambda node: [child for child in (node.param, node.expr) if isinstance(child, promql.Expr)],
    promql.MatrixSelector: lambda node: [node.vector_selector],
    promql.ParenExpr: lambda node: [node.expr],
    promql.UnaryExpr: lambda node: [node.expr],
    promql.SubqueryExpr: lambda node: [node.expr],
}


def children(node: Any) -> list[Any]:
    children = _CHILDREN.get(type(node))
    return children(node) if children else []


def bare(tree: Any) -> Any:
    while isinstance(tree, promql.ParenExpr):
        tree = tree.expr
    return tree


def selectors(tree: Any) -> list[Any]:
    return [node for node in nodes(tree) if isinstance(node, promql.VectorSelector)]


def matcher_values(selector: Any) -> list[str]:
    """The values of all positive matchers (`=` and `=~`), including those of `or` groups."""
    groups = [selector.matchers.matchers, *selector.matchers.or_matchers]
    positive = (promql.MatchOp.Equal, promql.MatchOp.Re)
    return [matcher.value for group in groups for matcher in group if matcher.op in positive]


def range_uses(tree: Any) -> list[RangeUse]:
    """Each function that needs two samples, with its range."""
    uses = []
    for node in nodes(tree):
        if isinstance(node, promql.Call) and node.func.name in _RANGE_FUNCTIONS:
            for argument in map(bare, node.args):
                if isinstance(argument, promql.MatrixSelector):
                    uses.append(RangeUse(node.func.name, argument.range.total_seconds()))
    return uses


def ranges(tree: Any) -> list[float]:
    """The length in seconds of every range in the query, including subqueries."""
    lengths = [node.range.total_seconds() for node in nodes(tree) if isinstance(node, promql.MatrixSelector)]
    return lengths + [
        node.range.total_seconds() for node in nodes(tree) if isinstance(node, promql.SubqueryExpr) and node.range
    ]

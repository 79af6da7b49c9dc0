"""The parts of a syntax tree: its nodes, their types, its selectors and ranges."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.functions import NEED_TWO, SCALARS

CACHED_NODES: Final = 4096
"""More than a query has. A check asks the same of a node again and again, and a chain of operators is deep."""

MOST_DEEP: Final = 150
"""The depth of a tree beyond which nothing is said of it: what judges one recurses, with up to three calls for each level."""

COMPARISONS: Final = frozenset({"==", "!=", ">", "<", ">=", "<="})
_RANGE_FUNCTIONS: Final = NEED_TWO | {"changes", "resets"}
"""Functions that say something only with two samples in their range."""

_POSITIVE: Final = (promql.MatchOp.Equal, promql.MatchOp.Re)


@dataclass(frozen=True, slots=True)
class RangeUse:
    """A function over a range: its name, and the range in seconds."""

    function: str
    seconds: float


@functools.lru_cache(maxsize=CACHED_NODES)
def function_name(call: Any) -> str:
    """Cached, because promql-parser copies the function's whole signature to tell its name."""
    return str(call.func.name)


@functools.lru_cache(maxsize=CACHED_NODES)
def operator_of(node: Any) -> str:
    """Of a binary operator or an aggregation, as it is written. Cached, because promql-parser makes its text anew."""
    return str(node.op)


@functools.lru_cache(maxsize=CACHED_NODES)
def value_type(tree: Any) -> str:
    """The type of the query's result: `scalar`, `vector`, `matrix` or `string`."""
    tree = bare(tree)
    while isinstance(tree, promql.UnaryExpr):
        tree = bare(tree.expr)
    kind = type(tree)
    if kind is promql.Call:
        return "scalar" if function_name(tree) in SCALARS else "vector"
    if kind is promql.BinaryExpr:
        return "scalar" if all(value_type(operand) == "scalar" for operand in _operands(tree)) else "vector"
    return _TYPES.get(kind, "vector")


def _operands(tree: Any) -> Iterator[Any]:
    """Of a chain of binary operators, in a loop: five hundred of them are too deep for calls of a function by itself."""
    todo = [tree]
    while todo:
        node = bare(todo.pop())
        if isinstance(node, promql.BinaryExpr):
            todo += (node.rhs, node.lhs)
        else:
            yield node


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


def depth(tree: Any) -> int:
    """How many nodes stand within each other; a chain of operators is as deep as it is long."""
    deepest, todo = 0, [(tree, 1)]
    while todo:
        node, level = todo.pop()
        deepest = max(deepest, level)
        todo.extend((child, level + 1) for child in children(node))
    return deepest


def bare(tree: Any) -> Any:
    while isinstance(tree, promql.ParenExpr):
        tree = tree.expr
    return tree


def is_bool(tree: Any) -> bool:
    """Whether a comparison gives 0 or 1, and does not filter."""
    return tree.modifier is not None and bool(tree.modifier.return_bool)


def selectors(tree: Any) -> list[Any]:
    return [node for node in nodes(tree) if isinstance(node, promql.VectorSelector)]


def metric_name(selector: Any) -> str | None:
    """The metric's name, or the regular expression for it; None without either."""
    if selector.name is not None:
        return str(selector.name)
    matchers = selector.matchers.matchers
    return next((matcher.value for matcher in matchers if matcher.name == "__name__" and matcher.op in _POSITIVE), None)


def is_plain_selector(tree: Any) -> bool:
    """Whether the query is one metric's name with label matchers, without range, `offset` and `@`."""
    return isinstance(tree, promql.VectorSelector) and bool(tree.name) and tree.offset is None and tree.at is None


def matcher_values(selector: Any) -> list[list[str]]:
    """The values of the positive matchers (`=` and `=~`), for each alternative: a selector without `or` has one."""
    always, alternatives = selector.matchers.matchers, selector.matchers.or_matchers
    groups = [[*always, *group] for group in alternatives] or [always]
    return [[matcher.value for matcher in group if matcher.op in _POSITIVE] for group in groups]


@functools.lru_cache(maxsize=1)
def range_uses(tree: Any) -> tuple[RangeUse, ...]:
    """Each function that needs two samples, with its range. Cached for the next check of the same query."""
    uses = []
    for node in nodes(tree):
        if isinstance(node, promql.Call) and function_name(node) in _RANGE_FUNCTIONS:
            for argument in map(bare, node.args):
                if isinstance(argument, promql.MatrixSelector):
                    uses.append(RangeUse(function_name(node), argument.range.total_seconds()))
    return tuple(uses)

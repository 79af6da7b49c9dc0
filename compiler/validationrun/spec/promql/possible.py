"""
The numbers that a query can give, whatever Prometheus holds.

Of metrics only the names are known, and what they mean by convention: `up` is 0 or 1, and a counter is not negative, be it by its
name or because its increase is asked.
"""

import functools
import re
from collections.abc import Callable
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql import functions, numbers
from validationrun.spec.promql.numbers import ANY, BOOLEAN, MIRRORED, NOT_NEGATIVE, Numbers
from validationrun.spec.promql.tree import (
    CACHED_NODES,
    COMPARISONS,
    bare,
    function_name,
    is_bool,
    metric_name,
    operator_of,
    value_type,
)

_COUNTER: Final = re.compile(r".*_(total|bucket|count)")
_OF_COUNTERS: Final = ("rate", "irate", "increase")
_SET: Final = ("and", "unless")


@functools.lru_cache(maxsize=CACHED_NODES)
def possible(tree: Any) -> Numbers:
    """The numbers that a sample of the tree can have."""
    calculate = _POSSIBLE.get(type(tree))
    return calculate(tree) if calculate else ANY


def _call(tree: Any) -> Numbers:
    name, arguments = function_name(tree), tree.args
    if name in _OF_COUNTERS and isinstance(bare(arguments[0]), promql.MatrixSelector):
        return NOT_NEGATIVE
    return functions.apply(name, [possible(argument) for argument in arguments])


def _aggregate(tree: Any) -> Numbers:
    parameter = possible(tree.param) if isinstance(tree.param, promql.Expr) else ANY
    return functions.aggregate(operator_of(tree), possible(tree.expr), parameter)


def of_metric(name: str | None) -> Numbers:
    """By the name or, for several metrics, by the regular expression for it."""
    if name == "up":
        return Numbers(0, 1, nan=True)
    return NOT_NEGATIVE if name and _COUNTER.fullmatch(name) else ANY


def _binary(tree: Any) -> Numbers:
    operator = operator_of(tree)
    left, right = possible(tree.lhs), possible(tree.rhs)
    if operator == "or":
        return numbers.union([left, right])
    if operator in _SET:
        return left
    fill = tree.modifier.fill_values if tree.modifier is not None else None
    if fill is not None:
        left, right = with_fill(left, fill.lhs), with_fill(right, fill.rhs)
    if operator not in COMPARISONS:
        return numbers.calculate(operator, left, right)
    if is_bool(tree):
        # NaN compares too, so both answers stay possible where the numbers alone leave one.
        return BOOLEAN if left.nan or right.nan else numbers.truth(operator, left, right)
    if value_type(tree.lhs) == "scalar":
        return numbers.kept(MIRRORED[operator], right, left)
    return numbers.kept(operator, left, right)


def with_fill(side: Numbers, fill: float | None) -> Numbers:
    return side if fill is None else numbers.union([side, numbers.exactly(fill)])


_POSSIBLE: Final[dict[type, Callable[[Any], Numbers]]] = {
    promql.NumberLiteral: lambda tree: numbers.exactly(tree.val),
    promql.VectorSelector: lambda tree: of_metric(metric_name(tree)),
    promql.MatrixSelector: lambda tree: of_metric(metric_name(tree.vector_selector)),
    promql.ParenExpr: lambda tree: possible(tree.expr),
    promql.UnaryExpr: lambda tree: numbers.negative(possible(tree.expr)),
    promql.SubqueryExpr: lambda tree: possible(tree.expr),
    promql.Call: _call,
    promql.AggregateExpr: _aggregate,
    promql.BinaryExpr: _binary,
}

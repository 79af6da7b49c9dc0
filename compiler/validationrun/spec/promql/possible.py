"""
The numbers that a query can give, whatever Prometheus holds.

Of metrics only the names are known, and what they mean by convention: `up` is 0 or 1, and a counter is not negative, be it by its
name or because its increase is asked.
"""

import functools
import re
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
    value_type,
)

_COUNTER: Final = re.compile(r".*_(total|bucket|count)")
_OF_COUNTERS: Final = ("rate", "irate", "increase")
_SET: Final = ("and", "unless")


@functools.lru_cache(maxsize=CACHED_NODES)
def possible(tree: Any) -> Numbers:
    """The numbers that a sample of the tree can have."""
    tree = bare(tree)
    if isinstance(tree, promql.NumberLiteral):
        return numbers.exactly(tree.val)
    if isinstance(tree, promql.VectorSelector):
        return of_metric(metric_name(tree))
    if isinstance(tree, promql.MatrixSelector):
        return of_metric(metric_name(tree.vector_selector))
    if isinstance(tree, promql.SubqueryExpr):
        return possible(tree.expr)
    if isinstance(tree, promql.UnaryExpr):
        return numbers.negative(possible(tree.expr))
    if isinstance(tree, promql.Call):
        if function_name(tree) in _OF_COUNTERS and isinstance(bare(tree.args[0]), promql.MatrixSelector):
            return NOT_NEGATIVE
        return functions.apply(function_name(tree), [possible(argument) for argument in tree.args])
    if isinstance(tree, promql.AggregateExpr):
        parameter = possible(tree.param) if isinstance(tree.param, promql.Expr) else ANY
        return functions.aggregate(str(tree.op), possible(tree.expr), parameter)
    return _binary(tree) if isinstance(tree, promql.BinaryExpr) else ANY


def of_metric(name: str | None) -> Numbers:
    """By the name or, for several metrics, by the regular expression for it."""
    if name == "up":
        return Numbers(0, 1, nan=True)
    return NOT_NEGATIVE if name and _COUNTER.fullmatch(name) else ANY


def _binary(tree: Any) -> Numbers:
    operator = str(tree.op)
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

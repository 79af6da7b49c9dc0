"""Which parts of a query its value is calculated from, and whether that value is exact."""

from collections.abc import Iterator
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.tree import COMPARISONS, bare, function_name, is_bool, operator_of, value_type

_EXACT_AGGREGATES: Final = frozenset({"sum", "min", "max", "count", "group", "topk", "bottomk"})
_INEXACT_FUNCTIONS: Final = frozenset(
    {"rate", "irate", "increase", "delta", "deriv", "predict_linear", "histogram_quantile", "avg_over_time", "stddev_over_time",
     "quantile_over_time", "exp", "ln", "log2", "log10", "sqrt", "stdvar_over_time", "double_exponential_smoothing"}
)  # fmt: skip
_COUNTING: Final = frozenset(
    {"absent", "absent_over_time", "count_over_time", "present_over_time", "changes", "resets", "timestamp"}
)
"""Functions whose value does not depend on their argument's numbers, or is a count of events in them."""


def value_path(tree: Any) -> Iterator[Any]:
    """The nodes that the query's number is calculated from, without those that only decide whether there is one."""
    todo = [tree]
    while todo:
        node = bare(todo.pop())
        yield node
        todo.extend(reversed(_calculated_from(node)))


def _calculated_from(node: Any) -> list[Any]:
    if isinstance(node, promql.BinaryExpr):
        return sides_of_value(node)
    if isinstance(node, promql.AggregateExpr):
        return [] if operator_of(node) in ("count", "group", "count_values") else [node.expr]
    if isinstance(node, promql.Call):
        return [] if function_name(node) in _COUNTING else list(node.args)
    return [node.expr] if isinstance(node, (promql.UnaryExpr, promql.SubqueryExpr)) else []


def sides_of_value(node: Any) -> list[Any]:
    """The operands whose numbers a binary operator passes on. A comparison without `bool` passes on the vector's."""
    operator = operator_of(node)
    if operator in COMPARISONS:
        if is_bool(node):
            return []
        return [node.rhs if value_type(node.lhs) == "scalar" else node.lhs]
    return [node.lhs] if operator in ("and", "unless") else [node.lhs, node.rhs]


def is_count(tree: Any) -> bool:
    """Whether the query's outermost part counts series or samples."""
    tree = bare(tree)
    if isinstance(tree, promql.AggregateExpr):
        return operator_of(tree) in ("count", "group") or (operator_of(tree) in ("sum", "max") and is_count(tree.expr))
    return isinstance(tree, promql.Call) and function_name(tree) in ("count_over_time", "present_over_time")


def is_exact(tree: Any) -> bool:
    """Whether whole numbers stay whole: the query's number is calculated without division, rate or average."""
    for node in value_path(tree):
        if isinstance(node, promql.BinaryExpr) and operator_of(node) in ("/", "%", "^", "atan2"):
            return False
        if isinstance(node, promql.AggregateExpr) and operator_of(node) not in _EXACT_AGGREGATES:
            return False
        if isinstance(node, promql.Call) and function_name(node) in _INEXACT_FUNCTIONS:
            return False
    return True


def functions_of_value(tree: Any) -> list[str]:
    """The functions on the way from the samples to the query's number, outermost first."""
    return [function_name(node) for node in value_path(tree) if isinstance(node, promql.Call)]

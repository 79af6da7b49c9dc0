"""Which values a query can give."""

from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.tree import bare, nodes

_EXACT_AGGREGATES: Final = frozenset({"sum", "min", "max", "count", "group", "topk", "bottomk"})
_INEXACT_FUNCTIONS: Final = frozenset(
    {"rate", "irate", "deriv", "predict_linear", "histogram_quantile", "avg_over_time", "stddev_over_time", "quantile_over_time",
     "exp", "ln", "log2", "log10", "sqrt", "stdvar_over_time", "double_exponential_smoothing"}
)  # fmt: skip


def silence_turned_into_a_value(tree: Any) -> list[str]:
    """The parts of the query that return a number when there is no data, in PromQL terms."""
    causes: list[str] = []
    for node in nodes(tree):
        if isinstance(node, promql.BinaryExpr):
            if node.modifier is not None and node.modifier.return_bool:
                causes.append("bool")
            if str(node.op) == "or" and _is_call(node.rhs, "vector"):
                causes.append("or vector()")
            if str(node.op) in ("==", "!=", "<=", ">=", "<", ">") and _compares_count_with_zero(node):
                causes.append("a count compared with 0")
        elif isinstance(node, promql.Call) and node.func.name in ("absent", "absent_over_time"):
            causes.append(f"{node.func.name}()")
    return list(dict.fromkeys(causes))


def _is_call(tree: Any, name: str) -> bool:
    tree = bare(tree)
    return isinstance(tree, promql.Call) and tree.func.name == name


def _compares_count_with_zero(node: Any) -> bool:
    sides = [bare(node.lhs), bare(node.rhs)]
    zero = any(isinstance(side, promql.NumberLiteral) and side.val == 0 for side in sides)
    return zero and any(is_count(side) for side in sides)


def is_count(tree: Any) -> bool:
    """Whether the query's outermost part counts series or samples."""
    tree = bare(tree)
    if isinstance(tree, promql.AggregateExpr):
        return str(tree.op) in ("count", "group") or (str(tree.op) in ("sum", "max") and is_count(tree.expr))
    return isinstance(tree, promql.Call) and tree.func.name == "count_over_time"


def is_exact(tree: Any) -> bool:
    """Whether whole numbers stay whole: the query has no division, rate or average."""
    for node in nodes(tree):
        if isinstance(node, promql.BinaryExpr) and str(node.op) in ("/", "%", "^", "atan2"):
            return False
        if isinstance(node, promql.AggregateExpr) and str(node.op) not in _EXACT_AGGREGATES:
            return False
        if isinstance(node, promql.Call) and node.func.name in _INEXACT_FUNCTIONS:
            return False
    return True

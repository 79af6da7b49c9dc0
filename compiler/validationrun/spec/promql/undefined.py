"""Comparisons with `bool` of a value that can be NaN, which is then 0 or 1 like a number."""

from dataclasses import dataclass
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.functions import OF_DISTRIBUTION
from validationrun.spec.promql.numbers import Numbers
from validationrun.spec.promql.possible import possible
from validationrun.spec.promql.syntax import SyntaxFault, parse
from validationrun.spec.promql.tree import COMPARISONS, bare, function_name, is_bool, value_type
from validationrun.spec.promql.values import sides_of_value, value_path

_COUNTS: Final = frozenset({"count", "group", "count_values"})
_NOT_OF_NUMBERS: Final = frozenset(
    {"absent", "absent_over_time", "changes", "count_over_time", "present_over_time", "resets", "timestamp"}
)


@dataclass(frozen=True, slots=True)
class HiddenNaN:
    """
    A comparison with `bool`, one of whose sides can be NaN.

    Attributes:
        part: of the side: the quotient or the function that gives NaN.
        operator: of the comparison.
        result: of the comparison with NaN, 0 or 1.
        value: what the whole query can be with this result.
        otherwise: what it can be with the other result.
    """

    part: Any
    operator: str
    result: int
    value: Numbers
    otherwise: Numbers


def hidden_nans(tree: Any) -> list[HiddenNaN]:
    """Those on the way to the query's number, outermost first."""
    found = []
    for node in value_path(tree):
        if not isinstance(node, promql.BinaryExpr) or str(node.op) not in COMPARISONS or not is_bool(node):
            continue
        part = _undefined(node.lhs) or _undefined(node.rhs)
        result = int(str(node.op) == "!=")
        value, otherwise = _with(tree, node, result), _with(tree, node, 1 - result)
        if part is not None and value is not None and otherwise is not None:
            found.append(HiddenNaN(part, str(node.op), result, value, otherwise))
    return found


def _with(tree: Any, part: Any, number: int) -> Numbers | None:
    """What the tree can be when a part of it is a number; None where the part cannot be replaced."""
    whole, text = str(tree), str(part)
    if text not in whole:
        return None
    try:
        return possible(
            parse(whole.replace(text, f"vector({number})" if value_type(part) == "vector" else f"{number}"))
        )
    except SyntaxFault:
        return None


def _undefined(tree: Any) -> Any:
    """The part by which a value can be NaN although all samples are numbers; None without one."""
    tree = bare(tree)
    if isinstance(tree, promql.BinaryExpr):
        return _of_binary(tree)
    if isinstance(tree, promql.AggregateExpr):
        return None if str(tree.op) in _COUNTS else _undefined(tree.expr)
    if isinstance(tree, promql.Call):
        if function_name(tree) in OF_DISTRIBUTION:
            return tree
        if function_name(tree) in _NOT_OF_NUMBERS:
            return None
        return next((part for part in map(_undefined, tree.args) if part is not None), None)
    return _undefined(tree.expr) if isinstance(tree, (promql.UnaryExpr, promql.SubqueryExpr)) else None


def _of_binary(tree: Any) -> Any:
    operator = str(tree.op)
    if operator in COMPARISONS and operator != "!=":
        # Where it filters it leaves NaN out; with `bool` it is 0 or 1.
        return None
    if operator in ("/", "%") and _can_be_zero(tree.rhs) and (operator == "%" or _can_be_zero(tree.lhs)):
        return tree
    return next((part for part in map(_undefined, sides_of_value(tree)) if part is not None), None)


def _can_be_zero(tree: Any) -> bool:
    tree = bare(tree)
    if isinstance(tree, promql.BinaryExpr) and str(tree.op) in (">", "!=") and not is_bool(tree):
        bound = possible(tree.rhs).single
        if bound == 0 or (bound is not None and bound > 0 and str(tree.op) == ">"):
            return False
    return possible(tree).can("==", 0)

"""The way from a query's outermost part inwards, and which numbers of each part fulfil the rule's condition."""

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.functions import RELABEL, SORT
from validationrun.spec.promql.possible import possible
from validationrun.spec.promql.tree import COMPARISONS, bare, function_name, operator_of, value_type


class Wants(enum.Enum):
    """Which numbers a condition holds for."""

    HIGH = "high"
    LOW = "low"
    OTHER = "other"

    @property
    def opposite(self) -> "Wants":
        return {Wants.HIGH: Wants.LOW, Wants.LOW: Wants.HIGH, Wants.OTHER: Wants.OTHER}[self]


WANTED: Final = {">": Wants.HIGH, ">=": Wants.HIGH, "<": Wants.LOW, "<=": Wants.LOW}
"""By the operator of the condition; `==` and `!=` are other."""

_RISING: Final = frozenset(
    {"ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "sqrt", "exp", "ln", "log2", "log10", "sgn"}
)
_SAME: Final = RELABEL | SORT | {"scalar", "last_over_time"}
_OVER_TIME: Final = {
    "max_over_time": "max", "min_over_time": "min", "avg_over_time": "avg", "sum_over_time": "sum", "count_over_time": "count",
    "quantile_over_time": "quantile",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """
    How a number of a part reaches the rule's condition.

    Attributes:
        wants: the numbers of the part for which the condition holds.
        zero_holds: it surely holds when the part is zero.
        inside: the outermost aggregation on the way, over series or over time, such as `max`; empty without one.
    """

    wants: Wants
    zero_holds: bool
    inside: str = ""

    @classmethod
    def of(cls, op: str, holds: Callable[[float], bool]) -> "Way":
        """Of the whole query, by the condition's operator and the condition itself."""
        return cls(WANTED.get(op, Wants.OTHER), holds(0))


def inwards(tree: Any, way: Way) -> tuple[Any, Way] | None:
    """The next part and the way to it; None where the way ends or branches, and for a selector."""
    tree = bare(tree)
    if isinstance(tree, promql.UnaryExpr):
        return tree.expr, replace(way, wants=way.wants.opposite)
    if isinstance(tree, promql.AggregateExpr):
        return tree.expr, _inside(way, operator_of(tree))
    if isinstance(tree, promql.SubqueryExpr):
        return tree.expr, way
    if isinstance(tree, promql.Call):
        return _into_call(tree, way)
    if isinstance(tree, promql.BinaryExpr) and operator_of(tree) not in COMPARISONS:
        types = (value_type(tree.lhs), value_type(tree.rhs))
        return _beside_scalar(tree, way) if sorted(types) == ["scalar", "vector"] else None
    return None


def _inside(way: Way, aggregation: str) -> Way:
    return way if way.inside else replace(way, inside=aggregation)


def _into_call(tree: Any, way: Way) -> tuple[Any, Way] | None:
    name = function_name(tree)
    vector = next((argument for argument in tree.args if value_type(argument) in ("vector", "matrix")), None)
    if vector is None:
        return None
    if name in _OVER_TIME:
        return vector, _inside(way, _OVER_TIME[name])
    if name in _SAME:
        return vector, way
    if name in _RISING:
        return vector, replace(way, zero_holds=False)
    return (vector, replace(way, wants=Wants.OTHER)) if name == "abs" else None


def _beside_scalar(tree: Any, way: Way) -> tuple[Any, Way]:
    operator, on_right = operator_of(tree), value_type(tree.lhs) == "scalar"
    vector, scalar = (tree.rhs, tree.lhs) if on_right else (tree.lhs, tree.rhs)
    factor = possible(scalar)
    scales = operator == "*" or (operator == "/" and not on_right)
    # A falling function of the vector: n - v, n / v, and v times a negative number.
    falls = on_right and operator in ("-", "/")
    if operator in ("*", "/") and factor.high < 0:
        falls = not falls
    ordered = operator in ("+", "-") or (operator in ("*", "/") and (factor.low > 0 or factor.high < 0))
    wants = (way.wants.opposite if falls else way.wants) if ordered else Wants.OTHER
    return vector, replace(way, wants=wants, zero_holds=way.zero_holds and scales)

"""Aggregations that do not show that one of their series is missing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.aggregations import outermost_aggregations
from validationrun.spec.promql.direction import Wants, Way, inwards
from validationrun.spec.promql.functions import OF_DISTRIBUTION
from validationrun.spec.promql.tree import COMPARISONS, bare, children, function_name, is_bool, operator_of, selectors
from validationrun.spec.promql.values import sides_of_value

_WORST: Final = {"min": Wants.LOW, "bottomk": Wants.LOW, "max": Wants.HIGH, "topk": Wants.HIGH}
"""The only wish for which a missing series makes no value better."""

_TYPICAL: Final = frozenset({"avg", "quantile", "stddev", "stdvar", "limitk", "limit_ratio"})
_TOTAL: Final = frozenset({"sum", "count"})


def hiding_aggregations(tree: Any, op: str, holds: Callable[[float], bool]) -> list[Any]:
    """
    The outermost aggregations under which a series can be missing and the condition holds all the same, or because of it.

    These are `min()` that must be high, `max()` and `sum()` that must be low, and every average.

    Args:
        op: of the condition.
        holds: the condition itself.
    """
    return list(_hiding(tree, Way.of(op, holds)))


def _hiding(tree: Any, way: Way) -> Iterator[Any]:
    tree = bare(tree)
    if isinstance(tree, promql.AggregateExpr):
        if _hides(operator_of(tree), way):
            yield tree
        return
    if isinstance(tree, promql.Call) and function_name(tree) in OF_DISTRIBUTION:
        yield from outermost_aggregations(tree)
        return
    for part, way_to_it in _parts(tree, way):
        if selectors(part):
            yield from _hiding(part, way_to_it)


def _hides(aggregation: str, way: Way) -> bool:
    if aggregation in _WORST:
        return way.wants is not _WORST[aggregation]
    if aggregation in _TOTAL:
        return way.wants is Wants.LOW or (way.wants is Wants.OTHER and way.zero_holds)
    return aggregation in _TYPICAL


def _parts(tree: Any, way: Way) -> list[tuple[Any, Way]]:
    step = inwards(tree, way)
    if step is not None:
        return [step]
    if isinstance(tree, promql.BinaryExpr):
        return _sides(tree, way)
    return [(child, replace(way, wants=Wants.OTHER, zero_holds=False)) for child in children(tree)]


def _sides(tree: Any, way: Way) -> list[tuple[Any, Way]]:
    """Both operands; numbers that are multiplied or divided are taken for positive."""
    operator = operator_of(tree)
    unknown = replace(way, wants=Wants.OTHER, zero_holds=False)
    if operator in COMPARISONS and is_bool(tree):
        return [(tree.lhs, unknown), (tree.rhs, unknown)]
    if operator in ("-", "/"):
        return [(tree.lhs, way), (tree.rhs, replace(way, wants=way.wants.opposite))]
    if operator in ("%", "^", "atan2"):
        return [(tree.lhs, unknown), (tree.rhs, unknown)]
    return [(side, way) for side in sides_of_value(tree)]

"""
What a query gives while no target can be scraped.

Prometheus then writes `up` as 0 for each target that it has discovered, and the series about its own scrape. It has no other series
of them.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql import functions, numbers
from validationrun.spec.promql.numbers import ANY, NAN, Numbers
from validationrun.spec.promql.tree import (
    COMPARISONS,
    MOST_DEEP,
    bare,
    depth,
    function_name,
    is_bool,
    metric_name,
    operator_of,
    selectors,
    value_type,
)

_NOUGHT: Final = frozenset(
    {
        "up",
        "scrape_samples_scraped",
        "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
        "scrape_body_size_bytes",
    }
)
"""What is 0 for a target that cannot be scraped."""

_EITHER_WAY: Final = frozenset({"scrape_duration_seconds", "scrape_timeout_seconds", "scrape_sample_limit"})
"""What has the same numbers for a target whether it can be scraped or not."""

_OF_CHANGE: Final = frozenset({*functions.NEED_TWO, "changes", "resets", "timestamp"})
"""Functions that ask when and how `up` changes. Nothing is said of a query with them: `== 1` is no way out there."""

_OF_SPREAD: Final = ("stddev", "stdvar")

_SOME: Final = Numbers(0, math.inf)

Given = Numbers | None
"""The numbers of a part of the query; None when the part has no series."""


def while_unscraped(tree: Any) -> Given:
    """The numbers that the query then gives; None when it gives nothing, and when it gives something without `up` too."""
    return _where_up_is(0, tree)


def ignores_up(tree: Any) -> bool:
    """Whether the query then gives something, and the same as where the targets are scraped."""
    zero, one = while_unscraped(tree), _where_up_is(1, tree)
    return zero is not None and one is not None and (zero.low, zero.high) == (one.low, one.high)


def of_each_target(tree: Any) -> list[Any]:
    """The selectors of series that Prometheus writes for each target that it has discovered, such as `up`."""
    return [selector for selector in selectors(tree) if metric_name(selector) in _NOUGHT | _EITHER_WAY]


def _where_up_is(value: float, tree: Any) -> Given:
    if depth(tree) > MOST_DEEP or _given(tree, None) is not None:
        return None
    return _given(tree, numbers.exactly(value))


def _given(tree: Any, up: Given) -> Given:
    """
    What a part of the query gives where Prometheus has the series of each target, and nothing else.

    Args:
        up: the numbers of those that tell whether it was scraped; None: no target.
    """
    tree = bare(tree)
    give = _GIVEN.get(type(tree))
    return give(tree, up) if give else ANY


def _selector(tree: Any, up: Given) -> Given:
    name = metric_name(tree)
    if up is None or name in _NOUGHT:
        return up
    return _SOME if name in _EITHER_WAY else None


def _unary(tree: Any, up: Given) -> Given:
    of = _given(tree.expr, up)
    return None if of is None else numbers.negative(of)


def _call(tree: Any, up: Given) -> Given:
    name, arguments = function_name(tree), [_given(argument, up) for argument in tree.args]
    if name in functions.ABSENT:
        return numbers.exactly(1) if arguments[0] is None else None
    if name == "scalar":
        return NAN if arguments[0] is None else arguments[0]
    known = [argument for argument in arguments if argument is not None]
    if len(known) < len(arguments) or name in _OF_CHANGE:
        return None
    return functions.apply(name, known)


def _aggregate(tree: Any, up: Given) -> Given:
    of, operator = _given(tree.expr, up), operator_of(tree)
    if of is None or operator in _OF_SPREAD:
        return None
    parameter = _given(tree.param, up) if isinstance(tree.param, promql.Expr) else ANY
    given = functions.aggregate(operator, of, NAN if parameter is None else parameter)
    # A sum of finite numbers is a number.
    return replace(given, nan=of.nan) if operator in ("sum", "avg") else given


def _binary(tree: Any, up: Given) -> Given:
    operator = operator_of(tree)
    left, right = _given(tree.lhs, up), _given(tree.rhs, up)
    if operator == "or":
        sides = [side for side in (left, right) if side is not None]
        return numbers.union(sides) if sides else None
    if operator == "unless":
        return left if right is None else None
    if left is None or right is None:
        return None
    if operator == "and":
        return left
    if operator not in COMPARISONS:
        return numbers.calculate(operator, left, right)
    if is_bool(tree):
        return numbers.truth(operator, left, right)
    if value_type(tree.lhs) == "scalar":
        operator, left, right = numbers.MIRRORED[operator], right, left
    return numbers.kept(operator, left, right) if numbers.compare(operator, left, right)[0] else None


_GIVEN: Final[dict[type, Callable[[Any, Given], Given]]] = {
    promql.NumberLiteral: lambda tree, _: numbers.exactly(tree.val),
    promql.VectorSelector: _selector,
    promql.MatrixSelector: lambda tree, up: _selector(tree.vector_selector, up),
    promql.SubqueryExpr: lambda tree, up: _given(tree.expr, up),
    promql.UnaryExpr: _unary,
    promql.Call: _call,
    promql.AggregateExpr: _aggregate,
    promql.BinaryExpr: _binary,
}

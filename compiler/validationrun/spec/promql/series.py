"""How many series a query can give, whatever series exist."""

from typing import Any

import promql_parser as promql

from validationrun.spec.promql.tree import bare, selectors, value_type


def may_give_several(tree: Any) -> bool:
    """
    Whether the query could return more than one series.

    False means at most one, whatever series exist: the query aggregates to one series, or `=` pins every remaining label.
    """
    tree = bare(tree)
    if isinstance(tree, promql.AggregateExpr):
        return _aggregate_may_give_several(tree)
    if isinstance(tree, promql.Call):
        if tree.func.name in ("scalar", "vector", "time", "pi", "absent", "absent_over_time"):
            return False
        if tree.func.name in ("histogram_quantile", "histogram_fraction") and _groups_only_by_le(tree.args[-1]):
            return False
        # A function without a vector argument, such as hour(), returns one series; others keep the series of their argument.
        return any(may_give_several(argument) for argument in tree.args if value_type(argument) in ("vector", "matrix"))
    if isinstance(tree, promql.BinaryExpr):
        return _binary_may_give_several(tree)
    if isinstance(tree, (promql.UnaryExpr, promql.SubqueryExpr)):
        return may_give_several(tree.expr)
    return not isinstance(tree, (promql.NumberLiteral, promql.StringLiteral))


def _groups_only_by_le(tree: Any) -> bool:
    """Whether the tree groups only by `le`, as `sum by (le) (...)` does. A quantile makes one value of such buckets."""
    tree = bare(tree)
    by_labels = (
        isinstance(tree, promql.AggregateExpr)
        and tree.modifier is not None
        and tree.modifier.type == promql.AggModifierType.By
    )
    return by_labels and set(tree.modifier.labels) <= {"le"} | _pinned_labels(tree.expr)


def _aggregate_may_give_several(tree: Any) -> bool:
    operator = str(tree.op)
    if operator == "count_values":
        return True
    if operator in ("topk", "bottomk", "limitk", "limit_ratio"):
        keeps_one = isinstance(tree.param, promql.NumberLiteral) and tree.param.val == 1 and operator != "limit_ratio"
        return not (keeps_one and tree.modifier is None)
    if tree.modifier is None:
        return False
    if tree.modifier.type == promql.AggModifierType.By:
        pinned = _pinned_labels(tree.expr)
        return not set(tree.modifier.labels) <= pinned
    return True


def _binary_may_give_several(tree: Any) -> bool:
    left = value_type(tree.lhs) == "vector" and may_give_several(tree.lhs)
    right = value_type(tree.rhs) == "vector" and may_give_several(tree.rhs)
    operator = str(tree.op)
    if operator == "or":
        # `one or vector(0)` returns the left side's series, or else the fallback, because neither has labels.
        return left or right or not (_without_labels(tree.lhs) and _without_labels(tree.rhs))
    if operator in ("and", "unless"):
        return left
    if value_type(tree.lhs) == "scalar" or value_type(tree.rhs) == "scalar":
        return left or right
    if tree.modifier is not None and tree.modifier.card == promql.VectorMatchCardinality.ManyToOne:
        return left
    if tree.modifier is not None and tree.modifier.card == promql.VectorMatchCardinality.OneToMany:
        return right
    return left and right


def _without_labels(tree: Any) -> bool:
    tree = bare(tree)
    if isinstance(tree, promql.AggregateExpr):
        return tree.modifier is None and str(tree.op) not in (
            "topk",
            "bottomk",
            "limitk",
            "limit_ratio",
            "count_values",
        )
    if isinstance(tree, promql.Call):
        return tree.func.name == "vector"
    if isinstance(tree, promql.BinaryExpr):
        vectors = [side for side in (tree.lhs, tree.rhs) if value_type(side) == "vector"]
        return all(_without_labels(side) for side in vectors)
    return False


def _pinned_labels(tree: Any) -> set[str]:
    """Labels that every selector in the tree pins with `=`. Grouping by them gives one group."""
    pinned = [
        {matcher.name for matcher in selector.matchers.matchers if matcher.op == promql.MatchOp.Equal}
        for selector in selectors(tree)
    ]
    return set.intersection(*pinned) if pinned else set()

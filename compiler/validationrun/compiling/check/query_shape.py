"""Checks whether a query can give one number at all: its type, how many series, joins, histograms, averages."""

from collections.abc import Iterator
from typing import Any, Final

import promql_parser as parser

from validationrun.compiling.check.query import Query, QueryCheck
from validationrun.spec import promql
from validationrun.spec.findings import Finding, format_path
from validationrun.spec.promql import Mismatch


def value_type(query: Query) -> Iterator[Finding]:
    kind = promql.value_type(query.tree)
    if kind in ("string", "matrix"):
        message = f"{format_path(query.loc)} gives a {kind}; a rule compares one number"
        help_ = (
            "take one value of it, for example with max_over_time()"
            if kind == "matrix"
            else "write an expression of metrics"
        )
        yield Finding("VR502", query.loc, message, help_)


def several_series(query: Query) -> Iterator[Finding]:
    if promql.value_type(query.tree) == "vector" and promql.may_give_several(query.tree):
        yield query.warning(
            "VR551",
            " can give several series; then the rule is Error AmbiguousResult",
            "aggregate to one without `by`: min() or max() for the worst series, sum() for all together",
        )


def looks_at_something(query: Query) -> Iterator[Finding]:
    if promql.value_type(query.tree) in ("scalar", "vector") and not promql.selectors(query.tree):
        yield query.warning(
            "VR559",
            " looks at no metric: its answer says nothing about the chain",
            "write an expression of metrics",
        )


def joins(query: Query) -> Iterator[Finding]:
    for node, mismatch in promql.mismatches(query.tree):
        if mismatch is Mismatch.NO_PAIR:
            message = (
                f": no series on the left of `{node.op}` has the labels of one on the right, so there is never a value "
                "and the rule is Error NoSamples"
            )
            help_ = "group both sides by the same labels, say `on (...)` with group_left(), or use scalar() for a single number"
        else:
            side, group = ("left", "group_left") if mismatch is Mismatch.SEVERAL_LEFT else ("right", "group_right")
            message = (
                f": on the {side} of `{node.op}` several series match the same one: Prometheus refuses that, and the rule is "
                "Error BadQuery"
            )
            help_ = f"aggregate the {side} side by the labels that are matched, or write {group}() when only that side has several"
        yield query.warning("VR577", message, help_)
        return


def histograms(query: Query) -> Iterator[Finding]:
    for node in promql.nodes(query.tree):
        if isinstance(node, parser.Call) and promql.function_name(node) in ("histogram_quantile", "histogram_fraction"):
            buckets = node.args[-1]
            if _is_classic(buckets) and _without_le(buckets):
                yield query.warning(
                    "VR578",
                    f": {promql.function_name(node)}() gets buckets without the label `le`, so there is never a value and the rule is "
                    "Error NoSamples",
                    "keep it: `sum by (le) (...)`",
                    token=promql.function_name(node),
                )
                return


def _is_classic(buckets: Any) -> bool:
    """A native histogram has no label `le`, and no name that ends in `_bucket`."""
    return any((selector.name or "").endswith("_bucket") for selector in promql.selectors(buckets))


def _without_le(buckets: Any) -> bool:
    names = promql.labels_of(buckets).names
    if names is not None:
        return "le" not in names
    return any(
        isinstance(node, parser.AggregateExpr)
        and node.modifier is not None
        and node.modifier.type == parser.AggModifierType.Without
        and "le" in node.modifier.labels
        for node in promql.nodes(buckets)
    )


def averages(query: Query) -> Iterator[Finding]:
    """An average of numbers from 0 to 1 against a threshold between: a share of nodes may be bad."""
    comparison = query.comparison
    if comparison is None or not 0 < comparison.limit < 1 or comparison.op in ("==", "!="):
        return
    node, way = query.tree, promql.Way.of(comparison.op, comparison.holds)
    while (step := promql.inwards(node, way)) is not None:
        node = promql.bare(node)
        if isinstance(node, parser.AggregateExpr):
            numbers = promql.possible(node.expr)
            if str(node.op) == "avg" and numbers.low >= 0 and numbers.high <= 1:
                yield query.warning(
                    "VR580",
                    f" is an average of zeros and ones: with enough nodes `{comparison}` holds although one of them is bad",
                    "use min() or max(), so that the worst node decides",
                    token="avg",  # noqa: S106 - the word that is pointed at
                )
            return
        node, way = step


CHECKS: Final[tuple[QueryCheck, ...]] = (
    value_type,
    several_series,
    looks_at_something,
    joins,
    histograms,
    averages,
)

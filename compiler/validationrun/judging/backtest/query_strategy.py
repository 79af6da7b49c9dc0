"""
How the ticks of a rule are asked: many by one query where the answers are sure to be those of an instant query at each tick.

What is not known to be safe is asked tick by tick.
"""

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import promql_parser as promql

from validationrun.oracle.question import Question
from validationrun.spec.promql import SyntaxFault, nodes, parse, value_type


class Form(enum.StrEnum):
    """One query for many ticks, or one for each."""

    RANGE = "range"
    SAMPLES = "samples"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Choice:
    """
    Attributes:
        why: of a form that is slow, for people.
        ordered: the last digit of the value may depend on the order in which Prometheus reads series.
        scalar: the query gives a scalar.
    """

    form: Form
    why: str = ""
    ordered: bool = False
    scalar: bool = False


_SAME_AT_EACH_STEP: Final = frozenset(
    {
        "abs", "absent", "absent_over_time", "acos", "acosh", "asin", "asinh", "atan", "atanh", "avg_over_time", "ceil",
        "changes", "clamp", "clamp_max", "clamp_min", "cos", "cosh", "count_over_time", "day_of_month", "day_of_week",
        "day_of_year", "days_in_month", "deg", "delta", "deriv", "double_exponential_smoothing", "exp", "first_over_time",
        "floor", "histogram_avg", "histogram_count", "histogram_fraction", "histogram_quantile", "histogram_stddev",
        "histogram_stdvar", "histogram_sum", "holt_winters", "hour", "idelta", "increase", "irate", "label_join",
        "label_replace", "last_over_time", "ln", "log10", "log2", "mad_over_time", "max_over_time", "min_over_time",
        "minute", "month", "pi", "predict_linear", "present_over_time", "quantile_over_time", "rad", "rate", "resets",
        "round", "scalar", "sgn", "sin", "sinh", "sort", "sort_by_label", "sort_by_label_desc", "sort_desc", "sqrt",
        "stddev_over_time", "stdvar_over_time", "sum_over_time", "tan", "tanh", "time", "timestamp", "vector", "year",
    }
)  # fmt: skip
"""Functions that see their step and nothing of the range. `step()`, `range()`, `start()` and `end()` do; what is new may."""

_ANY_ORDER: Final = frozenset({"min", "max", "count", "group", "count_values", "quantile"})
"""Aggregations that give the same whatever order their series come in; a sum of floats does not."""

_AT_RANGE: Final = (promql.AtModifierType.Start, promql.AtModifierType.End)


def choose(question: Question, start: float) -> Choice:
    """
    Args:
        start: of the window.
    """
    if question.rule.alert is not None:
        return Choice(Form.SAMPLES)
    if question.depends_on_window:
        return Choice(Form.INSTANT, "${window} makes another query at each tick")
    try:
        tree = parse(question.at(start, start))
    except SyntaxFault:
        return Choice(Form.INSTANT, "it cannot be read here, so that nothing is known of it")
    kind = value_type(tree)
    if kind not in ("scalar", "vector"):
        return Choice(Form.INSTANT, f"a {kind} cannot be asked over a range")
    found = nodes(tree)
    if unsafe := _seeing_the_range(found):
        return Choice(Form.INSTANT, f"{unsafe} looks at the whole range")
    ordered = any(isinstance(node, promql.AggregateExpr) and str(node.op) not in _ANY_ORDER for node in found)
    if ordered and any(_looks_elsewhere(node) for node in found):
        return Choice(Form.INSTANT, "its last digit may depend on the order of series, and it looks at another time")
    return Choice(Form.RANGE, ordered=ordered, scalar=kind == "scalar")


def _seeing_the_range(found: tuple[Any, ...]) -> str:
    """What in the query is another thing in a range query, in PromQL's words; empty when nothing is."""
    for node in found:
        if isinstance(node, promql.Call) and node.func.name not in _SAME_AT_EACH_STEP:
            return f"{node.func.name}()"
        at = getattr(node, "at", None)
        if at is not None and at.type in _AT_RANGE:
            return str(at)
    return ""


def _looks_elsewhere(node: Any) -> bool:
    """Behind its own tick, or at a fixed time: where series lie in the store is not known then."""
    offset = getattr(node, "offset", None)
    return getattr(node, "at", None) is not None or (offset is not None and offset < timedelta(0))

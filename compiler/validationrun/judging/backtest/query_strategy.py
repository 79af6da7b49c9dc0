"""
Chooses how the ticks of a rule are asked.

One range query asks for many ticks where it surely gives the answer of an instant query at each tick. Every other query is asked
tick by tick.
"""

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import promql_parser as promql

from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of
from validationrun.spec.promql import SyntaxFault, nodes, parse, value_type


class Form(enum.StrEnum):
    """A range query for many ticks, the raw samples for all ticks, or an instant query for each tick."""

    RANGE = "range"
    SAMPLES = "samples"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Choice:
    """
    Attributes:
        why: why a slow form is needed, for people.
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
"""Functions that depend on their step alone. `step()`, `range()`, `start()` and `end()` depend on the range, and new functions may."""

_ANY_ORDER: Final = frozenset({"min", "max", "count", "group", "count_values", "quantile"})
"""Aggregations whose result does not depend on the order of series; a sum of floats does."""

_AT_RANGE: Final = (promql.AtModifierType.Start, promql.AtModifierType.End)


def choose(question: Question, start: float) -> Choice:
    """
    Args:
        start: of the window.
    """
    if type_of(question.rule).latching_series(question.at(start, start)) is not None:
        return Choice(Form.SAMPLES)
    if type_of(question.rule).asks_at_every_tick(question.rule):
        return Choice(Form.INSTANT, "it needs further requests at each tick")
    if question.depends_on_window:
        return Choice(Form.INSTANT, "${window} makes another query at each tick")
    try:
        tree = parse(question.at(start, start))
    except SyntaxFault:
        return Choice(Form.INSTANT, "its syntax is not known here")
    kind = value_type(tree)
    if kind not in ("scalar", "vector"):
        return Choice(Form.INSTANT, f"a {kind} cannot be asked over a range")
    parts = nodes(tree)
    if unsafe := _seeing_the_range(parts):
        return Choice(Form.INSTANT, f"{unsafe} looks at the whole range")
    ordered = any(isinstance(node, promql.AggregateExpr) and str(node.op) not in _ANY_ORDER for node in parts)
    if ordered and any(_looks_elsewhere(node) for node in parts):
        return Choice(Form.INSTANT, "its last digit may depend on the order of series, and it looks at another time")
    return Choice(Form.RANGE, ordered=ordered, scalar=kind == "scalar")


def _seeing_the_range(parts: tuple[Any, ...]) -> str:
    """The part of the query that has another meaning in a range query; empty when there is none."""
    for node in parts:
        if isinstance(node, promql.Call) and node.func.name not in _SAME_AT_EACH_STEP:
            return f"{node.func.name}()"
        at = getattr(node, "at", None)
        if at is not None and at.type in _AT_RANGE:
            return str(at)
    return ""


def _looks_elsewhere(node: Any) -> bool:
    """Whether a selector reads later than its tick or at a fixed time; then it is unknown which store holds its series."""
    offset = getattr(node, "offset", None)
    return getattr(node, "at", None) is not None or (offset is not None and offset < timedelta(0))

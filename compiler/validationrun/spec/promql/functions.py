"""What each function of PromQL does to numbers."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from validationrun.spec.promql.numbers import (
    ANY,
    NAN,
    NOT_NEGATIVE,
    Numbers,
    absolute,
    added,
    at_least,
    at_most,
    exactly,
    mapped,
)

SCALARS: Final = frozenset({"scalar", "time", "pi", "start", "end", "step", "range", "min_of", "max_of"})
"""Functions whose result is a scalar."""

RELABEL: Final = frozenset({"label_replace", "label_join"})
SORT: Final = frozenset({"sort", "sort_desc", "sort_by_label", "sort_by_label_desc"})
ABSENT: Final = frozenset({"absent", "absent_over_time"})
OF_DISTRIBUTION: Final = frozenset({"histogram_quantile", "histogram_fraction", "histogram_avg"})
"""Functions that give a property of a histogram's distribution, which is NaN where nothing was observed."""

NEED_TWO: Final = frozenset(
    {"rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "double_exponential_smoothing"}
)
"""Functions that give nothing for a series with one sample in the range. A Prometheus may ask more of the last one."""

_DATES: Final = {
    "minute": (0, 59), "hour": (0, 23), "day_of_week": (0, 6), "day_of_month": (1, 31), "day_of_year": (1, 366),
    "days_in_month": (28, 31), "month": (1, 12), "year": (-math.inf, math.inf),
}  # fmt: skip
DATES: Final = frozenset(_DATES)

_SAME: Final = frozenset(
    {*RELABEL, *SORT, "last_over_time", "first_over_time", "min_over_time", "max_over_time", "avg_over_time"}
)
_NOT_NEGATIVE: Final = frozenset(
    {"exp", "sqrt", "timestamp", "time", "changes", "resets", "stddev_over_time", "stdvar_over_time", "mad_over_time",
     "histogram_count", "histogram_stddev", "histogram_stdvar", "histogram_fraction", "acosh"}
)  # fmt: skip
_ROUNDED: Final[dict[str, Callable[[float], float]]] = {
    "ceil": lambda value: float(math.ceil(value)),
    "floor": lambda value: float(math.floor(value)),
}
_WITHIN_ONE: Final = frozenset({"sin", "cos", "tanh"})


def apply(name: str, arguments: Sequence[Numbers]) -> Numbers:
    """
    What a function can give.

    Args:
        name: of the function.
        arguments: what each argument can be, a text being `ANY`; of a range all its samples together.
    """
    of = arguments[0] if arguments else ANY
    if name in _SAME:
        return of
    if name in _NOT_NEGATIVE:
        return NOT_NEGATIVE
    if name in _ROUNDED:
        return mapped(_ROUNDED[name], of)
    if name in _DATES:
        low, high = _DATES[name]
        return Numbers(low, high, nan=bool(arguments) and of.nan)
    if name in _WITHIN_ONE:
        return Numbers(-1, 1, nan=True)
    special = _SPECIAL.get(name)
    return special(arguments) if special else ANY


def _scalar(arguments: Sequence[Numbers]) -> Numbers:
    """NaN, when there is not exactly one series."""
    return Numbers(arguments[0].low, arguments[0].high, nan=True)


def _clamp(arguments: Sequence[Numbers]) -> Numbers:
    return at_most(at_least(arguments[0], arguments[1]), arguments[2])


def _round(arguments: Sequence[Numbers]) -> Numbers:
    """Half of the multiple, at most, is added or taken away."""
    of = arguments[0]
    multiple = 1.0 if len(arguments) == 1 else arguments[1].single
    if of.none or multiple is None or not 0 < multiple < math.inf:
        return ANY
    low = max(0.0, of.low - multiple) if of.low >= 0 else of.low - multiple
    high = min(0.0, of.high + multiple) if of.high <= 0 else of.high + multiple
    return Numbers(low, high, of.nan)


def _sgn(arguments: Sequence[Numbers]) -> Numbers:
    of = arguments[0]
    return of if of.none else Numbers(_sign(of.low), _sign(of.high), of.nan)


def _sign(value: float) -> float:
    return float((value > 0) - (value < 0))


def _added_up(arguments: Sequence[Numbers]) -> Numbers:
    """`rate` and `increase` of a counter never fall; of anything else they can."""
    return NOT_NEGATIVE if arguments[0].none or arguments[0].low >= 0 else ANY


def _quantile(arguments: Sequence[Numbers]) -> Numbers:
    share = arguments[0].single
    return arguments[1] if share is not None and 0 <= share <= 1 else ANY


_SPECIAL: Final[dict[str, Callable[[Sequence[Numbers]], Numbers]]] = {
    "vector": lambda arguments: arguments[0],
    "scalar": _scalar,
    "pi": lambda _: exactly(math.pi),
    "abs": lambda arguments: absolute(arguments[0]),
    "round": _round,
    "sgn": _sgn,
    "clamp": _clamp,
    "clamp_min": lambda arguments: at_least(arguments[0], arguments[1]),
    "clamp_max": lambda arguments: at_most(arguments[0], arguments[1]),
    "absent": lambda _: exactly(1),
    "absent_over_time": lambda _: exactly(1),
    "present_over_time": lambda _: exactly(1),
    "count_over_time": lambda _: Numbers(1, math.inf),
    "sum_over_time": lambda arguments: added(arguments[0]),
    "quantile_over_time": _quantile,
    "rate": _added_up,
    "irate": _added_up,
    "increase": _added_up,
}


_OF_ANY_NUMBER: Final = frozenset(
    {"ln", "log2", "log10", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "atanh", "deg", "rad", "delta", "idelta", "deriv",
     "predict_linear", "double_exponential_smoothing"}
)  # fmt: skip


def is_known(name: str) -> bool:
    """Whether a function gives one sample for each series of its argument, and this module knows its numbers."""
    families = (_SAME, _NOT_NEGATIVE, _ROUNDED, _DATES, _WITHIN_ONE, _SPECIAL, _OF_ANY_NUMBER)
    return any(name in family for family in families)


def aggregate(operator: str, of: Numbers, parameter: Numbers = NAN) -> Numbers:
    """What an aggregation over at least one series can give."""
    if operator in ("min", "max", "topk", "bottomk", "limitk", "limit_ratio"):
        return of
    if operator == "avg":
        return Numbers(of.low, of.high, nan=True)
    if operator in ("count", "count_values"):
        return Numbers(1, math.inf)
    if operator == "group":
        return exactly(1)
    if operator == "sum":
        return added(of)
    if operator in ("stddev", "stdvar"):
        return NOT_NEGATIVE
    return _quantile((parameter, of)) if operator == "quantile" else ANY

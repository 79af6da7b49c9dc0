"""Checks what a query and its condition mean together: whether the rule can pass by silence, and whether it can pass and fail."""

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import promql_parser as parser

from validationrun.compiling.check.query import Query, QueryCheck
from validationrun.oracle.comparison import Comparison
from validationrun.spec import promql
from validationrun.spec.findings import Finding
from validationrun.spec.promql import Filter, Numbers, Silence
from validationrun.spec.promql.numbers import OPPOSITE
from validationrun.spec.v1alpha1.types import THRESHOLD_PATTERN

_THRESHOLD: Final = re.compile(THRESHOLD_PATTERN)
_COUNT_EXACTLY: Final = "use rule type `counter`, which counts exactly what was added since the start of the window"
_COUNTS_UP: Final = ("increase", "rate", "irate")
_EXTRAPOLATES: Final = ("increase", "delta")


def meaning(query: Query) -> Iterator[Finding]:
    """One finding at most: each of these faults explains those that follow."""
    comparison = query.comparison
    if comparison is None or not math.isfinite(comparison.limit) or not promql.selectors(query.tree):
        return
    if promql.value_type(query.tree) not in ("scalar", "vector"):
        return
    for check in (_passes_in_silence, _filter, _always_or_never, _fails_in_silence, _nan, _increase, _equality):
        found = list(check(query, comparison))
        if found:
            yield from found
            return


def _passes_in_silence(query: Query, comparison: Comparison) -> Iterator[Finding]:
    silence = promql.silence(query.tree)
    if silence.possible and silence.value.can(comparison.op, comparison.limit):
        yield query.warning(
            "VR555",
            f" {_in_silence(silence)}, and `{comparison}` holds: a run without data could pass",
            "let missing data be missing: the rule is then Error NoSamples, which is honest. For an error that may never happen fall "
            "back to a metric that is always there, such as `or 0 * sum(up{...} == 1)`",
        )


def _fails_in_silence(query: Query, comparison: Comparison) -> Iterator[Finding]:
    silence = promql.silence(query.tree)
    if silence.possible and silence.value.can(OPPOSITE[comparison.op], comparison.limit):
        yield query.warning(
            "VR555",
            f" {_in_silence(silence)}, and `{comparison}` does not hold: the rule is Failed before the first sample is there",
            "let missing data be missing: the rule then waits for the first sample, and is Error NoSamples if there is none",
        )


def _in_silence(silence: Silence) -> str:
    return f"{'is' if silence.sure else 'can be'} {_described(silence.value)} when none of its metrics exists"


def _filter(query: Query, comparison: Comparison) -> Iterator[Finding]:
    found = promql.harmful_filter(query.tree, comparison.op, comparison.holds)
    if found is None:
        return
    shown = f"`{found.operator} {query.show(found.bound)}`"
    if not found.inside:
        message = f" filters by {shown}: where that does not hold there is no value, so the rule is Error NoSamples there, never Failed"
    elif found.inside in ("sum", "count"):
        message = (
            f": {shown} inside {found.inside}() leaves nothing on a healthy run, and {found.inside}() of nothing has no value, not 0: "
            "the rule is Error NoSamples"
        )
    else:
        message = (
            f": {shown} inside {found.inside}() leaves series out: they are not judged, and when all are left out there is no value "
            "and the rule is Error NoSamples"
        )
    yield query.warning("VR572", message, _instead_of_filter(query, found))


def _instead_of_filter(query: Query, found: Filter) -> str:
    operator, bound = found.operator, query.show(found.bound)
    if found.inside in ("sum", "count"):
        return f"count with `sum(... {operator} bool {bound})`, which is 0 when nothing matches"
    if found.inside:
        return "take the comparison out of promql: op and threshold say what must hold"
    opposite = OPPOSITE[operator]
    meant = f'op: "{operator}" when the comparison names what must hold, op: "{opposite}" when it is an alert\'s and names what is bad'
    sides = promql.split_comparison(query.text) if found.node is promql.bare(query.tree) else None
    if sides is None:
        return f"take the comparison out of promql and say it by op and threshold: {meant}"
    left, right = sides if promql.value_type(found.node.lhs) == "vector" else sides[::-1]
    if promql.value_type(found.bound) == "vector":
        return f'split it: promql: `({left}) - ({right})`, threshold: "0", and {meant}'
    if not _THRESHOLD.fullmatch(right):
        number = promql.possible(found.bound).single
        if number is None or not math.isfinite(number):
            return f'split it: promql: `({left}) - ({right})`, threshold: "0", and {meant}'
        right = f"{number:.15g}"
    return f'split it: promql: `{left}`, threshold: "{right}", and {meant}'


def _always_or_never(query: Query, comparison: Comparison) -> Iterator[Finding]:
    possible = promql.possible(query.tree)
    can_pass = possible.can(comparison.op, comparison.limit)
    can_fail = possible.can(OPPOSITE[comparison.op], comparison.limit)
    counts = promql.is_count(query.tree)
    if not can_pass:
        message = f" can never pass: its value is {_described(possible)}, for which `{comparison}` does not hold"
        if counts:
            message += ". Where there is nothing to count it has no value, not 0, and the rule is Error NoSamples"
        help_ = (
            "count with `sum(... == bool ...)`, which is 0 when nothing matches"
            if counts
            else "correct op or threshold"
        )
        yield query.warning("VR571", message, help_)
    # A count that must be more than 0 asks whether there is anything: without it the rule is Error, so it proves something.
    elif not can_fail and not (counts and not comparison.holds(0)):
        yield query.warning(
            "VR570",
            f" can never fail: its value is {_described(possible)}, for which `{comparison}` always holds",
            "choose op and threshold so that a bad run violates them",
        )


def _nan(query: Query, comparison: Comparison) -> Iterator[Finding]:
    op, limit = comparison.op, comparison.limit
    for hidden in promql.hidden_nans(query.tree):
        value, otherwise = hidden.value, hidden.otherwise
        if value.only(op, limit) or (value.can(op, limit) and not otherwise.can(op, limit)):
            outcome = f"for which `{comparison}` holds: the rule passes without a number"
        elif not value.can(op, limit) or not otherwise.can(OPPOSITE[op], limit):
            outcome = f"for which `{comparison}` does not hold: the rule is Failed without a number"
        else:
            continue
        yield query.warning(
            "VR582",
            f": `{query.show(hidden.part)}` can be NaN, and `{hidden.operator} bool` makes {hidden.result} of NaN, {outcome}",
            "take the comparison out of promql and say it by op and threshold: NaN is then no answer, and at last the Error NaN",
        )
        return


def _increase(query: Query, comparison: Comparison) -> Iterator[Finding]:
    if comparison.limit == 0:
        name = _first_of(_COUNTS_UP, query.tree) if comparison.op in ("==", "<=") else None
        if name is not None:
            yield query.warning(
                "VR573",
                f": {name}() needs two samples, so it does not see the first events of a counter that is born with them: "
                f"`{comparison}` holds although something was counted",
                _COUNT_EXACTLY,
                token=name,
            )
        return
    name = _first_of(_EXTRAPOLATES, query.tree) if comparison.op in ("==", "!=") else None
    if name is not None:
        yield query.warning(
            "VR573",
            f": {name}() extrapolates to the ends of its range, so that 1 reads as 1.11 or so: `{comparison}` says little",
            f"{_COUNT_EXACTLY}; or compare by >= or <=",
            token=name,
        )


def _first_of(functions: tuple[str, ...], tree: Any) -> str | None:
    """The outermost of these functions on the way from the samples to the query's number."""
    return next((name for name in promql.functions_of_value(tree) if name in functions), None)


def _equality(query: Query, comparison: Comparison) -> Iterator[Finding]:
    if comparison.op not in ("==", "!="):
        return
    # Zero stays zero through every rate and division, so comparing with it is exact.
    if not comparison.limit.is_integer() or (comparison.limit != 0 and not _is_exact(query.tree)):
        message = f" {comparison.op} compares floating point numbers for equality"
        yield query.warning("VR556", message, "use >= or <=, or a small range", field="op")


def _is_exact(tree: Any) -> bool:
    """A quotient of two whole numbers that is whole has no error of rounding."""
    tree = promql.bare(tree)
    if isinstance(tree, parser.BinaryExpr) and str(tree.op) == "/":
        return promql.is_exact(tree.lhs) and promql.is_exact(tree.rhs)
    return promql.is_exact(tree)


def _described(numbers: Numbers) -> str:
    low, high = (f"{bound:.15g}" for bound in (numbers.low, numbers.high))
    if numbers.none:
        return "no number"
    if numbers.low == numbers.high:
        return low
    if math.isinf(numbers.low):
        return "any number" if math.isinf(numbers.high) else f"{high} or less"
    return f"{low} or more" if math.isinf(numbers.high) else f"from {low} to {high}"


CHECKS: Final[tuple[QueryCheck, ...]] = (meaning,)

"""
What a query gives when no series exists that it selects: its answer by an empty Prometheus.

The query is calculated as Prometheus does it. Only a value that depends on the time is a set of numbers, and a sample that depends
on such a value may be there or not.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql import functions, numbers
from validationrun.spec.promql.joins import RefusedError, joined, of_calculation, of_comparison
from validationrun.spec.promql.numbers import ANY, NAN, Numbers, union
from validationrun.spec.promql.samples import NO_LABELS, Labels, Sample, group_key, nameless, of_absent, relabelled
from validationrun.spec.promql.tree import COMPARISONS, bare, function_name, is_bool, operator_of, value_type

_DEFAULT_STEP_SECONDS: Final = 60.0
"""Of a subquery: Prometheus' own evaluation interval, whose default is a minute."""


@dataclass(frozen=True, slots=True)
class Silence:
    """
    The answer of an empty Prometheus.

    Attributes:
        possible: it can hold a sample.
        sure: it surely holds one.
        value: the numbers that its samples can have.
    """

    possible: bool
    sure: bool
    value: Numbers


@functools.lru_cache(maxsize=1)
def silence(tree: Any) -> Silence:
    """Cached for the next check of the same query."""
    try:
        answer = _answer(tree)
    except RefusedError:
        return Silence(possible=True, sure=False, value=ANY)
    if isinstance(answer, Numbers):
        return Silence(possible=True, sure=True, value=answer)
    return Silence(bool(answer), any(sample.sure for sample in answer), union(sample.value for sample in answer))


_Answer = Numbers | list[Sample]
"""Of a scalar its numbers, of a vector its samples; of a range the samples of all its times together."""


def _answer(tree: Any) -> _Answer:
    calculate = _ANSWERS.get(type(tree))
    return calculate(tree) if calculate else ANY


def _unary(tree: Any) -> _Answer:
    of = _answer(tree.expr)
    if isinstance(of, Numbers):
        return numbers.negative(of)
    return [replace(nameless(sample), value=numbers.negative(sample.value)) for sample in of]


def _samples(tree: Any) -> list[Sample]:
    answer = _answer(tree)
    return [Sample(NO_LABELS, answer)] if isinstance(answer, Numbers) else answer


def _numbers(tree: Any) -> Numbers:
    answer = _answer(tree) if tree is not None else ANY
    return answer if isinstance(answer, Numbers) else ANY


def _subquery(tree: Any) -> list[Sample]:
    """Its times are multiples of the step, so that a range shorter than the step may hold none."""
    step = tree.step.total_seconds() if tree.step else _DEFAULT_STEP_SECONDS
    filled = tree.range is not None and tree.range.total_seconds() >= step
    return [replace(sample, sure=sample.sure and filled) for sample in _samples(tree.expr)]


def _call(tree: Any) -> _Answer:
    name, arguments = function_name(tree), tree.args
    vector = next((argument for argument in arguments if value_type(argument) in ("vector", "matrix")), None)
    if vector is None:
        value = functions.apply(name, [_numbers(argument) for argument in arguments])
        # hour() and its kind have one sample without an argument; vector() makes one.
        return [Sample(NO_LABELS, value)] if value_type(tree) == "vector" else value
    of = _samples(vector)
    if name == "scalar":
        return _scalar(of)
    if name in functions.ABSENT:
        sure = not of
        labels = of_absent(vector)
        return [] if any(sample.sure for sample in of) else [Sample(labels, numbers.exactly(1), sure)]
    if name in functions.RELABEL:
        return _distinct([_relabel(name, sample, arguments) for sample in of])
    if name in functions.SORT:
        return of
    if name.startswith("histogram_"):
        # A plain number is no histogram; only one with the label `le` could be a bucket.
        buckets = [sample for sample in of if sample.labels is None or any(label == "le" for label, _ in sample.labels)]
        return [Sample(None, ANY, sure=False)] if buckets else []
    if name == "clamp" and numbers.compare(">", _numbers(arguments[1]), _numbers(arguments[2])) == (True, False):
        # A lower bound above the upper one leaves nothing.
        return []
    return _distinct([_applied(name, vector, sample, arguments) for sample in of])


def _scalar(of: list[Sample]) -> Numbers:
    if len(of) == 1 and of[0].sure and of[0].labels is not None:
        return of[0].value
    certain = [sample for sample in of if sample.sure]
    return NAN if not of or len(certain) > 1 else union([NAN, *(sample.value for sample in of)])


def _relabel(name: str, sample: Sample, arguments: Sequence[Any]) -> Sample:
    texts = [getattr(bare(argument), "val", "") for argument in arguments[1:]]
    return sample if sample.labels is None else replace(sample, labels=relabelled(name, sample.labels, texts))


def _applied(name: str, vector: Any, sample: Sample, arguments: Sequence[Any]) -> Sample:
    known = functions.is_known(name)
    values = [sample.value if argument is vector else _numbers(argument) for argument in arguments]
    sure = sample.sure and known and name not in functions.NEED_TWO
    if name == "clamp":
        sure = sure and not numbers.compare(">", values[1], values[2])[0]
    return replace(nameless(sample), value=functions.apply(name, values), sure=sure)


def _distinct(samples: list[Sample]) -> list[Sample]:
    """Prometheus refuses a vector with two series of the same labels."""
    if len({sample.labels for sample in samples}) < len(samples):
        raise RefusedError
    return samples


def _aggregate(tree: Any) -> list[Sample]:
    operator, of = operator_of(tree), _samples(tree.expr)
    parameter = _numbers(tree.param) if isinstance(tree.param, promql.Expr) else ANY
    if not of:
        return []
    if operator in ("topk", "bottomk", "limitk", "limit_ratio"):
        return _some_of(operator, parameter, of)
    if any(sample.labels is None for sample in of) or (of and operator == "count_values"):
        value = functions.aggregate(operator, union(sample.value for sample in of), parameter)
        return [Sample(None if tree.modifier or operator == "count_values" else NO_LABELS, value, _any_sure(of))]
    groups: dict[Labels, list[Sample]] = {}
    for sample in of:
        groups.setdefault(group_key(sample.labels or NO_LABELS, tree.modifier), []).append(sample)
    return [Sample(key, _of_group(operator, group, parameter), _any_sure(group)) for key, group in groups.items()]


def _any_sure(samples: list[Sample]) -> bool:
    return any(sample.sure for sample in samples)


def _some_of(operator: str, parameter: Numbers, of: list[Sample]) -> list[Sample]:
    if operator != "limit_ratio" and parameter.high < 1 and not parameter.nan:
        return []
    all_of_them = operator != "limit_ratio" and parameter.low >= len(of) and not parameter.nan
    return [replace(sample, sure=sample.sure and all_of_them and sample.labels is not None) for sample in of]


def _of_group(operator: str, group: list[Sample], parameter: Numbers) -> Numbers:
    """The value of an aggregation over samples that are each there or perhaps there."""
    values = [sample.value for sample in group]
    certain = [sample.value for sample in group if sample.sure]
    if operator == "count":
        return Numbers(max(1, len(certain)), len(group))
    if operator == "sum":
        total = numbers.exactly(0)
        for sample in group:
            value = sample.value if sample.sure else union([numbers.exactly(0), sample.value])
            total = numbers.calculate("+", total, value)
        return total
    if operator in ("min", "max", "avg") and len(group) == 1:
        return values[0]
    if operator in ("min", "max") and certain and not any(value.nan for value in values):
        if operator == "max":
            return Numbers(max(value.low for value in certain), max(value.high for value in values))
        return Numbers(min(value.low for value in values), min(value.high for value in certain))
    return functions.aggregate(operator, union(values), parameter)


def _binary(tree: Any) -> _Answer:
    operator = operator_of(tree)
    left, right = _answer(tree.lhs), _answer(tree.rhs)
    if isinstance(left, list) and isinstance(right, list):
        return joined(tree, left, right)
    if isinstance(left, Numbers) and isinstance(right, Numbers):
        compares = operator in COMPARISONS
        return numbers.truth(operator, left, right) if compares else numbers.calculate(operator, left, right)
    return _with_scalar(tree, operator, left, right)


def _with_scalar(tree: Any, operator: str, left: _Answer, right: _Answer) -> list[Sample]:
    filters = operator in COMPARISONS and not is_bool(tree)
    result = []
    for sample in left if isinstance(left, list) else right if isinstance(right, list) else []:
        ours = sample.value if isinstance(left, list) else left
        theirs = right if isinstance(right, Numbers) else sample.value
        if operator not in COMPARISONS:
            value, possible, surely = of_calculation(operator)(ours, theirs)
        elif isinstance(left, list) or not filters:
            value, possible, surely = of_comparison(operator, bool_=not filters)(ours, theirs)
        else:
            # A filter keeps the vector's number, also when the vector stands on the right.
            value, possible, surely = of_comparison(numbers.MIRRORED[operator], bool_=False)(theirs, ours)
        if possible:
            result.append(Sample(sample.labels if filters else nameless(sample).labels, value, sample.sure and surely))
    return result


_ANSWERS: Final[dict[type, Callable[[Any], _Answer]]] = {
    promql.NumberLiteral: lambda tree: numbers.exactly(tree.val),
    promql.VectorSelector: lambda _: [],
    promql.MatrixSelector: lambda _: [],
    promql.ParenExpr: lambda tree: _answer(tree.expr),
    promql.UnaryExpr: _unary,
    promql.SubqueryExpr: _subquery,
    promql.Call: _call,
    promql.AggregateExpr: _aggregate,
    promql.BinaryExpr: _binary,
}

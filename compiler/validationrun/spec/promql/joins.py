"""Operators between two vectors whose samples are known: which samples belong together, and what comes out."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql import numbers
from validationrun.spec.promql.numbers import Numbers, union
from validationrun.spec.promql.samples import Labels, Sample, drop, keep, match_key, nameless, value_of, with_label
from validationrun.spec.promql.tree import COMPARISONS, is_bool, operator_of

Pair = Callable[[Numbers, Numbers], tuple[Numbers, bool, bool]]
"""Of a left and a right value: the result, whether it can be there, and whether it surely is."""

_SETS: Final = ("and", "or", "unless")


class RefusedError(Exception):
    """Prometheus may answer with an error, because the samples do not belong together one to one."""


def joined(tree: Any, left: list[Sample], right: list[Sample]) -> list[Sample]:
    """
    The samples of `left operator right`.

    Raises:
        RefusedError: Prometheus may refuse the query.
    """
    if not left and not right:
        return []
    operator = operator_of(tree)
    matching = tree.modifier.matching if tree.modifier is not None else None
    if any(sample.labels is None for sample in (*left, *right)):
        return _unknown(tree, left, right)
    if operator in _SETS:
        return _set(operator, matching, left, right)
    return _arithmetic(tree, matching, left, right)


def _unknown(tree: Any, left: list[Sample], right: list[Sample]) -> list[Sample]:
    """With unknown labels anything may match."""
    operator = operator_of(tree)
    if operator == "or":
        return [*left, *(Sample(sample.labels, sample.value, sample.sure and not left) for sample in right)]
    if operator == "unless":
        return [Sample(sample.labels, sample.value, sample.sure and not right) for sample in left]
    if not left or not right:
        return []
    if operator == "and":
        return [Sample(sample.labels, sample.value, sure=False) for sample in left]
    if any(sample.sure for sample in left) or any(sample.sure for sample in right):
        raise RefusedError
    ours, theirs = union(sample.value for sample in left), union(sample.value for sample in right)
    value, possible, _ = _pair(tree)(ours, theirs)
    return [Sample(None, value, sure=False)] if possible else []


def _set(operator: str, matching: Any, left: list[Sample], right: list[Sample]) -> list[Sample]:
    sides = (left, right) if operator != "or" else (right, left)
    result = [] if operator != "or" else list(left)
    for sample in sides[0]:
        partners = [other for other in sides[1] if _key(other, matching) == _key(sample, matching)]
        surely = any(other.sure for other in partners)
        if operator == "and":
            if partners:
                result.append(Sample(sample.labels, sample.value, sample.sure and surely))
        elif not surely:
            result.append(Sample(sample.labels, sample.value, sample.sure and not partners))
    return result


def _key(sample: Sample, matching: Any) -> Labels:
    return match_key(sample.labels or frozenset(), matching)


def _arithmetic(tree: Any, matching: Any, left: list[Sample], right: list[Sample]) -> list[Sample]:
    modifier = tree.modifier
    card = modifier.card if modifier is not None else promql.VectorMatchCardinality.OneToOne
    to_right = card == promql.VectorMatchCardinality.OneToMany
    many, single = (right, left) if to_right else (left, right)
    keys = [_key(sample, matching) for sample in single]
    if len(set(keys)) < len(keys):
        raise RefusedError
    if card == promql.VectorMatchCardinality.OneToOne and len({_key(sample, matching) for sample in many}) < len(many):
        raise RefusedError
    pair = _pair(tree)
    result = []
    for sample in many:
        partner = next((other for other in single if _key(other, matching) == _key(sample, matching)), None)
        if partner is None:
            continue
        ours, theirs = (partner, sample) if to_right else (sample, partner)
        value, possible, surely = pair(ours.value, theirs.value)
        if possible:
            labels = _result_labels(tree, card, sample, partner)
            result.append(Sample(labels, value, sample.sure and partner.sure and surely))
    result += _filled(tree, matching, left, right, pair)
    if len({sample.labels for sample in result}) < len(result):
        raise RefusedError
    return result


def _result_labels(tree: Any, card: Any, sample: Sample, partner: Sample) -> Labels:
    filters = operator_of(tree) in COMPARISONS and not is_bool(tree)
    labels = (sample if filters else nameless(sample)).labels or frozenset()
    modifier = tree.modifier
    if modifier is None or modifier.matching is None:
        return labels
    matching = modifier.matching
    if card == promql.VectorMatchCardinality.OneToOne:
        on = matching.type == promql.LabelModifierType.Include
        return keep(labels, matching.labels) if on else drop(labels, matching.labels)
    for name in modifier.group_labels or ():
        labels = with_label(labels, name, value_of(partner.labels or frozenset(), name))
    return labels


def _filled(tree: Any, matching: Any, left: Sequence[Sample], right: Sequence[Sample], pair: Pair) -> list[Sample]:
    """What `fill`, of a newer Prometheus, puts in the place of a partner that is missing."""
    fill = tree.modifier.fill_values if tree.modifier is not None else None
    result: list[Sample] = []
    for samples, others, value in (
        (left, right, fill.rhs if fill else None),
        (right, left, fill.lhs if fill else None),
    ):
        for sample in samples:
            if value is None or any(_key(other, matching) == _key(sample, matching) for other in others):
                continue
            numbers_of = (sample.value, numbers.exactly(value))
            filled, possible, surely = pair(*(numbers_of if samples is left else reversed(numbers_of)))
            if possible:
                result.append(Sample(_key(sample, matching), filled, sample.sure and surely))
    return result


def _pair(tree: Any) -> Pair:
    operator = operator_of(tree)
    return of_comparison(operator, bool_=is_bool(tree)) if operator in COMPARISONS else of_calculation(operator)


def of_calculation(operator: str) -> Pair:
    return lambda left, right: (numbers.calculate(operator, left, right), True, True)


def of_comparison(operator: str, *, bool_: bool) -> Pair:
    def pair(left: Numbers, right: Numbers) -> tuple[Numbers, bool, bool]:
        if bool_:
            return numbers.truth(operator, left, right), True, True
        holds, fails = numbers.compare(operator, left, right)
        return numbers.kept(operator, left, right), holds, not fails

    return pair

"""The labels that a query's series can have, whatever series exist, and so how many series it can give."""

import functools
from dataclasses import dataclass, replace
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.functions import ABSENT, RELABEL
from validationrun.spec.promql.samples import NAME, of_absent
from validationrun.spec.promql.tree import CACHED_NODES, bare, function_name, operator_of, value_type

_SETS: Final = ("and", "unless")
_OF_SOME: Final = ("topk", "bottomk", "limitk", "limit_ratio")


@dataclass(frozen=True, slots=True)
class SeriesLabels:
    """
    Attributes:
        names: all labels that a series can have; None when it can have any.
        pinned: labels with one value on all series, and that value; empty where it is not known.
        single: there is at most one series, for another reason than its labels.
        certain: labels that every series has; None when every label is taken for certain that is asked for, as of a selector.
        optional: labels that a series may lack all the same, because a function or `or` wrote them.
    """

    names: frozenset[str] | None = None
    pinned: frozenset[tuple[str, str]] = frozenset()
    single: bool = False
    certain: frozenset[str] | None = None
    optional: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Whether every series has the label. Only the query is known: a selector is taken to have every label that it does not exclude."""
        if name in self.optional or (name, "") in self.pinned or (self.names is not None and name not in self.names):
            return False
        return self.certain is None or name in self.certain

    @property
    def pinned_names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.pinned)

    @property
    def one(self) -> bool:
        """At most one series: no two series have the same labels, so that one set of labels is one series."""
        return self.single or (self.names is not None and self.names <= self.pinned_names)

    def keep(self, names: frozenset[str]) -> "SeriesLabels":
        kept = names if self.names is None else names & self.names
        certain = names if self.certain is None else names & self.certain
        pinned = frozenset(pair for pair in self.pinned if pair[0] in names)
        return replace(self, names=kept, pinned=pinned, certain=certain)

    def drop(self, names: frozenset[str]) -> "SeriesLabels":
        left = None if self.names is None else self.names - names
        pinned = frozenset(pair for pair in self.pinned if pair[0] not in names)
        return replace(self, names=left, pinned=pinned, optional=self.optional | names)


NO_LABELS: Final = SeriesLabels(frozenset(), certain=frozenset())


def may_give_several(tree: Any) -> bool:
    """
    Whether the query could return more than one series.

    False means at most one, whatever series exist: the query aggregates to one series, or `=` pins every remaining label.
    """
    return value_type(tree) in ("vector", "matrix") and not labels_of(tree).one


@functools.lru_cache(maxsize=CACHED_NODES)
def labels_of(tree: Any) -> SeriesLabels:
    """The labels of the series that a vector or a range can give. The name of the metric is no label here."""
    tree = bare(tree)
    if isinstance(tree, promql.VectorSelector):
        return _of_selector(tree)
    if isinstance(tree, promql.MatrixSelector):
        return _of_selector(tree.vector_selector)
    if isinstance(tree, promql.UnaryExpr):
        return labels_of(tree.expr)
    if isinstance(tree, promql.SubqueryExpr):
        # One series at a time may be another one at each time, as under topk().
        return replace(labels_of(tree.expr), single=False)
    if isinstance(tree, promql.Call):
        return _of_call(tree)
    if isinstance(tree, promql.AggregateExpr):
        return _of_aggregate(tree)
    return _of_binary(tree) if isinstance(tree, promql.BinaryExpr) else NO_LABELS


def _of_selector(selector: Any) -> SeriesLabels:
    pinned = frozenset(
        (matcher.name, matcher.value)
        for matcher in selector.matchers.matchers
        if matcher.op == promql.MatchOp.Equal and matcher.name != NAME
    )
    return SeriesLabels(pinned=pinned)


def _of_call(tree: Any) -> SeriesLabels:
    name = function_name(tree)
    if name in ABSENT:
        pinned = of_absent(bare(tree.args[0]))
        names = frozenset(label for label, _ in pinned)
        return SeriesLabels(names, pinned, certain=names)
    vectors = [argument for argument in tree.args if value_type(argument) in ("vector", "matrix")]
    if not vectors:
        return NO_LABELS
    labels = labels_of(vectors[0])
    if name in ("histogram_quantile", "histogram_fraction"):
        return replace(labels.drop(frozenset({"le"})), single=False)
    if name in RELABEL:
        target = getattr(bare(tree.args[1]), "val", "")
        return _relabelled(labels, target)
    return labels


def _relabelled(labels: SeriesLabels, target: str) -> SeriesLabels:
    """With the label `target` written anew, from labels that may differ between series."""
    names = None if labels.names is None else labels.names | {target}
    pinned = frozenset(pair for pair in labels.pinned if pair[0] != target)
    return SeriesLabels(names, pinned, labels.one, labels.certain, labels.optional | {target})


def _of_aggregate(tree: Any) -> SeriesLabels:
    operator = operator_of(tree)
    if tree.modifier is None and operator not in _OF_SOME and operator != "count_values":
        return NO_LABELS
    of = labels_of(tree.expr)
    if operator in _OF_SOME:
        keeps_one = isinstance(tree.param, promql.NumberLiteral) and tree.param.val == 1 and operator != "limit_ratio"
        return replace(of, single=of.single or (keeps_one and tree.modifier is None))
    if tree.modifier is None:
        grouped = NO_LABELS
    elif tree.modifier.type == promql.AggModifierType.By:
        grouped = of.keep(frozenset(tree.modifier.labels))
    else:
        grouped = of.drop(frozenset(tree.modifier.labels))
    if operator == "count_values":
        target = getattr(tree.param, "val", "")
        return replace(_relabelled(grouped, target), single=False)
    return grouped


def _of_binary(tree: Any) -> SeriesLabels:
    if value_type(tree.lhs) == "scalar":
        return labels_of(tree.rhs)
    left = labels_of(tree.lhs)
    if value_type(tree.rhs) == "scalar" or operator_of(tree) in _SETS:
        return left
    right = labels_of(tree.rhs)
    if operator_of(tree) == "or":
        return _either(left, right)
    modifier = tree.modifier
    if modifier is not None and modifier.card == promql.VectorMatchCardinality.ManyToOne:
        return _with_group_labels(left, modifier.group_labels)
    if modifier is not None and modifier.card == promql.VectorMatchCardinality.OneToMany:
        return _with_group_labels(right, modifier.group_labels)
    # One to one: the result has no more series than either side.
    matched = _matched(left, modifier.matching if modifier is not None else None)
    other = right if modifier is None or modifier.matching is None else _matched(right, modifier.matching)
    # The labels that are compared are equal on both sides.
    names = (
        matched.names if other.names is None else other.names if matched.names is None else matched.names & other.names
    )
    filled = modifier is not None and any(
        value is not None for value in (modifier.fill_values.lhs, modifier.fill_values.rhs)
    )
    if filled:
        return SeriesLabels()
    pinned = matched.pinned | other.pinned
    return SeriesLabels(names, pinned, left.one or right.one, matched.certain, matched.optional | other.optional)


def _with_group_labels(many: SeriesLabels, group_labels: list[str] | None) -> SeriesLabels:
    for label in group_labels or ():
        many = _relabelled(many, label)
    return many


def _matched(labels: SeriesLabels, matching: Any) -> SeriesLabels:
    if matching is None:
        return labels
    names = frozenset(matching.labels)
    return labels.keep(names) if matching.type == promql.LabelModifierType.Include else labels.drop(names)


def _either(left: SeriesLabels, right: SeriesLabels) -> SeriesLabels:
    """The series of both sides of `or`: what is pinned to different values on them is not pinned together."""
    names = None if left.names is None or right.names is None else left.names | right.names
    pinned = _with_missing(left, names) & _with_missing(right, names)
    sides = [side.names if side.certain is None else side.certain for side in (left, right)]
    known = [side for side in sides if side is not None]
    certain = frozenset.intersection(*known) if known else None
    return SeriesLabels(names, pinned, certain=certain, optional=left.optional | right.optional)


def _with_missing(labels: SeriesLabels, names: frozenset[str] | None) -> frozenset[tuple[str, str]]:
    """A label that no series of a side can have is pinned to the empty text there."""
    if names is None or labels.names is None:
        return labels.pinned
    return labels.pinned | {(name, "") for name in names - labels.names}

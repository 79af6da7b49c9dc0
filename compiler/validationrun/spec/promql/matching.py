"""Which series two vectors have in common: joins that can't work, and selectors that a join restricts."""

import enum
from collections.abc import Callable, Iterator
from typing import Any

import promql_parser as promql

from validationrun.spec.promql.series import SeriesLabels, labels_of
from validationrun.spec.promql.tree import bare, children, nodes, operator_of, selectors, value_type

_ONE_TO_ONE = promql.VectorMatchCardinality.OneToOne


class Mismatch(enum.Enum):
    """Why an operator between two vectors gives nothing on a healthy run."""

    SEVERAL_LEFT = "several on the left"
    SEVERAL_RIGHT = "several on the right"
    NO_PAIR = "no pair"


def mismatches(tree: Any) -> Iterator[tuple[Any, Mismatch]]:
    """Each operator whose sides can't be matched, by the labels that they are known to have."""
    for node in nodes(tree):
        if isinstance(node, promql.BinaryExpr) and value_type(node.lhs) == value_type(node.rhs) == "vector":
            operator = operator_of(node)
            if operator in ("or", "unless") or _fills(node):
                continue
            left, right = labels_of(node.lhs), labels_of(node.rhs)
            if _never_pairs(node, left, right):
                yield node, Mismatch.NO_PAIR
            elif operator != "and":
                yield from _several(node, left, right)


def _fills(node: Any) -> bool:
    fill = node.modifier.fill_values if node.modifier is not None else None
    return fill is not None and (fill.lhs is not None or fill.rhs is not None)


def matched(labels: SeriesLabels, node: Any) -> SeriesLabels:
    """The labels of one side by which the operator matches."""
    matching = node.modifier.matching if node.modifier is not None else None
    if matching is None:
        return labels
    names = frozenset(matching.labels)
    return labels.keep(names) if matching.type == promql.LabelModifierType.Include else labels.drop(names)


def _never_pairs(node: Any, left: SeriesLabels, right: SeriesLabels) -> bool:
    """Whether the series of one side have a label, by which the operator matches, that those of the other can't have."""
    ours, theirs = matched(left, node), matched(right, node)
    return _has_more(ours, theirs) or _has_more(theirs, ours)


def _has_more(side: SeriesLabels, other: SeriesLabels) -> bool:
    if other.names is None:
        return False
    if side.names is None and side.certain is None and not other.names:
        # A series that a selector finds has labels.
        return True
    known = side.names if side.names is not None else (side.certain or frozenset()) | side.pinned_names
    return any(side.has(name) for name in known - other.names)


def _several(node: Any, left: SeriesLabels, right: SeriesLabels) -> Iterator[tuple[Any, Mismatch]]:
    card = node.modifier.card if node.modifier is not None else _ONE_TO_ONE
    if card != promql.VectorMatchCardinality.ManyToOne and _repeats(node, left):
        yield node, Mismatch.SEVERAL_LEFT
    elif card != promql.VectorMatchCardinality.OneToMany and _repeats(node, right):
        yield node, Mismatch.SEVERAL_RIGHT


def _repeats(node: Any, side: SeriesLabels) -> bool:
    """Whether several series of a side surely have the same values of the labels that are matched."""
    matching = node.modifier.matching if node.modifier is not None else None
    if matching is None or side.one:
        return False
    names = frozenset(matching.labels)
    if side.names is None:
        return matching.type == promql.LabelModifierType.Include and not names
    compared = names if matching.type == promql.LabelModifierType.Include else side.names - names
    return bool(side.names - compared - side.pinned_names)


def unscoped(tree: Any, is_own: Callable[[Any], bool]) -> list[Any]:
    """
    The selectors whose series may belong to other runs.

    Args:
        is_own: whether a selector has a matcher for this run. One without is scoped too where a join with series of this run
            restricts it.
    """
    if all(is_own(selector) for selector in selectors(tree)):
        return []
    return _scope(tree, is_own)[0]


def _scope(tree: Any, is_own: Callable[[Any], bool]) -> tuple[list[Any], bool]:
    """The selectors that are not scoped, and whether the series of the tree all belong to this run."""
    tree = bare(tree)
    if isinstance(tree, promql.VectorSelector):
        return ([], True) if is_own(tree) else ([tree], False)
    parts = [_scope(child, is_own) for child in children(tree) if not isinstance(bare(child), promql.StringLiteral)]
    others = [selector for part, _ in parts for selector in part]
    scoped = [own for _, own in parts]
    if isinstance(tree, promql.NumberLiteral):
        return [], True
    if not isinstance(tree, promql.BinaryExpr) or operator_of(tree) == "or" or not _shares_labels(tree):
        return others, all(scoped)
    (left, left_own), (right, right_own) = parts
    if left_own:
        return left, True
    if right_own and operator_of(tree) != "unless":
        return right, True
    return others, False


def _shares_labels(node: Any) -> bool:
    """Whether the sides are matched by any label."""
    if not value_type(node.lhs) == value_type(node.rhs) == "vector":
        return False
    sides = (matched(labels_of(node.lhs), node), matched(labels_of(node.rhs), node))
    return all(side.names is None or bool(side.names) for side in sides)

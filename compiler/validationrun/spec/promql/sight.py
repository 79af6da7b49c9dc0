"""What an alert's expression looks at: the series without which it gives nothing, and the labels that it writes itself."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.tree import bare, children, nodes

_OPERATORS: Final = (
    (promql.MatchOp.Equal, "="),
    (promql.MatchOp.NotEqual, "!="),
    (promql.MatchOp.Re, "=~"),
    (promql.MatchOp.NotRe, "!~"),
)
_ABSENT: Final = ("absent", "absent_over_time")
_LABEL_WRITERS: Final = ("label_replace", "label_join")


@dataclass(frozen=True, slots=True)
class Selection:
    """
    The series that a selector of a query names.

    Attributes:
        matchers: label name, operator and value; the metric name is the label `__name__`.
        modifiers: `offset` and `@` as PromQL, those of an enclosing subquery included; empty without.
    """

    matchers: tuple[tuple[str, str, str], ...]
    modifiers: str = ""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part must have series. Without parts it is never blind."""

    parts: tuple["Sight", ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part must have series."""

    parts: tuple["Sight", ...]


Sight = Selection | AllOf | AnyOf


class UnknownSelectorError(ValueError):
    """The query has a selector of another dialect."""


def sight(tree: Any) -> Sight:
    """
    Which series must exist for the query to give anything.

    What `absent()` looks at, and the right side of `unless`, need not exist; of `or` one side is enough.

    Raises:
        UnknownSelectorError: a selector is not Prometheus' PromQL.
    """
    return _sight(tree, timedelta(0), "")


def selections(needed: Sight) -> list[Selection]:
    """The selectors in it, each once, in the order of the query."""
    if isinstance(needed, Selection):
        return [needed]
    return list(dict.fromkeys(selection for part in needed.parts for selection in selections(part)))


def is_sighted(needed: Sight, seen: "frozenset[Selection] | set[Selection]") -> bool:
    """Whether the series that were seen are enough."""
    if isinstance(needed, Selection):
        return needed in seen
    check = all if isinstance(needed, AllOf) else any
    return check(is_sighted(part, seen) for part in needed.parts)


def written_labels(tree: Any) -> frozenset[str]:
    """The labels that the query itself can set, whatever its series carry."""
    written: set[str] = set()
    for node in nodes(tree):
        if isinstance(node, promql.Call) and node.func.name in _LABEL_WRITERS:
            written |= _text(node.args[1])
        elif isinstance(node, promql.AggregateExpr) and str(node.op) == "count_values":
            written |= _text(node.param)
        elif isinstance(node, promql.Call) and node.func.name in _ABSENT:
            # The labels of absent() are those that its selector pins.
            written |= {
                matcher.name
                for part in nodes(node.args[0])
                if isinstance(part, promql.VectorSelector)
                for matcher in part.matchers.matchers
                if matcher.op == promql.MatchOp.Equal
            }
    return frozenset(written)


def _text(node: Any) -> set[str]:
    node = bare(node)
    return {node.val} if isinstance(node, promql.StringLiteral) else set()


def _sight(tree: Any, offset: timedelta, at: str) -> Sight:
    tree = bare(tree)
    if isinstance(tree, promql.VectorSelector):
        return _selection(tree, offset, at)
    if isinstance(tree, promql.Call) and tree.func.name in _ABSENT:
        return AllOf()
    if isinstance(tree, promql.BinaryExpr) and str(tree.op) == "unless":
        return _sight(tree.lhs, offset, at)
    if isinstance(tree, promql.SubqueryExpr):
        offset += tree.offset or timedelta(0)
        at = str(tree.at) if tree.at is not None else at
    parts = tuple(_sight(child, offset, at) for child in children(tree))
    if isinstance(tree, promql.BinaryExpr) and str(tree.op) == "or":
        return AnyOf(parts)
    return parts[0] if len(parts) == 1 else AllOf(parts)


def _operator(matcher: Any) -> str:
    return next(text for operator, text in _OPERATORS if operator == matcher.op)


def _selection(selector: Any, offset: timedelta, at: str) -> Selection:
    if selector.matchers.or_matchers:
        raise UnknownSelectorError("`or` between matchers is not Prometheus' PromQL")
    matchers = [("__name__", "=", selector.name)] if selector.name else []
    matchers += [(matcher.name, _operator(matcher), matcher.value) for matcher in selector.matchers.matchers]
    milliseconds = round((offset + (selector.offset or timedelta(0))) / timedelta(milliseconds=1))
    modifiers = [
        str(selector.at) if selector.at is not None else at,
        f"offset {milliseconds}ms" if milliseconds else "",
    ]
    return Selection(tuple(matchers), " ".join(filter(None, modifiers)))

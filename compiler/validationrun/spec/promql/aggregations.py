"""What lies under a query's aggregations, and the selectors whose newest samples it reads."""

from dataclasses import dataclass
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.tree import bare, children, operator_of, value_type

_FILTERS: Final = frozenset({"==", "!=", "<=", ">=", "<", ">"})
_SETS: Final = frozenset({"and", "unless"})


def outermost_aggregations(tree: Any) -> list[Any]:
    """The aggregations that lie under no other one, left to right: none for `x + y`, two for `sum(x) / sum(y)`."""
    found, todo = [], [tree]
    while todo:
        node = bare(todo.pop())
        if isinstance(node, promql.AggregateExpr):
            found.append(node)
        else:
            todo.extend(reversed(children(node)))
    return found


def aggregated(aggregation: Any) -> str:
    """The expression under an aggregation, as PromQL."""
    return str(aggregation.expr.prettify())


def aggregated_series(aggregation: Any) -> str:
    """
    The series under an aggregation whatever their values are, as PromQL: `x` for `count(x > 5)` and for `sum(x and y)`.

    A series that a comparison or a set operator leaves out at one moment is not missing.
    """
    tree = bare(aggregation.expr)
    while isinstance(tree, promql.BinaryExpr):
        operator = operator_of(tree)
        is_filter = operator in _FILTERS and not (tree.modifier is not None and tree.modifier.return_bool)
        if not is_filter and operator not in _SETS:
            break
        tree = bare(tree.rhs if value_type(tree.lhs) == "scalar" else tree.lhs)
    return str(tree.prettify())


@dataclass(frozen=True, slots=True)
class FreshSelector:
    """A selector whose newest samples the query reads, and how far back it looks, in seconds; 0 for one instant."""

    selector: str
    reach_s: float


def fresh_selectors(tree: Any) -> list[FreshSelector]:
    """The vector selectors without `offset` and `@` around them, each once, left to right."""
    found = list(_fresh(bare(tree), 0.0))
    reach = {selector: max(s for text, s in found if text == selector) for selector, _ in found}
    return [FreshSelector(selector, reach[selector]) for selector in reach]


def _fresh(node: Any, reach_s: float) -> list[tuple[str, float]]:
    if isinstance(node, (promql.SubqueryExpr, promql.VectorSelector)) and (
        node.offset is not None or node.at is not None
    ):
        return []
    if isinstance(node, promql.VectorSelector):
        return [(str(node.prettify()), reach_s)]
    if isinstance(node, (promql.SubqueryExpr, promql.MatrixSelector)) and node.range is not None:
        reach_s += node.range.total_seconds()
    return [pair for child in children(node) for pair in _fresh(child, reach_s)]

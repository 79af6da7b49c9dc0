"""
Reads PromQL without a Prometheus: the syntax tree, and properties of a query that follow from it.

Wraps promql-parser, so that no other module depends on its types.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql_text import STRING_OR_COMMENT

# promql-parser recurses in native code; beyond these limits a hostile query could crash the process.
_MAX_NESTING: Final = 100
_MAX_OPERATORS: Final = 500
_OPERATORS: Final = re.compile(
    r"[-+*/%^=<>!@]+|\b(?:and|or|unless|atan2|offset|bool|by|without|on|ignoring)\b", re.IGNORECASE
)

_RANGE_FUNCTIONS: Final = frozenset(
    {"rate", "irate", "increase", "delta", "idelta", "deriv", "changes", "resets", "predict_linear"}
)
"""Functions that need two samples in their range."""

_EXACT_AGGREGATES: Final = frozenset({"sum", "min", "max", "count", "group", "topk", "bottomk"})
_INEXACT_FUNCTIONS: Final = frozenset(
    {"rate", "irate", "deriv", "predict_linear", "histogram_quantile", "avg_over_time", "stddev_over_time", "quantile_over_time",
     "exp", "ln", "log2", "log10", "sqrt", "stdvar_over_time", "double_exponential_smoothing"}
)  # fmt: skip


class SyntaxFault(ValueError):  # noqa: N818 - the user's fault, not ours
    """The query is not PromQL. `token` is the text that the parser's message names, if any."""

    def __init__(self, message: str, token: str | None) -> None:
        super().__init__(message)
        self.token = token


@dataclass(frozen=True, slots=True)
class RangeUse:
    """A function over a range: its name, and the range in seconds."""

    function: str
    seconds: float


def parse(query: str) -> Any:
    """
    The syntax tree of a query whose placeholders are filled in.

    Raises:
        SyntaxFault: the query does not parse, or is nested too deeply.
    """
    if _beyond_reason(query):
        raise SyntaxFault(f"more than {_MAX_NESTING} levels or {_MAX_OPERATORS} operators", None)
    try:
        return promql.parse(query)
    except ValueError as error:
        message = str(error)
        if message == "invalid promql query":
            message = "the parser does not accept it and does not say where"
        raise SyntaxFault(message, _named_token(str(error))) from None


def _beyond_reason(query: str) -> bool:
    if len(query) <= _MAX_OPERATORS and sum(map(query.count, "([{")) <= _MAX_NESTING:
        # Most queries are too short to be nested too deeply.
        return False
    code = STRING_OR_COMMENT.sub('""', query)
    return _depth(code) > _MAX_NESTING or len(_OPERATORS.findall(code)) > _MAX_OPERATORS


def _depth(code: str) -> int:
    depth = deepest = 0
    for character in code:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _named_token(message: str) -> str | None:
    """The quoted text in the parser's message: foo in "unknown function with name 'foo'"."""
    match = re.search(r"'([^']+)'", message) or re.search(r"illegal regex for (.+)$", message)
    return match[1] if match else None


def value_type(tree: Any) -> str:
    """The type of the query's result: `scalar`, `vector`, `matrix` or `string`."""
    tree = _bare(tree)
    kind = type(tree)
    if kind is promql.Call:
        return "scalar" if tree.func.name in ("scalar", "time", "pi") else "vector"
    if kind is promql.BinaryExpr:
        return "scalar" if value_type(tree.lhs) == value_type(tree.rhs) == "scalar" else "vector"
    if kind is promql.UnaryExpr:
        return value_type(tree.expr)
    return _TYPES.get(kind, "vector")


_TYPES: Final[dict[type, str]] = {
    promql.NumberLiteral: "scalar",
    promql.StringLiteral: "string",
    promql.MatrixSelector: "matrix",
    promql.SubqueryExpr: "matrix",
}


@functools.lru_cache(maxsize=1)
def nodes(tree: Any) -> tuple[Any, ...]:
    """The tree's nodes, outermost first, left to right. Cached for the next check of the same query."""
    visited = []
    todo = [tree]
    while todo:
        node = todo.pop()
        visited.append(node)
        todo.extend(reversed(_children(node)))
    return tuple(visited)


_CHILDREN: Final[dict[type, Callable[[Any], list[Any]]]] = {
    promql.BinaryExpr: lambda node: [node.lhs, node.rhs],
    promql.Call: lambda node: list(node.args),
    promql.AggregateExpr: lambda node: [child for child in (node.param, node.expr) if isinstance(child, promql.Expr)],
    promql.MatrixSelector: lambda node: [node.vector_selector],
    promql.ParenExpr: lambda node: [node.expr],
    promql.UnaryExpr: lambda node: [node.expr],
    promql.SubqueryExpr: lambda node: [node.expr],
}


def _children(node: Any) -> list[Any]:
    children = _CHILDREN.get(type(node))
    return children(node) if children else []


def _bare(tree: Any) -> Any:
    while isinstance(tree, promql.ParenExpr):
        tree = tree.expr
    return tree


def may_give_several(tree: Any) -> bool:
    """
    Whether the query could return more than one series.

    False means at most one, whatever series exist: the query aggregates to one series, or `=` pins every remaining label.
    """
    tree = _bare(tree)
    if isinstance(tree, promql.AggregateExpr):
        return _aggregate_may_give_several(tree)
    if isinstance(tree, promql.Call):
        if tree.func.name in ("scalar", "vector", "time", "pi", "absent", "absent_over_time"):
            return False
        if tree.func.name in ("histogram_quantile", "histogram_fraction") and _groups_only_by_le(tree.args[-1]):
            return False
        # A function without a vector argument, such as hour(), returns one series; others keep the series of their argument.
        return any(may_give_several(argument) for argument in tree.args if value_type(argument) in ("vector", "matrix"))
    if isinstance(tree, promql.BinaryExpr):
        return _binary_may_give_several(tree)
    if isinstance(tree, (promql.UnaryExpr, promql.SubqueryExpr)):
        return may_give_several(tree.expr)
    return not isinstance(tree, (promql.NumberLiteral, promql.StringLiteral))


def _groups_only_by_le(tree: Any) -> bool:
    """Whether the tree groups only by `le`, as `sum by (le) (...)` does. A quantile makes one value of such buckets."""
    tree = _bare(tree)
    by_labels = (
        isinstance(tree, promql.AggregateExpr)
        and tree.modifier is not None
        and tree.modifier.type == promql.AggModifierType.By
    )
    return by_labels and set(tree.modifier.labels) <= {"le"} | _pinned_labels(tree.expr)


def _aggregate_may_give_several(tree: Any) -> bool:
    operator = str(tree.op)
    if operator == "count_values":
        return True
    if operator in ("topk", "bottomk", "limitk", "limit_ratio"):
        keeps_one = isinstance(tree.param, promql.NumberLiteral) and tree.param.val == 1 and operator != "limit_ratio"
        return not (keeps_one and tree.modifier is None)
    if tree.modifier is None:
        return False
    if tree.modifier.type == promql.AggModifierType.By:
        pinned = _pinned_labels(tree.expr)
        return not set(tree.modifier.labels) <= pinned
    return True


def _binary_may_give_several(tree: Any) -> bool:
    left = value_type(tree.lhs) == "vector" and may_give_several(tree.lhs)
    right = value_type(tree.rhs) == "vector" and may_give_several(tree.rhs)
    operator = str(tree.op)
    if operator == "or":
        # `one or vector(0)` returns the left side's series, or else the fallback, because neither has labels.
        return left or right or not (_without_labels(tree.lhs) and _without_labels(tree.rhs))
    if operator in ("and", "unless"):
        return left
    if value_type(tree.lhs) == "scalar" or value_type(tree.rhs) == "scalar":
        return left or right
    if tree.modifier is not None and tree.modifier.card == promql.VectorMatchCardinality.ManyToOne:
        return left
    if tree.modifier is not None and tree.modifier.card == promql.VectorMatchCardinality.OneToMany:
        return right
    return left and right


def _without_labels(tree: Any) -> bool:
    tree = _bare(tree)
    if isinstance(tree, promql.AggregateExpr):
        return tree.modifier is None and str(tree.op) not in (
            "topk",
            "bottomk",
            "limitk",
            "limit_ratio",
            "count_values",
        )
    if isinstance(tree, promql.Call):
        return tree.func.name == "vector"
    if isinstance(tree, promql.BinaryExpr):
        vectors = [side for side in (tree.lhs, tree.rhs) if value_type(side) == "vector"]
        return all(_without_labels(side) for side in vectors)
    return False


def _pinned_labels(tree: Any) -> set[str]:
    """Labels that every selector in the tree pins with `=`. Grouping by them gives one group."""
    pinned = [
        {matcher.name for matcher in selector.matchers.matchers if matcher.op == promql.MatchOp.Equal}
        for selector in selectors(tree)
    ]
    return set.intersection(*pinned) if pinned else set()


def selectors(tree: Any) -> list[Any]:
    return [node for node in nodes(tree) if isinstance(node, promql.VectorSelector)]


def matcher_values(selector: Any) -> list[str]:
    """The values of all positive matchers (`=` and `=~`), including those of `or` groups."""
    groups = [selector.matchers.matchers, *selector.matchers.or_matchers]
    positive = (promql.MatchOp.Equal, promql.MatchOp.Re)
    return [matcher.value for group in groups for matcher in group if matcher.op in positive]


def range_uses(tree: Any) -> list[RangeUse]:
    """Each function that needs two samples, with its range."""
    uses = []
    for node in nodes(tree):
        if isinstance(node, promql.Call) and node.func.name in _RANGE_FUNCTIONS:
            for argument in node.args:
                bare = _bare(argument)
                if isinstance(bare, promql.MatrixSelector):
                    uses.append(RangeUse(node.func.name, bare.range.total_seconds()))
    return uses


def ranges(tree: Any) -> list[float]:
    """The length in seconds of every range in the query, including subqueries."""
    lengths = [node.range.total_seconds() for node in nodes(tree) if isinstance(node, promql.MatrixSelector)]
    return lengths + [
        node.range.total_seconds() for node in nodes(tree) if isinstance(node, promql.SubqueryExpr) and node.range
    ]


def silence_turned_into_a_value(tree: Any) -> list[str]:
    """The parts of the query that return a number when there is no data, in PromQL terms."""
    causes: list[str] = []
    for node in nodes(tree):
        if isinstance(node, promql.BinaryExpr):
            if node.modifier is not None and node.modifier.return_bool:
                causes.append("bool")
            if str(node.op) == "or" and _is_call(node.rhs, "vector"):
                causes.append("or vector()")
            if str(node.op) in ("==", "!=", "<=", ">=", "<", ">") and _compares_count_with_zero(node):
                causes.append("a count compared with 0")
        elif isinstance(node, promql.Call) and node.func.name in ("absent", "absent_over_time"):
            causes.append(f"{node.func.name}()")
    return list(dict.fromkeys(causes))


def _is_call(tree: Any, name: str) -> bool:
    tree = _bare(tree)
    return isinstance(tree, promql.Call) and tree.func.name == name


def _compares_count_with_zero(node: Any) -> bool:
    sides = [_bare(node.lhs), _bare(node.rhs)]
    zero = any(isinstance(side, promql.NumberLiteral) and side.val == 0 for side in sides)
    return zero and any(is_count(side) for side in sides)


def is_count(tree: Any) -> bool:
    """Whether the query's outermost part counts series or samples."""
    tree = _bare(tree)
    if isinstance(tree, promql.AggregateExpr):
        return str(tree.op) in ("count", "group") or (str(tree.op) in ("sum", "max") and is_count(tree.expr))
    return isinstance(tree, promql.Call) and tree.func.name == "count_over_time"


def is_exact(tree: Any) -> bool:
    """Whether whole numbers stay whole: the query has no division, rate or average."""
    for node in nodes(tree):
        if isinstance(node, promql.BinaryExpr) and str(node.op) in ("/", "%", "^", "atan2"):
            return False
        if isinstance(node, promql.AggregateExpr) and str(node.op) not in _EXACT_AGGREGATES:
            return False
        if isinstance(node, promql.Call) and node.func.name in _INEXACT_FUNCTIONS:
            return False
    return True

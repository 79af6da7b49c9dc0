"""
Reading PromQL without a Prometheus: the syntax tree, and what can be seen in it.

Wraps promql-parser, so that no other module knows its types.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql_text import STRING_OR_COMMENT

# promql-parser walks its tree by recursion in native code: beyond these bounds a hostile query could end the process.
_MAX_NESTING: Final = 100
_MAX_OPERATORS: Final = 500
_OPERATORS: Final = re.compile(
    r"[-+*/%^=<>!@]+|\b(?:and|or|unless|atan2|offset|bool|by|without|on|ignoring)\b", re.IGNORECASE
)

_RANGE_FUNCTIONS: Final = frozenset(
    {"rate", "irate", "increase", "delta", "idelta", "deriv", "changes", "resets", "predict_linear"}
)
"""These need two samples in their window."""

_EXACT_AGGREGATES: Final = frozenset({"sum", "min", "max", "count", "group", "topk", "bottomk"})
_INEXACT_FUNCTIONS: Final = frozenset(
    {"rate", "irate", "deriv", "predict_linear", "histogram_quantile", "avg_over_time", "stddev_over_time", "quantile_over_time",
     "exp", "ln", "log2", "log10", "sqrt", "stdvar_over_time", "double_exponential_smoothing"}
)  # fmt: skip


class SyntaxFault(ValueError):  # noqa: N818 - the user's fault, not ours
    """The query is not PromQL. `token` is the piece of text that the parser named, if it named one."""

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
        SyntaxFault: it does not parse, or it is nested beyond what anyone would write.
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
        # Most queries are too short to be too deep.
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
    """What the parser's message puts in quotes: "unknown function with name 'foo'" names foo."""
    match = re.search(r"'([^']+)'", message) or re.search(r"illegal regex for (.+)$", message)
    return match[1] if match else None


def value_type(tree: Any) -> str:
    """`scalar`, `vector`, `matrix` or `string`: what the query gives."""
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
    """The tree's nodes, outermost first, left to right. Kept for the next check of the same query."""
    found = []
    todo = [tree]
    while todo:
        node = todo.pop()
        found.append(node)
        todo.extend(reversed(_children(node)))
    return tuple(found)


_CHILDREN: Final[dict[type, Callable[[Any], list[Any]]]] = {
    promql.BinaryExpr: lambda node: [node.lhs, node.rhs],
    promql.Call: lambda node: list(node.args),
    promql.AggregateExpr: lambda node: [one for one in (node.param, node.expr) if isinstance(one, promql.Expr)],
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
    Whether the query could give more than one series.

    False means at most one, whatever series exist: it was aggregated to one, or every label that is left is pinned by `=`.
    """
    tree = _bare(tree)
    if isinstance(tree, promql.AggregateExpr):
        return _aggregate_may_give_several(tree)
    if isinstance(tree, promql.Call):
        if tree.func.name in ("scalar", "vector", "time", "pi", "absent", "absent_over_time"):
            return False
        if tree.func.name in ("histogram_quantile", "histogram_fraction") and _groups_only_by_le(tree.args[-1]):
            return False
        # A function of no vector, such as hour(), gives one; the others keep the series they get.
        return any(may_give_several(argument) for argument in tree.args if value_type(argument) in ("vector", "matrix"))
    if isinstance(tree, promql.BinaryExpr):
        return _binary_may_give_several(tree)
    if isinstance(tree, (promql.UnaryExpr, promql.SubqueryExpr)):
        return may_give_several(tree.expr)
    return not isinstance(tree, (promql.NumberLiteral, promql.StringLiteral))


def _groups_only_by_le(tree: Any) -> bool:
    """`sum by (le) (...)`: a classic histogram's buckets, of which the quantile makes one value."""
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
        one = isinstance(tree.param, promql.NumberLiteral) and tree.param.val == 1 and operator != "limit_ratio"
        return not (one and tree.modifier is None)
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
        # `one or vector(0)` gives the left side's series, or the fallback when there is none, as neither has labels.
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
    """Labels that every selector below pins with `=`: a grouping by them gives one group."""
    pinned = [
        {matcher.name for matcher in selector.matchers.matchers if matcher.op == promql.MatchOp.Equal}
        for selector in selectors(tree)
    ]
    return set.intersection(*pinned) if pinned else set()


def selectors(tree: Any) -> list[Any]:
    return [node for node in nodes(tree) if isinstance(node, promql.VectorSelector)]


def matcher_values(selector: Any) -> list[str]:
    """The values of all matchers that demand something, those of `or` groups too."""
    groups = [selector.matchers.matchers, *selector.matchers.or_matchers]
    positive = (promql.MatchOp.Equal, promql.MatchOp.Re)
    return [matcher.value for group in groups for matcher in group if matcher.op in positive]


def range_uses(tree: Any) -> list[RangeUse]:
    """Each function that needs two samples, with the range it looks at."""
    found = []
    for node in nodes(tree):
        if isinstance(node, promql.Call) and node.func.name in _RANGE_FUNCTIONS:
            for argument in node.args:
                bare = _bare(argument)
                if isinstance(bare, promql.MatrixSelector):
                    found.append(RangeUse(node.func.name, bare.range.total_seconds()))
    return found


def ranges(tree: Any) -> list[float]:
    """The length in seconds of every range in the query, subqueries' too."""
    found = [node.range.total_seconds() for node in nodes(tree) if isinstance(node, promql.MatrixSelector)]
    return found + [
        node.range.total_seconds() for node in nodes(tree) if isinstance(node, promql.SubqueryExpr) and node.range
    ]


def silence_turned_into_a_value(tree: Any) -> list[str]:
    """What in the query gives a number where there is no data, in PromQL's own words."""
    found: list[str] = []
    for node in nodes(tree):
        if isinstance(node, promql.BinaryExpr):
            if node.modifier is not None and node.modifier.return_bool:
                found.append("bool")
            if str(node.op) == "or" and _is_call(node.rhs, "vector"):
                found.append("or vector()")
            if str(node.op) in ("==", "!=", "<=", ">=", "<", ">") and _compares_count_with_zero(node):
                found.append("a count compared with 0")
        elif isinstance(node, promql.Call) and node.func.name in ("absent", "absent_over_time"):
            found.append(f"{node.func.name}()")
    return list(dict.fromkeys(found))


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
    """Whether whole numbers stay whole: no division, no rate, no average."""
    for node in nodes(tree):
        if isinstance(node, promql.BinaryExpr) and str(node.op) in ("/", "%", "^", "atan2"):
            return False
        if isinstance(node, promql.AggregateExpr) and str(node.op) not in _EXACT_AGGREGATES:
            return False
        if isinstance(node, promql.Call) and node.func.name in _INEXACT_FUNCTIONS:
            return False
    return True

"""
Comparisons without `bool` that decide whether a query has a value at all.

Such a comparison filters: what fails it has no value, so a rule can neither pass nor fail there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql import numbers
from validationrun.spec.promql.direction import WANTED, Wants, Way, inwards
from validationrun.spec.promql.possible import possible
from validationrun.spec.promql.tree import COMPARISONS, bare, is_bool, operator_of, value_type
from validationrun.spec.promql_text import STRING_OR_COMMENT

_OPERATOR: Final = re.compile(r"==|!=|>=|<=|>|<")


@dataclass(frozen=True, slots=True)
class Filter:
    """
    A comparison that takes the value away where the rule would need it.

    Attributes:
        node: the comparison.
        operator: as seen from the vector that is filtered, so `>` for `5 < up`.
        vector: what is filtered.
        bound: what it is compared with.
        inside: the aggregation around it, such as `max`; empty when the comparison is outermost.
    """

    node: Any
    operator: str
    vector: Any
    bound: Any
    inside: str


def harmful_filter(tree: Any, op: str, holds: Callable[[float], bool]) -> Filter | None:
    """
    The first filter that hides what breaks the condition, or leaves a run that fulfils it without a value.

    Args:
        op: of the condition.
        holds: the condition of a number.
    """
    return _find(tree, Way.of(op, holds))


def _find(tree: Any, way: Way) -> Filter | None:
    tree = bare(tree)
    step = inwards(tree, way)
    if step is not None:
        return _find(*step)
    return _in_binary(tree, way) if isinstance(tree, promql.BinaryExpr) else None


def _in_binary(tree: Any, way: Way) -> Filter | None:
    operator = operator_of(tree)
    if operator in COMPARISONS:
        if is_bool(tree):
            return None
        if value_type(tree.lhs) == "scalar":
            found = Filter(tree, numbers.MIRRORED[operator], tree.rhs, tree.lhs, way.inside)
        else:
            found = Filter(tree, operator, tree.lhs, tree.rhs, way.inside)
        return found if _takes_away(found, way) else None
    if operator in ("and", "unless"):
        return _find(tree.lhs, way)
    if operator == "or":
        # Where one side has no value, the other one may have.
        left, right = _find(tree.lhs, way), _find(tree.rhs, way)
        return left if right is not None else None
    # On the right of a division a filter keeps zero out of it; in a product it chooses series.
    return _find(tree.lhs, way) if operator == "/" else None


def _takes_away(found: Filter, way: Way) -> bool:
    if _keeps_all(found):
        return False
    if not way.inside:
        return True
    if way.inside in ("sum", "count"):
        # What has no series would have been zero.
        return way.zero_holds
    keeps = WANTED.get(found.operator, Wants.HIGH if found.operator == "!=" else Wants.OTHER)
    if way.inside in ("max", "topk"):
        # What is left out of a maximum that must be high would not have made it higher.
        return not keeps is way.wants is Wants.HIGH
    if way.inside in ("min", "bottomk"):
        return found.operator == "!=" or not keeps is way.wants is Wants.LOW
    return way.inside in ("avg", "quantile")


def _keeps_all(found: Filter) -> bool:
    """Whether the comparison only keeps NaN out, as `>= 0` does with what is never negative."""
    bound = possible(found.bound)
    if found.operator == ">=" and bound.single == 0:
        return True
    return not numbers.compare(found.operator, replace(possible(found.vector), nan=False), bound)[1]


def split_comparison(text: str) -> tuple[str, str] | None:
    """
    The two sides of a query whose outermost operator is a comparison, as they are written.

    None when the text has another comparison, or a word such as `and` or `on`, beside its brackets.
    """
    # Of the same length, so that positions in it are positions in the text.
    code = STRING_OR_COMMENT.sub(lambda match: " " * len(match[0]), text)
    start, end = 0, len(text)
    while True:
        start += len(code[start:end]) - len(code[start:end].lstrip())
        end -= len(code[start:end]) - len(code[start:end].rstrip())
        outside = _outside_brackets(code, start, end)
        if code[start:end][:1] != "(" or outside.strip():
            break
        start, end = start + 1, end - 1
    places = list(_OPERATOR.finditer(outside))
    if len(places) != 1 or re.search(r"\b(and|or|unless|on|ignoring|bool)\b", outside, re.IGNORECASE):
        return None
    place = places[0]
    left, right = text[start : start + place.start()], text[start + place.end() : end]
    return " ".join(left.split()), " ".join(right.split())


def _outside_brackets(code: str, start: int, end: int) -> str:
    """The code with all that stands in brackets, and the brackets, as spaces."""
    depth, signs = 0, []
    for sign in code[start:end]:
        depth += sign in "([{"
        signs.append(sign if depth == 0 else " ")
        depth -= sign in ")]}"
    return "".join(signs)

"""Reads series and samples in the notation of promtool's test files."""

import enum
import re
from typing import Any, Final

import promql_parser

from validationrun.spec.findings import quote
from validationrun.spec.promql import SyntaxFault, parse

MOST_SAMPLES: Final = 1_000_000
"""The limit for a series; a week at one sample a second has about 600,000."""

_NUMBER: Final = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_WORD: Final = r"(?i:inf|nan)"
# As in promtool, a word includes an x that follows it: `NaNx3` is no number, `NaN+0x3` is.
_ITEM: Final = re.compile(
    rf"(?P<first>[+-]?(?:{_NUMBER}|{_WORD}(?!\w)))(?:(?P<step>[+-](?:{_NUMBER}|{_WORD}(?!\w)))(?=x))?(?:x(?P<times>[0-9]+))?"
)
_BLANK: Final = re.compile(r"_(?:x([0-9]+))?")
_OCTAL: Final = re.compile(r"0[0-7]+")
_LONGEST_COUNT: Final = 9


class Mark(enum.Enum):
    """A sample that is not a number."""

    STALE = "stale"
    """Prometheus' own mark that a series has ended."""


Value = float | Mark


class NotationError(ValueError):
    """The text is not promtool's notation; `token` is the wrong part."""

    def __init__(self, message: str, token: str | None = None) -> None:
        super().__init__(message)
        self.token = token


def read_values(text: str) -> list[Value | None]:
    """
    An entry for each interval, beginning at the first sample's time; None for an interval without a sample.

    Raises:
        NotationError
    """
    values: list[Value | None] = []
    for item in text.split():
        values += _expand(item, MOST_SAMPLES - len(values))
        if len(values) > MOST_SAMPLES:
            raise _too_many(item)
    return values


def _too_many(item: str) -> NotationError:
    return NotationError(f"more than {MOST_SAMPLES:,} samples in one series", item)


def _expand(item: str, room: int) -> list[Value | None]:
    if item == Mark.STALE.value:
        return [Mark.STALE]
    if (blank := _BLANK.fullmatch(item)) is not None:
        return [None] * _count(blank[1], item, room, default=1)
    match = _ITEM.fullmatch(item)
    if match is None:
        raise NotationError(_words(item), item)
    # `a+bxn` and `axn` stand for n + 1 values, the first of which is a.
    times = _count(match["times"], item, room, default=0)
    value, step = _number(match["first"]), _number(match["step"] or "0")
    values: list[Value | None] = []
    for _ in range(times + 1):
        values.append(value)
        value += step
    return values


def _count(text: str | None, item: str, room: int, default: int) -> int:
    if text is None:
        return default
    if len(text) > _LONGEST_COUNT or int(text) > room:
        raise _too_many(item)
    return int(text)


def _words(item: str) -> str:
    if item.startswith("{{"):
        return f"{quote(item)} is a native histogram, which no rule can be judged by"
    return f"{quote(item)} is not a number, a+bxn, axn, _, _xn or stale"


def _number(text: str) -> float:
    sign, digits = (-1.0 if text[0] == "-" else 1.0), text.lstrip("+-")
    # As in Go, a leading zero makes an octal number.
    return sign * (float(int(digits, 8)) if _OCTAL.fullmatch(digits) else float(digits))


def read_series(text: str) -> dict[str, str]:
    """
    The labels of one series, its name under `__name__`.

    Raises:
        NotationError
    """
    selector = _selector(text)
    labels = {"__name__": selector.name} if selector.name else {}
    for matcher in selector.matchers.matchers:
        if matcher.op != promql_parser.MatchOp.Equal:
            raise NotationError(f"a series has its labels by = and nothing else; {matcher.name} has another operator")
        if matcher.name in labels:
            raise NotationError(f"label {matcher.name} is given twice")
        labels[matcher.name] = matcher.value
    if not labels.get("__name__"):
        raise NotationError("a series must have a name")
    # In Prometheus an empty label is the same as no label.
    return {name: value for name, value in labels.items() if value}


class Selector:
    """Selects series by a metric name, by matchers, or by both."""

    def __init__(self, text: str) -> None:
        """Raises NotationError."""
        selector = _selector(text)
        self._name = selector.name
        self._matchers = [(matcher.name, matcher.op, matcher.value) for matcher in selector.matchers.matchers]
        for _, operator, value in self._matchers:
            if operator in (promql_parser.MatchOp.Re, promql_parser.MatchOp.NotRe):
                try:
                    re.compile(value)
                except re.error:
                    raise NotationError(f"{quote(value)} is not a regular expression", value) from None

    def selects(self, labels: dict[str, str]) -> bool:
        if self._name and labels["__name__"] != self._name:
            return False
        return all(matches(operator, value, labels.get(name, "")) for name, operator, value in self._matchers)


def matches(operator: Any, wanted: str, value: str) -> bool:
    """Whether a label's value satisfies a matcher."""
    if operator == promql_parser.MatchOp.Equal:
        return value == wanted
    if operator == promql_parser.MatchOp.NotEqual:
        return value != wanted
    matched = re.fullmatch(wanted, value) is not None
    return matched if operator == promql_parser.MatchOp.Re else not matched


def _selector(text: str) -> Any:
    try:
        tree = parse(text)
    except SyntaxFault as fault:
        raise NotationError(f"not a series: {fault}", fault.token) from None
    plain = isinstance(tree, promql_parser.VectorSelector) and not tree.offset and tree.at is None
    if not plain or tree.matchers.or_matchers:
        raise NotationError(f"{quote(text)} must be a name, labels in braces, or both, and nothing else")
    return tree

"""The matchers of an alert rule, with the run's values, compared with labels."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from validationrun.oracle.placeholders import filled_value, quoted, regex_escaped

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import Matcher

_LONGEST_VALUE: Final = 1000
"""A longer label value is not compared with a regular expression of the user, because that could take without end."""

_ELSEWHERE: Final = re.compile(r"\[\[|--|&&|\|\||~~|\\[pPzQEC]|\(\?[imsU]*U")


class LabelMatcher(Struct, frozen=True):
    """One matcher; its value is what PromQL's string stands for."""

    name: str
    op: str
    value: str

    @classmethod
    def filled(cls, name: str, op: str, value: str, values: Mapping[str, str]) -> "LabelMatcher":
        """A matcher as a spec has it, with the run's values in the places of its value."""
        return cls(name, op, filled_value(value, op, values))

    def accepts(self, value: str) -> bool | None:
        """Whether a label value satisfies it; the empty text stands for a missing label. None when this cannot be said here."""
        if self.op in ("=", "!="):
            return (value == self.value) == (self.op == "=")
        pattern = _compiled(self.value)
        if pattern is None or len(value) > _LONGEST_VALUE:
            return None
        return (pattern.fullmatch(value) is not None) == (self.op == "=~")

    @property
    def needs_label(self) -> bool:
        """Whether a series without the label never satisfies it."""
        return self.accepts("") is not True

    def promql(self) -> str:
        return f"{self.name}{self.op}{quoted(self.value)}"

    def or_missing(self) -> str:
        """As PromQL a matcher that also accepts a series without the label; empty when it would accept every series."""
        if not self.needs_label:
            return self.promql()
        if self.op in ("!=", "!~"):
            return ""
        pattern = regex_escaped(self.value) if self.op == "=" else f"(?:{self.value})"
        return f"{self.name}=~{quoted(f'{pattern}|')}"


def matchers_of(values: Mapping[str, str], matchers: "Iterable[Matcher]") -> tuple[LabelMatcher, ...]:
    """The matchers as a spec has them, with the run's values in their places."""
    return tuple(LabelMatcher.filled(matcher.name, matcher.op, matcher.value, values) for matcher in matchers)


def is_meant(matchers: Sequence[LabelMatcher], labels: Mapping[str, str]) -> bool:
    """Whether the labels surely satisfy every matcher."""
    return all(matcher.accepts(labels.get(matcher.name, "")) is True for matcher in matchers)


def missing_labels(matchers: Sequence[LabelMatcher], labels: Mapping[str, str]) -> tuple[str, ...]:
    """
    The labels without which nothing shows that these labels are another run's.

    Empty when they satisfy every matcher, and when one of them is there and says that they are another run's.
    """
    missing = []
    for matcher in matchers:
        value = labels.get(matcher.name, "")
        accepted = matcher.accepts(value)
        if accepted is True:
            continue
        if accepted is False and not (value == "" and matcher.needs_label):
            return ()
        missing.append(matcher.name)
    return tuple(missing)


def refusing(matchers: Sequence[LabelMatcher], set_labels: Mapping[str, str]) -> LabelMatcher | None:
    """
    The matcher that no instance of an alerting rule can satisfy; None when there may be such instances.

    Args:
        set_labels: those that the rule sets. What a template gives is not known.
    """
    for matcher in matchers:
        value = set_labels.get(matcher.name, "")
        if value and "{{" not in value and matcher.accepts(value) is False:
            return matcher
    return None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """None for what Prometheus reads in another way than Python, such as a class `[[:alpha:]]` or `(?U)`."""
    if _ELSEWHERE.search(pattern):
        return None
    try:
        return re.compile(pattern, re.DOTALL)
    except (re.error, OverflowError, RecursionError):
        return None

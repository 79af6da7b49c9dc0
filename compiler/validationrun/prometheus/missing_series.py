"""Explains why a selector matches nothing: no such metric, no such label, a series that ended, a range that is too short."""

import difflib
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from validationrun.oracle.placeholders import escape, quoted
from validationrun.prometheus.query_budget import BACK_SECONDS, Inquiry

_STEP: Final = "15s"
_MOST_MATCHERS: Final = 4
_MOST_NAMES: Final = 20_000
_MOST_VALUES: Final = 2_000
_MOST_SERIES: Final = 50
_NEAREST: Final = 3
_LONGEST_SHOWN: Final = 70
_SPACING_RANGE: Final = "10m"

Matcher = tuple[str, str, str]
"""Label, operator, value."""


class Selector(Struct, frozen=True):
    """
    A selector of a query, without its range and offset.

    Attributes:
        name: the metric's name; empty when the selector has none.
        matchers: the matchers of other labels.
        range_s: length of the range; None for an instant selector.
        moment: evaluation time minus the offset, in Unix seconds.
    """

    name: str
    matchers: tuple[Matcher, ...]
    range_s: float | None
    moment: float

    @classmethod
    def of(cls, node: Any, t: float) -> "Selector | None":
        """From the parser's vector or matrix selector; None for a selector with `or` or `@`, which is not explained."""
        range_s = node.range.total_seconds() if hasattr(node, "vector_selector") else None
        inner = node if range_s is None else node.vector_selector
        if inner.matchers.or_matchers or inner.at is not None:
            return None
        matchers = [(matcher.name, _operator(matcher.op), matcher.value) for matcher in inner.matchers.matchers]
        name = inner.name or next((value for label, op, value in matchers if (label, op) == ("__name__", "=")), "")
        others = tuple(matcher for matcher in matchers if not (name and matcher[0] == "__name__"))
        offset = inner.offset.total_seconds() if inner.offset is not None else 0.0
        return cls(name, others, range_s, t - offset)

    def only(self, matchers: Sequence[Matcher]) -> str:
        """A selector of the same metric with these matchers, as PromQL."""
        pairs = ",".join(f"{label}{op}{quoted(value)}" for label, op, value in matchers)
        return self.name + (f"{{{pairs}}}" if pairs or not self.name else "")

    @property
    def text(self) -> str:
        return self.only(self.matchers)

    @property
    def called(self) -> str:
        return self.name or show(self.text)


def _operator(operator: Any) -> str:
    return {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}[str(operator).rpartition(".")[2]]


def why_no_series(ask: Inquiry, selector: Selector) -> str:
    """Why a selector returned no data."""
    moment = selector.moment
    ask.so_far = f"Nothing matches {show(selector.text)}."
    if ask.values("__name__", selector.text, moment):
        return _why_no_sample(ask, selector)
    if selector.name and not ask.values("__name__", selector.only([]), moment):
        return _no_metric(ask, selector)
    return _no_match(ask, selector)


def _no_metric(ask: Inquiry, selector: Selector) -> str:
    ask.so_far = f"No metric is named {selector.name}."
    names = ask.values("__name__", None, selector.moment)
    if not names:
        return f"No metric is named {selector.name}; Prometheus has no series of the last hour at all."
    near = difflib.get_close_matches(selector.name, names[:_MOST_NAMES], n=_NEAREST)
    nearest = f"nearest: {', '.join(near)}" if near else "none is near"
    return f"No metric is named {selector.name}; {nearest}."


def _no_match(ask: Inquiry, selector: Selector) -> str:
    for label, op, value in selector.matchers[:_MOST_MATCHERS]:
        values = ask.values(label, selector.only([]) if selector.name else None, selector.moment)
        # In PromQL a missing label equals an empty one.
        if any(satisfies(op, value, candidate) for candidate in ("", *values)):
            continue
        whose = f"series of {selector.name}" if selector.name else "series"
        if not values:
            return f"No {whose} has a label {label}."
        return f"No {whose} has {label}{op}{show(quoted(value))}; nearest: {_nearest(value, values)}."
    return _no_combination(ask, selector)


def _no_combination(ask: Inquiry, selector: Selector) -> str:
    """Why matchers that each match some series match none together."""
    for matcher in selector.matchers[:_MOST_MATCHERS]:
        label, op, value = matcher
        others = selector.only([other for other in selector.matchers if other != matcher])
        if others != "{}" and (values := ask.values(label, others, selector.moment)):
            wanted = f"{label}{op}{show(quoted(value))}"
            return f"No series of {show(others)} has {wanted}; nearest: {_nearest(value, values)}."
    return f"No series has all of {show(selector.text)} together."


def _why_no_sample(ask: Inquiry, selector: Selector) -> str:
    """Why series that existed in the last hour have no sample now."""
    moment = selector.moment
    if selector.range_s is not None and ask.vector(f"count({selector.text})", moment):
        start = f"The range of {selector.range_s:g}s holds no sample of {selector.called}"
        return _with_spacing(ask, selector, start)
    last = ask.number(f"max(max_over_time(timestamp({selector.text})[{BACK_SECONDS}s:{_STEP}]))", moment)
    if last is None:
        return f"The series of {selector.called} have no sample in the hour before."
    ended = f"The series of {selector.called} ended {max(moment - last, 0):.0f}s earlier"
    ask.so_far = f"{ended}."
    return f"{ended}: {_targets(ask, selector)}."


def _targets(ask: Inquiry, selector: Selector) -> str:
    series = ask.series(selector.text, selector.moment, _MOST_SERIES)
    jobs = _any_of(labels.get("job", "") for labels in series)
    instances = _any_of(labels.get("instance", "") for labels in series)
    targets = ask.vector(f"up{{job=~{jobs},instance=~{instances}}}", selector.moment)
    down = sorted(up.labels.get("instance", "") for up in targets if float(up.value) == 0)
    if down:
        more = f" and {len(down) - 1} more" if len(down) > 1 else ""
        return f"target {show(down[0])}{more} is down" if not more else f"targets {show(down[0])}{more} are down"
    if not targets:
        return "nothing that Prometheus scrapes now had them"
    return "the target is up and does not expose them any more"


def why_too_short(ask: Inquiry, function: str, selector: Selector) -> str:
    """Why a function that needs two samples of each series returned no data, although there are samples."""
    range_text = f"{selector.text}[{selector.range_s or 0:g}s]"
    most = ask.number(f"max(count_over_time({range_text}))", selector.moment)
    if most is None or most > 1:
        return f"{function}() leaves nothing of {selector.called}."
    start = f"{function}() needs two samples, and its range of {selector.range_s:g}s holds one of {selector.called}"
    return _with_spacing(ask, selector, start)


def _with_spacing(ask: Inquiry, selector: Selector, start: str) -> str:
    """Adds the median distance between samples, taken from one series."""
    ask.so_far = f"{start}."
    series = ask.series(selector.text, selector.moment, 1)
    if not series:
        return f"{start}."
    labels = ",".join(f"{name}={quoted(value)}" for name, value in sorted(series[0].items()))
    times = ask.times(f"{{{labels}}}[{_SPACING_RANGE}]", selector.moment)
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times))
    if not gaps:
        return f"{start}; there has been one so far."
    return f"{start}; they are {round(gaps[len(gaps) // 2], 1):g}s apart."


def satisfies(op: str, wanted: str, value: str) -> bool:
    """Whether a label's value satisfies a matcher."""
    if op in ("=", "!="):
        return (value == wanted) == (op == "=")
    try:
        matches = re.fullmatch(wanted, value) is not None
    except re.error:
        # Prometheus' regular expressions are nearly Python's; assume a match for a pattern that Python cannot compile.
        return True
    return matches == (op == "=~")


def _any_of(values: Iterable[str]) -> str:
    """A regular expression that matches exactly these values, as a PromQL string."""
    return '"' + "|".join(sorted({escape(value, "regex", '"') for value in values})) + '"'


def _nearest(value: str, values: Sequence[str]) -> str:
    near = difflib.get_close_matches(value, values[:_MOST_VALUES], n=_NEAREST, cutoff=0.0)
    return ", ".join(show(quoted(value)) for value in near)


def show(text: str) -> str:
    """The text, shortened so that a sentence has room for several."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"

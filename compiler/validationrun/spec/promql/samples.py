"""The samples of a vector that is known without asking: their labels, their numbers, and whether they are surely there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql.numbers import Numbers

Labels = frozenset[tuple[str, str]]
NO_LABELS: Final[Labels] = frozenset()
NAME: Final = "__name__"
_LONGEST_VALUE: Final = 200
_MOST_REPETITIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """
    Attributes:
        labels: None when they are not known; then the sample stands for at least one series.
        value: the numbers that it can have.
        sure: it is there at every time.
    """

    labels: Labels | None
    value: Numbers
    sure: bool = True


def value_of(labels: Labels, name: str) -> str:
    """Empty for a label that is not there, as in PromQL."""
    return next((value for label, value in labels if label == name), "")


def keep(labels: Labels, names: Iterable[str]) -> Labels:
    wanted = set(names)
    return frozenset(pair for pair in labels if pair[0] in wanted)


def drop(labels: Labels, names: Iterable[str]) -> Labels:
    unwanted = set(names)
    return frozenset(pair for pair in labels if pair[0] not in unwanted)


def with_label(labels: Labels, name: str, value: str) -> Labels:
    rest = drop(labels, [name])
    return rest | {(name, value)} if value else rest


def nameless(sample: Sample) -> Sample:
    """Without the metric's name, which most functions and operators drop."""
    if sample.labels is None or not value_of(sample.labels, NAME):
        return sample
    return Sample(drop(sample.labels, [NAME]), sample.value, sample.sure)


def group_key(labels: Labels, modifier: Any) -> Labels:
    """The labels of the group in which an aggregation puts a series."""
    if modifier is None:
        return NO_LABELS
    if modifier.type == promql.AggModifierType.By:
        return keep(labels, modifier.labels)
    return drop(labels, [*modifier.labels, NAME])


def match_key(labels: Labels, matching: Any) -> Labels:
    """The labels by which two vectors are matched."""
    if matching is None:
        return drop(labels, [NAME])
    if matching.type == promql.LabelModifierType.Include:
        return keep(labels, matching.labels)
    return drop(labels, [*matching.labels, NAME])


def of_absent(tree: Any) -> Labels:
    """The labels that `absent()` gives its sample: those that the selector demands with one `=` each."""
    if isinstance(tree, promql.MatrixSelector):
        tree = tree.vector_selector
    labels = NO_LABELS
    if not isinstance(tree, promql.VectorSelector):
        return labels
    seen: set[str] = set()
    for matcher in tree.matchers.matchers:
        if matcher.name == NAME:
            continue
        single = matcher.op == promql.MatchOp.Equal and matcher.name not in seen
        labels = with_label(labels, matcher.name, matcher.value if single else "")
        seen.add(matcher.name)
    return labels


def relabelled(name: str, labels: Labels, texts: list[str]) -> Labels | None:
    """What `label_replace` or `label_join` makes of labels; None when that is not known."""
    target, *rest = texts
    if name == "label_join":
        value = rest[0].join(value_of(labels, source) for source in rest[1:])
    else:
        replacement, source, pattern = rest
        of = value_of(labels, source)
        if _is_slow(pattern):
            return None
        try:
            match = re.fullmatch(pattern, of, re.DOTALL)
        except re.error:
            # Go's regular expressions and Python's differ in rare forms.
            return None
        if match is None:
            return labels
        value = re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda part: _captured(match, part), replacement)
    # A value can double with each function around it.
    return with_label(labels, target, value) if len(value) <= _LONGEST_VALUE else None


def _is_slow(pattern: str) -> bool:
    """Whether Python could need more than linear time for it, unlike Go: repetitions in each other, or many of them."""
    return bool(re.search(r"\)[*+{]", pattern)) or len(re.findall(r"[*+{]", pattern)) > _MOST_REPETITIONS


def _captured(match: re.Match[str], part: re.Match[str]) -> str:
    name = part[1] or part[2]
    try:
        return match[int(name) if name.isdecimal() else name] or ""
    except IndexError:
        return ""

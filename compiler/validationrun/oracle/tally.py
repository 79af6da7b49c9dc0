"""Adds up the decisions of a rule. Apart from `summary`, because a step that reads a summary needs no rule types."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct, field

from validationrun.oracle.comparison import Comparison
from validationrun.oracle.decision import Decision
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.rules import type_of
from validationrun.oracle.summary import Summary

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import Rule


class Tally(Struct):
    """A summary in the making; its fields are those of `Summary`. Feed it the decisions in the order of their time."""

    rule: "Rule"
    decisions: int = 0
    counted: int = 0
    good: int = 0
    failed: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    first_t: float | None = None
    last_t: float | None = None
    lowest: tuple[float, str] | None = None
    highest: tuple[float, str] | None = None
    margin: float | None = None
    margin_t: float | None = None
    margin_value: str | None = None
    _comparison: Comparison | None = None

    def __post_init__(self) -> None:
        self._comparison = type_of(self.rule).comparison(self.rule)

    def add(self, decision: Decision, *, counted: bool) -> None:
        self.decisions += 1
        if not counted or decision.verdict == Verdict.AWAITED:
            return
        self.counted += 1
        self.first_t = decision.t if self.first_t is None else self.first_t
        self.last_t = decision.t
        if decision.verdict == Verdict.ERROR:
            self.errors[decision.reason] = self.errors.get(decision.reason, 0) + 1
            return
        self.good += 1
        self.failed += decision.verdict == Verdict.FAILED
        if decision.value is not None:
            self._number(decision.t, decision.value)

    def _number(self, t: float, text: str) -> None:
        value = float(text)
        if self.lowest is None or value < self.lowest[0]:
            self.lowest = (value, text)
        if self.highest is None or value > self.highest[0]:
            self.highest = (value, text)
        margin = self._comparison.margin(value) if self._comparison is not None else None
        if margin is not None and (self.margin is None or margin < self.margin):
            self.margin, self.margin_t, self.margin_value = margin, t, text

    def summary(self) -> Summary:
        return Summary(
            decisions=self.decisions,
            counted=self.counted,
            good=self.good,
            failed=self.failed,
            errors=dict(sorted(self.errors.items())),
            first_t=self.first_t,
            last_t=self.last_t,
            lowest=self.lowest[1] if self.lowest else None,
            highest=self.highest[1] if self.highest else None,
            margin=self.margin,
            margin_t=self.margin_t,
            margin_value=self.margin_value,
            coverage=self.good / self.counted if self.counted else None,
        )


def summarize(rule: "Rule", decisions: Iterable[tuple[Decision, bool]]) -> Summary:
    """The summary of a rule's decisions, each with whether it counted."""
    tally = Tally(rule)
    for decision, counted in decisions:
        tally.add(decision, counted=counted)
    return tally.summary()

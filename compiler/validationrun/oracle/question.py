"""A rule with everything that its query needs: the query at T follows from the window's start and T alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from validationrun.base.document import Document
from validationrun.oracle.label_matcher import LabelMatcher, matchers_of
from validationrun.oracle.placeholders import WINDOW, Place, fill, find_places
from validationrun.oracle.rule_context import RuleContext, window_text
from validationrun.oracle.rules import type_of
from validationrun.oracle.series_count import Expected, expected_of
from validationrun.oracle.ticks import query_timeout_seconds
from validationrun.spec.v1alpha1 import Rule

if TYPE_CHECKING:
    # The evaluator reads a chain from its plan, so it starts without the models of one.
    from validationrun.spec.v1alpha1 import ChainSpec

_WARM_UP_SECONDS: Final = 60.0
"""New series are scraped, and visible, within a minute of the window's start."""


class Question(Struct, frozen=True):
    """
    What is asked for a rule.

    Attributes:
        promql: the query before run-time values are put in.
        places: where they go.
        values: by name: chainId, namespace, runId.
        timeout_s: for one whole answer.
        expected: what `series.min` stands for; None for a rule without it.
    """

    rule: Rule
    promql: str
    places: tuple[Place, ...]
    values: Mapping[str, str]
    timeout_s: float
    expected: Expected | None = None

    @classmethod
    def of(cls, rule: Rule, values: Mapping[str, str], expected: Expected | None = None) -> "Question":
        """
        From a rule as a user wrote it; its default time-out is filled in.

        Args:
            expected: from `expected_in`; not needed for a rule whose `series.min` is a number.

        Raises:
            ValueError: `series.min` names a deployment, and `expected` is not given.
        """
        promql, places = type_of(rule).question(rule)
        timeout_s = float(query_timeout_seconds(rule))
        expected = expected or expected_in(rule, None)
        return cls(rule, promql, tuple(places), dict(values), timeout_s, expected)

    @classmethod
    def planned(
        cls,
        rule: Rule,
        promql: str | None,
        places: tuple[Place, ...],
        values: Mapping[str, str],
        expected: Expected | None = None,
    ) -> "Question":
        """
        From a rule of a bundle: values go where the plan has a place, and nowhere else.

        Args:
            promql: the planned query; None for a rule that has its own.

        Raises:
            ValueError: nobody has the query.
        """
        query = type_of(rule).promql(rule) or promql
        if query is None:
            raise ValueError(f"the plan has no query for rule {rule.name}")
        expected = expected or expected_in(rule, None)
        return cls(rule, query, places, dict(values), float(query_timeout_seconds(rule)), expected)

    @property
    def matchers(self) -> tuple[LabelMatcher, ...]:
        """Of an alert, with the run's values; none of another rule."""
        return matchers_of(self.values, type_of(self.rule).matchers(self.rule))

    def context(self, start: float) -> RuleContext:
        """For a window that opened at `start`."""
        return RuleContext(self.rule, self.values, start, self.expected)

    def opens(self, start: float, t: float) -> float:
        """When the rule's own range opens, for a window that opened at `start`."""
        return type_of(self.rule).opens(self.rule, start, t)

    @property
    def warm_up_seconds(self) -> float:
        """How long after the window's start an unanswered tick is excused: the query's longest range, and a minute."""
        return type_of(self.rule).longest_range(self.rule) + _WARM_UP_SECONDS

    def at(self, start: float, t: float) -> str:
        """The query as it is asked at T."""
        window = window_text(self.opens(start, t), t)
        return fill(self.promql, self.places, {**self.values, WINDOW: window})

    @property
    def needed_values(self) -> frozenset[str]:
        """The names of the run-time values that the rule uses."""
        texts = type_of(self.rule).further_promql(self.rule)
        places = [*self.places, *(place for text in texts.values() for place in find_places(text)[0])]
        names = {place.value for place in places if place.value != WINDOW}
        return frozenset(names | ({"chainId"} if self.expected is not None and self.expected.objects else set()))

    @property
    def depends_on_window(self) -> bool:
        """The query is another one at each T."""
        return any(place.value == WINDOW for place in self.places)

    def to_document(self) -> "RecordedQuestion":
        """For `result.json`: with the values that the query needs, and no other."""
        return RecordedQuestion(
            rule=self.rule.model_dump(mode="json", by_alias=True, exclude_none=True),
            promql=self.promql,
            places=self.places,
            values={name: self.values[name] for name in sorted(self.needed_values)},
            expected=self.expected,
        )

    @classmethod
    def from_document(cls, document: "RecordedQuestion") -> "Question":
        """Raises ValueError for a rule that no spec can have."""
        rule = Rule.model_validate(document.rule)
        timeout_s = float(query_timeout_seconds(rule))
        return cls(rule, document.promql, document.places, document.values, timeout_s, document.expected)


class RecordedQuestion(Document, frozen=True):
    """
    What was asked for a rule, as `result.json` keeps it.

    Attributes:
        rule: the entry of `spec.rules` with every default written out.
        promql: the query before run-time values are put in.
        places: where they go in the query.
        values: by name. What `${window}` stands for follows from the time of each evaluation.
        expected: what `series.min` stands for; null for a rule without it.
    """

    rule: dict[str, Any]
    promql: str
    places: tuple[Place, ...]
    values: dict[str, str]
    expected: Expected | None = None


def expected_in(rule: Rule, chain: "ChainSpec | None") -> Expected | None:
    """
    What the rule's `series.min` stands for in a chain; None for a rule without it.

    Raises:
        ValueError: it names no deployment of the chain.
    """
    return expected_of(type_of(rule).series(rule), chain)

"""A rule with everything that its query needs: the query at T follows from the window's start and T alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base.document import Document
from validationrun.oracle.placeholders import WINDOW, Place, fill
from validationrun.oracle.rule_context import RuleContext
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import query_timeout_seconds
from validationrun.spec.v1alpha1 import Rule

_WARM_UP_SECONDS: Final = 60.0
"""New series are scraped, and visible, within a minute of the window's start."""


@dataclass(frozen=True, slots=True)
class Question:
    """
    What is asked for a rule.

    Attributes:
        promql: the query before run-time values are put in.
        places: where they go.
        values: by name: chainId, namespace, runId.
        timeout_s: for one whole answer.
    """

    rule: Rule
    promql: str
    places: tuple[Place, ...]
    values: Mapping[str, str]
    timeout_s: float

    @classmethod
    def of(cls, rule: Rule, values: Mapping[str, str]) -> "Question":
        """From a rule as a user wrote it; its default time-out is filled in."""
        promql, places = type_of(rule).question(rule)
        return cls(rule, promql, tuple(places), dict(values), float(query_timeout_seconds(rule)))

    @classmethod
    def planned(
        cls, rule: Rule, promql: str | None, places: tuple[Place, ...], values: Mapping[str, str]
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
        return cls(rule, query, places, dict(values), float(query_timeout_seconds(rule)))

    def context(self, start: float) -> RuleContext:
        """For a window that opened at `start`."""
        return RuleContext(self.rule, self.values, start)

    def opens(self, start: float, t: float) -> float:
        """When the rule's own range opens, for a window that opened at `start`."""
        return type_of(self.rule).opens(self.rule, start, t)

    @property
    def warm_up_seconds(self) -> float:
        """How long after the window's start an unanswered tick is excused: the query's longest range, and a minute."""
        return type_of(self.rule).longest_range(self.rule) + _WARM_UP_SECONDS

    def at(self, start: float, t: float) -> str:
        """The query as it is asked at T."""
        # Times have milliseconds: what lies a hair below a whole second is that second.
        window = f"{max(1, int(round(t - self.opens(start, t), 3)))}s"
        return fill(self.promql, self.places, {**self.values, WINDOW: window})

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
            values={place.value: self.values[place.value] for place in self.places if place.value != WINDOW},
        )

    @classmethod
    def from_document(cls, document: "RecordedQuestion") -> "Question":
        """Raises ValueError for a rule that no spec can have."""
        rule = Rule.model_validate(document.rule)
        return cls(rule, document.promql, document.places, document.values, float(query_timeout_seconds(rule)))


class RecordedQuestion(Document, frozen=True):
    """
    What was asked for a rule, as `result.json` keeps it.

    Attributes:
        rule: the entry of `spec.rules` with every default written out.
        promql: the query before run-time values are put in.
        places: where they go in the query.
        values: by name. What `${window}` stands for follows from the time of each evaluation.
    """

    rule: dict[str, Any]
    promql: str
    places: tuple[Place, ...]
    values: dict[str, str]

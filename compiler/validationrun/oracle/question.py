"""A rule with everything that its query needs, so that what is asked at T is a function of the window's start and T."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from validationrun.oracle.placeholders import WINDOW, Place, fill
from validationrun.oracle.rule_types import RULE_TYPES
from validationrun.oracle.ticks import query_timeout_seconds
from validationrun.spec.v1alpha1 import Rule


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
        promql, places = RULE_TYPES[rule.type].question(rule)
        return cls(rule, promql, tuple(places), dict(values), float(query_timeout_seconds(rule)))

    @classmethod
    def planned(cls, rule: Rule, planned: Mapping[str, Any], values: Mapping[str, str]) -> "Question":
        """From a rule of a bundle and its entry in `plan.json`: values go where that names a place, and nowhere else."""
        promql = planned["promql"] if rule.query is None else rule.query.promql
        places = tuple(Place.from_json(one) for one in planned["places"])
        return cls(rule, promql, places, dict(values), float(query_timeout_seconds(rule)))

    def opens(self, start: float, t: float) -> float:
        """Where the rule's own range opens: an alert's behind `startAfter`, so that what fired before does not count."""
        if self.rule.alert is None:
            return start
        return min(start + int(self.rule.run_properties.start_after), t)

    def at(self, start: float, t: float) -> str:
        """The query as it is asked at T."""
        # Times have milliseconds: what lies a hair below a whole second is that second.
        window = f"{max(1, int(round(t - self.opens(start, t), 3)))}s"
        return fill(self.promql, self.places, {**self.values, WINDOW: window})

    @property
    def depends_on_window(self) -> bool:
        """The query is another one at each T."""
        return any(place.value == WINDOW for place in self.places)

    def as_json(self) -> dict[str, Any]:
        """For `result.json`; `from_json` reads it."""
        return {
            "rule": self.rule.model_dump(mode="json", by_alias=True, exclude_none=True),
            "promql": self.promql,
            "places": [place.as_json() for place in self.places],
            "values": {place.value: self.values[place.value] for place in self.places if place.value != WINDOW},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Question":
        """Raises ValueError or KeyError for what is no question."""
        rule = Rule.model_validate(document["rule"])
        places = tuple(Place.from_json(one) for one in document["places"])
        return cls(rule, document["promql"], places, dict(document["values"]), float(query_timeout_seconds(rule)))

"""One rule's questions to Prometheus: one at a time, each with an explicit evaluation time."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from validationrun.api.v1alpha1 import Rule
from validationrun.oracle.answers import Answer, Decision, Fault, decide_alert, decide_query
from validationrun.oracle.placeholders import WINDOW, Place, fill
from validationrun.prometheus import Prometheus


class Question:
    """
    A rule, its query and its own connection.

    Attributes:
        window_from: where an alert's range opens and `${window}` is counted from; see `ask`.
    """

    def __init__(
        self, rule: Rule, planned: Mapping[str, Any], values: Mapping[str, str], prometheus: Prometheus
    ) -> None:
        self.rule = rule
        body = rule.query or rule.alert
        if body is None or body.timeout is None:
            raise ValueError(f"rule {rule.name} has no body, or no timeout")
        self.timeout_s = float(body.timeout)
        self._promql: str = planned["promql"] if rule.query is None else rule.query.promql
        self._places = [_place(one) for one in planned["places"]]
        self._values = dict(values)
        self._prometheus = prometheus

    def ask(
        self, start: float, t: float, *, final: bool = False, reference: Callable[[Rule], Fault | None]
    ) -> Decision:
        """
        What holds at T.

        Args:
            start: of the window; `${window}` counts from there, an alert's own range from `start + startAfter`.
            reference: why the rule's reference does not resolve, or None.
        """
        if (refused := reference(self.rule)) is not None:
            return Decision(self.rule.name, t, "Error", refused.reason, refused.message, final=final)
        answer = self._prometheus.query(self.promql(start, t), t, self.timeout_s)
        if self.rule.query is not None:
            query = self.rule.query
            return decide_query(self.rule.name, t, query.op, query.threshold, answer, final=final)
        return decide_alert(self.rule.name, t, answer, self._not_loaded(answer), final=final)

    def promql(self, start: float, t: float) -> str:
        """The query as it is asked at T."""
        opens = start
        if self.rule.alert is not None:
            opens = min(start + int(self.rule.run_properties.start_after), t)
        window = f"{max(1, int(t - opens))}s"
        return fill(self._promql, self._places, {**self._values, WINDOW: window})

    def _not_loaded(self, answer: Answer) -> Fault | None:
        """Silence counts only with proof that this Prometheus runs the alert."""
        if isinstance(answer, Fault) or answer.samples or self.rule.alert is None:
            return None
        return self._prometheus.alert_fault(self.rule.alert.rule_ref.alertname, time.time(), self.timeout_s)


def _place(document: Mapping[str, Any]) -> Place:
    token = document["token"]
    return Place(document["offset"], token, token[2:-1], document.get("escape", "none"), document.get("quote", ""))

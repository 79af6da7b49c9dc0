"""Asks Prometheus about one rule: a query at a time, each with an explicit evaluation time."""

import dataclasses
import time
from collections.abc import Callable
from typing import Final, Protocol

from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Exchange, Fault, Reply
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.question import Question
from validationrun.oracle.rules import decide, type_of
from validationrun.oracle.rules.rule_type import AlertRules, Request
from validationrun.prometheus.explain_empty import Explain
from validationrun.spec.v1alpha1 import Rule

Reference = Callable[[Rule], Fault | None]
"""Why a rule's reference does not resolve, or None."""

_LEAST_SECONDS: Final = 0.5


class Connection(Protocol):
    """The part of `validationrun.prometheus.Prometheus` that an asker uses."""

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply: ...

    def rules(self, alertname: str, timeout_s: float) -> Reply: ...


class Asker:
    """Asks about one rule over its own connection. Not thread-safe."""

    def __init__(
        self,
        question: Question,
        connection: Connection,
        *,
        reference: Reference = lambda _: None,
        explain: Explain | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.question = question
        self._connection = connection
        self._reference = reference
        self._explain = explain
        self._now = now
        self._roles: set[str] = set()
        """The roles of all further requests so far."""

    def ask(self, start: float, t: float, *, final: bool = False) -> Decision:
        """
        Decides the rule at T. All requests for one decision share the rule's time-out.

        Args:
            start: the window's start.
        """
        rule, asked = self.question.rule, self._now()
        until = time.monotonic() + self.question.timeout_s
        query = self.question.at(start, t)
        if (refused := self._reference(rule)) is not None:
            return decide(rule, Exchange(rule.name, t, final, asked, self._now(), query, refused=refused))
        reply = self._connection.query(query, t, self.question.timeout_s)
        exchange = Exchange(rule.name, t, final, asked, asked, query, reply=reply)
        kind, opens = type_of(rule), self.question.opens(start, t)
        while (request := kind.next_request(rule, exchange, opens, self._roles)) is not None:
            self._roles.add(request.role)
            answered = self._send(request, max(_LEAST_SECONDS, until - time.monotonic()))
            exchange = dataclasses.replace(exchange, others={**exchange.others, request.role: answered})
        return decide(rule, dataclasses.replace(exchange, answered=self._now()))

    def _send(self, request: Request, timeout_s: float) -> Reply:
        if isinstance(request, AlertRules):
            return self._connection.rules(request.alertname, timeout_s)
        return self._connection.query(request.promql, request.t, timeout_s)

    def explained(self, decision: Decision) -> Decision:
        """The same decision with an explanation of its empty answer, where there is one."""
        exchange = decision.exchange
        if self._explain is None or exchange is None or decision.reason != RuleReason.NO_SAMPLES:
            return decision
        why = self._explain(exchange.query, decision.t, self.question.timeout_s)
        if not why:
            return decision
        return decide(self.question.rule, dataclasses.replace(exchange, why=why))

"""Asks Prometheus about one rule: a query at a time, each with an explicit evaluation time."""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec.structs import replace

from validationrun.judging.further_requests import completed
from validationrun.oracle.decide import decide
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import DefinedAlert, Exchange, Fault, Reply
from validationrun.oracle.large_answers import LARGE_BYTES, PARSING, beginning
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.rules.rule_type import AlertRules, Request
from validationrun.prometheus.explain_empty import Explain
from validationrun.spec.v1alpha1 import Rule

Reference = Callable[[Rule], Fault | Sequence[DefinedAlert]]
"""Why a rule's reference does not resolve, or the alert as it defines it; nothing for a rule that has none."""

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
        reference: Reference = lambda _: (),
        explain: Explain | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.question = question
        self._connection = connection
        self._reference = reference
        self._explain = explain
        self._now = now
        self.memory = NOTHING_REMEMBERED
        """After the last tick. Set it to the recorded memory before the first tick of a later attempt."""
        self._roles: set[str] = set()
        """The roles of all further requests so far."""

    def tick(self, start: float, t: float) -> Decision:
        """Decides the rule at a tick, and remembers what the next tick needs. Ticks are asked in their order."""
        decision = self._ask(start, t, self.memory, final=False)
        self.memory = decision.memory
        return decision

    def sweep(self, start: float, end: float, memory: Memory) -> Decision:
        """Decides the rule at the window's end. `memory` is that of the decisions that count."""
        return self._ask(start, end, memory, final=True)

    def _ask(self, start: float, t: float, memory: Memory, *, final: bool) -> Decision:
        """All requests for one decision share the rule's time-out."""
        rule, asked = self.question.rule, self._now()
        until = time.monotonic() + self.question.timeout_s
        query = self.question.at(start, t)
        defined = self._reference(rule)
        if isinstance(defined, Fault):
            exchange = Exchange(rule.name, t, final, asked, self._now(), query, refused=defined)
            return self._decide(start, exchange, memory)
        reply = self._connection.query(query, t, self.question.timeout_s)
        exchange = Exchange(rule.name, t, final, asked, asked, query, reply=reply, defined=defined)
        exchange = ask_further(self._connection, self.question, start, exchange, memory, self._roles, until)
        return self._decide(start, replace(exchange, answered=self._now()), memory)

    def _decide(self, start: float, exchange: Exchange, memory: Memory) -> Decision:
        """The decision. An Error keeps only the beginning of a large answer, if that leads to the same decision."""
        with PARSING:
            decision = decide(self.question, start, exchange, memory)
            if decision.verdict != Verdict.ERROR or exchange.size <= LARGE_BYTES:
                return decision
            fault = Fault(decision.reason, decision.message)
            others = {role: beginning(reply, fault) for role, reply in exchange.others.items()}
            short = replace(exchange, reply=beginning(exchange.reply, fault), others=others)
            again = decide(self.question, start, short, memory)
            return again if again == decision else decision

    def explained(self, decision: Decision, start: float, memory: Memory) -> Decision:
        """The same decision of a final sweep with an explanation of its empty answer, where there is one."""
        exchange = decision.exchange
        if self._explain is None or exchange is None or decision.reason != RuleReason.NO_SAMPLES:
            return decision
        why = self._explain(exchange.query, decision.t, self.question.timeout_s)
        if not why:
            return decision
        return self._decide(start, replace(exchange, why=why), memory)


def ask_further(
    connection: Connection,
    question: Question,
    start: float,
    exchange: Exchange,
    memory: Memory,
    roles: set[str],
    until: float,
) -> Exchange:
    """
    The exchange with the replies to all further requests of the rule's type.

    Args:
        roles: of all further requests so far; the new ones are added.
        until: when the time for all of them is over, on the monotonic clock.
    """

    def send(request: Request) -> Reply:
        return _send(connection, request, max(_LEAST_SECONDS, until - time.monotonic()))

    return completed(question.context(start), exchange, memory, roles, send)


def _send(connection: Connection, request: Request, timeout_s: float) -> Reply:
    if isinstance(request, AlertRules):
        return connection.rules(request.alertname, timeout_s)
    return connection.query(request.promql, request.t, timeout_s)

"""
The requests that a rule type makes besides its query, for the few ticks of the past that need them.

They are asked as a live evaluator asks them, and read by the same functions.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from validationrun.judging.backtest.client import Past
from validationrun.judging.live.rule_query import ask_further
from validationrun.oracle.decision import Observation
from validationrun.oracle.exchange import Answer, Exchange, Fault, Reply, Samples
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of

Further = Callable[[float, Answer, Memory, bool], Observation]
"""What is observed at T, from the answer to the query, the memory before it, and whether it is the final sweep."""


@dataclass(frozen=True, slots=True)
class _Connection:
    """One rule's connection to the past."""

    past: Past

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply:
        return self.past.instant(promql, 0.0 if t is None else t, timeout_s)

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        del timeout_s
        return self.past.rules(alertname)


def further_of(past: Past, question: Question, start: float) -> Further:
    """
    Asks what a good answer of the past needs.

    Raises:
        HistoryError: Prometheus is gone.
    """

    def further(t: float, answer: Answer, memory: Memory, final: bool) -> Observation:
        return _observed(past, question, start, t, _reply(answer, t), memory, final=final)

    return further


def observed_at(
    past: Past, question: Question, start: float, t: float, *, final: bool = False, memory: Memory = NOTHING_REMEMBERED
) -> Observation:
    """
    What is observed at T, by the query and every further request.

    Raises:
        HistoryError: Prometheus is gone.
    """
    reply = past.instant(question.at(start, t), t, question.timeout_s)
    return _observed(past, question, start, t, reply, memory, final=final)


def _observed(
    past: Past, question: Question, start: float, t: float, reply: Reply, memory: Memory, *, final: bool
) -> Observation:
    exchange = Exchange(question.rule.name, t, final, t, t, question.at(start, t), reply=reply)
    until = time.monotonic() + question.timeout_s
    exchange = ask_further(_Connection(past), question, start, exchange, memory, set(), until)
    observation = type_of(question.rule).observe(question.context(start), exchange)
    return replace(observation, answer=_without_labels(observation.answer))


def _reply(answer: Answer, t: float) -> Reply:
    """A reply that reads as the answer."""
    if isinstance(answer, Fault):
        return Reply(None, b"", answer)
    result = [{"metric": dict(sample.labels), "value": [t, sample.value]} for sample in answer.samples]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return Reply(200, json.dumps(body).encode(), None)


def _without_labels(answer: Answer) -> Answer:
    if isinstance(answer, Fault):
        return answer
    return Samples(tuple(replace(sample, labels={}) for sample in answer.samples))

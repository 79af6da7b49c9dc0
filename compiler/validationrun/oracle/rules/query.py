"""Rule type `query`: one value, compared with a threshold."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from validationrun.oracle.comparison import Comparison
from validationrun.oracle.decision import Decision, Observation
from validationrun.oracle.exchange import Exchange, Fault
from validationrun.oracle.fold import RuleState
from validationrun.oracle.memory import Memory
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.placeholders import Place, find_places
from validationrun.oracle.prometheus_response import read_vector
from validationrun.oracle.rule_context import RuleContext
from validationrun.oracle.rules.rule_type import RuleType
from validationrun.spec.promql_text import longest_range

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import QueryRule, Rule


class Query(RuleType):
    """Failed when the comparison does not hold; an Error unless the query gives exactly one finite value."""

    name = "query"

    def promql(self, rule: "Rule") -> str:
        return _body(rule).promql

    def comparison(self, rule: "Rule") -> Comparison:
        body = _body(rule)
        return Comparison(body.op, body.threshold)

    def question(self, rule: "Rule") -> tuple[str, list[Place]]:
        promql = _body(rule).promql
        places, _ = find_places(promql)
        return promql, places

    def longest_range(self, rule: "Rule") -> float:
        return longest_range(_body(rule).promql)

    def observe(self, context: RuleContext, exchange: Exchange) -> Observation:
        del context
        answer = exchange.refused or read_vector(exchange.reply, exchange.t)
        return Observation(exchange.t, answer, exchange.final, why=exchange.why)

    def judge(self, context: RuleContext, observation: Observation, memory: Memory) -> Decision:
        return replace(self._judge(context.rule, observation), memory=memory)

    def _judge(self, rule: "Rule", observation: Observation) -> Decision:
        answer = observation.answer
        if isinstance(answer, Fault):
            return _error(rule, observation, answer.reason, answer.message)
        if not answer.samples:
            return _error(rule, observation, RuleReason.NO_SAMPLES, "the query gave no sample", why=observation.why)
        if len(answer.samples) > 1:
            message = f"the query gave {len(answer.samples)} series; it must give one"
            return _error(rule, observation, RuleReason.AMBIGUOUS_RESULT, message)
        text = answer.samples[0].value
        value = float(text)
        if math.isnan(value):
            return _error(rule, observation, RuleReason.NAN, "the value is not a number", text)
        if math.isinf(value):
            return _error(rule, observation, RuleReason.NOT_FINITE, f"the value is {text}", text)
        comparison = self.comparison(rule)
        verdict, reason, message = Verdict.PASSED, RuleReason.NONE, f"{text} {comparison}"
        if not comparison.holds(value):
            verdict, reason, message = Verdict.FAILED, RuleReason.THRESHOLD_VIOLATED, f"{text}, not {comparison}"
        return Decision(rule.name, observation.t, verdict, reason, message, text, final=observation.final)

    def requirement(self, rule: "Rule") -> str:
        return str(self.comparison(rule))

    def passes_when(self, rule: "Rule") -> str:
        return f"value {self.comparison(rule)}"

    def last_answer(self, state: RuleState, shown: Callable[[str], str] = str) -> str:
        return shown(state.value) if state.value is not None else "no value"


def _error(
    rule: "Rule", observation: Observation, reason: RuleReason, message: str, value: str | None = None, why: str = ""
) -> Decision:
    return Decision(rule.name, observation.t, Verdict.ERROR, reason, message, value, final=observation.final, why=why)


def _body(rule: "Rule") -> "QueryRule":
    if rule.query is None:
        raise ValueError(f"rule {rule.name} has no query")
    return rule.query

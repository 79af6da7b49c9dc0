"""Rule type `query`: one value, compared with a threshold."""

from typing import TYPE_CHECKING

from validationrun.oracle.exchange import Answer, Exchange
from validationrun.oracle.placeholders import Place, find_places
from validationrun.oracle.prometheus_response import read_vector
from validationrun.oracle.rule_context import RuleContext
from validationrun.oracle.rules.value_rule import ValueRule
from validationrun.oracle.series import query_aggregations, run_aggregations
from validationrun.spec.promql_text import longest_range

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import QueryRule, Rule


class Query(ValueRule):
    """Failed when the comparison does not hold; an Error unless the query gives exactly one finite value."""

    name = "query"

    def promql(self, rule: "Rule") -> str:
        return self.own_body(rule).promql

    def question(self, rule: "Rule") -> tuple[str, list[Place]]:
        promql = self.own_body(rule).promql
        places, _ = find_places(promql)
        return promql, places

    def longest_range(self, rule: "Rule") -> float:
        return longest_range(self.own_body(rule).promql)

    def answer(self, context: RuleContext, exchange: Exchange) -> Answer:
        del context
        return read_vector(exchange.reply, exchange.t)

    def counted(self, context: RuleContext, exchange: Exchange) -> list[str]:
        series = self.series(context.rule)
        if series is not None and series.of is not None:
            return [context.filled(series.of, exchange.t)]
        return query_aggregations(exchange.query)

    def own_members(self, context: RuleContext, exchange: Exchange) -> list[str]:
        return run_aggregations(self.own_body(context.rule).promql, context.values, exchange.query)

    def looked_at(self, context: RuleContext, exchange: Exchange) -> str:
        del context
        return exchange.query

    def own_body(self, rule: "Rule") -> "QueryRule":
        if rule.query is None:
            raise ValueError(f"rule {rule.name} has no query")
        return rule.query

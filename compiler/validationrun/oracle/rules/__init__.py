"""The rule types by name. A new type is a module here: what is asked for it, and what an answer means."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Exchange
from validationrun.oracle.placeholders import Place
from validationrun.oracle.rules import alert, query
from validationrun.spec.v1alpha1 import Rule


@dataclass(frozen=True, slots=True)
class RuleType:
    """
    One rule type.

    Attributes:
        question: the query of a rule, and the places in it that are replaced.
        decide: what one exchange means.
    """

    question: Callable[[Rule], tuple[str, list[Place]]]
    decide: Callable[[Rule, Exchange], Decision]


RULE_TYPES: Final = {
    "alert": RuleType(alert.question, alert.decide),
    "query": RuleType(query.question, query.decide),
}


def decide(rule: Rule, exchange: Exchange) -> Decision:
    """
    The decision of one exchange, which it keeps.

    Live evaluation, replay, backtests and rule tests all decide here.
    """
    return replace(RULE_TYPES[rule.type].decide(rule, exchange), exchange=exchange)

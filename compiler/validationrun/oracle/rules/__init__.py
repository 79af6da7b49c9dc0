"""The rule types by name. A new type is a module here with a subclass of `RuleType`, and its line below."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Exchange
from validationrun.oracle.rules.alert import Alert
from validationrun.oracle.rules.query import Query
from validationrun.oracle.rules.rule_type import RuleType

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import Rule

RULE_TYPES: Final[Mapping[str, RuleType]] = {kind.name: kind for kind in (Alert(), Query())}


def type_of(rule: "Rule") -> RuleType:
    return RULE_TYPES[rule.type]


def decide(rule: "Rule", exchange: Exchange) -> Decision:
    """
    The decision of an exchange, which it keeps.

    Live evaluation, replay and rule tests decide here; a backtest judges observations, because it has no exchanges.
    """
    kind = type_of(rule)
    return replace(kind.judge(rule, kind.observe(rule, exchange)), exchange=exchange)

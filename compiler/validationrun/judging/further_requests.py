"""Asks everything that a rule type needs for one decision after the rule's query."""

from collections.abc import Callable

from msgspec.structs import replace

from validationrun.oracle.exchange import Exchange, Reply
from validationrun.oracle.large_answers import PARSING
from validationrun.oracle.memory import Memory
from validationrun.oracle.rule_context import RuleContext
from validationrun.oracle.rules import type_of
from validationrun.oracle.rules.rule_type import Request


def completed(
    context: RuleContext, exchange: Exchange, memory: Memory, roles: set[str], send: Callable[[Request], Reply]
) -> Exchange:
    """
    The exchange with every further reply.

    Args:
        memory: after the rule's decision before this one.
        roles: of all further requests so far; those of this exchange are added.
    """
    while (request := _next(context, exchange, memory, roles)) is not None:
        roles.add(request.role)
        exchange = replace(exchange, others={**exchange.others, request.role: send(request)})
    return exchange


def _next(context: RuleContext, exchange: Exchange, memory: Memory, roles: set[str]) -> Request | None:
    with PARSING:
        return type_of(context.rule).next_request(context, exchange, memory, roles)

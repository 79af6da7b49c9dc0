"""Checks that a query looks at this run's chain, and not at what else Prometheus knows."""

from collections.abc import Iterator
from typing import Any, Final

import promql_parser as parser

from validationrun.compiling.check.placeholders import FILLED
from validationrun.compiling.check.query import Query, QueryCheck
from validationrun.spec import promql
from validationrun.spec.findings import Finding
from validationrun.spec.promql import Wants

_HELP: Final = 'add one, such as {chain_id="${chainId}"} or {pod=~"${chainId}-.*"}; {namespace="${namespace}"} where no other chain runs'


def scope(query: Query) -> Iterator[Finding]:
    chain, namespace = _own_values(query)
    others = promql.unscoped(query.tree, lambda selector: _names(selector, chain | namespace))
    for selector in others:
        name = promql.metric_name(selector) or "a selector"
        message = f": {name} has no matcher for this run's chain, so other runs are judged too"
        yield query.warning("VR554", message, _HELP, token=selector.name)
        return
    for selector in _enough_elsewhere(query, lambda selector: _names(selector, chain)):
        name = promql.metric_name(selector) or "a selector"
        message = (
            f": {name} is scoped by its namespace alone: the rule also holds when another chain of the namespace is well "
            "and this one is not"
        )
        help_ = 'name the chain, such as {chain_id="${chainId}"} or {pod=~"${chainId}-.*"}, or the load by {pod=~"${runId}-.*"}'
        yield query.warning("VR554", message, help_, token=selector.name)
        return


def _own_values(query: Query) -> tuple[frozenset[str], frozenset[str]]:
    """The texts that only this run's chain or load has in its labels, and those that its namespace has."""
    run = query.run
    chain = {FILLED["chainId"], FILLED["runId"]}
    if run.spec.chain.endpoints:
        chain.add(run.spec.chain.chain_id)
    return frozenset(chain), frozenset({FILLED["namespace"], run.metadata.namespace or FILLED["namespace"]})


def _names(selector: Any, texts: frozenset[str]) -> bool:
    """Whether each alternative of a selector demands one of the texts."""
    alternatives = promql.matcher_values(selector)
    return all(any(text in value for value in values for text in texts) for values in alternatives)


def _enough_elsewhere(query: Query, is_own: Any) -> Iterator[Any]:
    """The selectors under the outermost aggregation of which one good series of another chain fulfils the condition."""
    if query.comparison is None:
        return
    node, way = query.tree, promql.Way.of(query.comparison.op, query.comparison.holds)
    while (step := promql.inwards(node, way)) is not None:
        node = promql.bare(node)
        if isinstance(node, parser.AggregateExpr):
            operator = str(node.op)
            if (way.wants is Wants.HIGH and operator in ("max", "topk", "sum", "count", "group")) or (
                way.wants is Wants.LOW and operator in ("min", "bottomk")
            ):
                yield from promql.unscoped(node.expr, is_own)
            return
        node, way = step


CHECKS: Final[tuple[QueryCheck, ...]] = (scope,)

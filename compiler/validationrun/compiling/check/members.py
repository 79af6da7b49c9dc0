"""Checks that a node which was never scraped is missed: by the rule itself, or by another rule of the run."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from validationrun.compiling.check.placeholders import FILLED
from validationrun.compiling.check.query import tree_of
from validationrun.compiling.check.query_unscraped import holds_unscraped
from validationrun.compiling.check.readable import if_readable, rule_by_rule
from validationrun.compiling.check.rules import with_body
from validationrun.oracle.comparison import Comparison
from validationrun.oracle.question import expected_in
from validationrun.oracle.rules import type_of
from validationrun.spec import promql
from validationrun.spec.findings import Finding, Loc, Severity, format_path
from validationrun.spec.partial import is_left_out
from validationrun.spec.v1alpha1 import Deployment, Rule, ValidationRun

_OF_KUBERNETES: Final = ("kube_", "container_", "kubelet_", "node_")
"""How the metrics begin that Kubernetes' exporters have of a pod, whether or not the pod itself is scraped."""


@dataclass(frozen=True, slots=True)
class _Guards:
    """What the rules of a run demand of the whole chain: a series of each node, of its own or of Kubernetes' exporters."""

    own: bool
    of_kubernetes: bool

    def cover(self, selectors: list[Any]) -> bool:
        return self.own or (self.of_kubernetes and all(map(_is_of_kubernetes, selectors)))


@rule_by_rule
def members(run: ValidationRun) -> Iterator[Finding]:
    """Of an existing chain the spec does not know how many nodes it has."""
    nodes = _nodes(run)
    if nodes == 0:
        return
    guards: _Guards | None = None
    for loc, rule in with_body(run):
        if if_readable(partial(type_of(rule).series, rule), otherwise=None) is not None:
            continue
        selectors: list[Any] = if_readable(partial(_hidden, rule), otherwise=[])
        guards = guards or _guards(run, nodes)
        if selectors and not guards.cover(selectors):
            yield _finding((*loc, rule.type), rule)


def _finding(body: Loc, rule: Rule) -> Finding:
    is_counter = type_of(rule).own_selector(rule) is not None
    field = (*body, "selector" if is_counter else "promql")
    message = (
        f"{format_path(field)} looks at the nodes of the chain, and no rule says how many there must be: a node that was never scraped "
        "is not missed"
    )
    help_ = (
        "add `series: {min: nodes, of: 'up{chain_id=\"${chainId}\"} == 1'}`, or without `of` when each node has the counter from "
        "its start"
        if is_counter
        else "add `series: {min: nodes}`, or `validators`, `fullNodes` or the name of a deployment or a number in the place of `nodes`"
    )
    return Finding("VR581", field, message, help_, Severity.WARNING)


def _hidden(rule: Rule) -> list[Any]:
    """The selectors of the chain's nodes that may lack one without harm to the rule's value."""
    kind = type_of(rule)
    comparison, own = kind.comparison(rule), kind.own_selector(rule)
    tree = tree_of(f"sum({own})" if own is not None else kind.promql(rule))
    if comparison is None or tree is None:
        return []
    hiding = promql.hiding_aggregations(tree, comparison.op, comparison.holds)
    return [selector for aggregation in hiding for selector in _of_chain(aggregation.expr)]


def _guards(run: ValidationRun, nodes: int) -> _Guards:
    own = of_kubernetes = False
    for rule in run.spec.rules:
        selectors = if_readable(partial(_counted, run, rule, nodes), otherwise=None)
        if selectors is None:
            # It may be the rule that demands every node.
            return _Guards(own=True, of_kubernetes=True)
        own = own or (bool(selectors) and not any(map(_is_of_kubernetes, selectors)))
        of_kubernetes = of_kubernetes or bool(selectors)
    return _Guards(own, of_kubernetes)


def _nodes(run: ValidationRun) -> int:
    """How many the spec brings up; those of an entry that cannot be read are left out."""
    return sum([if_readable(partial(_replicas, entry), otherwise=0) for entry in run.spec.chain.deployments or []])


def _replicas(entry: Deployment) -> int:
    return entry.spec.replicas


def _counted(run: ValidationRun, rule: Rule, nodes: int) -> list[Any] | None:
    """The selectors of which the rule demands as many series as the chain has nodes; None where it cannot be told."""
    if is_left_out(rule) or rule.body is None:
        return None
    return _counted_by_series(run, rule, nodes) or _counted_by_value(rule, nodes)


def _counted_by_series(run: ValidationRun, rule: Rule, nodes: int) -> list[Any]:
    kind = type_of(rule)
    series, comparison = kind.series(rule), kind.comparison(rule)
    if series is None:
        return []
    try:
        expected = expected_in(rule, run.spec.chain)
    except ValueError:
        return []
    own = series.of or kind.own_selector(rule)
    tree = tree_of(own or kind.promql(rule))
    if tree is None or comparison is None or expected is None or expected.count < nodes:
        return []
    parts = [tree] if own else [aggregation.expr for aggregation in promql.outermost_aggregations(tree)]
    # `up` is there for a node that cannot be scraped too, as other series are. That its minimum must not be 0 excludes such a node.
    excluded = not own and str(getattr(promql.bare(tree), "op", "")) == "min" and not holds_unscraped(tree, comparison)
    if any(promql.while_unscraped(part) is not None for part in parts) and not excluded:
        return []
    return _of_chain(tree)


def _counted_by_value(rule: Rule, nodes: int) -> list[Any]:
    comparison = type_of(rule).comparison(rule)
    tree = tree_of(type_of(rule).promql(rule))
    if tree is None or comparison is None or not _demands(comparison, nodes) or holds_unscraped(tree, comparison):
        return []
    return _of_chain(tree) if promql.is_count(tree) or _adds_up_to_count(tree) else []


def _demands(comparison: Comparison, nodes: int) -> bool:
    """Whether the value must be `nodes` at least."""
    least = comparison.limit + 1 if comparison.op == ">" else comparison.limit
    return comparison.op in ("==", ">=", ">") and least >= nodes


def _adds_up_to_count(tree: Any) -> bool:
    """Whether it is a sum of series that are 0 or 1, such as `sum(up)`."""
    (*others, aggregation) = promql.outermost_aggregations(tree) or [None]
    if others or aggregation is None or promql.bare(tree) != aggregation or str(aggregation.op) != "sum":
        return False
    numbers = promql.possible(aggregation.expr)
    return numbers.low >= 0 and numbers.high <= 1


def _of_chain(tree: Any) -> list[Any]:
    """The selectors that name the chain's id."""
    return [
        selector
        for selector in promql.selectors(tree)
        if any(FILLED["chainId"] in value for values in promql.matcher_values(selector) for value in values)
    ]


def _is_of_kubernetes(selector: Any) -> bool:
    return (promql.metric_name(selector) or "").startswith(_OF_KUBERNETES)


CHECKS: Final = (members,)

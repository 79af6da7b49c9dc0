"""Checks which series a rule counts: `series`, the selector of a counter, and what proves that a counter is alive."""

from collections.abc import Iterator
from typing import Any

from validationrun.compiling.check.placeholders import FILLED, stray_findings
from validationrun.compiling.check.query import filled, tree_of
from validationrun.compiling.check.query_unscraped import unscraped_finding
from validationrun.compiling.check.readable import readable, rule_by_rule
from validationrun.compiling.check.rules import with_body
from validationrun.oracle.placeholders import find_places
from validationrun.oracle.question import expected_in
from validationrun.oracle.rules import type_of
from validationrun.spec import promql
from validationrun.spec.findings import Finding, Loc, Severity, format_path
from validationrun.spec.promql_text import STRING_OR_COMMENT
from validationrun.spec.v1alpha1 import Rule, ValidationRun


@rule_by_rule
def counted(run: ValidationRun) -> Iterator[Finding]:
    """`series.min` names something of the chain, and there is something to count."""
    for loc, rule in with_body(run):
        series = type_of(rule).series(rule)
        if series is None:
            continue
        yield from readable(_names(run, (*loc, rule.type, "series", "min"), rule))
        if series.min != 0 and series.of is None:
            yield from _aggregation((*loc, rule.type, "series"), type_of(rule).promql(rule))


def _names(run: ValidationRun, field: Loc, rule: Rule) -> Iterator[Finding]:
    try:
        expected_in(rule, run.spec.chain)
    except ValueError:
        deployments = [entry.name for entry in run.spec.chain.deployments or []]
        message = f"{format_path(field)} names no deployment of spec.chain"
        known = ["validators", "fullNodes", "nodes", *deployments] if deployments else []
        help_ = f"use a number{', or one of ' + ', '.join(dict.fromkeys(known)) if known else ''}"
        yield Finding("VR516", field, message, help_)


def _aggregation(field: Loc, text: str | None) -> Iterator[Finding]:
    if text is None:
        return
    tree = tree_of(text)
    if tree is None and not promql.newer_syntax(filled(text)):
        # It is no PromQL, which is a finding of its own.
        return
    if tree is None or not promql.outermost_aggregations(tree):
        message = f"{format_path(field)} has no `of`, and no aggregation of the query can be counted"
        yield Finding("VR518", field, message, "add `of`, such as `of: 'up{chain_id=\"${chainId}\"} == 1'`")


@rule_by_rule
def selectors(run: ValidationRun) -> Iterator[Finding]:
    """The selector of a counter is one metric's; every other PromQL of a rule gives a vector."""
    for loc, rule in with_body(run):
        kind = type_of(rule)
        selector = kind.own_selector(rule)
        if selector is not None:
            yield from _selector((*loc, rule.type, "selector"), selector, run)
        for path, text in kind.further_promql(rule).items():
            yield from _vector((*loc, rule.type, *path), text)


def _selector(field: Loc, text: str, run: ValidationRun) -> Iterator[Finding]:
    yield from _strays(field, text)
    tree = tree_of(text)
    has_comment = any(match[0].startswith("#") for match in STRING_OR_COMMENT.finditer(text))
    if tree is None or has_comment or not promql.is_plain_selector(tree):
        message = f"{format_path(field)} is not one metric with label matchers"
        help_ = 'write it as in app_panics_total{chain_id="${chainId}"}, without a function, a range, `offset` and `@`'
        yield Finding("VR517", field, message, help_)
        return
    own = {*FILLED.values(), run.metadata.namespace or "", run.spec.chain.chain_id if run.spec.chain.endpoints else ""}
    own.discard("")
    if promql.unscoped(tree, lambda selector: _names_run(selector, own)):
        message = f"{format_path(field)} has no matcher for this run's chain, so other runs are judged too"
        help_ = 'add one, such as {chain_id="${chainId}"} or {namespace="${namespace}"}'
        yield Finding("VR554", field, message, help_, Severity.WARNING)


def _names_run(selector: Any, own: set[str]) -> bool:
    groups = promql.matcher_values(selector)
    return all(any(text in value for value in group for text in own) for group in groups)


def _vector(field: Loc, text: str) -> Iterator[Finding]:
    yield from _strays(field, text)
    tree = tree_of(text)
    if tree is None:
        if not promql.newer_syntax(filled(text)):
            message = f"{format_path(field)} is not PromQL"
            yield Finding("VR501", field, message, "try it in Prometheus' own query page")
    elif promql.value_type(tree) != "vector":
        message = f"{format_path(field)} gives a {promql.value_type(tree)}; it must give series"
        yield Finding(
            "VR519", field, message, 'write a selector or an expression of one, such as up{chain_id="${chainId}"} == 1'
        )


@rule_by_rule
def unscraped(run: ValidationRun) -> Iterator[Finding]:
    """What stands for a node that is scraped has no series for one that cannot be scraped."""
    for loc, rule in with_body(run):
        kind = type_of(rule)
        series = kind.series(rule)
        for path, text in kind.further_promql(rule).items():
            counts = path == ("series", "of")
            if counts and series is not None and series.min == 0:
                continue
            tree = tree_of(text)
            if tree is None or promql.value_type(tree) != "vector":
                continue
            if promql.while_unscraped(tree) is not None:
                what = (
                    "counts targets that cannot be scraped"
                    if counts
                    else "has a series for targets that cannot be scraped"
                )
                yield unscraped_finding((*loc, rule.type, *path), tree, what)


def _strays(field: Loc, text: str) -> Iterator[Finding]:
    yield from stray_findings(field, find_places(text)[1])


CHECKS = (counted, selectors, unscraped)

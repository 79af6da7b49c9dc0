"""Checks the PromQL of rules, as far as is possible without a Prometheus."""

from collections.abc import Iterator
from typing import Final

from validationrun.compiling.check import query_meaning, query_reach, query_scope, query_shape, query_unscraped
from validationrun.compiling.check.placeholders import FILLED, stray_findings
from validationrun.compiling.check.query import DEFAULT_SCRAPE_SECONDS, Query
from validationrun.compiling.check.readable import if_readable, readable, rule_by_rule
from validationrun.compiling.check.rules import with_body
from validationrun.oracle.placeholders import WINDOW, fill, find_places
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import judged_seconds
from validationrun.spec import promql
from validationrun.spec.findings import Finding, Loc, Severity, format_path
from validationrun.spec.v1alpha1 import ValidationRun

_QUERY_CHECKS: Final = (
    *query_shape.CHECKS,
    *query_reach.CHECKS,
    *query_scope.CHECKS,
    *query_meaning.CHECKS,
    *query_unscraped.CHECKS,
)


@rule_by_rule
def queries(run: ValidationRun) -> Iterator[Finding]:
    """Checks the syntax first. The other checks run only on a query that parses."""
    # The syntax does not depend on the window's length.
    window = if_readable(lambda: max(1, judged_seconds(run.spec)), otherwise=DEFAULT_SCRAPE_SECONDS)
    for loc, rule in with_body(run):
        text = type_of(rule).promql(rule)
        if text is None:
            continue
        field = (*loc, rule.type, "promql")
        places, strays = find_places(text)
        misplaced = list(stray_findings(field, strays))
        yield from misplaced
        if any(finding.severity is Severity.ERROR for finding in misplaced):
            continue
        values = {**FILLED, WINDOW: f"{window}s"}
        filled = fill(text, places, values)
        try:
            tree = promql.parse(filled)
        except promql.SyntaxFault as fault:
            newer = ", ".join(promql.newer_syntax(filled))
            why = f"it uses syntax that only some versions of Prometheus take: {newer}"
            yield _not_checked(field, why) if newer else _syntax_finding(field, fault, values)
            continue
        if len(promql.nodes(tree)) > promql.MOST_DEEP and promql.depth(tree) > promql.MOST_DEEP:
            yield _not_checked(field, f"more than {promql.MOST_DEEP} operators and functions stand within each other")
            continue
        uses_window = any(place.value == WINDOW for place in places)
        query = Query(field, run, rule, text, tree, uses_window)
        for check in _QUERY_CHECKS:
            yield from readable(check(query))


def _syntax_finding(field: Loc, fault: promql.SyntaxFault, values: dict[str, str]) -> Finding:
    token = fault.token
    if token in values.values():
        token = None
    return Finding(
        "VR501",
        field,
        f"{format_path(field)} is not PromQL: {fault}",
        "try it in Prometheus' own query page",
        token=token,
    )


def _not_checked(field: Loc, why: str) -> Finding:
    message = f"{format_path(field)} is not checked, because {why}"
    help_ = "try it in Prometheus' own query page, and look for yourself whether it can pass without data"
    return Finding("VR579", field, message, help_, Severity.WARNING)


CHECKS = (queries,)

"""Checks the PromQL of rules, as far as is possible without a Prometheus."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base.durations import format_duration, parse_duration
from validationrun.compiling.check.placeholders import FILLED, stray_findings
from validationrun.compiling.check.readable import if_readable, readable, rule_by_rule
from validationrun.compiling.check.rules import with_body
from validationrun.oracle.comparison import Comparison
from validationrun.oracle.placeholders import WINDOW, fill, find_places
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import judged_seconds
from validationrun.spec import promql
from validationrun.spec.findings import Finding, Loc, Severity, format_path
from validationrun.spec.v1alpha1 import Rule, ValidationRun

_DEFAULT_SCRAPE_SECONDS: Final = 30
"""The default of Prometheus Operator installations, and of a SeiNodeDeployment's own ServiceMonitor."""


@dataclass(frozen=True, slots=True)
class _Query:
    """A query that the user wrote, its rule and its syntax tree."""

    loc: Loc
    run: ValidationRun
    rule: Rule
    tree: Any
    uses_window: bool

    @property
    def scrape_s(self) -> int:
        return _scrape_seconds(self.run)

    @property
    def comparison(self) -> Comparison | None:
        return type_of(self.rule).comparison(self.rule)


@rule_by_rule
def queries(run: ValidationRun) -> Iterator[Finding]:
    """Checks the syntax first. The other checks run only on a query that parses."""
    # The syntax does not depend on the window's length.
    window = if_readable(lambda: max(1, judged_seconds(run.spec)), otherwise=_DEFAULT_SCRAPE_SECONDS)
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
        try:
            tree = promql.parse(fill(text, places, values))
        except promql.SyntaxFault as fault:
            yield _syntax_finding(field, fault, values)
            continue
        uses_window = any(place.value == WINDOW for place in places)
        query = _Query(field, run, rule, tree, uses_window)
        for check in _QUERY_CHECKS:
            yield from readable(check(run, query))


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


# Checks of a query that parses.


def _value_type(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    del run
    kind = promql.value_type(query.tree)
    if kind in ("string", "matrix"):
        message = f"{format_path(query.loc)} gives a {kind}; a rule compares one number"
        help_ = (
            "take one value of it, for example with max_over_time()"
            if kind == "matrix"
            else "write an expression of metrics"
        )
        yield Finding("VR502", query.loc, message, help_)


def _several_series(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    del run
    if promql.value_type(query.tree) == "vector" and promql.may_give_several(query.tree):
        message = f"{format_path(query.loc)} can give several series; then the rule is Error AmbiguousResult"
        help_ = "aggregate to one: min(), max(), sum() or avg() without `by`"
        yield Finding("VR551", query.loc, message, help_, Severity.WARNING)


def _long_ranges(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    window = judged_seconds(run.spec)
    longest = max(promql.ranges(query.tree), default=0)
    if longest > window:
        message = (
            f"{format_path(query.loc)} looks back {format_duration(int(longest))}, longer than the run "
            f"({format_duration(window)}): it would judge what happened before it"
        )
        yield Finding("VR552", query.loc, message, "shorten the range, or use [${window}]", Severity.WARNING)


def _short_ranges(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    scrape = query.scrape_s
    for use in promql.range_uses(query.tree):
        if use.seconds < 2 * scrape and not (query.uses_window and use.seconds == judged_seconds(run.spec)):
            message = (
                f"{format_path(query.loc)}: {use.function}() over {format_duration(int(use.seconds))} is shorter than two scrapes "
                f"of {format_duration(scrape)}: it will often have no result"
            )
            yield Finding("VR553", query.loc, message, f"use at least {format_duration(2 * scrape)}", Severity.WARNING)
            return


def _scrape_seconds(run: ValidationRun) -> int:
    """The longest scrape interval that the spec's deployments set, or the usual default."""
    intervals = []
    for entry in run.spec.chain.deployments or []:
        monitor = entry.spec.monitoring.service_monitor if entry.spec.monitoring else None
        if monitor is not None and monitor.interval is not None and not monitor.interval.endswith("ms"):
            # The field belongs to another project; its value may exceed our longest duration.
            with contextlib.suppress(ValueError):
                intervals.append(parse_duration(monitor.interval))
    return max(intervals, default=_DEFAULT_SCRAPE_SECONDS)


def _scope(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    ours = set(FILLED.values()) | {
        run.metadata.namespace or "",
        run.spec.chain.chain_id if run.spec.chain.endpoints else "",
    }
    ours.discard("")
    for selector in promql.selectors(query.tree):
        if not any(text in value for value in promql.matcher_values(selector) for text in ours):
            name = selector.name or "a selector"
            message = (
                f"{format_path(query.loc)}: {name} has no matcher for this run's chain, so other runs are judged too"
            )
            help_ = 'add one, such as {chain_id="${chainId}"} or {namespace="${namespace}"}'
            yield Finding("VR554", query.loc, message, help_, Severity.WARNING, token=selector.name)
            return


def _silence(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    del run
    causes = promql.silence_turned_into_a_value(query.tree)
    if promql.is_count(query.tree) and query.comparison is not None and query.comparison.limit == 0:
        causes.append("a count compared with 0")
    if causes:
        message = f"{format_path(query.loc)} turns silence into a value ({', '.join(dict.fromkeys(causes))}): a run without data could pass"
        help_ = "let missing data be missing: the rule is then Error NoSamples, which is honest"
        yield Finding("VR555", query.loc, message, help_, Severity.WARNING)


def _looks_at_something(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    del run
    if promql.value_type(query.tree) in ("scalar", "vector") and not promql.selectors(query.tree):
        message = f"{format_path(query.loc)} looks at no metric: its answer says nothing about the chain"
        yield Finding("VR559", query.loc, message, "write an expression of metrics", Severity.WARNING)


def _equality(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    del run
    comparison = query.comparison
    if comparison is None or comparison.op not in ("==", "!="):
        return
    # Zero stays zero through every rate and division, so comparing with it is exact.
    if not comparison.limit.is_integer() or (comparison.limit != 0 and not promql.is_exact(query.tree)):
        field = (*query.loc[:-1], "op")
        message = f"{format_path(field)} {comparison.op} compares floating point numbers for equality"
        yield Finding("VR556", field, message, "use >= or <=, or a small range", Severity.WARNING)


_QUERY_CHECKS: Final = (
    _value_type,
    _several_series,
    _long_ranges,
    _short_ranges,
    _scope,
    _silence,
    _looks_at_something,
    _equality,
)


CHECKS = (queries,)

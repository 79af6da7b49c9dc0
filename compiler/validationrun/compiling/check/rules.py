"""`spec.rules[]`: bodies, times, and PromQL that can be judged before any Prometheus is asked."""

import contextlib
import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base.durations import format_duration, parse_duration
from validationrun.oracle.placeholders import LABEL_VALUES, WINDOW, Stray, fill, find_places
from validationrun.oracle.rules.alert import alert_query
from validationrun.oracle.ticks import judged_seconds, query_timeout_seconds, tick_count
from validationrun.spec import promql
from validationrun.spec.findings import Anchor, Finding, Loc, Severity, format_path, quote
from validationrun.spec.v1alpha1 import QueryRule, Rule, ValidationRun

_RULES: Final[Loc] = ("spec", "rules")
_FILLED: Final = {"chainId": "chain-0a1b2c3d", "namespace": "namespace-9c8b7a6d", "runId": "run-4e5f6"}
"""Values that stand in for the run's own while a query is checked."""

_DEFAULT_SCRAPE_SECONDS: Final = 30
"""The default of Prometheus Operator installations, and of a SeiNodeDeployment's own ServiceMonitor."""

_OURS_IN_ALERTS: Final = ("__name__", "alertname", "alertstate")
_FINAL_SWEEP_SLACK_SECONDS: Final = 8 * 60
"""The Workflow's deadline leaves 10 minutes after the window; finalize's own work needs some of it."""

_FINAL_SWEEP_PAUSE_SECONDS: Final = 5


def _each(run: ValidationRun) -> Iterator[tuple[Loc, Rule]]:
    for index, rule in enumerate(run.spec.rules):
        yield (*_RULES, index), rule


def names(run: ValidationRun) -> Iterator[Finding]:
    seen: set[str] = set()
    for loc, rule in _each(run):
        if rule.name in seen:
            message = f"{format_path((*loc, 'name'))} {quote(rule.name)} is given twice"
            yield Finding("VR505", (*loc, "name"), message, "rename one of the two")
        seen.add(rule.name)


def bodies(run: ValidationRun) -> Iterator[Finding]:
    for loc, rule in _each(run):
        given = [name for name, body in (("query", rule.query), ("alert", rule.alert)) if body is not None]
        if given != [rule.type]:
            shown = " and ".join(given) or "no body"
            message = f"{format_path((*loc, 'type'))} is {rule.type}, but the rule has {shown}"
            help_ = f"give it `{rule.type}:` and nothing else, or change the type"
            yield Finding("VR504", (*loc, "type"), message, help_)


def thresholds(run: ValidationRun) -> Iterator[Finding]:
    """Compared as float64: what that cannot hold would become infinity, below which every value is, or zero."""
    for loc, rule in _each(run):
        text = rule.query.threshold if rule.query is not None else "0"
        value = float(text)
        is_zero = not any(digit in "123456789" for digit in text.lower().partition("e")[0])
        if math.isinf(value) or (value == 0 and not is_zero):
            field = (*loc, "query", "threshold")
            message = (
                f"{format_path(field)} ({text}) is beyond what a 64-bit float holds: it would be compared as {value:g}"
            )
            yield Finding("VR510", field, message, "write a number between 1e-300 and 1e300, or 0")


def times(run: ValidationRun) -> Iterator[Finding]:
    window = judged_seconds(run.spec)
    for loc, rule in _each(run):
        properties = rule.run_properties
        timeout = query_timeout_seconds(rule)
        if timeout > properties.interval:
            field = (*loc, "query" if rule.query is not None else "alert", "timeout")
            message = (
                f"{format_path(field)} ({format_duration(timeout)}) is longer than the interval "
                f"({format_duration(properties.interval)}): evaluations would overlap"
            )
            yield Finding("VR506", field, message, "shorten the timeout, or lengthen the interval")
        if properties.start_after >= window:
            field = (*loc, "runProperties", "startAfter")
            message = f"{format_path(field)} is not before the window's end ({format_duration(window)} after its start)"
            yield Finding("VR507", field, message, "start earlier, or run longer")
        elif not properties.final_sweep and not tick_count(rule, window):
            field = (*loc, "runProperties", "finalSweep")
            message = (
                f"{format_path(field)} is false and no evaluation falls into the window: the rule could never pass"
            )
            yield Finding("VR508", field, message, "leave the final sweep on, or shorten the interval or startAfter")
        sweep = (properties.retry + 1) * (timeout + _FINAL_SWEEP_PAUSE_SECONDS)
        if properties.final_sweep and sweep > _FINAL_SWEEP_SLACK_SECONDS:
            field = (*loc, "runProperties", "retry")
            message = (
                f"the final sweep of rule {rule.name} may take {format_duration(sweep)} ({properties.retry + 1} queries of "
                f"{format_duration(timeout)}), longer than the workflow's deadline allows for"
            )
            yield Finding("VR558", field, message, "lower the retry or the timeout", Severity.WARNING)


def alert_matchers(run: ValidationRun) -> Iterator[Finding]:
    for loc, rule in _each(run):
        for index, matcher in enumerate(rule.alert.matchers if rule.alert else []):
            field = (*loc, "alert", "matchers", index)
            if matcher.name in _OURS_IN_ALERTS:
                message = f"{format_path((*field, 'name'))} must not be {quote(matcher.name)}: the rule sets it itself"
                yield Finding("VR509", (*field, "name"), message, "delete this matcher")
            _, strays = find_places(f"ALERTS{{{matcher.name}{matcher.op}{_quoted(matcher.value)}}}")
            yield from _stray_findings((*field, "value"), strays)
        if rule.type == "alert" and rule.alert is not None:
            yield from _alert_syntax(loc, rule)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _alert_syntax(loc: Loc, rule: Rule) -> Iterator[Finding]:
    """An alert's query is ours; what can be wrong in it is a matcher's regular expression."""
    if rule.alert is None:
        return
    for index, matcher in enumerate(rule.alert.matchers):
        if matcher.name in _OURS_IN_ALERTS:
            continue
        query, places = alert_query(rule.alert.model_copy(update={"matchers": [matcher]}))
        try:
            promql.parse(fill(query, places, {**_FILLED, WINDOW: "60s"}))
        except promql.SyntaxFault as fault:
            field = (*loc, "alert", "matchers", index, "value")
            yield Finding("VR501", field, f"{format_path(field)} is not valid: {fault}", "fix the regular expression")


@dataclass(frozen=True, slots=True)
class _Query:
    """A query rule with its syntax tree."""

    loc: Loc
    rule: Rule
    body: QueryRule
    tree: Any
    uses_window: bool
    scrape_s: int


def queries(run: ValidationRun) -> Iterator[Finding]:
    """Syntax first; only a query that parses is looked at further."""
    window, scrape = max(1, judged_seconds(run.spec)), _scrape_seconds(run)
    for loc, rule in _each(run):
        if rule.type != "query" or rule.query is None:
            continue
        field = (*loc, "query", "promql")
        places, strays = find_places(rule.query.promql)
        misplaced = list(_stray_findings(field, strays))
        yield from misplaced
        if any(finding.severity is Severity.ERROR for finding in misplaced):
            continue
        values = {**_FILLED, WINDOW: f"{window}s"}
        try:
            tree = promql.parse(fill(rule.query.promql, places, values))
        except promql.SyntaxFault as fault:
            yield _syntax_finding(field, fault, values)
            continue
        uses_window = any(place.value == WINDOW for place in places)
        query = _Query(field, rule, rule.query, tree, uses_window, scrape)
        for one in _QUERY_CHECKS:
            yield from one(run, query)


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


def _stray_findings(field: Loc, strays: list[Stray]) -> Iterator[Finding]:
    """
    Placeholders that will not be replaced.

    Inside quotes any text is allowed, so there only a near miss of a known name is pointed out.
    """
    known = (*LABEL_VALUES, WINDOW)
    for stray in strays:
        near = difflib.get_close_matches(stray.name.lower(), [name.lower() for name in known], n=1, cutoff=0.8)
        by_lower = {name.lower(): name for name in known}
        if not stray.in_string:
            if stray.name in LABEL_VALUES:
                message, help_ = (
                    f"{stray.token} is replaced only inside a quoted label value",
                    f'write it as `label="{stray.token}"`',
                )
            else:
                message, help_ = f"{stray.token} is not a placeholder", f"known outside of quotes: ${{{WINDOW}}}"
            yield Finding("VR503", field, f"{format_path(field)}: {message}", help_, token=stray.token)
        elif stray.name in known:
            where = "outside of quotes" if stray.name == WINDOW else "inside a quoted label value"
            message = f"{format_path(field)}: {stray.token} is replaced only {where}; here it stays as it is"
            yield Finding("VR503", field, message, "move it", Severity.WARNING, token=stray.token)
        elif near:
            message = f"{format_path(field)}: {stray.token} is not a placeholder and stays as it is"
            help_ = f"did you mean ${{{by_lower[near[0]]}}}?"
            yield Finding("VR503", field, message, help_, Severity.WARNING, token=stray.token)


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
    """The longest scrape interval that the spec's own deployments ask for, or the usual default."""
    intervals = []
    for entry in run.spec.chain.deployments or []:
        monitor = entry.spec.monitoring.service_monitor if entry.spec.monitoring else None
        if monitor is not None and monitor.interval is not None and not monitor.interval.endswith("ms"):
            # Another project's field: it may be longer than any duration of ours.
            with contextlib.suppress(ValueError):
                intervals.append(parse_duration(monitor.interval))
    return max(intervals, default=_DEFAULT_SCRAPE_SECONDS)


def _scope(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    ours = set(_FILLED.values()) | {
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
    found = promql.silence_turned_into_a_value(query.tree)
    if promql.is_count(query.tree) and float(query.body.threshold) == 0:
        found.append("a count compared with 0")
    if found:
        message = f"{format_path(query.loc)} turns silence into a value ({', '.join(dict.fromkeys(found))}): a run without data could pass"
        help_ = "let missing data be missing: the rule is then Error NoSamples, which is honest"
        yield Finding("VR555", query.loc, message, help_, Severity.WARNING)


def _looks_at_something(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    del run
    if promql.value_type(query.tree) in ("scalar", "vector") and not promql.selectors(query.tree):
        message = f"{format_path(query.loc)} looks at no metric: its answer says nothing about the chain"
        yield Finding("VR559", query.loc, message, "write an expression of metrics", Severity.WARNING)


def _equality(run: ValidationRun, query: _Query) -> Iterator[Finding]:
    del run
    threshold = float(query.body.threshold)
    if query.body.op not in ("==", "!="):
        return
    # Zero stays zero through every rate and division, so comparing with it is exact.
    if not threshold.is_integer() or (threshold != 0 and not promql.is_exact(query.tree)):
        field = (*query.loc[:-1], "op")
        message = f"{format_path(field)} {query.body.op} compares floating point numbers for equality"
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


def alert_scope(run: ValidationRun) -> Iterator[Finding]:
    chain_id = run.spec.chain.chain_id if run.spec.chain.endpoints else None
    for loc, rule in _each(run):
        if rule.type != "alert" or rule.alert is None:
            continue
        values = [matcher.value for matcher in rule.alert.matchers if matcher.op in ("=", "=~")]
        own = [f"${{{name}}}" for name in LABEL_VALUES] + [text for text in (chain_id, run.metadata.namespace) if text]
        if not any(text in value for value in values for text in own):
            field = (*loc, "alert", "matchers")
            message = f"{format_path((*loc, 'alert'))} has no matcher for this run's chain: the alert firing for another run fails this one"
            help_ = 'add `matchers: [{name: namespace, op: "=", value: "${namespace}"}]`'
            yield Finding("VR554", field, message, help_, Severity.WARNING, Anchor.KEY)


def scraped(run: ValidationRun) -> Iterator[Finding]:
    deployments = run.spec.chain.deployments
    if not run.spec.rules or not deployments:
        return
    if not any(entry.spec.monitoring and entry.spec.monitoring.service_monitor for entry in deployments):
        loc = ("spec", "chain", "deployments")
        message = "there are rules, but nothing in spec.chain.deployments makes Prometheus scrape the chain"
        help_ = "add `monitoring: {serviceMonitor: {}}` to a deployment's spec, or silence this where a PodMonitor covers it"
        yield Finding("VR557", loc, message, help_, Severity.WARNING, Anchor.KEY)


CHECKS = (names, bodies, thresholds, times, alert_matchers, queries, alert_scope, scraped)

"""Checks what every entry of `spec.rules[]` has: a name, the body of its type, a threshold and times."""

import math
from collections.abc import Iterator
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.compiling.check.chain import has_network
from validationrun.compiling.check.readable import rule_by_rule
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import judged_seconds, query_timeout_seconds, tick_count, window_seconds
from validationrun.spec.findings import Anchor, Finding, Loc, Severity, format_path, quote
from validationrun.spec.partial import is_left_out
from validationrun.spec.v1alpha1 import Rule, ValidationRun

_RULES: Final[Loc] = ("spec", "rules")
_FINAL_SWEEP_SLACK_SECONDS: Final = 8 * 60
"""The Workflow's deadline leaves 10 minutes after the window; finalize needs some of them."""

_FINAL_SWEEP_PAUSE_SECONDS: Final = 5


def located(run: ValidationRun) -> Iterator[tuple[Loc, Rule]]:
    """Every rule with its field path."""
    for index, rule in enumerate(run.spec.rules):
        if not is_left_out(rule):
            yield (*_RULES, index), rule


def with_body(run: ValidationRun) -> Iterator[tuple[Loc, Rule]]:
    """The rules that have the body of their type. A missing body is a finding of another check."""
    return ((loc, rule) for loc, rule in located(run) if rule.body is not None)


@rule_by_rule
def names(run: ValidationRun) -> Iterator[Finding]:
    seen: set[str] = set()
    for loc, rule in located(run):
        if rule.name in seen:
            message = f"{format_path((*loc, 'name'))} {quote(rule.name)} is given twice"
            yield Finding("VR505", (*loc, "name"), message, "rename one of the two")
        seen.add(rule.name)


@rule_by_rule
def bodies(run: ValidationRun) -> Iterator[Finding]:
    for loc, rule in located(run):
        if rule.bodies != [rule.type]:
            shown = " and ".join(rule.bodies) or "no body"
            message = f"{format_path((*loc, 'type'))} is {rule.type}, but the rule has {shown}"
            help_ = f"give it `{rule.type}:` and nothing else, or change the type"
            yield Finding("VR504", (*loc, "type"), message, help_)


@rule_by_rule
def thresholds(run: ValidationRun) -> Iterator[Finding]:
    """Values are compared as 64-bit floats, so a threshold beyond their range would become infinity or zero."""
    for loc, rule in with_body(run):
        comparison = type_of(rule).comparison(rule)
        if comparison is None:
            continue
        text, value = comparison.threshold, comparison.limit
        is_zero = not any(digit in "123456789" for digit in text.lower().partition("e")[0])
        if math.isinf(value) or (value == 0 and not is_zero):
            field = (*loc, rule.type, "threshold")
            message = (
                f"{format_path(field)} ({text}) is beyond what a 64-bit float holds: it would be compared as {value:g}"
            )
            yield Finding("VR510", field, message, "write a number between 1e-300 and 1e300, or 0")


@rule_by_rule
def times(run: ValidationRun) -> Iterator[Finding]:
    for loc, rule in located(run):
        properties, window = rule.run_properties, window_seconds(run.spec, rule)
        timeout = query_timeout_seconds(rule)
        if timeout > properties.interval:
            field = (*loc, rule.type, "timeout")
            message = (
                f"{format_path(field)} ({format_duration(timeout)}) is longer than the interval "
                f"({format_duration(properties.interval)}): evaluations would overlap"
            )
            yield Finding("VR506", field, message, "shorten the timeout, or lengthen the interval")
        if properties.start_after >= judged_seconds(run.spec):
            field = (*loc, "runProperties", "startAfter")
            ends = "the load's end" if rule.lasts_into_cooldown else "the window's end"
            message = f"{format_path(field)} is not before {ends} ({format_duration(judged_seconds(run.spec))} after its start)"
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


def scraped(run: ValidationRun) -> Iterator[Finding]:
    """With SeiNetwork it is the platform's PodMonitor that makes Prometheus scrape the nodes."""
    deployments = run.spec.chain.deployments
    if not run.spec.rules or not deployments or has_network(run):
        return
    if not any(entry.spec.monitoring and entry.spec.monitoring.service_monitor for entry in deployments):
        loc = ("spec", "chain", "deployments")
        message = "there are rules, but nothing in spec.chain.deployments makes Prometheus scrape the chain"
        help_ = (
            "add `monitoring: {serviceMonitor: {}}` to a deployment's spec; controllers since 2026-05-14 refuse it and a PodMonitor covers "
            "the nodes: there silence this warning"
        )
        yield Finding("VR557", loc, message, help_, Severity.WARNING, Anchor.KEY)


CHECKS = (names, bodies, thresholds, times, scraped)

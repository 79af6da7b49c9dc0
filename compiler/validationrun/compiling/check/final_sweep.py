"""Checks of rules without a final sweep: some of what a rule proves is asked there and nowhere else."""

from collections.abc import Iterator

from validationrun.compiling.check.placeholders import FILLED
from validationrun.compiling.check.query import filled
from validationrun.compiling.check.readable import rule_by_rule
from validationrun.compiling.check.rules import with_body
from validationrun.oracle.rules import type_of
from validationrun.oracle.series import run_aggregations
from validationrun.spec.findings import Anchor, Finding, Loc, Severity, format_path
from validationrun.spec.v1alpha1 import Rule, ValidationRun


@rule_by_rule
def proofs(run: ValidationRun) -> Iterator[Finding]:
    for loc, rule in _unswept(run):
        sweep, kind = (*loc, "runProperties", "finalSweep"), type_of(rule)
        if kind.reference(rule) is not None:
            message = (
                f"{format_path(sweep)} is false, and only the final sweep asks whether the alert could fire, looked at series of "
                "this run and is not pending: its silence would pass without a proof"
            )
            yield Finding(
                "VR520", sweep, message, "leave finalSweep out; `requireSeries` and `pending` say what a silence needs"
            )
        if kind.max_age(rule) and rule.body is not None and "max_age" in rule.body.model_fields_set:
            age = (*loc, rule.type, "maxAge")
            message = f"{format_path(age)} is asked at the final sweep alone, and runProperties.finalSweep is false"
            way = "leave finalSweep out, or write `maxAge: 0s`"
            yield Finding("VR520", age, message, way, anchor=Anchor.KEY)


@rule_by_rule
def members(run: ValidationRun) -> Iterator[Finding]:
    """The guard that counts without a word in the spec compares the first good answer with the final sweep."""
    for loc, rule in _unswept(run):
        if type_of(rule).series(rule) is None and _has_members(rule):
            sweep = (*loc, "runProperties", "finalSweep")
            message = (
                f"{format_path(sweep)} is false: the rule does not miss series of this run that are gone at the end"
            )
            way = (
                "leave finalSweep out, or say which series must be there: `series` counts at every tick, and `series: {min: 0}` lifts "
                "the guard"
            )
            yield Finding("VR583", sweep, message, way, Severity.WARNING)


def _unswept(run: ValidationRun) -> Iterator[tuple[Loc, Rule]]:
    return ((loc, rule) for loc, rule in with_body(run) if not rule.run_properties.final_sweep)


def _has_members(rule: Rule) -> bool:
    """Whether the query aggregates series that it selects by this run's chain or run id."""
    text = type_of(rule).promql(rule)
    return text is not None and bool(run_aggregations(text, FILLED, filled(text)))


CHECKS = (proofs, members)

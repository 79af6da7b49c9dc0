"""Checks the label matchers of rules that refer to an alert: names, regular expressions, scope."""

from collections.abc import Iterator
from typing import Final

from validationrun.compiling.check.placeholders import FILLED, stray_findings
from validationrun.compiling.check.readable import rule_by_rule
from validationrun.compiling.check.rules import with_body
from validationrun.oracle.placeholders import LABEL_VALUES, fill, find_places, quoted
from validationrun.oracle.rules import type_of
from validationrun.spec import promql
from validationrun.spec.findings import Anchor, Finding, Loc, Severity, format_path, quote
from validationrun.spec.v1alpha1 import ValidationRun

_HELP: Final = (
    'name the chain by a label that the alert carries, such as `matchers: [{name: chain_id, op: "=", value: "${chainId}"}]`, or '
    '`{name: name, op: "=~", value: "${chainId}-.*"}` for an alert about an object of the chain, whose `namespace` can be that of '
    "its controller"
)


@rule_by_rule
def matchers(run: ValidationRun) -> Iterator[Finding]:
    for loc, rule in with_body(run):
        kind = type_of(rule)
        for index, matcher in enumerate(kind.matchers(rule)):
            field = (*loc, rule.type, "matchers", index)
            query = f"ALERTS{{{matcher.name}{matcher.op}{quoted(matcher.value)}}}"
            places, strays = find_places(query)
            if matcher.name in kind.own_labels:
                message = f"{format_path((*field, 'name'))} must not be {quote(matcher.name)}: the rule sets it itself"
                yield Finding("VR509", (*field, "name"), message, "delete this matcher")
            yield from stray_findings((*field, "value"), strays)
            if matcher.name not in kind.own_labels:
                yield from _syntax((*field, "value"), fill(query, places, FILLED))


def _syntax(field: Loc, query: str) -> Iterator[Finding]:
    """Parses the matcher's query. Only a bad regular expression can make it fail."""
    try:
        promql.parse(query)
    except promql.SyntaxFault as fault:
        yield Finding("VR501", field, f"{format_path(field)} is not valid: {fault}", "fix the regular expression")


@rule_by_rule
def scope(run: ValidationRun) -> Iterator[Finding]:
    """A matcher must name something of this run, because Prometheus holds the alerts of every run."""
    chain_id = run.spec.chain.chain_id if run.spec.chain.endpoints else None
    own = [f"${{{name}}}" for name in LABEL_VALUES] + [text for text in (chain_id, run.metadata.namespace) if text]
    for loc, rule in with_body(run):
        if type_of(rule).reference(rule) is None:
            continue
        values = [matcher.value for matcher in type_of(rule).matchers(rule) if matcher.op in ("=", "=~")]
        if not any(text in value for value in values for text in own):
            field = (*loc, rule.type, "matchers")
            message = f"{format_path(field[:-1])} has no matcher for this run's chain: the alert firing for another run fails this one"
            yield Finding("VR554", field, message, _HELP, Severity.WARNING, Anchor.KEY)


CHECKS = (matchers, scope)

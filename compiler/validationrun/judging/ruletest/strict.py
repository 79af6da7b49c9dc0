"""
What makes a rule test prove nothing, for `test --strict`.

A test proves something only if it could have come out otherwise, for the reason that it means. `unproved` finds the rules
that no test proves.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from validationrun.base.durations import format_duration
from validationrun.judging.ruletest.model import ExpectedRule
from validationrun.judging.ruletest.prepare import Case
from validationrun.judging.ruletest.promtool_series import matches, read_series
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of
from validationrun.spec import promql
from validationrun.spec.findings import Finding, Loc, format_path, quote

_ALERTS: Final = "ALERTS"
_ABOUT_MISSING_SERIES: Final = frozenset(
    {
        RuleReason.NO_SAMPLES,
        RuleReason.SERIES_MISSING,
        RuleReason.ALERT_NOT_LOADED,
        RuleReason.ALERT_NOT_SCOPED,
        RuleReason.ALERT_BLIND,
    }
)
"""A test that expects one of these means a series or a label that is not there."""


def vacuous(case: Case) -> Iterator[Finding]:
    """An error for each part of a test that cannot come out otherwise."""
    yield from _unreasoned_errors(case)
    yield from _short_windows(case)
    yield from _silent_alerts(case)
    yield from _missing_labels(case)


def _unreasoned_errors(case: Case) -> Iterator[Finding]:
    expect, loc = case.test.expect, (*_test(case), "expect")
    for position, rule in enumerate(expect.rules):
        if rule.verdict == Verdict.ERROR and not rule.reason:
            field = (*loc, "rules", position, "verdict")
            message = f"{format_path(field)} is Error without a reason: any mistake in the test gives an Error"
            yield Finding("RT301", field, message, "add `reason:`, such as PrometheusUnavailable")
    if expect.verdict == Verdict.ERROR and not any(rule.verdict == Verdict.ERROR for rule in expect.rules):
        field = (*loc, "verdict")
        message = f"{format_path(field)} is Error without a rule: any mistake in the test gives an Error"
        help_ = "add the rule that is meant to `expect.rules`, with verdict Error and its reason"
        yield Finding("RT301", field, message, help_)


def _short_windows(case: Case) -> Iterator[Finding]:
    window = case.closes - case.opens
    field = (*_test(case), "window") if case.test.window is not None else (*_test(case), "name")
    for question in case.questions:
        properties = question.rule.run_properties
        if _expected_reason(case, question) == RuleReason.WINDOW_TOO_SHORT:
            continue
        if window <= properties.start_after:
            limit = f"startAfter {format_duration(properties.start_after)}"
        elif window < properties.interval:
            limit = f"interval {format_duration(properties.interval)}"
        else:
            continue
        message = f"{format_path(field)}: the window of {format_duration(window)} has no tick of rule {question.rule.name} ({limit})"
        yield Finding("RT302", field, message, "lengthen `window`")


def _silent_alerts(case: Case) -> Iterator[Finding]:
    named = case.test.rules or []
    for question in case.questions:
        name = question.rule.name
        alone = name in named or len(case.questions) == 1 or _expectation(case, question) is not None
        if alone and not has_its_series(case, question) and not _means_missing_series(case, question):
            field = (*_test(case), "rules", named.index(name)) if name in named else (*_test(case), "name")
            alert = type_of(question.rule).reference(question.rule)
            alertname = quote(alert.alertname) if alert else ""
            message = (
                f"{format_path(field)}: no series of alert {alertname}: rule {name} passes whatever its matchers say"
            )
            help_ = f"add a series {_ALERTS}{{alertname={alertname}, ...}}, for instance of another chain"
            yield Finding("RT303", field, message, help_)


def has_its_series(case: Case, question: Question) -> bool:
    """Whether an alert rule's alert has a series in this test; without one the rule can only pass. True for other rules."""
    alert = type_of(question.rule).reference(question.rule)
    return alert is None or any(
        labels["__name__"] == _ALERTS and labels.get("alertname") == alert.alertname for labels in _written(case)
    )


def _missing_labels(case: Case) -> Iterator[Finding]:
    for question in case.questions:
        if _means_missing_series(case, question):
            continue
        told: set[tuple[str, str]] = set()
        for selector in promql.selectors(promql.parse(question.at(case.opens, case.closes))):
            for position, label in _labels_nowhere(selector, _written(case)):
                if (selector.name, label) in told:
                    continue
                told.add((selector.name, label))
                field = (*_test(case), "input_series", position, "series")
                message = (
                    f"{format_path(field)}: no series {selector.name} has the label {quote(label)}, by which rule "
                    f"{question.rule.name} selects: the rule sees none of them"
                )
                help_ = f"give the series a label {label}, or expect the rule's Error with its reason"
                yield Finding("RT304", field, message, help_)


def _labels_nowhere(selector: Any, written: Sequence[Mapping[str, str]]) -> Iterator[tuple[int, str]]:
    """Labels that a selector asks for and that no series of its name has, each with the index of the first such series."""
    matchers = selector.matchers.matchers
    places = [
        position
        for position, labels in enumerate(written)
        if labels["__name__"] == selector.name
        and (selector.name != _ALERTS or all(labels.get(m.name) == m.value for m in matchers if m.name == "alertname"))
    ]
    for matcher in matchers if places else ():
        wanted = not matches(matcher.op, matcher.value, "")
        if wanted and not any(matcher.name in written[position] for position in places):
            yield places[0], matcher.name


def _test(case: Case) -> Loc:
    return ("tests", case.index)


def _written(case: Case) -> list[Mapping[str, str]]:
    """The labels of the test's series, in their order, with the name under `__name__`."""
    return [read_series(series.series) for series in case.test.input_series]


def _expectation(case: Case, question: Question) -> ExpectedRule | None:
    return next((rule for rule in case.test.expect.rules if rule.name == question.rule.name), None)


def _expected_reason(case: Case, question: Question) -> str:
    expected = _expectation(case, question)
    return (expected.reason or "") if expected is not None else ""


def _means_missing_series(case: Case, question: Question) -> bool:
    return _expected_reason(case, question) in _ABOUT_MISSING_SERIES

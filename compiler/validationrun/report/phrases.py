"""Sentences about a rule that several reports share."""

from collections.abc import Mapping
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.base.numbers import number, value_text
from validationrun.base.text import counted
from validationrun.report import formatting
from validationrun.report.model import RuleView, RunView, series_of
from validationrun.report.reason_help import meaning

_MOST_SERIES: Final = 5
_SERIES: Final = 300
_REQUIREMENT: Final = 35


def run_meaning(view: RunView) -> str:
    """The meaning of the run's reason."""
    if view.stopped_in_sweep:
        return "A rule with stopOnFailure failed in the final sweep, when there was nothing left to stop."
    return meaning(view.reason)


def stop_told(view: RunView) -> str:
    """Which rule stopped the run, and when; empty if the run was not stopped."""
    if view.stop_time is None:
        return ""
    rule = formatting.clean(view.stop_rule or "", formatting.NAME)
    if view.stopped_in_sweep:
        return f"nothing: {rule} failed in the final sweep, when there was nothing left to stop"
    return f"by {rule} at {formatting.moment(view.stop_time, view.start)}"


def requirement(rule: RuleView) -> str:
    """The rule's condition in a few characters: `> 0`, or `must not fire`."""
    return formatting.clean(rule.type.requirement(rule.rule), _REQUIREMENT)


def value_told(rule: RuleView) -> str:
    """The last value; for an alert, the number of series that fired."""
    return rule.type.last_answer(rule.state, lambda text: value_text(text, _limit(rule)))


def _limit(rule: RuleView) -> float | None:
    comparison = rule.type.comparison(rule.rule)
    return comparison.limit if comparison is not None else None


def answers_short(rule: RuleView) -> str:
    """How many decisions had an answer, for a table's cell."""
    if rule.expected:
        return f"{rule.summary.good} of {rule.expected}"
    return "never asked" if rule.state.last_t is None else "not known"


def answers_told(rule: RuleView) -> str:
    """How many decisions had an answer, and why the others had none."""
    summary = rule.summary
    text = f"{summary.good} of {rule.expected} decisions had an answer"
    if not rule.expected:
        text = "no decision: the rule was never asked"
        if rule.state.last_t is not None:
            text = "how many decisions had an answer is not known: their evidence is lost"
    if summary.errors:
        text += " (" + ", ".join(f"{reason} {count}" for reason, count in sorted(summary.errors.items())) + ")"
    if rule.missing:
        text += f"; nothing is recorded of {counted(len(rule.missing), 'tick')}"
    return text


def margin_told(rule: RuleView, start: float | None) -> str:
    """The rule's margin in words; empty without a number."""
    summary = rule.summary
    if summary.margin is None or summary.margin_t is None or summary.margin_value is None:
        return ""
    if summary.margin == 0:
        return f"exactly at the threshold at {formatting.moment(summary.margin_t, start)}"
    where = f"value {value_text(summary.margin_value, _limit(rule))} at {formatting.moment(summary.margin_t, start)}"
    if summary.failed and summary.margin < 0:
        return f"furthest beyond the threshold by {number(abs(summary.margin))}: {where}"
    return f"closest to the threshold by {number(summary.margin)}: {where}"


def margin_short(rule: RuleView, start: float | None) -> str:
    """The rule's margin for a table's cell."""
    summary = rule.summary
    if summary.margin is None or summary.margin_t is None:
        return ""
    at = f" at +{format_duration(summary.margin_t - start)}" if start is not None else ""
    if summary.margin == 0:
        return f"exactly at it{at}"
    if summary.failed and summary.margin < 0:
        return f"beyond by {number(abs(summary.margin))}{at}"
    return f"{number(summary.margin)}{at}"


def failure_told(rule: RuleView, start: float | None) -> list[str]:
    """The time, the query and the series of the first failure; empty if the rule did not fail."""
    if rule.state.failed_t is None:
        return []
    lines = [f"failed first at {formatting.moment(rule.state.failed_t, start)}"]
    point = rule.first_failure()
    if point is None:
        return [*lines, "the answer itself was lost with an earlier evaluator"]
    if point.decision.exchange is not None:
        lines.append(f"asked: {formatting.clean(point.decision.exchange.query, formatting.BLOCK)}")
    lines += [f"series: {series}" for series in failed_series(rule)]
    return lines


def failed_series(rule: RuleView) -> list[str]:
    """The series of the first failed answer; empty if they have no labels."""
    point = rule.first_failure()
    if point is None:
        return []
    series, count = series_of(point, _MOST_SERIES)
    lines = [labels_told(labels) for labels in series if labels]
    return [*lines, f"and {count - len(lines)} more"] if lines and count > len(lines) else lines


def labels_told(labels: Mapping[str, str]) -> str:
    """A series in Prometheus' notation."""
    name = labels.get("__name__", "")
    rest = ", ".join(f'{key}="{value[:_SERIES]}"' for key, value in sorted(labels.items())[:20] if key != "__name__")
    return formatting.clean(f"{name}{{{rest}}}", _SERIES)

"""A rule's card on the page: a table of its result, its query and its answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validationrun.base.durations import format_duration
from validationrun.base.numbers import value_text
from validationrun.base.text import counted
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.ticks import query_timeout_seconds
from validationrun.report import formatting
from validationrun.report.model import RuleView, RunView
from validationrun.report.phrases import answers_told, failed_series, margin_told, value_told
from validationrun.report.reason_help import meaning


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of a card's table.

    Attributes:
        block: a text that keeps its line breaks and spaces.
    """

    title: str
    values: Sequence[str]
    block: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """
    One rule.

    Attributes:
        tone: `passed`, `failed` or `error`.
        share: percent of the decisions that had an answer.
        calm: the rule passed, so that its card can be closed.
    """

    name: str
    tone: str
    verdict: str
    reason: str
    meaning: str
    message: str
    rows: Sequence[Row]
    share: float
    calm: bool


def cards_of(view: RunView) -> list[Card]:
    """First the rules that did not pass, as in `RunView.troubled`; then the others in the order of the spec."""
    passed = [rule for rule in view.rules if rule.state.verdict == Verdict.PASSED]
    return [_card(rule, view) for rule in [*view.troubled, *passed]]


def _card(rule: RuleView, view: RunView) -> Card:
    state = rule.state
    return Card(
        rule.name,
        "passed" if state.verdict == Verdict.PASSED else "failed" if state.verdict == Verdict.FAILED else "error",
        state.verdict,
        state.reason,
        meaning(state.reason) if state.verdict != Verdict.PASSED else "",
        formatting.clean(state.message),
        [row for row in _rows(rule, view) if row.values and any(row.values)],
        round(100 * rule.summary.good / rule.expected, 1) if rule.expected else 0.0,
        state.verdict == Verdict.PASSED,
    )


def _rows(rule: RuleView, view: RunView) -> Iterator[Row]:
    state, summary = rule.state, rule.summary
    yield Row("why it was empty", [formatting.clean(state.why, 2 * formatting.SENTENCE)])
    if state.failed_t is not None:
        point = rule.first_failure()
        said = (
            formatting.clean(point.decision.message)
            if point is not None
            else "the answer was lost with an earlier evaluator"
        )
        yield Row("failed first", [f"{formatting.moment(state.failed_t, view.start)}: {said}"])
        yield Row("series", failed_series(rule))
    yield Row("must hold", [rule.type.condition(rule.rule, _named)])
    yield Row("last value", [value_told(rule)])
    if summary.lowest is not None and summary.highest is not None:
        yield Row("range", [f"{value_text(summary.lowest)} to {value_text(summary.highest)}"])
    yield Row("closest margin", [margin_told(rule, view.start)])
    yield Row("answers", [answers_told(rule)])
    uncounted = summary.decisions - summary.counted
    if uncounted:
        yield Row(
            "did not count",
            [f"{counted(uncounted, 'decision')}, because of the stop, the end, or a repeated final sweep"],
        )
    yield Row("asked", _asked(rule, view.start), block=True)
    yield Row("evaluated", [_evaluated(rule)])


def _named(text: str) -> str:
    return formatting.clean(text, formatting.NAME)


def _asked(rule: RuleView, start: float | None) -> list[str]:
    """The query as sent for the first failure, or else the last one sent."""
    point = rule.first_failure() or (rule.points[-1] if rule.points else None)
    if point is None or point.decision.exchange is None:
        return [formatting.clean_block(rule.question.promql)]
    return [f"{formatting.clean_block(point.decision.exchange.query)}\n# at time {formatting.moment(point.t, start)}"]


def _evaluated(rule: RuleView) -> str:
    properties = rule.rule.run_properties
    parts = [
        f"every {format_duration(int(properties.interval))}",
        f"each answer within {format_duration(query_timeout_seconds(rule.rule))}",
        f"{counted(properties.retry, 'error')} in a row tolerated",
    ]
    if properties.start_after:
        parts.append(f"not before {format_duration(int(properties.start_after))}")
    parts.append("with a final sweep" if properties.final_sweep else "without final sweep")
    if properties.stop_on_failure:
        parts.append("stops the run when it fails")
    return ", ".join(parts)

"""Render the outcome of a backtest as text and as JSON. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from validationrun.base import conventions
from validationrun.base.durations import format_duration
from validationrun.base.text import counted
from validationrun.base.times import format_time
from validationrun.judging.backtest.backtest import Outcome, RuleOutcome
from validationrun.judging.backtest.compare import Comparison, Judged
from validationrun.judging.backtest.query_strategy import Form
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.rules import type_of

KIND: Final = "ValidationRunBacktest"
COMPARISON_KIND: Final = "ValidationRunComparison"
_MOST_TICKS: Final = 20


def as_json(name: str, prometheus: Mapping[str, str | None], outcomes: Sequence[Outcome], notes: Sequence[str]) -> Any:
    """All windows. Times are Unix seconds beside RFC 3339; values are Prometheus' own text."""
    return {
        "apiVersion": conventions.API_VERSION,
        "kind": KIND,
        "name": name,
        "prometheus": dict(prometheus),
        "notes": list(notes),
        "windows": [_window_json(outcome) for outcome in outcomes],
    }


def _window_json(outcome: Outcome) -> Any:
    return {
        "start": format_time(outcome.period.start),
        "end": format_time(outcome.period.end),
        "verdict": outcome.verdict.verdict,
        "reason": outcome.verdict.reason,
        "message": outcome.verdict.message,
        "stopRule": outcome.stop_rule,
        "stopTime": _time(outcome.stop_time),
        "rules": [_rule_json(result) for result in outcome.rules],
    }


def _rule_json(outcome: RuleOutcome) -> Any:
    rule, state = outcome.rule, outcome.state
    comparison = type_of(rule).comparison(rule)
    return {
        "name": rule.name,
        "type": rule.type,
        "verdict": state.verdict,
        "reason": state.reason or None,
        "message": state.message or None,
        "why": state.why or None,
        "stopOnFailure": rule.run_properties.stop_on_failure,
        "failedAt": _time(state.failed_t),
        "value": state.value,
        "op": comparison.op if comparison else None,
        "threshold": comparison.threshold if comparison else None,
        "firedCount": type_of(rule).fired_count(state),
        **outcome.summary.to_data(),
        "asked": {"form": outcome.form.value, "why": outcome.why or None, "ticks": outcome.ticks, "instants": outcome.instants},
    }  # fmt: skip


def lines(name: str, outcomes: Sequence[Outcome], notes: Sequence[str]) -> Iterator[str]:
    """One window in full; for several windows a table, then each window that did not pass."""
    if len(outcomes) == 1:
        yield from _window(name, outcomes[0])
    else:
        yield from _table(name, outcomes)
        for outcome in outcomes:
            if outcome.verdict.verdict != Verdict.PASSED:
                yield ""
                yield from _window(name, outcome)
    for note in notes:
        yield f"note: {note}"


def _table(name: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    verdicts = [outcome.verdict.verdict for outcome in outcomes]
    verdict_counts = ", ".join(
        f"{verdicts.count(verdict)} {verdict}"
        for verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.ERROR)
        if verdict in verdicts
    )
    yield f"{name}: {counted(len(outcomes), 'window')}: {verdict_counts}"
    rows = [("start", "length", "verdict", "reason", "stopped", "closest to its threshold", "data")]
    for outcome in outcomes:
        stop = "" if outcome.stop_time is None else format_duration(outcome.stop_time - outcome.period.start)
        start = format_time(outcome.period.start)
        rows.append(
            (
                start,
                format_duration(outcome.period.seconds),
                outcome.verdict.verdict,
                outcome.verdict.reason,
                stop,
                _closest(outcome),
                _least(outcome),
            )
        )
    yield from _aligned(rows)


def _closest(outcome: Outcome) -> str:
    """The rule with the smallest margin, relative to its threshold so that bytes and seconds compare."""
    measured = [result for result in outcome.rules if result.summary.margin is not None]
    if not measured:
        return ""
    result = min(measured, key=_relative)
    return f"{result.rule.name} {_margin(result)}"


def _relative(one: RuleOutcome) -> float:
    comparison = type_of(one.rule).comparison(one.rule)
    threshold = abs(comparison.limit) if comparison else 0.0
    return (one.summary.margin or 0.0) / (threshold or 1.0)


def _least(outcome: Outcome) -> str:
    return _share(min((result.summary.coverage or 0.0 for result in outcome.rules), default=0.0))


def _window(name: str, outcome: Outcome) -> Iterator[str]:
    period, verdict = outcome.period, outcome.verdict
    yield f"{name} from {format_time(period.start)} to {format_time(period.end)}: {verdict.verdict} {verdict.reason}"
    yield f"  {verdict.message}"
    if outcome.stop_rule is not None and outcome.stop_time is not None:
        when = f"{format_time(outcome.stop_time)}, {format_duration(outcome.stop_time - period.start)} after its start"
        if outcome.stop_time < period.end:
            yield f"  rule {outcome.stop_rule} would have stopped the run at {when}"
        else:
            yield f"  rule {outcome.stop_rule} failed in the final sweep at {when}: there was nothing left to stop"
    rows = [("rule", "verdict", "reason", "first failure", "closest to its threshold", "data", "asked")]
    for result in outcome.rules:
        state = result.state
        failed = "" if state.failed_t is None else format_duration(state.failed_t - period.start)
        rows.append(
            (
                result.rule.name,
                state.verdict,
                state.reason,
                failed,
                _margin(result, period.start),
                _share(result.summary.coverage),
                _asked(result),
            )
        )
    yield from (f"  {row}" for row in _aligned(rows))
    for result in outcome.rules:
        if result.state.verdict == Verdict.ERROR:
            text = f"{result.state.message}: {result.state.why}" if result.state.why else result.state.message
            yield f"  {result.rule.name}: {text}"


def _margin(one: RuleOutcome, start: float | None = None) -> str:
    """The margin, its value and its time: `0.5 (value 9.5 at +1h2m5s)`."""
    summary = one.summary
    if summary.margin is None or summary.margin_t is None:
        return ""
    when = "" if start is None else f" at +{format_duration(summary.margin_t - start)}"
    return f"{summary.margin:g} (value {summary.margin_value}{when})"


def _asked(one: RuleOutcome) -> str:
    if one.form is Form.INSTANT or one.instants == one.ticks > 0:
        return "tick by tick" + (f": {one.why}" if one.why else "")
    return f"{one.instants} of {one.ticks} ticks by themselves" if one.instants else "at once"


def _share(share: float | None) -> str:
    # Round down, so that only complete data shows 100 %.
    return "none" if not share else f"{int(share * 1000) / 10:g} %"


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else format_time(seconds)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align the columns; drop those that are empty in every row."""
    used = [index for index in range(len(rows[0])) if any(row[index] for row in rows[1:])]
    widths = {index: max(len(row[index]) for row in rows) for index in used}
    for row in rows:
        yield "  ".join(f"{row[index]:<{widths[index]}}" for index in used).rstrip()


def comparison_json(run_id: str, prometheus: Mapping[str, str | None], comparison: Comparison) -> Any:
    """A live run compared with its backtest."""
    return {
        "apiVersion": conventions.API_VERSION,
        "kind": COMPARISON_KIND,
        "runId": run_id,
        "prometheus": dict(prometheus),
        "agrees": comparison.agrees,
        "verdict": comparison.verdict.verdict,
        "reason": comparison.verdict.reason,
        "compared": comparison.compared,
        "ticks": [
            {
                "rule": tick.rule,
                "time": format_time(tick.t),
                "final": tick.final,
                "lastDigit": tick.is_last_digit,
                "then": _judged_json(tick.then),
                "now": _judged_json(tick.now),
            }
            for tick in comparison.ticks
        ],
        "others": comparison.others,
    }


def _judged_json(judged: Judged) -> Any:
    verdict, reason, value = judged
    return {"verdict": verdict, "reason": reason or None, "value": value}


def comparison_lines(run_id: str, comparison: Comparison) -> Iterator[str]:
    """Whether the backtest agrees with the live run, and which decisions differ."""
    verdict = comparison.verdict
    yield f"{run_id} by history: {verdict.verdict} {verdict.reason}"
    yield f"  {verdict.message}"
    slight = sum(diff.is_last_digit for diff in comparison.ticks)
    if slight:
        yield f"  {slight} values differ in their last digit: Prometheus adds in another order once data are in a block"
    if comparison.agrees:
        yield f"  all {comparison.compared} decisions are those of the live run"
        return
    yield f"  {len(comparison.ticks) - slight} of {comparison.compared} decisions differ from the live run"
    for diff in comparison.ticks[:_MOST_TICKS]:
        sweep = " (final sweep)" if diff.final else ""
        yield f"  rule {diff.rule} at {format_time(diff.t)}{sweep}: {_words(diff.then)} then, {_words(diff.now)} now"
    if len(comparison.ticks) > _MOST_TICKS:
        yield f"  ... and {len(comparison.ticks) - _MOST_TICKS} more; `-o json` lists all"
    yield from (f"  {diff}" for diff in comparison.others)


def _words(judged: Judged) -> str:
    return " ".join(part for part in judged if part)

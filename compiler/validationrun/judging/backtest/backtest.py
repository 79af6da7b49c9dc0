"""Judges windows of the past by the rules of a spec."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from validationrun.base.durations import format_duration
from validationrun.judging.backtest.client import HistoryError, Past
from validationrun.judging.backtest.compact_answer import NOTHING, CompactAnswer, compact
from validationrun.judging.backtest.decide import Decider, SilenceAt
from validationrun.judging.backtest.fetch import Ticks, ask_window
from validationrun.judging.backtest.fold_window import Course, judge_window
from validationrun.judging.backtest.further import further_of, observed_at
from validationrun.judging.backtest.query_strategy import Form
from validationrun.judging.backtest.retention import doubt, nothing_held, nothing_held_at
from validationrun.judging.backtest.windows import Period
from validationrun.judging.further_requests import completed
from validationrun.judging.without_data import unproven
from validationrun.oracle.alerting_rules import not_running
from validationrun.oracle.decision import ASSUMED, Decision, Silence
from validationrun.oracle.exchange import Exchange, Fault, Reply, Samples
from validationrun.oracle.fold import RuleState
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.prometheus_response import read_vector
from validationrun.oracle.question import Question, expected_in
from validationrun.oracle.rules import type_of
from validationrun.oracle.rules.rule_type import AlertReference, AlertRules, Request
from validationrun.oracle.summary import Summary
from validationrun.oracle.verdict_table import Facts, RunVerdict, judge
from validationrun.prometheus import Prometheus
from validationrun.prometheus.explain_empty import explain_empty
from validationrun.spec.v1alpha1 import Rule, ValidationRun

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """
    A rule in a window.

    Attributes:
        form: how its ticks were asked.
        why: why a slow form was needed.
        ticks: number of ticks in the window.
        instants: number of ticks that were asked by an instant query each.
    """

    rule: Rule
    state: RuleState
    summary: Summary
    form: Form
    why: str
    ticks: int
    instants: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A judged window: the verdict that a run of these rules would have had."""

    period: Period
    verdict: RunVerdict
    stop_rule: str | None
    stop_time: float | None
    rules: list[RuleOutcome]


def questions_of(run: ValidationRun, chain_id: str | None, run_id: str | None) -> list[Question]:
    """
    The rules with their run-time values.

    Args:
        chain_id: of the chain whose past is judged; None when it was not given.
        run_id: of the run whose past is judged; None when it was not given.

    Raises:
        HistoryError: there is no rule, or a rule needs a value that was not given.
    """
    if not run.spec.rules:
        raise HistoryError(f"run {run.metadata.name} has no rules: there is nothing to judge")
    if chain_id is None and run.spec.chain.endpoints is not None:
        chain_id = run.spec.chain.chain_id
    given = {"namespace": run.metadata.namespace or "", "chainId": chain_id, "runId": run_id}
    values = {name: value or "" for name, value in given.items()}
    questions = [Question.of(rule, values, expected_in(rule, run.spec.chain)) for rule in run.spec.rules]
    for question in questions:
        for name, option in (("chainId", "--chain-id"), ("runId", "--run-id")):
            if given[name] is None and name in question.needed_values:
                raise HistoryError(
                    f"rule {question.rule.name} uses ${{{name}}}, which differs from run to run: give {option}"
                )
    return questions


def backtest(
    past: Past,
    questions: Sequence[Question],
    period: Period,
    *,
    assume_alerts_loaded: bool = False,
    instant: bool = False,
) -> Outcome:
    """
    Judges a window.

    Args:
        assume_alerts_loaded: take the silence of an alert for proof where Prometheus holds samples.
        instant: use an instant query for each tick.

    Raises:
        HistoryError: Prometheus is gone, or a rule begins when the window is over.
    """
    _refuse_late_rules(questions, period)
    asked = ask_window(past, questions, period, instant=instant)
    courses = [_course(past, ticks, period, assume=assume_alerts_loaded) for ticks in asked]
    judged = judge_window(courses, period)
    states = judged.fold.closed()
    if any(state.verdict == Verdict.PASSED for state in states):
        states = unproven(states, doubt(past, period))
    verdict = judge(Facts.without_cluster(states, judged.fold.stop_rule))
    rules = [
        RuleOutcome(
            ticks.question.rule,
            state,
            judged.tallies[state.name].summary(),
            ticks.choice.form,
            ticks.choice.why,
            len(ticks.times),
            ticks.instants,
        )
        for ticks, state in zip(asked, states, strict=True)
    ]
    return Outcome(period, verdict, judged.fold.stop_rule, judged.fold.stop_time, rules)


def _refuse_late_rules(questions: Sequence[Question], period: Period) -> None:
    """Refuses a rule that begins when the window is over, because it would be asked once or never."""
    for question in questions:
        after = int(question.rule.run_properties.start_after)
        if after >= period.seconds:
            raise HistoryError(
                f"rule {question.rule.name} begins after {format_duration(after)} (startAfter), when the window is over: "
                "make it longer"
            )


def _course(past: Past, asked: Ticks, period: Period, *, assume: bool) -> Course:
    rule = asked.question.rule
    decider = _decider(past, asked, period, assume=assume)
    sweep = _sweep(past, asked.question, period, decider, assume=assume) if rule.run_properties.final_sweep else None
    return Course(rule, asked.times, asked.answers, decider, sweep)


def _decider(past: Past, asked: Ticks, period: Period, *, assume: bool) -> Decider:
    question = asked.question
    reference = type_of(question.rule).reference(question.rule)
    if reference is None:
        return Decider(question, period.start, further=further_of(past, question, period.start))
    return Decider(
        question,
        period.start,
        _assumed_silence(past, asked) if assume else _unproven_silence(reference),
        lambda: _fired_before(past, question, period),
    )


def _assumed_silence(past: Past, asked: Ticks) -> SilenceAt:
    held = _held(past, asked)

    def silence(t: float) -> Silence | None:
        fault = held[t] if t in held else nothing_held(past, t)
        return ASSUMED if fault is None else Silence(fault)

    return silence


def _unproven_silence(reference: AlertReference) -> SilenceAt:
    fault = Fault(
        RuleReason.ALERT_NOT_LOADED,
        f"history cannot prove that alert {reference.alertname} was loaded while it was silent; "
        "--assume-alerts-loaded takes it for granted",
    )

    def silence(t: float) -> Silence | None:
        del t
        return Silence(fault)

    return silence


def _held(past: Past, asked: Ticks) -> Mapping[float, Fault | None]:
    silent = [
        t
        for t, answer in zip(asked.times, asked.answers, strict=True)
        if isinstance(answer, Samples) and not answer.samples
    ]
    step = int(asked.question.rule.run_properties.interval)
    # Silent ticks are consecutive, because an alert that fired once has fired by each later tick too.
    return nothing_held_at(past, silent, step) if silent else {}


def _fired_before(past: Past, question: Question, period: Period) -> bool:
    series = type_of(question.rule).latching_series(question.at(period.start, period.end))
    if series is None:
        return False
    answer = past.answer(series, question.opens(period.start, period.end), question.timeout_s)
    return isinstance(answer, Samples) and bool(answer.samples)


def _sweep(
    past: Past, question: Question, period: Period, decider: Decider, *, assume: bool
) -> Callable[[Memory], Decision]:
    refers = type_of(question.rule).reference(question.rule) is not None

    def sweep(memory: Memory) -> Decision:
        query = question.at(period.start, period.end)
        answer: CompactAnswer
        silence = None
        if type_of(question.rule).asks_at_every_tick(question.rule):
            answer = observed_at(past, question, period.start, period.end, final=True, memory=memory)
        else:
            reply = past.instant(query, period.end, question.timeout_s)
            answer = compact(read_vector(reply, period.end))
            if refers and assume and answer is NOTHING and nothing_held(past, period.end) is None:
                silence = _final_silence(past, question, period, query, reply)
        decision = decider.decide(period.end, answer, memory, final=True, silence=silence)
        if decision.reason != RuleReason.NO_SAMPLES or refers:
            return decision
        explain = explain_empty(Prometheus(past.url, past.access))
        return dataclasses.replace(decision, why=explain(query, period.end, question.timeout_s))

    return sweep


def _final_silence(past: Past, question: Question, period: Period, query: str, reply: Reply) -> Silence | None:
    """What history shows about a silent alert: pending and firing by its ALERTS, its series by the expression that runs now."""

    def send(request: Request) -> Reply:
        if isinstance(request, AlertRules):
            return past.rules(request.alertname)
        return past.instant(request.promql, request.t, question.timeout_s)

    context, end = question.context(period.start), period.end
    asked = Exchange(question.rule.name, end, True, end, end, query, reply=reply)
    kind = type_of(question.rule)
    return kind.silence(context, completed(context, asked, NOTHING_REMEMBERED, set(), send), assumed=True)


def not_loaded_now(past: Past, questions: Sequence[Question]) -> list[str]:
    """Why Prometheus does not run an alert now whose silence is taken for proof: a line for each such rule."""
    lines = []
    for question in questions:
        if (reference := type_of(question.rule).reference(question.rule)) is not None:
            name = reference.alertname
            if (fault := not_running(past.rules(name), name, past.now(), question.matchers)) is not None:
                lines.append(f"rule {question.rule.name}: {fault.message}")
    return lines

"""Judging recorded evidence again: the same decisions, the same fold, the same table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from validationrun.evaluation.clock import doubted
from validationrun.oracle.answers import Decision
from validationrun.oracle.engine import Fold, RuleState
from validationrun.oracle.evidence import Entry, RuleEvidence
from validationrun.oracle.question import Question
from validationrun.oracle.rule_types import decide
from validationrun.oracle.verdict import Facts, RunVerdict, judge
from validationrun.results.folder import Result, ResultsError, read_clock


@dataclass(frozen=True, slots=True)
class Replayed:
    """
    What the evidence says now.

    Attributes:
        differences: one line for each thing that is not as it was recorded; empty when both agree to the letter.
    """

    verdict: RunVerdict
    states: list[RuleState]
    stop_rule: str | None
    stop_time: float | None
    differences: list[str]


def replay(result: Result) -> Replayed:
    """
    Decides every recorded exchange again and judges the run by that.

    Raises:
        ResultsError: the evidence is not whole.
    """
    differences: list[str] = []
    document = result.document
    rules = [question.rule for question in result.questions]
    resumed = [found.resumed[0] for found in result.evidence.values() if found.resumed is not None]
    fold = Fold.begin(rules, resumed)
    start = document["window"]["start"]
    for question in result.questions:
        for entry in _since_resume(result.evidence[question.rule.name]):
            decision = _decide(question, entry, start, differences)
            if entry.counted:
                fold.add(decision)
    for decision, counted in fold.advance(math.inf):
        if not counted:
            differences.append(f"rule {decision.rule} at {decision.t}: counted then, not now")
    closed = fold.closed()
    states = closed if document["window"]["interrupted"] else doubted(closed, read_clock(document))
    _compare_states(states, document["states"], differences)
    _compare_stop(fold, result, differences)
    verdict = judge(_facts(result, states, fold.stop_rule))
    status = result.status
    for name, now in (
        ("phase", verdict.phase),
        ("verdict", verdict.verdict),
        ("reason", verdict.reason),
        ("message", verdict.message),
    ):
        if status[name] != now:
            differences.append(f"{name}: {status[name]!r} then, {now!r} now")
    return Replayed(verdict, states, fold.stop_rule, fold.stop_time, differences)


def _since_resume(evidence: RuleEvidence) -> Sequence[Entry]:
    return evidence.entries if evidence.resumed is None else evidence.entries[evidence.resumed[1] :]


def _decide(question: Question, entry: Entry, start: float | None, differences: list[str]) -> Decision:
    rule = question.rule
    if entry.exchange is None:
        if entry.verdict != "Failed":
            raise ResultsError(f"rule {rule.name} at {entry.t}: a decision without its exchange")
        return Decision(rule.name, entry.t, "Failed", entry.reason, entry.message, entry.value, final=entry.final)
    decision = decide(rule, entry.exchange)
    if start is not None and question.at(start, entry.t) != entry.exchange.query:
        differences.append(f"rule {rule.name} at {entry.t}: another query was asked than the rule's")
    then = (entry.verdict, entry.reason, entry.message, entry.value)
    now = (decision.verdict, decision.reason, decision.message, decision.value)
    if then != now:
        differences.append(f"rule {rule.name} at {entry.t}: {then} then, {now} now")
    return decision


def _compare_states(states: Sequence[RuleState], recorded: Sequence[object], differences: list[str]) -> None:
    now = [state.as_json() for state in states]
    if len(now) != len(recorded):
        raise ResultsError(f"the result has {len(recorded)} states for {len(now)} rules")
    for one, then in zip(now, recorded, strict=True):
        if one != then:
            differences.append(f"rule {one['name']}: state {then} then, {one} now")


def _compare_stop(fold: Fold, result: Result, differences: list[str]) -> None:
    window = result.document["window"]
    then, now = (window["stopRule"], window["stopTime"]), (fold.stop_rule, fold.stop_time)
    if then != now:
        differences.append(f"stop: {then} then, {now} now")


def _facts(result: Result, states: Sequence[RuleState], stop_rule: str | None) -> Facts:
    document = result.document
    workload = document.get("workload")
    return Facts(
        cancelled=bool(document["window"]["interrupted"]),
        chain_reason="",
        deadline_passed=False,
        has_load=workload is not None,
        workload=workload["code"] if workload else None,
        workload_reason=workload["reason"] if workload else "",
        rules=states,
        signed_off=not document["window"]["interrupted"],
        stop_rule=stop_rule,
        workload_message=workload["message"] if workload else "",
    )

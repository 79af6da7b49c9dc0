"""
Judges recorded evidence again by the same decisions, the same fold and the same verdict table.

`docs/backtest.md` says what a replay proves and what it does not.
"""

import json
import math
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from validationrun.base.atomic_files import open_regular
from validationrun.contract.result_json import IN_CLUSTER
from validationrun.contract.run_entry import rule_entries
from validationrun.contract.status import rule_status, verdict_conditions
from validationrun.judging.completeness import holes, resumed_rules, since_resume
from validationrun.judging.live.clock_skew import doubted
from validationrun.judging.without_data import unproven
from validationrun.oracle.decide import decide
from validationrun.oracle.decision import Decision
from validationrun.oracle.evidence import Entry
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.memory import Memory
from validationrun.oracle.outcome import CHAIN_REASONS, RunReason, Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.tally import Tally
from validationrun.oracle.ticks import load_seconds
from validationrun.oracle.verdict_table import Facts, RunVerdict, judge
from validationrun.results.evidence import RULES_DIR, summary_document
from validationrun.results.folder import RESULT_JSON, Result, ResultsError, read_result

UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)
_OF_THE_CLUSTER: Final = frozenset(
    {
        RunReason.CANCELLED,
        RunReason.DEADLINE_EXCEEDED,
        RunReason.RESULTS_NOT_STORED,
        RunReason.RECORD_FORGED,
        *CHAIN_REASONS,
    }
)


@dataclass(frozen=True, slots=True)
class Replayed:
    """
    The result of a replay.

    Attributes:
        differences: a line for each difference from the recorded result and for each hole in the evidence.
        notes: a line for each fact that no evidence proves.
    """

    verdict: RunVerdict
    states: list[RuleState]
    stop_rule: str | None
    stop_time: float | None
    differences: list[str]
    notes: list[str] = field(default_factory=list)


def replay_folder(folder: pathlib.Path) -> tuple[Result, Replayed]:
    """
    Replays a results folder and checks its summaries.

    Raises:
        ResultsError: the folder is incomplete or is no results folder.
    """
    try:
        result = read_result(folder)
    except UNREADABLE as error:
        raise _not_ours(error) from None
    replayed = replay(result)
    try:
        replayed.differences.extend(_summaries(folder, result, replayed.states))
    except UNREADABLE as error:
        raise _not_ours(error) from None
    return result, replayed


def replay(result: Result) -> Replayed:
    """
    Decides every recorded exchange again and judges the run by these decisions.

    Raises:
        ResultsError: the evidence is not what this program writes.
    """
    try:
        return _replay(result)
    except UNREADABLE as error:
        raise _not_ours(error) from None


def _not_ours(error: Exception) -> ResultsError:
    return ResultsError(f"{RESULT_JSON} is not as it was written: {type(error).__name__}: {error}")


def _replay(result: Result) -> Replayed:
    document = result.document
    lost = [question.rule.name for question in result.questions if question.rule.name not in result.evidence]
    if lost or (document.mode == IN_CLUSTER and document.window.interrupted):
        status = result.status
        was = f"{status.verdict}, {status.reason}: {status.message}"
        raise ResultsError(
            f"the evaluator left no evidence that counts, so there is nothing to judge again. It was {was}"
        )
    differences = list(holes(result))
    fold = fold_of(result)
    start = document.window.start
    for question in result.questions:
        again = _Again(question, start, fold.states[question.rule.name].memory, differences)
        for entry in since_resume(result.evidence[question.rule.name]):
            decision = again.decide(entry)
            if entry.counted:
                fold.add(decision)
    for decision, counted in fold.advance(math.inf):
        if not counted:
            differences.append(f"rule {decision.rule} at {decision.t}: counted then, not now")
    states = states_of(result, fold)
    _compare_states(states, document.states, differences)
    _compare_stop(fold, result, differences)
    verdict = judge(facts_of(result, states, fold.stop_rule))
    _compare_status(result, verdict, states, differences)
    notes = [*resumed_rules(result), *_trusted(result)]
    return Replayed(verdict, states, fold.stop_rule, fold.stop_time, differences, notes)


def fold_of(result: Result) -> Fold:
    """The fold with which the attempt that signed off began."""
    resumed = [evidence.resumed[0] for evidence in result.evidence.values() if evidence.resumed is not None]
    return Fold.begin([question.rule for question in result.questions], resumed)


def states_of(result: Result, fold: Fold) -> list[RuleState]:
    """Every rule's final state, after the clock check."""
    document = result.document
    interrupted = document.window.interrupted
    window = document.window
    load_s = load_seconds(window.start, window.end, window.cooldown_end)
    closed = fold.closed(ended=window.end is not None, load_s=load_s, interrupted=interrupted)
    return closed if interrupted else unproven(doubted(closed, document.clock), window.no_data or "")


def facts_of(result: Result, states: Sequence[RuleState], stop_rule: str | None) -> Facts:
    """The facts that decide the verdict: the rules as judged now, and the load as recorded."""
    document = result.document
    interrupted = document.window.interrupted
    facts = Facts.without_cluster(states, stop_rule, workload=document.workload, interrupted=interrupted)
    if not _trusted(result):
        return facts
    reason = result.status.reason
    if reason in (RunReason.CANCELLED, RunReason.DEADLINE_EXCEEDED):
        return replace(
            facts,
            cancelled=reason == RunReason.CANCELLED,
            cancelled_how="stopped",
            deadline_passed=reason == RunReason.DEADLINE_EXCEEDED,
        )
    if reason == RunReason.RESULTS_NOT_STORED:
        return replace(facts, not_stored=result.status.message)
    if reason == RunReason.RECORD_FORGED:
        return replace(facts, forged=result.status.message)
    return replace(facts, chain_reason=reason, chain_message=result.status.message)


def _trusted(result: Result) -> list[str]:
    """Notes on a reason that only the run record proves, such as Cancelled or a failed upload. None of them is a pass."""
    status = result.status
    if result.document.mode != IN_CLUSTER or status.reason not in _OF_THE_CLUSTER:
        return []
    return [f"{status.reason} is the run record's word"]


class _Again:
    """Decides the entries of one rule in their order, with the memory that the evaluator had."""

    def __init__(self, question: Question, start: float | None, memory: Memory, differences: list[str]) -> None:
        self._question, self._start, self._differences = question, start, differences
        self._asked = self._counted = memory
        """After the last tick that was asked, and after the last one that counts."""

    def decide(self, entry: Entry) -> Decision:
        rule = self._question.rule
        if entry.exchange is None:
            if entry.verdict != Verdict.FAILED:
                raise ResultsError(f"rule {rule.name} at {entry.t}: a decision without its exchange")
            return Decision(
                rule.name, entry.t, Verdict.FAILED, entry.reason, entry.message, entry.value, final=entry.final,
                memory=self._counted,
            )  # fmt: skip
        start = math.nan if self._start is None else self._start
        decision = decide(self._question, start, entry.exchange, self._counted if entry.final else self._asked)
        if not entry.final:
            self._asked = decision.memory
            self._counted = decision.memory if entry.counted else self._counted
        if self._start is not None and self._question.at(start, entry.t) != entry.exchange.query:
            self._differences.append(f"rule {rule.name} at {entry.t}: another query was asked than the rule's")
        then = (entry.verdict, entry.reason, entry.message, entry.value)
        now = (decision.verdict, decision.reason, decision.message, decision.value)
        if then != now:
            self._differences.append(f"rule {rule.name} at {entry.t}: {then} then, {now} now")
        return decision


def _compare_states(states: Sequence[RuleState], recorded: Sequence[RuleState], differences: list[str]) -> None:
    if len(states) != len(recorded):
        differences.append(f"the result has {len(recorded)} states for {len(states)} rules")
    for now, then in zip(states, recorded, strict=False):
        if now != then:
            differences.append(f"rule {now.name}: state {then.to_data()} then, {now.to_data()} now")


def _compare_stop(fold: Fold, result: Result, differences: list[str]) -> None:
    window = result.document.window
    then, now = (window.stop_rule, window.stop_time), (fold.stop_rule, fold.stop_time)
    if then != now:
        differences.append(f"stop: {then} then, {now} now")


def _compare_status(result: Result, verdict: RunVerdict, states: Sequence[RuleState], differences: list[str]) -> None:
    then = result.status.to_data()
    entries = rule_entries(question.rule for question in result.questions)
    now = {
        "phase": verdict.phase,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "message": verdict.message,
        "failedPlan": verdict.failed_plan,
        "rules": [rule_status(entry, state).to_data() for entry, state in zip(entries, states, strict=True)],
    }
    for name, value in now.items():
        if then[name] != value:
            differences.append(f"{name}: {then[name]!r} then, {value!r} now")
    follows = {condition.type: (condition.status, condition.reason) for condition in verdict_conditions(verdict)}
    said = {
        condition.type: (condition.status, condition.reason)
        for condition in result.status.conditions
        if condition.type in follows
    }
    if said != follows:
        differences.append(f"conditions: {said} then, {follows} now")


def _summaries(folder: pathlib.Path, result: Result, states: Sequence[RuleState]) -> list[str]:
    """Compares each rule's summary file with the summary of its decisions."""
    differences = []
    for question, state in zip(result.questions, states, strict=True):
        rule = question.rule
        tally = Tally(rule)
        for entry in since_resume(result.evidence[rule.name]):
            decision = Decision(rule.name, entry.t, entry.verdict, entry.reason, entry.message, entry.value)
            tally.add(decision, counted=entry.counted)
        name = f"{RULES_DIR}/{rule.name}.json"
        try:
            with open_regular(folder / name) as stream:
                then = json.loads(stream.read())
        except OSError as error:
            differences.append(f"{name} cannot be read: {error.strerror}")
        except ValueError:
            differences.append(f"{name} is not JSON; it was cut or changed")
        else:
            if then != json.loads(json.dumps(summary_document(rule, state, tally.summary()))):
                differences.append(f"{name} is not what the decisions add up to")
    return differences

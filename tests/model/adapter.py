"""
Plays a timeline through the real engine, as a live evaluator would meet it.

Answers come in any order, the engine is told at odd moments how far all is settled, ticks beyond the end are asked
because the end is learned late, and now and then the evaluator dies and goes on from the record. None of this may
change the outcome, so each timeline is played with a chance of its own.
"""

from __future__ import annotations

import functools
import json
import math
import random
from collections.abc import Iterator

from validationrun.judging.further_requests import completed
from validationrun.oracle.decide import decide
from validationrun.oracle.decision import Decision, is_worth_a_retry
from validationrun.oracle.exchange import Exchange, Reply
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.question import Question
from validationrun.oracle.rules.rule_type import Request
from validationrun.oracle.ticks import load_seconds, ticks
from validationrun.oracle.verdict_table import Facts, RunVerdict, judge
from validationrun.oracle.workload import KILLED, SIGTERM_IGNORED, Shard, aggregate, early_end
from validationrun.spec.v1alpha1 import Rule as SpecRule

from .brute_force import (
    Answer,
    Outcome,
    Rule,
    RuleOutcome,
    RunOutcome,
    Timeline,
    cooldown_end,
    of_shard,
    rule_end,
    window_end,
)
from .facts import ANSWERED, SENT
from .wire import ALERT, REFUSED, first_reply, further_reply, refused

EXIT_CODES = {"Passed": 0, "Failed": 1}
VALUES = {"chainId": "nightly-1", "runId": "nightly-x", "namespace": "eng-ada"}


def query_text(rule: Rule) -> str:
    series = 'up{chain_id="${chainId}"}' if rule.aggregates else "up"
    series = f"max_over_time({series}[{rule.range_s}s])" if rule.range_s else series
    return f"sum({series})" if rule.aggregates else series


@functools.lru_cache(maxsize=4096)
def spec_rule(rule: Rule) -> SpecRule:
    """The rule as a user writes it."""
    compared: dict[str, object] = {"op": rule.op, "threshold": rule.threshold, "maxAge": f"{rule.max_age}s"}
    if rule.series_min is not None:
        compared["series"] = {"min": rule.series_min, "onMissing": rule.on_missing}
    matchers = {"": [], "=": [{"name": "pod", "op": "=", "value": "ours"}]}.get(
        rule.matcher, [{"name": "pod", "op": "!=", "value": "other"}]
    )
    reference = {"name": "alerts", "namespace": "monitoring", "alertname": ALERT}
    alert = {
        "ruleRef": reference, "matchers": matchers, "pending": rule.pending, "requireSeries": rule.require_series,
    }  # fmt: skip
    body = {
        "query": {"promql": query_text(rule), **compared},
        "counter": {"selector": "requests_total", "alive": "up", **compared},
        "alert": alert,
    }[rule.type]
    properties = {
        "interval": f"{rule.interval}s",
        "startAfter": f"{rule.start_after}s",
        "finalSweep": rule.final_sweep,
        "stopOnFailure": rule.stop_on_failure,
        "retry": rule.retry,
        "minCoverage": rule.min_coverage,
        "until": "Cooldown" if rule.until_cooldown else "LoadEnd",
    }
    written = {"name": rule.name, "type": rule.type, rule.type: body, "runProperties": properties}
    return SpecRule.model_validate(written)


@functools.lru_cache(maxsize=4096)
def question_of(rule: Rule) -> Question:
    return Question.of(spec_rule(rule), VALUES)


def exchange(
    rule: Rule, start: float, t: float, answer: Answer, *, final: bool, memory: Memory = NOTHING_REMEMBERED
) -> Exchange:
    """All that the rule's type asks for, and what came back."""
    question = question_of(rule)
    if answer[0] == "error" and answer[1] in REFUSED:
        return Exchange(rule.name, t, final, t + SENT, t + ANSWERED, question.at(start, t), refused=refused(answer[1]))
    reply = first_reply(rule, start, t, answer)
    asked = Exchange(rule.name, t, final, t + SENT, t + ANSWERED, question.at(start, t), reply=reply)

    def send(request: Request) -> Reply:
        return further_reply(rule, start, t, answer, request)

    return completed(question.context(start), asked, memory, set(), send)


def decision_of(
    rule: Rule, start: float, t: float, answer: Answer, *, final: bool = False, memory: Memory = NOTHING_REMEMBERED
) -> Decision:
    return decide(question_of(rule), start, exchange(rule, start, t, answer, final=final, memory=memory), memory)


# A live evaluator in small


class Player:
    """One evaluator, and the record that outlives it."""

    def __init__(self, timeline: Timeline, rng: random.Random) -> None:
        self.timeline = timeline
        self.rng = rng
        self.rules = [spec_rule(rule) for rule in timeline.rules]
        self.end, self.cooled = window_end(timeline), cooldown_end(timeline)
        # Beyond this nothing counts that is no final sweep; what the load was seen running until, or its end.
        self.open_until = self.opened(self.end)
        self.intent: Decision | None = None
        self.recorded: list[dict[str, object]] = []
        self.begin()

    def opened(self, end: float | None) -> float:
        """Until when the window is seen open that ends then."""
        until = self.timeline.asked_until if end is None else math.nextafter(end, -math.inf)
        return until if self.timeline.lost_after is None else min(until, self.timeline.lost_after)

    def begin(self) -> None:
        """From what the record holds."""
        states = [RuleState.from_data(one) for one in json.loads(json.dumps(self.recorded))]
        self.fold = Fold.begin(self.rules, states)
        if self.intent is not None and self.fold.stop_time is None:
            self.fold.add(self.intent)
        self.memories = [self.fold.states[rule.name].memory for rule in self.rules]
        self.outstanding = [(t, i) for i in range(len(self.rules)) for t in self.coming(i)]

    def coming(self, index: int) -> Iterator[float]:
        start, until = self.timeline.start, float(self.timeline.asked_until)
        if self.timeline.rules[index].until_cooldown and self.cooled is not None:
            until = max(until, self.cooled)
        if start is None:
            return
        last = self.fold.states[self.rules[index].name].last_t
        for t in ticks(self.rules[index], start, start if last is None else last):
            if t > until:
                return
            yield t

    def answer(self, index: int, t: float) -> Decision:
        start, rule = self.timeline.start, self.timeline.rules[index]
        assert start is not None
        answers = self.timeline.ticks[index]
        k = round((t - start) / rule.interval)
        decision = decision_of(rule, start, t, answers[min(k, len(answers)) - 1], memory=self.memories[index])
        self.memories[index] = decision.memory
        return decision

    def is_intent(self, decision: Decision, rule: Rule) -> bool:
        """A failure for which the load is stopped. In a cooldown it is known which rules are judged no more."""
        stops = decision.verdict == "Failed" and rule.stop_on_failure
        end = rule_end(self.timeline, rule)
        return stops and (self.cooled is None or end is None or decision.t < end)

    def settled(self) -> float:
        """As far as every decision is known and counts."""
        limit = self.open_until
        if self.outstanding:
            limit = min(limit, math.nextafter(min(self.outstanding)[0], -math.inf))
        return limit if self.intent is None else min(limit, self.intent.t)

    def advance(self, until: float) -> None:
        self.fold.advance(until)
        self.recorded = [self.fold.states[rule.name].to_data() for rule in self.rules]

    def run(self) -> None:
        restarts = self.rng.choice((0, 0, 1, 3))
        orderly = self.rng.random()
        while self.outstanding:
            self.outstanding.sort()
            place = 0 if self.rng.random() < orderly else self.rng.randrange(len(self.outstanding))
            # One rule's ticks are asked one after the other.
            t, index = min(one for one in self.outstanding if one[1] == self.outstanding[place][1])
            self.outstanding.remove((t, index))
            decision = self.answer(index, t)
            self.fold.add(decision)
            if self.is_intent(decision, self.timeline.rules[index]):
                # The intent is the first failure that is answered; later ticks are asked no more.
                self.intent = self.intent or decision
                if self.rng.random() < 0.7:
                    self.outstanding = [one for one in self.outstanding if one[0] <= self.intent.t]
            if self.rng.random() < 0.5:
                self.advance(self.settled() - self.rng.choice((0, 0, 0, 1, 5)))
            if restarts and self.rng.random() < 0.2:
                restarts -= 1
                self.begin()
        # An intent that proves to lie behind the end was none: every tick before the end was asked by then.
        self.advance(self.open_until)
        self.sweep(self.end, goes_on=self.cooled is not None)
        if self.cooled is not None and self.fold.stop_time is None:
            self.advance(self.opened(self.cooled))
            self.sweep(self.cooled, goes_on=False)
        if restarts:
            self.begin()
            self.fold.drop()

    def sweep(self, end: float | None, *, goes_on: bool) -> None:
        """Of the rules that end then, unless a rule stopped the run, nobody knows the end, or the evaluator is gone."""
        lost = self.timeline.lost_after
        if end is None or self.fold.stop_time is not None or (lost is not None and (lost < end or not goes_on)):
            return
        ending = [i for i, rule in enumerate(self.timeline.rules) if rule_end(self.timeline, rule) == end]
        self.fold.drop(end, {self.rules[i].name for i in ending})
        swept = [i for i in ending if self.timeline.rules[i].final_sweep]
        self.rng.shuffle(swept)
        for index in swept:
            self.fold.add(self.swept(index, end))
        self.advance(end)

    def swept(self, index: int, end: float) -> Decision:
        """The last of up to retry + 1 answers."""
        rule, answers = self.timeline.rules[index], self.timeline.sweeps[index]
        start, memory = self.timeline.start or 0, self.fold.states[rule.name].memory
        for attempt in range(rule.retry + 1):
            answer = answers[min(attempt, len(answers) - 1)]
            decision = decision_of(rule, start, end, answer, final=True, memory=memory)
            if not is_worth_a_retry(decision):
                break
        return decision


def shard_of(timeline: Timeline, index: int, start: float) -> Shard:
    code, ignored = timeline.codes[index], of_shard(timeline.ignored, index)
    began = start - of_shard(timeline.began_before, index)
    reason = SIGTERM_IGNORED if ignored and code == KILLED else ""
    return Shard(index, code, reason, began, began + of_shard(timeline.lasted, index))


def facts_of(timeline: Timeline, fold: Fold, rules: list[RuleState], *, signed_off: bool) -> Facts:
    workload = None
    if timeline.has_load:
        # A shard without a code may have left a trace, or none.
        codes, start = timeline.codes, float(timeline.start or 0)
        shards = [shard_of(timeline, index, start) for index, code in enumerate(codes) if code is not None or index % 2]
        workload = aggregate(shards, len(codes), job_complete=timeline.job_complete, failed_codes=timeline.failed_codes)
        if timeline.load_reason is not None:
            workload = 2
        signal_at = None if timeline.signal_after is None else start + timeline.signal_after
    early = early_end(shards, timeline.min_seconds, 1.0, signal_at) if workload == 0 else None
    return Facts(
        cancelled=timeline.cancelled,
        chain_reason=timeline.chain_reason or "",
        deadline_passed=timeline.deadline_passed,
        has_load=timeline.has_load,
        workload=workload,
        workload_reason=timeline.load_reason or "",
        rules=rules,
        signed_off=signed_off,
        stop_rule=fold.stop_rule,
        not_stored="no upload" if timeline.not_stored else "",
        workload_early=early.at if early is not None else None,
        forged="a verdict stood" if timeline.forged else "",
    )


def run_outcome(found: RunVerdict) -> RunOutcome:
    code = EXIT_CODES.get(found.verdict, 2)
    return RunOutcome(found.phase, found.verdict, found.reason, found.failed_plan, code)


def rule_outcome(state: RuleState) -> RuleOutcome:
    return RuleOutcome(state.name, state.verdict, state.reason or None, state.failed_t)


def play(timeline: Timeline, rng: random.Random) -> Outcome:
    """What the engine makes of a timeline."""
    player = Player(timeline, rng)
    player.run()
    signed_off = timeline.lost_after is None and player.end is not None
    # An evaluator that is gone leaves what the record holds; one that knows no end has nothing to sign.
    fold = player.fold
    stopped = fold.stop_time is not None and player.end is not None and fold.stop_time < player.end
    load_s = load_seconds(timeline.start, player.end, None if stopped else player.cooled)
    states = fold.closed(load_s=load_s) if signed_off else list(fold.states.values())
    run = run_outcome(judge(facts_of(timeline, fold, states, signed_off=signed_off)))
    return Outcome(tuple(map(rule_outcome, states)), fold.stop_time, fold.stop_rule, run)

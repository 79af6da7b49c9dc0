"""
Plays a timeline through the real engine, as a live evaluator would meet it.

Answers come in any order, the engine is told at odd moments how far all is settled, ticks beyond the end are asked
because the end is learned late, and now and then the evaluator dies and goes on from the record. None of this may
change the outcome, so each timeline is played with a chance of its own.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import math
import random
from collections.abc import Iterator

from validationrun.oracle.decide import decide
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Exchange, Fault, Reply
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.question import Question
from validationrun.oracle.ticks import ticks
from validationrun.oracle.verdict_table import Facts, RunVerdict, judge
from validationrun.oracle.workload import Shard, aggregate, early_end
from validationrun.spec.v1alpha1 import Rule as SpecRule

from .brute_force import Answer, Outcome, Rule, RuleOutcome, RunOutcome, Timeline, window_end

ALERT = "ChainBroken"
EXIT_CODES = {"Passed": 0, "Failed": 1}


@functools.lru_cache(maxsize=4096)
def spec_rule(rule: Rule) -> SpecRule:
    """The rule as a user writes it."""
    body = (
        {
            "query": {
                "promql": f"max_over_time(up[{rule.range_s}s])" if rule.range_s else "up",
                "op": rule.op,
                "threshold": rule.threshold,
            }
        }
        if rule.type == "query"
        else {"alert": {"ruleRef": {"name": "alerts", "namespace": "monitoring", "alertname": ALERT}}}
    )
    properties = {
        "interval": f"{rule.interval}s",
        "startAfter": f"{rule.start_after}s",
        "finalSweep": rule.final_sweep,
        "stopOnFailure": rule.stop_on_failure,
        "retry": rule.retry,
        "minCoverage": rule.min_coverage,
    }
    return SpecRule.model_validate({"name": rule.name, "type": rule.type, **body, "runProperties": properties})


# Answers as Prometheus sends them


def ok(kind: str, result: object, **more: object) -> Reply:
    return Reply(
        200, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode(), None
    )


def vector(t: float, values: tuple[str, ...], **more: object) -> Reply:
    result = [{"metric": {"pod": f"node-{index}"}, "value": [t, value]} for index, value in enumerate(values)]
    return ok("vector", result, **more)


def rules_page(evaluated: float, name: str, health: str) -> Reply:
    """`/api/v1/rules` with one alert of a group that is evaluated every second; it selects no series."""
    when = dt.datetime.fromtimestamp(evaluated, dt.UTC).isoformat()
    rule = {
        "type": "alerting",
        "name": name,
        "query": "vector(1)",
        "duration": 0,
        "health": health,
        "lastEvaluation": when,
    }
    group = {"name": "g", "interval": 1, "rules": [rule]}
    return Reply(200, json.dumps({"status": "success", "data": {"groups": [group]}}).encode(), None)


def proof(t: float, *, good: bool) -> Reply | None:
    """What shows that the alert runs; or one of the things that do not show it."""
    if good:
        return rules_page(t, ALERT, "ok")
    return (
        None,
        rules_page(t, "Another", "ok"),
        rules_page(t, ALERT, "err"),
        rules_page(t + 406, ALERT, "ok"),
    )[int(t) % 4]


def with_proof(t: float, *, good: bool) -> dict[str, Reply]:
    reply = proof(t, good=good)
    return {} if reply is None else {"proof": reply}


def error_parts(rule: Rule, t: float, reason: str) -> dict[str, object]:
    """What makes an answer this Error: on the wire where the wire can say it."""
    if reason == "PrometheusUnavailable":
        return {"reply": Reply(503, b"no upstream", None)}
    if reason == "BadQuery":
        body = b'{"status":"error","errorType":"bad_data","error":"parse error"}'
        return {"reply": (Reply(400, body, None), ok("string", [t, "1"]), ok("matrix", []))[int(t) % 3]}
    if reason == "PartialResponse":
        # The samples are there, good ones and bad ones; the warning alone spoils them.
        values = ((), ("0",), ("1",))[int(t) % 3]
        return {"reply": vector(t, values, warnings=["a store did not answer"]), "others": with_proof(t, good=True)}
    if reason in {"PrometheusRuleNotFound", "CrossNamespaceForbidden", "RBACDenied"}:
        return {"refused": Fault(reason, "refused")}
    return {"reply": Reply(None, b"", Fault(reason, "no answer"))}


def exchange(rule: Rule, t: float, answer: Answer, *, final: bool) -> Exchange:
    kind, content = answer
    parts: dict[str, object]
    if kind == "error":
        parts = error_parts(rule, t, content)
    elif kind == "scalar":
        parts = {"reply": ok("scalar", [t, content])}
    elif kind == "values":
        parts = {"reply": vector(t, content)}
    elif kind == "fired":
        parts = {"reply": vector(t, ("1",) * content), "others": with_proof(t, good=False)}
    else:
        parts = {"reply": vector(t, ()), "others": with_proof(t, good=content)}
    return Exchange(rule.name, t, final, t, t + 400, "up", **parts)  # type: ignore[arg-type]


@functools.lru_cache(maxsize=4096)
def question_of(rule: Rule) -> Question:
    return Question.of(spec_rule(rule), {})


def decision_of(rule: Rule, start: float, t: float, answer: Answer, *, final: bool = False) -> Decision:
    return decide(question_of(rule), start, exchange(rule, t, answer, final=final))


# A live evaluator in small


class Player:
    """One evaluator, and the record that outlives it."""

    def __init__(self, timeline: Timeline, rng: random.Random) -> None:
        self.timeline = timeline
        self.rng = rng
        self.rules = [spec_rule(rule) for rule in timeline.rules]
        self.end = window_end(timeline)
        # Beyond this nothing counts that is no final sweep; what the load was seen running until, or its end.
        self.open_until = timeline.asked_until if self.end is None else math.nextafter(self.end, -math.inf)
        if timeline.lost_after is not None:
            self.open_until = min(self.open_until, timeline.lost_after)
        self.intent: Decision | None = None
        self.recorded: list[dict[str, object]] = []
        self.begin()

    def begin(self) -> None:
        """From what the record holds."""
        states = [RuleState.from_data(one) for one in json.loads(json.dumps(self.recorded))]
        self.fold = Fold.begin(self.rules, states)
        if self.intent is not None and self.fold.stop_time is None:
            self.fold.add(self.intent)
        self.outstanding = [(t, i) for i in range(len(self.rules)) for t in self.coming(i)]

    def coming(self, index: int) -> Iterator[float]:
        start, until = self.timeline.start, self.timeline.asked_until
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
        return decision_of(rule, start, t, answers[min(k, len(answers)) - 1])

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
            t, index = self.outstanding.pop(place)
            decision = self.answer(index, t)
            self.fold.add(decision)
            if decision.verdict == "Failed" and self.timeline.rules[index].stop_on_failure:
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
        self.sweep()
        if restarts:
            self.begin()
            self.fold.drop()

    def sweep(self) -> None:
        """At the end, unless a rule stopped the run, nobody knows the end, or the evaluator is gone."""
        if self.end is None or self.fold.stop_time is not None or self.timeline.lost_after is not None:
            return
        self.fold.drop(self.end)
        swept = [i for i, rule in enumerate(self.timeline.rules) if rule.final_sweep]
        self.rng.shuffle(swept)
        for index in swept:
            self.fold.add(self.swept(index, self.end))
        self.advance(self.end)

    def swept(self, index: int, end: float) -> Decision:
        """The last of up to retry + 1 answers."""
        rule, answers = self.timeline.rules[index], self.timeline.sweeps[index]
        for attempt in range(rule.retry + 1):
            decision = decision_of(
                rule, self.timeline.start or 0.0, end, answers[min(attempt, len(answers) - 1)], final=True
            )
            if decision.verdict != "Error":
                break
        return decision


def facts_of(timeline: Timeline, fold: Fold, rules: list[RuleState], *, signed_off: bool) -> Facts:
    workload = None
    if timeline.has_load:
        # A shard without a code may have left a trace, or none.
        codes, start = timeline.codes, float(timeline.start or 0)
        shards = [
            Shard(index, code, "", start, start + timeline.lasted[min(index, len(timeline.lasted) - 1)])
            for index, code in enumerate(codes)
            if code is not None or index % 2
        ]
        workload = aggregate(shards, len(codes), job_complete=timeline.job_complete, failed_codes=timeline.failed_codes)
        if timeline.load_reason is not None:
            workload = 2
    early = early_end(shards, timeline.min_seconds, 1.0) if workload == 0 else None
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
    states = player.fold.closed() if signed_off else list(player.fold.states.values())
    fold = player.fold
    run = run_outcome(judge(facts_of(timeline, fold, states, signed_off=signed_off)))
    return Outcome(tuple(map(rule_outcome, states)), fold.stop_time, fold.stop_rule, run)

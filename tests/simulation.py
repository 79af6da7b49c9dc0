"""
A whole run in simulated time: the real driver, engine and verdict table; Prometheus is a function of query and T.

    outcome = simulate([rule("a", "x")], answer=lambda promql, t: vector("1"), load_seconds=60)
"""

import concurrent.futures
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import replies
from replay_kit import assert_replay_agrees
from validationrun.base.times import format_time
from validationrun.judging.live.loop import Evaluation
from validationrun.judging.live.rule_query import Asker
from validationrun.judging.live.window import Window
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.question import Question
from validationrun.oracle.verdict_table import Facts, RunVerdict, judge
from validationrun.oracle.workload import Shard, aggregate
from validationrun.results.judgement import Judgement
from validationrun.spec.v1alpha1 import Rule

START = 1_795_000_000.0
LEARNED_LATER_SECONDS = 3.0


def query_rule(name: str, promql: str = "x", op: str = ">", threshold: str = "0", **properties: Any) -> Rule:
    query = {"promql": promql, "op": op, "threshold": threshold}
    run_properties = {"interval": "10s", **properties}
    return Rule.model_validate({"name": name, "type": "query", "query": query, "runProperties": run_properties})


def alert_rule(name: str, alertname: str = "Down", **properties: Any) -> Rule:
    body = {"ruleRef": {"name": "alerts", "namespace": "eng-ada", "alertname": alertname}}
    run_properties = {"interval": "10s", **properties}
    return Rule.model_validate({"name": name, "type": "alert", "alert": body, "runProperties": run_properties})


def at_once(function: Callable[..., Any], *arguments: Any) -> "concurrent.futures.Future[Any]":
    """Stands for `in_background`: answers come at once, because slow ones are played in tests/model."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    future.set_result(function(*arguments))
    return future


@dataclass
class SimulatedControl:
    """Time passes only when somebody sleeps. The load runs from START, ends at `end`, and that is learned a little later."""

    end: float | None
    learned: float
    settle_s: float = 5.0
    dies_within: float = 2.0
    cut: bool = False
    time: float = START
    stops: list[Decision] = field(default_factory=list)
    saved: list[list[RuleState]] = field(default_factory=list)
    evidence: list[tuple[Decision, bool]] = field(default_factory=list)
    interrupt_at: float = float("inf")
    cooldown: float = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += max(seconds, 0.01)
        if self.time > START + 200_000:
            raise AssertionError("this evaluation would never end")

    def look(self) -> Window:
        if self.end is not None and self.time >= self.learned:
            cooldown_end = self.end + self.cooldown if self.cooldown and not self.cut else None
            return Window(START, self.end, self.end, cooldown_end, over=True, cut=self.cut)
        seen = self.time - LEARNED_LATER_SECONDS
        return Window(START, min(seen, self.end) if self.end is not None else seen)

    def interrupted(self) -> bool:
        return self.time >= self.interrupt_at

    def answered(self, decision: Decision) -> None:
        pass

    def settled(self, decision: Decision, *, counted: bool) -> None:
        self.evidence.append((decision, counted))

    def stop(self, decision: Decision) -> None:
        self.stops.append(decision)
        if self.end is None or self.time < self.end:
            # The load goes down a moment after it is told to.
            # Its containers' time is cut to the second, and the window ends a second before.
            gone = self.time + self.dies_within
            self.end, self.learned, self.cut = int(gone) - 1.0, gone + LEARNED_LATER_SECONDS, True
            # As the steps do: the breach stays in the window.
            self.end = max(self.end, decision.t)

    def save(self, states: Sequence[RuleState]) -> None:
        self.saved.append(copy.deepcopy(list(states)))


def is_about_age(promql: str) -> bool:
    """Whether this asks for the newest sample, which is as new as can be here."""
    return "timestamp(" in promql


def counts_series(promql: str) -> bool:
    """Whether this counts what lies under the aggregation of a rule's query."""
    return '"validationrun", "pods' in promql


class SimulatedPrometheus:
    """Answers by a function of the query and of T, in seconds since START."""

    def __init__(self, answer: Callable[[str, float], Reply], loaded: Callable[[str], Reply]) -> None:
        self._answer = answer
        self._loaded = loaded

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply:
        del timeout_s
        assert t is not None
        if is_about_age(promql):
            return replies.vector(f"{t}", t=t)
        return replies.asked_at(self._answer(promql, t - START), t)

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        del timeout_s
        return self._loaded(alertname)


@dataclass(frozen=True)
class Outcome:
    judgement: Judgement
    control: SimulatedControl
    verdict: RunVerdict

    @property
    def rules(self) -> dict[str, tuple[str, str]]:
        return {state.name: (state.verdict, state.reason) for state in self.judgement.states}

    @property
    def asked(self) -> list[tuple[str, float]]:
        """Rule and T, in seconds since START, of all that was answered."""
        return [(decision.rule, decision.t - START) for decision, _ in self.control.evidence]


def simulate(
    rules: Sequence[Rule],
    answer: Callable[[str, float], Reply],
    *,
    load_seconds: float | None = 60,
    codes: Sequence[int | None] = (0,),
    loaded: Callable[[str], Reply] | None = None,
    signed_off: bool = True,
    skew_s: float = 0.0,
    interrupt_after: float = float("inf"),
    settle_s: float = 5.0,
    dies_within: float = 2.0,
    cooldown_seconds: float = 0.0,
) -> Outcome:
    """
    A run in simulated time. Its evidence, read back, must be judged as the run was.

    Args:
        load_seconds: how long the load runs; None until a rule stops it.
        codes: of the shards, for the verdict.
        loaded: the heartbeat by alert; fresh and healthy when it is not given.
        cooldown_seconds: how long the run is judged after a load that no rule stopped.
        dies_within: seconds from the stop to the load's end.
        signed_off: False plays an evaluator that was lost after all of this.
    """
    end = START + load_seconds if load_seconds is not None else None
    control = SimulatedControl(
        end,
        (end or 0) + LEARNED_LATER_SECONDS,
        settle_s,
        dies_within,
        interrupt_at=START + interrupt_after,
        cooldown=cooldown_seconds,
    )
    beat = loaded or (lambda alertname: replies.loaded(alertname, format_time(control.now())))
    prometheus = SimulatedPrometheus(answer, beat)
    values = {"chainId": "nightly-0f8fad5b", "namespace": "eng-ada", "runId": "nightly-x7k2p"}
    questions = [Question.of(rule, values) for rule in rules]
    askers = [Asker(question, prometheus, now=control.now) for question in questions]

    def clock(timeout_s: float, t: float | None = None) -> float | Fault:
        del timeout_s
        return control.now() + skew_s if t is None else t

    with mock.patch("validationrun.judging.live.loop.in_background", at_once):
        judgement = Evaluation(control, askers, Fold.begin(rules), clock).run()
    shards = [Shard(index, code) for index, code in enumerate(codes)]
    stopped = judgement.stop_rule is not None
    workload = None if stopped else aggregate(shards, len(codes), job_complete=set(codes) == {0})
    assert_replay_agrees(questions, judgement, control.evidence, workload)
    facts = Facts(
        cancelled=False,
        chain_reason="",
        deadline_passed=False,
        has_load=True,
        workload=workload,
        workload_reason="",
        rules=judgement.states if signed_off else None,
        signed_off=signed_off and not judgement.interrupted,
        stop_rule=judgement.stop_rule if signed_off else None,
    )
    return Outcome(judgement, control, judge(facts))

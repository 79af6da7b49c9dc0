"""
Plays a world for a starter: the product's live evaluation, on a clock that is moved instead of waited for.

A real Prometheus gets each sample when it could be seen, and answers every question.
"""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock

from tests.worlds.alerting import Alerting, Written
from tests.worlds.samples import scraped, shown, span
from tests.worlds.starter import Starter
from tests.worlds.world import PrometheusFault, System, World

from simulation import at_once
from validationrun.judging.live.loop import BEAT_SECONDS, Evaluation
from validationrun.judging.live.rule_query import Asker
from validationrun.judging.live.window import Window
from validationrun.judging.ruletest.remote_write import label_bytes
from validationrun.judging.ruletest.server import PrivatePrometheus
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.outcome import RuleReason, RunReason
from validationrun.oracle.verdict_table import Facts, RunVerdict, judge
from validationrun.oracle.workload import ASSERTION_FAILED, PASSED, Shard, Workload, aggregate, early_end

_APART: Final = 10 * 24 * 3600
"""Worlds share a Prometheus: each lives ten days after the one before it, and no rule looks back as far."""

_FIRST: Final = 1_000_000_000
_MOST_WRITTEN: Final = 50_000
_SETTLE: Final = 5.0
_LEARNED: Final = 3.0
_AFTER: Final = 120
_WHOLE_SECONDS: Final = 1.0
"""Kubernetes gives a container's times in whole seconds."""
_PAIR_APART: Final = 7
_GONE: Final = Reply(None, b"", Fault(RuleReason.PROMETHEUS_UNAVAILABLE, "connection refused"))
_FAILING: Final = Reply(503, b"made by a world", None)

_numbers = itertools.count()


@dataclass(frozen=True)
class Played:
    """What a run in a world came to."""

    verdict: RunVerdict
    states: Sequence[RuleState]

    @property
    def reasons(self) -> set[str]:
        """Of the run, and of its rules that are not Passed."""
        return {str(self.verdict.reason), *(str(state.reason) for state in self.states if state.verdict != "Passed")}

    @property
    def cell(self) -> str:
        """The verdict, and the first rules that are not Passed, as `Failed height-advances (ThresholdViolated)`."""
        speaking = [f"{state.name} {state.reason}" for state in self.states if state.verdict != "Passed"]
        return f"{self.verdict.verdict} {self.verdict.reason}: {', '.join(speaking) or 'all rules passed'}"


def play(system: System, world: World, starter: Starter, servers: Sequence[PrivatePrometheus]) -> Played:
    """
    Args:
        servers: two Prometheis. The second one is for a world that has two.
    """
    life = _Life(system, world, starter, servers, _FIRST + next(_numbers) * _APART)
    control = _Control(life)
    askers = [Asker(question, life, now=control.now) for question in starter.questions()]
    rules = [asker.question.rule for asker in askers]
    with mock.patch("validationrun.judging.live.loop.in_background", at_once):
        judgement = Evaluation(control, askers, Fold.begin(rules), life.clock).run()
    facts = Facts.without_cluster(
        judgement.states, judgement.stop_rule, workload=_workload(life) if judgement.stop_rule is None else None
    )
    return Played(judge(facts), judgement.states)


def _workload(life: "_Life") -> Workload | None:
    """How the load ended by itself, judged as on a cluster."""
    plan = life.starter.load
    if plan is None:
        return None
    shards = [
        Shard(index, code, started=life.start, finished=life.start + lasted + 1)
        for index, (code, lasted) in enumerate(_ends(life))
    ]
    clean = all(shard.code == 0 for shard in shards)
    code = aggregate(shards, plan.shards, job_complete=clean, failed_codes=plan.failed_codes)
    signal_at = life.start + life.starter.seconds if plan.end_by == "Signal" else None
    early = early_end(shards, plan.min_seconds, _WHOLE_SECONDS, signal_at) if code == PASSED else None
    if early is None:
        return Workload(code, "", "")
    return Workload(code, RunReason.LOAD_ENDED_EARLY, early.message, early.at)


def _ends(life: "_Life") -> list[tuple[int, int]]:
    """By load pod, its exit code and how many seconds it lasted. A run without load lasts as long as it is planned."""
    starter = life.starter
    pods = starter.load.shards if starter.load is not None else 1
    return [life.world.load.of(pod, starter.seconds) for pod in range(pods)]


class _Server:
    """A Prometheus and the samples that it has not got yet."""

    def __init__(
        self, prometheus: PrivatePrometheus, labels: Sequence[bytes], coming: Iterator[tuple[int, int, Any]]
    ) -> None:
        self.prometheus = prometheus
        self._labels = labels
        self._coming = sorted(coming, key=lambda one: one[:2])
        self._next = 0

    def feed(self, until: float, *, appends: bool) -> None:
        while self._next < len(self._coming) and self._coming[self._next][0] <= until:
            by_series: dict[int, list[tuple[int, Any]]] = {}
            for t, index, value in itertools.islice(self._coming, self._next, self._next + _MOST_WRITTEN):
                if t > until:
                    break
                by_series.setdefault(index, []).append((t, value))
                self._next += 1
            if appends:
                self.prometheus.write([(self._labels[index], samples) for index, samples in by_series.items()])

    def write(self, written: Sequence[Written]) -> None:
        # One request a sample: a series may be marked stale and go on in one evaluation.
        for labels, t, value in written:
            self.prometheus.write([(label_bytes(labels), [(t, value)])])


class _Life:
    """Time in a world, and what its Prometheus says. Its own times are Unix seconds."""

    def __init__(
        self, system: System, world: World, starter: Starter, servers: Sequence[PrivatePrometheus], start: int
    ) -> None:
        self.start = start
        self.starter = starter
        self.world = world
        self.now = float(start)
        self._fed = -math.inf
        begins, ends = -system.history, starter.seconds + starter.cooldown + _AFTER
        series = shown(system, world, starter)
        labels = [label_bytes(one.labels) for one in series]

        def samples(late: int) -> Iterator[tuple[int, int, Any]]:
            for index, one in enumerate(series):
                for sample in scraped(one, starter, world, begins, ends, late):
                    yield start + sample.t, index, sample.value

        self._servers = [_Server(servers[0], labels, samples(0))]
        if any(fault.is_ in ("pair", "replaced") for fault in world.prometheus):
            self._servers.append(_Server(servers[1], labels, samples(_PAIR_APART)))
        judged_by_alert = any(rule.alert is not None for rule in starter.run.spec.rules)
        groups = (system.alerts if world.alerts is None else world.alerts) if judged_by_alert else []
        self._alerting = Alerting(groups, start + begins)
        self._asked = 0

    def move(self, to: float) -> None:
        """What happens until then."""
        while (due := self._alerting.due()) <= to:
            self._feed(due)
            server = self._server(due)
            written = self._alerting.evaluate(None if self._is("down", due) else server.prometheus.ask)
            if not self._is("deaf", due):
                server.write(written)
        self.now = to

    def clock(self, timeout_s: float, t: float | None = None) -> float | Fault:
        del timeout_s
        if self._is("down", self.now):
            return Fault(RuleReason.PROMETHEUS_UNAVAILABLE, "connection refused")
        return self.now + self.world.clock if t is None else t

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply:
        return self._answer(lambda prometheus: prometheus.query(promql, t, timeout_s))

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        del timeout_s
        return self._answer(lambda _: self._alerting.reply(alertname))

    def _answer(self, ask: Any) -> Reply:
        self._feed(self.now)
        self._asked += 1
        if self._is("down", self.now):
            return _GONE
        if self._is("failing", self.now):
            return _FAILING
        reply: Reply = ask(self._server(self.now).prometheus.ask)
        if self._is("partial", self.now):
            return _with(reply, isPartial=True)
        if self._is("warned", self.now):
            return _with(reply, warnings=["a store was not reached"])
        return reply

    def _server(self, t: float) -> _Server:
        """The one that answers now."""
        second = self._is("replaced", t) or (self._is("pair", t) and self._asked % 2)
        return self._servers[-1] if second else self._servers[0]

    def _feed(self, until: float) -> None:
        """In steps that end where a fault begins or ends, so that what comes meanwhile is lost."""
        edges = {edge for fault in self.world.prometheus for edge in self._span(fault) if self._fed < edge < until}
        for to in [*sorted(edges), until]:
            at = to - 0.5
            appends = not (self._is("down", at) or self._is("deaf", at))
            replaced = self._is("replaced", at)
            for index, server in enumerate(self._servers):
                pair = self._is("pair", at)
                server.feed(to, appends=appends and (pair or (index == 1) == replaced))
        self._fed = until

    def _is(self, kind: str, t: float) -> bool:
        return any(
            fault.is_ == kind and self._span(fault)[0] <= t < self._span(fault)[1] and self._strikes(fault)
            for fault in self.world.prometheus
        )

    def _strikes(self, fault: PrometheusFault) -> bool:
        return self._asked % fault.every == 0

    def _span(self, fault: PrometheusFault) -> tuple[float, float]:
        begins, ends = span(fault.from_, fault.until, self.starter)
        return self.start + begins, self.start + ends


def _with(reply: Reply, **more: Any) -> Reply:
    return Reply(reply.status, json.dumps({**json.loads(reply.body), **more}).encode(), None)


@dataclass
class _Control:
    """What an evaluation has around it. Time passes when it sleeps."""

    life: _Life
    settle_s: float = _SETTLE
    end: float = field(init=False)
    cut: bool = False

    def __post_init__(self) -> None:
        self.end = self.life.start + max(lasted for _, lasted in _ends(self.life))
        self.life.move(self.life.start)

    def now(self) -> float:
        return self.life.now

    def sleep(self, seconds: float) -> None:
        # A beat is a second here, because nothing happens between two beats.
        self.life.move(self.life.now + (1.0 if seconds == BEAT_SECONDS else max(seconds, 0.01)))

    def look(self) -> Window:
        start, seen = float(self.life.start), self.life.now - _LEARNED
        if seen >= self.end:
            return Window(start, self.end, self.end, self._cooldown_end(), over=True, cut=self.cut)
        return Window(start, min(seen, self.end))

    def _cooldown_end(self) -> float | None:
        """After a load that ended by itself with 0 or 1."""
        starter = self.life.starter
        by_itself = not self.cut and all(code in (PASSED, ASSERTION_FAILED) for code, _ in _ends(self.life))
        return self.end + starter.cooldown if by_itself and starter.cooldown else None

    def interrupted(self) -> bool:
        return False

    def answered(self, decision: Decision) -> None: ...

    def settled(self, decision: Decision, *, counted: bool) -> None: ...

    def stop(self, decision: Decision) -> None:
        if self.life.now < self.end:
            self.end, self.cut = max(float(int(self.life.now) + 1), decision.t), True

    def save(self, states: Sequence[RuleState]) -> None: ...

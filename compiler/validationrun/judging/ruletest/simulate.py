"""
One test run: the ticks at their fixed times, on a clock that is moved instead of waited for.

At each tick Prometheus is given what could be seen at T + settle, then it is asked, as it would be live.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from validationrun.judging.live.loop import SWEEP_PAUSE_SECONDS
from validationrun.judging.live.rule_query import Asker
from validationrun.judging.ruletest.alert_rules import assumed, of_groups
from validationrun.judging.ruletest.faults import Alerting, Clock, Connection, Struck
from validationrun.judging.ruletest.prepare import Case
from validationrun.judging.ruletest.promtool_series import Value
from validationrun.judging.ruletest.remote_write import label_bytes
from validationrun.judging.ruletest.series import Series
from validationrun.judging.ruletest.server import PrivatePrometheus
from validationrun.oracle.decision import Decision, is_worth_a_retry
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import ticks
from validationrun.oracle.verdict_table import Facts, RunVerdict, judge
from validationrun.prometheus.explain_empty import explain_empty
from validationrun.spec.v1alpha1 import Rule

_MOST_WRITTEN: Final = 50_000
"""Samples in one request: some megabytes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What came out.

    Attributes:
        states: every rule's last word, in the order of the spec.
        values: by rule, the value at its first failure, else the last that counted; absent where there was none.
        idle_faults: indexes of faults that struck no question.
        questions: how many decisions were made.
    """

    verdict: RunVerdict
    states: list[RuleState]
    stop_time: float | None
    stop_rule: str | None
    values: dict[str, str]
    idle_faults: list[int]
    questions: int


def simulate(case: Case, prometheus: PrivatePrometheus) -> Outcome:
    """
    Args:
        prometheus: an empty one.

    Raises:
        PrivatePrometheusError: it went away, or cannot answer at all.
    """
    return _Simulation(case, prometheus).run()


class _Feed:
    """The samples in the order in which they can be seen."""

    def __init__(self, series: Sequence[Series], prometheus: PrivatePrometheus) -> None:
        self._labels = [label_bytes(written.labels) for written in series]
        self._prometheus = prometheus
        coming = [
            (sample.visible, sample.t, index, sample.value)
            for index, one in enumerate(series)
            for sample in one.samples
        ]
        # Never by value: of two samples of one series one is earlier.
        coming.sort(key=lambda one: one[:3])
        self._coming = coming
        self._next = 0

    def until(self, now: float) -> None:
        """Writes what can be seen by then."""
        while self._next < len(self._coming) and self._coming[self._next][0] <= now:
            by_series: dict[int, list[tuple[int, Value]]] = {}
            for visible, t, index, value in itertools.islice(self._coming, self._next, self._next + _MOST_WRITTEN):
                if visible > now:
                    break
                by_series.setdefault(index, []).append((t, value))
                self._next += 1
            self._prometheus.write([(self._labels[index], samples) for index, samples in by_series.items()])


@dataclass
class _Simulation:
    case: Case
    prometheus: PrivatePrometheus
    clock: Clock = field(default_factory=Clock)
    counted: dict[str, list[Decision]] = field(default_factory=dict)
    questions: int = 0

    def __post_init__(self) -> None:
        self.faults = [(index, Struck(fault, self.case.opens)) for index, fault in self.case.faults]
        self.feed = _Feed(self.case.series, self.prometheus)
        self.askers = {question.rule.name: self._asker(question) for question in self.case.questions}
        self.fold = Fold.begin([question.rule for question in self.case.questions])

    def _asker(self, question: Question) -> Asker:
        faults = [struck for _, struck in self.faults]
        connection = Connection(
            question.rule.name, self.prometheus.ask, faults, self.clock, self._alerting(question.rule)
        )
        return Asker(question, connection, explain=explain_empty(self.prometheus.ask), now=self.clock)

    def _alerting(self, rule: Rule) -> Alerting:
        if (groups := self.case.groups) is not None:
            return lambda alertname, now: of_groups(groups, alertname, now)
        labels = [matcher.name for matcher in type_of(rule).matchers(rule)]
        return lambda alertname, now: assumed(alertname, labels, now - self.case.test.settle)

    def run(self) -> Outcome:
        for t, due in itertools.groupby(self._ticks(), key=lambda tick: tick[0]):
            self._move(t + self.case.test.settle)
            for _, name in due:
                self._add(self.askers[name].tick(self.case.opens, t))
            self._fold(t)
            if self.fold.stop_time is not None:
                break
        else:
            self._sweep()
        return self._outcome()

    def _ticks(self) -> Iterator[tuple[float, str]]:
        """All rules' ticks before the window's end, by time."""
        opens, closes = self.case.opens, self.case.closes
        each = [
            zip(
                itertools.takewhile(lambda t: t < closes, ticks(question.rule, opens, opens)),
                itertools.repeat(question.rule.name),
                strict=False,
            )
            for question in self.case.questions
        ]
        return heapq.merge(*each, key=lambda tick: tick[0])

    def _move(self, now: float) -> None:
        self.clock.now = now
        self.feed.until(now)

    def _add(self, decision: Decision) -> None:
        self.questions += 1
        self.fold.add(decision)

    def _fold(self, settled: float) -> None:
        for decision, counted in self.fold.advance(settled):
            if counted:
                self.counted.setdefault(decision.rule, []).append(decision)

    def _sweep(self) -> None:
        """The final sweep: the same T up to retry + 1 times, with a pause between; the last answer counts."""
        opens, closes = self.case.opens, self.case.closes
        rules = [question.rule for question in self.case.questions]
        waiting = {rule.name: rule for rule in rules if rule.run_properties.final_sweep}
        for attempt in itertools.count():
            if not waiting:
                break
            self._move(closes + self.case.test.settle + attempt * SWEEP_PAUSE_SECONDS)
            for name, rule in list(waiting.items()):
                memory = self.fold.states[name].memory
                decision = self.askers[name].sweep(opens, closes, memory)
                if attempt == rule.run_properties.retry or not is_worth_a_retry(decision):
                    self._add(self.askers[name].explained(decision, opens, memory))
                    del waiting[name]
        self._fold(closes)

    def _outcome(self) -> Outcome:
        states = self.fold.closed()
        # The load counts as absent: its exit code is no matter of rules.
        facts = Facts.without_cluster(states, self.fold.stop_rule)
        idle = [index for index, struck in self.faults if not struck.struck]
        values = {state.name: value for state in states if (value := self._value(state)) is not None}
        return Outcome(judge(facts), states, self.fold.stop_time, self.fold.stop_rule, values, idle, self.questions)

    def _value(self, state: RuleState) -> str | None:
        decisions = self.counted.get(state.name, [])
        if state.failed_t is not None:
            decisions = [decision for decision in decisions if decision.t == state.failed_t]
        return next((decision.value for decision in reversed(decisions) if decision.value is not None), None)

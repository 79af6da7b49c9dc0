"""The view of a result that the reports render: rules with their decisions as points, and a summary of the points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from validationrun.contract.clock_check import ClockCheck
from validationrun.contract.status_document import Status
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Samples
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.oracle.prometheus_response import read_vector
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of
from validationrun.oracle.rules.rule_type import RuleType
from validationrun.oracle.summary import Summary
from validationrun.oracle.workload import Workload
from validationrun.spec.v1alpha1 import Rule


@dataclass(frozen=True, slots=True)
class Point:
    """
    One decision, ready to be drawn.

    Attributes:
        number: the value, if it is a finite number.
        counted: the verdict takes this decision into account.
    """

    decision: Decision
    counted: bool
    number: float | None

    @property
    def t(self) -> float:
        return self.decision.t

    @property
    def good(self) -> bool:
        return self.decision.verdict in (Verdict.PASSED, Verdict.FAILED)


@dataclass(frozen=True, slots=True)
class RuleView:
    """
    One rule.

    Attributes:
        points: its decisions, in the order in which they were written.
        missing: evaluation times in the window without a record.
        resumed: the state from which a restarted evaluator continued, and the number of points before it; None without restart.
    """

    question: Question
    state: RuleState
    points: Sequence[Point]
    summary: Summary
    missing: Sequence[float]
    resumed: tuple[RuleState, int] | None

    @property
    def rule(self) -> Rule:
        return self.question.rule

    @property
    def type(self) -> RuleType:
        return type_of(self.rule)

    @property
    def name(self) -> str:
        return self.rule.name

    @property
    def expected(self) -> int:
        """The number of decisions that the verdict should take into account."""
        return self.summary.counted + len(self.missing)

    def first_failure(self) -> Point | None:
        """The decision that made the rule Failed."""
        if self.state.failed_t is None:
            return None
        failures = (
            p for p in self.points if p.counted and p.decision.verdict == Verdict.FAILED and p.t == self.state.failed_t
        )
        return next(failures, None)


@dataclass(frozen=True, slots=True)
class Shard:
    """One process of the load. Times are Unix seconds."""

    index: int
    pod: str
    code: int | None
    reason: str
    started: float | None
    finished: float | None


@dataclass(frozen=True, slots=True)
class About:
    """
    The identity of a run, and its inputs. An unknown text is empty.

    Attributes:
        name: of the spec; the same in all its runs.
        mode: `run`, `evaluate` or `argo`.
        began, completed: as in the status document.
        settle_s: the settle time.
        prometheus: the version of Prometheus.
        url: where the results were uploaded.
        images: of each deployment and of the load.
        overridden: a text for each parameter that differs from the compiled value.
    """

    name: str
    run_id: str
    namespace: str
    spec_hash: str
    mode: str
    began: str
    completed: str
    settle_s: float | None
    prometheus: str
    url: str
    images: Mapping[str, str]
    parameters: Mapping[str, str]
    overridden: Sequence[str]
    versions: Mapping[str, str]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class RunView:
    """
    A run.

    Attributes:
        status: the status document.
        start, end, stop_time: of the window, Unix seconds.
        cooldown_end: where rules with `until: Cooldown` end; None without a cooldown.
        stopped_in_sweep: the stop came in the final sweep, when there was nothing left to stop.
        interrupted: the evaluation ended before the window did.
        completed: the time of the verdict.
        chain_id: the effective chain id; empty if unknown.
        workload: None without load.
        in_folder: the reports are in a results folder, beside its other files.
    """

    about: About
    status: Status
    phase: Phase
    verdict: Verdict
    reason: str
    message: str
    start: float | None
    end: float | None
    stop_time: float | None
    stop_rule: str | None
    cooldown_end: float | None
    stopped_in_sweep: bool
    interrupted: bool
    began: float | None
    completed: float | None
    chain_id: str
    clock: Sequence[ClockCheck]
    rules: Sequence[RuleView]
    workload: Workload | None
    shards: Sequence[Shard]
    in_folder: bool = True

    @property
    def seconds(self) -> float:
        """From the run's start to its verdict."""
        return max(0.0, self.completed - self.began) if self.began is not None and self.completed is not None else 0.0

    @property
    def troubled(self) -> list[RuleView]:
        """The rules that did not pass: the Failed rules by time of failure, then the others."""
        failed = [rule for rule in self.rules if rule.state.verdict == Verdict.FAILED]
        failed.sort(key=lambda failed_rule: failed_rule.state.failed_t or 0.0)
        return failed + [rule for rule in self.rules if rule.state.verdict not in (Verdict.PASSED, Verdict.FAILED)]

    def tally(self) -> dict[str, int]:
        """How many rules have each verdict, the worst first."""
        counts = dict.fromkeys((Verdict.FAILED, Verdict.ERROR, Verdict.AWAITED, Verdict.PASSED), 0)
        for rule in self.rules:
            counts[rule.state.verdict] += 1
        return {verdict: count for verdict, count in counts.items() if count}


def series_of(point: Point, most: int) -> tuple[list[Mapping[str, str]], int]:
    """The labels of the first `most` series of an answer, and the number of all its series."""
    exchange = point.decision.exchange
    answer = read_vector(exchange.reply, exchange.t) if exchange is not None else None
    if not isinstance(answer, Samples):
        return [], 0
    return [sample.labels for sample in answer.samples[:most]], len(answer.samples)

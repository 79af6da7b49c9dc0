"""
A result made ready to be shown: checked, its evidence as points in time, its rules with what their points add up to.

A document that contradicts itself is no result: no report of it is made, so that none can look better than the run was.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from validationrun.api.v1alpha1 import Rule
from validationrun.evaluation.clock import ClockCheck
from validationrun.oracle.answers import Decision, Samples
from validationrun.oracle.engine import AWAITED, RuleState, ticks
from validationrun.oracle.evidence import RuleEvidence
from validationrun.oracle.question import Question
from validationrun.oracle.summary import Summary, summarize
from validationrun.oracle.wire import read_vector
from validationrun.record import parse_time
from validationrun.results.folder import RESULT_JSON, Result, ResultsError, read_clock

PASSED: Final = "Passed"
FAILED: Final = "Failed"
ERROR: Final = "Error"
CANCELLED: Final = "Cancelled"

_VERDICT_OF_PHASE: Final = {"Succeeded": PASSED, "Failed": FAILED, "Error": ERROR, "Cancelled": ERROR}
_RULE_VERDICTS: Final = frozenset({AWAITED, PASSED, FAILED, ERROR})
_LAST_MOMENT: Final = 253_402_300_799.0
"""The end of the year 9999: later times have no RFC 3339 form."""
_MOST_TICKS: Final = 200_000
"""A window of a week at 5 s has 120,960."""


@dataclass(frozen=True, slots=True)
class Point:
    """
    One decision, and what can be drawn of it.

    Attributes:
        number: the value, when it is a finite number.
        counted: the verdict rests on it.
    """

    decision: Decision
    counted: bool
    number: float | None

    @property
    def t(self) -> float:
        return self.decision.t

    @property
    def good(self) -> bool:
        return self.decision.verdict != ERROR


@dataclass(frozen=True, slots=True)
class RuleView:
    """
    One rule.

    Attributes:
        points: its decisions, in the order in which they were written.
        missing: evaluation times in the window of which nothing is recorded.
        resumed: the state from which a restarted evaluator went on, and how many points there were before; None without restart.
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
    def name(self) -> str:
        return self.rule.name

    @property
    def expected(self) -> int:
        """How many decisions the verdict should rest on."""
        return self.summary.counted + len(self.missing)

    def first_failure(self) -> Point | None:
        """The decision that made it Failed."""
        if self.state.failed_t is None:
            return None
        found = (p for p in self.points if p.counted and p.decision.verdict == FAILED and p.t == self.state.failed_t)
        return next(found, None)


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
class Workload:
    """How the load ended: aggregate code, or None when a rule stopped it; a more precise reason; words."""

    code: int | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class RunView:
    """
    A run.

    Attributes:
        start, end, stop_time: of the window, Unix seconds.
        interrupted: the evaluation ended before the window did.
        completed: when the verdict was given.
        chain_id: the effective one; empty when nobody knew it.
        workload: None without load.
    """

    document: Mapping[str, Any]
    phase: str
    verdict: str
    reason: str
    message: str
    start: float | None
    end: float | None
    stop_time: float | None
    stop_rule: str | None
    interrupted: bool
    began: float | None
    completed: float | None
    chain_id: str
    clock: Sequence[ClockCheck]
    rules: Sequence[RuleView]
    workload: Workload | None
    shards: Sequence[Shard]

    @property
    def status(self) -> Mapping[str, Any]:
        status: Mapping[str, Any] = self.document["status"]
        return status

    @property
    def name(self) -> str:
        """Of the spec; the same in every run of it."""
        return str(self.status["name"] or self.status["runId"])

    @property
    def prometheus(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document.get("prometheus") or {}
        return found

    @property
    def seconds(self) -> float:
        """From the run's start to its verdict."""
        return max(0.0, self.completed - self.began) if self.began is not None and self.completed is not None else 0.0

    @property
    def notes(self) -> Sequence[str]:
        notes: Sequence[str] = self.document.get("notes") or ()
        return notes

    @property
    def window_ended(self) -> float | None:
        """Where the part of the window ends that counts: at the stop, or at its end."""
        return self.stop_time if self.stop_time is not None else self.end

    @property
    def troubled(self) -> list[RuleView]:
        """The rules that did not pass: what failed first, the earliest at its head, then the others."""
        failed = [rule for rule in self.rules if rule.state.verdict == FAILED]
        failed.sort(key=lambda one: one.state.failed_t or 0.0)
        return failed + [rule for rule in self.rules if rule.state.verdict not in (PASSED, FAILED)]

    def tally(self) -> dict[str, int]:
        """How many rules have each verdict, the worst first."""
        counts = dict.fromkeys((FAILED, ERROR, AWAITED, PASSED), 0)
        for rule in self.rules:
            counts[rule.state.verdict] += 1
        return {verdict: count for verdict, count in counts.items() if count}


def view_of(result: Result) -> RunView:
    """
    Raises:
        ResultsError: the document lacks something, or contradicts itself.
    """
    try:
        view = _view(result)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        words = f"{type(error).__name__}: {error}"
        raise ResultsError(f"{RESULT_JSON} does not hold what a report needs ({words})") from None
    _check(view)
    return view


def _view(result: Result) -> RunView:
    document = result.document
    status, window = document["status"], document["window"]
    start, end = _time(window["start"]), _time(window["end"])
    stop_time = _time(window["stopTime"])
    states = [_state(one) for one in document["states"]]
    if [state.name for state in states] != [question.rule.name for question in result.questions]:
        raise ResultsError(f"{RESULT_JSON} has states of other rules than its own")
    workload, load, chain = document.get("workload"), status.get("load"), status.get("chain")
    last = _last(result.evidence)
    return RunView(
        document=document,
        phase=str(status["phase"]),
        verdict=str(status["verdict"]),
        reason=str(status["reason"] or ""),
        message=str(status["message"] or ""),
        start=start,
        end=end,
        stop_time=stop_time,
        stop_rule=window["stopRule"],
        interrupted=bool(window["interrupted"]),
        began=_moment(status["startTime"]),
        completed=_moment(status["completionTime"]),
        chain_id=str(chain["chainId"]) if chain else _chain_value(result.questions),
        clock=[_clock(check) for check in read_clock(document)],
        rules=[
            _rule(question, state, result.evidence.get(question.rule.name), start, end, stop_time, last)
            for question, state in zip(result.questions, states, strict=True)
        ],
        workload=None
        if workload is None
        else Workload(_code(workload["code"]), str(workload["reason"] or ""), str(workload["message"] or "")),
        shards=[_shard(one) for one in (load or {}).get("shards") or []],
    )


def _check(view: RunView) -> None:
    if _VERDICT_OF_PHASE.get(view.phase) != view.verdict:
        raise ResultsError(f"{RESULT_JSON} has phase {view.phase} and verdict {view.verdict}, which do not go together")
    if view.verdict != PASSED:
        return
    for rule in view.rules:
        if rule.state.verdict != PASSED:
            raise ResultsError(f"{RESULT_JSON} says Passed, and that rule {rule.name} is {rule.state.verdict}")
    if view.interrupted or (view.workload is not None and view.workload.code != 0):
        raise ResultsError(f"{RESULT_JSON} says Passed of a run that was cut short or whose workload did not pass")


def _rule(
    question: Question,
    state: RuleState,
    evidence: RuleEvidence | None,
    start: float | None,
    end: float | None,
    stop_time: float | None,
    last: float | None,
) -> RuleView:
    found = evidence or RuleEvidence([])
    points = list(_points(question.rule, found))
    missing: list[float] = []
    if start is not None:
        known = {point.t for point in points}
        missing = [t for t in _expected(question.rule, start, end, stop_time, last) if t not in known]
    summary = summarize(question.rule, ((point.decision, point.counted) for point in points))
    return RuleView(question, state, points, summary, missing, found.resumed)


def _points(rule: Rule, evidence: RuleEvidence) -> Iterator[Point]:
    for entry in evidence.entries:
        t = _time(entry.t)
        if t is None or entry.verdict not in (PASSED, FAILED, ERROR):
            raise ValueError(f"a decision of rule {rule.name}")
        value = None if entry.value is None else float(entry.value)
        decision = Decision(
            rule.name,
            t,
            entry.verdict,  # type: ignore[arg-type] # checked above
            str(entry.reason),
            str(entry.message),
            entry.value,
            final=bool(entry.final),
            exchange=entry.exchange,
        )
        yield Point(decision, entry.counted, value if value is not None and math.isfinite(value) else None)


def _expected(
    rule: Rule, start: float, end: float | None, stop_time: float | None, last: float | None
) -> Iterator[float]:
    """Evaluation times of which a decision should be there."""
    until = stop_time if stop_time is not None else end if end is not None else last
    if until is None:
        return
    for made, t in enumerate(ticks(rule, start, start)):
        if made > _MOST_TICKS or t > until or (t == end and stop_time is None):
            break
        yield t
    if stop_time is None and end is not None and rule.run_properties.final_sweep:
        yield end


def _chain_value(questions: Sequence[Question]) -> str:
    """Rules that are judged alone know the chain by what was put into their queries."""
    return next((str(one.values["chainId"]) for one in questions if one.values.get("chainId")), "")


def _clock(check: ClockCheck) -> ClockCheck:
    _time(check.at)
    if check.skew_s is not None and not math.isfinite(check.skew_s):
        raise ValueError("a clock's skew")
    return check


def _last(evidence: Mapping[str, RuleEvidence]) -> float | None:
    times = [entry.t for found in evidence.values() for entry in found.entries]
    return _time(max(times)) if times else None


def _state(document: Mapping[str, Any]) -> RuleState:
    state = RuleState(**{field.name: document[field.name] for field in fields(RuleState)})
    if state.verdict not in _RULE_VERDICTS:
        raise ValueError(f"rule {state.name} is {state.verdict}")
    for t in (state.last_t, state.failed_t, state.fired_t):
        _time(t)
    return state


def _shard(document: Mapping[str, Any]) -> Shard:
    return Shard(
        int(document["index"]),
        str(document.get("pod") or ""),
        _code(document.get("exitCode")),
        str(document.get("reason") or ""),
        _moment(document.get("startedAt")),
        _moment(document.get("finishedAt")),
    )


def _code(value: Any) -> int | None:
    return None if value is None else int(value)


def _moment(text: Any) -> float | None:
    return None if text is None else _time(parse_time(text))


def _time(value: Any) -> float | None:
    """Unix seconds that have an RFC 3339 form."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_MOMENT:
        raise ValueError(f"{value!r} is no time")
    return float(value)


def series_of(point: Point, most: int) -> tuple[list[Mapping[str, str]], int]:
    """The labels of the first series of an answer, and how many there were."""
    exchange = point.decision.exchange
    answer = read_vector(exchange.reply) if exchange is not None else None
    if not isinstance(answer, Samples):
        return [], 0
    return [sample.labels for sample in answer.samples[:most]], len(answer.samples)

"""
A result made ready to be shown, and checked.

A document that contradicts itself is no result: no report of it is made, so that none can look better than the run was.
"""

import itertools
import math
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from validationrun.base.times import parse_time
from validationrun.contract.clock_check import ClockCheck
from validationrun.judging.completeness import Bounds
from validationrun.judging.replay import UNREADABLE
from validationrun.oracle.decision import Decision
from validationrun.oracle.evidence import RuleEvidence
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.summary import summarize
from validationrun.oracle.ticks import ticks
from validationrun.oracle.workload import Workload, WorkloadCode
from validationrun.report import formatting
from validationrun.report.model import About, Point, RuleView, RunView, Shard
from validationrun.results.folder import RESULT_JSON, Result, ResultsError, read_clock, read_result
from validationrun.spec.v1alpha1 import Rule

_WORD: Final = re.compile("[A-Za-z]{0,64}")
_LAST_MOMENT: Final = 253_402_300_799.0
"""The end of the year 9999: later times have no RFC 3339 form."""
_MOST_TICKS: Final = 200_000
"""A window of a week at 5 s has 120,960."""


def read_folder(folder: pathlib.Path) -> Result:
    """
    A results folder, checked.

    Raises:
        ResultsError: also for a document that is nothing like ours.
    """
    try:
        return read_result(folder)
    except UNREADABLE as error:
        raise _not_ours(error) from None


def view_of(result: Result) -> RunView:
    """
    Raises:
        ResultsError: the document lacks something, or contradicts itself.
    """
    try:
        view = _view(result)
    except UNREADABLE as error:
        raise _not_ours(error) from None
    _check(view)
    return view


def _not_ours(error: Exception) -> ResultsError:
    words = formatting.clean(f"{type(error).__name__}: {error}", 2 * formatting.NAME)
    return ResultsError(f"{RESULT_JSON} does not hold what a report needs ({words})")


def _view(result: Result) -> RunView:
    document = result.document
    status, window = document["status"], document["window"]
    start, end = _time(window["start"]), _time(window["end"])
    stop_time = _time(window["stopTime"])
    states = [_state(one) for one in document["states"]]
    if [state.name for state in states] != [question.rule.name for question in result.questions]:
        raise ResultsError(f"{RESULT_JSON} has states of other rules than its own")
    workload, load, chain = document.get("workload"), status.get("load"), status.get("chain")
    last, bounds = _last(result.evidence), Bounds.of(result)
    return RunView(
        about=_about(document),
        status=status,
        phase=Phase(status["phase"]),
        verdict=Verdict(status["verdict"]),
        reason=_text(status["reason"]),
        message=_text(status["message"]),
        start=start,
        end=end,
        stop_time=stop_time,
        stop_rule=_text(window["stopRule"]) or None,
        stopped_in_sweep=bounds is not None and bounds.swept and stop_time is not None,
        interrupted=bool(window["interrupted"]),
        began=_moment(status["startTime"]),
        completed=_moment(status["completionTime"]),
        chain_id=_text(chain["chainId"]) if chain else _chain_value(result.questions),
        clock=[_clock(check) for check in read_clock({"clock": _list(document["clock"])})],
        rules=[
            _rule(question, state, result.evidence.get(question.rule.name), bounds, last)
            for question, state in zip(result.questions, states, strict=True)
        ],
        workload=None
        if workload is None
        else Workload(_workload_code(workload["code"]), _text(workload["reason"]), _text(workload["message"])),
        shards=[_shard(one) for one in (load or {}).get("shards") or []],
    )


def _about(document: Mapping[str, Any]) -> About:
    status, settle = document["status"], document.get("settleSeconds")
    prometheus = document.get("prometheus") or {}
    if settle is not None and not 0 <= settle < math.inf:
        raise ValueError("settleSeconds")
    return About(
        name=_text(status["name"]) or _text(status["runId"]),
        run_id=_text(status["runId"]),
        namespace=_text(status["namespace"]),
        spec_hash=_text(status["specHash"]),
        mode=_text(document.get("mode")),
        began=_text(status["startTime"]),
        completed=_text(status["completionTime"]),
        settle_s=settle,
        prometheus=_text(prometheus.get("version")),
        url=_text((status.get("report") or {}).get("s3Url")),
        images=_images(status),
        parameters=_texts(status.get("parameters")),
        versions=_texts(document.get("versions")),
        notes=[_text(note) for note in _list(document.get("notes", []))],
    )


def _images(status: Mapping[str, Any]) -> dict[str, str]:
    """What ran, as far as it is known: the image's name, and its digest."""
    chain, load = status.get("chain") or {}, status.get("load") or {}
    found = [(_text(one["name"]), one) for one in chain.get("deployments") or []] + [("load", load)]
    shown = {
        name: " ".join(part for part in (_text(one.get("image")), _text(one.get("imageID"))) if part)
        for name, one in found
    }
    return {name: words for name, words in shown.items() if words}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _word(value: Any) -> str:
    """A rule's reason."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError(f"{value!r} is no reason")
    return value


def _texts(values: Any) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in (values or {}).items()}


def _check(view: RunView) -> None:
    if view.verdict == Verdict.AWAITED or view.verdict != view.phase.verdict:
        raise ResultsError(f"{RESULT_JSON} has phase {view.phase} and verdict {view.verdict}, which do not go together")
    if view.verdict != Verdict.PASSED:
        return
    for rule in view.rules:
        if rule.state.verdict != Verdict.PASSED:
            raise ResultsError(f"{RESULT_JSON} says Passed, and that rule {rule.name} is {rule.state.verdict}")
        if not rule.summary.good and rule.resumed is None:
            raise ResultsError(f"{RESULT_JSON} says that rule {rule.name} passed, and its evidence holds no answer")
    if view.interrupted or (view.workload is not None and view.workload.code != 0):
        raise ResultsError(f"{RESULT_JSON} says Passed of a run that was cut short or whose workload did not pass")


def _rule(
    question: Question,
    state: RuleState,
    evidence: RuleEvidence | None,
    bounds: Bounds | None,
    last: float | None,
) -> RuleView:
    found = evidence or RuleEvidence([])
    points = list(_points(question.rule, found))
    known = {point.t for point in points}
    missing = [t for t in _expected(question.rule, bounds, last) if t not in known]
    summary = summarize(question.rule, ((point.decision, point.counted) for point in points))
    return RuleView(question, state, points, summary, missing, found.resumed)


def _points(rule: Rule, evidence: RuleEvidence) -> Iterator[Point]:
    for entry in evidence.entries:
        t = _time(entry.t)
        if t is None or entry.verdict == Verdict.AWAITED:
            raise ValueError(f"a decision of rule {rule.name}")
        value = None if entry.value is None else float(entry.value)
        decision = Decision(
            rule.name,
            t,
            entry.verdict,
            entry.reason,
            _text(entry.message),
            _text(entry.value) or None,
            final=bool(entry.final),
            exchange=entry.exchange,
        )
        yield Point(decision, entry.counted, value if value is not None and math.isfinite(value) else None)


def _expected(rule: Rule, bounds: Bounds | None, last: float | None) -> Iterator[float]:
    """Evaluation times of which a decision should be there."""
    if bounds is None:
        return
    if bounds.end is None and bounds.stop is None and last is not None:
        # Nobody knows when the window ended, and it was open at least until then.
        bounds = replace(bounds, end=math.nextafter(last, math.inf))
    times = itertools.takewhile(bounds.holds, ticks(rule, bounds.start, bounds.start))
    yield from itertools.islice(times, _MOST_TICKS)
    if bounds.swept and bounds.end is not None and rule.run_properties.final_sweep:
        yield bounds.end


def _chain_value(questions: Sequence[Question]) -> str:
    """Rules that are judged alone know the chain by what was put into their queries."""
    return next((str(one.values["chainId"]) for one in questions if one.values.get("chainId")), "")


def _clock(check: ClockCheck) -> ClockCheck:
    at = _time(check.at)
    if at is None or (check.skew_seconds is not None and not math.isfinite(check.skew_seconds)):
        raise ValueError("a comparison of clocks")
    return ClockCheck(at, check.skew_seconds, _text(check.message))


def _last(evidence: Mapping[str, RuleEvidence]) -> float | None:
    times = [entry.t for found in evidence.values() for entry in found.entries]
    return _time(max(times)) if times else None


def _state(document: Mapping[str, Any]) -> RuleState:
    state = RuleState.from_data(document)
    for t in (state.last_t, state.failed_t, state.fired_t):
        _time(t)
    return state


def _shard(document: Mapping[str, Any]) -> Shard:
    return Shard(
        _code(document["index"]) or 0,
        _text(document.get("pod")),
        _code(document.get("exitCode")),
        _text(document.get("reason")),
        _moment(document.get("startedAt")),
        _moment(document.get("finishedAt")),
    )


def _code(value: Any) -> int | None:
    if value is not None and not isinstance(value, int):
        raise TypeError(f"{value!r} is no exit code")
    return value


def _workload_code(value: Any) -> WorkloadCode | None:
    if value is not None and value not in (0, 1, 2):
        raise TypeError(f"{value!r} is no code of a workload")
    code: WorkloadCode | None = value
    return code


def _moment(moment: Any) -> float | None:
    return None if moment is None else _time(parse_time(moment))


def _time(value: Any) -> float | None:
    """Unix seconds that have an RFC 3339 form."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_MOMENT:
        raise ValueError(f"{value!r} is no time")
    return float(value)

"""
Check a result and build its view.

A document that contradicts itself gets no report, because a report could look better than the run was.
"""

import itertools
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from validationrun.base.times import parse_time
from validationrun.contract.chain_entries import DeploymentStatus
from validationrun.contract.load_entries import ShardStatus
from validationrun.contract.result_json import ResultDocument
from validationrun.contract.status_document import LoadStatus, Status
from validationrun.judging.completeness import Bounds
from validationrun.judging.replay import UNREADABLE
from validationrun.oracle.decision import Decision
from validationrun.oracle.evidence import RuleEvidence
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.tally import summarize
from validationrun.oracle.ticks import ticks
from validationrun.report import formatting
from validationrun.report.model import About, Point, RuleView, RunView, Shard
from validationrun.results.folder import RESULT_JSON, Result, ResultsError, read_result
from validationrun.spec.v1alpha1 import Rule

_LAST_MOMENT: Final = 253_402_300_799.0
"""The end of the year 9999, because RFC 3339 has no later times."""
_MOST_TICKS: Final = 200_000
"""A window of a week at 5 s has 120,960."""


def read_folder(folder: pathlib.Path) -> Result:
    """
    Read and check a results folder.

    Raises:
        ResultsError: also for a document of another format.
    """
    try:
        return read_result(folder)
    except UNREADABLE as error:
        raise _not_ours(error) from None


def view_of(result: Result) -> RunView:
    """
    Raises:
        ResultsError: the document is incomplete or contradicts itself.
    """
    try:
        view = _view(result)
    except UNREADABLE as error:
        raise _not_ours(error) from None
    _check(view)
    return view


def _not_ours(error: Exception) -> ResultsError:
    cause = formatting.clean(f"{type(error).__name__}: {error}", 2 * formatting.NAME)
    return ResultsError(f"{RESULT_JSON} does not hold what a report needs ({cause})")


def _view(result: Result) -> RunView:
    document = result.document
    status, window = document.status, document.window
    if [state.name for state in document.states] != [question.rule.name for question in result.questions]:
        raise ResultsError(f"{RESULT_JSON} has states of other rules than its own")
    last = _last(result.evidence)
    return RunView(
        about=_about(document),
        status=status,
        phase=status.phase,
        verdict=status.verdict,
        reason=status.reason or "",
        message=status.message,
        start=window.start,
        end=window.end,
        stop_time=window.stop_time,
        stop_rule=window.stop_rule or None,
        cooldown_end=window.cooldown_end,
        stopped_in_sweep=_is_stopped_in_sweep(result),
        interrupted=window.interrupted,
        began=_moment(status.start_time),
        completed=_moment(status.completion_time),
        chain_id=status.chain.chain_id if status.chain else _chain_value(result.questions),
        clock=document.clock,
        rules=[
            _rule(question, state, result.evidence.get(question.rule.name), Bounds.of(result, question.rule), last)
            for question, state in zip(result.questions, document.states, strict=True)
        ],
        workload=document.workload,
        shards=[_shard(shard) for shard in status.load.shards] if status.load else [],
    )


def _about(document: ResultDocument) -> About:
    status = document.status
    return About(
        name=status.name or status.run_id,
        run_id=status.run_id,
        namespace=status.namespace,
        spec_hash=status.spec_hash or "",
        mode=document.mode,
        began=status.start_time or "",
        completed=status.completion_time or "",
        settle_s=document.settle_seconds,
        prometheus=document.prometheus.version or "",
        url=status.report.s3_url or "",
        images=_images(status),
        parameters=status.parameters,
        overridden=[str(override) for override in status.overridden],
        versions=document.versions,
        notes=document.notes,
    )


def _images(status: Status) -> dict[str, str]:
    """The name and the digest of each image, as far as they are known."""
    images = {entry.name: _image(entry) for entry in status.chain.deployments} if status.chain else {}
    if status.load is not None:
        images["load"] = _image(status.load)
    return {name: image for name, image in images.items() if image}


def _image(of: DeploymentStatus | LoadStatus) -> str:
    several = f"pods with different images: {', '.join(of.image_ids)}" if of.image_ids else None
    return " ".join(part for part in (of.image, of.image_id, several) if part)


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
    if view.interrupted or (view.workload is not None and (view.workload.code != 0 or view.workload.early is not None)):
        raise ResultsError(f"{RESULT_JSON} says Passed of a run that was cut short or whose workload did not pass")


def _rule(
    question: Question,
    state: RuleState,
    evidence: RuleEvidence | None,
    bounds: Bounds | None,
    last: float | None,
) -> RuleView:
    recorded = evidence or RuleEvidence([])
    points = list(_points(question.rule, recorded))
    known = {point.t for point in points}
    missing = [t for t in _expected(question.rule, bounds, last) if t not in known]
    summary = summarize(question.rule, ((point.decision, point.counted) for point in points))
    return RuleView(question, state, points, summary, missing, recorded.resumed)


def _points(rule: Rule, evidence: RuleEvidence) -> Iterator[Point]:
    for entry in evidence.entries:
        t = _time(entry.t)
        value = None if entry.value is None else float(entry.value)
        decision = Decision(
            rule.name,
            t,
            entry.verdict,
            entry.reason,
            entry.message,
            entry.value or None,
            final=entry.final,
            exchange=entry.exchange,
        )
        yield Point(decision, entry.counted, value if value is not None and math.isfinite(value) else None)


def _expected(rule: Rule, bounds: Bounds | None, last: float | None) -> Iterator[float]:
    """The times for which a decision must exist."""
    if bounds is None:
        return
    if bounds.end is None and bounds.stop is None and last is not None:
        # The window's end is unknown, but the window was open at least until the last decision.
        bounds = replace(bounds, end=math.nextafter(last, math.inf))
    times = itertools.takewhile(bounds.holds, ticks(rule, bounds.start, bounds.start))
    yield from itertools.islice(times, _MOST_TICKS)
    if bounds.swept and bounds.end is not None and rule.run_properties.final_sweep:
        yield bounds.end


def _is_stopped_in_sweep(result: Result) -> bool:
    """Whether the failure that stopped the run was found by a final sweep, when there was nothing left to stop."""
    window = result.document.window
    stopping = [question.rule for question in result.questions if question.rule.name == window.stop_rule]
    bounds = [Bounds.of(result, rule) for rule in stopping]
    return window.stop_time is not None and any(found is not None and found.swept for found in bounds)


def _chain_value(questions: Sequence[Question]) -> str:
    """The chain id from the values of the queries, because rules that are judged alone have no chain status."""
    return next((str(question.values["chainId"]) for question in questions if question.values.get("chainId")), "")


def _last(evidence: Mapping[str, RuleEvidence]) -> float | None:
    times = [entry.t for rule_evidence in evidence.values() for entry in rule_evidence.entries]
    return _time(max(times)) if times else None


def _shard(status: ShardStatus) -> Shard:
    return Shard(
        status.index,
        status.pod or "",
        status.exit_code,
        status.reason or "",
        _moment(status.started_at),
        _moment(status.finished_at),
    )


def _moment(text: str | None) -> float | None:
    return None if text is None else _time(parse_time(text))


def _time(value: float) -> float:
    """Raises ValueError for a time without an RFC 3339 form."""
    if not 0 <= value <= _LAST_MOMENT:
        raise ValueError(f"{value!r} is no time")
    return float(value)

"""
Build the view of a finished run from the cluster: from the run record and the run's copy of its bundle.

They hold the verdicts and the summaries, but not the decisions.
"""

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from validationrun.base.hashing import bundle_hash
from validationrun.base.times import parse_time
from validationrun.contract import parameters
from validationrun.contract.bundle import Bundle, BundleError
from validationrun.contract.chain_entries import ChainEntry
from validationrun.contract.evaluation_entries import EvaluatorReady, StopIntent, WindowEntry
from validationrun.contract.record import Record
from validationrun.contract.result_json import IN_CLUSTER, PrometheusInfo
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.status_document import Status
from validationrun.judging.recorded import Evidence
from validationrun.kube.cluster import CONFIG_MAPS, Cluster, owned_by
from validationrun.oracle.evidence import Entry, RuleEvidence
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.summary import Summary
from validationrun.oracle.workload import Workload
from validationrun.report.from_result import view_of
from validationrun.report.model import RuleView, RunView
from validationrun.results.folder import Result, result_document
from validationrun.results.judgement import Judgement

LOST: Final = "the evaluator left no evidence that counts: what is told of the rules is how far the run record got"
NO_QUERIES: Final = (
    "the run's copy of its bundle is gone: the rules are told in result.json only, without their queries"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """
    A finished run.

    Attributes:
        bundle_hash: hash of the bundle that the WorkflowTemplate was compiled with.
        settle_s: the settle time, used if there is no sign-off to read it from.
    """

    cluster: Cluster
    written: Record
    status: Status
    evidence: Evidence
    workload: Workload | None
    bundle_hash: str
    settle_s: float


def view(ended: Ended, elsewhere: str) -> RunView:
    """
    The run, ready to be rendered.

    Args:
        elsewhere: a note that says where the decisions are.

    Raises:
        ResultsError: the run's documents contradict each other.
    """
    return view_of_result(result_of(ended, elsewhere), ended.evidence)


def result_of(ended: Ended, elsewhere: str) -> Result:
    """The run as in `result.json`. Raises ResultsError, as `view` does."""
    record, evidence, workload = ended.written, ended.evidence, ended.workload
    run, evaluator, sign_off = record.get(RunEntry), record.get(EvaluatorReady), evidence.sign_off
    has_rules, questions = run is not None and bool(run.rules), _questions(ended)
    notes = []
    if has_rules and record.get(WindowEntry) is not None:
        notes.append(elsewhere if sign_off is not None else LOST)
    if has_rules and not questions:
        notes.append(NO_QUERIES)
    document = result_document(
        IN_CLUSTER,
        ended.status,
        _judgement(record, questions, evidence),
        questions,
        settle_s=float(sign_off.settle_seconds if sign_off is not None else ended.settle_s),
        prometheus=PrometheusInfo(evaluator.prometheus if evaluator is not None else None),
        versions={"validationrun": importlib.metadata.version("validationrun"), "python": platform.python_version()},
        workload=workload,
        notes=notes,
    )
    return Result(document, questions, {})


def _questions(ended: Ended) -> list[Question]:
    """The rules and their queries from the run's own copy of its bundle; empty if the copy is missing."""
    record, identity = ended.written, ended.written.identity
    stored = ended.cluster.get(CONFIG_MAPS, identity.bundle_name)
    chain, run = record.get(ChainEntry), record.get(RunEntry)
    if stored is None or not owned_by(stored, identity.uid) or run is None or chain is None or not chain.chain_id:
        return []
    data = stored.get("data") or {}
    if bundle_hash(data) != ended.bundle_hash:
        return []
    try:
        bundle = Bundle(data)
        run_values = parameters.run_values(bundle.plan, identity, chain.chain_id, run.parameters)
        return bundle.questions(run_values)
    except BundleError:
        return []


def _judgement(written: Record, questions: Sequence[Question], evidence: Evidence) -> Judgement:
    """The judgement from the sign-off; without one, from the record, as interrupted."""
    known = {state.name: state for state in evidence.states or []}
    states = [known.get(question.rule.name, RuleState(question.rule.name)) for question in questions]
    sign_off = evidence.sign_off
    if sign_off is None:
        window, stop = written.get(WindowEntry), written.get(StopIntent)
        start = parse_time(window.start) if window is not None else None
        stop_time = stop.t if stop is not None and start is not None else None
        return Judgement(start, None, stop_time, evidence.stop_rule, states, [], interrupted=True)
    return Judgement(
        _time(sign_off.start),
        _time(sign_off.end),
        _time(sign_off.stop_time),
        sign_off.stop_rule,
        states,
        sign_off.clock,
        cooldown_end=_time(sign_off.cooldown_end),
    )


def _time(text: str | None) -> float | None:
    return parse_time(text) if text else None


def view_of_result(result: Result, evidence: Evidence) -> RunView:
    """
    The view of a result without its decisions.

    No tick is reported as missing, and the summaries are the evaluator's own. A rule's failure comes from its state, and is shown
    like a failure whose exchange was lost with an earlier evaluator.
    """
    states = {state.name: state for state in result.document.states}
    ends = {question.rule.name: result.document.window.end_of(question.rule) for question in result.questions}
    summaries = evidence.sign_off.summaries if evidence.sign_off is not None else {}
    kept = {
        name: RuleEvidence(_entries(state, ends.get(name), summaries.get(name)), (state, 0))
        for name, state in states.items()
    }
    view = view_of(replace(result, evidence=kept))
    return replace(view, rules=[_rule(rule, summaries.get(rule.name)) for rule in view.rules])


def _entries(state: RuleState, end: float | None, summary: Summary | None) -> list[Entry]:
    t = state.failed_t
    if t is None:
        return []
    final = t == end and state.swept
    # The state has only the last value, which may be good again. The failed value is known if it was also the worst.
    value = summary.margin_value if summary is not None and t == summary.margin_t else None
    if t == state.last_t:
        value = state.value
    return [Entry(t, final, None, Verdict.FAILED, state.reason, state.message, value, counted=True)]


def _rule(rule: RuleView, summary: Summary | None) -> RuleView:
    return replace(rule, missing=[], resumed=None, summary=summary or rule.summary)

"""
finalize's files: `result.json`, the reports, and what the pods said.

The evaluator judged in a pod of its own and uploads each decision itself. What came of them stands in its sign-off: the
states, the sums, and the hash of each file. So the reports here tell every verdict and draw no decision, and say so;
`result.json` names the evaluator's files too, so that the folder as a whole can be checked, drawn and replayed.
"""

import importlib.metadata
import pathlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from validationrun import record
from validationrun.canonical import bundle_hash
from validationrun.cluster import CONFIG_MAPS, owned_by
from validationrun.evaluation.clock import ClockCheck
from validationrun.evaluation.driver import Judgement
from validationrun.oracle.engine import RuleState
from validationrun.oracle.evidence import Entry, RuleEvidence
from validationrun.oracle.question import Question
from validationrun.oracle.summary import Summary
from validationrun.oracle.workload import Workload
from validationrun.record import Record, parse_time
from validationrun.report import files, junit, log, markdown, page, termination
from validationrun.report.reading import view_of
from validationrun.report.view import RuleView, RunView
from validationrun.results.files import dump_json, listed, write_whole
from validationrun.results.folder import IN_CLUSTER, RESULT_JSON, Result, result_document
from validationrun.runner import diagnostics, values
from validationrun.runner.bundle import Bundle, BundleError
from validationrun.runner.context import Context
from validationrun.runner.deciding import Evidence
from validationrun.runner.diagnostics import PodFound

RESULTS_DIR: Final = "results"
ELSEWHERE: Final = (
    "the reports in the bucket were made by finalize, which has each rule's verdict and sums; the decisions lie in "
    "rules/*.jsonl, and `validationrun report DIR -o html` of the whole folder draws them"
)
LOST: Final = "the evaluator left no evidence that counts: what is told of the rules is how far the run record got"
NO_QUERIES: Final = (
    "the run's copy of its bundle is gone: the rules are told in result.json only, without their queries"
)


def write(
    context: Context,
    written: Record,
    status: Mapping[str, Any],
    evidence: Evidence,
    workload: Workload | None,
    pods: Sequence[PodFound],
) -> pathlib.Path:
    """
    Writes all of it, `result.json` last; the same again when it is called again. Returns the folder.

    Raises:
        OSError: it cannot be written.
        ResultsError: the run's documents contradict each other.
    """
    folder = context.output_dir / RESULTS_DIR
    folder.mkdir(parents=True, exist_ok=True)
    if pods:
        diagnostics.save(folder, pods)
    result = _result(context, written, status, evidence, workload, ELSEWHERE)
    shown = _view(result, evidence)
    for name, content in (
        (files.HTML, page.render(shown)),
        (files.JUNIT, junit.render(shown)),
        (files.MARKDOWN, markdown.render(shown)),
        (files.LOG, log.render(shown)),
        (files.TERMINATION, termination.render(shown)),
    ):
        write_whole(folder / name, content.encode())
    own = {name: one for name, one in listed(folder).items() if name != RESULT_JSON}
    evaluators = (evidence.sign_off or {}).get("files") or {}
    write_whole(folder / RESULT_JSON, dump_json({**result.document, "files": {**evaluators, **own}}))
    return folder


def view(
    context: Context,
    written: Record,
    status: Mapping[str, Any],
    evidence: Evidence,
    workload: Workload | None,
    elsewhere: str,
) -> RunView:
    """
    The same for who renders it without writing a folder.

    Args:
        elsewhere: where the decisions are, in words.

    Raises:
        ResultsError: as in `write`.
    """
    return _view(_result(context, written, status, evidence, workload, elsewhere), evidence)


def _result(
    context: Context,
    written: Record,
    status: Mapping[str, Any],
    evidence: Evidence,
    workload: Workload | None,
    elsewhere: str,
) -> Result:
    run = written.get(record.RUN) or {}
    questions = _questions(context, written)
    notes = []
    if run.get("rules") and written.get(record.WINDOW) is not None:
        notes.append(elsewhere if evidence.sign_off is not None else LOST)
    if run.get("rules") and not questions:
        notes.append(NO_QUERIES)
    judgement = _judgement(written, questions, evidence)
    sign_off = evidence.sign_off or {}
    document = result_document(
        IN_CLUSTER,
        status,
        judgement,
        questions,
        settle_s=float(sign_off.get("settleSeconds", context.settle_s)),
        prometheus={"url": (written.get(record.EVALUATOR) or {}).get("prometheus")},
        versions={"validationrun": importlib.metadata.version("validationrun"), "python": platform.python_version()},
        workload=None
        if workload is None
        else {"code": workload.code, "reason": workload.reason, "message": workload.message},
        notes=notes,
    )
    return Result(document, questions, {})


def _questions(context: Context, written: Record) -> list[Question]:
    """The rules and their queries, from the run's own copy of its bundle; none where that is gone, or never was."""
    found = context.cluster.get(CONFIG_MAPS, context.identity.bundle_name)
    chain_id, run = (written.get(record.CHAIN) or {}).get("chainId"), written.get(record.RUN) or {}
    if found is None or not owned_by(found, context.identity.uid) or not chain_id:
        return []
    data = found.get("data") or {}
    if bundle_hash(data) != context.bundle_hash:
        return []
    try:
        bundle = Bundle(data)
    except BundleError:
        return []
    run_values = values.run_values(bundle.plan, context.identity, chain_id, run.get("parameters") or {})
    planned = {one["name"]: one for one in bundle.plan["rules"]}
    return [Question.planned(rule, planned[rule.name], run_values) for rule in bundle.rules()]


def _judgement(written: Record, questions: Sequence[Question], evidence: Evidence) -> Judgement:
    """As the evaluator signed off, or how far the record got. What was not signed off was cut short."""
    known = {state.name: state for state in evidence.states or []}
    states = [known.get(one.rule.name, RuleState(one.rule.name)) for one in questions]
    sign_off = evidence.sign_off
    if sign_off is None:
        window, stop = written.get(record.WINDOW) or {}, written.get(record.STOP)
        start = _time(window.get("start"))
        return Judgement(
            start, None, stop["t"] if stop and start else None, evidence.stop_rule, states, [], interrupted=True
        )
    clock = [ClockCheck(one["at"], one["skewSeconds"], one["message"]) for one in sign_off.get("clock") or []]
    start, end, stopped = (_time(sign_off[key]) for key in ("start", "end", "stopTime"))
    return Judgement(start, end, stopped, sign_off["stopRule"], states, clock)


def _time(text: str | None) -> float | None:
    return parse_time(text) if text else None


def _view(result: Result, evidence: Evidence) -> RunView:
    """
    A result without its decisions, made ready to be shown.

    What is not here is not missing: nothing is told of ticks, and the sums are the evaluator's own. A rule's failure stands in
    its state, and is shown like one whose exchange an earlier evaluator took with it.
    """
    states = {one["name"]: RuleState(**one) for one in result.document["states"]}
    window = result.document["window"]
    sums = (evidence.sign_off or {}).get("summaries") or {}
    kept = {
        name: RuleEvidence(_entries(state, window, sums.get(name) or {}), (state, 0)) for name, state in states.items()
    }
    view = view_of(replace(result, evidence=kept))
    return replace(view, rules=[_rule(rule, sums.get(rule.name)) for rule in view.rules])


def _entries(state: RuleState, window: Mapping[str, Any], sums: Mapping[str, Any]) -> list[Entry]:
    t = state.failed_t
    if t is None:
        return []
    final = t == window["end"] and state.swept
    # The state has the last value, which may be a good one again; that of the failure is known where nothing was worse.
    value = state.value if t == state.last_t else sums.get("marginValue") if t == sums.get("marginT") else None
    return [Entry(t, final, None, "Failed", state.reason, state.message, value, counted=True)]


def _rule(rule: RuleView, sums: Mapping[str, Any] | None) -> RuleView:
    summary = _summary(rule, sums) if sums is not None else rule.summary
    return replace(rule, missing=[], resumed=None, summary=summary)


def _summary(rule: RuleView, sums: Mapping[str, Any]) -> Summary:
    """As `Summary.as_json` wrote it."""
    return Summary(
        rule.rule,
        decisions=sums["decisions"],
        counted=sums["counted"],
        good=sums["good"],
        failed=sums["failed"],
        errors=dict(sums["errors"]),
        first_t=sums["firstT"],
        last_t=sums["lastT"],
        lowest=_extreme(sums["lowest"]),
        highest=_extreme(sums["highest"]),
        margin=sums["margin"],
        margin_t=sums["marginT"],
        margin_value=sums["marginValue"],
    )


def _extreme(text: str | None) -> tuple[float, str] | None:
    return (float(text), text) if text is not None else None

"""`evaluate`: judges only the rules, over a present or past window; it asks only Prometheus."""

import logging
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.durations import format_duration
from validationrun.base.text import counted
from validationrun.base.times import format_time
from validationrun.compiling.plan.build import spec_hash
from validationrun.contract.override import Override
from validationrun.contract.owned_record import Identity
from validationrun.contract.record_key import MemoryRecord
from validationrun.judging.backtest.client import HistoryError, Past
from validationrun.judging.backtest.retention import doubt
from validationrun.judging.backtest.windows import Period
from validationrun.judging.live.loop import Evaluation
from validationrun.judging.live.window import Window
from validationrun.judging.without_data import unproven
from validationrun.local.control import Clock, LocalControl, as_it_ended, signals_interrupt
from validationrun.local.finish import Setting, conclude
from validationrun.local.memory_record import put_chain, run_entry
from validationrun.local.preflight import (
    LocalError,
    askers,
    new_folder,
    notes_of,
    prometheus_info,
    questions_of,
    refuse_late_rules,
    uses_chain_id,
)
from validationrun.oracle.fold import Fold
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.ticks import judged_seconds
from validationrun.prometheus import Access, Prometheus
from validationrun.results.evidence import EvidenceWriter
from validationrun.results.folder import Result, local_run_id, results_path
from validationrun.results.judgement import Judgement
from validationrun.spec.v1alpha1 import ValidationRun

logger = logging.getLogger(__name__)

RULES_ONLY: Final = "rules-only"


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """
    What the command line adds to a spec.

    Attributes:
        root: folder of all results.
        start: Unix seconds; None for now.
        seconds: length of the window; None for the spec's own.
        parent: where the run's own folder is made; None for its place below `root`.
    """

    prometheus_url: str
    access: Access
    root: pathlib.Path
    chain_id: str | None = None
    start: float | None = None
    seconds: int | None = None
    settle_s: float = conventions.DEFAULT_SETTLE_SECONDS
    parent: pathlib.Path | None = None


def evaluate(
    run: ValidationRun, options: EvaluateOptions, tell: Callable[[], None] = lambda: None
) -> tuple[Result, pathlib.Path]:
    """
    Judges the rules of a spec and ignores its load. Returns the result and its folder.

    Args:
        tell: called for each signal.

    Raises:
        LocalError: the spec has no rules, or Prometheus does not answer.
        OSError: the results cannot be written.
    """
    clock = Clock()
    began = clock.now()
    run_id, namespace = local_run_id(run.metadata.name, began), run.metadata.namespace or ""
    seconds = options.seconds if options.seconds is not None else judged_seconds(run.spec)
    chain_id = chain_id_of(run, options.chain_id)
    questions = _questions(run, chain_id, run_id)
    refuse_late_rules(run, seconds)
    prometheus = prometheus_info(options.prometheus_url, options.access)
    start = round(options.start, 3) if options.start is not None else clock.now()
    end = round(start + seconds, 3)
    folder = new_folder((options.parent or results_path(options.root, namespace, RULES_ONLY, "")) / run_id)
    if folder.name != run_id:
        run_id = folder.name
        questions = _questions(run, chain_id, run_id)
    rules = [question.rule for question in questions]
    record = _record(run, options, began, questions)
    evidence = EvidenceWriter(folder, rules)
    # The window counts as open to its end, because no rule is queried before its time.
    control = LocalControl(Window(start, end, end, over=True), options.settle_s, evidence, clock)
    window = f"{format_time(start)} to {format_time(end)}"
    logger.info("judging %s by %s from %s", counted(len(rules), "rule"), options.prometheus_url, window)
    identity = Identity(run_id, run_id, namespace)
    setting = Setting("evaluate", folder, identity, questions, options.settle_s, prometheus, notes_of(run))
    with signals_interrupt(control, tell):
        judgement = _judge(options, questions, control)
        return conclude(setting, record, judgement, evidence, None, control.now()), folder


def _judge(options: EvaluateOptions, questions: list[Question], control: LocalControl) -> Judgement:
    fold = Fold.begin([question.rule for question in questions])
    judgement = Evaluation(
        control,
        askers(questions, options.prometheus_url, options.access, control.now, control.wake),
        fold,
        Prometheus(options.prometheus_url, options.access).clock,
    ).run()
    ended = as_it_ended(judgement, fold, interrupted=control.interrupted())
    return ended if ended.interrupted or options.start is None else _with_data(options, ended)


def _with_data(options: EvaluateOptions, judgement: Judgement) -> Judgement:
    """The judgement of a window that may be older than what Prometheus holds, where silence and constants prove nothing."""
    start, end = judgement.start, judgement.end
    if start is None or end is None or not any(state.verdict == Verdict.PASSED for state in judgement.states):
        return judgement
    with Past(options.prometheus_url, options.access) as past:
        try:
            why = doubt(past, Period(start, end))
        except HistoryError as error:
            why = str(error)
    return replace(judgement, no_data=why, states=unproven(judgement.states, why))


def _record(run: ValidationRun, options: EvaluateOptions, began: float, questions: list[Question]) -> MemoryRecord:
    parameters = {} if options.chain_id is None else {conventions.PARAM_CHAIN_ID: options.chain_id}
    compiled, seconds = judged_seconds(run.spec), options.seconds
    overridden = []
    if seconds is not None and seconds != compiled:
        overridden.append(Override(conventions.PARAM_DURATION, format_duration(seconds), format_duration(compiled)))
    name, digest = run.metadata.name, spec_hash(run)
    record = MemoryRecord(run_entry(name, digest, began, parameters, questions, overridden=overridden))
    chain_id, endpoints = chain_id_of(run, options.chain_id), run.spec.chain.endpoints
    if chain_id is not None:
        put_chain(record, chain_id, endpoints.rpc if endpoints is not None else [], began)
    return record


def chain_id_of(run: ValidationRun, given: str | None) -> str | None:
    """The given id, else an existing chain's. None for a chain that is brought up, whose id is new in each run."""
    if given is not None:
        return given
    return run.spec.chain.chain_id if run.spec.chain.endpoints is not None else None


def _questions(run: ValidationRun, chain_id: str | None, run_id: str) -> list[Question]:
    if not run.spec.rules:
        raise LocalError(f"run {run.metadata.name} has no rules: there is nothing to judge")
    values = {"namespace": run.metadata.namespace or "", "runId": run_id, "chainId": chain_id or ""}
    questions = questions_of(run, values)
    for question in questions if chain_id is None else ():
        if uses_chain_id(question):
            raise LocalError(
                f"rule {question.rule.name} uses ${{chainId}}, which differs from run to run: give --chain-id"
            )
    return questions

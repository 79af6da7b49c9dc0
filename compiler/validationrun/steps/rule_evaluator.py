"""
`rule-evaluator`: evaluates every rule in the window, stops the load when it must, and signs off.

It always runs, even without rules. It records verdicts as they change. The sign-off, written last and once, proves that the
verdicts are complete.
"""

import importlib.metadata
import logging
from collections.abc import Sequence
from functools import partial

from validationrun.base.conventions import OUTPUT_RESULTS
from validationrun.base.times import format_time
from validationrun.contract import parameters
from validationrun.contract.bundle import Bundle
from validationrun.contract.chain_entries import ChainEntry
from validationrun.contract.evaluation_entries import EvaluatorReady, RuleStates, StopIntent, SuiteEnded
from validationrun.contract.file_hash import listed
from validationrun.contract.load_entries import JobEntry
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff, stands
from validationrun.judging.live.loop import Evaluation
from validationrun.judging.live.rule_query import Asker
from validationrun.judging.recorded import read_evidence
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import DefinedAlert, Fault
from validationrun.oracle.fold import Fold
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of
from validationrun.prometheus import Access, Prometheus
from validationrun.prometheus.explain_empty import explain_empty
from validationrun.results.evidence import EvidenceWriter
from validationrun.results.judgement import Judgement
from validationrun.spec.v1alpha1 import Rule
from validationrun.steps.cluster_control import ClusterControl
from validationrun.steps.context import Context, RunnerError, end_against_run, note_termination
from validationrun.steps.metrics import Metrics
from validationrun.steps.rule_references import References
from validationrun.steps.sigterm import on_sigterm

logger = logging.getLogger(__name__)


def rule_evaluator(context: Context) -> int:
    """
    Evaluates the rules of this run, from the last tick in the record.

    Returns:
        The step's exit code.

    Raises:
        RunnerError: a signal came before the window was judged. The next attempt continues from the record.
    """
    record = Record.read(context.cluster, context.identity)
    if record is None or not record.chain_is_ready:
        logger.info("there is no chain to judge")
        return 0
    if stands(record.get(SignOff)):
        _refuse_without_evidence(record)
        logger.info("the record has this step's sign-off already")
        return _exit_code(context, record)
    if record.sealed:
        # The run got its verdict without a sign-off, so this step can no longer prove it.
        logger.info("the run has its verdict already")
        return 0
    _evaluate(context, record)
    suite_ended = record.get(SuiteEnded)
    if suite_ended is not None:
        return end_against_run(f"Cancelled: {suite_ended.message}")
    return _exit_code(context, record)


def _evaluate(context: Context, written: Record) -> None:
    """Evaluates from the first tick that is not in the record to the sign-off. Raises RunnerError."""
    bundle = Bundle.mounted(context.bundle_dir, context.bundle_hash)
    questions = _questions(context, written, bundle)
    rules = [question.rule for question in questions]
    recorded = written.get(RuleStates)
    states = recorded.rules if recorded is not None else []
    evidence = EvidenceWriter(
        context.output_dir / OUTPUT_RESULTS, rules, {state.name: state for state in states if state.last_t is not None}
    )
    control = ClusterControl(context, written, evidence, Metrics.serving(rules))
    fold = Fold.begin(rules, states)
    intended = _intended(written)
    if intended is not None and fold.stop_time is None:
        # The failure that stopped the run stands, whatever Prometheus would answer now.
        fold.add(intended)
    url = parameters.prometheus_url(bundle.plan, written.need(RunEntry).parameters)
    access = Access.from_environment().only_for(bundle.plan.prometheus_url)
    askers = _askers(context, questions, url, access)
    evaluation = Evaluation(control, askers, fold, Prometheus(url, access).clock, intended)
    _tell_ready(context, written, rules, url)
    # A drain, stop or deadline: the state is recorded within the grace period.
    with on_sigterm(control.interrupt):
        judgement = evaluation.run()
    evidence.close(judgement.states)
    _sign_off(context, written, judgement, evidence)


def _exit_code(context: Context, written: Record) -> int:
    """By the recorded sign-off, whichever attempt wrote it. A sign-off that judged no window says nothing about the rules."""
    evidence = read_evidence(written, context.bundle_hash)
    states = evidence.states if evidence.sign_off is not None and evidence.states is not None else []
    failed = sorted(
        (state for state in states if state.verdict == Verdict.FAILED), key=lambda state: state.failed_t or 0.0
    )
    against = [*failed, *(state for state in states if state.verdict == Verdict.ERROR)]
    if not against:
        return 0
    return end_against_run("; ".join(f"{state.reason}: rule {state.name}: {state.message}" for state in against))


def _refuse_without_evidence(written: Record) -> None:
    """
    The attempt that signed off has not ended well, so its evidence may not have been uploaded; this attempt has no evidence.

    Raises:
        RunnerError: the spec asks for an upload. If this attempt ended well, the Workflow could succeed without the evidence.
    """
    run = written.get(RunEntry)
    if run is not None and run.results is not None:
        raise RunnerError(
            "an earlier attempt signed off and its evidence may not have been uploaded; this one has none"
        )


def _questions(context: Context, written: Record, bundle: Bundle) -> list[Question]:
    run, chain_id = written.need(RunEntry), written.need(ChainEntry).chain_id
    return bundle.questions(parameters.run_values(bundle.plan, context.identity, chain_id, run.parameters))


def _askers(context: Context, questions: Sequence[Question], url: str, access: Access) -> list[Asker]:
    """One asker per rule, each with its own connection, so that a slow answer delays no other rule."""
    references = References(context.cluster)
    explain = explain_empty(Prometheus(url, access))
    return [
        Asker(
            question, Prometheus(url, access), reference=partial(_resolve, references), explain=explain, now=context.now
        )
        for question in questions
    ]


def _resolve(references: References, rule: Rule) -> Fault | Sequence[DefinedAlert]:
    """Why the rule's reference does not resolve, or the alert that it names; nothing for a rule without one."""
    reference = type_of(rule).reference(rule)
    if reference is None:
        return ()
    return references.resolve(rule.name, reference.namespace, reference.name, reference.alertname)


def _intended(written: Record) -> Decision | None:
    """The failure for which an earlier attempt of this step recorded that it stops the run."""
    stop = written.get(StopIntent)
    if stop is None:
        return None
    return Decision(stop.rule, stop.t, Verdict.FAILED, stop.reason, stop.message, stop.value)


def _tell_ready(context: Context, written: Record, rules: Sequence[Rule], url: str) -> None:
    """Records that the evaluator is ready. load-job creates the Job only after that."""
    if written.get(EvaluatorReady) is None:
        written.write(context.step, EvaluatorReady(format_time(context.now()), url))
    logger.info("ready to judge %s rules by %s", len(rules), url)


def _sign_off(context: Context, written: Record, judgement: Judgement, evidence: EvidenceWriter) -> None:
    """Records the proof that the evidence is complete: what was judged, over which window, for which load, with which bundle."""
    job = written.refresh().get(JobEntry)
    sign_off = SignOff(
        workflow_uid=context.identity.uid,
        job_uid=job.uid if job is not None else None,
        bundle_hash=context.bundle_hash,
        start=_time(judgement.start),
        end=_time(judgement.end),
        stop_time=_time(judgement.stop_time),
        stop_rule=judgement.stop_rule,
        settle_seconds=context.settle_s,
        runner=importlib.metadata.version("validationrun"),
        clock=judgement.clock,
        rules=judgement.states,
        summaries=evidence.summaries(),
        files=listed(context.output_dir / OUTPUT_RESULTS),
        at=format_time(context.now()),
        node_id=context.node_id,
        stopped=judgement.interrupted,
        cooldown_end=_time(judgement.cooldown_end),
    )
    if not written.change(context.step, SignOff, lambda recorded: None if stands(recorded) else sign_off):
        _refuse_without_evidence(written)
        logger.info("another attempt of this step has signed off, or the run has its verdict")
        return
    verdicts = {state.verdict for state in judgement.states}
    worst = next((verdict for verdict in (Verdict.FAILED, Verdict.ERROR) if verdict in verdicts), Verdict.PASSED)
    context.output("verdict", Verdict.ERROR if judgement.interrupted and worst == Verdict.PASSED else worst)
    results = ", ".join(f"{state.name} {state.verdict}" for state in judgement.states) or "no rules"
    message = f"{'stopped by a signal' if judgement.interrupted else 'signed off'}: {results}"
    logger.info("%s", message)
    note_termination(message)
    if judgement.interrupted and written.get(SuiteEnded) is None:
        # Argo never retries a step that ended well. After a drain, which sends the signal too, another attempt has to continue.
        raise RunnerError(message)


def _time(seconds: float | None) -> str | None:
    return format_time(seconds) if seconds is not None else None

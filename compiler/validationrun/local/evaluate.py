"""`evaluate`: the rules alone, from now on or over a window that began already; asks Prometheus and nobody else."""

import pathlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from validationrun import record
from validationrun.api.v1alpha1 import ValidationRun
from validationrun.cluster import Object
from validationrun.evaluation.asker import Asker
from validationrun.evaluation.driver import Evaluation, Window
from validationrun.evaluation.why import explain_empty
from validationrun.local.control import LocalControl, Say, signals_interrupt
from validationrun.local.keeping import Kept, run_entry
from validationrun.local.outcome import Setting, conclude
from validationrun.oracle.answers import Fault
from validationrun.oracle.engine import Fold
from validationrun.oracle.question import Question
from validationrun.oracle.window import judged_seconds
from validationrun.plan.build import spec_hash
from validationrun.prometheus import Access, Prometheus
from validationrun.record import Identity, format_time
from validationrun.results.evidence import EvidenceWriter
from validationrun.results.folder import Result, local_run_id, results_path

RULES_ONLY: str = "rules-only"
_FIRST_ANSWER_SECONDS = 10.0
ALERTS_NOTE = (
    "alert references were resolved through Prometheus only: nobody looked at PrometheusRule objects or namespaces"
)


class LocalError(Exception):
    """The run cannot begin; the message says why and what would help."""


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """
    What the command line adds to a spec.

    Attributes:
        start: Unix seconds; None for now.
        seconds: how long; None for what the spec says.
        root: of all results.
    """

    prometheus_url: str
    access: Access
    root: pathlib.Path
    chain_id: str | None = None
    start: float | None = None
    seconds: int | None = None
    settle_s: float = 5.0


def evaluate(run: ValidationRun, options: EvaluateOptions, say: Say) -> tuple[Result, pathlib.Path]:
    """
    Judges the rules of a spec; its load counts as absent.

    Returns the result and the folder it lies in.

    Raises:
        LocalError: there is nothing to judge, or the first question to Prometheus was not answered.
        OSError: the results cannot be written.
    """
    began = time.time()
    run_id = local_run_id(run.metadata.name, began)
    questions = questions_of(run, chain_id_of(run, options.chain_id), run_id)
    prometheus = prometheus_info(options.prometheus_url, options.access)
    start = round(options.start if options.start is not None else began, 3)
    end = start + (options.seconds or judged_seconds(run.spec))
    folder = new_folder(options.root, run, RULES_ONLY, run_id)
    rules = [question.rule for question in questions]
    identity = Identity(run_id, run_id, run.metadata.namespace or "")
    kept = Kept()
    kept.put(record.RUN, run_entry(run.metadata.name, spec_hash(run), began, {}, questions, None))
    kept.put(record.WINDOW, {"start": format_time(start), "end": format_time(end)})
    evidence = EvidenceWriter(folder, rules)
    # A rule is asked only once its time has come, so the whole window may be given as open from the start.
    control = LocalControl(Window(start, end, end, over=True), options.settle_s, evidence, kept, say)
    say(f"judging {len(rules)} rules by {options.prometheus_url} from {format_time(start)} to {format_time(end)}")
    with signals_interrupt(control):
        clock = Prometheus(options.prometheus_url, options.access)
        evaluation = Evaluation(control, askers(questions, options, control.now), Fold.begin(rules), clock.clock)
        judgement = evaluation.run()
    notes = (ALERTS_NOTE,) if any(rule.alert for rule in rules) else ()
    setting = Setting("evaluate", folder, identity, questions, options.settle_s, prometheus, notes)
    return conclude(setting, kept, judgement, evidence, None, control.now()), folder


def askers(questions: list[Question], options: "EvaluateOptions", now: Callable[[], float]) -> list[Asker]:
    """Each rule with a connection of its own."""
    explain = explain_empty(Prometheus(options.prometheus_url, options.access))
    return [
        Asker(question, Prometheus(options.prometheus_url, options.access), explain=explain, now=now)
        for question in questions
    ]


def chain_id_of(run: ValidationRun, given: str | None) -> str | None:
    """Of an existing chain, the spec's own; a chain that is brought up has another id in each run, so it must be given."""
    if given is not None:
        return given
    return run.spec.chain.chain_id if run.spec.chain.endpoints is not None else None


def questions_of(run: ValidationRun, chain_id: str | None, run_id: str) -> list[Question]:
    """
    The rules with their run-time values.

    Raises:
        LocalError: there are none, or one names the chain and nobody said which.
    """
    if not run.spec.rules:
        raise LocalError(f"run {run.metadata.name} has no rules: there is nothing to judge")
    values = {"namespace": run.metadata.namespace or "", "runId": run_id, "chainId": chain_id or ""}
    questions = [Question.of(rule, values) for rule in run.spec.rules]
    for question in questions if chain_id is None else ():
        if any(place.value == "chainId" for place in question.places):
            raise LocalError(
                f"rule {question.rule.name} uses ${{chainId}}, which is another one in every run: give --chain-id"
            )
    return questions


def prometheus_info(url: str, access: Access) -> Object:
    """
    The preflight: Prometheus answers.

    Raises:
        LocalError: it does not.
    """
    prometheus = Prometheus(url, access)
    answer = prometheus.clock(_FIRST_ANSWER_SECONDS)
    if isinstance(answer, Fault):
        raise LocalError(f"Prometheus does not answer: {answer.message}; --prometheus names another")
    version = prometheus.version(_FIRST_ANSWER_SECONDS)
    return {"url": url, **({} if isinstance(version, Fault) else {"version": version})}


def new_folder(root: pathlib.Path, run: ValidationRun, job: str, run_id: str) -> pathlib.Path:
    """
    The results folder, which must not be there yet: results of two runs never mix.

    Raises:
        LocalError
    """
    folder = results_path(root, run.metadata.namespace or "default", job, run_id)
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise LocalError(f"{folder} is there already: another run began in this very second") from None
    except OSError as error:
        raise LocalError(f"cannot make {folder}: {error.strerror}") from None
    return folder

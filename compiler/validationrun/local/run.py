"""`run --local`: runs the workload as processes of this machine, judges it meanwhile, and stops it when a rule says so."""

import contextlib
import dataclasses
import logging
import os
import pathlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.text import counted
from validationrun.base.times import format_time
from validationrun.compiling.emit.bundle import build_bundle
from validationrun.compiling.plan import Plan, build_plan
from validationrun.contract import parameters as values
from validationrun.contract.bundle import Bundle
from validationrun.contract.load_entries import JobEntry
from validationrun.contract.owned_record import Identity
from validationrun.contract.record_key import MemoryRecord
from validationrun.contract.result_json import PrometheusInfo
from validationrun.contract.run_entry import LoadPlan
from validationrun.judging.live.clock_skew import check_clock, fault_of
from validationrun.judging.live.loop import Evaluation
from validationrun.judging.live.window import Window
from validationrun.local.chain import Chain, chain_of
from validationrun.local.control import Clock, LocalControl, as_it_ended, signals_interrupt
from validationrun.local.finish import Setting, conclude
from validationrun.local.load import Load
from validationrun.local.memory_record import put_chain, run_entry
from validationrun.local.preflight import (
    LocalError,
    askers,
    new_folder,
    notes_of,
    prometheus_info,
    questions_of,
    refuse_hopeless_alerts,
)
from validationrun.local.workload import Container, cluster_only, container_of
from validationrun.local.workspace import Workplace, fetch_image, workplace
from validationrun.oracle.decision import Decision
from validationrun.oracle.fold import Fold
from validationrun.oracle.question import Question
from validationrun.prometheus import Access, Prometheus
from validationrun.results.evidence import EvidenceWriter
from validationrun.results.folder import Result, local_run_id, results_path
from validationrun.results.judgement import Judgement
from validationrun.spec.v1alpha1 import ValidationRun

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class RunOptions:
    """
    What the command line adds to a spec.

    Attributes:
        root: folder of all results.
        endpoints: by kind: rpc, evm, ws, rest.
        parameters: as for a submission, without chain id and Prometheus URL.
        environment: variables that replace the spec's.
        docker: run containers instead of processes.
        parent: where the run's own folder is made; None for its place below `root`.
    """

    prometheus_url: str
    access: Access
    root: pathlib.Path
    endpoints: Mapping[str, Sequence[str]]
    chain_id: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    docker: bool = False
    settle_s: float = conventions.DEFAULT_SETTLE_SECONDS
    parent: pathlib.Path | None = None


class RunControl(LocalControl):
    """A window that the load opens and ends."""

    def __init__(self, load: Load, cooldown_s: int, settle_s: float, evidence: EvidenceWriter, clock: Clock) -> None:
        super().__init__(Window(), settle_s, evidence, clock)
        self.load = load
        self._cooldown_s = cooldown_s
        self._hurry = threading.Event()

    def interrupt(self) -> bool:
        """The first call asks for an orderly end, the second for an immediate end."""
        if not self._interrupt.is_set():
            return super().interrupt() or True
        self._hurry.set()
        return False

    def hurried(self) -> bool:
        return self._hurry.is_set()

    def look(self) -> Window:
        load, window = self.load, self._window
        if not load.begun:
            # The load begins here, so that the evaluation is ready before the window opens.
            load.begin()
        now = self.now()
        # Read `over` before `open_until`, because the load may end between the two.
        over = load.over
        if window.start is None and (start := load.start) is not None:
            window.start = start
        if load.failure is not None or over:
            self._close()
        else:
            window.open_until = max(window.open_until, load.open_until(now))
            load.watch(now)
        return window

    def _close(self) -> None:
        """The load has ended, or never began."""
        window = self._window
        window.end, window.over = self.load.end(), True
        window.open_until = window.end if window.end is not None else window.open_until
        known, window.cooldown_end = window.cooldown_end, self.load.cooldown_end(self._cooldown_s)
        if window.cooldown_end is not None and known is None:
            logger.info("the load has ended; cooling down until %s", format_time(window.cooldown_end))

    def stop(self, decision: Decision) -> None:
        if self._window.cooldown_end is not None:
            self.announce_stop(decision, "ending the cooldown")
            return
        self.announce_stop(decision, "stopping the load")
        self.load.stop("rule", f"rule {decision.rule} failed", decision.t)

    def await_end(self) -> None:
        """Waits until no process of the load is left; an interrupt stops the load."""
        load, announced = self.load, False
        while not load.wait(_BEAT_SECONDS):
            if load.why and not announced:
                announced = True
                logger.info("waiting until the load has ended")
            if self.interrupted() and not load.why and not load.over:
                logger.info("interrupted: stopping the load; once more kills it")
                load.stop("interrupted", "interrupted")
            if self.hurried():
                load.kill()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A run that is ready to start."""

    run: ValidationRun
    plan: Plan
    load: LoadPlan
    options: RunOptions
    identity: Identity
    chain: Chain
    container: Container
    parameters: Mapping[str, str]
    questions: Sequence[Question]
    prometheus: PrometheusInfo
    bundle: Bundle

    def named(self, run_id: str) -> "_Prepared":
        """The same run under another id."""
        if run_id == self.identity.workflow:
            return self
        identity = Identity(run_id, run_id, self.identity.namespace)
        environment = self.options.environment
        return dataclasses.replace(
            self,
            identity=identity,
            container=container_of(self.run, self.bundle, identity, self.chain, self.parameters, environment),
            questions=_questions(self.run, identity, self.chain),
        )


def run_local(
    run: ValidationRun, options: RunOptions, tell: Callable[[], None] = lambda: None
) -> tuple[Result, pathlib.Path]:
    """
    Drives the load of a spec from this machine against an existing chain, and judges it.

    Returns the result and its folder.

    Args:
        tell: called for each signal.

    Raises:
        LocalError: the run cannot begin.
        OSError: the results cannot be written.
    """
    clock = Clock()
    prepared = _prepare(run, options, clock)
    if options.docker:
        fetch_image(prepared.container.image, prepared.plan.timings.load_start_s)
    run_id = prepared.identity.workflow
    path = results_path(options.root, prepared.identity.namespace, prepared.load.workload, run_id)
    folder = new_folder(options.parent / run_id if options.parent is not None else path)
    prepared = prepared.named(folder.name)
    with workplace(prepared.container, prepared.load.shards, shared=options.docker) as place:
        name = folder.name if options.docker else None
        launches = place.launches(prepared.container, folder, name, os.environ)
        load = Load(launches, prepared.plan.timings.run_s, clock, prepared.load, options.docker)
        with contextlib.closing(load):
            return _judge(prepared, load, place, folder, tell), folder


def _prepare(run: ValidationRun, options: RunOptions, clock: Clock) -> _Prepared:
    plan = build_plan(run)
    began = clock.now()
    run_id = local_run_id(run.metadata.name, began)
    identity = Identity(run_id, run_id, run.metadata.namespace or "")
    bundle = Bundle(build_bundle(plan).data)
    try:
        parameters = values.effective_parameters(bundle.plan, options.parameters)
    except values.ParameterError as error:
        raise LocalError(f"--set {error}") from None
    load = values.load_plan(bundle.plan, parameters)
    if load is None:
        raise LocalError(f"run {run.metadata.name} has no load; `validationrun evaluate` judges the rules alone")
    chain = chain_of(run, options.endpoints, options.chain_id)
    container = container_of(run, bundle, identity, chain, parameters, options.environment)
    if container.command is None and not options.docker:
        raise LocalError(
            f"spec.load.workload.command is not set, and what {container.image} starts is known to a container engine "
            "alone: set `command:`, or give --docker"
        )
    questions = _questions(run, identity, chain)
    prometheus = PrometheusInfo()
    if questions:
        prometheus = _ask_prometheus(options, clock)
        with contextlib.closing(Prometheus(options.prometheus_url, options.access)) as asked:
            window_s = values.effective_seconds(bundle.plan, parameters)
            refuse_hopeless_alerts(questions, asked, window_s, plan.timings.cooldown_s)
    return _Prepared(
        run,
        plan,
        load,
        options,
        identity,
        chain,
        container,
        parameters,
        questions,
        prometheus,
        bundle,
    )


def _questions(run: ValidationRun, identity: Identity, chain: Chain) -> list[Question]:
    return questions_of(run, {"namespace": identity.namespace, "runId": identity.workflow, "chainId": chain.chain_id})


def _ask_prometheus(options: RunOptions, clock: Clock) -> PrometheusInfo:
    """Checks that Prometheus answers and that its clock agrees with ours. Raises LocalError."""
    info = prometheus_info(options.prometheus_url, options.access)
    with contextlib.closing(Prometheus(options.prometheus_url, options.access)) as prometheus:
        check = check_clock(prometheus.clock, clock.now)
    if fault := fault_of([check]):
        way = "" if fault == check.message else ": its answers would be about another time; set the clocks"
        raise LocalError(f"{fault}{way}")
    return info


def _judge(prepared: _Prepared, load: Load, place: Workplace, folder: pathlib.Path, tell: Callable[[], None]) -> Result:
    options, questions = prepared.options, prepared.questions
    record = _record(prepared, load.clock.now())
    rules = [question.rule for question in questions]
    evidence = EvidenceWriter(folder, rules)
    control = RunControl(load, prepared.plan.timings.cooldown_s, options.settle_s, evidence, load.clock)
    fold = Fold.begin(rules)
    judges = f"judging {counted(len(rules), 'rule')} by {options.prometheus_url}" if rules else "no rules to judge"
    logger.info("run %s on chain %s; %s", prepared.identity.workflow, prepared.chain.chain_id, judges)
    with signals_interrupt(control, tell):
        evaluation = Evaluation(
            control,
            askers(questions, options.prometheus_url, options.access, control.now, control.wake),
            fold,
            Prometheus(options.prometheus_url, options.access).clock,
        )
        judgement = evaluation.run()
        control.await_end()
        judgement = _with_end(as_it_ended(judgement, fold, interrupted=control.interrupted()), load)
        outcome = load.outcome()
        record.put(load.entry(outcome))
        left_out = place.collect(folder)
        setting = Setting(
            "run",
            folder,
            prepared.identity,
            questions,
            options.settle_s,
            prepared.prometheus,
            (*notes_of(prepared.run), *_own_notes(prepared), *left_out),
        )
        return conclude(setting, record, judgement, evidence, outcome, control.now())


def _record(prepared: _Prepared, began: float) -> MemoryRecord:
    given = prepared.options.chain_id
    parameters = {**prepared.parameters, **({} if given is None else {conventions.PARAM_CHAIN_ID: given})}
    overridden = values.overrides(prepared.bundle.plan, prepared.parameters)
    plan, load = prepared.plan, prepared.load
    entry = run_entry(plan.name, plan.spec_hash, began, parameters, prepared.questions, load, overridden)
    # The shards are processes, so the Job has neither name nor UID.
    record = MemoryRecord(entry, JobEntry(name="", uid="", created_at=format_time(began)))
    put_chain(record, prepared.chain.chain_id, prepared.chain.endpoints["rpc"], began)
    return record


def _with_end(judgement: Judgement, load: Load) -> Judgement:
    """Adds the load's end, which the evaluation does not wait for after a stop."""
    return judgement if judgement.end is not None else replace(judgement, start=load.start, end=load.end())


def _own_notes(prepared: _Prepared) -> Iterator[str]:
    fields = cluster_only(prepared.run, in_container=prepared.options.docker)
    environment = prepared.options.environment
    if environment:
        yield f"--env gave the workload {', '.join(environment)}"
    if fields:
        yield f"the workload ran without {', '.join(fields)}, which only a cluster has"

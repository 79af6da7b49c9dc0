"""`run --local` of a suite: each of its runs as a local run of its own, one after the other, and one verdict over them."""

import contextlib
import dataclasses
import logging
import pathlib
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Final

from validationrun.base import conventions
from validationrun.base.durations import parse_duration
from validationrun.base.text import counted
from validationrun.base.times import format_time
from validationrun.base.truncate import cut
from validationrun.compiling.plan.suite import SuiteMember, SuitePlan
from validationrun.contract.status_document import Status
from validationrun.contract.suite_record import SuiteMemberStatus, SuiteStatus
from validationrun.contract.suite_result import MemberResult, SuiteResult
from validationrun.local.chain import chain_of
from validationrun.local.control import SIGNALS, Clock
from validationrun.local.evaluate import EvaluateOptions, evaluate
from validationrun.local.preflight import LocalError, new_folder
from validationrun.local.run import RunOptions, run_local
from validationrun.oracle.outcome import Phase, RunReason, Verdict
from validationrun.oracle.suite_verdict import MemberEnd, Outcome, SuiteFacts, judge_suite
from validationrun.prometheus import Access
from validationrun.report.suite import write_suite_reports
from validationrun.report.suite_view import suite_view
from validationrun.results.folder import Result, local_run_id, results_path
from validationrun.results.suite_folder import begin_suite, seal_suite
from validationrun.spec.v1alpha1 import ValidationRun

logger = logging.getLogger(__name__)

_MESSAGE_BYTES: Final = 1000
_OUTCOMES: Final = {Verdict.PASSED: Outcome.PASSED, Verdict.FAILED: Outcome.FAILED}

ONE_BY_ONE: Final = "the suite says Parallel; on one machine its runs go one after the other"
NO_CHAIN: Final = "no chain was brought up: the runs share the chain that was given"


@dataclass(frozen=True, slots=True)
class LocalSuite:
    """A suite, and the specs of its runs by their names."""

    plan: SuitePlan
    runs: Mapping[str, ValidationRun]

    def run_of(self, member: SuiteMember) -> ValidationRun:
        return self.runs[member.run.plan.name]


def run_suite(
    suite: LocalSuite, options: RunOptions, access: Callable[[str], Access]
) -> tuple[SuiteResult, pathlib.Path]:
    """
    Runs the members of a suite and judges the suite. Returns the result and its folder, which holds that of each member.

    Args:
        options: for each of the runs; what the suite gives to one of them comes on top.
        access: what may be sent to the Prometheus of a URL.

    Raises:
        LocalError: the suite cannot begin.
        OSError: the results cannot be written.
    """
    chosen = {member.name: _options_of(member, options, access) for member in suite.plan.members}
    _refuse_unknown_chains(suite, chosen)
    clock = Clock()
    run_id = local_run_id(suite.plan.name, clock.now())
    folder = new_folder(results_path(options.root, suite.plan.namespace, suite.plan.name, run_id))
    begin_suite(folder, (member.name for member in suite.plan.members))
    return _Suite(suite, chosen, folder, clock).run(), folder


def _options_of(member: SuiteMember, options: RunOptions, access: Callable[[str], Access]) -> RunOptions:
    """The options of one member's run. Raises LocalError for a parameter that a local run cannot have."""
    given = {name: value for name, value in member.parameters.items() if value}
    url = given.pop(conventions.PARAM_PROMETHEUS_URL, options.prometheus_url)
    chain_id = given.pop(conventions.PARAM_CHAIN_ID, None)
    if None not in (chain_id, options.chain_id) and chain_id != options.chain_id:
        raise LocalError(
            f"run {member.name} of the suite has chain-id {chain_id}, and --chain-id says {options.chain_id}"
        )
    usable = {conventions.PARAM_DURATION, *([conventions.PARAM_IMAGE_WORKLOAD] if options.docker else [])}
    for name in given:
        if name not in usable:
            why = (
                "no image is started without --docker"
                if name == conventions.PARAM_IMAGE_WORKLOAD
                else "a local run brings no chain up, so that it would test another image than the suite says"
            )
            raise LocalError(
                f"run {member.name} of the suite has the parameter {name}, which a local run cannot have: {why}"
            )
    return dataclasses.replace(
        options,
        prometheus_url=url,
        access=options.access if url == options.prometheus_url else access(url),
        chain_id=chain_id or options.chain_id,
        parameters=given,
    )


def _refuse_unknown_chains(suite: LocalSuite, chosen: Mapping[str, RunOptions]) -> None:
    """Raises LocalError before anything has begun, where a run has no chain to run against."""
    asked = set()
    for member in suite.plan.members:
        options = chosen[member.name]
        key = (member.run.plan.name, options.chain_id)
        if member.run.plan.load is not None and key not in asked:
            asked.add(key)
            chain_of(suite.run_of(member), options.endpoints, options.chain_id)


@dataclass(frozen=True, slots=True)
class _Member:
    """A member that has ended, or that was not started."""

    said: SuiteMemberStatus
    own: MemberResult

    @property
    def outcome(self) -> Outcome:
        return self.said.outcome or Outcome.UNKNOWN


class _Suite:
    """A suite while it runs."""

    def __init__(
        self, suite: LocalSuite, options: Mapping[str, RunOptions], folder: pathlib.Path, clock: Clock
    ) -> None:
        self._suite = suite
        self._plan = suite.plan
        self._options = options
        self._folder = folder
        self._clock = clock
        self._stopped = self._beside_run = False
        self._ended: dict[str, _Member] = {}

    def run(self) -> SuiteResult:
        """Runs each member in its turn, then gives the verdict and writes it down."""
        began = self._clock.now()
        members = self._plan.members
        logger.info("suite %s: %s, one after the other", self._folder.name, counted(len(members), "run"))
        with _signals(self._on_signal):
            for number, member in enumerate(in_turn(members), start=1):
                ended = self._not_started(member) or self._interruptible(member, number)
                self._ended[member.name] = ended
                words = ": ".join(filter(None, (ended.outcome, ended.said.reason, ended.said.message)))
                logger.info("run %s of the suite: %s", member.name, words)
        return self._concluded(began)

    def _note_signal(self) -> None:
        self._stopped = True

    def _on_signal(self) -> None:
        """Of a signal that no run handles: what prepares a run, or ends it, is left at once."""
        self._stopped = True
        if self._beside_run:
            raise KeyboardInterrupt

    def _interruptible(self, member: SuiteMember, number: int) -> _Member:
        self._beside_run = True
        try:
            return self._one(member, number)
        except KeyboardInterrupt:
            self._stopped = True
            message = "the suite was stopped while this run began or ended"
            return self._without_run(member, Outcome.CANCELLED, RunReason.CANCELLED, message)
        finally:
            self._beside_run = False

    def _not_started(self, member: SuiteMember) -> _Member | None:
        """Why the member is not started; None where it is."""
        if self._stopped:
            return self._without_run(member, Outcome.NOT_STARTED, "NotStarted", "the suite was stopped before it began")
        bad = [name for name, ended in self._ended.items() if ended.outcome != Outcome.PASSED]
        if self._plan.stop_on_failure and bad:
            return self._after(member, "StopOnFailure", bad[0], "")
        needed = next((name for name in member.depends_on if name in bad), None)
        return self._after(member, "NotStarted", needed, ", on which it depends,") if needed is not None else None

    def _after(self, member: SuiteMember, reason: str, other: str, how: str) -> _Member:
        message = f"not started, because run {other}{how} ended as {self._ended[other].outcome}"
        return self._without_run(member, Outcome.NOT_STARTED, reason, message)

    def _one(self, member: SuiteMember, number: int) -> _Member:
        """The member, run to its end."""
        began = self._clock.now()
        logger.info("run %s of the suite begins (%d of %d)", member.name, number, len(self._plan.members))
        try:
            result, folder = self._run(member)
        except LocalError as error:
            return self._without_run(member, Outcome.ERROR, RunReason.PREFLIGHT_FAILED, cut(str(error), _MESSAGE_BYTES))
        status = result.status
        if status.phase == Phase.CANCELLED:
            self._stopped = True
        said = SuiteMemberStatus(
            name=member.name,
            run=member.run.plan.name,
            workflow=status.run_id,
            outcome=_outcome(status),
            reason=status.reason or "",
            message=cut(status.message, _MESSAGE_BYTES),
            started_at=format_time(round(began)),
            ended_at=format_time(round(self._clock.now())),
        )
        return _Member(said, self._own(member, status, folder.relative_to(self._folder).as_posix()))

    def _run(self, member: SuiteMember) -> tuple[Result, pathlib.Path]:
        run = self._suite.run_of(member)
        options = dataclasses.replace(self._options[member.name], parent=self._folder / member.name)
        if member.run.plan.load is not None:
            return run_local(run, options, self._note_signal)
        duration = options.parameters.get(conventions.PARAM_DURATION)
        chain_id = options.chain_id
        if chain_id is None and options.endpoints.get("rpc"):
            chain_id = chain_of(run, options.endpoints, None).chain_id
        rules = EvaluateOptions(
            options.prometheus_url,
            options.access,
            options.root,
            chain_id,
            seconds=parse_duration(duration) if duration else None,
            settle_s=options.settle_s,
            parent=options.parent,
        )
        return evaluate(run, rules, self._note_signal)

    def _without_run(self, member: SuiteMember, outcome: Outcome, reason: str, message: str) -> _Member:
        said = SuiteMemberStatus(
            name=member.name, run=member.run.plan.name, outcome=outcome, reason=reason, message=message
        )
        return _Member(said, self._own(member, None, ""))

    def _own(self, member: SuiteMember, status: Status | None, folder: str) -> MemberResult:
        return MemberResult(
            name=member.name,
            status=status,
            rules=[rule.name for rule in self._suite.run_of(member).spec.rules],
            load=member.run.plan.load is not None,
            parameters=dict(member.parameters),
            folder=folder,
        )

    def _concluded(self, began: float) -> SuiteResult:
        """The verdict, by the table that judges suites in a cluster; its reports, and the sealed folder."""
        ended = [self._ended[member.name] for member in self._plan.members]
        ends = [
            MemberEnd(end.said.name, end.outcome, ": ".join(filter(None, (end.said.reason, end.said.message))))
            for end in ended
        ]
        verdict = judge_suite(SuiteFacts(self._stopped, [member.name for member in self._plan.members], ends))
        status = SuiteStatus(
            name=self._plan.name,
            namespace=self._plan.namespace,
            run_id=self._folder.name,
            phase=verdict.phase,
            verdict=verdict.verdict,
            reason=verdict.reason,
            message=verdict.message,
            start_time=format_time(round(began)),
            completion_time=format_time(round(self._clock.now())),
            planned=len(ended),
            passed=sum(end.outcome == Outcome.PASSED for end in ended),
            members=[end.said for end in ended],
        )
        result = SuiteResult(mode="run", status=status, members=[end.own for end in ended], notes=self._notes())
        write_suite_reports(suite_view(result), self._folder)
        return seal_suite(self._folder, result)

    def _notes(self) -> list[str]:
        notes = [ONE_BY_ONE] if self._plan.concurrency == "Parallel" else []
        brings_up = any(self._suite.run_of(member).spec.chain.endpoints is None for member in self._plan.members)
        return [*notes, *([NO_CHAIN] if brings_up else [])]


def _outcome(status: Status) -> Outcome:
    return Outcome.CANCELLED if status.phase == Phase.CANCELLED else _OUTCOMES.get(status.verdict, Outcome.ERROR)


def in_turn(members: Sequence[SuiteMember]) -> Iterator[SuiteMember]:
    """The members in the order of the file, each after all that it waits for."""
    left, done = list(members), set[str]()
    while left:
        ready = next((member for member in left if done.issuperset((*member.starts_after, *member.depends_on))), None)
        if ready is None:
            raise ValueError(f"the members {', '.join(member.name for member in left)} wait for each other")
        left.remove(ready)
        done.add(ready.name)
        yield ready


@contextlib.contextmanager
def _signals(react: Callable[[], None]) -> Iterator[None]:
    """
    A signal outside of a run that is judged goes to `react`; while a run is judged, it has handlers of its own.

    A signal that was ignored at the start, as under `nohup`, stays ignored.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    ours = [number for number in SIGNALS if before[number] is not signal.SIG_IGN]

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        react()

    for number in ours:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])

"""The present state of a run, for `watch`: its steps, its shards, its window, and each rule's last answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace as replace_fields

from validationrun.base import conventions
from validationrun.base.times import parse_time
from validationrun.contract.argo_phase import has_ended
from validationrun.contract.evaluation_entries import WindowEntry
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadStart, ShardStatus, recorded_shards
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status import build_status, run_status
from validationrun.contract.status_document import RuleStatus, Status
from validationrun.contract.suite_record import SuiteMemberStatus, SuiteStatus
from validationrun.kube.cluster import Cluster, ForbiddenError
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.suite_verdict import Outcome
from validationrun.oracle.verdict_table import RunVerdict
from validationrun.runs.logs import Tail, step_sources
from validationrun.runs.lookup import identity_of, our_run
from validationrun.runs.saved_diagnostics import saved_pods
from validationrun.runs.step_view import DONE, ERROR, FAILED, RUNNING, WAITING, StepView, steps, words
from validationrun.runs.suites import is_suite, suite_status

_OF_OUTCOME: Final[Mapping[str, str]] = {
    "": RUNNING,
    Outcome.PASSED: DONE,
    Outcome.FAILED: FAILED,
    Outcome.NOT_STARTED: "Skipped",
    Outcome.NOT_CHOSEN: "Skipped",
}


@dataclass(frozen=True, slots=True)
class RuleView:
    """
    Attributes:
        verdict: from the record.
        last: text of the last answer; empty before the first.
        at: evaluation time of the last answer, RFC 3339, or None.
    """

    name: str
    verdict: str
    last: str
    at: str | None


@dataclass(frozen=True, slots=True)
class WindowView:
    """
    Attributes:
        start: Unix seconds.
        seconds: planned length.
        end: Unix seconds once it has ended.
    """

    start: float
    seconds: int
    end: float | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    A run at one moment.

    Attributes:
        status: the status document.
        ended: the Workflow has ended, its clean-up included.
        shards: text of each shard's state, by index.
        saved: finalize saved diagnostics of the pods.
        suite: of a suite, whose members then stand in the place of the steps; None for a run.
    """

    status: Status
    ended: bool
    steps: list[StepView]
    shards: dict[int, str]
    rules: list[RuleView]
    window: WindowView | None
    saved: bool = False
    suite: SuiteStatus | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """A line of the evaluator's log: the last answer to a rule. `t` is RFC 3339."""

    t: str
    verdict: str
    reason: str | None
    message: str


@dataclass
class Follower:
    """Looks at one run again and again."""

    cluster: Cluster
    name: str
    uid: str = ""
    _answers: dict[str, _Answer] = field(default_factory=dict)
    _tails: dict[str, Tail] = field(default_factory=dict)
    _may_read_logs: bool = True

    def look(self, *, answers: bool = True) -> Snapshot | None:
        """
        The run, or the suite, now; None once it is gone.

        Args:
            answers: also read the evaluator's log, which has every answer; the record has only those that changed a verdict.
        """
        workflow = our_run(self.cluster, self.name)
        if workflow is None or self.uid not in ("", workflow.uid):
            return None
        identity = identity_of(workflow)
        self.uid = identity.uid
        if is_suite(workflow):
            return _suite_snapshot(self.cluster, workflow)
        written = Record.read(self.cluster, identity)
        status, ended = run_status(identity, workflow.object, written), has_ended(workflow.object)
        if answers and not ended and written is not None and written.get(WindowEntry) is not None:
            self._read_answers(workflow)
        return Snapshot(
            status=status,
            ended=ended,
            steps=steps(workflow, written),
            shards=shards(written),
            rules=[self._rule(rule) for rule in status.rules],
            window=window(written),
            saved=bool(saved_pods(written)),
        )

    def _read_answers(self, workflow: Workflow) -> None:
        if not self._may_read_logs:
            return
        try:
            for source in step_sources(self.cluster, workflow):
                if source.what == conventions.RULE_EVALUATOR:
                    tail = self._tails.setdefault(source.pod, Tail(self.cluster, source))
                    self._answers.update(_answers(tail.lines()))
        except ForbiddenError:
            # Without the right to read logs, only the record's answers are shown.
            self._may_read_logs = False

    def _rule(self, rule: RuleStatus) -> RuleView:
        answer, at = self._answers.get(rule.name), rule.last_evaluated_at
        if answer is None or (at is not None and parse_time(at) >= parse_time(answer.t)):
            return RuleView(rule.name, rule.verdict, words(rule.reason, rule.message), at)
        reason = answer.reason if answer.verdict == Verdict.ERROR else None
        return RuleView(rule.name, rule.verdict, words(reason, answer.message), answer.t)


def _suite_snapshot(cluster: Cluster, workflow: Workflow) -> Snapshot:
    suite = suite_status(cluster, workflow)
    verdict = None if suite.verdict == Verdict.AWAITED else RunVerdict(suite.phase, suite.reason or "", suite.message)
    status = build_status(identity_of(workflow), workflow.object, None, verdict, suite.completion_time)
    return Snapshot(
        status=replace_fields(status, message=suite.message, overridden=suite.overridden),
        ended=has_ended(workflow.object),
        steps=[_member_step(member) for member in suite.members],
        shards={},
        rules=[],
        window=None,
        suite=suite,
    )


def _member_step(member: SuiteMemberStatus) -> StepView:
    state = WAITING if not member.workflow and member.outcome is None else _OF_OUTCOME.get(member.outcome or "", ERROR)
    message = words(member.reason, member.message) if member.outcome != Outcome.PASSED else member.workflow
    return StepView(member.name, state, message or member.workflow, member.started_at, member.ended_at)


def _answers(lines: list[str]) -> dict[str, _Answer]:
    """The last answer to each rule among the evaluator's lines."""
    answers: dict[str, _Answer] = {}
    for line in lines:
        if not line.startswith("{"):
            continue
        try:
            decision = json.loads(line)
            parse_time(decision["T"])
            rule = decision["rule"]
            answer = _Answer(decision["T"], decision["verdict"], decision["reason"], decision["message"])
        except (ValueError, KeyError, TypeError):
            continue
        if all(isinstance(text, str) for text in (rule, answer.verdict, answer.message)):
            answers[rule] = answer
    return answers


def shards(written: Record | None) -> dict[int, str]:
    """By shard: `waiting`, `running`, `exit 0`, or why there is no exit code."""
    run = written.get(RunEntry) if written is not None else None
    if written is None or run is None or run.load is None or written.get(JobEntry) is None:
        return {}
    over = written.get(LoadEnd) is not None
    states = dict.fromkeys(range(run.load.shards), "never ran" if over else "waiting")
    states.update({shard.index: _shard(shard, over=over) for shard in recorded_shards(written)})
    return states


def _shard(shard: ShardStatus, *, over: bool) -> str:
    reason = shard.reason or ""
    if shard.exit_code is not None:
        return f"exit {shard.exit_code}" + (f" ({reason})" if reason not in ("", "Completed", "Error") else "")
    if over or shard.finished_at:
        return reason or "no exit code"
    return "running" if shard.started_at else reason or "waiting"


def window(written: Record | None) -> WindowView | None:
    """The window; None before it opens."""
    run = written.get(RunEntry) if written is not None else None
    if written is None or run is None:
        return None
    opened = written.get(LoadStart) or written.get(WindowEntry)
    if opened is None:
        return None
    load, sign_off = written.get(LoadEnd), written.get(SignOff)
    end = (load.end if load is not None else None) or (sign_off.end if sign_off is not None else None)
    return WindowView(
        start=parse_time(opened.start),
        seconds=run.duration_seconds if run.load is not None else run.run_seconds,
        end=parse_time(end) if end else None,
    )

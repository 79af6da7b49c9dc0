"""A run as it is now, for those who watch: its steps, its shards, its window, and each rule's last answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from validationrun.base.times import parse_time
from validationrun.contract import record
from validationrun.contract.record import Record
from validationrun.contract.record_key import STEPS
from validationrun.contract.status import has_ended, run_status
from validationrun.kube.cluster import Cluster, ForbiddenError, Object
from validationrun.oracle.outcome import Verdict
from validationrun.runs.logs import Tail, step_sources
from validationrun.runs.lookup import identity_of, our_run
from validationrun.runs.saved_diagnostics import saved_pods

WAITING: Final = "Waiting"
RUNNING: Final = "Running"
DONE: Final = "Done"
FAILED: Final = "Failed"
ERROR: Final = "Error"

_OF_ARGO: Final = {
    "Pending": "Pending",
    "Running": RUNNING,
    "Succeeded": DONE,
    "Failed": FAILED,
    "Error": ERROR,
    "Skipped": "Skipped",
    "Omitted": "Skipped",
}
_WRITES: Final = {
    record.ENSURE_CHAIN: (record.RUN, record.CHAIN),
    record.WAIT_CHAIN_READY: (record.CHAIN, record.CHAIN_READY),
    record.LOAD_JOB: (record.JOB, record.LOAD),
    record.RULE_EVALUATOR: (record.EVALUATOR, record.SIGN_OFF),
    record.FINALIZE: (record.RESULT, record.RESULT),
}
"""What shows in the record that a step has begun, and that it is done."""


@dataclass(frozen=True, slots=True)
class StepView:
    """
    Attributes:
        state: Waiting, Pending, Running, Done, Skipped, Failed, Error.
        started, finished: RFC 3339, or None.
        attempts: pods that were made for it.
    """

    name: str
    state: str
    message: str = ""
    started: str | None = None
    finished: str | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class RuleView:
    """
    Attributes:
        verdict: by the record.
        last: the last answer in words; empty before the first.
        at: evaluation time of that answer, RFC 3339, or None.
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
        seconds: how long it is meant to be.
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
        ended: the Workflow is over, its clean-up included.
        shards: state of each, in words, by index.
        saved: finalize saved what the pods said.
    """

    status: Object
    ended: bool
    steps: list[StepView]
    shards: dict[int, str]
    rules: list[RuleView]
    window: WindowView | None
    saved: bool = False


@dataclass
class Follower:
    """Looks at one run again and again. None once it is gone."""

    cluster: Cluster
    name: str
    uid: str = ""
    _decisions: dict[str, Object] = field(default_factory=dict)
    _tails: dict[str, Tail] = field(default_factory=dict)
    _may_read_logs: bool = True

    def look(self, *, answers: bool = True) -> Snapshot | None:
        """
        Args:
            answers: also read the evaluator's log, where every answer is; the record has only what changed a verdict.
        """
        found = our_run(self.cluster, self.name)
        if found is None or self.uid not in ("", found["metadata"]["uid"]):
            return None
        identity = identity_of(found)
        self.uid = identity.uid
        written = Record.read(self.cluster, identity)
        status, ended = run_status(identity, found, written), has_ended(found)
        if answers and not ended and written is not None and written.get(record.WINDOW) is not None:
            self._read_answers(found)
        return Snapshot(
            status=status,
            ended=ended,
            steps=steps(found, written),
            shards=shards(written),
            rules=[self._rule(one) for one in status["rules"]],
            window=window(written),
            saved=bool(saved_pods(written)),
        )

    def _read_answers(self, found: Mapping[str, Any]) -> None:
        if not self._may_read_logs:
            return
        try:
            for source in step_sources(self.cluster, found):
                if source.what == record.RULE_EVALUATOR:
                    tail = self._tails.setdefault(source.pod, Tail(self.cluster, source))
                    self._decisions.update(_decisions(tail.lines()))
        except ForbiddenError:
            # Then the record's word has to do.
            self._may_read_logs = False

    def _rule(self, rule: Mapping[str, Any]) -> RuleView:
        decision = self._decisions.get(rule["name"])
        at = rule["lastEvaluatedAt"]
        if decision is None or (at is not None and parse_time(at) >= parse_time(decision["T"])):
            return RuleView(rule["name"], rule["verdict"], _words(rule["reason"], rule["message"]), at)
        reason = decision["reason"] if decision["verdict"] == Verdict.ERROR else None
        return RuleView(rule["name"], rule["verdict"], _words(reason, decision["message"]), decision["T"])


def _words(reason: str | None, message: str | None) -> str:
    return ": ".join(one for one in (reason, message) if one)


def _decisions(lines: list[str]) -> dict[str, Object]:
    """The last decision of each rule among the evaluator's lines."""
    found: dict[str, Object] = {}
    for line in lines:
        if not line.startswith("{"):
            continue
        try:
            one = json.loads(line)
            parse_time(one["T"])
            kept = {key: one[key] for key in ("rule", "T", "verdict", "reason", "message")}
        except (ValueError, KeyError, TypeError):
            continue
        if all(isinstance(kept[key], str) for key in ("rule", "verdict", "message")):
            found[kept["rule"]] = kept
    return found


def steps(found: Mapping[str, Any], written: Record | None) -> list[StepView]:
    """By Argo's nodes, or where Argo keeps them elsewhere, by what the steps wrote down."""
    status = found.get("status") or {}
    nodes = [one for one in (status.get("nodes") or {}).values() if one.get("templateName") in STEPS]
    stored = (status.get("storedWorkflowTemplateSpec") or {}).get("templates") or []
    names = [one.get("name") for one in stored] or list(STEPS)
    return [
        _judged(_by_nodes(step, nodes) if nodes else _by_record(step, written), written)
        for step in STEPS
        if step in names
    ]


def _by_nodes(step: str, nodes: list[Mapping[str, Any]]) -> StepView:
    mine = [one for one in nodes if one["templateName"] == step]
    pods = [one for one in mine if one.get("type") == "Pod"]
    whole = next((one for one in mine if one.get("type") == "Retry"), pods[-1] if pods else None)
    if whole is None:
        return StepView(step, WAITING)
    newest = max(pods, key=lambda one: str(one.get("startedAt")), default=whole)
    outputs = ((whole.get("outputs") or newest.get("outputs")) or {}).get("parameters") or []
    told = next((str(one.get("value") or "") for one in outputs if one.get("name") == "message"), "")
    state = _OF_ARGO.get(str(whole.get("phase")), WAITING)
    if state == RUNNING and newest.get("phase") == "Pending":
        state = "Pending"
    return StepView(
        name=step,
        state=state,
        message=told or str(newest.get("message") or whole.get("message") or ""),
        started=whole.get("startedAt"),
        finished=whole.get("finishedAt"),
        attempts=len(pods),
    )


def _by_record(step: str, written: Record | None) -> StepView:
    if written is None:
        return StepView(step, WAITING)
    begins, ends = _WRITES[step]
    if written.get(ends) is not None:
        return StepView(step, DONE)
    return StepView(step, RUNNING if written.get(begins) is not None else WAITING)


def _judged(step: StepView, written: Record | None) -> StepView:
    """A step that recorded a failure ends well for Argo; who watches wants to see the failure."""
    keys = {
        record.ENSURE_CHAIN: record.CHAIN,
        record.WAIT_CHAIN_READY: record.CHAIN_READY,
        record.LOAD_JOB: record.LOAD,
    }
    key = keys.get(step.name)
    value = written.get(key) if written is not None and key is not None else None
    if value is None or step.state != DONE or not (value.get("reason") or value.get("code")):
        return step
    state = FAILED if value.get("code") == 1 else ERROR
    words = _words(value.get("reason"), value.get("message"))
    return StepView(step.name, state, words, step.started, step.finished, step.attempts)


def shards(written: Record | None) -> dict[int, str]:
    """`waiting`, `running`, `exit 0`, or why there is no exit code."""
    if written is None or written.get(record.JOB) is None:
        return {}
    count = int(((written.get(record.RUN) or {}).get("load") or {}).get("shards") or 0)
    load = written.get(record.LOAD) or {}
    seen = load.get("shards") or (written.get(record.SHARDS) or {}).get("shards") or []
    states = dict.fromkeys(range(count), "waiting" if not load else "never ran")
    states.update({one["index"]: _shard(one, over=bool(load)) for one in seen})
    return states


def _shard(shard: Mapping[str, Any], *, over: bool) -> str:
    if shard["exitCode"] is not None:
        reason = shard["reason"]
        return f"exit {shard['exitCode']}" + (f" ({reason})" if reason not in (None, "", "Completed", "Error") else "")
    if over or shard["finishedAt"]:
        return shard["reason"] or "no exit code"
    return "running" if shard["startedAt"] else shard["reason"] or "waiting"


def window(written: Record | None) -> WindowView | None:
    """None before it opens."""
    run = written.get(record.RUN) if written is not None else None
    if written is None or run is None:
        return None
    opened = written.get(record.LOAD_START) or written.get(record.WINDOW)
    if opened is None or not opened.get("start"):
        return None
    has_load = bool(run.get("load"))
    load, sign_off = written.get(record.LOAD) or {}, written.get(record.SIGN_OFF) or {}
    end = load.get("end") or sign_off.get("end")
    return WindowView(
        start=parse_time(opened["start"]),
        seconds=int(run["durationSeconds"] if has_load else run["runSeconds"]),
        end=parse_time(end) if end else None,
    )

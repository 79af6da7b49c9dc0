"""The steps of a run, as people see them: by Argo's nodes, or by the record where the Workflow holds no nodes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from validationrun.base import conventions
from validationrun.base.conventions import STEPS
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.evaluation_entries import EvaluatorReady
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.record import Record
from validationrun.contract.record_key import RecordKey
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff, stands
from validationrun.contract.status_document import Status
from validationrun.kube.objects import Node, Workflow
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.workload import ASSERTION_FAILED

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
_WRITES: Final[Mapping[str, tuple[type[RecordKey], type[RecordKey]]]] = {
    conventions.ENSURE_CHAIN: (RunEntry, ChainEntry),
    conventions.WAIT_CHAIN_READY: (ChainEntry, ChainReady),
    conventions.LOAD_JOB: (JobEntry, LoadEnd),
    conventions.RULE_EVALUATOR: (EvaluatorReady, SignOff),
    conventions.FINALIZE: (Status, Status),
}
"""By step: the record key that shows that it has begun, and the key that shows that it is done."""


@dataclass(frozen=True, slots=True)
class StepView:
    """
    Attributes:
        state: Waiting, Pending, Running, Done, Skipped, Failed, Error.
        started, finished: RFC 3339, or None.
        attempts: number of pods that were created for it.
    """

    name: str
    state: str
    message: str = ""
    started: str | None = None
    finished: str | None = None
    attempts: int = 0


def words(reason: str | None, message: str | None) -> str:
    return ": ".join(part for part in (reason, message) if part)


def steps(workflow: Workflow, written: Record | None) -> list[StepView]:
    """The steps by Argo's nodes, or by the record where the Workflow holds no nodes."""
    nodes = [node for node in workflow.nodes if node.template in STEPS]
    names = workflow.stored_templates or list(STEPS)
    return [
        _judged(_by_nodes(step, nodes) if nodes else _by_record(step, written), written)
        for step in STEPS
        if step in names
    ]


def _by_nodes(step: str, nodes: list[Node]) -> StepView:
    mine = [node for node in nodes if node.template == step]
    pods = [node for node in mine if node.type == "Pod"]
    step_node = next((node for node in mine if node.type == "Retry"), pods[-1] if pods else None)
    if step_node is None:
        return StepView(step, WAITING)
    newest = max(pods, key=lambda node: str(node.started), default=step_node)
    message = (step_node.parameters or newest.parameters).get("message", "")
    state = _OF_ARGO.get(step_node.phase, WAITING)
    if state == RUNNING and newest.phase == "Pending":
        state = "Pending"
    return StepView(
        name=step,
        state=state,
        message=message or newest.message or step_node.message,
        started=step_node.started,
        finished=step_node.finished,
        attempts=len(pods),
    )


def _by_record(step: str, written: Record | None) -> StepView:
    if written is None:
        return StepView(step, WAITING)
    begins, ends = _WRITES[step]
    end = written.get(ends)
    if end is not None and (not isinstance(end, SignOff) or stands(end)):
        return StepView(step, DONE)
    return StepView(step, RUNNING if written.get(begins) is not None else WAITING)


def _judged(step: StepView, written: Record | None) -> StepView:
    """Shows a recorded failure, because Argo counts a step that recorded its failure as succeeded."""
    failure = _recorded_failure(step.name, written) if written is not None and step.state == DONE else None
    return replace(step, state=failure[0], message=failure[1]) if failure is not None else step


def _recorded_failure(step: str, written: Record) -> tuple[str, str] | None:
    """State and message of a step whose result speaks against the run."""
    if step == conventions.LOAD_JOB:
        return _of_load(written.get(LoadEnd))
    if step == conventions.RULE_EVALUATOR:
        return _of_rules(written.get(SignOff))
    if step == conventions.FINALIZE:
        status = written.get(Status)
        if status is None or status.verdict == Verdict.PASSED:
            return None
        return FAILED if status.verdict == Verdict.FAILED else ERROR, words(status.reason, status.message)
    entries = {conventions.ENSURE_CHAIN: written.get(ChainEntry), conventions.WAIT_CHAIN_READY: written.get(ChainReady)}
    entry = entries.get(step)
    return (ERROR, words(entry.reason, entry.message)) if entry is not None and entry.reason else None


def _of_load(end: LoadEnd | None) -> tuple[str, str] | None:
    if end is None or not (end.reason or end.code):
        return None
    return FAILED if end.code == ASSERTION_FAILED else ERROR, words(end.reason, end.message)


def _of_rules(sign_off: SignOff | None) -> tuple[str, str] | None:
    states = sign_off.rules if sign_off is not None else []
    for verdict, state in ((Verdict.FAILED, FAILED), (Verdict.ERROR, ERROR)):
        against = next((rule for rule in states if rule.verdict == verdict), None)
        if against is not None:
            return state, f"{against.reason}: rule {against.name}: {against.message}"
    return None

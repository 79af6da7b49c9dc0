"""A run as readers see it: the status document, from the record and the Workflow."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from validationrun.base import conventions
from validationrun.base.times import format_time, parse_time
from validationrun.contract import record
from validationrun.contract.argo_nodes import read_nodes
from validationrun.contract.record import Identity, Record
from validationrun.kube.cluster import Object
from validationrun.oracle.outcome import Phase, RunReason, Verdict
from validationrun.oracle.verdict_table import RunVerdict

KIND: Final = "ValidationRunStatus"
_ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})
_NO_RECORD: Final = "there is no run record"
_STARTING: Final = frozenset({"ContainerCreating", "PodInitializing"})


class Recorded(Protocol):
    """What a status is made from: a run record, or what a run on one machine keeps in its place."""

    def get(self, key: str) -> Object | None: ...


def workflow_phase(workflow: Mapping[str, Any]) -> str:
    """Argo's phase; `Pending` before its controller has seen it."""
    return str((workflow.get("status") or {}).get("phase") or "Pending")


def has_ended(workflow: Mapping[str, Any]) -> bool:
    """The Workflow is over, its exit handler included."""
    return workflow_phase(workflow) in _ENDED and bool((workflow.get("status") or {}).get("finishedAt"))


def is_shut_down(workflow: Mapping[str, Any]) -> bool:
    """Somebody stopped or terminated it."""
    return bool((workflow.get("spec") or {}).get("shutdown"))


def run_status(identity: Identity, workflow: Mapping[str, Any], found: Record | None) -> Object:
    """
    The status of a run, finished or not.

    What finalize wrote stands, with one exception: Passed counts only together with phase Succeeded, because a Workflow
    can still fail after its verdict was written. Until it has ended a Passed is Awaited.
    """
    result = found.get(record.RESULT) if found is not None else None
    if result is not None and result["verdict"] != Verdict.PASSED:
        return result
    if result is not None and has_ended(workflow):
        if workflow_phase(workflow) == "Succeeded":
            return result
        words = (workflow.get("status") or {}).get("message") or workflow_phase(workflow)
        verdict = RunVerdict(
            Phase.ERROR, RunReason.UNKNOWN, f"the Workflow failed after its verdict was written: {words}"
        )
        return build_status(identity, workflow, found, verdict, _finished(workflow))
    if not has_ended(workflow):
        return build_status(identity, workflow, found, None, None)
    return build_status(identity, workflow, found, _unjudged(workflow, found), _finished(workflow), _proven(found))


def _unjudged(workflow: Mapping[str, Any], found: Record | None) -> RunVerdict:
    """The verdict of a run that is over and to which finalize gave none."""
    if is_shut_down(workflow):
        return RunVerdict(Phase.CANCELLED, RunReason.CANCELLED, "the run was terminated before it had a verdict")
    words = _why_unjudged(workflow)
    if found is None:
        return RunVerdict(Phase.ERROR, RunReason.CHAIN_NOT_READY, _unrecorded(words))
    return RunVerdict(Phase.ERROR, RunReason.UNKNOWN, words)


def _unrecorded(words: str) -> str:
    """finalize, where it ran, decided the same, and had nowhere to write it but its message. Other words may be another run's."""
    at = words.find(_NO_RECORD)
    return words[at:] if at >= 0 else f"{_NO_RECORD}: no step of this very Workflow began its work ({words})"


def _why_unjudged(workflow: Mapping[str, Any]) -> str:
    """Argo's words. Where no pod of finalize ever got a node, what that means and where to look."""
    words = str((workflow.get("status") or {}).get("message") or "finalize left no verdict")
    tries = [one for one in _pod_nodes(workflow) if one.get("templateName") == record.FINALIZE]
    if not tries or any(one.get("hostNodeName") for one in tries):
        return words
    told = "; ".join(dict.fromkeys(str(one["message"]) for one in tries if one.get("message"))) or words
    return (
        f"finalize never ran, so there is no verdict and nothing was cleaned up ({told}): is a quota of the namespace full, "
        "or no node free? Deleting the run removes what is left of it"
    )


def _pod_nodes(workflow: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Argo's nodes that are pods, in the order of their begin; none where it keeps them elsewhere."""
    nodes = (read_nodes(workflow) or {}).values()
    return sorted((node for node in nodes if node.get("type") == "Pod"), key=lambda node: str(node.get("startedAt")))


def _proven(found: Record | None) -> Sequence[Mapping[str, Any]]:
    """Without the evaluator's sign-off a rule that was good so far is not yet passed; a failure stands."""
    states = _states(found)
    if _signed_off(found) is not None:
        return states
    return [
        {**one, "verdict": Verdict.AWAITED, "reason": ""} if one["verdict"] == Verdict.PASSED else one for one in states
    ]


def _signed_off(found: Recorded | None) -> Object | None:
    """The evaluator's sign-off; not one that a signal made it write, which closes an attempt and judges nothing."""
    sign_off = found.get(record.SIGN_OFF) if found is not None else None
    return sign_off if record.stands(sign_off) else None


def _finished(workflow: Mapping[str, Any]) -> str | None:
    return (workflow.get("status") or {}).get("finishedAt")


def build_status(
    identity: Identity,
    workflow: Mapping[str, Any],
    found: Recorded | None,
    verdict: RunVerdict | None,
    completed: str | None,
    rules: Sequence[Mapping[str, Any]] | None = None,
) -> Object:
    """
    The whole document. Fields without a value are null.

    Args:
        verdict: None while the run has none.
        completed: RFC 3339, with a verdict.
        rules: final states by the evaluator's sign-off; without it, what the record holds so far.
    """
    read = found.get if found is not None else _nothing
    run = read(record.RUN) or {}
    started = (workflow.get("status") or {}).get("startedAt") or run.get("startedAt")
    load = read(record.LOAD)
    states = rules if rules is not None else _states(found)
    return {
        "apiVersion": conventions.API_VERSION,
        "kind": KIND,
        "name": run.get("name") or ((workflow.get("spec") or {}).get("workflowTemplateRef") or {}).get("name"),
        "namespace": identity.namespace,
        "runId": identity.workflow,
        "phase": verdict.phase if verdict else _open_phase(workflow),
        "verdict": verdict.verdict if verdict else Verdict.AWAITED,
        "reason": verdict.reason if verdict else None,
        "message": verdict.message if verdict else _progress(found, workflow),
        "specHash": run.get("specHash"),
        "parameters": run.get("parameters") or {},
        "startTime": started,
        "completionTime": completed,
        "duration": _duration(started, completed),
        "chain": _chain(found),
        "load": _load(found),
        "workloadExitCode": load["code"] if load else None,
        "rules": [_rule(one, states) for one in run.get("rules") or []],
        "report": {"s3Url": None},
        "failedPlan": verdict.failed_plan if verdict else None,
        "conditions": _conditions(found, verdict),
    }


def _nothing(key: str) -> None:
    del key


def _open_phase(workflow: Mapping[str, Any]) -> Phase:
    return Phase.PENDING if workflow_phase(workflow) == "Pending" else Phase.RUNNING


def _progress(found: Recorded | None, workflow: Mapping[str, Any]) -> str:
    """What a run without verdict is doing, in a few words, and Argo's own for what keeps a pod of it from starting."""
    if found is None:
        return _before_the_record(workflow)
    waiting = _waiting(workflow)
    return _doing(found) + (f"; a pod waits: {waiting[0]}" if waiting else "")


def _waiting(workflow: Mapping[str, Any]) -> list[str]:
    """Why pods of steps do not start: a quota, no room, an image that cannot be pulled. Not what each start goes through."""
    pending = [str(one.get("message") or "") for one in _pod_nodes(workflow) if one.get("phase") == "Pending"]
    return [words for words in pending if words and words not in _STARTING]


def _doing(found: Recorded) -> str:
    if found.get(record.RESULT) is not None:
        return "cleaning up"
    if found.get(record.CHAIN) is None:
        return "bringing the chain up"
    if found.get(record.CHAIN_READY) is None:
        return "waiting until the chain serves"
    if (stop := found.get(record.STOP)) is not None:
        return f"stopped by rule {stop['rule']}"
    if found.get(record.LOAD) is not None or _signed_off(found) is not None:
        return "judging"
    if found.get(record.LOAD_START) is not None or found.get(record.WINDOW) is not None:
        return "under load" if (found.get(record.RUN) or {}).get("load") else "watching"
    return "starting the load"


def _before_the_record(workflow: Mapping[str, Any]) -> str:
    """Argo's own words for what keeps the first step from starting: a lock, an image, a quota, an account that is missing."""
    troubled = [one for one in _pod_nodes(workflow) if one.get("phase") in ("Pending", "Error") and one.get("message")]
    words = str(troubled[-1]["message"] if troubled else (workflow.get("status") or {}).get("message") or "")
    return f"starting: {words}" if words else "starting"


def _duration(started: str | None, completed: str | None) -> str | None:
    """Whole seconds, as `612s`."""
    if not started or not completed:
        return None
    return f"{max(0, round(parse_time(completed) - parse_time(started)))}s"


def _chain(found: Recorded | None) -> Object | None:
    chain = found.get(record.CHAIN) if found is not None else None
    if chain is None or found is None:
        return None
    ready = found.get(record.CHAIN_READY) or {}
    return {
        "chainId": chain["chainId"],
        "rpcEndpoints": (chain.get("endpoints") or {}).get("rpc", []),
        "deployments": ready.get("deployments", []),
    }


def _load(found: Recorded | None) -> Object | None:
    job = found.get(record.JOB) if found is not None else None
    if job is None or found is None:
        return None
    load = found.get(record.LOAD) or {}
    shards = load.get("shards") or (found.get(record.SHARDS) or {}).get("shards", [])
    return {"jobName": job["name"], "image": load.get("image"), "imageID": load.get("imageID"), "shards": shards}


def _states(found: Recorded | None) -> Sequence[Mapping[str, Any]]:
    value = _signed_off(found) or (found.get(record.RULES) if found is not None else None)
    states: Sequence[Mapping[str, Any]] = value["rules"] if value is not None else []
    return states


def _rule(rule: Mapping[str, Any], states: Sequence[Mapping[str, Any]]) -> Object:
    state = next((one for one in states if one["name"] == rule["name"]), {})
    document: Object = {
        "name": rule["name"],
        "type": rule["type"],
        "verdict": state.get("verdict", Verdict.AWAITED),
        "reason": state.get("reason") or None,
        "message": state.get("message") or None,
        "lastEvaluatedAt": _time(state.get("last_t")),
        "query": None,
        "alert": None,
    }
    if rule["type"] == "query":
        document["query"] = {"actualValue": state.get("value"), "threshold": rule["threshold"], "op": rule["op"]}
    else:
        document["alert"] = {"firedCount": state.get("fired", 0), "lastFiredAt": _time(state.get("fired_t"))}
    return document


def _time(seconds: float | None) -> str | None:
    return format_time(seconds) if seconds is not None else None


def _conditions(found: Recorded | None, verdict: RunVerdict | None) -> list[Object]:
    """Kubernetes' way to say it: each type True, False or Unknown, with a reason."""
    loading = found is not None and (found.get(record.LOAD_START) or found.get(record.WINDOW)) is not None
    has_load = found is not None and bool((found.get(record.RUN) or {}).get("load"))
    reason = verdict.reason if verdict else Verdict.AWAITED
    succeeded = "Unknown" if verdict is None else _truth(verdict.phase == Phase.SUCCEEDED)
    return [
        _condition(
            "TestRunning",
            _truth(verdict is None and loading),
            reason if verdict else "WindowOpen" if loading else "Starting",
        ),
        _load_complete(found) if has_load else _condition("LoadComplete", "Unknown", Verdict.AWAITED),
        _condition("TestCancelled", _truth(verdict is not None and verdict.phase == Phase.CANCELLED), reason),
        _condition("TestComplete", _truth(verdict is not None), reason),
        _condition("Succeeded", succeeded, reason),
    ]


def _load_complete(found: Recorded | None) -> Object:
    """A load that never began is over, and was not complete."""
    load = found.get(record.LOAD) if found is not None else None
    if load is None:
        return _condition("LoadComplete", "False", Verdict.AWAITED)
    if load.get("start", "not known here") is None:
        return _condition("LoadComplete", "False", load["reason"] or RunReason.LOAD_NOT_STARTED)
    return _condition("LoadComplete", "True", "LoadEnded")


def _truth(value: bool) -> str:
    return "True" if value else "False"


def _condition(kind: str, status: str, reason: str) -> Object:
    return {"type": kind, "status": status, "reason": reason}

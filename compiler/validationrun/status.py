"""A run as readers see it: the status document, from the record and the Workflow."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from validationrun import conventions, record
from validationrun.cluster import Object
from validationrun.oracle.verdict import CANCELLED, UNKNOWN, RunVerdict
from validationrun.record import Identity, Record, parse_time

KIND: Final = "ValidationRunStatus"
_ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})
_AWAITED: Final = "Awaited"


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
    can still fail after its verdict was written.
    """
    result = found.get(record.RESULT) if found is not None else None
    if result is not None:
        passed_in_vain = (
            result["verdict"] == "Passed" and has_ended(workflow) and workflow_phase(workflow) != "Succeeded"
        )
        if not passed_in_vain:
            return result
        words = (workflow.get("status") or {}).get("message") or workflow_phase(workflow)
        verdict = RunVerdict("Error", UNKNOWN, f"the Workflow failed after its verdict was written: {words}")
        return build_status(identity, workflow, found, verdict, _finished(workflow))
    if not has_ended(workflow):
        return build_status(identity, workflow, found, None, None)
    if is_shut_down(workflow):
        verdict = RunVerdict("Cancelled", CANCELLED, "the run was terminated before it had a verdict")
    else:
        words = (workflow.get("status") or {}).get("message") or "finalize left no verdict"
        verdict = RunVerdict("Error", UNKNOWN, words)
    return build_status(identity, workflow, found, verdict, _finished(workflow))


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
        "verdict": verdict.verdict if verdict else _AWAITED,
        "reason": verdict.reason if verdict else None,
        "message": verdict.message if verdict else _progress(found),
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


def _open_phase(workflow: Mapping[str, Any]) -> str:
    return "Pending" if workflow_phase(workflow) == "Pending" else "Running"


def _progress(found: Recorded | None) -> str:
    """What a run without verdict is doing, in a few words."""
    if found is None:
        return "starting"
    if found.get(record.CHAIN) is None:
        return "bringing the chain up"
    if found.get(record.CHAIN_READY) is None:
        return "waiting until the chain serves"
    if (stop := found.get(record.STOP)) is not None:
        return f"stopped by rule {stop['rule']}"
    if found.get(record.LOAD) is not None or found.get(record.SIGN_OFF) is not None:
        return "judging"
    if found.get(record.LOAD_START) is not None or found.get(record.WINDOW) is not None:
        return "under load" if (found.get(record.RUN) or {}).get("load") else "watching"
    return "starting the load"


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
    if found is None:
        return []
    for key in (record.SIGN_OFF, record.RULES):
        value = found.get(key)
        if value is not None:
            states: Sequence[Mapping[str, Any]] = value["rules"]
            return states
    return []


def _rule(rule: Mapping[str, Any], states: Sequence[Mapping[str, Any]]) -> Object:
    state = next((one for one in states if one["name"] == rule["name"]), {})
    document: Object = {
        "name": rule["name"],
        "type": rule["type"],
        "verdict": state.get("verdict", _AWAITED),
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
    return record.format_time(seconds) if seconds is not None else None


def _conditions(found: Recorded | None, verdict: RunVerdict | None) -> list[Object]:
    """Kubernetes' way to say it: each type True, False or Unknown, with a reason."""
    loading = found is not None and (found.get(record.LOAD_START) or found.get(record.WINDOW)) is not None
    load = found.get(record.LOAD) if found is not None else None
    has_load = found is not None and bool((found.get(record.RUN) or {}).get("load"))
    reason = verdict.reason if verdict else _AWAITED
    succeeded = "Unknown" if verdict is None else _truth(verdict.phase == "Succeeded")
    return [
        _condition(
            "TestRunning",
            _truth(verdict is None and loading),
            reason if verdict else "WindowOpen" if loading else "Starting",
        ),
        _condition(
            "LoadComplete", _truth(load is not None) if has_load else "Unknown", "LoadEnded" if load else _AWAITED
        ),
        _condition("TestCancelled", _truth(verdict is not None and verdict.phase == "Cancelled"), reason),
        _condition("TestComplete", _truth(verdict is not None), reason),
        _condition("Succeeded", succeeded, reason),
    ]


def _truth(value: bool) -> str:
    return "True" if value else "False"


def _condition(kind: str, status: str, reason: str) -> Object:
    return {"type": kind, "status": status, "reason": reason}

"""
What the record of a run on a cluster proves: the evaluator's evidence and the workload's result.

Evidence counts only when it is this run's, by UID and by hash; whatever is missing is no pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from validationrun.base.times import parse_time
from validationrun.contract import record
from validationrun.contract.record import Record
from validationrun.contract.shards import all_indexes_complete
from validationrun.kube.cluster import JOBS, Cluster, Object
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.workload import INFRASTRUCTURE, PASSED, Workload


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What the evaluator left.

    Attributes:
        states: final ones, or those that the record held when it went away; None when it left nothing at all.
        sign_off: the record's key, when it is this run's and whole.
    """

    states: Sequence[RuleState] | None
    sign_off: Object | None
    stop_rule: str | None


def read_workload(cluster: Cluster, written: Record | None, lost: str) -> Workload | None:
    """
    What the workload ended with; None for a run without load. A 0 needs the Job itself as a second witness, by its UID.

    Args:
        lost: the message of a load-job that recorded no result.
    """
    run = (written.get(record.RUN) or {}) if written is not None else {}
    if written is None or not run.get("load"):
        return None
    load, job = written.get(record.LOAD), written.get(record.JOB)
    if load is None:
        return Workload(None, "", lost)
    if job is None and load["code"] is None:
        return Workload(None, "", load["message"])
    if job is None or load["jobUid"] != job["uid"]:
        # A load that never began has no Job; its reason says why.
        return Workload(INFRASTRUCTURE, load["reason"], load["message"] or "the load's result is not of this run's Job")
    if load["code"] != PASSED:
        return Workload(load["code"], load["reason"], load["message"])
    found = cluster.get(JOBS, job["name"])
    if found is None or found["metadata"]["uid"] != job["uid"]:
        return Workload(INFRASTRUCTURE, "", f"Job {job['name']} is gone")
    if not all_indexes_complete(found, run["load"]["shards"]):
        return Workload(INFRASTRUCTURE, "", f"Job {job['name']} is not Complete with every index")
    return Workload(PASSED, "", load["message"])


def read_evidence(written: Record | None, bundle_hash: str) -> Evidence:
    """What the evaluator left, as far as it is this run's."""
    if written is None:
        return Evidence(None, None, None)
    sign_off = written.get(record.SIGN_OFF)
    if sign_off is not None and _is_this_runs(written, bundle_hash, sign_off):
        signed = [RuleState.from_data(one) for one in sign_off["rules"]]
        failed = _failed(written)
        states = [one if one.verdict == Verdict.FAILED else failed.get(one.name, one) for one in signed]
        return Evidence(states, sign_off, sign_off["stopRule"])
    # A failure in the record counts without sign-off; nothing else in it does.
    partial = written.get(record.RULES)
    stop = written.get(record.STOP)
    left = [_unproven(RuleState.from_data(one)) for one in partial["rules"]] if partial is not None else None
    return Evidence(left, None, stop["rule"] if stop is not None and _was_in_window(written, stop) else None)


def _failed(written: Record) -> dict[str, RuleState]:
    """
    A recorded failure stands beside whatever was signed off.

    One attempt of the evaluator never forgets its own; but a pod that was given up may live on beside its successor, and
    have found what the other did not.
    """
    states = [RuleState.from_data(one) for one in (written.get(record.RULES) or {}).get("rules", [])]
    return {state.name: state for state in states if state.verdict == Verdict.FAILED}


def _was_in_window(written: Record, stop: Mapping[str, Any]) -> bool:
    """The intent to stop is written at the answer, before it is known whether the load still ran at its T."""
    load = written.get(record.LOAD)
    if load is None or load.get("end") is None:
        return True
    # As the evaluator ends the window: a load that went down because of the stop ends up to a second before it.
    return bool(stop["t"] <= parse_time(load["end"]) + (0 if load["code"] == PASSED else 1))


def _unproven(state: RuleState) -> RuleState:
    """Without sign-off only a failure stands: good so far is not yet passed."""
    return replace(state, verdict=Verdict.AWAITED, reason=RuleReason.NONE) if state.verdict == Verdict.PASSED else state


def _is_this_runs(written: Record, bundle_hash: str, sign_off: Mapping[str, Any]) -> bool:
    """Of this Workflow, this Job, this bundle, and about exactly the rules that the bundle holds."""
    job = written.get(record.JOB)
    run = written.get(record.RUN) or {}
    return (
        record.stands(sign_off)
        # An evaluator that learned neither of an end nor of a stop has judged no window.
        and (sign_off["end"] is not None or sign_off["stopTime"] is not None)
        and sign_off["workflowUid"] == written.identity.uid
        and sign_off["bundleHash"] == bundle_hash == run.get("bundleHash")
        and sign_off["jobUid"] == (job["uid"] if job else None)
        and [one["name"] for one in sign_off["rules"]] == [one["name"] for one in run.get("rules") or []]
    )

"""
What the record of a run on a cluster proves: the evaluator's evidence and the workload's result.

Evidence counts only when it is this run's, by UID and by hash; whatever is missing is no pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from validationrun.base.times import parse_time
from validationrun.contract.evaluation_entries import RuleStates, StopIntent
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.shards import all_indexes_complete
from validationrun.contract.sign_off import SignOff, stands
from validationrun.kube.cluster import JOBS, Cluster
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
    sign_off: SignOff | None
    stop_rule: str | None


def read_workload(cluster: Cluster, written: Record | None, lost: str) -> Workload | None:
    """
    What the workload ended with; None for a run without load. A 0 needs the Job itself as a second witness, by its UID.

    Args:
        lost: the message of a load-job that recorded no result.
    """
    run = written.get(RunEntry) if written is not None else None
    if written is None or run is None or run.load is None:
        return None
    load, job = written.get(LoadEnd), written.get(JobEntry)
    if load is None:
        return Workload(None, "", lost)
    if job is None and load.code is None:
        return Workload(None, "", load.message)
    if job is None or load.job_uid != job.uid:
        # A load that never began has no Job; its reason says why.
        return Workload(INFRASTRUCTURE, load.reason or "", load.message or "the load's result is not of this run's Job")
    if load.code != PASSED:
        return Workload(load.code, load.reason or "", load.message)
    found = cluster.get(JOBS, job.name)
    if found is None or found["metadata"]["uid"] != job.uid:
        return Workload(INFRASTRUCTURE, "", f"Job {job.name} is gone")
    if not all_indexes_complete(found, run.load.shards):
        return Workload(INFRASTRUCTURE, "", f"Job {job.name} is not Complete with every index")
    return Workload(PASSED, "", load.message)


def read_evidence(written: Record | None, bundle_hash: str) -> Evidence:
    """What the evaluator left, as far as it is this run's."""
    if written is None:
        return Evidence(None, None, None)
    recorded, sign_off = written.get(RuleStates), written.get(SignOff)
    if sign_off is not None and _is_this_runs(written, bundle_hash, sign_off):
        failed = _failed(recorded)
        states = [
            state if state.verdict == Verdict.FAILED else failed.get(state.name, state) for state in sign_off.rules
        ]
        return Evidence(states, sign_off, sign_off.stop_rule)
    # A failure in the record counts without sign-off; nothing else in it does.
    stop = written.get(StopIntent)
    left = [_unproven(state) for state in recorded.rules] if recorded is not None else None
    return Evidence(left, None, stop.rule if stop is not None and _was_in_window(written, stop) else None)


def _failed(recorded: RuleStates | None) -> dict[str, RuleState]:
    """
    A recorded failure stands beside whatever was signed off.

    One attempt of the evaluator never forgets its own; but a pod that was given up may live on beside its successor, and
    have found what the other did not.
    """
    states = recorded.rules if recorded is not None else []
    return {state.name: state for state in states if state.verdict == Verdict.FAILED}


def _was_in_window(written: Record, stop: StopIntent) -> bool:
    """The intent to stop is written at the answer, before it is known whether the load still ran at its T."""
    load = written.get(LoadEnd)
    if load is None or load.end is None:
        return True
    # As the evaluator ends the window: a load that went down because of the stop ends up to a second before it.
    return stop.t <= parse_time(load.end) + (0 if load.code == PASSED else 1)


def _unproven(state: RuleState) -> RuleState:
    """Without sign-off only a failure stands: good so far is not yet passed."""
    return replace(state, verdict=Verdict.AWAITED, reason=RuleReason.NONE) if state.verdict == Verdict.PASSED else state


def _is_this_runs(written: Record, bundle_hash: str, sign_off: SignOff) -> bool:
    """Of this Workflow, this Job, this bundle, and about exactly the rules that the bundle holds."""
    job, run = written.get(JobEntry), written.get(RunEntry)
    return (
        run is not None
        and stands(sign_off)
        # An evaluator that learned neither of an end nor of a stop has judged no window.
        and (sign_off.end is not None or sign_off.stop_time is not None)
        and sign_off.workflow_uid == written.identity.uid
        and sign_off.bundle_hash == bundle_hash == run.bundle_hash
        and sign_off.job_uid == (job.uid if job is not None else None)
        and [state.name for state in sign_off.rules] == [rule.name for rule in run.rules]
    )

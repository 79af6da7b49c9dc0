"""
Reads what the run record of a cluster proves: the evaluator's evidence and the workload's result.

Evidence counts only when its UIDs and its hash are those of this run. Missing evidence is never a pass.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from validationrun.base.times import parse_time
from validationrun.contract.evaluation_entries import RuleStates, StopIntent
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff, stands
from validationrun.kube.cluster import JOBS, Cluster
from validationrun.kube.job import Job
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.workload import INFRASTRUCTURE, PASSED, Workload


class Evidence(Struct, frozen=True):
    """
    What the evaluator left in the run record.

    Attributes:
        states: the final states, or the last recorded states when the evaluator never signed off; None when it left no state.
        sign_off: the sign-off, when it is complete and belongs to this run.
    """

    states: Sequence[RuleState] | None
    sign_off: SignOff | None
    stop_rule: str | None


def read_workload(cluster: Cluster, written: Record | None, lost: str) -> Workload | None:
    """
    The workload's result; None for a run without load. Exit code 0 counts only when the Job with the same UID confirms it.

    Args:
        lost: the message when load-job recorded no result.
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
    stored = cluster.get(JOBS, job.name)
    if stored is None or stored["metadata"]["uid"] != job.uid:
        return Workload(INFRASTRUCTURE, "", f"Job {job.name} is gone")
    if not Job(stored).all_indexes_complete(run.load.shards):
        return Workload(INFRASTRUCTURE, "", f"Job {job.name} is not Complete with every index")
    return Workload(PASSED, load.reason or "", load.message, parse_time(load.early) if load.early else None)


def read_evidence(written: Record | None, bundle_hash: str) -> Evidence:
    """The evaluator's evidence, as far as it belongs to this run."""
    if written is None:
        return Evidence(None, None, None)
    recorded, sign_off = written.get(RuleStates), written.get(SignOff)
    if sign_off is not None and _is_this_runs(written, bundle_hash, sign_off):
        failed = _failed(recorded)
        states = [
            state if state.verdict == Verdict.FAILED else failed.get(state.name, state) for state in sign_off.rules
        ]
        return Evidence(states, sign_off, sign_off.stop_rule)
    # Without a sign-off only a recorded failure counts.
    stop = written.get(StopIntent)
    left = [_unproven(state) for state in recorded.rules] if recorded is not None else None
    return Evidence(left, None, stop.rule if stop is not None and _was_in_window(written, stop) else None)


def _failed(recorded: RuleStates | None) -> dict[str, RuleState]:
    """
    The recorded failures by rule. They count even when the sign-off does not have them.

    A pod that Kubernetes gave up may run on beside its successor, and record a failure that the successor does not see.
    """
    states = recorded.rules if recorded is not None else []
    return {state.name: state for state in states if state.verdict == Verdict.FAILED}


def _was_in_window(written: Record, stop: StopIntent) -> bool:
    """Whether the rule's window was open at the stop's T, which is unknown when the intent to stop is recorded."""
    load, run = written.get(LoadEnd), written.get(RunEntry)
    if load is None or load.end is None:
        return True
    in_cooldown = run is not None and any(rule.in_cooldown for rule in run.rules if rule.name == stop.rule)
    cooldown_end = load.cooldown_end(run.cooldown_seconds) if run is not None and in_cooldown else None
    if cooldown_end is not None:
        return stop.t <= cooldown_end
    # The same rule as the evaluator's: a load that the stop ended may end up to one second before the stop.
    return stop.t <= parse_time(load.end) + (0 if load.code == PASSED else 1)


def _unproven(state: RuleState) -> RuleState:
    """Awaited in place of Passed, because without a sign-off a rule that was good so far has not passed."""
    return replace(state, verdict=Verdict.AWAITED, reason=RuleReason.NONE) if state.verdict == Verdict.PASSED else state


def _is_this_runs(written: Record, bundle_hash: str, sign_off: SignOff) -> bool:
    """Whether the sign-off names this Workflow, this Job, this bundle and exactly the rules of the bundle."""
    job, run = written.get(JobEntry), written.get(RunEntry)
    return (
        run is not None
        and stands(sign_off)
        # Without an end and without a stop the evaluator has judged no window.
        and (sign_off.end is not None or sign_off.stop_time is not None)
        and sign_off.workflow_uid == written.identity.uid
        and sign_off.bundle_hash == bundle_hash == run.bundle_hash
        and sign_off.job_uid == (job.uid if job is not None else None)
        and [state.name for state in sign_off.rules] == [rule.name for rule in run.rules]
    )

"""The result of a suite in a cluster, finished or not: its record, and what is left of each member's own run."""

import functools
from collections.abc import Callable, Mapping
from typing import Final

from validationrun.base.hashing import bundle_hash
from validationrun.contract.argo_phase import has_ended
from validationrun.contract.bundle import BundleError, bundle_name, read_plan
from validationrun.contract.owned_record import RecordError
from validationrun.contract.plan_json import PlanDocument
from validationrun.contract.record import Record
from validationrun.contract.status import run_status
from validationrun.contract.status_document import Status
from validationrun.contract.suite_json import PlannedMember
from validationrun.contract.suite_record import SuiteMemberStatus, SuiteRecord
from validationrun.contract.suite_result import MemberResult, SuiteResult
from validationrun.kube.cluster import CONFIG_MAPS, Cluster, ForbiddenError
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Verdict
from validationrun.runs.lookup import identity_of
from validationrun.runs.suites import suite_members, suite_status

UNPLANNED: Final = "the suite left no record of its plan, so its runs are not known"

_Plans = Callable[[str, str], PlanDocument | None]


def suite_result(cluster: Cluster, workflow: Workflow) -> SuiteResult:
    """
    Args:
        workflow: of the suite.

    Raises:
        ClusterError, RecordError
    """
    # Read first: a member that ends meanwhile then is what its own record says, and the suite still counts it as running.
    status = suite_status(cluster, workflow)
    written = SuiteRecord.read(cluster, identity_of(workflow))
    started = written.started if written is not None else None
    planned = {member.name: member for member in started.suite.members} if started is not None else {}
    own = {found.name: found for found in suite_members(cluster, workflow)}
    plans: _Plans = functools.cache(functools.partial(_plan, cluster))
    members = [_member(cluster, said, planned.get(said.name), own, plans) for said in status.members]
    notes = [] if members or status.verdict == Verdict.AWAITED else [UNPLANNED]
    return SuiteResult(mode="argo", status=status, members=members, notes=notes)


def _member(
    cluster: Cluster,
    said: SuiteMemberStatus,
    planned: PlannedMember | None,
    own: Mapping[str, Workflow],
    plans: _Plans,
) -> MemberResult:
    plan = plans(planned.run, planned.bundle_hash) if planned is not None else None
    run, why = _status(cluster, said, own)
    return MemberResult(
        name=said.name,
        status=run,
        why=why,
        rules=[rule.name for rule in plan.rules] if plan is not None else None,
        load=plan.load is not None if plan is not None else run is not None and run.load is not None,
        parameters=dict(planned.parameters) if planned is not None else {},
    )


def _status(cluster: Cluster, said: SuiteMemberStatus, own: Mapping[str, Workflow]) -> tuple[Status | None, str]:
    """The status of the member's own run, or why there is none."""
    if not said.workflow:
        return None, ""
    workflow = own.get(said.workflow)
    if workflow is None:
        return None, f"its Workflow {said.workflow} is gone, and its record with it"
    identity = identity_of(workflow)
    try:
        record = Record.read(cluster, identity)
        if record is None and has_ended(workflow.object):
            return None, f"its Workflow {said.workflow} has no run record"
        return run_status(identity, workflow.object, record), ""
    except (RecordError, ForbiddenError) as error:
        return None, f"its record cannot be read: {error}"


def _plan(cluster: Cluster, run: str, digest: str) -> PlanDocument | None:
    """The plan in a run's bundle; None when the bundle is gone, another one, or not readable for this account."""
    try:
        data = (cluster.get(CONFIG_MAPS, bundle_name(run, digest)) or {}).get("data") or {}
        return read_plan(data) if bundle_hash(data) == digest else None
    except (BundleError, ForbiddenError):
        return None

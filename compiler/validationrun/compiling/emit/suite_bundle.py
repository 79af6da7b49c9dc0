"""The bundle of a suite: `suite.json` in an immutable ConfigMap named by the hash of its content."""

from validationrun.base import conventions
from validationrun.compiling.emit.bundle import HashedData, hashed, readable_json
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.plan.suite import SuitePlan
from validationrun.contract.suite_json import PlannedMember, SuiteDocument


def build_suite_bundle(plan: SuitePlan, options: EmitOptions) -> HashedData:
    data = {conventions.BUNDLE_SUITE: readable_json(suite_document(plan, options).to_data(), "") + "\n"}
    return hashed(plan.name, data)


def suite_document(plan: SuitePlan, options: EmitOptions) -> SuiteDocument:
    """The content of `suite.json`."""
    return SuiteDocument(
        name=plan.name,
        namespace=plan.namespace,
        concurrency=plan.concurrency,
        stop_on_failure=plan.stop_on_failure,
        service_account_name=plan.account,
        label=options.label,
        instance_id=options.instance_id,
        members=tuple(
            PlannedMember(
                name=member.name,
                run=member.run.plan.name,
                bundle_hash=member.run.bundle_hash,
                parameters=dict(member.parameters),
                overridden=member.overridden,
                depends_on=member.depends_on,
                deadline_seconds=member.deadline_s,
            )
            for member in plan.members
        ),
    )

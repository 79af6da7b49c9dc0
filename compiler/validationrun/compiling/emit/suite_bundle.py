"""The bundle of a suite: `suite.json` in an immutable ConfigMap named by the hash of its content."""

from dataclasses import dataclass

from validationrun.base import conventions
from validationrun.base.hashing import bundle_hash
from validationrun.compiling.emit.bundle import HASH_IN_NAME, bundle_metadata, readable_json
from validationrun.compiling.emit.object_types import ConfigMap
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.plan.suite import SuitePlan
from validationrun.contract.suite_json import PlannedMember, SuiteDocument


@dataclass(frozen=True, slots=True)
class SuiteBundle:
    """The ConfigMap's data, its name and its hash."""

    name: str
    hash: str
    data: dict[str, str]


def build_suite_bundle(plan: SuitePlan, options: EmitOptions) -> SuiteBundle:
    data = {conventions.BUNDLE_SUITE: readable_json(suite_document(plan, options).to_data(), "") + "\n"}
    digest = bundle_hash(data)
    return SuiteBundle(f"{plan.name}-bundle-{digest[:HASH_IN_NAME]}", digest, data)


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


def suite_config_map(plan: SuitePlan, bundle: SuiteBundle) -> ConfigMap:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": bundle_metadata(bundle.name, plan.namespace, plan.spec_hash, bundle.hash),
        "immutable": True,
        "data": bundle.data,
    }

"""The key `run` of a run on a cluster, from its bundle and its parameters."""

from collections.abc import Mapping

from validationrun.base.times import format_time
from validationrun.contract import parameters as values
from validationrun.contract.bundle import Bundle
from validationrun.contract.owned_record import Identity
from validationrun.contract.run_entry import DeploymentEntry, ResultsPlace, RunEntry, rule_entry_of


def planned_run(
    bundle: Bundle, identity: Identity, bundle_hash: str, parameters: Mapping[str, str], started: float
) -> RunEntry:
    """
    Args:
        parameters: the effective ones.
        started: Unix seconds.
    """
    plan = bundle.plan
    return RunEntry(
        started_at=format_time(started),
        bundle_hash=bundle_hash,
        name=plan.name,
        spec_hash=plan.spec_hash,
        chain_id=values.effective_chain_id(plan, parameters, identity.uid),
        parameters=dict(parameters),
        overridden=values.overrides(plan, parameters),
        load_start_seconds=plan.seconds.load_start,
        duration_seconds=values.effective_seconds(plan, parameters),
        run_seconds=values.run_seconds(plan, parameters),
        cooldown_seconds=plan.seconds.cooldown,
        cleanup=plan.cleanup,
        bring_up=plan.chain.bring_up,
        chain_api=plan.chain.api,
        deployments=[DeploymentEntry(entry.name, entry.role) for entry in plan.chain.deployments],
        load=values.load_plan(plan, parameters),
        rules=[rule_entry_of(rule) for rule in bundle.rule_documents()],
        results=ResultsPlace(plan.results.uri) if plan.results else None,
    )

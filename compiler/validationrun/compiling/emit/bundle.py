"""
The bundle: all of a user's text, in one immutable ConfigMap named by the hash of its content.

Argo substitutes `{{...}}` in several passes and has no escape, so a WorkflowTemplate must hold no user text.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base import conventions
from validationrun.base.hashing import bundle_hash
from validationrun.compiling.emit import yaml
from validationrun.compiling.emit.object_types import ConfigMap, Metadata
from validationrun.compiling.plan import ChainObject, ConfigFile, Plan, PlannedLoad, PlannedRule, Timings
from validationrun.compiling.plan.manifests import app_labels
from validationrun.contract.bundle import bundle_name
from validationrun.contract.plan_json import (
    PlanDocument,
    PlannedChain,
    PlannedDeployment,
    PlannedParameter,
    PlannedQuery,
    PlannedRight,
    PlannedSeconds,
    PlannedWorkload,
    TextPlace,
)
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import opening_seconds

_JSON_WIDTH: Final = 100
_LONGEST_RUN_ID: Final = 63
_LONGEST_CHAIN_ID: Final = 48


@dataclass(frozen=True, slots=True)
class HashedData:
    """The data of a bundle's ConfigMap, of a run or a suite; the name holds the beginning of the hash."""

    name: str
    hash: str
    data: dict[str, str]


def hashed(owner: str, data: dict[str, str]) -> HashedData:
    """
    Args:
        owner: the name of the run or suite.
    """
    digest = bundle_hash(data)
    return HashedData(bundle_name(owner, digest), digest, data)


@dataclass(frozen=True, slots=True)
class Bundle(HashedData):
    """
    The bundle of a run.

    Attributes:
        size: bytes of keys and values before places are filled.
        filled_size: bytes when every place holds its longest possible value.
    """

    size: int
    filled_size: int


def build_bundle(plan: Plan) -> Bundle:
    data = {conventions.BUNDLE_PLAN: readable_json(plan_document(plan).to_data(), "") + "\n"}
    if plan.rules:
        data[conventions.BUNDLE_RULES] = yaml.dump([_rule(rule) for rule in plan.rules])
    for entry in plan.deployments:
        data[entry.manifest.key] = yaml.dump(entry.manifest.data)
    if plan.load is not None:
        data[plan.load.job.key] = yaml.dump(plan.load.job.data)
        data.update({file.key: file.text for file in plan.load.config})
    size = sum(len(key) + len(text.encode()) for key, text in data.items())
    found = hashed(plan.name, data)
    return Bundle(found.name, found.hash, data, size, size + _growth(plan))


def readable_json(value: Any, indent: str) -> str:
    """JSON for reviewers: a value that fits on a line stays on one line; a longer value is split."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= _JSON_WIDTH or not isinstance(value, (dict, list, tuple)):
        return line
    deeper = indent + "  "
    if isinstance(value, (list, tuple)):
        items = [deeper + readable_json(item, deeper) for item in value]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    entries = [
        f"{deeper}{json.dumps(key, ensure_ascii=False)}: {readable_json(item, deeper)}" for key, item in value.items()
    ]
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"


def config_map(bundle: HashedData, namespace: str, spec_hash: str) -> ConfigMap:
    """The ConfigMap of a run's bundle, or a suite's."""
    metadata: Metadata = {
        "name": bundle.name,
        "namespace": namespace,
        "labels": {conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY, **app_labels()},
        "annotations": {
            conventions.ANNOTATION_SPEC_HASH: spec_hash,
            conventions.ANNOTATION_BUNDLE_HASH: bundle.hash,
            # A running workflow may still need the bundle of an older commit.
            "argocd.argoproj.io/sync-options": "Prune=false,ServerSideApply=true",
            "kustomize.toolkit.fluxcd.io/prune": "disabled",
            # Flux's postBuild would replace `${chainId}` long before a run exists.
            "kustomize.toolkit.fluxcd.io/substitute": "disabled",
        },
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True, "data": bundle.data}


def _rule(planned: PlannedRule) -> dict[str, Any]:
    """The rule with every default written out, in the spec's fields."""
    rule = planned.rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    body = rule[planned.rule.type]
    body["timeout"] = f"{planned.timeout_s}s"
    return rule


def plan_document(plan: Plan) -> PlanDocument:
    """The content of `plan.json`."""
    return PlanDocument(
        name=plan.name,
        namespace=plan.namespace,
        spec_hash=plan.spec_hash,
        accounts=plan.accounts,
        rights=tuple(
            PlannedRight(right.group, right.resources, right.verbs, right.names) for right in plan.step_rights
        ),
        seconds=_seconds(plan.timings),
        chain=PlannedChain(
            chain_id=plan.chain_id,
            bring_up=plan.brings_chain_up,
            deployments=tuple(_deployment(entry) for entry in plan.deployments),
            endpoints=plan.endpoints,
            api=plan.chain_api,
        ),
        load=_load(plan.load) if plan.load else None,
        rules=tuple(_query(rule) for rule in plan.rules),
        results=plan.results,
        cleanup=plan.cleanup,
        parameters={
            parameter.name: PlannedParameter(compiled=parameter.compiled, file=parameter.manifest, path=parameter.path)
            for parameter in plan.parameters
        },
        locked=plan.locked,
        prometheus_url=plan.prometheus_url,
        places=_places(plan),
    )


def _seconds(timings: Timings) -> PlannedSeconds:
    return PlannedSeconds(
        chain_ready=timings.chain_ready_s,
        load_start=timings.load_start_s,
        run_duration=timings.run_s,
        cooldown=timings.cooldown_s,
        window=timings.judged_s,
        workflow_deadline=timings.workflow_deadline_s,
        finalize=timings.finalize_s,
    )


def _deployment(entry: ChainObject) -> PlannedDeployment:
    return PlannedDeployment(entry.name, entry.role, entry.object_name, entry.replicas, entry.manifest.key)


def _load(load: PlannedLoad) -> PlannedWorkload:
    config = {file.name: file.key for file in load.config}
    return PlannedWorkload(
        workload=load.name,
        duration_seconds=load.duration_s,
        min_duration_seconds=load.min_duration_s,
        failed_codes=load.failed_codes,
        shards=load.shards,
        file=load.job.key,
        config=config,
        end_by=load.end_by,
    )


def _query(planned: PlannedRule) -> PlannedQuery:
    rule = planned.rule
    promql = planned.promql if type_of(rule).promql(rule) is None else None
    return PlannedQuery(
        name=rule.name,
        type=rule.type,
        promql=promql,
        opening_seconds=opening_seconds(rule),
        places=planned.places,
        expected=planned.expected,
    )


def _places(plan: Plan) -> dict[str, tuple[str | TextPlace, ...]]:
    manifests = [entry.manifest for entry in plan.deployments] + ([plan.load.job] if plan.load else [])
    places: dict[str, tuple[str | TextPlace, ...]] = {manifest.key: manifest.places for manifest in manifests}
    for file in plan.load.config if plan.load else ():
        if file.places:
            places[file.key] = file.places
    return places


def _growth(plan: Plan) -> int:
    """The most bytes that filling places adds to the config files. Manifests grow little, because their places are names."""
    lists = {
        "rpcEndpoints": plan.endpoints.rpc,
        "evmEndpoints": plan.endpoints.evm,
        "wsEndpoints": plan.endpoints.ws,
        "restEndpoints": plan.endpoints.rest,
    }
    longest = {"chainId": _LONGEST_CHAIN_ID, "runId": _LONGEST_RUN_ID, "namespace": len(plan.namespace)}
    for name, urls in lists.items():
        # Each URL may name the chain twice; a JSON list adds two quotes and a separator to each.
        longest[name] = longest[f"{name}Json"] = sum(len(url) + 2 * _LONGEST_CHAIN_ID + 4 for url in urls) + 2
    files: tuple[ConfigFile, ...] = plan.load.config if plan.load else ()
    return sum(max(0, longest[place.token[2:-1]] - len(place.token)) for file in files for place in file.places)

"""
The bundle: everything that holds a user's text, in one immutable ConfigMap named by its content.

Argo substitutes `{{...}}` in several passes and has no escape, so no such text may stand in a WorkflowTemplate.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base import conventions
from validationrun.base.hashing import bundle_hash
from validationrun.compiling.emit import yaml
from validationrun.compiling.plan import ChainObject, ConfigFile, Plan, PlannedRule, Right
from validationrun.compiling.plan.manifests import app_labels

_HASH_IN_NAME: Final = 8
_JSON_WIDTH: Final = 100
_LONGEST_RUN_ID: Final = 63
_LONGEST_CHAIN_ID: Final = 48


@dataclass(frozen=True, slots=True)
class Bundle:
    """
    The ConfigMap's data and what follows from it.

    Attributes:
        size: bytes of keys and values as they stand.
        filled_size: the same once every place holds the longest value it can get.
    """

    name: str
    hash: str
    data: dict[str, str]
    size: int
    filled_size: int


def build_bundle(plan: Plan) -> Bundle:
    data = {conventions.BUNDLE_PLAN: _readable_json(plan_document(plan), "") + "\n"}
    if plan.rules:
        data[conventions.BUNDLE_RULES] = yaml.dump([_rule(rule) for rule in plan.rules])
    for entry in plan.deployments:
        data[entry.manifest.key] = yaml.dump(entry.manifest.data)
    if plan.load is not None:
        data[plan.load.job.key] = yaml.dump(plan.load.job.data)
        data.update({file.key: file.text for file in plan.load.config})
    digest = bundle_hash(data)
    size = sum(len(key) + len(text.encode()) for key, text in data.items())
    return Bundle(f"{plan.name}-bundle-{digest[:_HASH_IN_NAME]}", digest, data, size, size + _growth(plan))


def _readable_json(value: Any, indent: str) -> str:
    """JSON for reviewers: what fits on a line stays on one, the rest is spread out."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= _JSON_WIDTH or not isinstance(value, (dict, list)):
        return line
    deeper = indent + "  "
    if isinstance(value, list):
        items = [deeper + _readable_json(item, deeper) for item in value]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    entries = [
        f"{deeper}{json.dumps(key, ensure_ascii=False)}: {_readable_json(item, deeper)}" for key, item in value.items()
    ]
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"


def config_map(plan: Plan, bundle: Bundle) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": bundle.name,
            "namespace": plan.namespace,
            "labels": {conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY, **app_labels()},
            "annotations": {
                conventions.ANNOTATION_SPEC_HASH: plan.spec_hash,
                conventions.ANNOTATION_BUNDLE_HASH: bundle.hash,
                # A running workflow may still need the bundle of an older commit.
                "argocd.argoproj.io/sync-options": "Prune=false,ServerSideApply=true",
                "kustomize.toolkit.fluxcd.io/prune": "disabled",
                # Flux's postBuild would replace `${chainId}` long before a run exists.
                "kustomize.toolkit.fluxcd.io/substitute": "disabled",
            },
        },
        "immutable": True,
        "data": bundle.data,
    }


def _rule(planned: PlannedRule) -> dict[str, Any]:
    """The rule with every default written out, in the words of the spec."""
    rule = planned.rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    body = rule[planned.rule.type]
    body["timeout"] = f"{planned.timeout_s}s"
    return rule


def plan_document(plan: Plan) -> dict[str, Any]:
    """`plan.json`: what the steps need to know and cannot see in the manifests. Its format is `conventions.FORMAT`."""
    times = plan.timings
    document: dict[str, Any] = {
        "format": conventions.FORMAT,
        "name": plan.name,
        "namespace": plan.namespace,
        "specHash": plan.spec_hash,
        "accounts": {
            "steps": plan.accounts.steps,
            "finalize": plan.accounts.finalize,
            "workload": plan.accounts.workload,
        },
        "rights": [_right(right) for right in plan.step_rights],
        "seconds": {
            "chainReady": times.chain_ready_s,
            "loadStart": times.load_start_s,
            "runDuration": times.run_s,
            "window": times.judged_s,
            "workflowDeadline": times.workflow_deadline_s,
            "finalize": times.finalize_s,
        },
        "chain": {
            "chainId": plan.chain_id,
            "bringUp": plan.brings_chain_up,
            "deployments": [_deployment(entry) for entry in plan.deployments],
            "endpoints": {
                "rpc": list(plan.endpoints.rpc),
                "evm": list(plan.endpoints.evm),
                "ws": list(plan.endpoints.ws),
                "rest": list(plan.endpoints.rest),
            },
        },
        "load": _load(plan),
        "rules": [_planned_rule(rule) for rule in plan.rules],
        "results": {**plan.results, "uri": plan.results_uri} if plan.results else None,
        "cleanup": plan.cleanup,
        "parameters": {
            parameter.name: {"file": parameter.manifest, "path": parameter.path} if parameter.path else {}
            for parameter in plan.parameters
        },
        "places": _places(plan),
    }
    return document


def _right(right: Right) -> dict[str, Any]:
    """For preflight, which asks whether the steps' account really has it."""
    document: dict[str, Any] = {"group": right.group, "resources": list(right.resources), "verbs": list(right.verbs)}
    return {**document, "names": list(right.names)} if right.names else document


def _deployment(entry: ChainObject) -> dict[str, Any]:
    return {
        "name": entry.name,
        "role": entry.role,
        "object": entry.object_name,
        "replicas": entry.replicas,
        "servesEvm": entry.serves_evm,
        "file": entry.manifest.key,
    }


def _load(plan: Plan) -> dict[str, Any] | None:
    if plan.load is None:
        return None
    return {
        "workload": plan.load.name,
        "durationSeconds": plan.load.duration_s,
        "shards": plan.load.shards,
        "file": plan.load.job.key,
        "config": {file.name: file.key for file in plan.load.config},
    }


def _planned_rule(planned: PlannedRule) -> dict[str, Any]:
    document: dict[str, Any] = {"name": planned.rule.name, "type": planned.rule.type}
    if planned.rule.type == "alert":
        document["promql"] = planned.promql
    document["places"] = [place.as_json() for place in planned.places]
    return document


def _places(plan: Plan) -> dict[str, list[Any]]:
    """Where run-time values are filled in: JSON pointers in manifests, offsets (in code points) in config files."""
    manifests = [entry.manifest for entry in plan.deployments] + ([plan.load.job] if plan.load else [])
    places: dict[str, list[Any]] = {manifest.key: list(manifest.places) for manifest in manifests}
    for file in plan.load.config if plan.load else ():
        if file.places:
            places[file.key] = [{"offset": place.offset, "token": place.token} for place in file.places]
    return places


def _growth(plan: Plan) -> int:
    """Bytes that the config files can grow by; the manifests' own places are names, and small."""
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

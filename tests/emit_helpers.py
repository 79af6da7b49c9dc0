"""Building a spec, compiling it in memory, and looking at what came out. For the tests of plan/, emit/, cli/ and packaging."""

import copy
import json
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.pipeline import CompileResult, Linted, compile_all, lint, plan_run
from validationrun.compiling.plan import Plan

ROOT = pathlib.Path(__file__).resolve().parents[1]
DIGEST = "sha256:" + "1" * 64
SEID = f"registry.example.com/sei/seid@{DIGEST}"
LOAD_IMAGE = f"registry.example.com/sei/seiload@{DIGEST}"
HEIGHT = 'min(increase(tendermint_consensus_height{chain_id="${chainId}"}[2m]))'
FILE = "spec.yaml"

Edit = Callable[[dict[str, Any]], None]

RUN_LABELS = {
    "sei.io/managed-by": "validationrun",
    "sei.io/run-id": "${runId}",
    "sei.io/chain-id": "${chainId}",
    "app.kubernetes.io/managed-by": "validationrun",
    "app.kubernetes.io/part-of": "validationrun",
}
"""On every object of a run, as the compiler writes them."""


def node(name: str, role: str, **spec: Any) -> dict[str, Any]:
    scraped = {"monitoring": {"serviceMonitor": {}}}
    return {"name": name, "role": role, "spec": {**scraped, "template": {"spec": {"image": SEID}}, **spec}}


def query_rule(name: str = "height", **fields: Any) -> dict[str, Any]:
    return {"name": name, "type": "query", "query": {"promql": HEIGHT, "op": ">", "threshold": "0"}, **fields}


def alert_rule(name: str = "failed", *, namespace: str = "monitoring", rule: str = "alerts") -> dict[str, Any]:
    reference = {"name": rule, "namespace": namespace, "alertname": "NodeFailed"}
    matchers = [{"name": "namespace", "op": "=", "value": "${namespace}"}]
    return {"name": name, "type": "alert", "alert": {"ruleRef": reference, "matchers": matchers}}


def full_run() -> dict[str, Any]:
    """A chain, a load and a rule: the smallest run that uses every step. Nothing about it is worth a warning."""
    rule = query_rule()
    rule["query"]["series"] = {"min": 6}
    return {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationRun",
        "metadata": {"name": "nightly", "namespace": "eng-ada"},
        "spec": {
            "chain": {
                "chainId": "base",
                "deployments": [node("validators", "validator", replicas=4), node("rpc", "fullNode", replicas=2)],
            },
            "load": {"duration": "10m", "workload": {"name": "evm_transfer", "image": LOAD_IMAGE}},
            "rules": [rule],
        },
    }


def rules_only() -> dict[str, Any]:
    """An existing chain and a rule: the smallest run there is."""
    run = full_run()
    run["spec"]["chain"] = {"chainId": "pacific-1", "endpoints": {"rpc": ["http://rpc.example.com:26657"]}}
    run["spec"]["rules"] = [query_rule()]
    del run["spec"]["load"]
    return run


def unchanged(_: dict[str, Any]) -> None:
    """The edit that leaves everything as it is."""


def edited(edit: Edit, base: Callable[[], dict[str, Any]] = full_run) -> dict[str, Any]:
    run = copy.deepcopy(base())
    edit(run)
    return run


def as_yaml(run: Any) -> bytes:
    """
    Any data as YAML that the reader takes back unchanged: JSON, all of it in ASCII.

    JSON writes a character beyond the basic plane as two surrogates, which YAML does not know.
    """
    text = _flow(run)
    pair = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")

    def whole(match: re.Match[str]) -> str:
        character = json.loads('"' + match[0] + '"')
        return f"\\U{ord(character):08x}"

    return pair.sub(whole, text).encode()


def _flow(value: Any) -> str:
    """JSON, with keys that are too long for YAML's short form behind `?`."""
    if isinstance(value, dict):
        entries = []
        for key, item in value.items():
            name = json.dumps(key, ensure_ascii=True)
            entries.append(f"{f'? {name} ' if len(name) > 1000 else name}: {_flow(item)}")
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value, ensure_ascii=True)


def linted(run: Mapping[str, Any] | bytes) -> Linted:
    result = lint(run if isinstance(run, bytes) else as_yaml(run), FILE)
    assert result.ok, [(d.path, d.message) for d in result.diagnostics]
    return result.runs[0]


def plan_of(run: Mapping[str, Any] | bytes, **options: Any) -> Plan:
    return plan_run(linted(run), EmitOptions(**options))


@dataclass(frozen=True, slots=True)
class Output:
    """One run's folder, as text and parsed."""

    plan: Plan
    text: dict[str, str]

    def documents(self, name: str) -> list[Any]:
        return list(yaml.load_all(self.text[name], Loader=yaml.CSafeLoader))

    def document(self, name: str) -> Any:
        (document,) = self.documents(name)
        return document

    @property
    def template(self) -> dict[str, Any]:
        document: dict[str, Any] = self.document("workflowtemplate.yaml")
        return document

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.template["spec"]["templates"]}

    @property
    def data(self) -> dict[str, str]:
        data: dict[str, str] = self.document("bundle.yaml")["data"]
        return data

    def inner(self, key: str) -> Any:
        """One text of the bundle, parsed."""
        return yaml.load(self.data[key], Loader=yaml.CSafeLoader)

    @property
    def plan_json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.data["plan.json"])
        return document


def program(step: Mapping[str, Any]) -> dict[str, Any]:
    """The container of a step's template in which its program runs; empty for the DAG."""
    container: dict[str, Any] = step["sidecars"][0] if "sidecars" in step else step.get("container", {})
    return container


def compiled(run: Mapping[str, Any] | bytes, **options: Any) -> Output:
    result = compile_one(run, **options)
    assert result.ok, [(d.path, d.message) for d in result.diagnostics]
    (one,) = result.compiled
    return Output(one.plan, {file.name: file.text for file in one.files})


def compile_one(run: Mapping[str, Any] | bytes, **options: Any) -> CompileResult:
    content = run if isinstance(run, bytes) else as_yaml(run)
    return compile_all([(FILE, content)], EmitOptions(**options))


def at(document: Any, pointer: str) -> Any:
    """RFC 6901."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def strings(value: Any) -> Iterable[str]:
    """Every string in plain data, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)

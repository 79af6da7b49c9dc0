"""
The shipped starters, as they are: what `validationrun init` writes, which is what `examples/` holds.

Nothing in them is changed but the length of the load, and only where it is longer than a test can simulate: `SHORTER`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from validationrun.base.durations import parse_duration
from validationrun.compiling.emit.bundle import build_bundle
from validationrun.compiling.pipeline import lint
from validationrun.compiling.plan import build_plan
from validationrun.contract.bundle import Bundle
from validationrun.contract.parameters import load_plan
from validationrun.contract.run_entry import LoadPlan
from validationrun.oracle.question import Question, expected_in
from validationrun.spec.v1alpha1 import ValidationRun

EXAMPLES: Final = Path(__file__).parents[2] / "examples"

SHORTER: Final[Mapping[str, str]] = {"soak": "2h20m", "release": "15m", "early-stop": "10m", "shadow": "15m"}
"""Lengths of the load, or of a run without load, instead of 24h, 1h, 30m and 2h. Nightly's ten minutes stay."""

_SCRAPE: Final = "30s"
"""How often a PodMonitor or ServiceMonitor scrapes that does not say."""


@dataclass(frozen=True)
class Starter:
    """
    Attributes:
        seconds: length of the load, or of the run without one.
        values: what `${...}` stands for in a run.
        pods: of the chain's nodes.
        validator, full_node: the pod of the last one of each.
        load_pods: of the load generator; none for a test suite, which exports nothing.
        load: what the run expects of its load pods; None without a load.
        replays: the chain's nodes replay another chain.
        scrape: seconds between two scrapes.
    """

    name: str
    run: ValidationRun
    seconds: int
    cooldown: int
    values: Mapping[str, str]
    pods: tuple[str, ...]
    validator: str
    full_node: str
    load_pods: tuple[str, ...]
    load: LoadPlan | None
    replays: bool
    scrape: int

    def questions(self) -> list[Question]:
        chain = self.run.spec.chain
        return [Question.of(rule, self.values, expected_in(rule, chain)) for rule in self.run.spec.rules]


@cache
def starter(name: str) -> Starter:
    document = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text("utf-8"))
    length = _shorten(document["spec"], SHORTER.get(name))
    # JSON is YAML.
    linted = lint(json.dumps(document).encode(), f"{name}.yaml")
    assert linted.ok, linted.diagnostics
    (only,) = linted.runs
    run, spec = only.run, document["spec"]
    chain, load = spec["chain"], spec.get("load")
    chain_id = chain["chainId"] if "endpoints" in chain else f"{chain['chainId']}-0f8fad5b"
    pods = dict(_pods(chain, chain_id))
    by_role = list(pods.items())
    workflow = f"{name}-x7k2p"
    exports = load is not None and "seiload" in load["workload"]["image"]
    shards = range(load.get("replicas", 1)) if exports else ()
    return Starter(
        name=name,
        run=run,
        seconds=length,
        cooldown=parse_duration(spec["cooldown"]) if "cooldown" in spec else 0,
        values={"chainId": chain_id, "namespace": run.metadata.namespace or "", "runId": workflow},
        pods=tuple(pods),
        validator=[pod for pod, role in by_role if role != "fullNode"][-1],
        full_node=by_role[-1][0],
        load_pods=tuple(f"{workflow}-1a2b3c4d-{shard}-abcde" for shard in shards),
        load=load_plan(Bundle(build_bundle(build_plan(run)).data).plan, {}),
        replays="endpoints" in chain,
        scrape=parse_duration(_scrape(chain)),
    )


def _shorten(spec: dict[str, Any], length: str | None) -> int:
    """Sets the length in the document, and returns it in seconds."""
    load, timeouts = spec.get("load"), spec.setdefault("timeouts", {})
    if load is None:
        timeouts["runDuration"] = length or timeouts["runDuration"]
        return parse_duration(timeouts["runDuration"])
    if length is not None:
        load["duration"] = length
        timeouts.pop("runDuration", None)
    return parse_duration(load["duration"])


def _pods(chain: Mapping[str, Any], chain_id: str) -> Iterator[tuple[str, str]]:
    if "endpoints" in chain:
        for url in chain["endpoints"]["rpc"]:
            # http://<pod>.<service>.svc:26657
            yield url.split("//")[1].split(".")[0], "replayer"
    for deployment in chain.get("deployments", ()):
        for index in range(deployment["spec"]["replicas"]):
            yield f"{chain_id}-{deployment['name']}-{index}-0", deployment["role"]


def _scrape(chain: Mapping[str, Any]) -> str:
    for deployment in chain.get("deployments", ()):
        monitoring = deployment["spec"].get("monitoring", {"serviceMonitor": {}})
        return str(monitoring["serviceMonitor"].get("interval", _SCRAPE))
    return "15s"

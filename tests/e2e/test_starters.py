"""
The starters, as `init` writes them: their chain comes up on either API, and goes with the run.

Replaced are the images, the alert that each refers to, and for shadow the chain that it looks at: the cluster of the tests has others. It
has no bucket for results.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.running import Prepared, run_operator, start, wait_to_its_end
from tests.e2e.setups import SETUPS
from tests.e2e.world import World, until

from validationrun.contract.chain_entries import ChainReady
from validationrun.kube.cluster import Object

IMAGE = "localhost/validationrun/chain:test"
ALERT = {"name": "test-alerts", "namespace": "monitoring", "alertname": "TestChainHalted"}
BRING_UP_SECONDS = 240


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World.open(f"starter-{request.node.callspec.id.lower()}"[:30].strip("-")) as opened, run_operator(opened):
        yield opened


def _starter(world: World, scenario: str, api: str) -> Object:
    printed = world.run_offline("init", scenario, "--api", api, "--namespace", world.namespace)
    assert printed.returncode == 0, printed.stderr
    document: Object = yaml.safe_load(printed.stdout)
    spec = document["spec"]
    for deployment in spec["chain"].get("deployments", []):
        deployment["spec"]["template"]["spec"]["image"] = IMAGE
    if "load" in spec:
        spec["load"]["workload"]["image"] = IMAGE
    spec.pop("results", None)
    for rule in spec["rules"]:
        if "alert" in rule:
            rule["alert"]["ruleRef"] = ALERT
    return document


def _prepare(world: World, folder: Path, document: Object) -> Prepared:
    spec, out = folder / "run.yaml", folder / "out"
    spec.write_text(yaml.safe_dump(document))
    compiled = world.run_offline("compile", str(spec), "--out", str(out))
    assert compiled.returncode == 0, compiled.stderr
    world.grant(out / world.namespace / document["metadata"]["name"])
    return Prepared(spec, document, out, [], world.holdings())


def _comes_up_and_is_stopped(world: World, prepared: Prepared) -> list[Any]:
    """The chain serves, as the record says. Then the run is stopped and deleted, and nothing of it runs. Its deployments."""
    workflow = start(world, prepared)
    name = workflow["metadata"]["name"]

    def ready() -> ChainReady | None:
        record = world.record(workflow)
        return record.get(ChainReady) if record is not None else None

    served = until("the chain serves", ready, BRING_UP_SECONDS)
    assert served.reason is None, served.message
    stopped = world.run("stop", name, "-n", world.namespace)
    assert stopped.returncode == 0, stopped.stderr
    outcome = wait_to_its_end(world, prepared, name)
    assert outcome.status["phase"] == "Cancelled", outcome.status
    # Some starters keep the chain of a run that did not pass: it goes with the run.
    deleted = world.run("delete", name, "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    until("nothing of the run runs", lambda: not world.left_running(prepared.before), 60)
    return list(served.deployments)


@pytest.mark.parametrize("api", ["SeiNetwork", "SeiNodeDeployment"])
@pytest.mark.parametrize("scenario", ["nightly", "release", "soak", "early-stop"])
def test_a_starter_brings_its_chain_up(world: World, tmp_path: Path, scenario: str, api: str) -> None:
    document = _starter(world, scenario, api)
    assert document["spec"]["chain"].get("api", "SeiNodeDeployment") == api
    deployments = _comes_up_and_is_stopped(world, _prepare(world, tmp_path, document))
    asked = {entry["name"]: entry["spec"].get("replicas", 1) for entry in document["spec"]["chain"]["deployments"]}
    assert {entry.name for entry in deployments} == set(asked)
    # That the chain serves is proven by the probes; the controller may say so a little later.
    assert not {entry.phase for entry in deployments} & {None, "Failed", "Degraded"}, deployments


@pytest.mark.parametrize("scenario", ["shadow"])
def test_a_starter_on_a_chain_that_exists(world: World, tmp_path: Path, scenario: str) -> None:
    SETUPS["existing-chain"](world, {"id": "pacific"})
    document = _starter(world, scenario, "SeiNetwork")
    document["spec"]["chain"]["endpoints"]["rpc"] = [
        f"http://pacific-rpc-0-0.pacific-rpc-0.{world.namespace}.svc:26657"
    ]
    assert _comes_up_and_is_stopped(world, _prepare(world, tmp_path, document)) == []

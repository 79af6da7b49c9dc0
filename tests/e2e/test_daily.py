"""The verbs of every day on a real run: list, stop, rerun, delete."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.e2e.test_cases import BASE, run_operator
from tests.e2e.world import World, as_json, merge, until

from validationrun import record


@pytest.fixture
def world() -> Iterator[World]:
    with World.open("daily") as opened, run_operator(opened):
        yield opened


def test_a_run_is_listed_stopped_started_again_and_deleted(world: World, tmp_path: Path) -> None:
    """Stopped under load it is Cancelled, its load and chain are gone; deleting leaves nothing of either run."""
    spec = tmp_path / "run.yaml"
    patch = {
        "metadata": {"namespace": world.namespace},
        "spec": {"load": {"duration": "4m"}, "timeouts": {"runDuration": "5m"}},
    }
    spec.write_text(yaml.safe_dump(merge(BASE, patch)))
    assert world.run_offline("compile", str(spec), "--out", str(tmp_path / "out")).returncode == 0
    world.grant(tmp_path / "out" / world.namespace / "e2e")
    before = world.holdings()

    submitted = world.run("submit", str(spec))
    assert submitted.returncode == 0, submitted.stderr
    name = submitted.stdout.strip()
    (listed,) = as_list(world)
    assert (listed["name"], listed["template"], listed["verdict"]) == (name, "e2e", "Awaited")
    until("the load runs", lambda: _under_load(world), 300)

    stopped = world.run("stop", name, "-n", world.namespace, "--wait")
    assert stopped.returncode == 0, stopped.stderr
    assert "Cancelled" in stopped.stdout
    assert world.run("wait", name, "-n", world.namespace).returncode == 2
    until("load and chain are gone", lambda: not world.left_running(), 120)
    status = as_json(world.run("status", name, "-n", world.namespace, "-o", "json").stdout)
    assert (status["phase"], status["verdict"], status["reason"]) == ("Cancelled", "Error", "Cancelled")
    assert {one["type"]: one["status"] for one in status["conditions"]}["TestCancelled"] == "True"
    (listed,) = as_list(world)
    assert (listed["phase"], listed["verdict"], listed["reason"]) == ("Cancelled", "Error", "Cancelled")
    again = world.run("stop", name, "-n", world.namespace)
    assert (again.returncode, "has ended already" in again.stderr) == (2, True)

    started = world.run("rerun", name, "-n", world.namespace)
    assert started.returncode == 0, started.stderr
    assert [one["name"] for one in as_list(world)] == [started.stdout.strip(), name]
    deleted = world.run("delete", name, started.stdout.strip(), "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    kept = before | {
        one for one in world.holdings() if one.startswith(("workflowtemplates/", "configmaps/e2e-bundle-"))
    }
    until("nothing of a run is left", lambda: not world.holdings() - kept, 120)
    assert as_list(world) == []


def as_list(world: World) -> list[dict]:
    done = world.run("list", "-n", world.namespace, "-o", "json")
    assert done.returncode == 0, done.stderr
    found: list[dict] = json.loads(done.stdout)
    return found


def _under_load(world: World) -> bool:
    workflow = world.only_workflow()
    found = world.record(workflow) if workflow is not None else None
    return found is not None and found.get(record.LOAD_START) is not None

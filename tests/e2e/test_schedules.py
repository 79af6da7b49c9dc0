"""
Schedules on a real cluster: what each must come to stands in EXPECT, which was written first.

The run is that of base.yaml, shortened. Argo's own controller decides when it starts; a Prometheus of the test's own scrapes that
controller, on this machine, and evaluates the alert as it was compiled, but for a shorter time of silence.
"""

import copy
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.e2e.running import BASE, run_operator
from tests.e2e.suites import SUITE, on_both_lines, suite_of
from tests.e2e.world import KINDS, World, as_json, until

from prometheus_kit import Server, running
from validationrun.base import conventions
from validationrun.contract.argo_phase import has_ended
from validationrun.kube.cluster import PROMETHEUS_RULES, WORKFLOWS, Object

NAME: Final = "every-minute"
CRON: Final = KINDS["CronWorkflow"]
ARGO: Final = "127.0.0.1:19090"

EXPECT: Final[Mapping[str, Mapping[str, Any]]] = {
    "suspended by hand": {"state": "Paused", "verdict": None, "next": None, "started": 0, "alert": True},
    "resumed": {"state": "Active", "verdict": "Passed", "alert": False},
    "stopped": {"state": "Overdue", "verdict": None, "next": None},
    "of a suite": {"state": "Active", "verdict": "Passed"},
    "paused by its spec": {"state": "Paused", "verdict": None, "next": None, "started": 0},
}


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_")[:24])
    with World.open(name.strip("-")) as opened, run_operator(opened):
        yield opened


def schedule_of(world: World, folder: Path, **annotations: str) -> Path:
    """A schedule of each minute with its run; the run's access files are in force."""
    run = copy.deepcopy(BASE)
    run["metadata"]["namespace"] = world.namespace
    run["spec"]["load"]["duration"] = "12s"
    run["spec"]["load"]["workload"]["args"] = ["--rate=10", "--min-included=1"]
    metadata = {"name": NAME, "namespace": world.namespace, "annotations": annotations}
    schedule = {
        "apiVersion": BASE["apiVersion"],
        "kind": "ValidationSchedule",
        "metadata": metadata,
        "spec": {"schedules": ["* * * * *"], "runTemplate": {"ref": {"name": run["metadata"]["name"]}}},
    }
    path, out = folder / "schedule.yaml", folder / "out"
    path.write_text(yaml.safe_dump_all([schedule, run], sort_keys=False))
    compiled = world.run_offline("compile", str(path), "--out", str(out))
    assert compiled.returncode == 0, compiled.stderr
    world.grant(out / world.namespace / run["metadata"]["name"])
    return path


def submit(world: World, path: Path, *options: str) -> None:
    submitted = world.run("submit", str(path), *options)
    assert (submitted.returncode, submitted.stdout) == (0, f"{NAME}\n"), submitted.stderr


def started(world: World) -> list[Object]:
    return world.cluster.list(WORKFLOWS, labels=f"{conventions.LABEL_CRON_WORKFLOW}={NAME}")


def suspend(world: World, *, yes: bool) -> None:
    assert world.cluster.patch(CRON, NAME, {"spec": {"suspend": yes}}) is not None


def shorten_silence(world: World) -> bool:
    """Argo's controller writes the annotations of its own copy back when it notes the end of a run, so once may not be enough."""
    overdue = {"metadata": {"annotations": {conventions.ANNOTATION_OVERDUE: "1s"}}}
    return world.cluster.patch(CRON, NAME, overdue) is not None


def status(world: World) -> Object:
    shown = world.run("status", NAME, "-n", world.namespace, "-o", "json")
    assert shown.returncode == 0, shown.stderr
    return as_json(shown.stdout)


def check(world: World, case: str, found: Object | None = None) -> None:
    """What `status` says, and `list` with it."""
    found = found or status(world)
    expect = {key: value for key, value in EXPECT[case].items() if key not in ("started", "alert")}
    assert {key: found[key] for key in expect} == expect, found
    listed = world.run("list", "-n", world.namespace, "--schedules").stdout.splitlines()[1].split()
    assert listed[:2] == [NAME, expect["state"]]
    assert ("Passed" in listed) == (expect["verdict"] == "Passed")


def alerting(server: Server) -> bool:
    return bool(server.result('ALERTS{alertname="ValidationScheduleOverdue", alertstate="firing"}'))


def shortened_alert(world: World) -> list[Any]:
    """The groups of the alert on the cluster; silence is too long after ten seconds."""
    found = world.cluster.get(PROMETHEUS_RULES, NAME)
    assert found is not None
    groups = copy.deepcopy(found["spec"]["groups"])
    groups[0]["interval"] = "1s"
    groups[0]["rules"][0]["for"] = "10s"
    return list(groups)


@pytest.mark.installation
def test_a_schedule_fires_gives_a_verdict_and_is_seen_when_it_stops(world: World, tmp_path: Path) -> None:
    path = schedule_of(world, tmp_path)
    # Not shortly before a minute begins, so that it does not fire before it is suspended.
    until("a minute has just begun", lambda: time.time() % 60 < 20, 60)
    submit(world, path)
    suspend(world, yes=True)
    already = len(started(world))
    # Applied again: a pause by hand stands.
    submit(world, path)
    with running(tmp_path / "own", targets={"argo": [ARGO]}, groups=shortened_alert(world)) as server:
        until("nothing was counted, and the alert fires", lambda: alerting(server), 60)
        assert len(started(world)) - already == EXPECT["suspended by hand"]["started"]
        check(world, "suspended by hand")
        suspend(world, yes=False)
        first = until("a run is started", lambda: started(world) or None, 120)[0]["metadata"]["name"]
        waited = world.run("wait", first, "-n", world.namespace, "--timeout", "9m")
        assert waited.returncode == 0, waited.stdout + waited.stderr
        found = status(world)
        check(world, "resumed", found)
        assert found["last"]["name"].startswith(f"{NAME}-")
        until("the verdict was counted, and the alert is over", lambda: not alerting(server), 30)
    # It stops: as if its time without a verdict were over.
    suspend(world, yes=True)
    until("its runs have ended", lambda: all(has_ended(one) for one in started(world)) or None, 300)
    until("it is overdue", lambda: shorten_silence(world) and status(world)["state"] == "Overdue", 60)
    check(world, "stopped")
    deleted = world.run("delete", NAME, "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    assert first in deleted.stdout
    until("its Workflows are gone", lambda: not started(world), 60)
    assert world.cluster.get(PROMETHEUS_RULES, NAME) is None


def test_a_schedule_that_its_spec_pauses_does_not_fire(world: World, tmp_path: Path) -> None:
    submit(world, schedule_of(world, tmp_path, **{conventions.ANNOTATION_PAUSED: "true"}))
    time.sleep(70)
    assert len(started(world)) == EXPECT["paused by its spec"]["started"]
    check(world, "paused by its spec")
    assert world.cluster.get(PROMETHEUS_RULES, NAME) is None
    # The annotation is gone: it fires.
    submit(world, schedule_of(world, tmp_path))
    until("a run is started", lambda: started(world) or None, 120)
    assert world.run("stop", NAME, "-n", world.namespace).returncode == 2


@on_both_lines
def test_a_schedule_of_a_suite(world: World, tmp_path: Path, controller: Sequence[str]) -> None:
    suite = suite_of(world, tmp_path, "first", options=controller)
    schedule = {
        "apiVersion": BASE["apiVersion"],
        "kind": "ValidationSchedule",
        "metadata": {"name": NAME, "namespace": world.namespace},
        "spec": {"schedules": ["* * * * *"], "suiteTemplate": {"ref": {"name": SUITE}}},
    }
    path = tmp_path / "schedule.yaml"
    path.write_text(f"{yaml.safe_dump(schedule)}---\n{suite.read_text()}")
    submit(world, path, *controller)
    first = until("a suite is started", lambda: started(world) or None, 120)[0]["metadata"]["name"]
    suspend(world, yes=True)
    waited = world.run("wait", first, "-n", world.namespace, "--timeout", "9m")
    assert waited.returncode == 0, waited.stdout + waited.stderr
    suspend(world, yes=False)
    found = status(world)
    check(world, "of a suite", found)
    assert found["last"]["name"] == first
    page = world.run("report", first, "-n", world.namespace, "-o", "html").stdout
    assert "<h1>Passed</h1>" in page
    assert 'id="run-first"' in page

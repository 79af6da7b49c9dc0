"""`list --grid`: rules by the runs of one ValidationRun, on the fake API server."""

import json
from typing import Any

import pytest

from cli_helpers import call
from fake_api_server import FakeApiServer
from record_kit import load_end, sign_off
from runner_helpers import CONFIG_MAPS, NAMESPACE, START, write
from runs_kit import CHAIN, JOB, READY, RUN, shard, state, workflow
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainReady, DeploymentStatus
from validationrun.contract.evaluation_entries import RuleStates
from validationrun.contract.owned_record import Identity
from validationrun.contract.record import Record
from validationrun.contract.status import build_status
from validationrun.oracle.outcome import Phase
from validationrun.oracle.verdict_table import RunVerdict
from validationrun.runs import run_grid

SEID = f"r.example/seid@sha256:{'0123456789ab' * 5}cdef"
READY_WITH_IMAGE = ChainReady(READY.at, [DeploymentStatus("rpc", "fullNode", image_id=SEID)])


def record(api: FakeApiServer, name: str, *keys: Any) -> Record:
    """The record of a run as its steps left it."""
    identity = Identity(name, f"uid-of-{name}", NAMESPACE)
    written = Record.create(api.cluster, identity, RUN)  # type: ignore[arg-type]
    write(written, CHAIN, READY_WITH_IMAGE, JOB, *keys)
    return written


def ended(api: FakeApiServer, name: str, after: float, verdict: str = "Passed", *, argo: str = "") -> None:
    """A run that is over."""
    failed_t = START + 70 if verdict == "Failed" else None
    height = state("height", verdict, failed_t=failed_t, answered=True, swept=True, value="23")
    halted = state("halted", message="did not fire", answered=True, swept=True)
    signed = sign_off(height, halted, start=50, end=80, bundle_hash=RUN.bundle_hash)
    found = workflow(api, name, phase=argo or ("Succeeded" if verdict == "Passed" else "Failed"), after=after)
    load = load_end(start=50, end=80, shards=[shard(0, code=0, ended=81), shard(1, code=0, ended=81)])
    written = record(api, name, load, signed)
    phase = Phase.SUCCEEDED if verdict == "Passed" else Phase(verdict)
    identity = Identity(name, f"uid-of-{name}", NAMESPACE)
    judged = RunVerdict(phase, "told", "told")
    write(written, build_status(identity, found, written, judged, format_time(START + after + 725), signed.rules))


@pytest.fixture
def runs(api: FakeApiServer) -> FakeApiServer:
    """Of the newest the rules are being judged, and one rule of it has failed already."""
    ended(api, "nightly-a", 0)
    ended(api, "nightly-b", 1000, "Failed")
    ended(api, "nightly-c", 2000, argo="Failed")
    workflow(api, "nightly-d", after=3000)
    record(api, "nightly-d", RuleStates(rules=[state("height"), state("halted", "Failed", failed_t=START + 70)]))
    return api


def test_rules_by_runs_the_newest_first(runs: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    told = call("list", "-n", NAMESPACE, "--grid")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == [
        f"nightly in {NAMESPACE}: 4 runs, the newest first",
        "rule   1 2 3 4",
        "height ~ P F P",
        "halted F P P P",
        "load   ~ P P P",
        "",
        " 1  2026-11-18 11:56  Awaited  0123456789ab, nightly-d",
        " 2  2026-11-18 11:40  Error  0123456789ab, nightly-c",
        " 3  2026-11-18 11:23  Failed  0123456789ab, nightly-b",
        " 4  2026-11-18 11:06  Passed  0123456789ab, nightly-a",
        "F Failed (the rule did not hold), ~ running (no verdict yet), P Passed (the rule held)",
    ]


def test_a_run_whose_record_is_gone_or_unreadable_is_unknown(runs: FakeApiServer) -> None:
    workflow(runs, "nightly-e", phase="Failed", after=4000)
    name = f"{Identity('nightly-b', 'uid-of-nightly-b', NAMESPACE).record_name}"
    runs.cluster.objects[(CONFIG_MAPS.plural, name)]["data"]["run"] = "{"
    runs.cluster.objects[(CONFIG_MAPS.plural, name)]["data"]["result"] = "{"
    lines = call("list", "-n", NAMESPACE, "--grid").out.splitlines()
    assert lines[2:5] == ["height ? ~ P ? P", "halted ? F P ? P", "load   . ~ P ? P"]


def test_a_run_that_begins_is_running(runs: FakeApiServer) -> None:
    workflow(runs, "nightly-e", phase="Pending", after=4000)
    assert call("list", "-n", NAMESPACE, "--grid").out.splitlines()[2] == "height ~ ~ P F P"


def test_as_json(runs: FakeApiServer) -> None:
    (series,) = json.loads(call("list", "-n", NAMESPACE, "--grid", "-o", "json").out)["validationRuns"]
    assert (series["name"], series["stale"]) == ("nightly", None)
    run = series["runs"][-1]
    assert (run["runId"], run["verdict"], run["images"], run["folder"]) == ("nightly-a", "Passed", "0123456789ab", "")
    assert run["cells"][0] == {"rule": "height", "state": "Passed", "note": "23 > 0"}


def test_of_several_one_is_chosen(runs: FakeApiServer) -> None:
    workflow(runs, "weekly-a", template="weekly")
    workflow(runs, "suite-a", template="suite", labels={"validation.sei.io/suite": "suite"})
    told = call("list", "-n", NAMESPACE, "--grid")
    assert (told.code, told.out) == (2, "")
    assert f"choose it by --name; there are runs of {NAMESPACE}/nightly, {NAMESPACE}/weekly" in told.err
    assert call("list", "-n", NAMESPACE, "--grid", "--name", "nightly").code == 0
    assert (
        call("list", "-n", NAMESPACE, "--grid", "--name", "other").out == f"no runs in namespace {NAMESPACE} of other\n"
    )


def test_of_many_the_newest_are_read(runs: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_grid, "MOST_RUNS", 2)
    lines = call("list", "-n", NAMESPACE, "--grid").out.splitlines()
    assert (lines[2], lines[-1]) == ("height ~ P", "and 2 older")


@pytest.mark.parametrize("started", [None, "soon"], ids=repr)
def test_a_run_that_waits_for_its_turn_is_the_newest(
    runs: FakeApiServer, monkeypatch: pytest.MonkeyPatch, started: str | None
) -> None:
    """Argo gives it no start, so that its creation counts."""
    monkeypatch.setattr(run_grid, "MOST_RUNS", 2)
    waits = workflow(runs, "nightly-0", phase="Pending", status={"startedAt": started})
    waits["metadata"]["creationTimestamp"] = format_time(START + 3500)
    lines = call("list", "-n", NAMESPACE, "--grid").out.splitlines()
    assert [line.split()[-1] for line in lines if line.startswith((" 1 ", " 2 "))] == ["nightly-0", "nightly-d"]
    assert lines[-1] == "and 3 older"


def test_a_run_that_waited_and_that_others_overtook_is_older_than_they(runs: FakeApiServer) -> None:
    waits = workflow(runs, "nightly-z", phase="Pending", status={"startedAt": None})
    waits["metadata"]["creationTimestamp"] = format_time(START + 2500)
    lines = call("list", "-n", NAMESPACE, "--grid").out.splitlines()
    names = [line.split()[-1] for line in lines if line[:3].strip().isdecimal()]
    assert names == ["nightly-d", "nightly-z", "nightly-c", "nightly-b", "nightly-a"]


def test_no_line_is_wider_than_the_terminal(runs: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    lines = call("list", "-n", NAMESPACE, "--grid").out.splitlines()
    assert max(map(len, lines[1:])) <= 30


@pytest.mark.parametrize("option", [["--verdict", "Failed"], ["--schedules"]])
def test_what_does_not_go_with_it(api: FakeApiServer, option: list[str]) -> None:
    told = call("list", "-n", NAMESPACE, "--grid", *option)
    assert (told.code, told.out) == (2, "")
    assert "--grid goes with --name alone" in told.err

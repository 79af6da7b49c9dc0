"""rule-evaluator in the cooldown, on a cluster: when there is one, its stop, a restart, and what stands without a sign-off."""

import pathlib
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.steps.evaluator_world import BAD, GOOD, FakePrometheus, World, answer, install, rule

from record_kit import forget, load_end, stop_intent
from runner_helpers import IDENTITY, START, read, write
from validationrun.base.times import format_time
from validationrun.contract.evaluation_entries import StopIntent
from validationrun.contract.sign_off import SignOff
from validationrun.judging.recorded import read_evidence

STOP_JOB = ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}})


@pytest.fixture(autouse=True)
def prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


def verdicts(signed: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {state["name"]: (state["verdict"], state["reason"]) for state in signed["rules"]}


def times() -> list[float]:
    return [t for _, t in FakePrometheus.asked]


def at(seconds: float) -> str:
    return format_time(START + seconds)


@pytest.mark.parametrize("code", [0, 1])
def test_the_evaluator_stays_after_a_load_that_ended_by_itself(tmp_path: pathlib.Path, code: int) -> None:
    world = World(tmp_path, [rule(until="Cooldown")], cooldown="30s")
    world.load_ends(at=35, learned=38, code=code)
    signed = world.judge()
    assert times() == [10, 20, 30, 40, 50, 60, 65]
    assert verdicts(signed) == {"height": ("Passed", "")}
    assert (signed["end"], signed["cooldownEnd"]) == (at(35), at(65))


@pytest.mark.parametrize(
    "fields", [{"code": 2}, {"code": 2, "stopped": "runDuration"}, {"code": None, "stopped": "rule other failed"}]
)
def test_after_any_other_end_there_is_none(tmp_path: pathlib.Path, fields: dict[str, Any]) -> None:
    world = World(tmp_path, [rule(until="Cooldown")], cooldown="30s")
    world.load_ends(at=35, learned=38, **fields)
    signed = world.judge()
    assert times() == [10, 20, 30, 35]
    assert (signed["end"], signed["cooldownEnd"]) == (at(35), None)


def test_a_breach_in_the_cooldown_ends_it_and_stops_no_job(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(until="Cooldown", stopOnFailure=True)], cooldown="10m")
    world.load_ends(at=35, learned=38)
    answer(lambda _promql, t: BAD if t >= 45 else GOOD)
    signed = world.judge()
    assert verdicts(signed) == {"height": ("Failed", "ThresholdViolated")}
    assert (signed["stopTime"], signed["stopRule"]) == (at(50), "height")
    assert times() == [10, 20, 30, 40, 50]
    stop = read(world.cluster).need(StopIntent)
    assert (stop.rule, stop.t) == ("height", START + 50)
    assert STOP_JOB not in world.cluster.patches
    evidence = read_evidence(read(world.cluster), world.context.bundle_hash)
    assert evidence.stop_rule == "height"


def test_a_restarted_evaluator_goes_on_in_the_cooldown(tmp_path: pathlib.Path) -> None:
    """The first attempt judged all; the second has the states in the record and not the sign-off."""
    rules = [rule("throughput"), rule(until="Cooldown")]
    world = World(tmp_path, rules, cooldown="30s")
    world.load_ends(at=35, learned=38)
    first = world.judge()
    forget(world.cluster, SignOff)
    FakePrometheus.asked.clear()
    again = world.judge()
    assert [state["verdict"] for state in again["rules"]] == ["Passed", "Passed"]
    assert {key: again[key] for key in ("start", "end", "cooldownEnd")} == {
        key: first[key] for key in ("start", "end", "cooldownEnd")
    }
    assert set(times()) == {35, 65}


def test_a_restart_after_a_stop_in_the_cooldown_has_the_same_stop(tmp_path: pathlib.Path) -> None:
    rules = [rule("throughput"), rule(until="Cooldown", stopOnFailure=True)]
    world = World(tmp_path, rules, cooldown="10m")
    world.load_ends(at=35, learned=38)
    answer(lambda promql, t: BAD if t >= 45 else GOOD)
    first = world.judge()
    forget(world.cluster, SignOff)
    answer(lambda _promql, _t: GOOD)
    again = world.judge()
    assert (again["stopTime"], again["stopRule"]) == (first["stopTime"], first["stopRule"]) == (at(50), "height")
    assert verdicts(again)["throughput"] == ("Passed", "")


@pytest.mark.parametrize(
    ("until", "t", "counts"),
    [("Cooldown", 35, True), ("Cooldown", 65, True), ("Cooldown", 66, False), ("LoadEnd", 40, False)],
)
def test_without_a_sign_off_a_stop_counts_in_its_rules_own_window(
    tmp_path: pathlib.Path, until: str, t: float, counts: bool
) -> None:
    world = World(tmp_path, [rule(until=until, stopOnFailure=True)], cooldown="30s")
    write(world.written, load_end(end=35), replace(stop_intent(rule="height"), t=START + t))
    evidence = read_evidence(read(world.cluster), world.context.bundle_hash)
    assert evidence.stop_rule == ("height" if counts else None)

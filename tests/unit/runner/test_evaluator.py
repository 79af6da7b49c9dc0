"""rule-evaluator: ticks, the stop, the sweep, and going on after a restart. Prometheus is a table of answers."""

import copy
import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

import replies
from emit_helpers import full_run, query_rule, rules_only
from runner_helpers import (
    IDENTITY,
    PODS,
    START,
    Clock,
    FakeCluster,
    begin,
    bundle_folder,
    context,
    ended,
    pod,
    read,
    running,
)
from validationrun import record
from validationrun.oracle.answers import Answer, Fault, Sample, Samples
from validationrun.oracle.wire import Reply
from validationrun.record import format_time
from validationrun.runner import evaluator
from validationrun.runner.context import RunnerError
from validationrun.runner.evaluator import rule_evaluator

GOOD, BAD = Samples((Sample({}, "1"),)), Samples((Sample({}, "0"),))
AWAY = Fault("PrometheusUnavailable", "connection refused")


class FakePrometheus:
    """Stands in for `validationrun.prometheus.Prometheus`: what a test's function answers at T."""

    answers: Callable[[str, float], Answer] = staticmethod(lambda _promql, _t: GOOD)
    asked: list[tuple[str, float]]
    clock_fault: float = 0.0
    now: Callable[[], float]

    def __init__(self, url: str, access: object) -> None:
        del access
        self.url = url

    def query(self, promql: str, t: float, timeout_s: float) -> Reply:
        del timeout_s
        FakePrometheus.asked.append((promql, t - START))
        return replies.of(FakePrometheus.answers(promql, t - START), t)

    def clock(self, timeout_s: float) -> float:
        del timeout_s
        return FakePrometheus.now() + FakePrometheus.clock_fault

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        del timeout_s
        return replies.loaded(alertname, format_time(FakePrometheus.now()))


class World:
    """A run that is about to be judged; its load runs from second 0."""

    def __init__(self, folder: pathlib.Path, rules: list[dict[str, Any]], *, load: bool = True) -> None:
        spec = copy.deepcopy(full_run() if load else rules_only())
        spec["spec"]["rules"] = rules
        self.cluster, self.clock = FakeCluster(), Clock()
        digest = bundle_folder(folder / "bundle", spec)
        self.context: Any = context("rule-evaluator", self.cluster, self.clock, folder, digest)
        FakePrometheus.now = self.clock.time
        run = {
            "parameters": {},
            "seconds": {"loadStart": 300},
            "runSeconds": 60,
            "load": {"workload": "evm_transfer", "shards": 1} if load else None,
        }
        keys: dict[str, dict[str, Any]] = {
            record.CHAIN: {"chainId": "base-0f8fad5b", "endpoints": {"rpc": []}, "at": format_time(START)},
            record.CHAIN_READY: {"at": format_time(START), "deployments": []},
        }
        self.written = begin(self.cluster, run, keys)
        if load:
            job = {"name": IDENTITY.job_name, "uid": "job-uid", "createdAt": format_time(START)}
            self.written.write(record.LOAD_JOB, record.JOB, job)
            self.written.write(record.LOAD_JOB, record.LOAD_START, {"start": format_time(START)})
            self.cluster.put(PODS, pod(0, running()))

    def load_ends(self, at: float, learned: float) -> None:
        def end() -> None:
            self.cluster.put(PODS, pod(0, ended(0, 0, at + 1)))
            load = {"jobUid": "job-uid", "code": 0, "start": format_time(START), "end": format_time(START + at)}
            self.written.write(record.LOAD_JOB, record.LOAD, load)

        self.clock.after(learned, end)

    def judge(self) -> dict[str, Any]:
        rule_evaluator(self.context)
        return read(self.cluster).need(record.SIGN_OFF)


@pytest.fixture(autouse=True)
def prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "Prometheus", FakePrometheus)
    monkeypatch.setattr(evaluator, "explain_empty", lambda _prometheus: lambda _query, _t, _timeout_s: "")
    monkeypatch.setenv("VALIDATION_METRICS_PORT", "0")
    monkeypatch.setattr(FakePrometheus, "asked", [], raising=False)
    monkeypatch.setattr(FakePrometheus, "clock_fault", 0.0)
    answer(lambda _promql, _t: GOOD)


def answer(function: Callable[[str, float], Answer]) -> None:
    FakePrometheus.answers = staticmethod(function)


def rule(name: str = "height", **properties: Any) -> dict[str, Any]:
    return query_rule(name, runProperties={"interval": "10s", **properties})


def verdicts(sign_off: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {one["name"]: (one["verdict"], one["reason"]) for one in sign_off["rules"]}


def times() -> list[float]:
    return [t for _, t in FakePrometheus.asked]


def test_ticks_at_fixed_times_and_one_sweep_at_the_end(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    sign_off = world.judge()
    assert verdicts(sign_off) == {"height": ("Passed", "")}
    assert times() == [10, 20, 30, 35]
    assert (sign_off["workflowUid"], sign_off["jobUid"]) == (IDENTITY.uid, "job-uid")
    assert (sign_off["start"], sign_off["end"], sign_off["stopTime"]) == (
        format_time(START),
        format_time(START + 35),
        None,
    )


def test_rules_alone_last_as_long_as_the_run(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()], load=False)
    sign_off = world.judge()
    assert verdicts(sign_off) == {"height": ("Passed", "")}
    assert times() == [10, 20, 30, 40, 50, 60]
    assert sign_off["jobUid"] is None


def test_a_load_shorter_than_a_tick_has_its_sweep(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=4, learned=6)
    assert verdicts(world.judge()) == {"height": ("Passed", "")}
    assert times() == [4]


def test_without_rules_it_still_signs_off(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [])
    world.load_ends(at=20, learned=22)
    assert world.judge()["rules"] == []


def test_what_is_asked_behind_the_end_is_evidence_only(tmp_path: pathlib.Path) -> None:
    """The load ended at 28, which is learned at 40; the tick at 30 finds no throughput."""
    world = World(tmp_path, [rule(stopOnFailure=True)])
    world.clock.after(29, lambda: world.cluster.put(PODS, pod(0, ended(0, 0, 29))))
    world.load_ends(at=28, learned=40)
    answer(lambda _promql, t: BAD if t >= 30 else GOOD)
    sign_off = world.judge()
    assert 30 in times()
    assert verdicts(sign_off) == {"height": ("Passed", "")}
    assert sign_off["stopRule"] is None


def test_a_failed_stop_rule_ends_the_load_at_once(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(stopOnFailure=True), rule("other")])
    answer(lambda promql, t: BAD if t == 20 and not FakePrometheus.asked[:-1].count((promql, t)) else GOOD)
    world.load_ends(at=40, learned=45)
    sign_off = world.judge()
    stop = read(world.cluster).need(record.STOP)
    assert (stop["rule"], stop["t"]) == ("height", START + 20)
    assert ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}}) in world.cluster.patches
    assert (sign_off["stopRule"], sign_off["stopTime"]) == ("height", format_time(START + 20))
    assert verdicts(sign_off)["height"] == ("Failed", "ThresholdViolated")
    # No tick behind the stop, and no sweep.
    assert max(times()) == 20


def test_a_sweep_is_asked_again_at_the_same_time(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(retry=2)])
    world.load_ends(at=35, learned=38)
    answer(lambda _promql, t: AWAY if t == 35 and times().count(35) < 3 else GOOD)
    assert verdicts(world.judge()) == {"height": ("Passed", "")}
    assert times().count(35) == 3


@pytest.mark.parametrize("away_from", [0, 35])
def test_a_prometheus_that_is_away_is_never_a_pass(tmp_path: pathlib.Path, away_from: float) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    answer(lambda _promql, t: AWAY if t >= away_from else GOOD)
    assert verdicts(world.judge()) == {"height": ("Error", "PrometheusUnavailable")}


def test_a_load_that_never_began_leaves_rules_unanswered(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    data = world.cluster.objects[("configmaps", IDENTITY.record_name)]["data"]
    del data[record.LOAD_START]
    load = {"jobUid": "job-uid", "code": 2, "reason": "LoadNotStarted", "start": None, "end": None}
    world.clock.after(30, lambda: world.written.write(record.LOAD_JOB, record.LOAD, load))
    assert verdicts(world.judge()) == {"height": ("Error", "NoSamples")}
    assert times() == []


def test_a_restart_goes_on_behind_the_last_tick_and_keeps_a_failure(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(), rule("other")])
    base = {
        "reason": "",
        "message": "",
        "errors": 0,
        "exhausted": False,
        "answered": True,
        "refused": False,
        "value": None,
        "fired": 0,
    }
    states = [
        {
            "name": "height",
            "verdict": "Failed",
            "last_t": START + 20,
            "failed_t": START + 20,
            **base,
            "reason": "ThresholdViolated",
        },
        {"name": "other", "verdict": "Passed", "last_t": START + 20, "failed_t": None, **base},
    ]
    world.written.write(record.RULE_EVALUATOR, record.RULES, {"rules": states})
    world.clock.now = START + 60
    world.load_ends(at=45, learned=61)
    assert verdicts(world.judge()) == {"height": ("Failed", "ThresholdViolated"), "other": ("Passed", "")}
    # The missed ticks are asked, each at its own time; nothing before is asked again.
    assert set(times()) >= {30, 40, 45}
    assert min(times()) == 30


def test_a_restart_after_the_intent_keeps_the_stop_whatever_is_answered_now(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule(stopOnFailure=True)])
    stop = {"rule": "height", "t": START + 20, "reason": "ThresholdViolated", "message": "0, not > 0"}
    world.written.write(record.RULE_EVALUATOR, record.STOP, stop)
    world.clock.now = START + 60
    world.load_ends(at=25, learned=61)
    sign_off = world.judge()
    assert (sign_off["stopRule"], verdicts(sign_off)["height"][0]) == ("height", "Failed")


def test_a_restart_after_the_intent_stops_the_load_again(tmp_path: pathlib.Path) -> None:
    """The earlier attempt may have been killed between the intent and the act."""
    world = World(tmp_path, [rule(stopOnFailure=True)])
    stop = {"rule": "height", "t": START + 20, "reason": "ThresholdViolated", "message": "0, not > 0"}
    world.written.write(record.RULE_EVALUATOR, record.STOP, stop)
    world.clock.now = START + 60
    world.load_ends(at=25, learned=61)
    world.judge()
    assert ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}}) in world.cluster.patches


@pytest.mark.parametrize(("code", "expected"), [(2, ("Failed", "ThresholdViolated")), (0, ("Passed", ""))])
def test_the_breach_of_a_stop_stays_in_the_window_unless_the_load_ended_by_itself(
    tmp_path: pathlib.Path, code: int, expected: tuple[str, str]
) -> None:
    """Without settling, both end in the second of the breach, and the window ends a second before the container."""
    world = World(tmp_path, [rule(stopOnFailure=True)])
    world.context = dataclasses.replace(world.context, settle_s=0.0)
    answer(lambda _promql, t: BAD if t == 20 else GOOD)

    def end() -> None:
        world.cluster.put(PODS, pod(0, ended(code, 0, 20)))
        load = {"jobUid": "job-uid", "code": code, "start": format_time(START), "end": format_time(START + 19)}
        world.written.write(record.LOAD_JOB, record.LOAD, load)

    world.clock.after(20.3, end)
    sign_off = world.judge()
    assert verdicts(sign_off)["height"] == expected
    assert sign_off["stopTime"] == (format_time(START + 20) if code else None)


def test_a_sign_off_that_a_signal_forced_is_replaced(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.written.write(record.RULE_EVALUATOR, record.SIGN_OFF, {"stopped": True, "rules": []})
    world.load_ends(at=35, learned=38)
    assert "stopped" not in world.judge()


def test_a_prometheus_of_another_time_is_an_error(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    FakePrometheus.clock_fault = 90
    assert verdicts(world.judge()) == {"height": ("Error", "ClockSkew")}


def test_a_second_start_after_the_sign_off_changes_nothing(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    before = world.judge()
    answer(lambda _promql, _t: BAD)
    assert world.judge() == before


def test_a_second_start_cannot_stand_in_for_an_upload_that_failed(tmp_path: pathlib.Path) -> None:
    """Its artifacts are optional: ending well without files would make the Workflow succeed without its evidence."""
    world = World(tmp_path, [rule()])
    world.load_ends(at=35, learned=38)
    before = world.judge()
    data = world.cluster.objects[("configmaps", IDENTITY.record_name)]["data"]
    data[record.RUN] = json.dumps({**json.loads(data[record.RUN]), "results": {"bucket": "b"}})
    with pytest.raises(RunnerError, match="may not have been uploaded"):
        rule_evaluator(world.context)
    assert read(world.cluster).need(record.SIGN_OFF) == before


def test_without_a_known_end_nothing_passes(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, [rule()])
    load = {"jobUid": "job-uid", "code": 2, "start": format_time(START), "end": None}
    world.clock.after(38, lambda: world.written.write(record.LOAD_JOB, record.LOAD, load))
    assert verdicts(world.judge()) == {"height": ("Error", "NoSamples")}

"""A run that is about to be judged, by a Prometheus that is a table of answers: for the tests of rule-evaluator and behind it."""

import copy
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
from validationrun.base.times import format_time
from validationrun.contract import record
from validationrun.oracle.exchange import Answer, Fault, Reply, Sample, Samples
from validationrun.steps import rule_evaluator as evaluator
from validationrun.steps.rule_evaluator import rule_evaluator

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
        self.exit_code: int | None = None
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
            "bundleHash": digest,
            "rules": [{"name": one["name"]} for one in rules],
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

    def api_server_is_away(self, at: float) -> None:
        """For ten seconds, from the first look after this one."""
        away: list[bool] = []

        def unreachable() -> None:
            if self.clock.now > START + at and not away:
                away.append(True)
                self.clock.sleep(10)

        self.cluster.on_get = unreachable

    def judge(self) -> dict[str, Any]:
        self.exit_code = rule_evaluator(self.context)
        return read(self.cluster).need(record.SIGN_OFF)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question goes to the fake one; all is well until a test says otherwise."""
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

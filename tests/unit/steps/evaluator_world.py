"""A run that is about to be judged, by a Prometheus that is a table of answers: for the tests of rule-evaluator and behind it."""

import copy
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

import replies
from emit_helpers import full_run, query_rule, rules_only
from record_kit import load_end
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
    planned,
    pod,
    read,
    running,
    write,
)
from simulation import counts_series, is_about_age
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.load_entries import JobEntry, LoadStart
from validationrun.contract.sign_off import SignOff
from validationrun.oracle.exchange import Answer, Fault, Sample, Samples
from validationrun.oracle.prometheus_response import Reply
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
        if is_about_age(promql):
            return replies.vector(f"{t}", t=t)
        if counts_series(promql):
            return replies.vector()
        FakePrometheus.asked.append((promql, t - START))
        return replies.of(FakePrometheus.answers(promql, t - START), t)

    def clock(self, timeout_s: float, t: float | None = None) -> float:
        del timeout_s
        return FakePrometheus.now() + FakePrometheus.clock_fault if t is None else t

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        del timeout_s
        return replies.loaded(alertname, format_time(FakePrometheus.now()))


class World:
    """A run that is about to be judged; its load runs from second 0."""

    def __init__(
        self, folder: pathlib.Path, rules: list[dict[str, Any]], *, load: bool = True, cooldown: str = "0s"
    ) -> None:
        self.exit_code: int | None = None
        spec = copy.deepcopy(full_run() if load else rules_only())
        spec["spec"]["cooldown"] = cooldown
        spec["spec"]["rules"] = rules
        self.cluster, self.clock = FakeCluster(), Clock()
        digest = bundle_folder(folder / "bundle", spec)
        self.context: Any = context("rule-evaluator", self.cluster, self.clock, folder, digest)
        FakePrometheus.now = self.clock.time
        run = replace(planned(folder / "bundle"), run_seconds=60)
        now = format_time(START)
        self.written = begin(self.cluster, run, ChainEntry(now, run.chain_id), ChainReady(now, deployments=[]))
        if load:
            write(self.written, JobEntry(IDENTITY.job_name, "job-uid", now), LoadStart(now))
            self.cluster.put(PODS, pod(0, running()))

    def load_ends(self, at: float, learned: float, **fields: Any) -> None:
        def end() -> None:
            self.cluster.put(PODS, pod(0, ended(0, 0, at + 1)))
            write(self.written, replace(load_end(end=at), **fields))

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
        return read(self.cluster).need(SignOff).to_data()


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

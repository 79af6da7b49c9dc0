"""The evaluator step as a process: killed, stopped, cut off. Whatever happens to it, nothing becomes Passed that was not proved."""

import json
import pathlib
import signal
import subprocess
import time
import urllib.request
from typing import Any

import pytest

from evaluator.conftest import Begin
from evaluator.live import LiveRun
from prometheus_kit import Exporter, Proxy, Server, behaviours, unlike
from runner_helpers import IDENTITY, JOBS, WORKFLOWS, complete, context, workflow
from validationrun.base.conventions import EXIT_AGAINST_RUN
from validationrun.contract.evaluation_entries import EvaluatorReady, RuleStates, StopIntent
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status_document import Status
from validationrun.oracle.evidence import read_lines
from validationrun.steps.finalize import finalize


def rule(name: str, promql: str, **properties: Any) -> dict[str, Any]:
    query = {"promql": promql, "op": "==", "threshold": "1"}
    return {"name": name, "type": "query", "query": query, "runProperties": {"interval": "5s", **properties}}


def result(run: LiveRun) -> dict[str, Any]:
    """What finalize makes of the record, with a load that passed."""
    with run.api.lock:
        run.api.cluster.put(JOBS, complete())
        run.api.cluster.put(WORKFLOWS, workflow())
        job = run.api.cluster.objects[("jobs", IDENTITY.job_name)]
        job["metadata"]["uid"] = "job-uid"
    step = context("finalize", run.api.cluster, RealTime(), run.folder, run.digest)
    finalize(step)
    found = run.read(Status)
    assert found is not None
    return found.to_data()


def passed_a_tick(run: LiveRun) -> "subprocess.Popen[bytes]":
    """An evaluator at work whose first rule was good so far, by the record."""
    process = run.evaluator()
    run.until(lambda: run.read(EvaluatorReady), "the evaluator is ready")
    run.begin_load()
    run.until(
        lambda: (states := run.read(RuleStates)) is not None and states.rules[0].verdict == "Passed", "it passed a tick"
    )
    return process


class RealTime:
    """A clock for a step in this process."""

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def test_killed_and_started_again_it_judges_as_without(
    live_run: Begin, shared_prometheus: Server, shared_exporter: Exporter
) -> None:
    """The verdicts in the record stand, and the missed ticks are asked, each at its own time."""
    shared_exporter.set({'healthy{test="kill"}': 1})
    shared_prometheus.until('healthy{test="kill"}')
    run = live_run(shared_prometheus.url, [rule("healthy", 'healthy{test="kill"}'), rule("failing", "vector(0)")])
    first = run.evaluator()
    run.until(lambda: run.read(EvaluatorReady), "the evaluator is ready")
    start = run.begin_load()
    run.until(lambda: run.read(RuleStates), "a verdict stands in the record")
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed = time.time()
    # Long enough that a tick goes by while nobody asks.
    run.until(lambda: time.time() > killed + 6, "a tick was missed")
    assert run.read(SignOff) is None
    second = run.evaluator()
    end = run.end_load()
    assert second.wait(60) == EXIT_AGAINST_RUN, run.said()
    assert (run.state("healthy").verdict, run.state("failing").verdict) == ("Passed", "Failed")
    assert run.state("failing").failed_t == start + 5
    evidence = read_lines((run.folder / "outputs/results/rules/healthy.jsonl").read_text().splitlines(), "healthy")
    assert evidence.resumed is not None
    asked = [entry.t for entry in evidence.entries[evidence.resumed[1] :] if entry.counted]
    ticks = [start + after for after in range(5, 300, 5) if start + after < end]
    assert asked == [t for t in (*ticks, end) if t > (evidence.resumed[0].last_t or 0)]
    assert any(killed < t < end for t in asked[:-1])
    status = result(run)
    assert (status["verdict"], status["reason"]) == ("Failed", "RuleFailed:failing")


def test_killed_for_good_there_is_no_pass(live_run: Begin, shared_prometheus: Server) -> None:
    run = live_run(shared_prometheus.url, [rule("healthy", "vector(1)")])
    process = passed_a_tick(run)
    process.kill()
    process.wait()
    run.end_load()
    status = result(run)
    assert (status["verdict"], status["reason"]) == ("Error", "EvaluatorLost")


def test_a_signal_signs_off_as_stopped_and_a_next_attempt_goes_on(live_run: Begin, shared_prometheus: Server) -> None:
    run = live_run(shared_prometheus.url, [rule("healthy", "vector(1)", finalSweep=False)])
    process = passed_a_tick(run)
    process.terminate()
    # Argo tries the step again only when it did not end well.
    assert process.wait(20) == 70, run.said()
    stopped = run.read(SignOff)
    assert stopped is not None
    assert stopped.stopped is True
    assert (run.folder / "outputs/verdict").read_text() == "Error"
    assert "stopped by a signal" in (run.folder / "outputs/termination-log").read_text()
    again = run.evaluator()
    run.end_load()
    assert again.wait(60) == 0, run.said()
    whole = run.read(SignOff)
    assert whole is not None
    assert whole.stopped is False
    assert result(run)["verdict"] == "Passed"


def test_stopped_by_a_signal_is_no_proof(live_run: Begin, shared_prometheus: Server) -> None:
    """Also for a rule without a final sweep, which has passed every tick that it was asked at."""
    run = live_run(shared_prometheus.url, [rule("healthy", "vector(1)", finalSweep=False)])
    process = passed_a_tick(run)
    process.terminate()
    process.wait(20)
    run.end_load()
    status = result(run)
    assert (status["verdict"], status["reason"]) == ("Error", "EvaluatorLost")


@pytest.mark.parametrize("only_the_sweep", [False, True], ids=["all of it", "only the final sweep"])
def test_a_prometheus_that_is_down_is_never_a_pass(live_run: Begin, proxied: Proxy, only_the_sweep: bool) -> None:
    run = live_run(proxied.url, [rule("healthy", "vector(1)", retry=1)])
    if not only_the_sweep:
        proxied.behave(behaviours.status(503))
    process = run.evaluator()
    run.until(lambda: run.read(EvaluatorReady), "the evaluator is ready")
    run.begin_load()
    run.until(lambda: '"rule": "healthy"' in run.said(), "it was asked once")
    if only_the_sweep:
        run.until(lambda: '"verdict": "Passed"' in run.said(), "it was good once")
        proxied.behave(behaviours.status(503))
    run.end_load()
    assert process.wait(60) == EXIT_AGAINST_RUN, run.said()
    assert (run.state("healthy").verdict, run.state("healthy").reason) == ("Error", "PrometheusUnavailable")
    assert result(run)["verdict"] == "Error"


def test_a_breach_stops_the_load_while_the_others_are_slow(live_run: Begin, proxied: Proxy) -> None:
    """One slow query delays no other: the stop is there long before the slow one's answer."""
    mark = unlike()
    proxied.behave(behaviours.slow(4), on=mark)
    run = live_run(
        proxied.url,
        [rule("slow", f'absent(nothing{{mark="{mark}"}})'), rule("broken", "vector(0)", stopOnFailure=True)],
    )
    process = run.evaluator()
    run.until(lambda: run.read(EvaluatorReady), "the evaluator is ready")
    start = run.begin_load()
    with run.api.lock:
        run.api.cluster.put(JOBS, complete())
    stop = run.until(lambda: run.read(StopIntent), "the intent to stop")
    assert (stop.rule, stop.t) == ("broken", start + 5)
    assert '"rule": "slow"' not in run.said()
    run.until(
        lambda: ("jobs", IDENTITY.job_name, {"spec": {"activeDeadlineSeconds": 1}}) in run.api.cluster.patches,
        "the Job is ended",
    )
    run.end_load(None)
    assert process.wait(60) == EXIT_AGAINST_RUN, run.said()
    assert run.state("broken").failed_t == start + 5
    # The stop is known for sure once every earlier tick was answered: the slow one's of the same time too.
    assert run.state("slow").last_t == start + 5


def test_an_api_server_that_is_away_for_a_while_changes_nothing(live_run: Begin, shared_prometheus: Server) -> None:
    run = live_run(shared_prometheus.url, [rule("healthy", "vector(1)")])
    process = run.evaluator()
    run.until(lambda: run.read(EvaluatorReady), "the evaluator is ready")
    start = run.begin_load()
    run.until(lambda: '"verdict": "Passed"' in run.said(), "it was good once")
    run.api.down = True
    run.until(lambda: time.time() > start + 11, "a tick goes by")
    run.api.down = False
    run.end_load()
    assert process.wait(60) == 0, run.said()
    assert result(run)["verdict"] == "Passed"


def test_it_tells_what_it_does(live_run: Begin, shared_prometheus: Server, tmp_path: pathlib.Path) -> None:
    """One JSON line a decision, progress for the Argo UI, and its own metrics."""
    progress = tmp_path / "progress"
    run = live_run(shared_prometheus.url, [rule("healthy", "vector(1)"), rule("unknown", "nothing_at_all")])
    port = free_port()
    process = run.evaluator(ARGO_PROGRESS_FILE=str(progress), VALIDATION_METRICS_PORT=str(port))
    run.until(lambda: run.read(EvaluatorReady), "the evaluator is ready")
    run.begin_load()
    run.until(lambda: run.said().count('"rule": ') == 2, "both were asked")
    metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    run.end_load()
    assert process.wait(90) == EXIT_AGAINST_RUN, run.said()
    assert 'validation_rule_evaluations_total{reason="",type="query",verdict="Passed"} 1.0' in metrics
    assert 'validation_rule_evaluations_total{reason="NoSamples",type="query",verdict="Error"} 1.0' in metrics
    assert "validation_rule_evaluation_duration_seconds_count 2.0" in metrics
    assert "validation_prometheus_query_errors_total 0.0" in metrics
    gone, total = map(int, progress.read_text().split("/"))
    assert 0 <= gone <= total == 60
    lines = [json.loads(line) for line in run.said().splitlines() if line.startswith("{")]
    assert {(line["rule"], line["verdict"], line["reason"]) for line in lines} == {
        ("healthy", "Passed", None),
        ("unknown", "Error", "NoSamples"),
    }
    assert all(line["T"].endswith("Z") and line["seconds"] >= 0 for line in lines)
    sign_off = run.read(SignOff)
    assert sign_off is not None
    assert [check.skew_seconds for check in sign_off.clock] == [0.0, 0.0]


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])

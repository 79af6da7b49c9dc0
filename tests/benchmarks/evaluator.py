"""
The evaluator step under load: 32 rules every 5 s, settle 0. `make bench`; exits 1 when a bar is missed.

    PYTHONPATH=tests python -m tests.benchmarks.evaluator [--short] [--minutes 10]

With --short the runs take ten seconds and no bar is judged: both steps must still run, stop and end.
Two runs side by side, each the real step as a process of its own with a real Prometheus; only the API server is a fake.
In the first Prometheus answers after 2 s: how late do queries start, and how long from a breach to the stop? In the second it
answers at once: how much of a core does the step take? Both: how much memory?
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time
from typing import Any

import fake_api_server
from evaluator.live import LiveRun
from prometheus_kit import Exporter, Proxy, Server, behaviours, between, exporting, running
from runner_helpers import JOBS, FakeCluster, complete
from validationrun.contract.evaluation_entries import EvaluatorReady, StopIntent

RULES, INTERVAL_S, ANSWER_S = 32, 5, 2.0
LATE_BAR_S, MEMORY_BAR_MIB, CPU_BAR = 0.5, 80.0, 0.03
STOP_BAR_S = INTERVAL_S + ANSWER_S + 1


def rules(metric: str) -> list[dict[str, Any]]:
    """The last one breaks; every eighth is an alert, which asks twice."""
    found = []
    for index in range(RULES - 1):
        one: dict[str, Any] = {"name": f"rule-{index:02}", "runProperties": {"interval": f"{INTERVAL_S}s"}}
        if index % 8 == 7:
            one |= {
                "type": "alert",
                "alert": {"ruleRef": {"name": "alerts", "namespace": "eng-ada", "alertname": "NeverFires"}},
            }
        else:
            promql = f'sum({metric}{{chain_id="${{chainId}}"}} or vector({index}))'
            one |= {"type": "query", "query": {"promql": promql, "op": ">=", "threshold": "0"}}
        found.append(one)
    breach = {"promql": f'min({metric}{{chain_id="bench"}})', "op": "==", "threshold": "1"}
    properties = {"interval": f"{INTERVAL_S}s", "stopOnFailure": True}
    return [*found, {"name": "breach", "type": "query", "query": breach, "runProperties": properties}]


class Step:
    """One evaluator at work."""

    def __init__(self, stack: contextlib.ExitStack, name: str, url: str, metric: str) -> None:
        api = stack.enter_context(fake_api_server.serving(FakeCluster()))
        api.cluster.put(JOBS, complete())
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"bench-{name}-")))
        self.run = LiveRun(api, folder, url, rules(metric))
        stack.callback(self.run.close)
        self.process = self.run.evaluator(VALIDATION_SETTLE="0s")
        self.run.until(lambda: self.run.read(EvaluatorReady), "the evaluator is ready")
        self.run.begin_load()

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def lateness(self) -> list[float]:
        """Of each tick of each rule: from T to the moment it was asked."""
        found = []
        for path in (self.run.folder / "outputs/results/rules").glob("*.jsonl"):
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                if not entry["final"]:
                    found.append(entry["asked"] - entry["T"])
        return found


def breach_to_stop(step: Step, server: Server, exporter: Exporter) -> float:
    """From the first moment at which Prometheus shows the broken sample to the recorded intent to stop."""
    exporter.set({'bench_ok{chain_id="bench"}': 0})
    while server.result('bench_ok{chain_id="bench"}')[0]["value"][1] != "0":
        time.sleep(0.02)
    visible = time.time()
    step.run.until(lambda: step.run.read(StopIntent), "the stop", 60)
    return time.time() - visible


def report(what: str, value: float, unit: str, bar: float, *, judged: bool) -> bool:
    held = value <= bar or not judged
    mark = "    " if not judged else "ok  " if held else "MISS"
    print(f"{mark} {what}: {value:.3f} {unit} (bar {bar:g})", flush=True)
    return held


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="ten seconds, and no bars")
    parser.add_argument("--minutes", type=float, default=None)
    arguments = parser.parse_args()
    seconds = (arguments.minutes or (1 / 6 if arguments.short else 10)) * 60
    judged = not arguments.short
    groups = [{"name": "g", "rules": [{"alert": "NeverFires", "expr": "vector(1) > 2"}]}]
    with contextlib.ExitStack() as stack:
        exporter = stack.enter_context(exporting({'bench_ok{chain_id="bench"}': 1}))
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-prometheus-")))
        server = stack.enter_context(running(folder, targets={"bench": [exporter.address]}, groups=groups))
        server.until('bench_ok{chain_id="bench"}')
        proxy: Proxy = stack.enter_context(between(server.url))
        proxy.behave(behaviours.slow(ANSWER_S))
        slow, fast = Step(stack, "slow", proxy.url, "bench_ok"), Step(stack, "fast", server.url, "bench_ok")
        # Start-up, which every run pays once, is no part of what goes on.
        begun, cpu = time.monotonic(), fast.cpu_seconds()
        until = begun + seconds
        while time.monotonic() < until:
            threading.Event().wait(min(5.0, max(0.0, until - time.monotonic())))
            if slow.process.poll() is not None or fast.process.poll() is not None:
                print(slow.run.said(), fast.run.said(), "MISS an evaluator ended", file=sys.stderr)
                return 1
        share = (fast.cpu_seconds() - cpu) / (time.monotonic() - begun)
        stop = breach_to_stop(slow, server, exporter)
        peak = max(slow.peak_mib(), fast.peak_mib())
        for step in (slow, fast):
            step.run.end_load(None)
            step.process.wait(120)
        late = slow.lateness()
        print(
            f"{len(late)} queries by {RULES} rules in {seconds:.0f} s; median lateness {statistics.median(late):.3f} s"
        )
        held = [
            report("latest start of a query after its T", max(late), "s", LATE_BAR_S, judged=judged),
            report("breach visible to stop recorded", stop, "s", STOP_BAR_S, judged=judged),
            report("peak resident memory", peak, "MiB", MEMORY_BAR_MIB, judged=judged),
            report("processor with fast answers", share, "cores", CPU_BAR, judged=judged),
        ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())

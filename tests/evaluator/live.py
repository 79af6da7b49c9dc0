"""A run that the real evaluator step judges as a process of its own, by a real Prometheus; only the API server is a fake."""

import copy
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from emit_helpers import full_run
from fake_api_server import FakeApiServer
from runner_helpers import IDENTITY, PODS, begin, bundle_folder, planned, pod, write
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadStart
from validationrun.contract.record import Record
from validationrun.contract.record_key import Key
from validationrun.contract.sign_off import SignOff
from validationrun.oracle.fold import RuleState
from validationrun.oracle.workload import WorkloadCode

PROGRAM = pathlib.Path(__file__).parents[1] / "step_process.py"


class LiveRun:
    """
    The run as the other steps have left it: its chain serves, its load is about to begin.

    Attributes:
        lines: what the evaluator said, from all its processes.
    """

    def __init__(
        self, api: FakeApiServer, folder: pathlib.Path, prometheus: str, rules: Sequence[Mapping[str, Any]]
    ) -> None:
        spec = copy.deepcopy(full_run())
        spec["spec"]["rules"] = list(rules)
        self.api, self.folder, self.prometheus = api, folder, prometheus
        (folder / "outputs").mkdir()
        self.digest = bundle_folder(folder / "bundle", spec)
        self.kubeconfig = api.kubeconfig(folder / "kubeconfig")
        run = replace(planned(folder / "bundle", {"prometheus-url": prometheus}), run_seconds=600, duration_seconds=60)
        now = format_time(time.time())
        with api.lock:
            self.record = begin(api.cluster, run, ChainEntry(now, run.chain_id), ChainReady(now, deployments=[]))
        self.start = 0.0
        self.log = (folder / "evaluator.log").open("a")
        self._processes: list[subprocess.Popen[bytes]] = []

    def begin_load(self, start: float | None = None) -> float:
        """Every shard runs since `start`, which is now; to the second, as Kubernetes writes it."""
        self.start = float(int(start if start is not None else time.time()))
        with self.api.lock:
            start = format_time(self.start)
            write(self.record, JobEntry(IDENTITY.job_name, "job-uid", start), LoadStart(start))
            running = {"running": {"startedAt": format_time(self.start)}}
            self.api.cluster.put(PODS, pod(0, running))
        return self.start

    def end_load(self, code: WorkloadCode | None = 0, end: float | None = None) -> float:
        """The load's container has ended now, and load-job has recorded it."""
        end = float(int(end if end is not None else time.time()))
        times = {"startedAt": format_time(self.start), "finishedAt": format_time(end + 1)}
        with self.api.lock:
            state = {"terminated": {"exitCode": code or 0, "reason": "Completed", **times}}
            self.api.cluster.put(PODS, pod(0, state, phase="Succeeded"))
            window = {"start": format_time(self.start), "end": format_time(end)}
            write(self.record, LoadEnd(format_time(end), "job-uid", code, reason=None, message="", **window))
        return end

    def evaluator(self, **environment: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), "rule-evaluator", str(self.folder / "bundle"), str(self.folder / "outputs")],
            stdout=self.log,
            stderr=self.log,
            env={
                **os.environ,
                "PYTHONPATH": str(PROGRAM.parents[1] / "compiler"),
                "KUBECONFIG": str(self.kubeconfig),
                "WORKFLOW_NAME": IDENTITY.workflow,
                "WORKFLOW_UID": IDENTITY.uid,
                "WORKFLOW_NAMESPACE": IDENTITY.namespace,
                "BUNDLE_HASH": self.digest,
                "VALIDATION_METRICS_PORT": "0",
                "VALIDATION_SETTLE": "1s",
                **environment,
            },
        )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self.log.close()

    def read(self, key: type[Key]) -> Key | None:
        with self.api.lock:
            found = Record.read(self.api.cluster, IDENTITY)  # type: ignore[arg-type]
        return found.get(key) if found is not None else None

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Waits for a state; says what the evaluator said when it does not come."""
        until = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds:g}s: {what}\n{self.said()}")
            time.sleep(0.05)
        return found

    def said(self) -> str:
        return (self.folder / "evaluator.log").read_text()

    def state(self, rule: str) -> RuleState:
        """The rule's last word by the sign-off."""
        sign_off = self.read(SignOff)
        assert sign_off is not None, self.said()
        return next(state for state in sign_off.rules if state.name == rule)

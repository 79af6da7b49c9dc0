"""A chain that is about to be brought up: for the tests of ensure-chain, wait-chain-ready and preflight."""

import copy
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

import replies
from emit_helpers import full_run
from runner_helpers import Clock, FakeCluster, bundle_folder, context, read
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.kube.cluster import SERVICE_ACCOUNTS
from validationrun.oracle.exchange import Fault, Reply
from validationrun.steps import bring_up, preflight
from validationrun.steps import wait_chain_ready as ready
from validationrun.steps.ensure_chain import ensure_chain
from validationrun.steps.probes import Unanswered
from validationrun.steps.wait_chain_ready import wait_chain_ready

VALIDATORS, RPC = "base-0f8fad5b-validators", "base-0f8fad5b-rpc"


class World:
    """A bundle that is mounted, and a controller that makes each object Ready, or Running, once it was created."""

    def __init__(
        self, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, spec: dict[str, Any] | None = None
    ) -> None:
        self.folder, self.cluster, self.clock = folder, FakeCluster(), Clock()
        self.digest = bundle_folder(folder / "bundle", copy.deepcopy(spec or full_run()))
        self.height: Any = 7
        self.makes_ready = True
        self.exit_code: int | None = None
        self.cluster.on_get = self.control
        self.asked: list[str] = []
        for account in ("eng-ada-validation", "eng-ada-validation-finalize", "eng-ada-runner"):
            self.cluster.put(SERVICE_ACCOUNTS, {"metadata": {"name": account}})
        self.prometheus: Callable[[], float | Fault] = self.clock.time
        self.latency = 0.0
        """How much earlier than it is asked about Prometheus evaluates a query, in seconds."""
        self.newest_age: Callable[[], float | None] = lambda: 1.0
        """How old the newest sample of `up` is, in seconds; None for no such series."""
        self.alerting: Callable[[str], Reply] = lambda alertname: replies.loaded(alertname, "2026-11-18T11:06:40Z")
        """What `/api/v1/rules` says of an alert."""
        self.prometheus_urls: list[str] = []
        monkeypatch.setattr(preflight, "Prometheus", self._prometheus)
        monkeypatch.setattr(bring_up, "height", self.look)
        monkeypatch.setattr(ready, "synced_height", self.look)
        monkeypatch.setattr(ready, "evm_block_number", self.look)
        self.web_socket: Callable[[str], Unanswered | None] = lambda _: None
        monkeypatch.setattr(ready, "websocket_problem", lambda url: self.web_socket(url))

    def _prometheus(self, url: str, _access: object) -> "FakePrometheus":
        self.prometheus_urls.append(url)
        return FakePrometheus(url, self)

    def look(self, url: str) -> Any:
        self.asked.append(url)
        return self.height() if callable(self.height) else self.height

    def control(self) -> None:
        for (plural, _), found in self.cluster.objects.items():
            if plural in ("seinodedeployments", "seinetworks") and self.makes_ready and "status" not in found:
                conditions = [{"type": "GenesisCeremonyComplete", "status": "True"}]
                found["status"] = {"phase": "Ready", "observedGeneration": 1, "conditions": conditions}
            if plural == "seinodes" and self.makes_ready and "status" not in found:
                found["status"] = {"phase": "Running"}

    def ensure(self, **given: str) -> dict[str, Any]:
        step = context("ensure-chain", self.cluster, self.clock, self.folder, self.digest)
        self.exit_code = ensure_chain(step, {name.replace("_", "-"): value for name, value in given.items()})
        return read(self.cluster).need(ChainEntry).to_data()

    def wait(self) -> dict[str, Any] | None:
        self.exit_code = wait_chain_ready(
            context("wait-chain-ready", self.cluster, self.clock, self.folder, self.digest)
        )
        ready = read(self.cluster).get(ChainReady)
        return ready.to_data() if ready is not None else None

    def chain_objects(self) -> list[str]:
        return [
            one for one in self.cluster.created if one.startswith(("seinodedeployments/", "seinetworks/", "seinodes/"))
        ]


class FakePrometheus:
    """Knows the time that the test's world says, or why it does not."""

    def __init__(self, url: str, world: World) -> None:
        self.url, self._world = url, world

    def clock(self, timeout_s: float, t: float | None = None) -> float | Fault:
        del timeout_s
        return self._world.prometheus() if t is None else t - self._world.latency

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        del timeout_s
        return self._world.alerting(alertname)

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply:
        del t, timeout_s
        if promql.startswith("count("):
            return replies.vector()
        assert promql.startswith("max(timestamp(up)) or ")
        age, clock = self._world.newest_age(), self._world.clock.now
        stamps = [] if age is None else [({}, f"{clock - age:.3f}")]
        return replies.series(*stamps, ({"is": "clock"}, f"{clock:.3f}"))

    def close(self) -> None:
        pass

"""
Runs on this machine, as a user starts them: the program, its workload, and what must hold after every one of them.

A run of the tests carries a mark in its environment, which every process of its workload inherits. When the program has
ended no process with that mark may be left, and what lies in its results folder must be judged again to the same verdict.
"""

import contextlib
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.prometheus.server import until

from validationrun.judging.replay import replay
from validationrun.results.folder import Result, read_result

BIN = pathlib.Path(sys.executable).parent / "validationrun"
MARK = "LOCAL_KIT_MARK"
IMAGE = "registry.example.com/load/generator@sha256:" + "1" * 64
RPC = "http://127.0.0.1:26657"
_LONGEST_SECONDS = 90


def rule(name: str, promql: str, op: str = ">", threshold: str = "0", **properties: Any) -> dict[str, Any]:
    """A query rule at the shortest interval."""
    return {
        "name": name,
        "type": "query",
        "query": {"promql": promql, "op": op, "threshold": threshold},
        "runProperties": {"interval": "5s", **properties},
    }


def alert(name: str, alertname: str, **properties: Any) -> dict[str, Any]:
    reference = {"name": "rules", "namespace": "eng-ada", "alertname": alertname}
    return {
        "name": name,
        "type": "alert",
        "alert": {"ruleRef": reference},
        "runProperties": {"interval": "5s", **properties},
    }


def shell(script: str) -> list[str]:
    """A workload in a line; the contract itself knows no shell."""
    return ["sh", "-c", script]


@dataclass
class Spec:
    """A run of the tests; what is None is left out. Its window has room for one tick of a rule, and no more."""

    command: Sequence[str] | None = None
    rules: Sequence[Mapping[str, Any]] = ()
    duration: str = "5s"
    min_duration: str | None = "0s"
    end_by: str | None = None
    replicas: int = 1
    grace: int | None = 5
    run_duration: str | None = None
    chain: Mapping[str, Any] = field(default_factory=lambda: {"chainId": "toy-1", "endpoints": {"rpc": [RPC]}})
    workload: Mapping[str, Any] = field(default_factory=dict)
    name: str = "mini"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        workload: dict[str, Any] = {"name": "toy_load", "image": IMAGE, **self.workload}
        if self.command is not None:
            workload["command"] = list(self.command)
        if self.grace is not None:
            workload["podTemplate"] = {"terminationGracePeriodSeconds": self.grace, **workload.get("podTemplate", {})}
        load: dict[str, Any] = {"duration": self.duration, "replicas": self.replicas, "workload": workload}
        if self.end_by is not None:
            load["endBy"] = self.end_by
        elif self.min_duration is not None:
            load["minDuration"] = self.min_duration
        spec: dict[str, Any] = {
            "chain": dict(self.chain),
            "load": load,
            "rules": list(self.rules),
            **self.extra,
        }
        if self.run_duration is not None:
            spec["timeouts"] = {"runDuration": self.run_duration}
        return {
            "apiVersion": "validation.sei.io/v1alpha1",
            "kind": "ValidationRun",
            "metadata": {"name": self.name, "namespace": "eng-ada"},
            "spec": spec,
        }

    def write(self, folder: pathlib.Path) -> pathlib.Path:
        path = folder / f"{self.name}.yaml"
        # JSON is YAML.
        path.write_text(json.dumps(self.document()))
        return path


@dataclass(frozen=True)
class Finished:
    """How the program ended, and what it left."""

    code: int
    out: str
    err: str
    folder: pathlib.Path | None
    result: Result | None

    @property
    def status(self) -> Mapping[str, Any]:
        assert self.result is not None, self.err
        return self.result.status.to_data()

    @property
    def verdict(self) -> tuple[str, str]:
        """Phase and reason."""
        return self.status["phase"], self.status["reason"]

    def file(self, name: str) -> str:
        assert self.folder is not None
        return (self.folder / name).read_text()


class Running:
    """The program while it runs."""

    def __init__(self, arguments: Sequence[object], folder: pathlib.Path, environment: Mapping[str, str]) -> None:
        self.mark = uuid.uuid4().hex
        self.folder = folder
        (folder / "work").mkdir(exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VALIDATION_")}
        self.process = subprocess.Popen(
            [str(BIN), *map(str, arguments), "--results", str(folder / "results")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder / "work",
            env={**inherited, "COLUMNS": "110", MARK: self.mark, **environment},
            # A group of its own, so that a signal to it reaches nothing of the tests'.
            process_group=0,
        )
        self._texts: dict[str, str] = {}
        self._readers = [
            threading.Thread(target=self._read, args=(name,), daemon=True) for name in ("stdout", "stderr")
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str) -> None:
        with getattr(self.process, name) as stream:
            for line in stream:
                self._texts[name] = self._texts.get(name, "") + line.decode()

    def said(self, words: str) -> bool:
        """Whether it told this on standard error by now."""
        return words in self._texts.get("stderr", "")

    def until_said(self, words: str, seconds: float = 30) -> None:
        until(lambda: self.said(words) or self._over(), seconds, f"it says {words!r}")
        assert self.said(words), self._texts

    def _over(self) -> bool:
        return self.process.poll() is not None

    def until_file(self, name: str, seconds: float = 30) -> pathlib.Path:
        """A file in its working folder, where the workload runs too."""
        path = self.folder / "work" / name
        until(lambda: path.exists() or self._over(), seconds, f"{name} is there")
        assert path.exists(), self._texts
        return path

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def finish(self) -> Finished:
        """Waits for its end and checks what must hold after every run."""
        code = self.process.wait(_LONGEST_SECONDS)
        left = marked(self.mark)
        for reader in self._readers:
            reader.join(10)
        out, err = self._texts.get("stdout", ""), self._texts.get("stderr", "")
        assert left == [], f"processes are left behind: {left}\n{err}"
        folders = sorted((self.folder / "results").glob("*/*/*"), key=lambda path: path.stat().st_mtime_ns)
        folder = folders[-1] if folders else None
        result = None
        if folder is not None and (folder / "result.json").exists():
            result = read_result(folder)
            assert replay(result).differences == []
        assert "Traceback" not in err, err
        return Finished(code, out, err, folder, result)

    def end(self) -> None:
        """For a test that failed: nothing may outlive it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid, _ in marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def started(
    spec: Spec | pathlib.Path,
    folder: pathlib.Path,
    *arguments: object,
    verb: Sequence[str] = ("run", "--local"),
    env: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """The program on a spec, with settle 0 unless the arguments say otherwise."""
    path = spec.write(folder) if isinstance(spec, Spec) else spec
    settle = [] if "--settle" in arguments or "VALIDATION_SETTLE" in (env or {}) else ["--settle", "0"]
    running = Running([*verb, path, *arguments, *settle], folder, env or {})
    try:
        yield running
    finally:
        running.end()


def ran(
    spec: Spec | pathlib.Path,
    folder: pathlib.Path,
    *arguments: object,
    verb: Sequence[str] = ("run", "--local"),
    env: Mapping[str, str] | None = None,
) -> Finished:
    """From start to end."""
    with started(spec, folder, *arguments, verb=verb, env=env) as running:
        return running.finish()


def marked(mark: str) -> list[tuple[int, str]]:
    """Processes that carry the mark and are no zombies: id and command line."""
    found = []
    wanted = f"{MARK}={mark}".encode()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                found.append((int(entry.name), words))
    return found


def daemon(name: str) -> str:
    """Shell words for a process in a session of its own, whose parent is gone; it says so by a file and stays."""
    return f"setsid sh -c {shlex.quote(f'touch {name}; exec sleep 300')} & "

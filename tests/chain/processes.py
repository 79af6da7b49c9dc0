"""Run the chain's program as host processes: nodes on loopback, generators that end by themselves."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

Found = TypeVar("Found")

# A process lives no longer than this many seconds, even when the one that started it was killed.
LIFETIME = 180
POLL_INTERVAL = 0.1


def wait_for(what: str, look: Callable[[], Found | None], seconds: float = 60) -> Found:
    """What `look` finds, asked again until it is not None; OSError counts as nothing found."""
    deadline = time.monotonic() + seconds
    while True:
        seen: object = None
        try:
            found = look()
        except OSError as error:
            found, seen = None, error
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:g} s still not: {what} ({seen or 'nothing seen'})")
        time.sleep(POLL_INTERVAL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, body: object = None) -> str:
    """The answer's text; with `body` the question is a POST of JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - our own URLs
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return str(answer.read().decode())


@dataclass(frozen=True, slots=True)
class Node:
    """Where a node of this machine listens."""

    name: str
    process: "subprocess.Popen[bytes]"
    rpc: str
    evm: str
    ws: str
    metrics: str

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(fetch(f"{self.rpc}/status"))["result"]["sync_info"]
        return answer

    def height(self) -> int:
        return int(self.status()["latest_block_height"])

    def wait_height(self, height: int) -> int:
        return wait_for(f"{self.name} at height {height}", lambda: seen if (seen := self.height()) >= height else None)

    def evm_call(self, method: str, *params: object) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return json.loads(fetch(self.evm, body))


@dataclass(slots=True)
class Chain:
    """A chain on loopback: the nodes, in the order in which they were started."""

    program: Path
    folder: Path
    chain_id: str
    validators: Sequence[str]
    nodes: dict[str, Node] = field(default_factory=dict)
    _p2p: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [argument for name in self.validators for argument in ("--validator", name)]
        made = [str(self.program), "genesis", "--chain-id", self.chain_id, *names]
        self.genesis.write_bytes(subprocess.run(made, check=True, capture_output=True).stdout)
        self._p2p = {name: free_port() for name in self.validators}

    @property
    def genesis(self) -> Path:
        return self.folder / "genesis.json"

    def start(self, name: str, *flags: str) -> Node:
        """Start a node; the validators are every node's peers."""
        role = "validator" if name in self.validators else "full"
        rpc, evm, ws, metrics = free_port(), free_port(), free_port(), free_port()
        p2p = self._p2p.setdefault(name, free_port())
        peers = [f"--peer={peer}=localhost:{self._p2p[peer]}" for peer in self.validators if peer != name]
        command = [
            *("timeout", "--signal=KILL", str(LIFETIME), str(self.program), "node"),
            *(f"--name={name}", f"--role={role}", f"--genesis={self.genesis}", f"--home={self.folder / name}"),
            *(f"--rpc=127.0.0.1:{rpc}", f"--p2p=127.0.0.1:{p2p}", f"--metrics=127.0.0.1:{metrics}"),
            *(f"--evm=127.0.0.1:{evm}", f"--evm-ws=127.0.0.1:{ws}", "--timeout-commit=200ms", *peers, *flags),
        ]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        url = "http://127.0.0.1"
        self.nodes[name] = Node(
            name, process, f"{url}:{rpc}", f"{url}:{evm}", f"ws://127.0.0.1:{ws}", f"{url}:{metrics}"
        )
        return self.nodes[name]

    def stop(self) -> None:
        for node in self.nodes.values():
            node.process.send_signal(signal.SIGTERM)
        for node in self.nodes.values():
            node.process.wait(timeout=20)


@contextlib.contextmanager
def chain(program: Path, folder: Path, chain_id: str, validators: Sequence[str]) -> Iterator[Chain]:
    made = Chain(program, folder, chain_id, validators)
    try:
        yield made
    finally:
        made.stop()


def start_program(
    program: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """A generator with exactly this environment."""
    command = ["timeout", "--signal=KILL", str(LIFETIME), str(program), *arguments]
    variables = {"PATH": os.environ["PATH"], **(environment or {})}
    return subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)


def run_program(program: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """The exit code and what was said."""
    process = start_program(program, *arguments, environment=environment)
    _, said = process.communicate(timeout=LIFETIME)
    return process.returncode, said

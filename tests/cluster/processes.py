"""The cluster's daemons as plain processes: started, waited for, and ended."""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.cluster.layout import LOGS, RUN

_ENDS_SECONDS: Final = 20
_LAST_LINES: Final = 15

_children: Final[dict[int, subprocess.Popen[bytes]]] = {}
"""Started by this very process."""


@atexit.register
def _leave_behind() -> None:
    """They are to outlive it; Python would warn of each."""
    for child in _children.values():
        child.returncode = child.poll() or 0


class StartError(Exception):
    """A part did not come up; the message holds the lines of its log that matter."""


def _pid_file(name: str) -> Path:
    return RUN / f"{name}.pid"


def start(name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
    """In a session of its own, its output in a log file; nothing when it runs already."""
    if is_running(name):
        return
    with (LOGS / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    _pid_file(name).write_text(identity(process.pid))
    _children[process.pid] = process


def identity(pid: int) -> str:
    """A process, in words that no later one of the same id shares."""
    return f"{pid} {_started(pid)}"


def _started(pid: int) -> str:
    """The process's start time: a number that a later process of the same id does not share."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def process_id(name: str) -> int | None:
    """Of a daemon of ours that runs."""
    try:
        pid, started = _pid_file(name).read_text().split()
    except (OSError, ValueError):
        return None
    state = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(OSError):
        if state.read_text().rsplit(")", 1)[1].split()[0] != "Z" and _started(int(pid)) == started:
            return int(pid)
    return None


def is_running(name: str) -> bool:
    return process_id(name) is not None


def noted() -> list[str]:
    """Every process that was started and not ended, those of tests too."""
    return sorted(path.stem for path in RUN.glob("*.pid"))


def wait(name: str, what: str, ready: Callable[[], bool], seconds: float) -> None:
    """Until it is ready. Raises StartError as soon as its process is gone, or when the time is over."""
    end = time.monotonic() + seconds
    while not ready():
        if not is_running(name):
            raise StartError(f"{name} ended before {what}:\n{last_lines(name)}")
        if time.monotonic() > end:
            raise StartError(f"{name}: not within {seconds:g}s: {what}\n{last_lines(name)}")
        time.sleep(0.2)


def last_lines(name: str) -> str:
    """Of its log: first the ones that speak of an error."""
    path = LOGS / f"{name}.log"
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    bad = [line for line in lines if line.startswith(("E", "F", "panic")) or "level=fatal" in line or "rror" in line]
    chosen = (bad or lines)[-_LAST_LINES:]
    return "\n".join(f"  {line[:400]}" for line in chosen) + f"\n  (whole log: {path})"


def answers(url: str) -> bool:
    """The URL gives 200, within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - our own, on this machine
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port(address: str = "127.0.0.1") -> int:
    """One that nobody listens on now."""
    with socket.create_server((address, 0)) as taken:
        return int(taken.getsockname()[1])


def kill(name: str) -> None:
    """SIGKILL, without a word before; returns once it is gone."""
    _end(name, ((signal.SIGKILL, 5),))


def stop(name: str) -> None:
    """SIGTERM, and SIGKILL for what stays."""
    _end(name, ((signal.SIGTERM, _ENDS_SECONDS), (signal.SIGKILL, 5)))


def _end(name: str, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    for signal_, seconds in signals:
        pid = process_id(name)
        if pid is None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_)
        end = time.monotonic() + seconds
        while is_running(name) and time.monotonic() < end:
            time.sleep(0.05)
        # Of our own it is for us to ask how it ended; until then it is a zombie.
        if not is_running(name) and pid in _children:
            _children.pop(pid).wait()
    if not is_running(name):
        _pid_file(name).unlink(missing_ok=True)


def kill_shims(socket: Path) -> None:
    """Containerd's shims live on without it; they name its socket."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if line and b"containerd-shim" in line[0] and str(socket).encode() in line:
                os.kill(int(entry.name), signal.SIGKILL)

"""
A program of its own: starts one command, keeps watch over it, and leaves nothing of it behind.

Run as `python -I -S supervisor.py`, with the standard library alone. It stands between a run and its workload, because the run
itself may be killed: the keeper holds the other end of a pipe, and when that closes it kills what it started. On Linux it
is the "subreaper" of all that the command starts, so that a process which makes itself a session of its own still becomes
a child of the keeper when its parent ends, and is found.

Standard input: eight digits and so many bytes of JSON (`argv`, `env`, `cwd`, `stdout`, `stderr`, `grace`, `cleanup`), then the words `stop`
(SIGTERM to the process group, SIGKILL after `grace` seconds) and `kill`. Its end is `kill` too.
Standard output, a line of JSON each: `started` or `failed`, then `ended`, and at last `gone` when nothing is left.
Times are of the monotonic clock, which all processes of a machine share.
"""

import contextlib
import ctypes
import errno
import json
import os
import select
import signal
import sys
import time
from typing import Any, BinaryIO, Final

_SET_PDEATHSIG: Final = 1
_SET_CHILD_SUBREAPER: Final = 36
_LINUX: Final = sys.platform.startswith("linux")

_READ_BYTES: Final = 1 << 16
_HEAD_BYTES: Final = 16 << 20
_TAIL_BYTES: Final = 1 << 20
_DRAIN_SECONDS: Final = 2.0
_SWEEP_SECONDS: Final = 10.0
_CLEANUP_SECONDS: Final = 30


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


class Output:
    """
    One stream of the command, into a file that cannot grow without bound: its beginning and its end are kept.

    A file that cannot be written costs the output, never the run.
    """

    def __init__(self, path: str, fd: int) -> None:
        self.fd = fd
        self.open = True
        self.lost = 0
        self._tail = bytearray()
        self._room = _HEAD_BYTES
        self._file: BinaryIO | None = None
        try:
            self._file = open(path, "ab", buffering=0)  # noqa: PTH123, SIM115 - kept open; pathlib costs a start's time
        except OSError:
            self._room = 0

    def pump(self) -> None:
        """Takes what is there."""
        try:
            data = os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.open = False
            return
        head, rest = data[: self._room], data[self._room :]
        self._room -= len(head)
        self._write(head)
        if rest:
            self._tail += rest
            if len(self._tail) > 2 * _TAIL_BYTES:
                self._cut()

    def _cut(self) -> None:
        surplus = len(self._tail) - _TAIL_BYTES
        if surplus > 0:
            del self._tail[:surplus]
            self.lost += surplus

    def close(self) -> None:
        self._cut()
        if self.lost:
            self._write(f"\n[validationrun: {self.lost} bytes left out here]\n".encode())
        self._write(bytes(self._tail))
        if self._file is not None:
            self._file.close()
        os.close(self.fd)

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._file is None:
            self.lost += len(data)
            return
        try:
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        except OSError:
            self.lost += len(data)
            self._room = 0


class Keeper:
    """The command, from its start until nothing of it is left."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.pid = 0
        self.ended = False
        self.stopped = False
        self.commands = True
        self.deadline = float("inf")
        self.outputs: list[Output] = []

    def start(self) -> bool:
        """False when the command cannot be started; that is told."""
        reads, writes = zip(*(os.pipe() for _ in range(3)), strict=True)
        self.pid = os.fork()
        if self.pid == 0:
            _become(self.order, *writes)
        started = time.monotonic()
        for fd in writes:
            os.close(fd)
        problem = b""
        while part := os.read(reads[2], 256):
            problem += part
        os.close(reads[2])
        if problem:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            tell(event="failed", message=problem.decode("utf-8", "replace"))
            return False
        for fd, name in zip(reads, ("stdout", "stderr"), strict=False):
            os.set_blocking(fd, False)
            self.outputs.append(Output(self.order[name], fd))
        tell(event="started", pid=self.pid, at=started)
        return True

    def watch(self, wake: int) -> None:
        """Until the command itself has ended."""
        while True:
            fds = [wake, *([0] if self.commands else []), *(one.fd for one in self.outputs if one.open)]
            left = max(0.0, self.deadline - time.monotonic())
            ready, _, _ = select.select(fds, [], [], None if left == float("inf") else left)
            for one in self.outputs:
                if one.fd in ready and one.open:
                    one.pump()
            if wake in ready:
                os.read(wake, 256)
            if 0 in ready:
                self._obey(os.read(0, 4096))
            self._reap()
            if self.ended:
                return
            if time.monotonic() >= self.deadline:
                self._signal(signal.SIGKILL)
                self.deadline = float("inf")

    def _obey(self, words: bytes) -> None:
        if not words:
            # Whoever started us is gone, in whatever way.
            self.commands = False
            self.stopped = True
            self.deadline = 0.0
        elif b"kill" in words:
            self.stopped = True
            self.deadline = 0.0
        elif b"stop" in words and not self.stopped:
            self.stopped = True
            self.deadline = time.monotonic() + float(self.order["grace"])
            self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.ended = True
                code = os.waitstatus_to_exitcode(status)
                tell(
                    event="ended",
                    code=code if code >= 0 else None,
                    signal=-code if code < 0 else None,
                    stopped=self.stopped,
                    at=time.monotonic(),
                )

    def sweep(self) -> None:
        """Kills what the command left running, and takes the last of its output."""
        # The group first: where there is no subreaper it is all that can be found.
        self._signal(signal.SIGKILL)
        until = time.monotonic() + _SWEEP_SECONDS
        while time.monotonic() < until:
            left = descendants(os.getpid())
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            self._reap()
            if not left:
                break
            time.sleep(0.005)
        until = time.monotonic() + _DRAIN_SECONDS
        while (fds := [one.fd for one in self.outputs if one.open]) and time.monotonic() < until:
            ready, _, _ = select.select(fds, [], [], 0.1)
            for one in self.outputs:
                if one.fd in ready:
                    one.pump()
        for one in self.outputs:
            one.close()

    def clean_up(self) -> None:
        """What lives on elsewhere, such as a container."""
        if not self.order.get("cleanup"):
            return
        pid = os.fork()
        if pid == 0:
            null = os.open(os.devnull, os.O_RDWR)
            _become({**self.order, "argv": self.order["cleanup"]}, null, null, os.dup(null))
        until = time.monotonic() + _CLEANUP_SECONDS
        while time.monotonic() < until:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            time.sleep(0.02)
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def _become(order: dict[str, Any], out: int, err: int, problem: int) -> None:
    """In the child: the command. What goes wrong is written to `problem`, which a start that succeeds closes."""
    try:
        os.setsid()
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != order["keeper"]:
            # It died before the kernel knew whom to tell.
            os._exit(127)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(order["cwd"])
        null = os.open(os.devnull, os.O_RDONLY)
        for fd, at in ((null, 0), (out, 1), (err, 2)):
            os.dup2(fd, at)
        os.execvpe(order["argv"][0], order["argv"], order["env"])  # noqa: S606 - no shell is the point
    except OSError as error:
        words = "no such program" if error.errno == errno.ENOENT else error.strerror or str(error)
        os.write(problem, words.encode())
    except BaseException as error:  # noqa: BLE001 - a child that goes on would be a second keeper
        os.write(problem, str(error).encode())
    finally:
        os._exit(127)


def descendants(root: int) -> list[int]:
    """Every process below this one that is no zombie, by what `/proc` says; empty where there is none."""
    parents: dict[int, int] = {}
    dead = set()
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs a start's time
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:  # noqa: PTH123 - the same
                    # A program's name may hold spaces and brackets; what follows its last bracket does not.
                    state, parent = stream.read().rpartition(b")")[2].split()[:2]
            except (OSError, ValueError):
                continue
            parents[int(name)] = int(parent)
            if state in (b"Z", b"X"):
                dead.add(int(name))
    found: list[int] = []
    level = {root}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found += level
    return [pid for pid in found if pid not in dead]


def tell(**event: Any) -> None:
    # Whoever listens may be gone; there is work left to do all the same.
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(event).encode() + b"\n")


def _order() -> dict[str, Any]:
    """Its length in eight digits comes first: a byte read too many would be the first of a command."""
    text = _read_exactly(8)
    order: dict[str, Any] = json.loads(_read_exactly(int(text)))
    return order


def _read_exactly(count: int) -> bytes:
    text = b""
    while len(text) < count:
        part = os.read(0, count - len(text))
        if not part:
            sys.exit(0)
        text += part
    return text


def main() -> None:
    _prctl(_SET_CHILD_SUBREAPER, 1)
    # A terminal's Ctrl-C is the run's to handle; whoever ends this process by SIGTERM means all that it keeps.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    wake, tap = os.pipe()
    for fd in (wake, tap):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(tap, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    keeper = Keeper({**_order(), "keeper": os.getpid()})
    signal.signal(signal.SIGTERM, lambda *_: keeper._obey(b"kill"))  # noqa: SLF001 - one module, two halves
    if keeper.start():
        keeper.watch(wake)
        keeper.sweep()
    keeper.clean_up()
    tell(event="gone")


if __name__ == "__main__":
    main()

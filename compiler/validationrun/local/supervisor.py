"""
A separate program: starts one command, watches it, and leaves no process of it behind.

Run as `python -I -S supervisor.py`, with the standard library alone. The supervisor stands between a run and its workload,
because the run may be killed: the supervisor reads from a pipe of the run, and kills the command when that pipe closes. On Linux
it is the "subreaper" of the command's descendants: a process whose parent ends becomes its child, even in another session.

Standard input: eight digits, that many bytes of JSON (`argv`, `env`, `cwd`, `stdout`, `stderr`, `grace`, `cleanup`), then the
commands `stop` (SIGTERM to the process group, SIGKILL after `grace` seconds) and `kill`. The end of the input means `kill`.
Standard output: one line of JSON for each event: `started` or `failed`, then `ended`, and `gone` when no process is left.
Times are of the monotonic clock, which all processes of a machine share.
"""

import contextlib
import ctypes
import errno
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any, BinaryIO, Final, NamedTuple

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
    One output stream of the command, in a file of bounded size that has its beginning and its end.

    An error of the file loses output and never ends the run.
    """

    def __init__(self, path: str, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.open = True
        self.lost = 0
        self._tail = bytearray()
        self._room = _HEAD_BYTES
        self._file: BinaryIO | None = None
        try:
            # Follows no link, because another shard may have planted one.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
            self._file = os.fdopen(descriptor, "ab", buffering=0)
        except OSError:
            self._room = 0

    def pump(self) -> None:
        """Moves the bytes that are ready to the file."""
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


class Order(NamedTuple):
    """The JSON of the input: `grace` in seconds, `stdout` and `stderr` as paths, `cleanup` empty for no such command."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    stdout: str
    stderr: str
    grace: float
    cleanup: list[str]


class Supervisor:
    """The command, from its start until no process of it is left."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.ended = False
        self.stopped = False
        self.input_open = True
        self.kill_at = float("inf")
        self.outputs: list[Output] = []

    def start(self) -> bool:
        """Starts the command. False when it cannot be started; the event `failed` says why."""
        started = time.monotonic()
        try:
            process = self._spawn(self.order.argv, subprocess.PIPE)
        except OSError as error:
            reason = "no such program" if error.errno == errno.ENOENT else error.strerror or str(error)
            send(event="failed", message=reason)
            return False
        except (ValueError, subprocess.SubprocessError) as error:
            send(event="failed", message=str(error))
            return False
        # Kept, because a deleted Popen reaps its child, and `_reap` would wait for it forever.
        self._process, self.pid = process, process.pid
        for stream, path in ((process.stdout, self.order.stdout), (process.stderr, self.order.stderr)):
            if stream is not None:
                self.outputs.append(Output(path, os.dup(stream.fileno())))
                stream.close()
        send(event="started", pid=self.pid, at=started)
        return True

    def _spawn(self, argv: list[str], output: int) -> "subprocess.Popen[bytes]":
        """Starts a program in a new session. On Linux the program is killed with the supervisor."""
        supervisor = os.getpid()

        def prepare() -> None:
            _prctl(_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != supervisor:
                # The supervisor died before PDEATHSIG was set.
                os.kill(os.getpid(), signal.SIGKILL)
            for number in (signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)

        return subprocess.Popen(  # noqa: S603 - the command of the spec
            argv,
            env=self.order.env,
            cwd=self.order.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 - this process has one thread
        )

    def watch(self, wake: int) -> None:
        """Waits until the command itself has ended."""
        while True:
            fds = [wake, *([0] if self.input_open else []), *(output.fd for output in self.outputs if output.open)]
            seconds = max(0.0, self.kill_at - time.monotonic())
            ready, _, _ = select.select(fds, [], [], None if seconds == float("inf") else seconds)
            for output in self.outputs:
                if output.fd in ready and output.open:
                    output.pump()
            if wake in ready:
                os.read(wake, 256)
            if 0 in ready:
                self._obey(os.read(0, 4096))
            self._reap()
            if self.ended:
                return
            if time.monotonic() >= self.kill_at:
                self._signal(signal.SIGKILL)
                self.kill_at = float("inf")

    def _obey(self, commands: bytes) -> None:
        if not commands or b"kill" in commands:
            # An empty read means that the run is gone.
            self.input_open = bool(commands)
            self.kill()
        elif b"stop" in commands and not self.stopped:
            self.stopped = True
            self.kill_at = time.monotonic() + self.order.grace
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Makes `watch` kill the command at once."""
        self.stopped = True
        self.kill_at = 0.0

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
                send(
                    event="ended",
                    code=code if code >= 0 else None,
                    signal=-code if code < 0 else None,
                    stopped=self.stopped,
                    at=time.monotonic(),
                )

    def sweep(self) -> None:
        """Kills the processes that the command left running, and reads the rest of their output."""
        # The group first, because without a subreaper other processes cannot be found.
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
        while (fds := [output.fd for output in self.outputs if output.open]) and time.monotonic() < until:
            ready, _, _ = select.select(fds, [], [], 0.1)
            for output in self.outputs:
                if output.fd in ready:
                    output.pump()
        for output in self.outputs:
            output.close()

    def clean_up(self) -> None:
        """Runs the cleanup command, which for instance removes a container."""
        if not self.order.cleanup:
            return
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            process = self._spawn(self.order.cleanup, subprocess.DEVNULL)
            try:
                process.wait(_CLEANUP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def descendants(root: int) -> list[int]:
    """Every descendant of `root` that is not a zombie, from `/proc`; empty on systems without `/proc`."""
    parents: dict[int, int] = {}
    dead = set()
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs a start's time
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:  # noqa: PTH123 - the same
                    # A program's name may hold spaces and brackets; the fields behind its last bracket do not.
                    state, parent = stream.read().rpartition(b")")[2].split()[:2]
            except (OSError, ValueError):
                continue
            parents[int(name)] = int(parent)
            if state in (b"Z", b"X"):
                dead.add(int(name))
    below: list[int] = []
    level = {root}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        below += level
    return [pid for pid in below if pid not in dead]


def send(**event: Any) -> None:
    # The run may be gone, but the command must still be ended.
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(event).encode() + b"\n")


def _order() -> Order:
    """The JSON of the input. Its length comes first, because the next byte belongs to a command."""
    text = _read_exactly(8)
    return Order(**json.loads(_read_exactly(int(text))))


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
    # The run handles the Ctrl-C of a terminal. SIGTERM to the supervisor ends the command.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    wake, tap = os.pipe()
    for fd in (wake, tap):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(tap, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    supervisor = Supervisor(_order())
    signal.signal(signal.SIGTERM, lambda *_: supervisor.kill())
    if supervisor.start():
        supervisor.watch(wake)
        supervisor.sweep()
    supervisor.clean_up()
    send(event="gone")


if __name__ == "__main__":
    main()

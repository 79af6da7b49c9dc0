"""Starts one command under a supervisor, stops it, and reports how it ended."""

import contextlib
import json
import pathlib
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

from validationrun.local import supervisor

_LONGEST_AFTER_KILL_SECONDS: Final = 60.0
"""Maximum time for a supervisor to kill its command and to clean up."""
_LONGEST_START_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Launch:
    """
    A command and where its output goes.

    Attributes:
        environment: every variable of the command.
        grace_s: time from SIGTERM to SIGKILL.
        cleanup: a command that runs after the first has ended, for instance to remove its container.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: pathlib.Path
    stdout: pathlib.Path
    stderr: pathlib.Path
    grace_s: float
    cleanup: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """
    How the command ended.

    Attributes:
        code: exit code; None when a signal ended the command.
        signal: the number of that signal.
        stopped: the command was asked to stop before it ended.
        at: monotonic seconds.
    """

    code: int | None
    signal: int | None
    stopped: bool
    at: float


@dataclass
class Program:
    """
    The state of a command. A thread that reads the events of its supervisor sets every field.

    Attributes:
        started: monotonic seconds; None before the start, and when the command cannot be started.
        failure: why the command cannot be started.
        ended: None while the command runs, and forever when its supervisor was killed.
    """

    launch: Launch
    started: float | None = None
    failure: str = ""
    ended: Ended | None = None
    _process: "subprocess.Popen[bytes] | None" = None
    _gone: threading.Event = field(default_factory=threading.Event)
    _known: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Program":
        """Returns at once; see `await_start`."""
        command = [sys.executable, "-I", "-S", "-X", "utf8", str(pathlib.Path(supervisor.__file__))]
        # A new session, so that Ctrl-C reaches this process alone, which then stops the load in order.
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            self.failure = f"its supervisor cannot be started: {error.strerror}"
            self._known.set()
            self._gone.set()
            return self
        threading.Thread(target=self._listen, args=(_pipe(self._process.stdout),), daemon=True).start()
        launch = self.launch
        order = supervisor.Order(
            argv=list(launch.argv),
            env=dict(launch.environment),
            cwd=str(launch.folder),
            stdout=str(launch.stdout),
            stderr=str(launch.stderr),
            grace=launch.grace_s,
            cleanup=list(launch.cleanup),
        )
        text = json.dumps(order._asdict()).encode()
        self._write(b"%08d" % len(text) + text)
        return self

    def await_start(self) -> None:
        """Waits until the command runs or has failed to start. A start that hangs, as on a lost disk, has failed."""
        if not self._known.wait(_LONGEST_START_SECONDS):
            self.failure = f"it did not begin within {_LONGEST_START_SECONDS:.0f}s"
            self.kill()

    @property
    def gone(self) -> bool:
        """No process of the command is left."""
        return self._gone.is_set()

    def stop(self) -> None:
        """SIGTERM to the process group, SIGKILL after the grace period. Does nothing when the command has ended."""
        self._write(b"stop\n")

    def kill(self) -> None:
        self._write(b"kill\n")

    def wait(self, timeout_s: float) -> bool:
        """Waits at most `timeout_s` until no process of the command is left. Returns whether none is."""
        return self._gone.wait(timeout_s)

    def close(self) -> None:
        """Ends the command, if it still runs, and its supervisor. Returns when no process of either is left."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            # The supervisor kills its command when its input ends.
            _pipe(process.stdin).close()
        try:
            process.wait(_LONGEST_AFTER_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._gone.wait(_LONGEST_AFTER_KILL_SECONDS)

    def _write(self, data: bytes) -> None:
        # When the supervisor is gone, the command is gone too.
        with contextlib.suppress(OSError, ValueError):
            if self._process is not None:
                stdin = _pipe(self._process.stdin)
                stdin.write(data)
                stdin.flush()

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    self._apply(line)
        self._known.set()
        self._gone.set()

    def _apply(self, line: bytes) -> None:
        event = json.loads(line)
        match event["event"]:
            case "started":
                self.started = float(event["at"])
                self._known.set()
            case "failed":
                self.failure = str(event["message"])
                self._known.set()
            case "ended":
                self.ended = Ended(event["code"], event["signal"], bool(event["stopped"]), float(event["at"]))


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("a supervisor without pipes")
    return stream

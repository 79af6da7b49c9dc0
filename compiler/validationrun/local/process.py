"""One command under a keeper: started, told to stop, and looked at."""

import contextlib
import json
import pathlib
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

from validationrun.local import supervisor

_LONGEST_AFTER_KILL_SECONDS: Final = 60.0
"""What a keeper needs at most to kill what it keeps and to clean up."""
_LONGEST_START_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Launch:
    """
    A command and where its output goes.

    Attributes:
        environment: the whole of it.
        grace_s: from SIGTERM to SIGKILL.
        cleanup: run once the command has ended, in whatever way: ends what lives on elsewhere, such as a container.
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
        code: of its exit; None when a signal ended it.
        signal: its number then.
        stopped: it had been told to.
        at: monotonic seconds.
    """

    code: int | None
    signal: int | None
    stopped: bool
    at: float


@dataclass
class Program:
    """
    What is known of a command. Every field is filled in by the thread that listens to its keeper.

    Attributes:
        started: monotonic seconds; None before, and when it cannot be started.
        failure: why it cannot be started.
        ended: None while it runs, and for ever when its keeper was killed.
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
        # A session of its own: Ctrl-C at the terminal reaches this process alone, which then stops things in order.
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            self.failure = f"its keeper cannot be started: {error.strerror}"
            self._known.set()
            self._gone.set()
            return self
        threading.Thread(target=self._listen, args=(_pipe(self._process.stdout),), daemon=True).start()
        launch = self.launch
        order = json.dumps(
            {
                "argv": list(launch.argv),
                "env": dict(launch.environment),
                "cwd": str(launch.folder),
                "stdout": str(launch.stdout),
                "stderr": str(launch.stderr),
                "grace": launch.grace_s,
                "cleanup": list(launch.cleanup),
            }
        ).encode()
        self._say(b"%08d" % len(order) + order)
        return self

    def await_start(self) -> None:
        """Returns once the command runs or is known not to. One that hangs before it begins, on a disk that is gone, is none."""
        if not self._known.wait(_LONGEST_START_SECONDS):
            self.failure = f"it did not begin within {_LONGEST_START_SECONDS:.0f}s"
            self.kill()

    @property
    def gone(self) -> bool:
        """Nothing of it is left."""
        return self._gone.is_set()

    def stop(self) -> None:
        """SIGTERM to the process group, SIGKILL after its grace. Harmless when it has ended."""
        self._say(b"stop\n")

    def kill(self) -> None:
        self._say(b"kill\n")

    def wait(self, timeout_s: float) -> bool:
        """Whether nothing of it is left, within so many seconds."""
        return self._gone.wait(timeout_s)

    def close(self) -> None:
        """Ends the command, if it still runs, and its keeper. Returns when nothing is left of either."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            # The end of its input is the keeper's sign to kill.
            _pipe(process.stdin).close()
        try:
            process.wait(_LONGEST_AFTER_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._gone.wait(_LONGEST_AFTER_KILL_SECONDS)

    def _say(self, words: bytes) -> None:
        # A keeper that is gone needs no word.
        with contextlib.suppress(OSError, ValueError):
            if self._process is not None:
                stdin = _pipe(self._process.stdin)
                stdin.write(words)
                stdin.flush()

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    self._hear(json.loads(line))
        self._known.set()
        self._gone.set()

    def _hear(self, event: Mapping[str, Any]) -> None:
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
        raise ValueError("a keeper without pipes")
    return stream

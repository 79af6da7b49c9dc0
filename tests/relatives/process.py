"""The servers that the tests start beside a Prometheus."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def running(log: Path, command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, ended for sure when the block ends. All that it says goes to `log`."""
    if (guard := shutil.which("setpriv")) is not None:
        # The kernel ends it when the tests are killed, which no code of theirs could see.
        command = [guard, "--pdeathsig", "KILL", *command]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait()

"""How many end-to-end cases may run on this machine at once."""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def place() -> Iterator[None]:
    """
    One of a few places on this machine, whoever runs tests on it: where too many runs share its processors, none is in time.

    A place is a file that is locked, so that none is lost with a process that was killed.
    """
    folder = Path(tempfile.gettempdir()) / "validationrun-e2e"
    folder.mkdir(exist_ok=True)
    files = [(folder / str(number)).open("w") for number in range(int(os.environ.get("E2E_PLACES", "5")))]
    try:
        while not any(map(_lock, files)):
            time.sleep(1)
        yield
    finally:
        for file in files:
            file.close()


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

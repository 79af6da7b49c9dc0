"""
finalize runs in a container of its own, and the main container of its pod ends as finalize did. So does suite-finalize.

The kernel kills all processes of a container that is out of memory, and Argo calls a pod Failed whose main container was killed: it
does not try that pod again. So the main container only waits. When finalize has left how it ended, the main container takes
over exit code and message. When finalize was killed, the main container ends with 0, and an output parameter without default has no
file: Argo calls that Error, and tries finalize again.

The two containers share a folder. finalize holds a lock on a file there, which the kernel releases when the process is gone.
"""

import contextlib
import fcntl
import logging
import os
import pathlib
import time
from collections.abc import Callable
from typing import Final

from validationrun.base import conventions
from validationrun.base.atomic_files import write_whole
from validationrun.steps import context
from validationrun.steps.sigterm import on_sigterm

logger = logging.getLogger(__name__)

_LOCK: Final = "finalize.lock"
_MESSAGE: Final = "finalize-message"
_START_SECONDS: Final = 120
"""How long finalize's container may take to begin. Its image is on the node, because the main container runs from it."""


def hold(folder: pathlib.Path) -> None:
    """Holds the lock until this process is gone. The file has its name only once it is locked."""
    hidden = folder / f".{_LOCK}"
    with contextlib.suppress(OSError):
        # Never closed: the kernel does it.
        fcntl.flock(os.open(hidden, os.O_RDWR | os.O_CREAT, 0o644), fcntl.LOCK_EX)
        hidden.replace(folder / _LOCK)


def leave(folder: pathlib.Path, code: int) -> None:
    """Leaves exit code and termination message for the main container."""
    with contextlib.suppress(OSError):
        message = context.TERMINATION_LOG.read_bytes() if context.TERMINATION_LOG.exists() else b""
        write_whole(folder / _MESSAGE, message)
        # Written last: with this file the end is known.
        write_whole(folder / conventions.OUTPUT_FINALIZE_EXIT_CODE, str(code).encode())


def exit_as_finalize(folder: pathlib.Path, sleep: Callable[[float], None] = time.sleep) -> int:
    """Waits until finalize is over. Returns its exit code; 0 when it was killed, or never began."""
    # finalize goes on after SIGTERM, and its pod lives as long as this container.
    with on_sigterm(_say_that_it_waits):
        if not _await(folder / _LOCK, sleep):
            context.termination_message(f"finalize did not begin within {_START_SECONDS} s")
            return 0
        try:
            code = int((folder / conventions.OUTPUT_FINALIZE_EXIT_CODE).read_text())
            message = (folder / _MESSAGE).read_text(errors="replace")
        except (OSError, ValueError):
            context.termination_message("finalize was killed before it had ended")
            return 0
    context.termination_message(message)
    return code


def _say_that_it_waits() -> None:
    logger.warning("SIGTERM: waiting for finalize, which gives the verdict first")


def _await(lock: pathlib.Path, sleep: Callable[[float], None]) -> bool:
    """Whether finalize began; returns when it is gone."""
    for _ in range(_START_SECONDS * 10):
        if lock.exists():
            break
        sleep(0.1)
    else:
        return False
    with lock.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
    return True

"""Standard output: its faults are told apart from those of the files that a verb writes."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from validationrun.base.conventions import EXIT_USAGE


class StandardOutputError(Exception):
    """Standard output cannot be written. No OSError: the handlers of files must not catch it."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.errno = error.errno


class _StandardOutput:
    """A text stream that raises StandardOutputError."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _told_apart():
            return self._stream.write(text)

    def flush(self) -> None:
        with _told_apart():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StandardOutputError(error) from None


def open_closed_streams() -> None:
    """Streams for those that the caller has closed, for which Python has None: written they fail, and errors go nowhere."""
    if sys.stdout is None:
        # Opened for reading, it refuses what is written as a closed one does.
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the whole life
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the whole life


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """
    Within it, a standard output that cannot be written ends the program with 2.

    One line says why; none when the reader of the output went away (`| head`), because nothing is wrong then.
    """
    stream = sys.stdout
    try:
        with contextlib.redirect_stdout(_StandardOutput(stream)):
            try:
                yield
            finally:
                sys.stdout.flush()
    except StandardOutputError as error:
        # What is left in its buffer is written at the end of the program once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if error.errno != errno.EPIPE:
            print(f"validationrun: cannot write standard output: {error}", file=sys.stderr)
        sys.exit(EXIT_USAGE)

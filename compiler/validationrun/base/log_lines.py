"""
Log records as lines for people: one line per record, without terminal control characters.

Apart from `text`, so that `--help` starts without `logging`.
"""

import logging
from collections.abc import Callable
from typing import TextIO

from validationrun.base.text import printable


class LineFormatter(logging.Formatter):
    """
    A record as its line; a traceback follows on lines of its own.

    Args:
        line: puts time or origin around a message that is printable already.
    """

    def __init__(self, line: Callable[[logging.LogRecord, str], str]) -> None:
        super().__init__()
        self._line = line

    def format(self, record: logging.LogRecord) -> str:
        line = self._line(record, printable(record.getMessage()))
        if not record.exc_info:
            return line
        return "\n".join([line, *map(printable, self.formatException(record.exc_info).splitlines())])


def log_to(stream: TextIO, level: int, line: Callable[[logging.LogRecord, str], str]) -> None:
    """
    Sends the package's log records to a stream, and to no other place.

    Loggers of libraries are unchanged, because at DEBUG the Kubernetes client logs complete response bodies.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(line))
    logger = logging.getLogger("validationrun")
    logger.handlers[:] = [handler]
    logger.setLevel(level)

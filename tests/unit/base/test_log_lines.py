"""A log record as a line: safe to read, one line a record, and only ours."""

import io
import logging
from collections.abc import Iterator

import pytest

from validationrun.base.log_lines import log_to

OURS = logging.getLogger("validationrun.some.module")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log_to(stream, logging.INFO, lambda record, message: f"{record.levelname} {message}")
    yield stream
    logging.getLogger("validationrun").handlers.clear()


def test_a_record_is_one_line_and_no_terminal_obeys_it(stream: io.StringIO) -> None:
    OURS.info("pod %s: %s", "a", "\x1b[2Jcleared\nforged line")
    assert stream.getvalue() == "INFO pod a: \\x1b[2Jcleared\\nforged line\n"


def _fail(message: str) -> None:
    raise LookupError(message)


def test_a_traceback_follows_line_by_line(stream: io.StringIO) -> None:
    try:
        _fail("\x1b[2J")
    except LookupError:
        OURS.exception("no report")
    first, *trace = stream.getvalue().splitlines()
    assert first == "ERROR no report"
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-1] == "LookupError: \\x1b[2J"


def test_what_is_below_the_level_is_left_out(stream: io.StringIO) -> None:
    OURS.debug("a request")
    assert stream.getvalue() == ""


def test_the_libraries_log_elsewhere(stream: io.StringIO) -> None:
    """At DEBUG the Kubernetes client logs bodies, which may hold a Secret."""
    log_to(stream, logging.DEBUG, lambda _, message: message)
    logging.getLogger("kubernetes.client.rest").debug("response body: secret")
    logging.getLogger("kubernetes.client.rest").warning("a warning")
    assert stream.getvalue() == ""


def test_the_last_stream_alone_gets_the_records(stream: io.StringIO) -> None:
    second = io.StringIO()
    log_to(second, logging.INFO, lambda _, message: message)
    OURS.info("once")
    assert (stream.getvalue(), second.getvalue()) == ("", "once\n")

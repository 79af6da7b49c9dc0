"""
What a verb writes to standard error beside errors, and the options that say how much of it.

`logging` is imported when the first line is written, so that `--help` starts without it.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from validationrun.cli.console import usage_error

if TYPE_CHECKING:
    import logging

_NOTES: Final = "validationrun.cli.note"
_PROGRESS: Final = "validationrun.cli.progress"
_MANY: Final = 20


def note(message: str) -> None:
    """One line, which `-q` leaves out: what was done, where results lie, what to type next."""
    _logger(_NOTES).info("%s", message)


def warn(message: str) -> None:
    """One line, which `-q` leaves out: what may surprise the user."""
    _logger(_NOTES).warning("%s", message)


def progress(message: str) -> None:
    """One line with the time, which `-q` leaves out: what a verb that takes its time is at."""
    _logger(_PROGRESS).info("%s", message)


def is_quiet() -> bool:
    import logging

    return not _logger(_NOTES).isEnabledFor(logging.INFO)


def tracker(what: str) -> Callable[[Sequence[Any]], Iterable[Any]]:
    """A progress bar on standard error, for many items on a terminal; elsewhere, and with `-q`, nothing."""

    def track(items: Sequence[Any]) -> Iterable[Any]:
        if len(items) <= _MANY or not sys.stderr.isatty() or is_quiet():
            return items
        from rich.console import Console
        from rich.progress import track as rich_track

        return rich_track(items, what, console=Console(stderr=True), transient=True)

    return track


def _logger(name: str) -> "logging.Logger":
    import logging

    return logging.getLogger(name)


def _line(record: "logging.LogRecord", message: str) -> str:
    """The time stands before every line but a note."""
    return message if record.name == _NOTES else f"{time.strftime('%H:%M:%S')} {message}"


@dataclass(frozen=True, slots=True)
class Verbosity:
    """The options that every verb has."""

    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")] = False
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also log requests to the cluster and answers to rules.")
    ] = False

    def start_logging(self) -> None:
        """Raises typer.Exit with 2 when both are given."""
        import logging

        from validationrun.base.log_lines import log_to

        if self.quiet and self.verbose:
            raise usage_error("-q and -v exclude each other")

        level = logging.ERROR if self.quiet else logging.DEBUG if self.verbose else logging.INFO
        log_to(sys.stderr, level, _line)

"""
Render a result as HTML, JUnit XML, Markdown, JSON, text, or a pod's termination message.

The renderers are pure functions: they judge nothing and do no I/O, so the same results folder gives the same bytes; `write_reports`
alone writes files. The page's markup is in `templates/report/`. Each renderer raises `ResultsError` if the document contradicts itself.
"""

import pathlib
from typing import Final

from validationrun.base.atomic_files import write_whole
from validationrun.report import files, junit, log, markdown, page, status, terminal, termination
from validationrun.report.from_result import view_of
from validationrun.report.model import RunView
from validationrun.results.folder import Result

__all__ = ["to_html", "to_json", "to_junit", "to_log", "to_markdown", "to_termination", "to_text", "write_reports"]


_IN_FOLDER: Final = (
    (files.HTML, page.render),
    (files.JUNIT, junit.render),
    (files.MARKDOWN, markdown.render),
    (files.LOG, log.render),
    (files.TERMINATION, termination.render),
)
"""The reports of a results folder, local or uploaded by finalize."""


def write_reports(view: RunView, folder: pathlib.Path) -> None:
    """Write every report of a run into its results folder. Raises OSError and ResultsError."""
    for name, render in _IN_FOLDER:
        write_whole(folder / name, render(view).encode())


def to_json(result: Result) -> str:
    """The status document."""
    return status.render(view_of(result))


def to_junit(result: Result) -> str:
    """One suite: a case for the verdict, one for the workload, one for each rule. Red unless the verdict is Passed."""
    return junit.render(view_of(result))


def to_markdown(result: Result) -> str:
    """Markdown for a pull request or a job summary."""
    return markdown.render(view_of(result))


def to_html(result: Result) -> str:
    """A self-contained HTML page."""
    return page.render(view_of(result))


def to_log(result: Result) -> str:
    """The events of the run, one per line."""
    return log.render(view_of(result))


def to_text(result: Result) -> str:
    """Text for a terminal: the verdict, the rules, and the log."""
    return terminal.render(view_of(result))


def to_termination(result: Result) -> str:
    """A container's termination message: one line of JSON, less than 4 KiB."""
    return termination.render(view_of(result))

"""The reports of a suite, as those of a run: pure functions of a `SuiteView`, which judge nothing and do no I/O."""

import pathlib
from collections.abc import Callable, Mapping
from typing import Final

from validationrun.base.atomic_files import write_whole
from validationrun.report import files, suite_junit, suite_markdown, suite_page, suite_terminal
from validationrun.report.status import shown_json
from validationrun.report.suite_view import SuiteView


def render_json(view: SuiteView) -> str:
    """The document itself."""
    return shown_json(view.result)


FORMS: Final[Mapping[str, Callable[[SuiteView], str]]] = {
    "text": suite_terminal.render,
    "html": suite_page.render,
    "junit": suite_junit.render,
    "markdown": suite_markdown.render,
    "json": render_json,
}
"""By the value of `-o`."""

_IN_FOLDER: Final = ((files.HTML, "html"), (files.JUNIT, "junit"), (files.MARKDOWN, "markdown"))


def write_suite_reports(view: SuiteView, folder: pathlib.Path) -> None:
    """Write every report of a suite into its results folder. Raises OSError."""
    for name, form in _IN_FOLDER:
        write_whole(folder / name, FORMS[form](view).encode())

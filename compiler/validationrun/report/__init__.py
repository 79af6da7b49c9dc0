"""
A result as people and machines read it: JSON, JUnit XML, Markdown, HTML.

Pure functions of a `Result`: no judging here, and nothing is asked of anybody. Texts for people lie in `templates/report/`.
"""

import pathlib

from validationrun.results.folder import Result


def write_reports(result: Result, folder: pathlib.Path) -> None:
    """Every report of a run, into its results folder. Raises OSError."""
    del result, folder

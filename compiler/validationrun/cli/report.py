"""`validationrun report`: any report of a run, from its results folder."""

import enum
import pathlib
import sys
from typing import Annotated

import typer

from validationrun.cli.common import usage_error

EXAMPLES = """\b
Examples:
  validationrun report validation-results/eng-ada/evm_transfer/nightly-20260301021000
  validationrun report DIR -o markdown >> "$GITHUB_STEP_SUMMARY"
  validationrun report DIR -o html --output-file /tmp/nightly.html

\b
Exits 0 when the report was made, whatever the verdict, and 2 for a folder that can't be trusted: `validationrun replay`
judges a folder again and exits by its verdict.
"""


class ReportOutput(enum.StrEnum):
    """Which report."""

    TEXT = "text"
    HTML = "html"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    JSON = "json"


FolderArgument = Annotated[
    pathlib.Path, typer.Argument(metavar="DIR", help="A run's results folder: the one that holds result.json.")
]
OutputOption = Annotated[ReportOutput, typer.Option("--output", "-o", help="Form of the report.")]
FileOption = Annotated[
    pathlib.Path | None,
    typer.Option("--output-file", metavar="FILE", help="Where to write it; else standard output.", show_default=False),
]


def run(folder: FolderArgument, output: OutputOption = ReportOutput.TEXT, output_file: FileOption = None) -> None:
    """
    Show a run's results, or write them as HTML, JUnit XML, Markdown or JSON.

    Checks every file of the folder against its hash first. The same folder gives the same bytes.
    """
    from validationrun import report
    from validationrun.report.reading import read_folder
    from validationrun.results.folder import ResultsError

    if output_file is not None and output_file.resolve().is_relative_to(folder.resolve()):
        raise usage_error(f"{output_file} lies in the results folder, whose files are sealed: write it elsewhere")
    forms = {
        ReportOutput.TEXT: report.to_text,
        ReportOutput.HTML: report.to_html,
        ReportOutput.JUNIT: report.to_junit,
        ReportOutput.MARKDOWN: report.to_markdown,
        ReportOutput.JSON: report.to_json,
    }
    try:
        content = forms[output](read_folder(folder))
    except ResultsError as error:
        raise usage_error(str(error)) from None
    if output_file is None:
        sys.stdout.write(content)
        return
    try:
        _write(output_file, content.encode())
    except OSError as error:
        raise usage_error(f"cannot write {output_file}: {error.strerror}") from None


def _write(path: pathlib.Path, content: bytes) -> None:
    from validationrun.results.files import write_whole

    if path.exists() and not path.is_file():
        # A pipe or a terminal can't be replaced by a file.
        path.write_bytes(content)
    else:
        write_whole(path.resolve(), content)

"""`validationrun report`: any report of a run or a suite, from its results folder, or from the cluster that has it."""

import enum
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.cli.console import usage_error
from validationrun.cli.history_flags import HistoryFlags, render_history
from validationrun.cli.run_options import ContextOption, RunNamespaceOption, checked_name, no_run, open_cluster
from validationrun.cli.verbosity import note

if TYPE_CHECKING:
    from validationrun.report.model import RunView
    from validationrun.report.suite_view import SuiteView

    View = RunView | SuiteView

EXAMPLES = """\b
Examples:
  validationrun report validation-results/eng-ada/evm_transfer/nightly-20260301021000
  validationrun report DIR -o markdown >> "$GITHUB_STEP_SUMMARY"
  validationrun report DIR -o html --output-file /tmp/nightly.html
  validationrun report nightly-x7k2p -n eng-ada -o junit --output-file nightly.xml   # a run on a cluster
  validationrun report release-suite-x7k2p -n eng-ada -o html --output-file suite.html
  validationrun report --history validation-results --expect-every 26h --output-file history.html

\b
What is no folder is the name of a run on a cluster, as it always is with --namespace or --context; such a report tells
every verdict and draws no decision. A suite is reported with all its runs, also while it goes on.

\b
Exits 0 when the report was made, whatever the verdict, and
2 for a folder that can't be trusted: `validationrun replay` judges a folder again and exits by its verdict.
"""


class ReportOutput(enum.StrEnum):
    """Which report."""

    TEXT = "text"
    HTML = "html"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    JSON = "json"


SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="DIR|RUN",
        help="Results folder of a run or a suite: the one that holds result.json. Or a run or suite on a cluster, by its name.",
    ),
]
OutputOption = Annotated[ReportOutput, typer.Option("--output", "-o", help="Format of the report.")]
FileOption = Annotated[
    pathlib.Path | None,
    typer.Option(
        "--output-file",
        metavar="FILE",
        help="Write the report to this file; default: standard output.",
        show_default=False,
    ),
]


def run(
    source: SourceArgument,
    history: HistoryFlags,
    output: OutputOption = ReportOutput.TEXT,
    output_file: FileOption = None,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
) -> None:
    """
    Show the results of a run or a suite, or write them as HTML, JUnit XML, Markdown or JSON.

    Checks every file of the folder against its hash first. The same folder gives the same bytes.
    """
    from validationrun.results.folder import ResultsError

    try:
        if history.wanted():
            content = render_history(history, source, output.value, output_file)
        elif namespace is None and context is None and _is_folder(source):
            content = _rendered(_of_folder(pathlib.Path(source), output_file), output)
        else:
            content = _rendered(_of_cluster(source, namespace, context), output)
    except ResultsError as error:
        raise usage_error(str(error)) from None
    if output_file is None:
        sys.stdout.write(content)
        return
    try:
        _write(output_file, content.encode())
    except OSError as error:
        raise usage_error(f"cannot write {output_file}: {error.strerror}") from None


def _rendered(view: "View", output: ReportOutput) -> str:
    from validationrun.report import junit, markdown, page, status, suite, terminal
    from validationrun.report.model import RunView

    if not isinstance(view, RunView):
        return suite.FORMS[output.value](view)
    return {
        ReportOutput.TEXT: terminal.render,
        ReportOutput.HTML: page.render,
        ReportOutput.JUNIT: junit.render,
        ReportOutput.MARKDOWN: markdown.render,
        ReportOutput.JSON: status.render,
    }[output](view)


def _is_folder(source: str) -> bool:
    """Also one that is not there, when it is written as a path."""
    return os.sep in source or source in (os.curdir, os.pardir) or pathlib.Path(source).exists()


def _of_folder(folder: pathlib.Path, output_file: pathlib.Path | None) -> "View":
    from validationrun.report.from_result import read_folder, view_of
    from validationrun.report.suite_view import suite_view
    from validationrun.results.suite_folder import is_suite_folder, read_suite_result

    if output_file is not None and output_file.resolve().is_relative_to(folder.resolve()):
        raise usage_error(f"{output_file} lies in the results folder, whose files are sealed: write it elsewhere")
    return suite_view(read_suite_result(folder)) if is_suite_folder(folder) else view_of(read_folder(folder))


def _of_cluster(name: str, namespace: str | None, context: str | None) -> "View":
    from validationrun.cli.errors import cluster_errors
    from validationrun.runs.report import view_of_name

    checked_name(name)
    if namespace is None and context is None:
        note(f"there is no folder {name}: looking for a run of that name on the cluster")
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        view = view_of_name(cluster, name)
        if view is None:
            raise no_run(cluster, name)
    return view


def _write(path: pathlib.Path, content: bytes) -> None:
    from validationrun.base.atomic_files import write_whole

    if (path.exists() and not path.is_file()) or path.is_relative_to("/dev"):
        # A pipe or a terminal can't be replaced by a file, and /dev/stdout must stay a link.
        path.write_bytes(content)
    elif path.is_symlink():
        raise usage_error(f"{path} is a link: name the file itself, or remove the link")
    else:
        write_whole(path.parent.resolve() / path.name, content)

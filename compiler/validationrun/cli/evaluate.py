"""`validationrun evaluate`: judge the rules of a spec against a Prometheus, without cluster, chain or load."""

import enum
import pathlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.base.conventions import DEFAULT_SETTLE_SECONDS, EXIT_USAGE
from validationrun.base.text import printable
from validationrun.cli.console import NamespaceOption, Output, print_diagnostics, read_runs, summary, usage_error
from validationrun.cli.emit_flags import settle_seconds
from validationrun.cli.prometheus_flags import PrometheusFlags
from validationrun.cli.run_options import VERDICT_EXITS, StatusOutput, print_status
from validationrun.cli.verbosity import note

if TYPE_CHECKING:
    from validationrun.compiling.documents import LintResult
    from validationrun.results.folder import Result
    from validationrun.spec.v1alpha1 import ValidationRun

EXAMPLES = """\b
Examples:
  validationrun evaluate run.yaml --prometheus http://localhost:9090 --chain-id nightly-1a2b3c4d --for 10m
  validationrun evaluate run.yaml --start 2026-03-01T02:10:00Z --for 10m          # a window that is over
  validationrun evaluate run.yaml --prometheus-token-file ~/.token -o junit > rules.xml

\b
Exits 0 Passed, 1 Failed, 2 anything else: Error, Cancelled, a bad spec, no Prometheus, Ctrl-C.
Asks Prometheus and nobody else; the spec's load counts as absent.
"""


class LocalOutput(enum.StrEnum):
    """How the result of a run on this machine is printed."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    JUNIT = "junit"
    MARKDOWN = "markdown"


SpecArgument = Annotated[str, typer.Argument(metavar="SPEC", help="File with the run, or - for standard input.")]
ChainIdOption = Annotated[
    str | None, typer.Option("--chain-id", metavar="ID", help="Value of ${chainId} in the rules.", show_default=False)
]
SettleOption = Annotated[
    str,
    typer.Option(
        "--settle",
        metavar="DURATION",
        help="Delay each query by this long so that late samples are included; at most 60s.",
        envvar="VALIDATION_SETTLE",
    ),
]
ResultsOption = Annotated[
    pathlib.Path,
    typer.Option(
        "--results",
        metavar="DIR",
        help="Folder for results; each run makes a folder of its own below it.",
        file_okay=False,
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="RUN", help="Which run, when SPEC has several.", show_default=False),
]
LocalOutputOption = Annotated[LocalOutput, typer.Option("--output", "-o", help="Output format.")]
StartOption = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="TIME",
        help="Start of the window, such as 2026-03-01T02:10:00Z or Unix seconds; default: now.",
        show_default=False,
    ),
]
ForOption = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="DURATION",
        help="Length of the window, such as 10m; default: the load's duration, or timeouts.runDuration.",
        show_default=False,
    ),
]


def run(
    spec: SpecArgument,
    prometheus: PrometheusFlags,
    chain_id: ChainIdOption = None,
    start: StartOption = None,
    for_: ForOption = None,
    settle: SettleOption = f"{DEFAULT_SETTLE_SECONDS}s",
    results: ResultsOption = pathlib.Path("validation-results"),
    name: NameOption = None,
    namespace: NamespaceOption = None,
    output: LocalOutputOption = LocalOutput.TEXT,
) -> None:
    """
    Judge the rules of a spec against a Prometheus.

    The window begins now, or at --start, and lasts as long as the spec says, or --for. Results go to a folder of their
    own below --results, which `validationrun replay` judges again.
    """
    from validationrun.local.evaluate import EvaluateOptions, evaluate

    options = EvaluateOptions(
        prometheus_url=prometheus.url,
        access=prometheus.access(),
        root=results,
        chain_id=checked_chain_id(chain_id),
        start=None if start is None else given_time("--start", start),
        seconds=None if for_ is None else given_span("--for", for_),
        settle_s=local_settle_seconds(settle),
    )
    chosen = one_run(spec, namespace, name)
    with local_errors():
        result, folder = evaluate(chosen, options)
    finish(result, folder, output)


def linted_specs(specs: Sequence[str], namespace: str | None) -> "LintResult":
    """The documents of the files, without errors that a run on this machine would have. Raises typer.Exit with 2."""
    from validationrun.compiling.pipeline import OF_A_CLUSTER, lint_all

    files, pass_over = read_runs(specs)
    linted = lint_all(files, namespace, pass_over, leave_out=OF_A_CLUSTER)
    print_diagnostics(linted.diagnostics, Output.TEXT, sys.stderr)
    if not linted.ok:
        raise usage_error(f"{', '.join(specs)}: {summary(linted.diagnostics)}; nothing was judged")
    return linted


def one_run(spec: str, namespace: str | None, name: str | None) -> "ValidationRun":
    """The one run of the file, or the one of that name. Raises typer.Exit with 2."""
    linted = linted_specs([spec], namespace)
    names = [parsed.run.metadata.name for parsed in linted.runs]
    found = [parsed.run for parsed in linted.runs if name in (None, parsed.run.metadata.name)]
    if len(found) == 1:
        return found[0]
    if name is not None and not found:
        raise usage_error(f"{spec} holds no run {name}; it holds {', '.join(names) or 'none'}")
    if not names:
        raise usage_error(f"{spec} holds no run")
    raise usage_error(f"{spec} holds several runs ({', '.join(names)}); --name chooses one, -n a namespace")


def checked_chain_id(text: str | None) -> str | None:
    """Raises typer.Exit with 2 for what no chain calls itself."""
    from validationrun.local.chain import CHAIN_ID

    if text is not None and not CHAIN_ID.fullmatch(text):
        raise usage_error(f"--chain-id must be letters, digits, '.', '_' and '-', such as pacific-1; got {text!r}")
    return text


def local_settle_seconds(text: str) -> float:
    """The value of --settle; an empty variable counts as none. Raises typer.Exit with 2."""
    seconds = settle_seconds(text)
    return float(DEFAULT_SETTLE_SECONDS if seconds is None else seconds)


def given_time(option: str, text: str) -> float:
    """Raises typer.Exit with 2."""
    from validationrun.base.times import parse_given_time

    try:
        return parse_given_time(text)
    except ValueError as error:
        raise usage_error(f"{option} {error}") from None


def given_span(option: str, text: str) -> int:
    """Seconds. Raises typer.Exit with 2."""
    from validationrun.base.durations import parse_span

    try:
        return parse_span(text)
    except ValueError as error:
        raise usage_error(f"{option} {error}") from None


@contextmanager
def local_errors() -> Iterator[None]:
    """A run that cannot begin, or cannot be written down, becomes one line and exit 2."""
    from validationrun.local.preflight import LocalError

    try:
        yield
    except LocalError as error:
        raise usage_error(str(error)) from None
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise usage_error(f"the results cannot be written:{where} {error.strerror or error}") from None


def finish(result: "Result", folder: pathlib.Path, output: LocalOutput) -> None:
    """Prints the result and exits by its verdict."""
    show(result, folder, output)
    raise typer.Exit(VERDICT_EXITS.get(result.status.verdict, EXIT_USAGE))


def show(result: "Result", folder: pathlib.Path, output: LocalOutput) -> None:
    """The result on standard output, and where it lies."""
    from validationrun import report

    if output is LocalOutput.YAML:
        print_status(result.status, StatusOutput.YAML)
    else:
        forms = {
            LocalOutput.TEXT: report.to_text,
            LocalOutput.JSON: report.to_json,
            LocalOutput.JUNIT: report.to_junit,
            LocalOutput.MARKDOWN: report.to_markdown,
        }
        print(forms[output](result), end="")
    show_folder(folder, output)


def show_folder(folder: pathlib.Path, output: LocalOutput) -> None:
    """Where the results lie: as text part of the result."""
    where = f"results: {_shown(folder)}"
    if output is LocalOutput.TEXT:
        print(printable(where))
    else:
        note(where)


def _shown(folder: pathlib.Path) -> str:
    """As short as the folder can be named from here."""
    here = pathlib.Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)

"""The options of `report --history`: the runs of many results folders on one page."""

import pathlib
import sys
import time
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from validationrun.base.durations import parse_span
from validationrun.base.times import parse_given_time
from validationrun.cli.console import usage_error
from validationrun.cli.grid_view import painter, terminal_width

_PANEL: Final = "History"
_FORMS: Final = ("text", "html", "json")

HistoryOption = Annotated[
    bool,
    typer.Option(
        "--history",
        help="DIR holds many results folders, at any depth: show all their runs in a grid of rules by runs.",
        rich_help_panel=_PANEL,
    ),
]
ExpectOption = Annotated[
    str | None,
    typer.Option(
        "--expect-every",
        metavar="DURATION",
        help="A run must begin this often, such as 26h for a nightly one: a later next run is shown as stale.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
NowOption = Annotated[
    str | None,
    typer.Option(
        "--now",
        metavar="TIME",
        help="The time that ages are relative to; default: the present. The same TIME and folders give the same bytes.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
OnlyOption = Annotated[
    str | None,
    typer.Option("--name", help="Show only runs of this ValidationRun.", rich_help_panel=_PANEL, show_default=False),
]


@dataclass
class HistoryFlags:
    """What a history shows and expects."""

    history: HistoryOption = False
    expect_every: ExpectOption = None
    now: NowOption = None
    name: OnlyOption = None

    def wanted(self) -> bool:
        """Raises typer.Exit for an option that means nothing without --history."""
        given = {"--expect-every": self.expect_every, "--now": self.now, "--name": self.name}
        for option, value in given.items():
            if value is not None and not self.history:
                raise usage_error(f"{option} goes with --history")
        return self.history


def render_history(flags: HistoryFlags, source: str, output: str, output_file: pathlib.Path | None) -> str:
    """
    Args:
        output: `html`, `json` or `text`; text into a file whose name ends in `.html` is HTML.

    Raises:
        ResultsError
        typer.Exit: with 2, for options that do not fit.
    """
    from validationrun.report import history_page, history_text
    from validationrun.report.history import history_of

    if output not in _FORMS:
        raise usage_error(f"--history has no form {output}: take {', '.join(_FORMS)}")
    root = pathlib.Path(source)
    if output_file is not None and _is_sealed(output_file, root):
        raise usage_error(f"{output_file} lies in a results folder, whose files are sealed: write it elsewhere")
    history = history_of(
        root,
        _time(flags.now),
        expect_every=_expected(flags.expect_every),
        name=flags.name,
        links_from=output_file.parent if output_file is not None else None,
    )
    if output == "json":
        return history_text.to_json(history)
    if output == "html" or (output_file is not None and output_file.suffix == ".html"):
        return history_page.render(history)
    lines = history_text.lines_of(history, terminal_width(), None if output_file is not None else painter(sys.stdout))
    return "".join(f"{line}\n" for line in lines)


def _is_sealed(output_file: pathlib.Path, root: pathlib.Path) -> bool:
    """Whether the file would lie in the folder of a run or a suite."""
    from validationrun.results.folder import RESULT_JSON

    above = [parent for parent in output_file.resolve().parents if parent.is_relative_to(root.resolve())]
    return any((parent / RESULT_JSON).exists() for parent in above)


def _time(text: str | None) -> float:
    if text is None:
        return float(round(time.time()))
    try:
        return parse_given_time(text)
    except ValueError as error:
        raise usage_error(f"--now {error}") from None


def _expected(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(parse_span(text))
    except ValueError as error:
        raise usage_error(f"--expect-every {error}") from None

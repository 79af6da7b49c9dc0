"""`validationrun replay`: judge a results folder again, without asking anybody."""

import pathlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.base.conventions import EXIT_USAGE
from validationrun.base.text import counted, printable
from validationrun.cli.console import usage_error
from validationrun.cli.evaluate import LocalOutput, LocalOutputOption, show
from validationrun.cli.run_options import VERDICT_EXITS
from validationrun.cli.verbosity import note

if TYPE_CHECKING:
    from validationrun.judging.replay import Replayed

EXAMPLES = """\b
Examples:
  validationrun replay validation-results/eng-ada/evm_transfer/nightly-20260301021000
  validationrun replay DIR -o json

\b
Exits 0 Passed, 1 Failed, 2 anything else: Error, Cancelled, and whatever differs, is missing, was cut or changed.
"""

_MOST_SHOWN = 50

FolderArgument = Annotated[
    pathlib.Path, typer.Argument(metavar="DIR", help="A run's results folder: the one that holds result.json.")
]


def run(folder: FolderArgument, output: LocalOutputOption = LocalOutput.TEXT) -> None:
    """
    Judge recorded evidence again.

    Checks every file against its hash, that no decision is missing, decides every recorded answer anew and compares all
    that follows with what was recorded, to the letter. Asks nobody.
    """
    from validationrun.judging.replay import replay_folder
    from validationrun.results.folder import ResultsError

    try:
        result, replayed = replay_folder(folder)
        show(result, folder, output)
    except ResultsError as error:
        raise usage_error(str(error)) from None
    raise typer.Exit(_tell(replayed))


def _tell(replayed: "Replayed") -> int:
    """Whether the evidence agrees, on standard error; the exit code."""
    for remark in replayed.notes:
        note(f"note: {remark}")
    if not replayed.differences:
        note("replay: agrees to the letter")
        return VERDICT_EXITS.get(replayed.verdict.verdict, EXIT_USAGE)
    for line in replayed.differences[:_MOST_SHOWN]:
        print(f"replay: {printable(line)}", file=sys.stderr)
    if len(replayed.differences) > _MOST_SHOWN:
        print(f"replay: ... and {len(replayed.differences) - _MOST_SHOWN} more", file=sys.stderr)
    found = counted(len(replayed.differences), "difference")
    print(f"replay: {found}: these results are not to be trusted", file=sys.stderr)
    return EXIT_USAGE

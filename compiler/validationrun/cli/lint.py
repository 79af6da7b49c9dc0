"""`validationrun lint`: is this spec right?"""

import typer

from validationrun.base.conventions import EXIT_FINDINGS, EXIT_OK
from validationrun.cli.console import (
    NamespaceOption,
    Output,
    OutputOption,
    SpecArgument,
    StrictOption,
    count,
    print_diagnostics,
    read_specs,
    summary,
)
from validationrun.cli.verbosity import note, tracker

EXAMPLES = """\b
Examples:
  validationrun lint run.yaml
  validationrun lint specs/ --strict
  validationrun lint 'specs/**/*.yaml' -o github
  cat run.yaml | validationrun lint -
"""


def run(
    specs: SpecArgument,
    namespace: NamespaceOption = None,
    output: OutputOption = Output.TEXT,
    strict: StrictOption = False,
) -> None:
    """
    Check specs without a cluster.

    Prints every finding with its place and the way out. Exits 0 when there is no error, 1 otherwise, 2 when a file
    cannot be read. `# validationrun: ignore VR406` on a line silences that warning there.
    """
    from validationrun.compiling.pipeline import lint_all

    files = read_specs(specs)
    result = lint_all(tracker("Linting")(files), namespace)
    print_diagnostics(result.diagnostics, output)
    if output is Output.TEXT:
        note(f"{count(len(files), 'file')}: {summary(result.diagnostics)}")
    failed = not result.ok or (strict and bool(result.diagnostics))
    raise typer.Exit(EXIT_FINDINGS if failed else EXIT_OK)

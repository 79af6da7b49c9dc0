"""`validationrun lint`: is this spec right?"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import typer

from validationrun.base.conventions import EXIT_FINDINGS, EXIT_OK
from validationrun.base.text import counted
from validationrun.cli.console import (
    NamespaceOption,
    Output,
    OutputOption,
    SpecArgument,
    StrictOption,
    print_diagnostics,
    read_runs,
    summary,
    usage_error,
)
from validationrun.cli.verbosity import note, tracker
from validationrun.spec.neighbours import is_rule_test

if TYPE_CHECKING:
    from validationrun.spec.findings import Diagnostic

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
    Check specs, and the rule tests beside them, without a cluster.

    Prints every finding with its place and the way out. Exits 0 when there is no error, 1 otherwise, 2 when a file
    cannot be read. `# validationrun: ignore VR406` on a line silences that warning there.
    """
    from validationrun.compiling.pipeline import lint_all
    from validationrun.spec.findings import has_errors

    files, beside_runs = read_runs(specs)
    rule_tests: set[str] = set()

    def pass_over(file: str, data: Any) -> bool:
        if is_rule_test(data):
            rule_tests.add(file)
            return True
        return beside_runs(file, data)

    result = lint_all(tracker("Linting")(files), namespace, pass_over)
    diagnostics = list(result.diagnostics)
    if rule_tests:
        diagnostics += _rule_test_diagnostics(files, rule_tests, diagnostics, namespace)
    print_diagnostics(diagnostics, output)
    others = len(set(result.passed_over) - rule_tests)
    if others == len(files):
        raise usage_error(f"no ValidationRun and no rule test in {', '.join(specs)}")
    if output is Output.TEXT:
        passed = f"; {counted(others, 'other')} passed over" if others else ""
        note(f"{counted(len(files) - others, 'file')}: {summary(diagnostics)}{passed}")
    failed = has_errors(diagnostics) or (strict and bool(diagnostics))
    raise typer.Exit(EXIT_FINDINGS if failed else EXIT_OK)


def _rule_test_diagnostics(
    files: Sequence[tuple[str, bytes]],
    rule_tests: Collection[str],
    diagnostics: "Sequence[Diagnostic]",
    namespace: str | None,
) -> "list[Diagnostic]":
    from validationrun.judging.ruletest.suite import check_tests
    from validationrun.spec.findings import Severity

    bad = {diagnostic.file for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR}
    return check_tests([(name, content) for name, content in files if name in rule_tests], namespace, bad)

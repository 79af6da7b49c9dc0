"""`validationrun lint`: is this spec right?"""

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import typer

from validationrun.base.conventions import EXIT_FINDINGS, EXIT_OK
from validationrun.base.text import counted, printable
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
from validationrun.cli.prometheus_flags import LookUpFlags
from validationrun.cli.verbosity import note, tracker
from validationrun.spec.neighbours import is_rule_test

if TYPE_CHECKING:
    from validationrun.compiling.pipeline import Linted
    from validationrun.prometheus.inventory import Inventory
    from validationrun.spec.findings import Diagnostic
    from validationrun.spec.v1alpha1 import ValidationRun

_MOST_NAMED_RUNS = 20

EXAMPLES = """\b
Examples:
  validationrun lint run.yaml
  validationrun lint specs/ --strict
  validationrun lint 'specs/**/*.yaml' -o github
  validationrun lint run.yaml --prometheus http://127.0.0.1:9090    # does each metric exist, is each alert loaded?
  cat run.yaml | validationrun lint -
"""


def run(
    specs: SpecArgument,
    namespace: NamespaceOption = None,
    output: OutputOption = Output.TEXT,
    strict: StrictOption = False,
    *,
    prometheus: LookUpFlags,
) -> None:
    """
    Check specs, and the rule tests beside them, without a cluster.

    Prints every finding with its place and the way out. Exits 0 when there is no error, 1 otherwise, 2 when a file
    cannot be read. `# validationrun: ignore VR406` on a line silences that warning there.
    """
    from validationrun.compiling.pipeline import lint_all

    files, beside_runs = read_runs(specs)
    rule_tests: set[str] = set()

    def pass_over(file: str, data: Any) -> bool:
        if is_rule_test(data):
            rule_tests.add(file)
            return True
        return beside_runs(file, data)

    inventory = _inventory(prometheus) if prometheus.url else None
    result = lint_all(tracker("Linting")(files), namespace, pass_over, inventory.look if inventory else None)
    diagnostics = list(result.diagnostics)
    if rule_tests:
        diagnostics += _rule_test_diagnostics(files, rule_tests, diagnostics, namespace)
    print_diagnostics(diagnostics, output)
    if inventory is not None:
        _print_inventory(inventory, prometheus.url, output)
    others = len(set(result.passed_over) - rule_tests)
    if others == len(files):
        raise usage_error(f"no ValidationRun and no rule test in {', '.join(specs)}")
    if output is Output.TEXT:
        _note_summary(len(files) - others, others, diagnostics)
        _note_blind_tails(result.runs)
    raise typer.Exit(_exit_code(diagnostics, strict=strict))


def _exit_code(diagnostics: "Sequence[Diagnostic]", *, strict: bool) -> int:
    from validationrun.spec.findings import has_errors

    return EXIT_FINDINGS if has_errors(diagnostics) or (strict and bool(diagnostics)) else EXIT_OK


def _note_summary(checked: int, others: int, diagnostics: "Sequence[Diagnostic]") -> None:
    passed = f"; {counted(others, 'other')} passed over" if others else ""
    note(f"{counted(checked, 'file')}: {summary(diagnostics)}{passed}")


def _inventory(flags: LookUpFlags) -> "Inventory":
    """A look at Prometheus that can begin. Raises typer.Exit with 2 when it does not answer."""
    from validationrun.oracle.exchange import Fault
    from validationrun.prometheus.client import FIRST_ANSWER_SECONDS, Prometheus
    from validationrun.prometheus.inventory import Inventory

    prometheus = Prometheus(flags.url, flags.checked_access())
    now = prometheus.clock(FIRST_ANSWER_SECONDS)
    if isinstance(now, Fault):
        raise usage_error(f"Prometheus does not answer: {now.message}")
    return Inventory(prometheus, now)


def _print_inventory(inventory: "Inventory", url: str, output: Output) -> None:
    """A line for each rule of the runs without errors. Where standard output is for a program, they go to standard error."""
    if not inventory.lines:
        return
    stream = sys.stdout if output is Output.TEXT else sys.stderr
    print(f"what {printable(url)} has of the rules:", file=stream)
    for line in inventory.lines:
        print(f"  {printable(line)}", file=stream)


def _note_blind_tails(runs: "Sequence[Linted[ValidationRun]]") -> None:
    """Says what each rule may not see of the end of its window. That is no finding, because most rules have good reasons for it."""
    from validationrun.compiling.blind_tail import blind_tails

    if len(runs) > _MOST_NAMED_RUNS:
        note(f"{len(runs)} runs: `validationrun explain SPEC` names the blind tail of each rule")
        return
    for linted in runs:
        for line in blind_tails(linted.run.spec):
            note(f"{linted.file}: {line}")


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

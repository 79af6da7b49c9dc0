"""`validationrun test`: rule unit tests on a private Prometheus."""

import contextlib
import enum
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.base.conventions import EXIT_FINDINGS, EXIT_OK
from validationrun.base.text import counted, printable
from validationrun.cli.console import (
    NamespaceOption,
    Output,
    brought_along,
    print_diagnostics,
    read_specs,
    summary,
    usage_error,
)
from validationrun.cli.verbosity import note

if TYPE_CHECKING:
    from validationrun.judging.ruletest.suite import Suite, Tested
    from validationrun.spec.findings import Diagnostic

EXAMPLES = """\b
Examples:
  validationrun test tests/early-stop.yaml
  validationrun test tests/                         # every ValidationRuleTest below it
  validationrun test tests/ -o junit > rules.xml
  validationrun test tests/ --strict                # in CI: each rule was seen Passed and Failed

\b
Exits 0 when every test is as expected, 1 when one is not, 2 for anything else: a bad file, no Prometheus, Ctrl-C.
Needs the program prometheus: `apt-get install prometheus`, or PROMETHEUS_BIN.
"""


class TestOutput(enum.StrEnum):
    """How the results are printed."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


FileArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...", help="Test files, folders (only the rule tests in them), globs, or - for standard input."
    ),
]
StrictTestsOption = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="A test that proves nothing is an error, and so is a rule that was not seen Passed and seen Failed.",
    ),
]
TestOutputOption = Annotated[TestOutput, typer.Option("--output", "-o", help="Output format.")]


def run(
    files: FileArgument,
    output: TestOutputOption = TestOutput.TEXT,
    namespace: NamespaceOption = None,
    strict: StrictTestsOption = False,
) -> None:
    """
    Test rules: series in promtool's notation, faults, and the verdict that must come out.

    Each test has a private Prometheus on this machine and simulated time: a window of a day takes seconds. Nothing else is
    asked, and nothing is left behind.
    """
    from validationrun.judging.ruletest.server import PrivatePrometheusError, find_binary
    from validationrun.judging.ruletest.suite import run_all
    from validationrun.judging.ruletest.unproved import unproved

    suite = _gather(files, namespace, strict=strict)
    results: list[Tested] = []
    try:
        binary = find_binary()
        with _ends_in_order():
            for tested in run_all(suite, binary):
                results.append(tested)
                if output is TestOutput.TEXT:
                    _print_text(results)
    except PrivatePrometheusError as error:
        raise usage_error(str(error)) from None
    missing = unproved(results) if strict else None
    _print_summary(results, missing, output)
    raise typer.Exit(EXIT_OK if all(tested.ok for tested in results) and not missing else EXIT_FINDINGS)


def _gather(files: list[str], namespace: str | None, *, strict: bool) -> "Suite":
    """The tests. Raises typer.Exit with 2 when anything is wrong with a file, or there is no test: nothing is run then."""
    from validationrun.judging.ruletest.suite import gather
    from validationrun.spec.neighbours import beside_rule_tests

    read = read_specs(files)
    suite = gather(read, namespace, beside_rule_tests(brought_along(files, read)), strict=strict)
    if not suite.ok:
        print_diagnostics(suite.diagnostics, Output.TEXT, sys.stderr)
        raise usage_error(f"{summary(suite.diagnostics)}; nothing was tested")
    if not suite.tests:
        raise usage_error(f"no rule test in {', '.join(files)}: their kind is ValidationRuleTest")
    return suite


@contextlib.contextmanager
def _ends_in_order() -> Iterator[None]:
    """
    SIGTERM and SIGHUP end it as Ctrl-C does, so that the private Prometheus goes too.

    A signal that was ignored at the start, as `nohup` does, stays ignored.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_text(results: "list[Tested]") -> None:
    """The last result, below the name of its file when that is another one than before."""
    from validationrun.report.ruletest import lines

    tested = results[-1]
    if len(results) == 1 or results[-2].ready.file != tested.ready.file:
        print(printable(tested.ready.file))
    for line in lines(tested):
        print(f"  {printable(line)}")
    sys.stdout.flush()


def _print_summary(results: "list[Tested]", missing: "list[Diagnostic] | None", output: TestOutput) -> None:
    from validationrun.report.ruletest import as_json, as_junit

    if output is TestOutput.JSON:
        print(as_json(results, missing), end="")
    elif output is TestOutput.JUNIT:
        print(as_junit(results, missing or ()), end="")
    elif missing:
        print()
        print_diagnostics(missing, Output.TEXT)
    failed = sum(not tested.ok for tested in results)
    text = f"{counted(len(results), 'test')}: {len(results) - failed} as expected, {failed} not"
    if missing:
        text += f"; {counted(len(missing), 'rule')} not proved"
    if output is TestOutput.TEXT:
        print(text)
    else:
        note(text)

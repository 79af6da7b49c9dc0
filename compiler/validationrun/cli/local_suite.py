"""What `run --local` runs: the run or the suite of its files; and how the result of a suite is printed."""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import typer

from validationrun.base.conventions import EXIT_USAGE
from validationrun.cli.console import usage_error
from validationrun.cli.evaluate import LocalOutput, linted_specs, show_folder
from validationrun.cli.run_options import VERDICT_EXITS, StatusOutput, print_document

if TYPE_CHECKING:
    from validationrun.compiling.documents import Linted, LintResult
    from validationrun.contract.suite_result import SuiteResult
    from validationrun.local.suite import LocalSuite
    from validationrun.spec.v1alpha1 import ValidationRun, ValidationSuite


def run_or_suite(specs: Sequence[str], namespace: str | None, name: str | None) -> "ValidationRun | LocalSuite":
    """
    The one run or suite of the files, or that of the name. A run that one of the suites starts is chosen by its name alone.

    Raises:
        typer.Exit: with 2.
    """
    from validationrun.compiling.documents import of_type
    from validationrun.compiling.suite_members import run_name
    from validationrun.spec.v1alpha1 import ValidationSuite

    linted = linted_specs(specs, namespace)
    suites = of_type(linted.documents, ValidationSuite)
    every: list[Linted[ValidationSuite] | Linted[ValidationRun]] = [*suites, *linted.runs]
    if name is None:
        started = {
            (suite.namespace, run_name(suite.document, entry)) for suite in suites for entry in suite.document.spec.runs
        }
        found = [document for document in every if (document.namespace, document.name) not in started]
    else:
        found = [document for document in every if document.name == name]
    if len(found) != 1:
        raise _not_one(", ".join(specs), name, [document.name for document in found or every])
    (chosen,) = found
    if isinstance(chosen.document, ValidationSuite):
        return _suite(next(suite for suite in suites if suite is chosen), linted)
    return chosen.document


def _not_one(specs: str, name: str | None, names: list[str]) -> typer.Exit:
    if name is not None and name not in names:
        return usage_error(f"{specs} holds no run {name}; it holds {', '.join(names) or 'none'}")
    if not names:
        return usage_error(f"{specs} holds no run")
    return usage_error(f"{specs} holds several runs ({', '.join(names)}); --name chooses one, -n a namespace")


def _suite(chosen: "Linted[ValidationSuite]", linted: "LintResult") -> "LocalSuite":
    from validationrun.compiling.emit.options import EmitOptions
    from validationrun.compiling.suites import suite_plan
    from validationrun.compiling.together import Together
    from validationrun.local.suite import LocalSuite

    plan = suite_plan(chosen, Together(linted, EmitOptions()))
    runs = {run.name: run.document for run in linted.runs if run.namespace == chosen.namespace}
    return LocalSuite(plan, runs)


def finish_suite(result: "SuiteResult", folder: pathlib.Path, output: LocalOutput) -> NoReturn:
    """Prints the result and exits by the verdict of the suite."""
    from validationrun.report.suite import FORMS
    from validationrun.report.suite_view import suite_view

    if output is LocalOutput.YAML:
        print_document(result, StatusOutput.YAML)
    else:
        print(FORMS[output.value](suite_view(result)), end="")
    show_folder(folder, output)
    raise typer.Exit(VERDICT_EXITS.get(result.status.verdict, EXIT_USAGE))

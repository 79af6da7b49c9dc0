"""`validationrun compile`: specs in, a folder of manifests per run out."""

import datetime as dt
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.base.conventions import EXIT_FINDINGS, EXIT_OK
from validationrun.base.text import counted
from validationrun.cli.console import (
    STDIN,
    NamespaceOption,
    Output,
    SpecArgument,
    StrictOption,
    print_diagnostics,
    read_runs,
    summary,
    usage_error,
    use_color,
)
from validationrun.cli.emit_flags import EmitFlags, refuse_unknown_locks
from validationrun.cli.output_dir import Difference, compare, orphans, prune, write
from validationrun.cli.verbosity import note, tracker, warn

if TYPE_CHECKING:
    from validationrun.compiling.emit.options import EmitOptions
    from validationrun.compiling.pipeline import CompileResult

EXAMPLES = """\b
Examples:
  validationrun compile run.yaml -o generated
  validationrun compile specs/ -o generated --check     # in CI: is the committed output fresh?
  validationrun compile specs/ -o generated --prune     # also remove the output of specs that are gone
  cat run.yaml | validationrun compile - -o generated -n eng-ada
"""

OutOption = Annotated[
    str, typer.Option("--out", "-o", metavar="PATH", help="Output folder.", show_default=False)
]  # A pathlib.Path of an empty text would be the current folder.
CheckOption = Annotated[
    bool, typer.Option("--check", help="Write nothing; exit 1 when the folder is stale, with a diff.")
]
PruneOption = Annotated[
    bool,
    typer.Option(
        "--prune",
        help="Remove generated files in OUT/<namespace>/<name>/ whose run, suite or schedule is not among SPEC.",
    ),
]
FindingsOption = Annotated[Output, typer.Option("--findings", help="Format of the findings.")]


def run(
    *,
    specs: SpecArgument,
    out_text: OutOption,
    check: CheckOption = False,
    prune_orphans: PruneOption = False,
    namespace: NamespaceOption = None,
    emit: EmitFlags,
    findings: FindingsOption = Output.TEXT,
    strict: StrictOption = False,
) -> None:
    """
    Compile specs to Argo WorkflowTemplates and what goes with them.

    Writes OUT/<namespace>/<name>/: workflowtemplate.yaml, bundle.yaml, access.yaml, kustomization.yaml, and where
    needed access-shared.yaml and access-cluster.yaml. With an error in any spec nothing is written at all.
    """
    options = emit.checked()
    out = _folder(out_text)
    result = _compiled(specs, namespace, options, findings, strict=strict)
    wanted = {compiled.folder: {file.name: file.text for file in compiled.files} for compiled in result.compiled}
    try:
        if check:
            _check(out, wanted, _kinds(result))
        else:
            _write(out, wanted, _kinds(result), prune_orphans=prune_orphans)
    except OSError as error:
        raise usage_error(f"{error.filename or out}: {error.strerror}") from None


def _folder(text: str) -> pathlib.Path:
    """The output folder. Raises typer.Exit with 2 for a text that names none."""
    if not text:
        raise usage_error("--out must name a folder; got an empty text")
    if text == STDIN:
        raise usage_error(
            "--out must be a folder: compile writes several files for each run, and none to standard output"
        )
    return pathlib.Path(text)


def _compiled(
    specs: Sequence[str], namespace: str | None, options: "EmitOptions", findings: Output, *, strict: bool
) -> "CompileResult":
    """The folders, once the findings are printed. Raises typer.Exit where nothing may be written."""
    from validationrun.compiling.explain_schedule import next_firings
    from validationrun.compiling.pipeline import CompileResult, emit_all, lint_all

    files, pass_over = read_runs(specs)
    linted = lint_all(tracker("Linting")(files), namespace, pass_over)
    if linted.ok and not linted.documents:
        raise usage_error(f"no ValidationRun in {', '.join(specs)}")
    result = CompileResult([], linted.diagnostics)
    if linted.ok:
        result = emit_all(linted, options, tracker("Compiling"))
        if result.ok:
            refuse_unknown_locks(options, [name for compiled in result.runs for name in compiled.plan.locked])
    print_diagnostics(result.diagnostics, findings, sys.stderr)
    if not result.ok or (strict and result.diagnostics):
        note(f"{counted(len(files), 'file')}: {summary(result.diagnostics)}; nothing was written")
        raise typer.Exit(EXIT_FINDINGS)
    for schedule in result.schedules:
        times = ", ".join(next_firings(schedule.plan, dt.datetime.now(dt.UTC)))
        note(f"{schedule.folder} fires at {times}" if not schedule.plan.paused else f"{schedule.folder} is paused")
    return result


def _kinds(result: "CompileResult") -> str:
    """Such as `3 runs, 1 suite`."""
    numbers = ((len(result.runs), "run"), (len(result.suites), "suite"), (len(result.schedules), "schedule"))
    return ", ".join(counted(number, noun) for number, noun in numbers if number)


def _check(out: pathlib.Path, wanted: dict[str, dict[str, str]], kinds: str) -> None:
    differences = compare(out, wanted)
    for difference in differences:
        _print_difference(difference)
    if differences:
        warn(
            f"{counted(len(differences), 'file')} of {out} differ from what the specs compile to: run the same command without --check"
        )
        raise typer.Exit(EXIT_FINDINGS)
    note(f"{kinds} in {out}: up to date")
    raise typer.Exit(EXIT_OK)


def _print_difference(difference: Difference) -> None:
    color = use_color(sys.stdout)
    print(f"{difference.kind}: {difference.path}")
    for line in difference.diff:
        style = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}.get(line[:1], "") if color else ""
        print(f"  {style}{line}\x1b[0m" if style else f"  {line}")


def _write(out: pathlib.Path, wanted: dict[str, dict[str, str]], kinds: str, *, prune_orphans: bool) -> None:
    changes = write(out, wanted)
    for kind, path in changes:
        print(f"{kind}: {path}")
    left = orphans(out, wanted)
    if prune_orphans:
        for path in prune(out, left):
            print(f"removed: {path}")
    elif left:
        runs = ", ".join(sorted({f"{path.parent.relative_to(out)}" for path in left}))
        warn(
            f"note: generated files that none of these specs compiles to are left as they are ({runs}); --prune removes them"
        )
    state = f"{counted(len(changes), 'file')} changed" if changes else "nothing changed"
    note(f"{kinds} compiled to {out}: {state}")

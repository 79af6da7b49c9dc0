"""
The command line: one file per verb. No thinking here; exit codes are made here and nowhere else.

A verb imports the compiler when it runs, so that `--help` starts at once.
"""

import gc
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final

import typer
import typer.core

from validationrun.base.conventions import EXIT_BUG, EXIT_USAGE
from validationrun.cli import (
    backtest,
    compile_,
    delete,
    evaluate,
    explain,
    init,
    lint,
    list_,
    logs,
    replay,
    report,
    rerun,
    run,
    schema,
    status,
    stop,
    submit,
    test,
    wait,
    watch,
)
from validationrun.cli.option_groups import verb
from validationrun.cli.standard_output import open_closed_streams, standard_output


class _Verbs(typer.core.TyperGroup):
    """Typer would end Ctrl-C with 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(EXIT_USAGE) from None


GC_THRESHOLD = (50_000, 20, 20)
"""A verb builds large trees, leaves next to no cycles and ends: Python's default would walk those trees for a third of its time."""

VERDICT_VERBS = frozenset({"backtest", "evaluate", "replay", "rerun", "run", "submit", "test", "wait", "watch"})
"""Their exit codes are 0 Passed, 1 Failed, 2 anything else: a bug of ours must not look like a code of its own to a pipeline."""

app = typer.Typer(
    name="validationrun",
    cls=_Verbs,
    help="Compile a ValidationRun to Argo WorkflowTemplates: one YAML says which chain is brought up, "
    "which load is driven at it, and which Prometheus rules must hold.",
    epilog="Start with `validationrun init nightly > run.yaml`, then `validationrun lint run.yaml`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command("init", epilog=init.EXAMPLES)(verb(init.run))
app.command("lint", epilog=lint.EXAMPLES)(verb(lint.run))
app.command("compile", epilog=compile_.EXAMPLES)(verb(compile_.run))
app.command("explain", epilog=explain.EXAMPLES)(verb(explain.run))
app.command("test", epilog=test.EXAMPLES)(verb(test.run))
app.command("run", epilog=run.EXAMPLES)(verb(run.run))
app.command("evaluate", epilog=evaluate.EXAMPLES)(verb(evaluate.run))
app.command("backtest", epilog=backtest.EXAMPLES)(verb(backtest.run))
app.command("replay", epilog=replay.EXAMPLES)(verb(replay.run))
app.command("report", epilog=report.EXAMPLES)(verb(report.run))
app.command("submit", epilog=submit.EXAMPLES)(verb(submit.run))
app.command("wait", epilog=wait.EXAMPLES)(verb(wait.run))
app.command("watch", epilog=watch.EXAMPLES)(verb(watch.run))
app.command("status", epilog=status.EXAMPLES)(verb(status.run))
app.command("list", epilog=list_.EXAMPLES)(verb(list_.run))
app.command("logs", epilog=logs.EXAMPLES)(verb(logs.run))
app.command("rerun", epilog=rerun.EXAMPLES)(verb(rerun.run))
app.command("stop", epilog=stop.EXAMPLES)(verb(stop.run))
app.command("delete", epilog=delete.EXAMPLES)(verb(delete.run))
app.command("schema", epilog=schema.EXAMPLES)(verb(schema.run))


_RUNS: Final = {command.name: command.callback for command in app.registered_commands}


def _build_options_of(arguments: Sequence[str]) -> None:
    """Of the verb that is called, and of no other: typer would build those of all, for half of the time of `--help`."""
    called = next((argument for argument in arguments if argument in _RUNS), None)
    for command in app.registered_commands:
        command.callback = _RUNS[command.name] if command.name == called else _listed_only(_RUNS[command.name])


def _listed_only(run: Callable[..., None] | None) -> Callable[[], None]:
    """A verb without options, for the list of verbs."""

    def listed() -> None:
        pass

    listed.__doc__ = run.__doc__
    return listed


def _version(value: bool) -> None:
    if value:
        import importlib.metadata

        print(f"validationrun {importlib.metadata.version('validationrun')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    del version


def main() -> None:
    """
    The console script, under both of its names.

    Exits 0 fine, 1 findings or stale output, 2 wrong usage or unreadable input, 70 a bug of ours. The verbs of `VERDICT_VERBS`
    exit 0 Passed, 1 Failed, 2 anything else, a bug of ours too.
    """
    gc.set_threshold(*GC_THRESHOLD)
    called_as = os.path.basename(sys.argv[0])  # noqa: PTH119 - a string is all that is needed
    name = "kubectl validationrun" if called_as.startswith("kubectl-") else "validationrun"
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Specs and schemas are UTF-8 whatever the locale; a file's name may hold bytes that are not.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    _build_options_of(sys.argv[1:])
    try:
        with standard_output():
            app(prog_name=name)
    except KeyboardInterrupt:
        # While the last output is written.
        sys.exit(EXIT_USAGE)
    except Exception:  # noqa: BLE001 - the last handler: whatever comes here is a bug of ours
        traceback.print_exc()
        print("\nThis is a bug in validationrun. Please report it with the lines above.", file=sys.stderr)
        sys.exit(EXIT_USAGE if set(sys.argv[1:2]) & VERDICT_VERBS else EXIT_BUG)

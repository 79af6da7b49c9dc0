"""
The command line: one file per verb. No thinking here; exit codes are made here and nowhere else.

`--help` imports no verb, and a verb imports the compiler when it runs, so that both start at once.
"""

import gc
import importlib
import io
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any, Final

import typer
import typer.core

from validationrun.base.conventions import EXIT_BUG, EXIT_USAGE
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

VERBS: Final[Mapping[str, str]] = {
    "init": "Print a commented starter spec, by scenario.",
    "lint": "Check specs, and the rule tests beside them, without a cluster.",
    "compile": "Compile specs to Argo WorkflowTemplates and what goes with them.",
    "explain": "Show what a run or a suite will create, named what, in which order; of a schedule, when it fires next.",
    "test": "Test rules: series in promtool's notation, faults, and the verdict that must come out.",
    "run": "Run a spec, or the runs of a suite one after the other, on this machine, against a chain that is there.",
    "evaluate": "Judge the rules of a spec against a Prometheus.",
    "backtest": "Judge the past by the rules of a spec.",
    "replay": "Judge recorded evidence again.",
    "report": "Show the results of a run or a suite, or write them as HTML, JUnit XML, Markdown or JSON.",
    "submit": "Start a run or a suite on the cluster, of a spec or of a template that is there; or apply a schedule.",
    "wait": "Wait for a run's verdict.",
    "watch": "Watch a run until it has its verdict.",
    "status": "Show a run: its phase, its verdict once it has one, its chain, load and rules. Or a schedule.",
    "list": "List runs, the newest first, and schedules.",
    "logs": "Print what the steps of a run, and the shards of its load, wrote.",
    "rerun": "Start a run or a suite again. Prints the new run's name on standard output.",
    "stop": "Stop a run: the load ends, finalize gives the verdict and cleans up.",
    "delete": "Delete runs or schedules, or everything that is labelled with a chain id.",
    "schema": "Print the JSON Schema of runs, suites and schedules, for completion and checks in editors.",
}
"""In the order of `--help`, each with the first sentences of its own help, which stand here so that `--help` imports no verb."""

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


def add_verbs(called: str | None) -> None:
    """Imports only the verb that is called: with the options of all, `--help` would take twice as long."""
    app.registered_commands.clear()
    for name, summary in VERBS.items():
        if name == called:
            module = module_of(name)
            app.command(name, epilog=module.EXAMPLES)(verb(module.run))
        else:
            app.command(name, help=summary)(_listed)


def module_of(name: str) -> Any:
    """Of a verb: its file, with `run` and `EXAMPLES`. Where Python has the verb's name, the file's ends with an underscore."""
    return importlib.import_module(f"validationrun.cli.{name}{'_' if name in ('compile', 'list') else ''}")


def _listed() -> None:
    """A verb in the list of `--help`."""


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
    add_verbs(next((argument for argument in sys.argv[1:] if argument in VERBS), None))
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

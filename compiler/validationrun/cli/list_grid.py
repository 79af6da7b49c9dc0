"""`validationrun list --grid`: rules by the runs of one ValidationRun."""

import json
import sys
import time

from validationrun.base.text import counted
from validationrun.cli.console import usage_error
from validationrun.cli.errors import cluster_errors
from validationrun.cli.grid_view import painter, terminal_width
from validationrun.cli.run_options import open_cluster


def print_grid(context: str | None, namespace: str | None, name: str | None, output: str, *, everywhere: bool) -> None:
    """
    Args:
        output: `json` and `yaml` for programs; anything else prints lines.

    Raises:
        typer.Exit: with 2, when there is no grid to show.
    """
    from validationrun.report.history import History
    from validationrun.report.history_text import bounded_lines, to_json
    from validationrun.report.run_columns import grid_of
    from validationrun.runs.run_grid import run_grid
    from validationrun.runs.submit import no_namespace

    with cluster_errors():
        cluster = open_cluster(context, namespace)
        series = run_grid(cluster, name, everywhere=everywhere)
        if series is None and not everywhere and not cluster.has_namespace():
            raise usage_error(no_namespace(cluster))
    if output in ("json", "yaml"):
        found = [series] if series is not None else []
        text = to_json(History("", float(round(time.time())), None, found, [], []))
        if output == "yaml":
            from validationrun.compiling.emit import yaml

            text = yaml.dump(json.loads(text))
        print(text, end="")
    elif series is None:
        print(f"no runs in {'any namespace' if everywhere else f'namespace {cluster.namespace}'}" + _of(name))
    else:
        print(f"{series.name} in {series.namespace}: {counted(len(series.runs), 'run')}, the newest first")
        for line in bounded_lines(grid_of(series.runs), terminal_width(), painter(sys.stdout)):
            print(line)
        if series.left_out:
            print(f"and {series.left_out} older")


def _of(name: str | None) -> str:
    return f" of {name}" if name else ""

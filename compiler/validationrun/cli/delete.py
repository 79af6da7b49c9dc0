"""`validationrun delete`: delete runs and schedules, and everything that they own, from the cluster."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from validationrun.base.conventions import EXIT_USAGE
from validationrun.base.text import counted, printable
from validationrun.cli.console import usage_error
from validationrun.cli.errors import cluster_errors, explain
from validationrun.cli.run_options import ContextOption, RunNamespaceOption, checked_name, no_run, open_cluster
from validationrun.cli.verbosity import warn

if TYPE_CHECKING:
    from validationrun.kube.cluster import Cluster
    from validationrun.runs.delete import Doomed

EXAMPLES = """\b
Examples:
  validationrun delete nightly-x7k2p -n eng-ada
  validationrun delete nightly-x7k2p nightly-b9d4f -n eng-ada --yes
  validationrun delete --chain-id nightly-1f2e3d4c -n eng-ada --yes
  validationrun delete nightly-schedule -n eng-ada       # a schedule, its alert, and its runs, also one that goes on

\b
Deletes a run with its record, its load and its chain, in one namespace. Lists them first and asks. Never deletes objects of
others, nor a chain that existed before the run: runs on such a chain are deleted by name only.
Exits 0, or 2 when there is nothing to delete, or without a yes.
"""

_CHAIN_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN", help="Names of the runs, which are those of their Workflows; or of schedules."),
]
ChainOption = Annotated[
    str | None,
    typer.Option(
        "--chain-id",
        metavar="ID",
        help="Instead of RUN: delete everything that is labelled with this chain id.",
        show_default=False,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")]


def run(
    names: NamesArgument = None,
    chain_id: ChainOption = None,
    yes: YesOption = False,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
) -> None:
    """Delete runs or schedules, or everything that is labelled with a chain id."""
    if names and chain_id is not None:
        raise usage_error("RUN and --chain-id exclude each other")
    if not names and chain_id is None:
        raise usage_error("name the runs to delete, or give --chain-id")
    for name in names or []:
        checked_name(name)
    if chain_id is not None and not _CHAIN_ID.fullmatch(chain_id):
        raise usage_error(f"--chain-id must be lower-case letters, digits and hyphens; got {chain_id!r}")
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        doomed = _doomed(cluster, names or [], chain_id)
        _show(cluster, doomed)
        if not yes and not _confirmed():
            raise usage_error("nothing was deleted; --yes deletes without asking")
        _delete(cluster, doomed)


def _delete(cluster: "Cluster", doomed: "list[Doomed]") -> None:
    """
    All of it, as far as it can be.

    Raises:
        typer.Exit: with 2, when something is left.
    """
    from validationrun.kube.cluster import ClusterError
    from validationrun.runs.delete import delete, wait_until_gone

    left: list[str] = []
    deleted: list[Doomed] = []
    for target in doomed:
        try:
            print(f"{'deleted' if delete(cluster, target) else 'gone already'}: {printable(target.name)}", flush=True)
            deleted.append(target)
        except ClusterError as error:
            print(f"validationrun: {printable(explain(error))}", file=sys.stderr)
            left.append(str(target))
    left += wait_until_gone(cluster, deleted, lambda text: print(printable(text), file=sys.stderr, flush=True))
    if left:
        print(f"still there: {printable(', '.join(left))}", file=sys.stderr)
        raise typer.Exit(EXIT_USAGE)


def _doomed(cluster: "Cluster", names: list[str], chain_id: str | None) -> "list[Doomed]":
    from validationrun.runs.delete import doomed_by_chain, doomed_runs

    if chain_id is None:
        found, missing = doomed_runs(cluster, names)
        if len(missing) == 1:
            raise no_run(cluster, missing[0])
        if missing:
            there_is_no = f"there are no runs and no schedules {', '.join(missing)} in namespace {cluster.namespace}"
            raise usage_error(f"{there_is_no}; nothing was deleted")
        return found
    found, spared = doomed_by_chain(cluster, chain_id)
    if spared:
        by_name = f"delete by name what shall go: {', '.join(spared)}"
        warn(f"chain {chain_id} existed before these runs, which share it; {by_name}")
    if not found:
        other = "else " if spared else ""
        raise usage_error(
            f"nothing {other}of validationrun's in namespace {cluster.namespace} carries chain id {chain_id}"
        )
    return found


def _show(cluster: "Cluster", doomed: "list[Doomed]") -> None:
    owning = "all that it owns" if len(doomed) == 1 else "all that they own"
    print(f"in namespace {cluster.namespace}, {counted(len(doomed), 'object')} with {owning}:")
    for target in doomed:
        phase = f" ({target.phase})" if target.phase else ""
        print(f"  {printable(target.resource.full_name)} {printable(target.name)}{phase}")
        for child in target.children:
            print(f"    {printable(str(child))}")


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        return False
    try:
        return input("delete? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False

"""`validationrun delete`: take runs and all that is theirs off the cluster."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.cli.common import count, usage_error
from validationrun.cli.runs import ContextOption, RunNamespaceOption, cluster_errors, open_cluster
from validationrun.diagnostics import printable

if TYPE_CHECKING:
    from validationrun.cluster import Cluster
    from validationrun.runs import Doomed

EXAMPLES = """\b
Examples:
  validationrun delete nightly-x7k2p -n eng-ada
  validationrun delete --chain-id nightly-1f2e3d4c -n eng-ada --yes

A run goes with its record, its load and its chain. Shows first what goes, in one namespace, and touches nothing that is
not of a run. Exits 0, or 2 when nothing is found or nobody says yes.
"""

NamesArgument = Annotated[list[str] | None, typer.Argument(metavar="[RUN...]", help="Runs: their Workflows' names.")]
ChainOption = Annotated[
    str | None,
    typer.Option("--chain-id", metavar="ID", help="Instead: all that carries this chain id.", show_default=False),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def run(
    names: NamesArgument = None,
    chain_id: ChainOption = None,
    yes: YesOption = False,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
) -> None:
    """Delete runs, or all that carries a chain id."""
    from validationrun.runs import delete

    if bool(names) == (chain_id is not None):
        raise usage_error("name the runs to delete, or give --chain-id")
    with cluster_errors():
        cluster = open_cluster(context, namespace)
        doomed = _doomed(cluster, names or [], chain_id)
        print(f"in namespace {cluster.namespace}, {count(len(doomed), 'object')} with all that they own:")
        for one in doomed:
            print(f"  {printable(one.resource.full_name)} {printable(one.name)}")
        if not yes and not _confirmed():
            raise usage_error("nothing was deleted; --yes deletes without asking")
        for one in doomed:
            print(f"{'deleted' if delete(cluster, one) else 'gone already'}: {printable(one.name)}")


def _doomed(cluster: "Cluster", names: list[str], chain_id: str | None) -> "list[Doomed]":
    from validationrun.runs import doomed_by_chain, doomed_runs

    if chain_id is not None:
        found = doomed_by_chain(cluster, chain_id)
        if not found:
            raise usage_error(f"nothing in namespace {cluster.namespace} carries chain id {chain_id}")
        return found
    found, missing = doomed_runs(cluster, names)
    if missing:
        raise usage_error(f"there is no run {', '.join(missing)} in namespace {cluster.namespace}; nothing was deleted")
    return found


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("delete? [y/N] ").strip().lower() in ("y", "yes")

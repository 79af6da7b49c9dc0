"""
Checks the fields of a deployment that `chain.api` decides on: each API has some that the other does not have.

Such a field would be refused by the API server, or would be lost without a word.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from validationrun.compiling.check.chain import has_network, located
from validationrun.compiling.check.readable import deployment_by_deployment
from validationrun.spec.findings import Anchor, Finding, Loc, format_path, quote
from validationrun.spec.v1alpha1 import Deployment, ValidationRun
from validationrun.spec.v1alpha1.nodes import snapshots_of

_NODE: Final = ("template", "spec")


class _Missing(NamedTuple):
    """A field that SeiNetwork, or the SeiNode of a full node, does not have."""

    path: tuple[str, ...]
    """Names in a file, below the deployment's `spec`."""
    way_out: str


_OF_BOTH: Final = (
    _Missing(("updateStrategy",), "delete it: no node is changed while a run lasts"),
    _Missing(("networking",), "delete it: the run reaches the nodes inside the cluster"),
    _Missing(("monitoring",), "delete it: a PodMonitor of the platform scrapes the nodes, by the names of their ports"),
    _Missing((*_NODE, "entrypoint"), "delete it: the image starts its own program"),
)
_OF_NETWORK: Final = (
    _Missing(("genesis", "fork"), "delete it: such a chain begins with a genesis of its own"),
    _Missing(("template", "metadata", "annotations"), "delete them: only full nodes take annotations"),
    _Missing((*_NODE, "peers"), "delete them: the genesis ceremony tells the validators their peers"),
    *(
        _Missing((*_NODE, "validator", field), "delete it: the genesis ceremony makes each validator's state and keys")
        for field in ("snapshot", "genesisCeremony", "signingKey", "nodeKey")
    ),
)


@deployment_by_deployment
def fields_of_the_other_api(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        yield from _network_lacks(loc, entry) if has_network(run) else _deployment_lacks(loc, entry)


def _network_lacks(loc: Loc, entry: Deployment) -> Iterator[Finding]:
    kind = "SeiNetwork" if entry.role == "validator" else "SeiNode"
    for field in (*_OF_BOTH, *_OF_NETWORK) if entry.role == "validator" else _OF_BOTH:
        value = _value(entry.spec, field.path)
        asks_nothing = field.path[-1] == "annotations" and not value
        if value is not None and not asks_nothing:
            yield _lacks((*loc, "spec", *field.path), kind, "SeiNetwork", field.way_out)
    if entry.role == "fullNode" and entry.spec.deletion_policy == "Retain":
        way_out = "delete it; with `cleanup: Never` the nodes stay as long as the Workflow"
        yield _lacks((*loc, "spec", "deletionPolicy"), kind, "SeiNetwork", way_out)


def _deployment_lacks(loc: Loc, entry: Deployment) -> Iterator[Finding]:
    def lacks(place: Loc) -> Finding:
        return _lacks(place, "SeiNodeDeployment", "SeiNodeDeployment", "delete it, or set `chain.api: SeiNetwork`")

    for index, account in enumerate((entry.spec.genesis and entry.spec.genesis.accounts) or []):
        if account.vesting is not None:
            yield lacks((*loc, "spec", "genesis", "accounts", index, "vesting"))
    for mode, snapshot in snapshots_of(entry.spec.template.spec):
        if snapshot.rpc_servers is not None:
            yield lacks((*loc, "spec", *_NODE, mode, "snapshot", "rpcServers"))


@deployment_by_deployment
def rpc_servers(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        for mode, snapshot in snapshots_of(entry.spec.template.spec):
            given = snapshot.rpc_servers or []
            for index, server in enumerate(given):
                if server in given[:index]:
                    place = (*loc, "spec", *_NODE, mode, "snapshot", "rpcServers", index)
                    message = f"{format_path(place)} {quote(server)} is given twice"
                    yield Finding("VR330", place, message, "name another server: the state is checked against several")


def _lacks(loc: Loc, kind: str, api: str, way_out: str) -> Finding:
    message = f"{format_path(loc)} does not exist with chain.api {api}: a {kind} has no such field"
    return Finding("VR328", loc, message, way_out, anchor=Anchor.KEY)


def _value(spec: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of names in a file; None when it is not given."""
    value = spec
    for name in path:
        fields = {info.alias: attribute for attribute, info in type(value).model_fields.items()}
        value = getattr(value, fields[name])
        if value is None:
            return None
    return value


@deployment_by_deployment
def genesis_values(run: ValidationRun) -> Iterator[Finding]:
    if has_network(run):
        return
    for loc, entry in located(run):
        for key, value in ((entry.spec.genesis and entry.spec.genesis.overrides) or {}).items():
            if not isinstance(value, str):
                place = (*loc, "spec", "genesis", "overrides", key)
                message = (
                    f"{format_path(place)} must be text with chain.api SeiNodeDeployment; SeiNetwork takes any JSON"
                )
                yield Finding("VR329", place, message, 'write it as text, such as "50"')


CHECKS: Final = (fields_of_the_other_api, genesis_values, rpc_servers)

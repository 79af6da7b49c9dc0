"""
Checks what the API server and the controller say of several fields of a deployment together, in either API.

The models of `spec/v1alpha1/chain.py` and `nodes.py` hold the fields, their types and bounds, and name the version. Each finding here
is a rule that this version's resource definition has, or a setting with which its controller never starts a node.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from validationrun.compiling.check.chain import has_network, located
from validationrun.compiling.check.readable import deployment_by_deployment
from validationrun.spec.findings import Anchor, Finding, Loc, Severity, format_path
from validationrun.spec.v1alpha1 import Deployment, ValidationRun
from validationrun.spec.v1alpha1.nodes import (
    KeySource,
    SnapshotGeneration,
    modes_of,
    snapshots_of,
)
from validationrun.spec.v1alpha1.types import Model

_FEWEST_PUBLISHED: Final = 2
"""The controller uploads the snapshot before the newest one."""


class _Union(NamedTuple):
    """A mapping with exactly one of some fields."""

    code: str
    fields: tuple[tuple[str, str], ...]
    """Attribute and name in a file."""
    example: str


_SNAPSHOT: Final = _Union("VR322", (("s3", "s3"), ("state_sync", "stateSync")), "`s3: {targetHeight: 100}`")
_PEER: Final = _Union(
    "VR323", (("ec2_tags", "ec2Tags"), ("static", "static"), ("label", "label")), "`label: {selector: {...}}`"
)


def _exactly_one(union: _Union, loc: Loc, value: Model) -> Iterator[Finding]:
    given = [name for attribute, name in union.fields if getattr(value, attribute) is not None]
    if len(given) == 1:
        return
    names = _listed([name for _, name in union.fields])
    message = f"{format_path(loc)} must have exactly one of {names}; it has {_listed(given) if given else 'none'}"
    yield Finding(
        union.code, loc, message, f"keep one of {_listed(given)}" if given else f"add one, such as {union.example}"
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@deployment_by_deployment
def modes(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        node = entry.spec.template.spec
        given = [mode for mode in modes_of(node) if mode != "validator"]
        if entry.role == "fullNode" and len(given) > 1:
            place = (*_node(loc), given[1])
            message = f"{format_path(place)} stands beside {given[0]}: a node has exactly one of fullNode, archive and replayer"
            yield Finding("VR320", place, message, f"keep one of {_listed(given)}", anchor=Anchor.KEY)
        if node.replayer is not None and node.peers == []:
            place = (*_node(loc), "peers")
            message = f"{format_path(place)} is empty: a replayer needs peers"
            yield Finding(
                "VR321", place, message, "add a peer, or delete the line: the run's validators are the default"
            )


@deployment_by_deployment
def peers(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        for index, peer in enumerate([] if _of_ceremony(run, entry) else entry.spec.template.spec.peers or []):
            yield from _exactly_one(_PEER, (*_node(loc), "peers", index), peer)


@deployment_by_deployment
def snapshots(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        for mode, snapshot in snapshots_of(entry.spec.template.spec):
            if not _of_ceremony(run, entry):
                yield from _exactly_one(_SNAPSHOT, (*_node(loc), mode, "snapshot"), snapshot)


@deployment_by_deployment
def update_strategy(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        strategy = None if has_network(run) else entry.spec.update_strategy
        if strategy is not None and strategy.type == "HardFork" and strategy.hard_fork is None:
            place = (*loc, "spec", "updateStrategy")
            message = f"{format_path(place)} with type HardFork needs hardFork.haltHeight"
            yield Finding("VR324", (*place, "type"), message, "add `hardFork: {haltHeight: 100}`, or use type InPlace")


@deployment_by_deployment
def validator_keys(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        validator = entry.spec.template.spec.validator
        if validator is None or _of_ceremony(run, entry):
            continue
        place = (*_node(loc), "validator")
        sources = {"signingKey": validator.signing_key, "nodeKey": validator.node_key}
        given = {name: source for name, source in sources.items() if source is not None}
        errors = list(_wrong_keys(place, given))
        yield from errors
        if given and not errors:
            field = (*place, "signingKey")
            message = f"{format_path(field)} stands beside the genesis ceremony of the run, which makes the keys"
            help_ = "delete signingKey and nodeKey: the controller refuses nodes that have both keys and a ceremony"
            yield Finding("VR326", field, message, help_, Severity.WARNING, Anchor.KEY)


def _wrong_keys(place: Loc, given: Mapping[str, KeySource]) -> Iterator[Finding]:
    if len(given) == 1:
        name, other = ("signingKey", "nodeKey") if "signingKey" in given else ("nodeKey", "signingKey")
        message = f"{format_path((*place, name))} needs {other} beside it: a validator has both keys or neither"
        yield Finding("VR325", (*place, name), message, f"add {other}, or delete {name}", anchor=Anchor.KEY)
    for name, source in given.items():
        if source.secret is None:
            message = f"{format_path((*place, name))} names no Secret"
            yield Finding("VR325", (*place, name), message, "add `secret: {secretName: ...}`", anchor=Anchor.KEY)
    secrets = [source.secret.secret_name for source in given.values() if source.secret is not None]
    if len(secrets) > len(set(secrets)):
        field = (*place, "nodeKey", "secret", "secretName")
        message = f"{format_path(field)} is also the Secret of signingKey: the keys must be in different Secrets"
        yield Finding("VR325", field, message, "put the node key into a Secret of its own")


@deployment_by_deployment
def what_the_controller_refuses(run: ValidationRun) -> Iterator[Finding]:
    """The API server takes these, but the controller never starts a node with them."""
    for loc, entry in located(run):
        node = entry.spec.template.spec
        for alias, mode in (("fullNode", node.full_node), ("archive", node.archive)):
            if mode is not None and mode.snapshot_generation is not None:
                yield from _generation((*_node(loc), alias, "snapshotGeneration"), mode.snapshot_generation)
        first = node.full_node.snapshot if node.full_node else None
        if first is not None and first.bootstrap_image is not None and first.s3 is None:
            place = (*_node(loc), "fullNode", "snapshot", "bootstrapImage")
            yield _refused(place, "needs s3 beside it", "add `s3: {targetHeight: 100}`, or delete bootstrapImage")
        if node.replayer is None:
            continue
        if node.replayer.snapshot.state_sync is not None and node.replayer.snapshot.s3 is None:
            place = (*_node(loc), "replayer", "snapshot", "stateSync")
            yield _refused(place, "is no start for a replayer", "replay from `s3: {targetHeight: 100}`")
        export = node.replayer.result_export
        if export is not None and export.shadow_result is None:
            place = (*_node(loc), "replayer", "resultExport")
            yield _refused(
                place, "says nothing to export", "add `shadowResult: {canonicalRpc: ...}`, or delete resultExport"
            )


def _generation(loc: Loc, generation: SnapshotGeneration) -> Iterator[Finding]:
    kept = generation.tendermint
    if kept is None:
        yield _refused(loc, "has no tendermint", "add `tendermint: {keepRecent: 2}`, or delete snapshotGeneration")
    elif kept.publish is not None and kept.keep_recent < _FEWEST_PUBLISHED:
        place = (*loc, "tendermint", "keepRecent")
        yield _refused(place, "must be at least 2 with publish", "raise it to 2 or more", Anchor.VALUE)


def _refused(loc: Loc, words: str, way_out: str, anchor: Anchor = Anchor.KEY) -> Finding:
    return Finding(
        "VR327", loc, f"{format_path(loc)} {words}: the controller starts no such node", way_out, anchor=anchor
    )


def _of_ceremony(run: ValidationRun, entry: Deployment) -> bool:
    """Whether the genesis ceremony alone says what this entry's nodes are, so that VR328 refuses the whole field."""
    return entry.role == "validator" and has_network(run)


def _node(loc: Loc) -> Loc:
    return (*loc, "spec", "template", "spec")


CHECKS = (modes, peers, snapshots, update_strategy, validator_keys, what_the_controller_refuses)

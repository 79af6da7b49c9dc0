"""Checks `spec.chain`: roles, names, and the fields that a deployment may set."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from validationrun.base.conventions import (
    COMPONENT_CHAIN,
    COMPONENT_RPC,
    LABEL_DEPLOYMENT,
    LABEL_K8S_COMPONENT,
    LABEL_K8S_MANAGED_BY,
    LABEL_K8S_PART_OF,
    LABEL_MANAGED_BY,
    LABEL_ROLE,
    LONGEST_CHAIN_NAMES,
    MANAGED_BY,
    PARAM_IMAGE_WORKLOAD,
    RESERVED_LABEL_PREFIXES,
    RESERVED_LABELS,
    ChainApi,
)
from validationrun.compiling.chain_labels import role_label
from validationrun.compiling.check.readable import deployment_by_deployment
from validationrun.spec.findings import Anchor, Finding, Loc, Severity, format_path, quote
from validationrun.spec.partial import is_left_out
from validationrun.spec.v1alpha1 import Deployment, ValidationRun
from validationrun.spec.v1alpha1.nodes import modes_of

_CHAIN: Final[Loc] = ("spec", "chain")
_DEPLOYMENTS: Final[Loc] = (*_CHAIN, "deployments")


def located(run: ValidationRun) -> list[tuple[Loc, Deployment]]:
    """Every deployment with its field path."""
    entries = enumerate(run.spec.chain.deployments or [])
    return [((*_DEPLOYMENTS, index), entry) for index, entry in entries if not is_left_out(entry)]


def has_network(run: ValidationRun) -> bool:
    """Whether the chain's objects are a SeiNetwork and SeiNodes."""
    return run.spec.chain.api == "SeiNetwork"


def deployments_or_endpoints(run: ValidationRun) -> Iterator[Finding]:
    chain = run.spec.chain
    if chain.deployments is None and chain.endpoints is None:
        message = "spec.chain needs deployments (a chain to bring up) or endpoints (one that exists)"
        yield Finding("VR301", _CHAIN, message, "add `deployments:` or `endpoints:`", anchor=Anchor.KEY)
    if chain.deployments is not None and chain.endpoints is not None:
        message = "spec.chain has both deployments and endpoints"
        help_ = "delete endpoints to bring a chain up, or deployments to use the one that exists"
        yield Finding("VR301", (*_CHAIN, "endpoints"), message, help_, anchor=Anchor.KEY)


def one_validator_and_full_nodes(run: ValidationRun) -> Iterator[Finding]:
    entries = located(run)
    if not entries:
        return
    validators = [(loc, entry) for loc, entry in entries if entry.role == "validator"]
    if not validators:
        message = "spec.chain.deployments has no entry with role validator: nothing would make blocks"
        yield Finding("VR302", _DEPLOYMENTS, message, "give one entry `role: validator`", anchor=Anchor.KEY)
    for loc, entry in validators[1:]:
        message = f"{format_path(loc)} ({entry.name}) is a second validator entry; the first is {validators[0][1].name}"
        help_ = "keep one, and raise its `replicas` for more validators"
        yield Finding("VR302", (*loc, "role"), message, help_)
    if all(entry.role == "validator" for _, entry in entries):
        message = "spec.chain.deployments has no entry with role fullNode: the load would have no endpoint"
        yield Finding("VR303", _DEPLOYMENTS, message, "add an entry with `role: fullNode`", anchor=Anchor.KEY)


@deployment_by_deployment
def names(run: ValidationRun) -> Iterator[Finding]:
    seen: set[str] = set()
    chain_id = run.spec.chain.chain_id
    for loc, entry in located(run):
        name_loc = (*loc, "name")
        if entry.name in seen:
            message = f"{format_path(name_loc)} {quote(entry.name)} is given twice"
            yield Finding("VR304", name_loc, message, "rename one of the two")
        seen.add(entry.name)
        length = len(chain_id) + len(entry.name)
        if length > LONGEST_CHAIN_NAMES:
            message = (
                f"{format_path(name_loc)} and spec.chain.chainId are {length} characters together, at most {LONGEST_CHAIN_NAMES} fit: "
                f"Kubernetes bounds the names that are made of them"
            )
            yield Finding("VR305", name_loc, message, f"shorten one of the two by {length - LONGEST_CHAIN_NAMES}")
        if f"image-{entry.name}" == PARAM_IMAGE_WORKLOAD:
            message = (
                f"{format_path(name_loc)} must not be {quote(entry.name)}: the parameter image-workload is the load's"
            )
            yield Finding("VR311", name_loc, message, "give the deployment another name")


@deployment_by_deployment
def roles(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        spec_loc = (*loc, "spec")
        node = entry.spec.template.spec
        if entry.role == "fullNode" and entry.spec.genesis is not None:
            message = f"{format_path((*spec_loc, 'genesis'))} stands on a full node: only validators make the genesis"
            yield Finding("VR306", (*spec_loc, "genesis"), message, "move it to the validator entry", anchor=Anchor.KEY)
        for other in modes_of(node):
            if (other == "validator") == (entry.role == "validator"):
                continue
            block = (*spec_loc, "template", "spec", other)
            message = f"{format_path(block)} does not fit role {entry.role}"
            yield Finding("VR307", block, message, "delete it, or change the role", anchor=Anchor.KEY)


@deployment_by_deployment
def deletion_policy(run: ValidationRun) -> Iterator[Finding]:
    if run.spec.cleanup == "Never":
        return
    for loc, entry in located(run):
        if has_network(run) and entry.role == "fullNode":  # VR328: a SeiNode has no such field.
            continue
        if entry.spec.deletion_policy == "Retain":
            policy = (*loc, "spec", "deletionPolicy")
            message = f"{format_path(policy)} Retain would leave nodes behind that nobody owns"
            yield Finding("VR308", policy, message, "delete it, or set `cleanup: Never`", anchor=Anchor.KEY)


@deployment_by_deployment
def reserved_labels(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        template = (*loc, "spec", "template")
        metadata = entry.spec.template.metadata
        labels, pod_labels = (metadata and metadata.labels) or {}, entry.spec.template.spec.pod_labels or {}
        ours = _fixed_labels(entry, run.spec.chain.api)
        yield from label_findings((*template, "metadata", "labels"), labels, ours)
        yield from label_findings((*template, "spec", "podLabels"), pod_labels, ours)


def _fixed_labels(entry: Deployment, api: ChainApi) -> dict[str, str]:
    """The labels that every run sets to the same value on this deployment's nodes."""
    return {
        LABEL_ROLE: role_label(entry, api),
        LABEL_DEPLOYMENT: entry.name,
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_K8S_MANAGED_BY: MANAGED_BY,
        LABEL_K8S_PART_OF: MANAGED_BY,
        LABEL_K8S_COMPONENT: COMPONENT_CHAIN if entry.role == "validator" else COMPONENT_RPC,
    }


def label_findings(
    loc: Loc, labels: dict[str, str], same: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Finding]:
    """
    A finding for each label that validationrun sets or another controller acts on. Shared with `check.load`.

    Args:
        same: labels that validationrun sets before the run is known; the same value is no finding.
    """
    for key, value in labels.items():
        if same.get(key) == value:  # The user says what validationrun sets anyway.
            continue
        if key in RESERVED_LABELS or key.startswith(RESERVED_LABEL_PREFIXES):
            message = f"{format_path(loc)} must not set {quote(key)}: clean-up and garbage collection depend on it"
            yield Finding("VR309", (*loc, key), message, "use a label of your own", anchor=Anchor.KEY)


@deployment_by_deployment
def overwritten_chain_ids(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        genesis = entry.spec.genesis
        given = (
            ((*loc, "spec", "template", "spec", "chainId"), entry.spec.template.spec.chain_id),
            ((*loc, "spec", "genesis", "chainId"), genesis.chain_id if genesis else None),
        )
        for field, value in given:
            if value is not None:
                message = f"{format_path(field)} is replaced by the run's effective chain id"
                help_ = "delete it; the base id is spec.chain.chainId"
                yield Finding("VR310", field, message, help_, Severity.WARNING, Anchor.KEY)


CHECKS = (
    deployments_or_endpoints,
    one_validator_and_full_nodes,
    names,
    roles,
    deletion_policy,
    reserved_labels,
    overwritten_chain_ids,
)

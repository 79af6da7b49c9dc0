"""
The workload of a spec as processes: the container of the planned Job, filled as Kubernetes would fill it.

Plan and filling are the cluster's own code, so the workload contract has one source.
"""

import pathlib
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.compiling.endpoint_uses import EndpointUse, endpoint_uses
from validationrun.contract import parameters as values
from validationrun.contract.bundle import Bundle
from validationrun.contract.owned_record import Identity
from validationrun.kube import job as kube
from validationrun.kube.env_expansion import expand
from validationrun.local.chain import Chain
from validationrun.local.preflight import LocalError
from validationrun.spec.findings import format_path
from validationrun.spec.v1alpha1 import LoadSpec, ValidationRun

_SHARD_INDEX: Final = "SHARD_INDEX"
_RESULTS_URI: Final = "RESULTS_URI"
_NOT_HERE: Final = ("volumes", "volumeMounts", "securityContext", "nodeSelector", "affinity", "tolerations")
"""Fields of podTemplate that cannot be applied to a process of this machine."""


@dataclass(frozen=True, slots=True)
class Container:
    """
    The workload's container; shards differ only in `SHARD_INDEX`.

    Attributes:
        command: None for the image's own entrypoint.
        environment: names and templates, ours first; a template may refer to earlier variables.
        files: the config files, filled.
        mount_path: the config folder in the container.
        grace_s: time from SIGTERM to SIGKILL.
        user: `uid` or `uid:gid` of the security context; empty when it has none.
        read_only: its root file system is.
    """

    image: str
    command: Sequence[str] | None
    args: Sequence[str]
    environment: Sequence[tuple[str, str]]
    files: Mapping[str, str]
    mount_path: str
    grace_s: float
    user: str = ""
    read_only: bool = False

    def shard(self, index: int, place: Callable[[str], str] = lambda text: text) -> "Shard":
        """
        One shard of the workload.

        Args:
            place: replaces the container's folders by this machine's.
        """
        environment: dict[str, str] = {}
        for name, text in self.environment:
            template = str(index) if name == _SHARD_INDEX else place(text)
            environment[name] = expand(template, environment)
        command = None if self.command is None else [expand(place(word), environment) for word in self.command]
        return Shard(index, command, [expand(place(word), environment) for word in self.args], environment)


@dataclass(frozen=True, slots=True)
class Shard:
    """Command, arguments and environment of one shard, all filled."""

    index: int
    command: Sequence[str] | None
    args: Sequence[str]
    environment: Mapping[str, str]


def container_of(
    run: ValidationRun,
    bundle: Bundle,
    identity: Identity,
    chain: Chain,
    parameters: Mapping[str, str],
    given: Mapping[str, str],
) -> Container:
    """
    Args:
        parameters: as for a submission, already checked.
        given: variables of the command line, which replace the spec's.

    Raises:
        LocalError: the container needs something that only a cluster has.
    """
    filled = {**values.run_values(bundle.plan, identity, chain.chain_id, parameters), **chain.values()}
    images = values.image_replacements(bundle.plan, parameters)
    job = kube.Job(bundle.job(filled, images))
    container = job.container
    load = run.spec.load
    if load is None:
        raise ValueError(f"run {identity.workflow} has no load")
    _refuse_init_containers(load)
    _refuse_unknown_endpoints(load, chain, given)
    _refuse_sources(container, given)
    return Container(
        image=container.image,
        command=container.command,
        args=container.args,
        environment=_environment(container.variables, given),
        files=bundle.config_files(filled),
        mount_path=load.workload.config.mount_path,
        grace_s=conventions.DEFAULT_GRACE_SECONDS if job.grace_seconds is None else job.grace_seconds,
        user=job.user,
        read_only=container.read_only,
    )


def _refuse_init_containers(load: LoadSpec) -> None:
    if load.workload.pod_template.init_containers:
        raise LocalError(
            "spec.load.workload.podTemplate.initContainers do not run on one machine, and without them the workload is not "
            "prepared: do their work by hand, and leave them out here"
        )


def _refuse_unknown_endpoints(load: LoadSpec, chain: Chain, given: Mapping[str, str]) -> None:
    """
    Refuses a spec that uses endpoints of a kind that was not given, and names every such use.

    What a program reads from its environment is seen only where the spec has its text.
    """
    missing = [
        f"{_place(use)}: give --{use.kind} URL"
        for use in endpoint_uses(load)
        if not chain.endpoints[use.kind] and not _replaced(load, use, given)
    ]
    if missing:
        raise LocalError("; ".join(missing))


def _place(use: EndpointUse) -> str:
    *_, parent, name = use.loc
    where = f"config file {name}" if parent == "files" else format_path(use.loc)
    return f"{where} {'uses' if use.certain else 'names'} {use.token}"


def _replaced(load: LoadSpec, use: EndpointUse, given: Mapping[str, str]) -> bool:
    """Whether the text is the value of a variable that the command line gives."""
    *_, field, index, _ = use.loc
    entries = load.workload.env or []
    return field == "env" and isinstance(index, int) and entries[index].name in given


def _refuse_sources(container: kube.Container, given: Mapping[str, str]) -> None:
    if container.has_variables_from:
        raise LocalError(
            "spec.load.workload.envFrom cannot be resolved on one machine: leave it out here, and give its variables "
            "by --env NAME=VALUE"
        )
    # Only our variables, which come first, may have a source.
    for index, variable in enumerate(container.variables[len(conventions.RESERVED_ENV) :]):
        if variable.has_source and variable.name not in given:
            raise LocalError(
                f"spec.load.workload.env[{index}].valueFrom cannot be resolved on one machine: "
                f"give --env {variable.name}=VALUE"
            )


def _environment(variables: Sequence[kube.Variable], given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables in Kubernetes' order. Values of the command line replace the spec's and are taken literally."""
    literal = {name: value.replace("$", "$$") for name, value in given.items()}
    pairs = [(variable.name, literal.pop(variable.name, variable.value)) for variable in variables]
    pairs += literal.items()
    # Empty, because a local run uploads nothing to the bucket.
    return [(name, "" if name == _RESULTS_URI else text) for name, text in pairs]


def placing(folders: Mapping[str, str]) -> Callable[[str], str]:
    """
    A function that replaces the container's folders by this machine's, wherever they begin a path.

    Args:
        folders: by the container's path; a trailing slash does not matter.
    """
    # Longest first, because folders may be nested.
    ordered = sorted(
        ((posixpath.normpath(path), to) for path, to in folders.items()), key=lambda folder: -len(folder[0])
    )
    usable = {path: to for path, to in ordered if path != "/"}
    pattern = re.compile(
        r"(?<![A-Za-z0-9_.-])(?:" + "|".join(re.escape(path) for path in usable) + r")(?![A-Za-z0-9_.-])"
    )
    return lambda text: pattern.sub(lambda match: usable[match[0]], text)


def cluster_only(run: ValidationRun, *, in_container: bool) -> list[str]:
    """The fields of the workload that are not applied on this machine, as named in the spec."""
    load = run.spec.load
    if load is None:
        return []
    pod = load.workload.pod_template.model_dump(by_alias=True, exclude_unset=True)
    # A container gets the user of the security context, which is the part that matters.
    left = [field for field in _NOT_HERE if pod.get(field) and not (in_container and field == "securityContext")]
    fields = [f"podTemplate.{field}" for field in left]
    resources = ["resources"] if load.workload.resources is not None else []
    context = load.workload.security_context
    # Docker is told the user and a read-only root file system; the rest it does by itself, or is told always.
    not_root = context is not None and context.run_as_non_root and context.run_as_user is None
    if context is not None and not in_container:
        resources.append("securityContext")
    elif not_root:
        resources.append("securityContext.runAsNonRoot")
    if load.workload.image_pull_policy is not None:
        resources.append("imagePullPolicy")
    token = ["serviceAccountToken"] if load.workload.service_account_token else []
    return [*fields, *resources, *token]


def write_files(folder: pathlib.Path, files: Mapping[str, str]) -> None:
    """Writes the config files, read-only as in a mounted ConfigMap. Raises OSError."""
    folder.mkdir(mode=0o755)
    for name, text in files.items():
        path = folder / name
        path.write_bytes(text.encode())
        path.chmod(0o444)

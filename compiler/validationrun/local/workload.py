"""
The workload of a spec as processes: the container of the planned Job, with everything that Kubernetes would fill in.

The Job is made by the plan and filled by the same code as in the cluster, so that the contract has one source.
"""

import pathlib
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base import conventions
from validationrun.contract import parameters as values
from validationrun.contract.bundle import Bundle
from validationrun.contract.record import Identity
from validationrun.local.chain import Chain
from validationrun.local.env_expansion import expand
from validationrun.local.preflight import LocalError
from validationrun.spec.v1alpha1 import ValidationRun

_SHARD_INDEX: Final = "SHARD_INDEX"
_RESULTS_URI: Final = "RESULTS_URI"
_NOT_HERE: Final = ("volumes", "volumeMounts", "securityContext", "nodeSelector", "affinity", "tolerations")
"""Fields of podTemplate that a process of this machine cannot be given."""


@dataclass(frozen=True, slots=True)
class Container:
    """
    The workload's container, the same for all shards but for `SHARD_INDEX`.

    Attributes:
        command: None for the image's own entrypoint.
        environment: name and template, ours first; later ones may refer to earlier ones.
        files: of the config folder, filled.
        mount_path: where the container has them.
        grace_s: from SIGTERM to SIGKILL.
        user: `uid` or `uid:gid` of the pod's security context; empty when it has none.
    """

    image: str
    command: Sequence[str] | None
    args: Sequence[str]
    environment: Sequence[tuple[str, str]]
    files: Mapping[str, str]
    mount_path: str
    grace_s: float
    user: str = ""

    def shard(self, index: int, place: Callable[[str], str] = lambda text: text) -> "Shard":
        """
        What one shard is started with.

        Args:
            place: puts this machine's folders in the place of the container's.
        """
        environment: dict[str, str] = {}
        for name, text in self.environment:
            template = str(index) if name == _SHARD_INDEX else place(text)
            environment[name] = expand(template, environment)
        command = None if self.command is None else [expand(place(word), environment) for word in self.command]
        return Shard(index, command, [expand(place(word), environment) for word in self.args], environment)


@dataclass(frozen=True, slots=True)
class Shard:
    """Command, arguments and environment of one shard, nothing left to be filled in."""

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
        parameters: as for a submission, checked.
        given: variables of the command line, which replace the spec's.

    Raises:
        LocalError: something of it only a cluster has.
    """
    _refuse_unknown_lists(bundle, chain)
    filled = {**values.run_values(bundle.plan, identity, chain.chain_id, parameters), **chain.values()}
    images = values.image_replacements(bundle.plan, parameters)
    pod = bundle.job(filled, images)["spec"]["template"]["spec"]
    container = pod["containers"][0]
    _refuse_sources(container, given)
    load = run.spec.load
    if load is None:
        raise ValueError(f"run {identity.workflow} has no load")
    return Container(
        image=container["image"],
        command=container.get("command"),
        args=container.get("args") or [],
        environment=_environment(container["env"], given),
        files=bundle.config_files(filled),
        mount_path=load.workload.config.mount_path,
        grace_s=float(pod.get("terminationGracePeriodSeconds", conventions.DEFAULT_GRACE_SECONDS)),
        user=_user(pod),
    )


def _refuse_unknown_lists(bundle: Bundle, chain: Chain) -> None:
    """A config file that asks for endpoints which nobody named would send its load nowhere."""
    for name, key in bundle.plan.load.config.items() if bundle.plan.load else ():
        for place in bundle.text_places(key):
            kind, ending, _ = place.token[2:-1].partition("Endpoints")
            if ending and not chain.endpoints[kind]:
                raise LocalError(f"config file {name} uses {place.token}: give --{kind} URL")


def _refuse_sources(container: Mapping[str, Any], given: Mapping[str, str]) -> None:
    if container.get("envFrom"):
        raise LocalError(
            "spec.load.workload.envFrom cannot be resolved on one machine: leave it out here, and give its variables "
            "by --env NAME=VALUE"
        )
    # Ours come first, and ours alone may have a source.
    for index, entry in enumerate(container["env"][len(conventions.RESERVED_ENV) :]):
        if "valueFrom" in entry and entry["name"] not in given:
            raise LocalError(
                f"spec.load.workload.env[{index}].valueFrom cannot be resolved on one machine: "
                f"give --env {entry['name']}=VALUE"
            )


def _environment(entries: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> list[tuple[str, str]]:
    """In Kubernetes' order. What the command line gives stands where the spec has it, and is taken as it is."""
    literal = {name: value.replace("$", "$$") for name, value in given.items()}
    pairs = [(entry["name"], literal.pop(entry["name"], str(entry.get("value") or ""))) for entry in entries]
    pairs += literal.items()
    # Nothing of this machine goes to the bucket, and a workload must not think so.
    return [(name, "" if name == _RESULTS_URI else text) for name, text in pairs]


def _user(pod: Mapping[str, Any]) -> str:
    context = pod.get("securityContext") or {}
    if "runAsUser" not in context:
        return ""
    group = context.get("runAsGroup")
    return str(context["runAsUser"]) + ("" if group is None else f":{group}")


def placing(folders: Mapping[str, str]) -> Callable[[str], str]:
    """
    A function that replaces folders of the container by folders of this machine, wherever they begin a path.

    Args:
        folders: by the container's path; a trailing slash counts for nothing.
    """
    # The longest first: one may lie in the other.
    found = sorted(((posixpath.normpath(path), to) for path, to in folders.items()), key=lambda folder: -len(folder[0]))
    usable = {path: to for path, to in found if path != "/"}
    pattern = re.compile(
        r"(?<![A-Za-z0-9_.-])(?:" + "|".join(re.escape(path) for path in usable) + r")(?![A-Za-z0-9_.-])"
    )
    return lambda text: pattern.sub(lambda match: usable[match[0]], text)


def cluster_only(run: ValidationRun, *, in_container: bool) -> list[str]:
    """The fields of the workload that are not applied on this machine, in the spec's words."""
    load = run.spec.load
    if load is None:
        return []
    pod = load.workload.pod_template.model_dump(by_alias=True, exclude_unset=True)
    # A container gets the user of the security context, which is what matters in it.
    left = [field for field in _NOT_HERE if pod.get(field) and not (in_container and field == "securityContext")]
    fields = [f"podTemplate.{field}" for field in left]
    return [*fields, *(["resources"] if load.workload.resources is not None else [])]


def write_files(folder: pathlib.Path, files: Mapping[str, str]) -> None:
    """The config files, as a mounted ConfigMap has them: there to be read. Raises OSError."""
    folder.mkdir(mode=0o755)
    for name, text in files.items():
        path = folder / name
        path.write_bytes(text.encode())
        path.chmod(0o444)

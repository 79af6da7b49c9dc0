"""Checks `spec.load`, and the images of the chain."""

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from validationrun.base.conventions import LOAD_CONTAINER, RESERVED_ENV, RESULT_DIR
from validationrun.compiling.check.chain import label_findings, located
from validationrun.compiling.check.images import image_findings
from validationrun.compiling.check.readable import deployment_by_deployment
from validationrun.compiling.endpoint_uses import containers
from validationrun.spec.findings import Anchor, Finding, Loc, Severity, format_path, quote
from validationrun.spec.v1alpha1 import LoadSpec, ValidationRun, Workload
from validationrun.spec.v1alpha1.kubernetes import VolumeMount
from validationrun.spec.v1alpha1.load import InitContainer

_LOAD: Final[Loc] = ("spec", "load")
_WORKLOAD: Final[Loc] = (*_LOAD, "workload")
_POD: Final[Loc] = (*_WORKLOAD, "podTemplate")
_APP_ARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_OUR_VOLUMES: Final = ("validation-results", "validation-config")
_VALUE_SOURCES: Final = ("field_ref", "resource_field_ref", "config_map_key_ref", "secret_key_ref")
_VOLUME_SOURCES: Final = (
    "config_map", "secret", "empty_dir", "persistent_volume_claim", "projected", "downward_api", "csi", "ephemeral",
)  # fmt: skip


@deployment_by_deployment
def node_images(run: ValidationRun) -> Iterator[Finding]:
    for loc, entry in located(run):
        yield from image_findings((*loc, "spec", "template", "spec", "image"), entry.spec.template.spec.image)


def workload_image(run: ValidationRun) -> Iterator[Finding]:
    if run.spec.load is not None:
        for loc, container in containers(run.spec.load):
            yield from image_findings((*loc, "image"), container.image)


def init_containers(run: ValidationRun) -> Iterator[Finding]:
    if run.spec.load is None:
        return
    loc = (*_POD, "initContainers")
    names = [container.name for container in run.spec.load.workload.pod_template.init_containers or []]
    yield from _duplicates(loc, "name", names)
    for index, name in enumerate(names):
        if name == LOAD_CONTAINER:
            message = f"{format_path((*loc, index, 'name'))} {quote(name)} is the name of the workload's own container"
            yield Finding("VR403", (*loc, index, "name"), message, "rename it")


def load_is_judged(run: ValidationRun) -> Iterator[Finding]:
    if run.spec.load is not None and not run.spec.rules:
        yield Finding(
            "VR408",
            _LOAD,
            "spec.load is judged by its exit code alone: many load generators exit 0 whatever happened",
            "add a rule, for example that the chain's height advances",
            Severity.WARNING,
            Anchor.KEY,
        )


def end_by_signal(run: ValidationRun) -> Iterator[Finding]:
    load = run.spec.load
    if load is not None and load.end_by == "Signal" and load.min_duration is not None:
        message = "spec.load.minDuration says how soon a load may end by itself, and with endBy: Signal it may not"
        yield Finding(
            "VR421", (*_LOAD, "minDuration"), message, "leave minDuration out, or leave endBy out", anchor=Anchor.KEY
        )


def profiles_by_annotation(run: ValidationRun) -> Iterator[Finding]:
    """Kubernetes still reads AppArmor's profile from the annotations that it had before the field."""
    template = run.spec.load.workload.pod_template if run.spec.load is not None else None
    for name, value in ((template.annotations if template is not None else None) or {}).items():
        if name.startswith(_APP_ARMOR) and value == "unconfined":
            loc = (*_POD, "annotations", name)
            message = (
                f"{format_path(loc)} lifts the AppArmor profile of a container, and no field of a spec may do that"
            )
            yield Finding("VR424", loc, message, "leave the annotation out", anchor=Anchor.KEY)


def environment(run: ValidationRun) -> Iterator[Finding]:
    if run.spec.load is not None:
        for loc, container in containers(run.spec.load):
            yield from _environment(loc, container)


def _environment(container_loc: Loc, container: Workload | InitContainer) -> Iterator[Finding]:
    env_loc = (*container_loc, "env")
    yield from _duplicates(env_loc, "name", [entry.name for entry in container.env or []])
    for index, entry in enumerate(container.env or []):
        if entry.name in RESERVED_ENV:
            message = f"{format_path((*env_loc, index, 'name'))} {quote(entry.name)} is set by validationrun itself"
            yield Finding("VR402", (*env_loc, index, "name"), message, "rename it, or use the value that is given")
        if entry.value_from is not None:
            loc = (*env_loc, index, "valueFrom")
            if entry.value is not None:
                yield Finding(
                    "VR413", loc, f"{format_path(loc)} stands beside value", "keep one of the two", anchor=Anchor.KEY
                )
            sources = sum(getattr(entry.value_from, source) is not None for source in _VALUE_SOURCES)
            yield from _exactly_one(loc, sources, "`fieldRef: {fieldPath: metadata.name}`")
    for index, source in enumerate(container.env_from or []):
        prefix = source.prefix or ""
        references = (source.config_map_ref, source.secret_ref)
        loc = (*container_loc, "envFrom", index)
        yield from _exactly_one(loc, sum(reference is not None for reference in references), "`secretRef: {name: ...}`")
        formed = [name for name in RESERVED_ENV if name.startswith(prefix)]
        # Without a prefix any key could be a reserved name, so a warning would appear for every ordinary envFrom.
        if prefix and formed:
            message = f"{format_path((*loc, 'prefix'))} {quote(prefix)} can form {formed[0]}, which is set by validationrun itself"
            yield Finding("VR405", (*loc, "prefix"), message, "use another prefix; ours would win", Severity.WARNING)


def _exactly_one(loc: Loc, count: int, example: str) -> Iterator[Finding]:
    if count != 1:
        message = f"{format_path(loc)} must have exactly one source; it has {count or 'none'}"
        yield Finding("VR413", loc, message, f"give it one, such as {example}")


def _duplicates(loc: Loc, field: str, values: Iterable[str | None]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value is None:
            continue
        if value in seen:
            message = f"{format_path((*loc, index, field))} {quote(value)} is given twice"
            yield Finding("VR403", (*loc, index, field), message, "keep one of the two")
        seen.add(value)


def config_names(run: ValidationRun) -> Iterator[Finding]:
    """A ConfigMap key must not be `.` or begin with `..`, because the kubelet uses such names for its own entries."""
    if run.spec.load is None:
        return
    for name in run.spec.load.workload.config.files:
        if name == "." or name.startswith(".."):
            loc = (*_WORKLOAD, "config", "files", name)
            yield Finding(
                "VR412",
                loc,
                f"{format_path(loc)} cannot be a file's name in a ConfigMap",
                "rename it",
                anchor=Anchor.KEY,
            )


def volumes(run: ValidationRun) -> Iterator[Finding]:
    load = run.spec.load
    if load is None:
        return
    pod = load.workload.pod_template
    loc = (*_POD, "volumes")
    yield from _duplicates(loc, "name", [volume.name for volume in pod.volumes or []])
    for index, volume in enumerate(pod.volumes or []):
        if volume.name in _OUR_VOLUMES:
            message = f"{format_path((*loc, index, 'name'))} {quote(volume.name)} is the name of a volume of validationrun's own"
            yield Finding("VR411", (*loc, index, "name"), message, "rename it")
        sources = sum(getattr(volume, source) is not None for source in _VOLUME_SOURCES) + len(volume.model_extra or {})
        yield from _exactly_one((*loc, index), sources, "`emptyDir: {}`")
    yield from _mounts(load)


def _mounts(load: LoadSpec) -> Iterator[Finding]:
    pod = load.workload.pod_template
    known = {volume.name for volume in pod.volumes or []}
    taken = {RESULT_DIR: "the results folder"}
    config_path = posixpath.normpath(load.workload.config.mount_path)
    if config_path in taken:
        field = (*_WORKLOAD, "config", "mountPath")
        yield Finding("VR411", field, f"{format_path(field)} is {taken[config_path]}", "choose another folder")
    elif load.workload.config.files:
        taken[config_path] = "the config files' folder"
    yield from _mounts_of((*_POD, "volumeMounts"), pod.volume_mounts or [], known, taken)
    for index, container in enumerate(pod.init_containers or []):
        yield from _mounts_of(
            (*_POD, "initContainers", index, "volumeMounts"), container.volume_mounts or [], known, taken
        )


def _mounts_of(
    loc: Loc, mounts: list[VolumeMount], known: Collection[str], reserved: Mapping[str, str]
) -> Iterator[Finding]:
    taken = dict(reserved)
    for index, mount in enumerate(mounts):
        field = (*loc, index, "mountPath")
        path = posixpath.normpath(mount.mount_path)
        if path in taken:
            message = f"{format_path(field)} {quote(mount.mount_path)} is taken by {taken[path]}"
            yield Finding("VR411", field, message, "choose another path")
        taken[path] = "another mount"
        if mount.name not in known:
            message = f"{format_path((*loc, index, 'name'))} {quote(mount.name)} names no entry of podTemplate.volumes"
            yield Finding("VR413", (*loc, index, "name"), message, "add the volume, or fix the name")


def ports(run: ValidationRun) -> Iterator[Finding]:
    if run.spec.load is not None:
        yield from _duplicates(
            (*_WORKLOAD, "ports"), "name", [port.name for port in run.spec.load.workload.ports or []]
        )


def pod_labels(run: ValidationRun) -> Iterator[Finding]:
    if run.spec.load is not None:
        yield from label_findings((*_POD, "labels"), run.spec.load.workload.pod_template.labels or {})


CHECKS = (
    node_images,
    workload_image,
    init_containers,
    load_is_judged,
    end_by_signal,
    profiles_by_annotation,
    environment,
    config_names,
    volumes,
    ports,
    pod_labels,
)

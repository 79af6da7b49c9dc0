"""
The parts of Kubernetes' core/v1 types that a workload may forward, as far as a spec needs them.

Field names and meanings are those of Kubernetes, so that lint reports a wrong name before the API server does.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from validationrun.spec.v1alpha1.types import (
    AbsolutePath,
    DnsLabel,
    DnsSubdomain,
    EnvName,
    EnvPrefix,
    LabelKey,
    Labels,
    Model,
    OnlyFalse,
    OnlyTrue,
    OpenModel,
    Quantity,
)

Port = Annotated[int, Field(ge=1, le=65535)]


ImagePullPolicy = Literal["Always", "IfNotPresent", "Never"]


class KeySelector(Model):
    name: Annotated[DnsSubdomain, Field(description="Name of the Secret or ConfigMap.")]
    key: Annotated[str, Field(min_length=1, description="Key in it.")]
    optional: Annotated[bool | None, Field(description="Start the container even when the key is missing.")] = None


class FieldRef(Model):
    field_path: Annotated[str, Field(min_length=1, description="Path of the pod's field, such as metadata.name.")]
    api_version: Annotated[str | None, Field(description="Version of the pod schema.")] = None


class ResourceFieldRef(Model):
    resource: Annotated[str, Field(min_length=1, description="Such as limits.memory.")]
    container_name: Annotated[str | None, Field(description="The container; default this one.")] = None
    divisor: Annotated[Quantity | None, Field(description="Unit of the value.")] = None


class EnvVarSource(Model):
    field_ref: Annotated[FieldRef | None, Field(description="A field of the pod.")] = None
    resource_field_ref: Annotated[ResourceFieldRef | None, Field(description="A resource of the container.")] = None
    config_map_key_ref: Annotated[KeySelector | None, Field(description="A key of a ConfigMap.")] = None
    secret_key_ref: Annotated[KeySelector | None, Field(description="A key of a Secret.")] = None


class EnvVar(Model):
    name: Annotated[EnvName, Field(description="Name of the variable; the reserved names are ours.")]
    value: Annotated[str | None, Field(description="Its value; $(NAME) refers to a variable before it.")] = None
    value_from: Annotated[EnvVarSource | None, Field(description="Where its value comes from.")] = None


class EnvFromRef(Model):
    name: Annotated[DnsSubdomain, Field(description="Name of the Secret or ConfigMap.")]
    optional: Annotated[bool | None, Field(description="Start the container even when it is missing.")] = None


class EnvFrom(Model):
    prefix: Annotated[EnvPrefix | None, Field(description="Put before each name.")] = None
    config_map_ref: Annotated[EnvFromRef | None, Field(description="All keys of a ConfigMap.")] = None
    secret_ref: Annotated[EnvFromRef | None, Field(description="All keys of a Secret.")] = None


class ResourceClaim(Model):
    name: Annotated[DnsLabel, Field(description="Name of the pod's claim.")]
    request: Annotated[str | None, Field(description="One request of the claim.")] = None


class Resources(Model):
    requests: Annotated[dict[str, Quantity] | None, Field(description="What the scheduler sets aside.")] = None
    limits: Annotated[dict[str, Quantity] | None, Field(description="What the container may use at most.")] = None
    claims: Annotated[list[ResourceClaim] | None, Field(description="Dynamic resource claims.")] = None


class ContainerPort(Model):
    container_port: Annotated[Port, Field(description="Port number in the pod.")]
    name: Annotated[
        str | None,
        Field(min_length=1, max_length=15, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", description="Its name."),
    ] = None
    protocol: Annotated[Literal["TCP", "UDP", "SCTP"] | None, Field(description="Default TCP.")] = None


class Toleration(Model):
    key: Annotated[str | None, Field(description="Taint key; absent matches all with operator Exists.")] = None
    operator: Annotated[Literal["Equal", "Exists", "Lt", "Gt"] | None, Field(description="Default Equal.")] = None
    value: Annotated[str | None, Field(description="Taint value.")] = None
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None, Field(description="Absent matches all effects.")
    ] = None
    toleration_seconds: Annotated[int | None, Field(description="For NoExecute: how long to stay.")] = None


class Requirement(Model):
    key: Annotated[LabelKey, Field(description="Label key.")]
    operator: Annotated[
        Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"], Field(description="How the values are compared.")
    ]
    values: Annotated[list[str] | None, Field(description="Values for In, NotIn, Gt, Lt.")] = None


class LabelSelector(Model):
    match_labels: Annotated[Labels | None, Field(description="Labels that must be equal.")] = None
    match_expressions: Annotated[list[Requirement] | None, Field(description="Further requirements.")] = None


class NodeSelectorTerm(Model):
    match_expressions: Annotated[list[Requirement] | None, Field(description="Requirements on node labels.")] = None
    match_fields: Annotated[list[Requirement] | None, Field(description="Requirements on node fields.")] = None


class NodeSelector(Model):
    node_selector_terms: Annotated[list[NodeSelectorTerm], Field(min_length=1, description="One of these must hold.")]


class PreferredTerm(Model):
    weight: Annotated[int, Field(ge=1, le=100, description="How much it counts.")]
    preference: Annotated[NodeSelectorTerm, Field(description="What is preferred.")]


class NodeAffinity(Model):
    required_during_scheduling_ignored_during_execution: Annotated[
        NodeSelector | None, Field(description="Must hold when the pod is placed.")
    ] = None
    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[PreferredTerm] | None, Field(description="Preferred when the pod is placed.")
    ] = None


class PodAffinityTerm(Model):
    topology_key: Annotated[LabelKey, Field(description="Node label that says what 'together' means.")]
    label_selector: Annotated[LabelSelector | None, Field(description="The other pods.")] = None
    namespaces: Annotated[list[DnsLabel] | None, Field(description="Where the other pods are.")] = None
    namespace_selector: Annotated[LabelSelector | None, Field(description="The same, by label.")] = None
    match_label_keys: Annotated[list[LabelKey] | None, Field(description="Pod labels taken into the selector.")] = None
    mismatch_label_keys: Annotated[list[LabelKey] | None, Field(description="Pod labels that must differ.")] = None


class WeightedPodAffinityTerm(Model):
    weight: Annotated[int, Field(ge=1, le=100, description="How much it counts.")]
    pod_affinity_term: Annotated[PodAffinityTerm, Field(description="What is preferred.")]


class PodAffinity(Model):
    required_during_scheduling_ignored_during_execution: Annotated[
        list[PodAffinityTerm] | None, Field(description="Must hold when the pod is placed.")
    ] = None
    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[WeightedPodAffinityTerm] | None, Field(description="Preferred when the pod is placed.")
    ] = None


class Affinity(Model):
    node_affinity: Annotated[NodeAffinity | None, Field(description="Which nodes.")] = None
    pod_affinity: Annotated[PodAffinity | None, Field(description="Next to which pods.")] = None
    pod_anti_affinity: Annotated[PodAffinity | None, Field(description="Away from which pods.")] = None


class Profile(Model):
    """A seccomp or AppArmor profile. Without Unconfined, which would lift the default that validationrun sets."""

    type: Annotated[Literal["RuntimeDefault", "Localhost"], Field(description="Which profile.")]
    localhost_profile: Annotated[str | None, Field(description="Its name on the node, for Localhost.")] = None


SafeSysctl = Literal[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
]
"""What Kubernetes calls safe: settings of the pod alone, which no other pod of the node feels."""


class Sysctl(Model):
    name: Annotated[
        SafeSysctl, Field(description="Name of the kernel setting; one of those that Kubernetes calls safe.")
    ]
    value: Annotated[str, Field(description="Its value.")]


class PodSecurityContext(Model):
    """Without the fields and values that would loosen what validationrun sets. Which user runs is the image's and the spec's."""

    run_as_user: Annotated[int | None, Field(ge=0, description="User id of the processes.")] = None
    run_as_group: Annotated[int | None, Field(ge=0, description="Group id of the processes.")] = None
    run_as_non_root: Annotated[bool | None, Field(description="Refuse to start as root.")] = None
    fs_group: Annotated[int | None, Field(ge=0, description="Group that owns the volumes.")] = None
    fs_group_change_policy: Annotated[
        Literal["OnRootMismatch", "Always"] | None, Field(description="When ownership is changed.")
    ] = None
    supplemental_groups: Annotated[list[int] | None, Field(description="Further groups.")] = None
    supplemental_groups_policy: Annotated[
        Literal["Merge", "Strict"] | None, Field(description="Whether the image's own groups count, too.")
    ] = None
    seccomp_profile: Annotated[Profile | None, Field(description="System call filter.")] = None
    app_armor_profile: Annotated[Profile | None, Field(description="AppArmor profile.")] = None
    sysctls: Annotated[list[Sysctl] | None, Field(description="Kernel settings of the pod.")] = None


class DroppedCapabilities(Model):
    drop: Annotated[list[Literal["ALL"]] | None, Field(description="All are dropped anyway.")] = None


class DefaultSeccompProfile(Model):
    type: Annotated[Literal["RuntimeDefault"], Field(description="The container runtime's own profile.")]


class ContainerSecurityContext(Model):
    """Without the fields and values that would loosen what validationrun sets."""

    read_only_root_filesystem: Annotated[bool | None, Field(description="Let it write to mounted volumes only.")] = None
    run_as_non_root: Annotated[OnlyTrue | None, Field(description="Refuse to start as root.")] = None
    run_as_user: Annotated[int | None, Field(ge=1, description="User id of the process; not root.")] = None
    run_as_group: Annotated[int | None, Field(ge=1, description="Group id of the process; not root.")] = None
    allow_privilege_escalation: Annotated[OnlyFalse | None, Field(description="False anyway.")] = None
    privileged: Annotated[OnlyFalse | None, Field(description="False anyway.")] = None
    capabilities: Annotated[DroppedCapabilities | None, Field(description="All are dropped anyway.")] = None
    seccomp_profile: Annotated[DefaultSeccompProfile | None, Field(description="System call filter.")] = None


class LocalObjectReference(Model):
    name: Annotated[DnsSubdomain, Field(description="Name of the Secret.")]


class VolumeMount(Model):
    name: Annotated[DnsLabel, Field(description="Name of the volume.")]
    mount_path: Annotated[AbsolutePath, Field(description="Where it appears in the container.")]
    sub_path: Annotated[str | None, Field(description="Path inside the volume.")] = None
    sub_path_expr: Annotated[str | None, Field(description="The same, with $(NAME) expanded.")] = None
    read_only: Annotated[bool | None, Field(description="Default false.")] = None
    recursive_read_only: Annotated[
        Literal["Disabled", "IfPossible", "Enabled"] | None, Field(description="For readOnly mounts.")
    ] = None
    mount_propagation: Annotated[
        Literal["None", "HostToContainer", "Bidirectional"] | None, Field(description="How mounts spread.")
    ] = None


class Volume(OpenModel):
    """A name and exactly one source; the source's own fields are Kubernetes' and are kept as they are."""

    name: Annotated[DnsLabel, Field(description="Name by which volumeMounts refer to it.")]
    config_map: Annotated[dict[str, Any] | None, Field(description="Files from a ConfigMap.")] = None
    secret: Annotated[dict[str, Any] | None, Field(description="Files from a Secret.")] = None
    empty_dir: Annotated[dict[str, Any] | None, Field(description="An empty folder that lives as long as the pod.")] = (
        None
    )
    persistent_volume_claim: Annotated[dict[str, Any] | None, Field(description="A claim of the namespace.")] = None
    projected: Annotated[dict[str, Any] | None, Field(description="Several sources in one folder.")] = None
    downward_api: Annotated[dict[str, Any] | None, Field(alias="downwardAPI", description="Fields of the pod.")] = None
    csi: Annotated[dict[str, Any] | None, Field(description="A CSI driver's inline volume.")] = None
    ephemeral: Annotated[dict[str, Any] | None, Field(description="A claim made for this pod.")] = None

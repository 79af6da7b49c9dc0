"""`spec.load`: the workload that drives the chain."""

from typing import Annotated, Literal

from pydantic import Field

from validationrun.spec.v1alpha1.kubernetes import (
    Affinity,
    ContainerPort,
    ContainerSecurityContext,
    EnvFrom,
    EnvVar,
    ImagePullPolicy,
    LocalObjectReference,
    PodSecurityContext,
    Resources,
    Toleration,
    Volume,
    VolumeMount,
)
from validationrun.spec.v1alpha1.types import (
    AbsolutePath,
    Annotations,
    ConfigKey,
    DnsLabel,
    DnsSubdomain,
    Duration,
    DurationOrZero,
    Image,
    Labels,
    Model,
    WorkloadName,
)

DEFAULT_MOUNT_PATH = "/etc/validation/config/"


class WorkloadConfig(Model):
    files: Annotated[
        dict[ConfigKey, str],
        Field(
            description="File name -> text. ${chainId}, ${rpcEndpoints}, ${evmEndpoints}, ${wsEndpoints}, ${restEndpoints}, "
            "each also with the suffix Json, ${runId} and ${namespace} are replaced; everything else stays byte for byte."
        ),
    ] = {}
    mount_path: Annotated[AbsolutePath, Field(description="Where the files appear in the container.")] = (
        DEFAULT_MOUNT_PATH
    )


class InitContainer(Model):
    """A container that prepares a shard: it ends with 0 before the workload's container starts."""

    name: Annotated[DnsLabel, Field(description="Name of the container.")]
    image: Annotated[Image, Field(description="Its image; a digest is recommended.")]
    image_pull_policy: Annotated[ImagePullPolicy | None, Field(description="When the image is pulled.")] = None
    command: Annotated[list[str] | None, Field(description="Entrypoint; default the image's own.")] = None
    args: Annotated[list[str] | None, Field(description="Arguments; $(NAME) refers to an environment variable.")] = None
    env: Annotated[list[EnvVar] | None, Field(description="Further environment variables, after ours.")] = None
    env_from: Annotated[list[EnvFrom] | None, Field(description="Variables from Secrets and ConfigMaps.")] = None
    resources: Annotated[Resources | None, Field(description="Requests and limits.")] = None
    security_context: Annotated[
        ContainerSecurityContext | None, Field(description="The container's security context; only tighter than ours.")
    ] = None
    volume_mounts: Annotated[
        list[VolumeMount] | None, Field(description="Mounts of podTemplate.volumes in this container.")
    ] = None


class PodTemplate(Model):
    labels: Annotated[Labels | None, Field(description="Further labels of the load's pods.")] = None
    annotations: Annotated[Annotations | None, Field(description="Further annotations of the load's pods.")] = None
    node_selector: Annotated[Labels | None, Field(description="Node labels the pods need.")] = None
    tolerations: Annotated[list[Toleration] | None, Field(description="Taints the pods accept.")] = None
    affinity: Annotated[Affinity | None, Field(description="Where the pods go.")] = None
    security_context: Annotated[PodSecurityContext | None, Field(description="The pods' security context.")] = None
    volumes: Annotated[list[Volume] | None, Field(description="Further volumes.")] = None
    volume_mounts: Annotated[list[VolumeMount] | None, Field(description="Their mounts in the workload.")] = None
    init_containers: Annotated[
        list[InitContainer] | None,
        Field(
            max_length=8,
            description="Containers that run before the workload's, one after the other, with the same environment, config and "
            "results folder. Their time counts to timeouts.loadStart; one that fails counts as exit code 2.",
        ),
    ] = None
    image_pull_secrets: Annotated[list[LocalObjectReference] | None, Field(description="Secrets for the registry.")] = (
        None
    )
    termination_grace_period_seconds: Annotated[
        int | None, Field(ge=1, le=3600, description="Time between SIGTERM and SIGKILL; default 60.")
    ] = None


ExitCode = Annotated[int, Field(ge=1, le=255)]


class ExitCodes(Model):
    failed: Annotated[
        list[ExitCode],
        Field(
            max_length=255,
            description="The codes by which the workload says that an assertion failed, such as 99 for a crossed threshold of "
            "k6. 0 is always passed; any other code is an infrastructure failure.",
        ),
    ] = [1]


class Workload(Model):
    name: Annotated[WorkloadName, Field(description="Name in the results path and in metric labels.")]
    image: Annotated[Image, Field(description="Image of the workload; a digest is recommended.")]
    image_pull_policy: Annotated[ImagePullPolicy | None, Field(description="When the image is pulled.")] = None
    command: Annotated[list[str] | None, Field(description="Entrypoint; default the image's own.")] = None
    args: Annotated[list[str] | None, Field(description="Arguments; $(NAME) refers to an environment variable.")] = None
    env: Annotated[list[EnvVar] | None, Field(description="Further environment variables, after ours.")] = None
    env_from: Annotated[list[EnvFrom] | None, Field(description="Variables from Secrets and ConfigMaps.")] = None
    resources: Annotated[Resources | None, Field(description="Requests and limits.")] = None
    security_context: Annotated[
        ContainerSecurityContext | None, Field(description="The container's security context; only tighter than ours.")
    ] = None
    ports: Annotated[list[ContainerPort] | None, Field(description="Ports, such as one that Prometheus scrapes.")] = (
        None
    )
    service_account_name: Annotated[
        DnsSubdomain | None,
        Field(description="Account of the workload; default {namespace}-runner. Never created by us."),
    ] = None
    exit_codes: Annotated[ExitCodes, Field(description="What the workload's exit codes mean.")] = ExitCodes()
    service_account_token: Annotated[
        bool,
        Field(description="Let the token of the workload's own account into its pods; without it they hold none."),
    ] = False
    config: Annotated[WorkloadConfig, Field(description="Files for the workload.")] = WorkloadConfig()
    pod_template: Annotated[PodTemplate, Field(description="What else the load's pods need.")] = PodTemplate()


class LoadSpec(Model):
    duration: Annotated[Duration, Field(description="How long the load runs, such as 10m.")]
    min_duration: Annotated[
        DurationOrZero | None,
        Field(
            description="A shard that ends with 0 sooner than this makes the run Error LoadEndedEarly. Default 90 % of the "
            "duration; a longer value means the whole duration; 0s for a load that ends when its work is done."
        ),
    ] = None
    end_by: Annotated[
        Literal["Exit", "Signal"],
        Field(
            description="Exit: the workload ends by itself when the duration is over. Signal: it runs until each shard gets SIGTERM "
            "at the end of the duration, and the code that it then ends with counts; a shard that ends with 0 sooner has ended early."
        ),
    ] = "Exit"
    replicas: Annotated[int, Field(ge=1, le=64, description="Number of shards.")] = 1
    workload: Annotated[Workload, Field(description="What runs.")]

"""The options that shape the output, shared by `compile` and `explain`, and checked before anything is built."""

import re
from typing import Annotated, Final

import typer

from validationrun.cli.common import usage_error
from validationrun.conventions import DEFAULT_RUNNER_IMAGE
from validationrun.emit.options import EmitOptions

RunnerImageOption = Annotated[str, typer.Option("--runner-image", help="Default image of the steps.")]
LabelOption = Annotated[
    bool,
    typer.Option(
        "--label/--no-label", help="Let finalize label the Workflow with the verdict (needs access-cluster.yaml)."
    ),
]
ExecutorPatchOption = Annotated[
    bool,
    typer.Option(
        "--executor-patch/--no-executor-patch",
        help="Give Argo's own containers a restricted security context; switch off for init-less pods.",
    ),
]
InstanceIdOption = Annotated[
    str, typer.Option("--instance-id", help="instanceID of the Argo controller.", show_default=False)
]
PriorityClassOption = Annotated[
    str, typer.Option("--priority-class", help="Priority class of the steps.", show_default=False)
]
ClusterDomainOption = Annotated[
    str,
    typer.Option("--cluster-domain", help="Appended to host names where .svc does not resolve.", show_default=False),
]

_DOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def emit_options(
    runner_image: str, *, label: bool, executor_patch: bool, instance_id: str, priority_class: str, cluster_domain: str
) -> EmitOptions:
    """
    The options, once each fits the place it is put in.

    Raises:
        typer.Exit: with 2; the message names the option.
    """
    from validationrun.api.v1alpha1.types import IMAGE_PATTERN

    checks = (
        ("--runner-image", runner_image, re.compile(IMAGE_PATTERN.strip("^$")), "an image reference"),
        ("--instance-id", instance_id, _LABEL_VALUE, "a Kubernetes label value"),
        ("--priority-class", priority_class, _DOMAIN, "a Kubernetes name"),
        ("--cluster-domain", cluster_domain, _DOMAIN, "a domain such as cluster.local"),
    )
    for option, value, pattern, words in checks:
        if value and not pattern.fullmatch(value):
            raise usage_error(f"{option} must be {words}; got {value!r}")
    return EmitOptions(
        runner_image=runner_image or DEFAULT_RUNNER_IMAGE,
        label=label,
        executor_patch=executor_patch,
        instance_id=instance_id,
        priority_class=priority_class,
        cluster_domain=cluster_domain,
    )

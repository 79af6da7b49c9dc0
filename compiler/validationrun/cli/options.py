"""The options that shape the output, shared by `compile` and `explain`, and checked before anything is built."""

import re
from typing import Annotated, Final

import typer

from validationrun.base.conventions import DEFAULT_RUNNER_IMAGE, PROMETHEUS_FILES
from validationrun.cli.console import usage_error
from validationrun.compiling.emit.options import EmitOptions

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

SettleOption = Annotated[
    str,
    typer.Option(
        "--settle",
        help="Delay each query by this long so that late samples are included; at most 60s, default 5s.",
        show_default=False,
    ),
]
PrometheusSecretOption = Annotated[
    str,
    typer.Option(
        "--prometheus-secret",
        metavar="NAME[:KEY,...]",
        help="Secret that ensure-chain and the evaluator mount to reach Prometheus, and which of token, ca.crt and headers it has; "
        "without keys: token.",
        show_default=False,
    ),
]

_DOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SECRET_KEYS: Final = tuple(PROMETHEUS_FILES.values())
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def emit_options(
    runner_image: str,
    *,
    label: bool = True,
    executor_patch: bool = True,
    instance_id: str = "",
    priority_class: str = "",
    cluster_domain: str = "",
    settle: str = "",
    prometheus_secret: str = "",
) -> EmitOptions:
    """
    The options, once each fits the place it is put in.

    Raises:
        typer.Exit: with 2; the message names the option.
    """
    from validationrun.base.conventions import IMAGE_PATTERN

    checks = (
        ("--runner-image", runner_image, re.compile(IMAGE_PATTERN.strip("^$")), "an image reference"),
        ("--instance-id", instance_id, _LABEL_VALUE, "a Kubernetes label value"),
        ("--priority-class", priority_class, _DOMAIN, "a Kubernetes name"),
        ("--cluster-domain", cluster_domain, _DOMAIN, "a domain such as cluster.local"),
    )
    for option, value, pattern, words in checks:
        if value and not pattern.fullmatch(value):
            raise usage_error(f"{option} must be {words}; got {value!r}")
    secret, keys = _secret(prometheus_secret)
    return EmitOptions(
        runner_image=runner_image or DEFAULT_RUNNER_IMAGE,
        label=label,
        executor_patch=executor_patch,
        instance_id=instance_id,
        priority_class=priority_class,
        cluster_domain=cluster_domain,
        settle_s=settle_seconds(settle),
        prometheus_secret=secret,
        prometheus_keys=keys,
    )


def settle_seconds(text: str) -> int | None:
    """The value of --settle, or None for an empty one. Raises typer.Exit with 2."""
    from validationrun.base.durations import parse_settle

    try:
        return parse_settle(text) if text else None
    except ValueError as error:
        raise usage_error(f"--settle {error}") from None


def _secret(text: str) -> tuple[str, tuple[str, ...]]:
    if not text:
        return "", ()
    name, separator, rest = text.partition(":")
    keys = tuple(rest.split(",")) if separator else (_SECRET_KEYS[0],)
    if not _DOMAIN.fullmatch(name):
        raise usage_error(f"--prometheus-secret must begin with a Kubernetes name; got {name!r}")
    if not set(keys) <= set(_SECRET_KEYS):
        raise usage_error(f"--prometheus-secret: the keys are {', '.join(_SECRET_KEYS)}; got {rest!r}")
    return name, keys

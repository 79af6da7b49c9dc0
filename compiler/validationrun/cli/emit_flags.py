"""The options that shape what is compiled: one declaration for every verb that compiles."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from validationrun.base.conventions import (
    DEFAULT_PROMETHEUS_URL,
    DEFAULT_RUNNER_IMAGE,
    IMAGE_PATTERN,
    LOCK_ALL,
    OBJECT_NAME_PATTERN,
    PARAM_CHAIN_ID,
    PARAM_DURATION,
    PARAM_IMAGE_PREFIX,
    PARAM_IMAGE_WORKLOAD,
    PARAM_PROMETHEUS_URL,
    PARAM_RUNNER_IMAGE,
    PROMETHEUS_FILES,
)
from validationrun.cli.console import usage_error
from validationrun.compiling.emit.options import EmitOptions

LabelOption = Annotated[
    bool,
    typer.Option(
        "--label/--no-label", help="Let finalize label the Workflow with the verdict (needs access-cluster.yaml)."
    ),
]

_PARAMETERS: Final = (
    PARAM_CHAIN_ID, PARAM_DURATION, PARAM_IMAGE_WORKLOAD, PARAM_PROMETHEUS_URL, PARAM_RUNNER_IMAGE, LOCK_ALL,
)  # fmt: skip
_IMAGE_PARAMETER: Final = re.compile(f"{PARAM_IMAGE_PREFIX}[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DOMAIN: Final = re.compile(OBJECT_NAME_PATTERN)
_SECRET_KEYS: Final = tuple(PROMETHEUS_FILES.values())
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class EmitFlags:
    """A group of options; see `option_groups`. A new one is a field here and one of EmitOptions."""

    runner_image: Annotated[str, typer.Option("--runner-image", help="Image of the steps.")] = DEFAULT_RUNNER_IMAGE
    label: LabelOption = True
    executor_patch: Annotated[
        bool,
        typer.Option(
            "--executor-patch/--no-executor-patch",
            help="Give Argo's own containers a restricted security context; switch off for init-less pods.",
        ),
    ] = True
    instance_id: Annotated[
        str, typer.Option("--instance-id", help="instanceID of the Argo controller.", show_default=False)
    ] = ""
    priority_class: Annotated[
        str, typer.Option("--priority-class", help="Priority class of the steps.", show_default=False)
    ] = ""
    cluster_domain: Annotated[
        str,
        typer.Option(
            "--cluster-domain", help="Append this to host names, where .svc alone does not resolve.", show_default=False
        ),
    ] = ""
    settle: Annotated[
        str,
        typer.Option(
            "--settle",
            help="Delay each query by this long so that late samples are included; at most 60s, default 5s.",
            show_default=False,
        ),
    ] = ""
    prometheus_secret: Annotated[
        str,
        typer.Option(
            "--prometheus-secret",
            metavar="NAME[:KEY,...]",
            help="Secret with the credentials for Prometheus, and which of the keys token, ca.crt and headers it has; "
            "without keys: token. ensure-chain and rule-evaluator mount it.",
            show_default=False,
        ),
    ] = ""

    prometheus_url: Annotated[
        str,
        typer.Option(
            "--prometheus-url",
            metavar="URL",
            help="Prometheus that the steps ask; parameters in it (?namespace=...) go with every request. "
            "Only its server gets what --prometheus-secret holds.",
        ),
    ] = DEFAULT_PROMETHEUS_URL
    lock: Annotated[
        list[str] | None,
        typer.Option(
            "--lock",
            metavar="NAME,...|all",
            help="Leave these parameters out of the template, so that no submission can change them; repeatable.",
            show_default=False,
        ),
    ] = None

    def checked(self) -> EmitOptions:
        """
        The options, once each fits the place it is put in.

        Raises:
            typer.Exit: with 2; the message names the option.
        """
        checks = (
            ("--runner-image", self.runner_image, re.compile(IMAGE_PATTERN.strip("^$")), "an image reference"),
            ("--instance-id", self.instance_id, _LABEL_VALUE, "a Kubernetes label value"),
            ("--priority-class", self.priority_class, _DOMAIN, "a Kubernetes name"),
            ("--cluster-domain", self.cluster_domain, _DOMAIN, "a domain such as cluster.local"),
        )
        for option, value, pattern, kind in checks:
            if value and not pattern.fullmatch(value):
                raise usage_error(f"{option} must be {kind}; got {value!r}")
        secret, keys = _secret(self.prometheus_secret)
        return EmitOptions(
            runner_image=self.runner_image or DEFAULT_RUNNER_IMAGE,
            label=self.label,
            executor_patch=self.executor_patch,
            instance_id=self.instance_id,
            priority_class=self.priority_class,
            cluster_domain=self.cluster_domain,
            settle_s=settle_seconds(self.settle),
            prometheus_secret=secret,
            prometheus_keys=keys,
            prometheus_url=_prometheus_url(self.prometheus_url),
            lock=_locked(self.lock or []),
        )


def _prometheus_url(text: str) -> str:
    from validationrun.base.http import split_url
    from validationrun.contract.parameters import url_problem
    from validationrun.oracle.prometheus_url import server_of

    if (problem := url_problem(text)) is not None:
        raise usage_error(f"--prometheus-url {problem}")
    try:
        split_url(server_of(text))
    except ValueError:
        raise usage_error(f"--prometheus-url must name a server, such as {DEFAULT_PROMETHEUS_URL}") from None
    return text if "?" in text else text.rstrip("/")


def _locked(given: list[str]) -> tuple[str, ...]:
    names = [name.strip() for text in given for name in text.split(",")]
    for name in names:
        if name not in _PARAMETERS and not _IMAGE_PARAMETER.fullmatch(name):
            known = ", ".join(_PARAMETERS)
            raise usage_error(f"--lock: there is no parameter {name!r}; there are {known} and image-<deployment>")
    return tuple(dict.fromkeys(names))


def refuse_unknown_locks(options: EmitOptions, locked: Iterable[str]) -> None:
    """
    Refuses a name of --lock that no run has: a misspelt name would leave the parameter open.

    Args:
        locked: the names that were locked, of all runs.

    Raises:
        typer.Exit: with 2.
    """
    unknown = set(options.lock) - set(locked) - {LOCK_ALL}
    if unknown:
        raise usage_error(f"--lock: no run has the parameter {', '.join(sorted(unknown))}; nothing was written")


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

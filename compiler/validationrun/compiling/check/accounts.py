"""Checks that the workload has no account but its own, and no token that the spec does not allow."""

from collections.abc import Iterator
from typing import Any, Final

from validationrun.contract.accounts import accounts_of
from validationrun.spec.findings import Anchor, Finding, Loc, format_path
from validationrun.spec.v1alpha1 import ValidationRun

_WORKLOAD: Final[Loc] = ("spec", "load", "workload")
_IDENTITY_SOURCES: Final = ("serviceAccountToken", "podCertificate")
"""Sources of a projected volume by which a process calls an API server as the pod's account."""


def three_accounts(run: ValidationRun) -> Iterator[Finding]:
    """A workload with the account of the steps or of finalize could write its own verdict."""
    load, namespace = run.spec.load, run.metadata.namespace
    if load is None or namespace is None:
        return
    accounts = accounts_of(run.spec, namespace)
    for account, runs in ((accounts.steps, "the steps"), (accounts.finalize, "finalize")):
        if accounts.workload != account:
            continue
        if load.workload.service_account_name is not None:
            loc: Loc = (*_WORKLOAD, "serviceAccountName")
            message = f"{format_path(loc)} {account} is the account of {runs}: the workload could write its own verdict"
            help_ = f"give the workload an account of its own; the default is {namespace}-runner"
        else:
            loc = ("spec", "serviceAccountName")
            message = f"{format_path(loc)} {account} is the account of the workload, which could write its own verdict"
            help_ = f"give the steps an account of their own; the default is {namespace}-validation"
        yield Finding("VR410", loc, message, help_)


def tokens(run: ValidationRun) -> Iterator[Finding]:
    """A pod's projected token, whatever its audience, is that of the pod's account."""
    load = run.spec.load
    if load is None or load.workload.service_account_token:
        return
    for index, volume in enumerate(load.workload.pod_template.volumes or []):
        sources: Any = (volume.projected or {}).get("sources")
        for number, source in enumerate(sources if isinstance(sources, list) else ()):
            for kind in _IDENTITY_SOURCES:
                if isinstance(source, dict) and kind in source:
                    loc = (*_WORKLOAD, "podTemplate", "volumes", index, "projected", "sources", number, kind)
                    message = f"{format_path(loc)} lets the identity of the workload's account into its pods"
                    help_ = "leave it out, or say `serviceAccountToken: true` in spec.load.workload"
                    yield Finding("VR420", loc, message, help_, anchor=Anchor.KEY)


CHECKS = (three_accounts, tokens)

"""The names of the three accounts of a run. Their tenant owns them; none is ever created here."""

from validationrun.contract.plan_json import Accounts
from validationrun.spec.v1alpha1 import LoadSpec, ValidationRunSpec


def accounts_of(spec: ValidationRunSpec, namespace: str) -> Accounts:
    """The accounts of the steps, of finalize and of the workload, as the spec names them or by default."""
    steps = spec.service_account_name or f"{namespace}-validation"
    workload = workload_account(spec.load, namespace) if spec.load is not None else None
    return Accounts(steps=steps, finalize=f"{steps}-finalize", workload=workload)


def workload_account(load: LoadSpec, namespace: str) -> str:
    return load.workload.service_account_name or f"{namespace}-runner"


def suite_account(service_account_name: str | None, namespace: str) -> str:
    """The account of a suite's own steps. Never that of a member's steps, because it may create Workflows."""
    return f"{service_account_name or f'{namespace}-validation'}-suite"

"""Accounts and tokens: the sides on which the checks stay silent."""

from typing import Any

from emit_helpers import edited, full_run
from validationrun.compiling.check import accounts
from validationrun.spec.v1alpha1 import ValidationRun


def codes(edit: Any) -> list[str]:
    run = ValidationRun.model_validate(edited(edit, full_run))
    return [finding.code for find in accounts.CHECKS for finding in find(run)]


def with_volume(source: Any, **workload: Any) -> Any:
    def edit(run: dict[str, Any]) -> None:
        volumes = [{"name": "identity", "projected": {"sources": source}}]
        run["spec"]["load"]["workload"].update(podTemplate={"volumes": volumes}, **workload)

    return edit


def test_three_different_accounts_are_fine() -> None:
    assert codes(lambda run: None) == []
    assert codes(lambda run: run["spec"]["load"]["workload"].update(serviceAccountName="eng-ada-validation-load")) == []


def test_a_run_without_load_has_no_workloads_account() -> None:
    def edit(run: dict[str, Any]) -> None:
        del run["spec"]["load"]
        run["spec"]["serviceAccountName"] = "eng-ada-runner"

    assert codes(edit) == []


def test_the_workload_may_have_its_own_token_once_the_spec_says_so() -> None:
    token = [{"serviceAccountToken": {"path": "token", "audience": "vault"}}]
    assert codes(with_volume(token)) == ["VR420"]
    assert codes(with_volume(token, serviceAccountToken=False)) == ["VR420"]
    assert codes(with_volume(token, serviceAccountToken=True)) == []


def test_each_projected_identity_is_a_finding_and_other_sources_are_none() -> None:
    mixed = [{"serviceAccountToken": {"path": "a"}}, {"configMap": {"name": "x"}}, {"podCertificate": {}}]
    assert codes(with_volume(mixed)) == ["VR420", "VR420"]
    assert codes(with_volume([{"configMap": {"name": "x"}}, {"downwardAPI": {}}])) == []


def test_sources_of_a_wrong_type_are_left_to_the_api_server() -> None:
    assert codes(with_volume("token")) == []
    assert codes(with_volume(["token"])) == []

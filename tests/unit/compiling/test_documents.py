"""The words of a finding about what is written inside another document name the fields of the outer one, and nothing else changes."""

from typing import Any

from emit_helpers import as_yaml, rules_only
from validationrun.compiling.documents import outer_finding
from validationrun.compiling.pipeline import lint_all
from validationrun.spec.findings import Finding

WITHIN = ("spec", "runs", 0, "spec")


def suite(**changes: Any) -> bytes:
    run = {**rules_only()["spec"], **changes}
    return as_yaml(
        {
            "apiVersion": "validation.sei.io/v1alpha1",
            "kind": "ValidationSuite",
            "metadata": {"name": "gate", "namespace": "eng-ada"},
            "spec": {"runs": [{"name": "smoke", "spec": run}]},
        }
    )


def outer(message: str, help_: str = "") -> tuple[str, str]:
    found = outer_finding(Finding("VR999", ("spec", "rules", 0), message, help_), WITHIN)
    return found.message, found.help


def test_a_file_that_is_named_spec_keeps_its_name() -> None:
    run = {**rules_only(), "metadata": {"name": "gate-smoke", "namespace": "eng-ada"}}
    (finding,) = lint_all([("spec.yaml", as_yaml(run)), ("suite.yaml", suite())]).diagnostics
    assert (finding.code, finding.path) == ("VR112", "spec.runs[0]")
    assert finding.message == "the name of the run gate-smoke in namespace eng-ada is taken by a run of spec.yaml"


def test_fields_are_named_by_their_place_in_the_whole_file() -> None:
    found = lint_all([("spec.yaml", suite(timeouts={"runDuration": "1s"}))]).diagnostics
    assert found
    assert all(finding.file == "spec.yaml" for finding in found)
    assert all(finding.path.startswith("spec.runs[0].spec.") for finding in found), found
    assert all("spec.timeouts" not in finding.message.replace("spec.runs[0].spec.timeouts", "") for finding in found)


def test_every_path_of_the_message_is_the_outer_one() -> None:
    assert outer("spec.rules[0].until is Cooldown, and there is no spec.cooldown", "see `spec.load`") == (
        "spec.runs[0].spec.rules[0].until is Cooldown, and there is no spec.runs[0].spec.cooldown",
        "see `spec.runs[0].spec.load`",
    )


def test_what_is_no_path_stays() -> None:
    text = 'got "spec.rules" of ./spec.yaml, dir/spec.yaml, my-spec.yaml and chain.spec.image, after "a \\" spec.b"'
    assert outer(text)[0] == text

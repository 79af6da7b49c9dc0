"""A run record that somebody else gave a verdict, or sealed: finalize believes neither."""

import pathlib
from typing import Any

import pytest
from tests.unit.steps.finalize_world import FAILED, World

from record_kit import verdict_status
from runner_helpers import CONFIG_MAPS, IDENTITY, WORKFLOWS, lose_answer_to_seal, read
from validationrun.base import conventions
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.record import Record
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status import run_status
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import InvalidError
from validationrun.steps.context import Context, RunnerError

FORGED = verdict_status("Succeeded", "RunSucceeded", "all rules held")


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    return World(tmp_path)


def stored(world: World) -> dict[str, Any]:
    found = world.cluster.get(CONFIG_MAPS, IDENTITY.record_name)
    assert found is not None
    return found


def seal(world: World) -> None:
    world.cluster.objects[("configmaps", IDENTITY.record_name)]["immutable"] = True


def test_a_sealed_passed_before_the_first_attempt_is_forged(world: World) -> None:
    world.begin().seal(conventions.FINALIZE, FORGED)
    assert world.decide() == ("Error", "RecordForged")
    assert world.label() == "Error"
    assert not world.has_chain


def test_a_sealed_passed_is_believed_by_a_later_attempt(world: World) -> None:
    world.begin().seal(conventions.FINALIZE, FORGED)
    world.attempts = 1
    assert world.decide() == ("Passed", "RunSucceeded")


def test_what_the_first_attempt_found_forged_the_next_one_does_not_believe(world: World) -> None:
    """The first attempt's pod is lost after it decided: the forged result still stands in the sealed data."""
    world.begin().seal(conventions.FINALIZE, FORGED)
    assert world.finalize() == 1
    before = world.status()
    assert world.finalize() == 1
    assert (world.status(), before["reason"]) == (before, "RecordForged")


def test_a_seal_without_a_verdict_is_forged(world: World) -> None:
    world.begin()
    seal(world)
    assert world.decide() == ("Error", "RecordForged")


@pytest.mark.parametrize("attempt", [0, 1, 2])
def test_a_verdict_without_a_seal_is_forged_at_every_attempt(world: World, attempt: int) -> None:
    world.begin().write(conventions.FINALIZE, FORGED)
    world.attempts = attempt
    assert world.decide() == ("Error", "RecordForged")
    assert world.sealed()
    assert "validation.sei.io/result" not in stored(world)["metadata"].get("annotations", {})


def test_forged_evidence_of_the_evaluator_makes_no_other_reason(world: World) -> None:
    """Whoever seals the record early keeps the evaluator from signing off."""
    world.keys.drop(SignOff)
    world.begin()
    seal(world)
    assert world.decide() == ("Error", "RecordForged")


def test_a_rule_that_failed_is_still_what_the_run_failed_by(world: World) -> None:
    world.keys.change(SignOff, rules=[FAILED])
    world.begin().seal(conventions.FINALIZE, FORGED)
    assert world.decide() == ("Failed", "RuleFailed:height")
    assert world.status()["message"].endswith("a sealed verdict Passed stood in the run record before finalize began")


def test_argo_retry_of_a_failed_run_says_its_verdict_again(world: World) -> None:
    world.keys.change(LoadEnd, code=1)
    assert world.decide() == ("Failed", "WorkloadFailed")
    before = world.status()
    world.attempts = 0
    assert world.decide() == ("Failed", "WorkloadFailed")
    assert world.status() == before


def test_a_passed_that_is_written_while_finalize_decides_is_forged(world: World) -> None:
    written = world.begin()
    patch = world.cluster.patch

    def late(resource: Any, name: str, body: Any) -> Any:
        if resource == CONFIG_MAPS and Status.key in (body.get("data") or {}):
            world.cluster.patch = patch  # type: ignore[method-assign]
            written.seal(conventions.FINALIZE, FORGED)
            raise InvalidError("field is immutable when `immutable` is set", 422)
        return patch(resource, name, body)

    world.cluster.patch = late  # type: ignore[method-assign]
    assert world.decide() == ("Error", "RecordForged")


def test_an_answer_that_is_lost_after_the_seal_is_no_forgery(world: World) -> None:
    world.begin()
    lose_answer_to_seal(world.cluster)
    assert world.decide() == ("Passed", "RunSucceeded")


def test_readers_see_what_finalize_said_and_not_the_forged_result(world: World) -> None:
    world.begin().seal(conventions.FINALIZE, FORGED)
    world.finalize()
    workflow = world.cluster.get(WORKFLOWS, IDENTITY.workflow)
    assert workflow is not None
    workflow["status"].update(phase="Failed", finishedAt="2026-11-18T08:10:00Z")
    status = run_status(IDENTITY, workflow, read(world.cluster))
    assert (status.verdict, status.reason) == ("Error", "RecordForged")


@pytest.mark.parametrize("attempt", [0, 1])
def test_a_result_that_stood_beside_the_record_goes_away_with_the_seal(world: World, attempt: int) -> None:
    """Left there, it would be read in place of the sealed verdict, and a good run would end as an Error."""
    world.begin()
    found = world.cluster.objects[("configmaps", IDENTITY.record_name)]
    found["metadata"]["annotations"] = {"validation.sei.io/result": FORGED.to_json(), "kept": "yes"}
    world.attempts = attempt
    assert world.decide() == ("Passed", "RunSucceeded")
    assert stored(world)["metadata"]["annotations"] == {"kept": "yes"}
    world.attempts += 1
    assert world.decide() == ("Passed", "RunSucceeded")


def test_no_other_key_can_be_written_beside_a_seal(world: World) -> None:
    written = world.begin()
    seal(world)
    with pytest.raises(ValueError, match="load is not the result"):
        written.overrule(conventions.LOAD_JOB, Record.read(world.cluster, IDENTITY).need(LoadEnd))  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize(("text", "retries"), [("", 0), ("0", 0), ("2", 2), ("{{retries}}", 0), ("-1", 0)])
def test_the_number_of_attempts_comes_from_the_template(
    monkeypatch: pytest.MonkeyPatch, text: str, retries: int
) -> None:
    monkeypatch.setattr("validationrun.kube.cluster.Cluster.inside", lambda namespace: None)
    environment = {
        "WORKFLOW_NAME": "nightly-x7k2p",
        "WORKFLOW_UID": "uid",
        "WORKFLOW_NAMESPACE": "eng-ada",
        "BUNDLE_HASH": "a" * 64,
        "RETRIES": text,
    }
    assert Context.from_environment("finalize", environment).retries == retries
    with pytest.raises(RunnerError):
        Context.from_environment("finalize", {})

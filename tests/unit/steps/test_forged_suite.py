"""A suite record that somebody else gave a verdict, or sealed; and two attempts of suite-finalize at once."""

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.steps.suite_world import World

from runner_helpers import CONFIG_MAPS, IDENTITY, WORKFLOWS, lose_answer_to_seal
from validationrun.base.times import format_time
from validationrun.contract.suite_record import SuiteStatus
from validationrun.kube.cluster import InvalidError, UnreachableError
from validationrun.kube.objects import Workflow
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.runs.suites import suite_status

pytestmark = pytest.mark.usefixtures("termination_log")

RECORD = ("configmaps", IDENTITY.record_name)
OWN = ("workflows", IDENTITY.workflow)
RESULT = "validation.sei.io/result"


@pytest.fixture
def world(world: World) -> World:
    world.member("first")
    return world


def passed(world: World) -> SuiteStatus:
    """A verdict Passed, as a forger would write it."""
    return SuiteStatus(
        name="release-suite",
        namespace=IDENTITY.namespace,
        run_id=IDENTITY.workflow,
        phase=Phase.SUCCEEDED,
        verdict=Verdict.PASSED,
        reason="AllPassed",
        message="2 of 2 runs passed",
        start_time=None,
        completion_time=format_time(world.clock.now),
        planned=2,
        passed=2,
        members=[],
    )


def forge(world: World) -> None:
    world.written().seal(passed(world))


def annotations(world: World) -> dict[str, str]:
    found: dict[str, str] = world.cluster.objects[RECORD]["metadata"].get("annotations") or {}
    return found


def test_what_the_first_attempt_found_forged_the_next_one_does_not_believe(
    world: World, termination_log: pathlib.Path
) -> None:
    """The first attempt's pod is lost after it decided: the forged result still stands in the sealed data."""
    forge(world)
    assert world.finalize() == 1
    before = world.status()
    assert (before.verdict, before.reason) == ("Error", "RecordForged")
    world.retries = 1
    assert world.finalize() == 1
    assert world.status() == before
    assert termination_log.read_text().startswith("Error: RecordForged: ")


def test_a_seal_without_a_verdict_gets_the_verdict_beside_it(world: World) -> None:
    world.member("second")
    world.cluster.objects[RECORD]["immutable"] = True
    assert world.finalize() == 1
    world.retries = 1
    assert world.finalize() == 1
    assert world.status().reason == "RecordForged"


def test_a_verdict_that_was_not_sealed_is_replaced(world: World) -> None:
    world.rewrite(result=passed(world).to_json())
    assert world.finalize() == 1
    assert world.written().sealed
    assert (world.status().reason, RESULT in annotations(world)) == ("RecordForged", False)


@pytest.mark.parametrize("attempt", [0, 1])
def test_a_passed_beside_a_sealed_verdict_is_forged_at_every_attempt(world: World, attempt: int) -> None:
    """suite-finalize writes there only what it decided of a forged record, and that never passes."""
    forge(world)
    world.cluster.objects[RECORD]["metadata"]["annotations"] = {RESULT: passed(world).to_json()}
    world.retries = attempt
    assert world.finalize() == 1
    assert (world.status().verdict, world.status().reason) == ("Error", "RecordForged")


def test_a_sealed_passed_is_believed_by_a_later_attempt(world: World) -> None:
    forge(world)
    world.retries = 1
    assert world.finalize() == 0


def test_an_annotation_of_a_record_that_is_not_sealed_says_nothing(world: World) -> None:
    world.cluster.objects[RECORD]["metadata"]["annotations"] = {RESULT: passed(world).to_json()}
    assert world.written().result is None
    world.retries = 1
    assert world.finalize() == 1
    assert world.status().reason == "MemberNotPassed:second"


def test_readers_see_what_suite_finalize_said_and_not_the_forged_result(world: World) -> None:
    forge(world)
    world.finalize()
    world.change_own({"status": {"phase": "Succeeded", "finishedAt": format_time(world.clock.now)}})
    found = world.cluster.get(WORKFLOWS, IDENTITY.workflow)
    assert found is not None
    found["metadata"]["namespace"] = IDENTITY.namespace
    status = suite_status(world.cluster, Workflow(found))  # type: ignore[arg-type]
    assert (status.verdict, status.reason) == ("Error", "RecordForged")


def meanwhile(world: World, play: Callable[[], Any]) -> None:
    """Plays right before suite-finalize seals the record, which the API server then refuses."""
    patch = world.cluster.patch

    def late(resource: Any, name: str, body: Any) -> Any:
        if resource == CONFIG_MAPS and "result" in (body.get("data") or {}):
            world.cluster.patch = patch  # type: ignore[method-assign]
            play()
            raise InvalidError("field is immutable when `immutable` is set", 422)
        return patch(resource, name, body)

    world.cluster.patch = late  # type: ignore[method-assign]


def test_the_verdict_of_an_attempt_that_argo_gave_up_stands(world: World, termination_log: pathlib.Path) -> None:
    """Its node was lost, and it still sealed the record."""
    world.member("second")
    world.retries = 1
    theirs = passed(world)
    meanwhile(world, lambda: world.written().seal(theirs))
    assert world.finalize() == 0
    assert world.status() == theirs
    assert termination_log.read_text() == "Passed: AllPassed: 2 of 2 runs passed"
    assert world.cluster.objects[OWN]["metadata"]["labels"]["validation.sei.io/verdict"] == "Passed"


def test_the_attempt_that_argo_gave_up_leaves_the_same_verdict_of_the_next_one_alone(world: World) -> None:
    world.member("second")

    def next_attempt() -> None:
        world.clock.sleep(5)
        world.retries = 1
        assert world.finalize() == 0
        world.retries = 0

    meanwhile(world, next_attempt)
    assert world.finalize() == 0
    assert (world.status().verdict, annotations(world)) == ("Passed", {})


def test_a_failure_that_another_attempt_recorded_stands(world: World) -> None:
    world.member("second")
    failed = replace(passed(world), phase=Phase.FAILED, verdict=Verdict.FAILED, reason="MemberFailed:first")
    meanwhile(world, lambda: world.written().seal(failed))
    assert world.finalize() == 1
    assert world.status() == failed


def test_a_passed_that_is_written_while_suite_finalize_decides_is_forged(world: World) -> None:
    meanwhile(world, lambda: forge(world))
    assert world.finalize() == 1
    assert (world.status().verdict, world.status().reason) == ("Error", "RecordForged")
    assert RESULT in annotations(world)


def test_a_seal_that_comes_while_suite_finalize_decides_is_forged(world: World) -> None:
    world.member("second")
    meanwhile(world, lambda: world.cluster.objects[RECORD].update(immutable=True))
    assert world.finalize() == 1
    assert world.status().reason == "RecordForged"


def test_an_answer_that_is_lost_after_the_seal_is_no_forgery(world: World) -> None:
    world.member("second")
    lose_answer_to_seal(world.cluster)
    assert world.finalize() == 0
    assert (world.status().verdict, annotations(world)) == ("Passed", {})


def test_a_record_that_cannot_be_written_is_a_fault(world: World) -> None:
    world.member("second")
    patch = world.cluster.patch

    def away(resource: Any, name: str, body: Any) -> Any:
        if resource == CONFIG_MAPS and body.get("immutable"):
            raise UnreachableError("connection refused")
        return patch(resource, name, body)

    world.cluster.patch = away  # type: ignore[method-assign]
    with pytest.raises(UnreachableError):
        world.finalize()

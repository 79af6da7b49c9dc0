"""ensure-chain and wait-chain-ready: what they create, in which order, and every way in which a chain does not come up."""

import contextlib
import pathlib
from typing import Any

import pytest
from tests.unit.steps.chain_world import RPC, VALIDATORS, World

from emit_helpers import rules_only
from runner_helpers import CONFIG_MAPS, IDENTITY, START, read
from validationrun.base import conventions
from validationrun.contract import record
from validationrun.contract.chain_entries import ChainEntry, ChainReady, Endpoints
from validationrun.contract.owned_record import RecordError
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import (
    SEI_NODE_DEPLOYMENTS,
    ClusterError,
    ForbiddenError,
    InvalidError,
    Object,
    Resource,
    UnreachableError,
)
from validationrun.steps.probes import Unanswered


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_validators_first_then_the_full_nodes(world: World) -> None:
    result = world.ensure()
    assert result["reason"] is None
    assert result["chainId"] == "base-0f8fad5b"
    assert world.chain_objects() == [f"seinodedeployments/{VALIDATORS}", f"seinodedeployments/{RPC}"]
    made = world.cluster.objects[("seinodedeployments", RPC)]
    assert made["spec"]["template"]["spec"]["chainId"] == "base-0f8fad5b"
    assert made["metadata"]["ownerReferences"] == [IDENTITY.owner()]
    assert world.asked == [f"http://{VALIDATORS}-0-0.{VALIDATORS}-0.eng-ada.svc:26657"]


def test_the_run_keeps_a_copy_of_its_bundle(world: World) -> None:
    world.ensure()
    copied = world.cluster.objects[("configmaps", IDENTITY.bundle_name)]
    assert copied["immutable"] is True
    assert set(copied["data"]) >= {"plan.json", "rules.yaml", "job.yaml"}


def test_no_full_node_before_there_are_blocks(world: World) -> None:
    world.height = 1
    result = world.ensure()
    assert (result["reason"], "height is 1" in result["message"]) == ("ChainNotReady", True)
    assert world.chain_objects() == [f"seinodedeployments/{VALIDATORS}"]
    assert world.clock.now >= START + 20 * 60


def test_a_failed_chain_tells_the_controllers_words(world: World) -> None:
    world.makes_ready = False
    status = {"phase": "Failed", "plan": {"failedTaskDetail": {"error": "the image has no seid"}}}
    world.clock.after(5, lambda: world.cluster.objects[("seinodedeployments", VALIDATORS)].update(status=status))
    result = world.ensure()
    assert (result["reason"], "the image has no seid" in result["message"]) == ("ChainFailed", True)


def test_a_name_that_another_run_has_is_in_use(world: World) -> None:
    world.cluster.put(SEI_NODE_DEPLOYMENTS, {"metadata": {"name": VALIDATORS, "ownerReferences": [{"uid": "other"}]}})
    assert world.ensure()["reason"] == "ChainIdInUse"
    assert world.chain_objects() == []


def test_its_own_objects_are_adopted_after_a_crash(world: World) -> None:
    world.cluster.put(SEI_NODE_DEPLOYMENTS, {"metadata": {"name": VALIDATORS, "ownerReferences": [IDENTITY.owner()]}})
    assert world.ensure()["reason"] is None
    assert world.chain_objects() == [f"seinodedeployments/{RPC}"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidError("spec.replicas: Invalid value", 422, "Invalid"), "ChainSpecInvalid"),
        (ForbiddenError("exceeded quota", 403, "Forbidden"), "ChainApplyFailed"),
    ],
)
def test_a_refusal_of_the_api_server_is_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch, error: ClusterError, reason: str
) -> None:
    create = world.cluster.create

    def refuse(resource: Resource, body: Any, *, dry_run: bool = False) -> Object:
        if resource == SEI_NODE_DEPLOYMENTS:
            raise error
        return create(resource, body, dry_run=dry_run)

    monkeypatch.setattr(world.cluster, "create", refuse)
    result = world.ensure()
    assert (result["reason"], result["message"]) == (reason, str(error))


def test_without_a_bundle(world: World) -> None:
    for path in (world.folder / "bundle").iterdir():
        path.unlink()
    assert world.ensure()["reason"] == "BundleMissing"
    assert world.chain_objects() == []


def test_a_failure_before_the_plan_is_known_is_recorded_in_one_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next attempt, which sees the bundle, would go on with a record of a run that has no load, no rules and no clean-up."""
    bundle, hidden = world.folder / "bundle", world.folder / "hidden"
    bundle.rename(hidden)
    bundle.mkdir()

    def away(*_: object) -> None:
        raise UnreachableError("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(world.cluster, "patch", away)
        with contextlib.suppress(UnreachableError):
            world.ensure()
    bundle.rmdir()
    hidden.rename(bundle)
    assert world.ensure()["reason"] == "BundleMissing"
    assert world.chain_objects() == []


def test_a_record_of_another_plan_is_not_this_runs(world: World) -> None:
    nothing = RunEntry(started_at="2026-11-18T11:06:40Z", bundle_hash=world.digest)
    record.Record.create(world.cluster, IDENTITY, nothing)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="key run is not what"):
        world.ensure()
    assert world.chain_objects() == []


def test_a_bundle_with_another_content(world: World) -> None:
    (world.folder / "bundle" / "plan.json").write_text("{}")
    assert world.ensure()["reason"] == "BundleMissing"


@pytest.mark.parametrize(
    "given",
    [
        {"chain_id": "Not_Legal"},
        {"chain_id": "x" * 60},
        {"duration": "11m"},
        {"duration": "soon"},
        {"image_rpc": "an image"},
        {"prometheus_url": "file:///etc/passwd"},
        {"prometheus_url": "http://x?namespace={{workflow.name}}"},
        {"prometheus_url": "http://x?time=1"},
        {"nonsense": "1"},
    ],
)
def test_parameters_are_checked_before_they_are_used(world: World, given: dict[str, str]) -> None:
    result = world.ensure(**given)
    assert result["reason"] == "ChainSpecInvalid"
    assert next(iter(given)).replace("_", "-") in result["message"]
    assert world.chain_objects() == []


def test_parameters_that_fit(world: World) -> None:
    result = world.ensure(
        chain_id="mine", duration="5m", image_rpc="registry.example.com/seid:v2", prometheus_url="", image_validators=""
    )
    assert result["chainId"] == "mine"
    made = world.cluster.objects[("seinodedeployments", "mine-rpc")]
    assert made["spec"]["template"]["spec"]["image"] == "registry.example.com/seid:v2"
    run = read(world.cluster).need(RunEntry)
    assert run.duration_seconds == 300
    assert run.parameters == {"chain-id": "mine", "duration": "5m", "image-rpc": "registry.example.com/seid:v2"}


def test_a_second_start_does_nothing(world: World) -> None:
    world.ensure()
    before = list(world.cluster.created)
    world.ensure()
    assert world.cluster.created == before


def test_of_two_attempts_side_by_side_the_first_result_stands(world: World) -> None:
    other = ChainEntry("2026-01-01T00:00:00Z", "base-0f8fad5b", Endpoints(rpc=["http://rpc"]))

    def recorded_by_another() -> Any:
        if (found := read(world.cluster)).get(ChainEntry) is None:
            found.write(conventions.ENSURE_CHAIN, other)
        return 7

    world.height = recorded_by_another
    assert world.ensure() == other.to_data()
    ready = ChainReady("2026-01-01T00:00:09Z", deployments=[])

    def ready_by_another() -> Any:
        if (found := read(world.cluster)).get(ChainReady) is None:
            found.write(conventions.WAIT_CHAIN_READY, ready)
        return 7

    world.height = ready_by_another
    assert world.wait() == ready.to_data()


def test_an_existing_chain_is_not_touched(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, monkeypatch, rules_only())
    assert world.ensure()["chainId"] == "pacific-1"
    assert world.chain_objects() == []
    heights = iter(range(100))
    world.height = lambda: next(heights)
    found = world.wait()
    assert found is not None
    assert found["reason"] is None


def test_a_record_of_somebody_else_is_no_record(world: World) -> None:
    world.cluster.put(
        CONFIG_MAPS, {"metadata": {"name": IDENTITY.record_name, "ownerReferences": [{"uid": "other"}]}, "data": {}}
    )
    with pytest.raises(RecordError, match="not owned"):
        world.ensure()


def test_serving_is_a_height_that_moves(world: World) -> None:
    world.ensure()
    heights = iter(range(10, 1000))
    world.height = lambda: next(heights)
    found = world.wait()
    assert found is not None
    assert found["reason"] is None
    assert [one["objectName"] for one in found["deployments"]] == [VALIDATORS, RPC]


@pytest.mark.parametrize(
    ("height", "reason", "words"),
    [
        (12, "ChainNotReady", "height stays at 12"),
        (Unanswered("http://rpc: no connection"), "ChainNotReady", "no connection"),
        (Unanswered("http://rpc: catching up at height 3"), "ChainNotReady", "catching up"),
        (Unanswered("http://rpc: name does not resolve"), "EndpointsNotResolvable", "does not resolve"),
    ],
)
def test_a_chain_that_never_serves(world: World, height: Any, reason: str, words: str) -> None:
    world.ensure()
    world.height = height
    found = world.wait()
    assert found is not None
    assert (found["reason"], words in found["message"]) == (reason, True)


def test_a_full_node_serves_once_its_websocket_accepts_a_connection(world: World) -> None:
    world.ensure()
    heights = iter(range(10, 10_000))
    world.height = lambda: next(heights)
    refused = Unanswered("ws://rpc:8546: no connection: Connection refused")
    asked: list[str] = []

    def look(url: str) -> Unanswered | None:
        asked.append(url)
        return refused if world.clock.now < START + 60 else None

    world.web_socket = look
    found = world.wait()
    assert found is not None
    assert (found["reason"], world.clock.now >= START + 60) == (None, True)
    assert set(asked) == {f"ws://{RPC}-{index}-0.{RPC}-{index}.eng-ada.svc:8546" for index in range(2)}


def test_a_full_node_without_its_websocket_never_serves(world: World) -> None:
    world.ensure()
    heights = iter(range(10, 10_000))
    world.height = lambda: next(heights)
    world.web_socket = lambda url: Unanswered(f"{url}: no WebSocket connection: HTTP 400")
    found = world.wait()
    assert found is not None
    assert (found["reason"], "no WebSocket connection: HTTP 400" in found["message"]) == ("ChainNotReady", True)


def test_of_an_existing_chain_only_a_given_websocket_is_looked_at(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in ([], ["ws://front:8546"]):
        spec = rules_only()
        spec["spec"]["chain"]["endpoints"]["ws"] = given
        world = World(tmp_path, monkeypatch, spec)
        heights = iter(range(10, 1000))
        world.height = lambda heights=heights: next(heights)
        asked: list[str] = []
        world.web_socket = asked.append  # type: ignore[assignment]
        world.ensure()
        world.wait()
        assert asked == given


def test_a_chain_that_fails_while_it_is_waited_for(world: World) -> None:
    world.ensure()
    world.height = 5
    status = {
        "phase": "Failed",
        "conditions": [{"type": "NodesReady", "status": "False", "message": "all nodes failed"}],
    }
    world.clock.after(10, lambda: world.cluster.objects[("seinodedeployments", RPC)].update(status=status))
    found = world.wait()
    assert found is not None
    assert (found["reason"], "all nodes failed" in found["message"]) == ("ChainFailed", True)


def test_after_a_failed_bring_up_there_is_nothing_to_wait_for(world: World) -> None:
    world.height = 1
    world.ensure()
    assert world.wait() is None


def test_an_attempt_that_lives_on_behind_the_verdict_makes_no_more_of_its_chain(world: World) -> None:
    def verdict() -> int:
        world.cluster.objects[("configmaps", IDENTITY.record_name)]["immutable"] = True
        return 7

    world.height = verdict
    with pytest.raises(RecordError, match="key chain is missing"):
        world.ensure()
    assert len(world.chain_objects()) == 1


def test_an_attempt_that_finds_no_bundle_takes_nothing_from_one_that_had_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The committed bundle was pruned meanwhile."""
    good = ChainEntry("2026-01-01T00:00:00Z", "base-0f8fad5b")
    create = world.cluster.create

    def beside(*given: Any) -> Any:
        monkeypatch.setattr(world.cluster, "create", create)
        run = RunEntry(started_at=good.at, bundle_hash=world.digest)
        record.Record.create(world.cluster, IDENTITY, run, good)  # type: ignore[arg-type]
        return create(*given)

    monkeypatch.setattr(world.cluster, "create", beside)
    for file in (world.folder / "bundle").iterdir():
        file.unlink()
    assert world.ensure() == good.to_data()

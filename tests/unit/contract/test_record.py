"""The record: each key has one writer, an unreadable key is an error, and no write comes between a look and the next write."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from record_kit import verdict_status
from runner_helpers import START, FakeCluster, begin, read
from validationrun.base import conventions
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady, DeploymentStatus
from validationrun.contract.evaluation_entries import RuleStates, WindowEntry
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.owned_record import RecordError
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import ConflictError, Object, Resource
from validationrun.oracle.fold import RuleState

NOW = format_time(START)
FIRST, SECOND = (LoadEnd(NOW, "job-uid", code, reason=None, message="") for code in (1, 0))
WINDOW = WindowEntry(NOW)
A, B = RuleState("a"), RuleState("b")


class Interleaved(FakeCluster):
    """Before the next patch arrives, something else happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None

    def patch(self, resource: Resource, name: str, body: Mapping[str, Any]) -> Object | None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return super().patch(resource, name, body)


@pytest.fixture
def cluster() -> Interleaved:
    return Interleaved()


@pytest.fixture
def written(cluster: Interleaved) -> Record:
    return begin(cluster, RunEntry(started_at=NOW))


def test_what_is_written_once_stands_though_it_came_after_the_look(cluster: Interleaved, written: Record) -> None:
    cluster.meanwhile = lambda: read(cluster).write(conventions.LOAD_JOB, FIRST)
    assert not written.add(conventions.LOAD_JOB, SECOND)
    assert read(cluster).get(LoadEnd) == written.get(LoadEnd) == FIRST


def test_another_steps_write_keeps_none_from_being_written(cluster: Interleaved, written: Record) -> None:
    cluster.meanwhile = lambda: read(cluster).write(conventions.RULE_EVALUATOR, WINDOW)
    assert written.add(conventions.LOAD_JOB, SECOND)
    assert read(cluster).get(LoadEnd) == SECOND
    assert read(cluster).get(WindowEntry) == written.get(WindowEntry) == WINDOW


def test_a_change_is_made_of_what_is_there_when_it_is_written(cluster: Interleaved, written: Record) -> None:
    cluster.meanwhile = lambda: read(cluster).write(conventions.RULE_EVALUATOR, RuleStates([A]))

    def more(present: RuleStates | None) -> RuleStates:
        return RuleStates([*(present.rules if present is not None else []), B])

    assert written.change(conventions.RULE_EVALUATOR, RuleStates, more)
    assert read(cluster).get(RuleStates) == RuleStates([A, B])


def test_a_write_whose_answer_was_lost_is_not_another_attempts(cluster: Interleaved, written: Record) -> None:
    """The client sends it again, and the API server refuses the version that its own first try has changed."""

    def lost() -> None:
        FakeCluster.patch(cluster, *sent[0])
        raise ConflictError("the object has been modified", 409, "Conflict")

    sent: list[Any] = []
    patch = cluster.patch

    def note(*arguments: Any) -> Object | None:
        sent.append(arguments)
        return patch(*arguments)

    cluster.patch = note  # type: ignore[method-assign]
    cluster.meanwhile = lost
    assert written.add(conventions.LOAD_JOB, FIRST)
    assert read(cluster).get(LoadEnd) == FIRST
    assert len(sent) == 1


def test_a_verdict_that_came_after_the_look_keeps_all_else_out(cluster: Interleaved, written: Record) -> None:
    cluster.meanwhile = lambda: read(cluster).seal(conventions.FINALIZE, verdict_status("Error", "Unknown"))
    # The API server would refuse the write with 422; the conflict comes first.
    seal = cluster.objects[("configmaps", written.identity.record_name)]
    assert not seal.get("immutable")
    with pytest.raises(AssertionError, match="sealed"):
        written.write(conventions.LOAD_JOB, FIRST)
    assert not written.add(conventions.LOAD_JOB, FIRST)
    assert read(cluster).get(LoadEnd) is None


def test_only_its_own_writer_may_add_a_key(written: Record) -> None:
    with pytest.raises(ValueError, match="rule-evaluator may not write load: load-job does"):
        written.add(conventions.RULE_EVALUATOR, FIRST)


def test_only_its_own_writer_writes_a_key(written: Record) -> None:
    with pytest.raises(ValueError, match="rule-evaluator may not write load: load-job does"):
        written.write(conventions.RULE_EVALUATOR, FIRST)
    written.write(conventions.LOAD_JOB, FIRST)
    assert written.need(LoadEnd) == FIRST


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"code": ', "Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ("{}", "missing required field `at`"),
        (FIRST.to_json().replace('"code": 1', '"code": 137'), r"Invalid enum value 137 - at `\$.code`"),
        (FIRST.to_json().replace(NOW, "yesterday"), r"Expected `str` matching regex .* - at `\$.at`"),
    ],
)
def test_a_key_that_cannot_be_read_is_an_error_and_not_missing(cluster: Interleaved, text: str, problem: str) -> None:
    """As after a release that wrote it in another way."""
    name = begin(cluster, RunEntry(started_at=NOW)).identity.record_name
    cluster.objects[("configmaps", name)]["data"]["load"] = text
    written = read(cluster)
    for look in (written.get, written.need):
        with pytest.raises(RecordError, match=f"ConfigMap {name}: key load cannot be read: LoadEnd: .*{problem}"):
            look(LoadEnd)
    with pytest.raises(RecordError, match="key load cannot be read"):
        written.add(conventions.LOAD_JOB, FIRST)


def test_a_key_that_an_earlier_step_must_have_written(written: Record) -> None:
    with pytest.raises(RecordError, match="key load is missing"):
        written.need(LoadEnd)


def test_a_record_of_before_the_name_of_an_object_said_its_kind_is_readable() -> None:
    deployment = {"name": "rpc", "role": "fullNode", "sndName": "nightly-1f2e-rpc", "phase": "Ready", "image": "seid:1"}
    ready = ChainReady.from_data({"at": NOW, "deployments": [deployment], "reason": None, "message": None})
    assert ready.deployments == [DeploymentStatus("rpc", "fullNode", phase="Ready", image="seid:1")]
    chain = ChainEntry.from_data(
        {"at": NOW, "chainId": "nightly-1f2e", "endpoints": {}, "reason": None, "message": None}
    )
    assert chain.deployments == []

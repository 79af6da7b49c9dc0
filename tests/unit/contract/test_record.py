"""Two attempts of one step at the same record: nothing comes between a look and the write that rests on it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from runner_helpers import FakeCluster, begin, read
from validationrun.contract import record
from validationrun.contract.record import Record
from validationrun.kube.cluster import ConflictError, Object, Resource

FIRST, SECOND = {"code": 1}, {"code": 0}


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
    return begin(cluster, {"load": None})


def test_what_is_written_once_stands_though_it_came_after_the_look(cluster: Interleaved, written: Record) -> None:
    cluster.meanwhile = lambda: read(cluster).write(record.LOAD_JOB, record.LOAD, FIRST)
    assert not written.add(record.LOAD_JOB, record.LOAD, SECOND)
    assert read(cluster).get(record.LOAD) == written.get(record.LOAD) == FIRST


def test_another_steps_write_keeps_none_from_being_written(cluster: Interleaved, written: Record) -> None:
    cluster.meanwhile = lambda: read(cluster).write(record.RULE_EVALUATOR, record.WINDOW, {"start": "x"})
    assert written.add(record.LOAD_JOB, record.LOAD, SECOND)
    assert read(cluster).get(record.LOAD) == SECOND
    assert read(cluster).get(record.WINDOW) == written.get(record.WINDOW) == {"start": "x"}


def test_a_change_is_made_of_what_is_there_when_it_is_written(cluster: Interleaved, written: Record) -> None:
    cluster.meanwhile = lambda: read(cluster).write(record.RULE_EVALUATOR, record.RULES, {"rules": ["a"]})

    def more(there: Object | None) -> Object:
        return {"rules": [*(there or {}).get("rules", []), "b"]}

    assert written.change(record.RULE_EVALUATOR, record.RULES, more)
    assert read(cluster).get(record.RULES) == {"rules": ["a", "b"]}


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
    assert written.add(record.LOAD_JOB, record.LOAD, FIRST)
    assert read(cluster).get(record.LOAD) == FIRST
    assert len(sent) == 1


def test_a_verdict_that_came_after_the_look_keeps_all_else_out(cluster: Interleaved, written: Record) -> None:
    cluster.meanwhile = lambda: read(cluster).write(record.FINALIZE, record.RESULT, {"verdict": "Error"}, seal=True)
    # The API server would refuse the write with 422; the conflict comes first.
    seal = cluster.objects[("configmaps", written.identity.record_name)]
    assert not seal.get("immutable")
    with pytest.raises(AssertionError, match="sealed"):
        written.write(record.LOAD_JOB, record.LOAD, FIRST)
    assert not written.add(record.LOAD_JOB, record.LOAD, FIRST)
    assert read(cluster).get(record.LOAD) is None


def test_only_its_own_writer_may_add_a_key(written: Record) -> None:
    with pytest.raises(ValueError, match="rule-evaluator may not write load: load-job does"):
        written.add(record.RULE_EVALUATOR, record.LOAD, FIRST)

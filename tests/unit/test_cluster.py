"""The client of Kubernetes against an API server that fails; a good one is used in tests/e2e."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from http_helpers import Reply, Request, serving
from validationrun.cluster import (
    CONFIG_MAPS,
    JOBS,
    NAMESPACES,
    AlreadyExistsError,
    Cluster,
    ConflictError,
    ForbiddenError,
    InvalidError,
    UnreachableError,
    owned_by,
)

BODY = {"metadata": {"name": "a"}}


def status(code: int, reason: str, message: str = "words of the API server") -> Reply:
    return Reply(code, json.dumps({"kind": "Status", "reason": reason, "message": message}).encode())


class Server:
    """Replies in turn, the last one for ever."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [Reply(body=b"{}")]
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        self.seen.append(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def cluster(server: Server) -> Iterator[Cluster]:
    with serving(server) as url:
        settings = Configuration()
        settings.host, settings.retries = url, False
        yield Cluster(ApiClient(settings), "eng-ada", patience_s=3, sleep=lambda _: None)


def test_paths(cluster: Cluster, server: Server) -> None:
    cluster.get(CONFIG_MAPS, "a")
    cluster.get(JOBS, "b")
    cluster.get(NAMESPACES, "c")
    cluster.list(JOBS, labels="x=y")
    assert [request.path for request in server.seen] == [
        "/api/v1/namespaces/eng-ada/configmaps/a",
        "/apis/batch/v1/namespaces/eng-ada/jobs/b",
        "/api/v1/namespaces/c",
        "/apis/batch/v1/namespaces/eng-ada/jobs?labelSelector=x%3Dy",
    ]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_fault_of_the_server_is_tried_again(cluster: Cluster, server: Server, code: int) -> None:
    server.replies = [status(code, ""), status(code, ""), Reply(body=json.dumps(BODY).encode())]
    assert cluster.get(CONFIG_MAPS, "a") == BODY


@pytest.mark.filterwarnings("ignore")
def test_after_its_patience_it_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, cluster: Cluster, server: Server
) -> None:
    now = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    server.replies = [status(503, "", "no leader")]
    with pytest.raises(UnreachableError, match="no leader"):
        cluster._send("GET", "/x")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (status(409, "AlreadyExists"), AlreadyExistsError),
        (status(409, "Conflict"), ConflictError),
        (status(403, "Forbidden"), ForbiddenError),
        (status(401, "Unauthorized"), ForbiddenError),
        (status(422, "Invalid"), InvalidError),
        (status(400, "BadRequest"), InvalidError),
    ],
)
def test_errors_are_sorted_by_how_they_are_handled(
    cluster: Cluster, server: Server, reply: Reply, error: type[Exception]
) -> None:
    server.replies = [reply]
    with pytest.raises(error, match="words of the API server"):
        cluster.create(CONFIG_MAPS, BODY)
    assert len(server.seen) == 1


def test_what_is_not_there(cluster: Cluster, server: Server) -> None:
    server.replies = [status(404, "NotFound")]
    assert cluster.get(CONFIG_MAPS, "a") is None
    assert cluster.patch(CONFIG_MAPS, "a", {}) is None
    assert cluster.delete(CONFIG_MAPS, "a") is False
    assert cluster.log("pod", "main", 10) == ""


def test_another_object_of_that_name_is_not_deleted(cluster: Cluster, server: Server) -> None:
    server.replies = [status(409, "Conflict")]
    assert cluster.delete(CONFIG_MAPS, "a", uid="ours") is False
    assert json.loads(server.seen[0].body)["preconditions"] == {"uid": "ours"}


def test_writes_say_who_writes_and_refuse_unknown_fields(cluster: Cluster, server: Server) -> None:
    cluster.create(CONFIG_MAPS, BODY, dry_run=True)
    cluster.apply(CONFIG_MAPS, BODY)
    cluster.patch(CONFIG_MAPS, "a", {"data": {"x": None}})
    create, apply, patch = server.seen
    assert create.path.endswith("?fieldManager=validationrun&fieldValidation=Strict&dryRun=All")
    assert apply.path.endswith("/a?fieldManager=validationrun&fieldValidation=Strict&force=false")
    assert [one.headers["Content-Type"] for one in (create, apply, patch)] == [
        "application/json",
        "application/apply-patch+yaml",
        "application/merge-patch+json",
    ]


@pytest.mark.parametrize(
    ("found", "owned"),
    [({"ownerReferences": [{"uid": "a"}]}, True), ({"ownerReferences": [{"uid": "b"}]}, False), ({}, False)],
)
def test_ownership_is_by_uid(found: dict[str, Any], owned: bool) -> None:
    assert owned_by({"metadata": found}, "a") is owned

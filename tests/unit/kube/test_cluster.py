"""The client of Kubernetes against an API server that fails; a good one is used in tests/e2e."""

import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from kubernetes.client import Configuration

from http_helpers import Reply, Request, serving
from validationrun.kube.api_server import ApiServer
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    JOBS,
    NAMESPACES,
    PODS,
    AlreadyExistsError,
    Cluster,
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NoClusterError,
    UnreachableError,
    WatchLostError,
    owned_by,
)
from validationrun.kube.kubeconfig import KubeconfigAccess

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
        settings.host = url
        yield Cluster(ApiServer(KubeconfigAccess(settings), patience_s=3, sleep=lambda _: None), "eng-ada")


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


@pytest.mark.parametrize(("code", "reason"), [(401, "Unauthorized"), (403, "Forbidden")])
def test_an_api_server_that_was_away_says_no_until_it_has_read_its_roles(
    cluster: Cluster, server: Server, code: int, reason: str
) -> None:
    cluster, answer = cluster.patient(60), Reply(body=json.dumps(BODY).encode())
    server.replies = [status(503, ""), *[status(code, reason)] * 4, answer]
    assert cluster.get(CONFIG_MAPS, "a") == BODY
    server.replies, server.seen[:] = [status(503, ""), status(code, reason)], []
    with pytest.raises(ForbiddenError, match="words of the API server"):
        cluster.get(CONFIG_MAPS, "a")
    assert len(server.seen) == 6


@pytest.mark.filterwarnings("ignore")
def test_after_its_patience_it_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, cluster: Cluster, server: Server
) -> None:
    now = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    server.replies = [status(503, "", "no leader")]
    with pytest.raises(UnreachableError, match="no leader"):
        cluster.get(PODS, "x")


def test_another_managers_field_is_a_conflict(cluster: Cluster, server: Server) -> None:
    server.replies = [status(409, "Conflict")]
    with pytest.raises(ConflictError, match="words of the API server"):
        cluster.apply(CONFIG_MAPS, BODY)
    assert len(server.seen) == 1


def test_two_creations_that_count_against_one_quota_at_once_are_no_conflict(cluster: Cluster, server: Server) -> None:
    server.replies = [status(409, "Conflict"), Reply(201, json.dumps(BODY).encode())]
    assert cluster.create(CONFIG_MAPS, BODY) == BODY


@pytest.mark.parametrize(
    ("found", "error"),
    [
        (Reply(body=json.dumps(BODY).encode()), AlreadyExistsError),
        (status(404, "NotFound"), ForbiddenError),
        (status(403, "Forbidden"), ForbiddenError),
    ],
)
def test_a_quota_that_is_full_of_the_very_object(
    cluster: Cluster, server: Server, found: Reply, error: type[Exception]
) -> None:
    """A quota is asked before the name is."""
    server.replies = [status(403, "Forbidden", 'configmaps "a" is forbidden: exceeded quota: q'), found]
    with pytest.raises(error, match="exceeded quota"):
        cluster.create(CONFIG_MAPS, BODY)
    assert [one.method for one in server.seen] == ["POST", "GET"]


def test_an_answer_that_is_no_json_is_an_error_with_words(cluster: Cluster, server: Server) -> None:
    server.replies = [Reply(body=b"<html>log in first</html>")]
    with pytest.raises(ClusterError, match="no JSON; is there a proxy"):
        cluster.watch(PODS, "1", labels="", seconds=1)
    with pytest.raises(ClusterError, match="no JSON; is there a proxy"):
        cluster.get(CONFIG_MAPS, "a")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (status(409, "AlreadyExists"), AlreadyExistsError),
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


def _events(*events: tuple[str, dict[str, Any]]) -> Reply:
    return Reply(body=b"\n".join(json.dumps({"type": kind, "object": found}).encode() for kind, found in events))


def _pod(name: str, version: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": version}}


def test_a_watch_goes_on_from_the_list(cluster: Cluster, server: Server) -> None:
    listed = {"metadata": {"resourceVersion": "7"}, "items": [_pod("a", "5")]}
    server.replies = [
        Reply(body=json.dumps(listed).encode()),
        _events(("MODIFIED", _pod("a", "8")), ("DELETED", _pod("a", "9")), ("BOOKMARK", _pod("", "12"))),
        Reply(body=b""),
    ]
    assert cluster.list_to_watch(PODS, labels="x=y") == ([_pod("a", "5")], "7")
    assert cluster.watch(PODS, "7", labels="x=y", seconds=1) == ([_pod("a", "8"), _pod("a", "9")], "12")
    assert cluster.watch(PODS, "12", labels="x=y", seconds=1) == ([], "12")
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(server.seen[1].path).query)
    assert asked == {
        "watch": ["true"],
        "allowWatchBookmarks": ["true"],
        "labelSelector": ["x=y"],
        "resourceVersion": ["7"],
        "timeoutSeconds": ["1"],
    }


@pytest.mark.parametrize(
    "reply",
    [status(410, "Expired", "too old"), _events(("ERROR", {"code": 410, "message": "too old"}))],
)
def test_a_watch_from_too_old_a_version_is_lost(cluster: Cluster, server: Server, reply: Reply) -> None:
    server.replies = [reply]
    with pytest.raises(WatchLostError, match="too old") as raised:
        cluster.watch(PODS, "1", labels="", seconds=1)
    assert raised.value.status == 410


class Forgetful:
    """An access whose token cannot be read for a moment, or for ever."""

    def __init__(self, url: str, times: float) -> None:
        self.url, self._times = url, times
        self.pool = urllib3.PoolManager()

    def headers(self) -> dict[str, str]:
        self._times -= 1
        if self._times >= 0:
            raise NoClusterError("not inside a pod with a service account: token: Too many open files")
        return {}


def test_a_token_that_cannot_be_read_for_a_moment_is_a_fault_of_the_world(server: Server) -> None:
    server.replies = [Reply(body=json.dumps(BODY).encode())]
    with serving(server) as url:
        once = ApiServer(Forgetful(url, 1), patience_s=3, sleep=lambda _: None)
        assert Cluster(once, "eng-ada").get(PODS, "a") == BODY
        never = ApiServer(Forgetful(url, float("inf")), patience_s=0, sleep=lambda _: None)
        with pytest.raises(UnreachableError, match="Too many open files"):
            Cluster(never, "eng-ada").get(PODS, "a")

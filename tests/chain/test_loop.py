"""The operator's loop against a few lines of HTTP that stand for the API server: is the client used rightly?"""

import json
import re
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from .operator.loop import Operator, install_crd

Item = dict[str, Any]
LISTED = re.compile(
    r"/(?:api|apis/[^/]+)/v[^/]+(?:/namespaces/(?P<namespace>[^/]+))?/(?P<kind>[a-z]+)(?:/(?P<name>[^/]+))?(?P<sub>/status)?"
)


class Store(ThreadingHTTPServer):
    """Objects by kind, namespace and name; `requests` are the writes, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.items: dict[tuple[str, str, str], Item] = {}
        self.requests: list[str] = []

    def put(self, kind: str, body: Item) -> None:
        metadata = body["metadata"]
        metadata |= {"uid": f"uid-{metadata['name']}", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
        if kind == "customresourcedefinitions":
            body["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        self.items[kind, metadata.get("namespace", ""), metadata["name"]] = body


class Handler(BaseHTTPRequestHandler):
    """Lists, reads, creates, and patches a status; nothing else is asked."""

    server: Store

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _answer(self, code: int, body: object) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def _where(self) -> tuple[str, str, str, dict[str, str]]:
        url = urllib.parse.urlsplit(self.path)
        match = LISTED.fullmatch(url.path)
        assert match, self.path
        query = dict(urllib.parse.parse_qsl(url.query))
        return match["kind"], match["namespace"] or "", match["name"] or "", query

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self) -> None:
        kind, namespace, name, query = self._where()
        if name:
            item = self.server.items.get((kind, namespace, name))
            self._answer(200 if item else 404, item or {"reason": "NotFound"})
            return
        wanted = dict(pair.split("=") for pair in query.get("labelSelector", "").split(",") if pair)
        items = [
            item
            for (one, space, _), item in self.server.items.items()
            if one == kind and namespace in ("", space) and wanted.items() <= item["metadata"].get("labels", {}).items()
        ]
        self._answer(200, {"items": items})

    def do_POST(self) -> None:
        kind, namespace, _, _ = self._where()
        body = self._body()
        name = body["metadata"]["name"]
        if (kind, namespace, name) in self.server.items:
            self._answer(409, {"reason": "AlreadyExists"})
            return
        self.server.put(kind, body)
        self.server.requests.append(f"POST {kind}/{name}")
        self._answer(201, body)

    def do_PATCH(self) -> None:
        kind, namespace, name, _ = self._where()
        assert self.headers["Content-Type"] == "application/json-patch+json"
        (change,) = self._body()
        assert change["path"] == "/status"
        self.server.items[kind, namespace, name]["status"] = change["value"]
        self.server.requests.append(f"PATCH {kind}/{name} {change['value']['phase']}")
        self._answer(200, self.server.items[kind, namespace, name])


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Stands for the chain's program, which needs Go."""
    script = tmp_path / "chain"
    script.write_text('#!/bin/sh\necho "genesis of $3 with $5"\n')
    script.chmod(0o755)
    return script


@pytest.fixture
def api(store: Store) -> Iterator[client.ApiClient]:
    with client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{store.server_port}")) as made:
        yield made


def put_validators(store: Store) -> None:
    template = {"metadata": {}, "spec": {"chainId": "c-1", "image": "i", "validator": {}}}
    spec = {"replicas": 1, "genesis": {"chainId": "c-1"}, "updateStrategy": {"type": "InPlace"}, "template": template}
    store.put("seinodedeployments", {"metadata": {"name": "c-1-val", "namespace": "eng-ada"}, "spec": spec})


def put_pod(store: Store) -> None:
    labels = {"sei.io/nodedeployment": "c-1-val", "sei.io/node": "c-1-val-0"}
    status = {
        "containerStatuses": [
            {"name": "seid", "state": {"running": {}}, "image": "i", "imageID": "", "ready": False, "restartCount": 0}
        ]
    }
    store.put("pods", {"metadata": {"name": "c-1-val-0-0", "namespace": "eng-ada", "labels": labels}, "status": status})


def test_from_object_to_ready(store: Store, api: client.ApiClient, program: Path) -> None:
    install_crd(api)
    install_crd(api)
    put_validators(store)
    said: list[str] = []
    for _ in range(2):
        # A new one each time: nothing may live in its memory.
        Operator(api, program, None, said.append).look()
    put_pod(store)
    for _ in range(3):
        Operator(api, program, "eng-ada", said.append).look()
    assert store.requests == [
        "POST customresourcedefinitions/seinodedeployments.sei.io",
        "POST configmaps/c-1-genesis",
        "PATCH seinodedeployments/c-1-val Pending",
        "POST services/c-1-val-internal",
        "POST services/c-1-val-0",
        "POST statefulsets/c-1-val-0",
        "PATCH seinodedeployments/c-1-val Initializing",
        "PATCH seinodedeployments/c-1-val Ready",
    ]
    assert store.items["configmaps", "eng-ada", "c-1-genesis"]["data"] == {
        "genesis.json": "genesis of c-1 with c-1-val-0\n"
    }
    assert said[-1] == "eng-ada/c-1-val: Ready, 1 of 1 nodes"


def test_a_fault_is_said_once(store: Store, api: client.ApiClient, tmp_path: Path) -> None:
    put_validators(store)
    said: list[str] = []
    operator = Operator(api, tmp_path / "missing", None, said.append)
    operator.look()
    operator.look()
    assert len(said) == 1
    assert "missing" in said[0]

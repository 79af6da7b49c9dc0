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

from .operator.definitions import install_crds
from .operator.loop import Operator

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
        made = {"generation": 1, "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
        metadata |= {"uid": f"uid-{metadata['name']}", **made}
        if kind == "customresourcedefinitions":
            body["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        self.items[kind, metadata.get("namespace", ""), metadata["name"]] = body


class Handler(BaseHTTPRequestHandler):
    """Lists, reads, creates, replaces, patches and deletes; nothing else is asked."""

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

    def do_PUT(self) -> None:
        kind, namespace, name, _ = self._where()
        body = self._body()
        assert body["metadata"]["resourceVersion"] == "1"
        self.server.put(kind, body)
        self.server.requests.append(f"PUT {kind}/{name}")
        self._answer(200, self.server.items[kind, namespace, name])

    def do_PATCH(self) -> None:
        kind, namespace, name, _ = self._where()
        item, patch = self.server.items[kind, namespace, name], self._body()
        if self.headers["Content-Type"] == "application/json-patch+json":
            (change,) = patch
            assert change["path"] == "/status"
            item["status"] = change["value"]
            self.server.requests.append(f"PATCH {kind}/{name} {change['value']['phase']}")
        else:
            assert self.headers["Content-Type"] == "application/merge-patch+json"
            item["metadata"] |= patch.get("metadata", {})
            self.server.requests.append(f"PATCH {kind}/{name} {json.dumps(patch)}")
            if "deletionTimestamp" in item["metadata"] and not item["metadata"]["finalizers"]:
                del self.server.items[kind, namespace, name]
        self._answer(200, item)

    def do_DELETE(self) -> None:
        kind, namespace, name, _ = self._where()
        item = self.server.items.get((kind, namespace, name))
        if item is None:
            self._answer(404, {"reason": "NotFound"})
            return
        self.server.requests.append(f"DELETE {kind}/{name}")
        begin_deletion(self.server, kind, name)
        self._answer(200, item)


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


def put_network(store: Store) -> None:
    spec = {"image": "i", "replicas": 1, "genesis": {"chainId": "c-1"}}
    store.put("seinetworks", {"metadata": {"name": "c-1-val", "namespace": "eng-ada"}, "spec": spec})


def put_full_node(store: Store) -> None:
    peers = [{"label": {"selector": {"sei.io/seinetwork": "c-1-val"}}}]
    spec = {"image": "i", "chainId": "c-1", "fullNode": {}, "peers": peers}
    store.put("seinodes", {"metadata": {"name": "c-1-rpc-0", "namespace": "eng-ada"}, "spec": spec})


def put_pod(store: Store, node: str) -> None:
    labels = {"sei.io/node": node}
    status = {"containerStatuses": [{"name": "seid", "state": {"running": {}}}]}
    store.put("pods", {"metadata": {"name": f"{node}-0", "namespace": "eng-ada", "labels": labels}, "status": status})


def look(api: client.ApiClient, program: Path, times: int, said: list[str] | None = None) -> None:
    """Each time by a new one: nothing may live in its memory."""
    for _ in range(times):
        Operator(api, program, "eng-ada", said.append if said is not None else print).look()


def begin_deletion(store: Store, kind: str, name: str) -> None:
    """As the API server does it while there are finalizers."""
    store.items[kind, "eng-ada", name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:09Z"


def test_from_object_to_ready(store: Store, api: client.ApiClient, program: Path) -> None:
    put_validators(store)
    said: list[str] = []
    look(api, program, 3, said)
    put_pod(store, "c-1-val-0")
    look(api, program, 2, said)
    assert store.requests == [
        "POST services/c-1-val-internal",
        "POST seinodes/c-1-val-0",
        "PATCH seinodedeployments/c-1-val Initializing",
        "POST persistentvolumeclaims/data-c-1-val-0",
        "POST services/c-1-val-0",
        "PATCH seinodes/c-1-val-0 Initializing",
        "POST configmaps/c-1-genesis",
        "PATCH seinodedeployments/c-1-val Initializing",
        "POST statefulsets/c-1-val-0",
        "PATCH seinodes/c-1-val-0 Initializing",
        "PATCH seinodedeployments/c-1-val Initializing",
        "PATCH seinodes/c-1-val-0 Running",
        "PATCH seinodedeployments/c-1-val Ready",
    ]
    genesis = store.items["configmaps", "eng-ada", "c-1-genesis"]
    assert genesis["data"] == {"genesis.json": "genesis of c-1 with c-1-val-0\n"}
    # The kubelet would give its text to the pods of the next chain by this id.
    assert "immutable" not in genesis
    assert said[-1] == "SeiNodeDeployment eng-ada/c-1-val: Ready"


def test_a_network_and_a_full_node(store: Store, api: client.ApiClient, program: Path) -> None:
    put_network(store)
    put_full_node(store)
    look(api, program, 3)
    for node in ("c-1-val-0", "c-1-rpc-0"):
        put_pod(store, node)
    look(api, program, 2)
    assert store.items["seinetworks", "eng-ada", "c-1-val"]["status"]["phase"] == "Ready"
    full_node = store.items["seinodes", "eng-ada", "c-1-rpc-0"]
    assert full_node["status"]["phase"] == "Running"
    assert full_node["metadata"]["finalizers"] == ["sei.io/seinode-finalizer"]
    args = store.items["statefulsets", "eng-ada", "c-1-rpc-0"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--peer=c-1-val-0=c-1-val-0-0.c-1-val-0.eng-ada.svc:26656" in args


def test_a_deleted_network_leaves_its_nodes(store: Store, api: client.ApiClient, program: Path) -> None:
    put_network(store)
    look(api, program, 3)
    begin_deletion(store, "seinetworks", "c-1-val")
    look(api, program, 1)
    assert ("seinetworks", "eng-ada", "c-1-val") not in store.items
    for kind, name in (("seinodes", "c-1-val-0"), ("services", "c-1-val-internal"), ("configmaps", "c-1-genesis")):
        assert not store.items[kind, "eng-ada", name]["metadata"]["ownerReferences"]


def begin_deletion_of_a_served_node(store: Store, api: client.ApiClient, program: Path) -> None:
    """The operator has made what the full node needs, its pod runs, and its deletion begins."""
    put_full_node(store)
    look(api, program, 1)
    put_pod(store, "c-1-rpc-0")
    begin_deletion(store, "seinodes", "c-1-rpc-0")


def test_a_deleted_node_goes_before_its_pod_and_its_volume_after_it(
    store: Store, api: client.ApiClient, program: Path
) -> None:
    begin_deletion_of_a_served_node(store, api, program)
    before = len(store.requests)
    look(api, program, 2)
    assert ("seinodes", "eng-ada", "c-1-rpc-0") not in store.items
    assert store.requests[before:] == [
        "PATCH seinodes/c-1-rpc-0 Terminating",
        "DELETE persistentvolumeclaims/data-c-1-rpc-0",
        'PATCH seinodes/c-1-rpc-0 {"metadata": {"finalizers": []}}',
    ]
    del store.items["pods", "eng-ada", "c-1-rpc-0-0"]
    look(api, program, 1)
    assert ("persistentvolumeclaims", "eng-ada", "data-c-1-rpc-0") not in store.items


def test_a_node_that_comes_before_the_volume_of_another_has_gone_fails(
    store: Store, api: client.ApiClient, program: Path
) -> None:
    begin_deletion_of_a_served_node(store, api, program)
    look(api, program, 1)
    put_full_node(store)
    store.items["seinodes", "eng-ada", "c-1-rpc-0"]["metadata"]["uid"] = "uid-of-a-new-one"
    look(api, program, 1)
    status = store.items["seinodes", "eng-ada", "c-1-rpc-0"]["status"]
    assert (status["phase"], status["plan"]["failedTaskDetail"]["type"]) == ("Failed", "ensure-data-pvc")


def test_an_imported_volume_stays(store: Store, api: client.ApiClient, program: Path) -> None:
    put_full_node(store)
    store.items["seinodes", "eng-ada", "c-1-rpc-0"]["spec"]["dataVolume"] = {"import": {"pvcName": "data-c-1-rpc-0"}}
    store.put("persistentvolumeclaims", {"metadata": {"name": "data-c-1-rpc-0", "namespace": "eng-ada"}})
    look(api, program, 1)
    begin_deletion(store, "seinodes", "c-1-rpc-0")
    look(api, program, 1)
    assert ("seinodes", "eng-ada", "c-1-rpc-0") not in store.items
    assert "deletionTimestamp" not in store.items["persistentvolumeclaims", "eng-ada", "data-c-1-rpc-0"]["metadata"]


def test_definitions_of_another_day_are_replaced_and_real_ones_are_not(store: Store, api: client.ApiClient) -> None:
    real = {"controller-gen.kubebuilder.io/version": "v0.1"}
    store.put("customresourcedefinitions", {"metadata": {"name": "seinetworks.sei.io", "annotations": real}})
    store.put("customresourcedefinitions", {"metadata": {"name": "seinodes.sei.io"}})
    for _ in range(2):
        install_crds(api)
    assert store.requests == [
        "POST customresourcedefinitions/seinodedeployments.sei.io",
        "PUT customresourcedefinitions/seinodes.sei.io",
    ]


def test_a_fault_is_said_once(store: Store, api: client.ApiClient, tmp_path: Path) -> None:
    put_validators(store)
    said: list[str] = []
    operator = Operator(api, tmp_path / "missing", None, said.append)
    for _ in range(4):
        operator.look()
    assert len([line for line in said if "missing" in line]) == 1

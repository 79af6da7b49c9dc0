"""
A fake Kubernetes API server over HTTP: enough for a step that reads and patches its record and lists its load's pods.

It stands in where a step must run as a process of its own, to be killed; what a real API server does is shown by tests/e2e.
"""

import contextlib
import http.server
import json
import pathlib
import re
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field

from runner_helpers import FakeCluster
from validationrun.cluster import AlreadyExistsError, Resource

_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)/(?:namespaces/(?P<ns>[^/]+)/)?(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?$"
)


@dataclass
class FakeApiServer:
    """
    Attributes:
        cluster: what it holds; a test puts in what a run's other steps would have written.
        down: answer 503 to everything.
    """

    cluster: FakeCluster
    url: str = ""
    down: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def kubeconfig(self, path: pathlib.Path) -> pathlib.Path:
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "fake", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }
        path.write_text(json.dumps(document))
        return path


@contextlib.contextmanager
def serving(cluster: FakeCluster) -> Iterator[FakeApiServer]:
    fake = FakeApiServer(cluster)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_PATCH(self) -> None:
            self._answer("PATCH")

        def do_DELETE(self) -> None:
            self._answer("DELETE")

        def _answer(self, method: str) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            with fake.lock:
                status, answer = _handle(fake, method, self.path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            del arguments

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handle(fake: FakeApiServer, method: str, path: str, body: dict) -> tuple[int, dict]:
    split = urllib.parse.urlsplit(path)
    match = _PATH.fullmatch(split.path)
    if fake.down:
        return 503, _status(503, "ServiceUnavailable")
    if match is None:
        return 404, _status(404, "NotFound")
    resource, name = Resource(match["group"] or "", "v1", match["plural"]), match["name"]
    if method == "POST":
        if "generateName" in body["metadata"]:
            body["metadata"]["name"] = f"{body['metadata']['generateName']}new{len(fake.cluster.created)}"
        try:
            return 201, fake.cluster.create(resource, body)
        except AlreadyExistsError:
            return 409, _status(409, "AlreadyExists")
    if method == "GET" and name is None:
        labels = urllib.parse.parse_qs(split.query).get("labelSelector", [""])[0]
        return 200, {"items": fake.cluster.list(resource, labels=labels)}
    if method == "DELETE":
        uid = (body.get("preconditions") or {}).get("uid")
        gone = fake.cluster.delete(resource, name, uid=uid)
        return (200, {"kind": "Status", "status": "Success"}) if gone else (404, _status(404, "NotFound"))
    found = fake.cluster.get(resource, name) if method == "GET" else fake.cluster.patch(resource, name, body)
    return (200, found) if found is not None else (404, _status(404, "NotFound"))


def _status(code: int, reason: str) -> dict:
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason}

"""
A fake Kubernetes API server over HTTP: enough for a step that reads and patches its record and lists its load's pods, and
for the verbs that look after runs.

It stands in where a step must run as a process of its own, to be killed, and for the command line; what a real API server
does is shown by tests/e2e.
"""

import contextlib
import datetime as dt
import http.server
import json
import pathlib
import re
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field

from runner_helpers import START, FakeCluster
from validationrun.kube.cluster import AlreadyExistsError, ConflictError, Resource

_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)/(?:namespaces/(?P<ns>[^/]+)/)?(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+)(?P<log>/log)?)?$"
)
_DISCOVERY = re.compile(r"/apis/(?P<group>[^/]+)/[^/]+$")
_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}


@dataclass
class FakeApiServer:
    """
    Attributes:
        cluster: what it holds; a test puts in what a run's other steps would have written.
        down: answer 503 to everything.
        groups: the API groups that it serves beside its own, each with the plurals of its kinds.
        denied: verb and plural of what the account `jane` may not do; a log is `pods/log`.
        conflicts: plurals of what a GitOps controller owns: an apply of another manager is refused.
        silent: pods whose node is gone: their logs cannot be read.
        lost: how many answers to a create get lost after the object was made.
    """

    cluster: FakeCluster
    url: str = ""
    down: bool = False
    groups: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "argoproj.io": ("workflows", "workflowtemplates", "cronworkflows"),
            "monitoring.coreos.com": ("prometheusrules",),
            "sei.io": ("seinodedeployments",),
        }
    )
    denied: set[tuple[str, str]] = field(default_factory=set)
    conflicts: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    lost: int = 0
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
            content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
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


def _handle(fake: FakeApiServer, method: str, path: str, body: dict) -> tuple[int, dict | str]:
    split = urllib.parse.urlsplit(path)
    query = {key: one[0] for key, one in urllib.parse.parse_qs(split.query).items()}
    match = _PATH.fullmatch(split.path)
    if fake.down:
        return 503, _status(503, "ServiceUnavailable")
    if discovery := _DISCOVERY.fullmatch(split.path):
        kinds = fake.groups.get(discovery["group"])
        # A group that nobody installed is answered in plain text.
        return (
            (404, "404 page not found\n") if kinds is None else (200, {"resources": [{"name": one} for one in kinds]})
        )
    if match is None:
        return 404, _status(404, "NotFound")
    if denied := _denied(fake, method, match):
        # Rights are checked first, also to kinds that nobody installed.
        return 403, denied
    if match["group"] in ("argoproj.io", "monitoring.coreos.com", "sei.io") and match["plural"] not in fake.groups.get(
        match["group"], ()
    ):
        return 404, "404 page not found\n"
    if match["log"]:
        return _log(fake, match["name"], query)
    return _answer(fake, method, match, body, query)


def _answer(fake: FakeApiServer, method: str, match: re.Match[str], body: dict, query: dict) -> tuple[int, dict]:
    resource, name = Resource(match["group"] or "", "v1", match["plural"]), match["name"]
    if method == "POST":
        return _create(fake, resource, body, dry_run="dryRun" in query)
    if method == "GET" and name is None:
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        return 200, {"items": fake.cluster.list(resource, labels=labels, fields=fields)}
    if method == "DELETE":
        uid = (body.get("preconditions") or {}).get("uid")
        gone = fake.cluster.delete(resource, name, uid=uid)
        return (200, {"kind": "Status", "status": "Success"}) if gone else (404, _status(404, "NotFound"))
    if method == "PATCH" and "force" in query:
        return _apply(fake, resource, body, dry_run="dryRun" in query)
    try:
        found = fake.cluster.get(resource, name) if method == "GET" else fake.cluster.patch(resource, name, body)
    except ConflictError:
        return 409, _status(409, "Conflict")
    return (200, found) if found is not None else (404, _status(404, "NotFound"))


def _create(fake: FakeApiServer, resource: Resource, body: dict, *, dry_run: bool) -> tuple[int, dict]:
    if "generateName" in body["metadata"]:
        body["metadata"]["name"] = f"{body['metadata']['generateName']}new{len(fake.cluster.created)}"
    if dry_run:
        there = fake.cluster.get(resource, body["metadata"]["name"]) is not None
        return (409, _status(409, "AlreadyExists")) if there else (201, body)
    try:
        made = fake.cluster.create(resource, body)
    except AlreadyExistsError:
        return 409, _status(409, "AlreadyExists")
    if fake.lost:
        fake.lost -= 1
        return 504, _status(504, "Timeout")
    return 201, made


def _apply(fake: FakeApiServer, resource: Resource, body: dict, *, dry_run: bool) -> tuple[int, dict]:
    if resource.plural in fake.conflicts:
        return 409, _status(409, "Conflict", 'Apply failed with 1 conflict: conflict with "flux": .spec')
    return 200, body if dry_run else fake.cluster.put(resource, body)


def _log(fake: FakeApiServer, pod: str, query: dict) -> tuple[int, str | dict]:
    """Line n of a log was written n seconds after START, unless it says itself when: `12.5|text`."""
    if pod in fake.silent:
        return 500, _status(500, "InternalError", "dial tcp 10.0.0.7:10250: i/o timeout")
    text = fake.cluster.logs.get((pod, query["container"]))
    if text is None:
        return 404, _status(404, "NotFound")
    lines = []
    for number, line in enumerate(text.splitlines()):
        at, bar, words = line.partition("|")
        seconds = float(at) if bar else float(number)
        since = dt.datetime.fromisoformat(query["sinceTime"]).timestamp() // 1 if "sinceTime" in query else 0
        if START + seconds >= since:
            moment = dt.datetime.fromtimestamp(START + seconds, dt.UTC)
            lines.append(f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z {words if bar else line}\n")
    return 200, "".join(lines)


def _denied(fake: FakeApiServer, method: str, match: re.Match[str]) -> dict | None:
    verb = _VERBS.get(method) or ("get" if match["name"] else "list")
    resource = match["plural"] + (match["log"] or "")
    if (verb, resource) not in fake.denied:
        return None
    where = f' in the namespace "{match["ns"]}"' if match["ns"] else " at the cluster scope"
    message = (
        f'{resource} is forbidden: User "jane" cannot {verb} resource "{resource}" in API group '
        f'"{match["group"] or ""}"{where}'
    )
    return _status(403, "Forbidden", message)


def _status(code: int, reason: str, message: str = "") -> dict:
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message or reason}

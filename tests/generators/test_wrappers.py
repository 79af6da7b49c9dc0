"""
The wrappers of k6 and Locust in docs/workload.md, each executed as it stands there, against an EVM endpoint of the test's own.

Both generators take longer to get than `make test` may last, so that `make test-generators` gets them: k6 from its Go module, pinned in
tests/cluster/parts/k6/go.mod, and Locust from PyPI, locked in requirements/locust.txt, in a virtual environment of its own.
"""

import contextlib
import json
import os
import pathlib
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

from local_kit import RPC, Spec, ran
from workload_page import WRAPPERS

GENERATORS: Final = {name: os.environ.get(f"{name.upper()}_BIN") or shutil.which(name) for name in ("k6", "locust")}
HEADINGS: Final = {"k6": "k6", "locust": "Locust"}
CRASHES: Final = {
    "k6": ("script.js", 'throw new Error("a script that cannot begin");'),
    "locust": ("locustfile.py", "import nothing_of_that_name"),
}


class _Endpoint(BaseHTTPRequestHandler):
    """`eth_blockNumber`, or 500 to every call."""

    healthy = True
    calls: Final[list[Any]] = []

    def do_POST(self) -> None:
        self.calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x10"}).encode()
        self.send_response(200 if self.healthy else 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def endpoint(*, healthy: bool) -> Iterator[tuple[str, list[Any]]]:
    """Its URL, and the calls that it got."""
    calls: list[Any] = []
    handler = type("Endpoint", (_Endpoint,), {"healthy": healthy, "calls": calls})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", calls
        server.shutdown()


def of_page(generator: str, url: str, *, crashes: bool = False) -> Spec:
    """The wrapper's load with this machine's program in the place of the image's."""
    found = GENERATORS[generator]
    assert found is not None, f"there is no {generator}: run `make test-generators`"
    workload = {key: value for key, value in WRAPPERS[HEADINGS[generator]]["workload"].items() if key != "image"}
    workload["command"] = [found if word == generator else word for word in workload["command"]]
    if crashes:
        file, text = CRASHES[generator]
        workload["config"] = {"files": {file: text}}
    chain = {"chainId": "toy-1", "endpoints": {"rpc": [RPC], "evm": [url]}}
    return Spec(duration="5s", min_duration=None, grace=20, chain=chain, workload=workload)


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_system_that_answers_passes(tmp_path: pathlib.Path, generator: str) -> None:
    with endpoint(healthy=True) as (url, calls):
        done = ran(of_page(generator, url), tmp_path)
    assert done.verdict == ("Succeeded", "RunSucceeded"), done.err
    assert {call["method"] for call in calls} == {"eth_blockNumber"}


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_system_that_answers_500_is_a_failed_assertion(tmp_path: pathlib.Path, generator: str) -> None:
    with endpoint(healthy=False) as (url, calls):
        done = ran(of_page(generator, url), tmp_path)
    assert done.verdict == ("Failed", "WorkloadFailed"), done.err
    assert calls


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_script_that_crashes_is_no_assertion(tmp_path: pathlib.Path, generator: str) -> None:
    with endpoint(healthy=True) as (url, calls):
        done = ran(of_page(generator, url, crashes=True), tmp_path)
    assert done.verdict == ("Error", "WorkloadInfraFailure"), done.err
    assert not calls

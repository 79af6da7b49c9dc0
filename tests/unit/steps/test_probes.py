"""What a node answers is bounded, and shown without what a terminal would obey."""

import base64
import json
import time

import pytest

from http_helpers import Reply, Request, serving
from validationrun.steps import probes
from validationrun.steps.probes import Unanswered, evm_block_number, is_unresolved, synced_height, websocket_problem


def status(**info: object) -> bytes:
    return json.dumps({"result": {"sync_info": info}}).encode()


def test_a_node_that_serves_has_a_height() -> None:
    with serving(lambda _: Reply(body=status(latest_block_height="7", catching_up=False))) as url:
        assert synced_height(url) == 7
    with serving(lambda _: Reply(body=b'{"result": "0x1f"}')) as url:
        assert evm_block_number(url) == 31


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (status(catching_up=True, latest_block_height="3"), "catching up at height 3"),
        (status(catching_up=True, latest_block_height="\x1b[31m3"), "catching up at height \\x1b[31m3"),
        (status(catching_up=True, latest_block_height=[[["x" * 5000]]]), "catching up at height [[["),
        (status(catching_up=False, latest_block_height="9" * 5000), "/status has no latest_block_height"),
        (status(catching_up=False, latest_block_height="9" * 50), "/status has no latest_block_height"),
        (status(catching_up=False, latest_block_height="-1"), "/status has no latest_block_height"),
        (status(catching_up=False, latest_block_height=True), "/status has no latest_block_height"),
        (status(catching_up=False, latest_block_height=2**63), "/status has no latest_block_height"),
        (status(catching_up=False, latest_block_height=" 7"), "/status has no latest_block_height"),
        (b'{"result": {"sync_info": {"catching_up": false, "latest_block_height": 1e999}}}', "the answer is not JSON"),
        (b'{"result": {"sync_info": {"catching_up": false, "latest_block_height": 1.5}}}', "no latest_block_height"),
        (b'{"result": {}}', "/status has no sync_info"),
        (b"[]", "the answer is no JSON object"),
        (b"[" * 100_000, "the answer is not JSON"),
        (b"1" * 2_000_000, "an answer of more than 1 MiB"),
    ],
)
def test_what_is_no_height_of_a_node_that_serves_says_why(body: bytes, problem: str) -> None:
    with serving(lambda _: Reply(body=body)) as url:
        found = synced_height(url)
    assert isinstance(found, Unanswered)
    assert problem in found
    assert found.isprintable()
    assert len(found) < 300


@pytest.mark.parametrize(
    "result", [f'"0x{"f" * 100_000}"', '"x"', "{}", "null", "1e9", '"1f"', f"{'[' * 300}{']' * 300}"]
)
def test_a_block_number_that_is_none_is_unanswered(result: str) -> None:
    with serving(lambda _: Reply(body=f'{{"result": {result}}}'.encode())) as url:
        found = evm_block_number(url)
    assert isinstance(found, Unanswered)
    assert "eth_blockNumber gave" in found
    assert len(found) < 300


def test_only_a_name_that_does_not_resolve_is_unresolved() -> None:
    assert is_unresolved(str(synced_height("http://nobody.invalid:1")))
    assert not is_unresolved(str(synced_height("http://127.0.0.1:1")))


def test_a_node_that_switches_protocols_accepts_a_websocket_connection() -> None:
    asked: list[Request] = []

    def switch(request: Request) -> Reply:
        asked.append(request)
        return Reply(101, b"", {"Upgrade": "websocket", "Connection": "Upgrade"})

    with serving(switch) as url:
        assert websocket_problem(url.replace("http://", "ws://") + "/evm") is None
        assert websocket_problem(url) is None
    (first, second) = asked
    assert (first.method, first.path, second.path) == ("GET", "/evm", "/")
    assert first.headers["Upgrade"] == "websocket"
    assert first.headers["Connection"] == "Upgrade"
    assert first.headers["Sec-WebSocket-Version"] == "13"
    key = first.headers["Sec-WebSocket-Key"]
    assert len(base64.b64decode(key)) == 16
    assert key != second.headers["Sec-WebSocket-Key"]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(200), "no WebSocket connection: HTTP 200"),
        (Reply(400, b"Bad Request"), "no WebSocket connection: HTTP 400"),
        (Reply(426), "no WebSocket connection: HTTP 426"),
        (Reply(200, b"1" * 2_000_000), "an answer of more than 1 MiB"),
    ],
)
def test_a_node_that_does_not_switch_protocols_says_why(reply: Reply, problem: str) -> None:
    with serving(lambda _: reply) as url:
        found = websocket_problem(url.replace("http://", "ws://"))
    assert isinstance(found, Unanswered)
    assert problem in found


def test_a_websocket_that_nobody_serves_says_why() -> None:
    assert "no connection" in str(websocket_problem("ws://127.0.0.1:1"))
    assert is_unresolved(str(websocket_problem("ws://nobody.invalid:1")))
    assert "not the URL of a server" in str(websocket_problem("ws://127.0.0.1:1/?token=x"))


def test_a_websocket_that_answers_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_TIMEOUT_SECONDS", 0.3)
    with serving(lambda _: Reply(200, b"1" * 1000, pieces=1000, hold=lambda: time.sleep(0.05))) as url:
        began = time.monotonic()
        assert "no whole answer within 0.3s" in str(websocket_problem(url))
        assert time.monotonic() - began < 3

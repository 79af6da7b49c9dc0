"""What a node answers is bounded, and shown without what a terminal would obey."""

import json

import pytest

from http_helpers import Reply, serving
from validationrun.steps.probes import Unanswered, evm_block_number, is_unresolved, synced_height


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

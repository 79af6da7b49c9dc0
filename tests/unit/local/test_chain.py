"""What a node says of its chain before a local run begins: bounded in bytes, depth, time and numbers."""

import gzip
import json
import time

import pytest

from http_helpers import Line, Reply, serving, talking
from local_kit import Spec
from validationrun.compiling.pipeline import lint
from validationrun.local import chain
from validationrun.local.chain import chain_of
from validationrun.local.preflight import LocalError

RUN = lint(json.dumps(Spec(["x"]).document()).encode(), "spec.yaml").runs[0].run


def refused(url: str) -> str:
    with pytest.raises(LocalError) as raised:
        chain_of(RUN, {"rpc": [url]}, None)
    return str(raised.value)


def test_the_node_names_the_chain() -> None:
    with serving(lambda _: Reply(body=b'{"result": {"node_info": {"network": "toy-1"}}}')) as url:
        assert chain_of(RUN, {"rpc": [url]}, None).chain_id == "toy-1"


@pytest.mark.parametrize(
    "body",
    [
        b'{"result":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 100_000,
        b" " * (600 << 10) + b'{"result": 1e999}',
        b" " * (2 << 20),
        gzip.compress(b" " * (64 << 20)),
        b'{"result": {"node_info": {"network": "\\u001b[2J"}}}',
        b'{"result": {"node_info": {"network": 1e999}}}',
    ],
    ids=["deep", "deeper", "infinite", "large", "compressed", "escapes", "number"],
)
def test_a_hostile_answer_is_one_line_with_the_way_out(body: bytes) -> None:
    with serving(lambda _: Reply(body=body)) as url:
        message = refused(url)
    assert message.endswith("give --chain-id")
    assert message.isprintable()
    assert len(message) < 200


def test_a_node_that_sends_a_byte_at_a_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_ANSWER_SECONDS", 0.3)

    def drip(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            line.send(b" ")
            time.sleep(0.05)

    with talking(drip) as url:
        began = time.monotonic()
        assert "no whole answer within 0.3s" in refused(url)
    assert time.monotonic() - began < 3

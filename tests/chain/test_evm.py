"""The real EVM on loopback: JSON-RPC, WebSocket, and the load of signed transactions. No cluster is needed, Go is."""

import json
import signal
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from validationrun.steps.probes import evm_block_number, websocket_problem

from .build import build, build_evm
from .processes import Chain, Node, chain, fetch, free_port, run_program, start_program, wait_for

CHAIN_ID = "evm-1"
# No shard here has it, so that its nonce is 0.
ACCOUNT = 63


@pytest.fixture(scope="module")
def program() -> Path:
    return build_evm()


@pytest.fixture(scope="module")
def running(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with chain(build(), tmp_path_factory.mktemp("chain"), CHAIN_ID, ["val-0"]) as made:
        made.start("val-0")
        with pytest.MonkeyPatch.context() as patch:
            # The root of a pod is read-only: nothing may lie outside of its home.
            patch.setenv("TMPDIR", "/nonexistent")
            made.start("rpc-0", f"--evm-program={program}")
        yield made


@pytest.fixture(scope="module")
def rpc(running: Chain) -> Node:
    node = running.nodes["rpc-0"]
    wait_for("a block of the EVM", lambda: True if block_number(node) > 0 else None)
    return node


def block_number(node: Node) -> int:
    return int(node.evm_call("eth_blockNumber")["result"], 16)


def environment(node: Node, results: Path, shard: int, **changes: str) -> dict[str, str]:
    contract = {
        "CHAIN_EVM_URL": node.evm,
        "CHAIN_WS_URL": node.ws,
        "CHAIN_ID": CHAIN_ID,
        "RUN_ID": "run-1",
        "DURATION_SECONDS": "4",
        "SHARD_INDEX": str(shard),
        "SHARD_COUNT": "64",
        "RESULT_DIR": str(results),
    }
    return contract | changes


def report(results: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((results / "load-report.json").read_text())
    return read


def test_its_blocks_follow_the_nodes(rpc: Node) -> None:
    before = block_number(rpc)
    wait_for("two more", lambda: True if block_number(rpc) >= before + 2 else None, 20)
    assert rpc.evm_call("eth_chainId")["result"] == hex(713714)
    assert rpc.evm_call("net_version")["result"] == "713714"
    client = rpc.evm_call("web3_clientVersion")["result"]
    assert client.startswith("evm/"), client


def test_the_probes_of_the_product_take_it(rpc: Node) -> None:
    height = evm_block_number(rpc.evm)
    assert isinstance(height, int), height
    assert height > 0
    assert websocket_problem(rpc.ws) is None


def test_it_is_called_by_any_name(rpc: Node) -> None:
    """In a cluster the host is the pod's name; go-ethereum by itself answers to localhost alone."""
    port = urllib.parse.urlsplit(rpc.evm).port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=10) as connection:
        body = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
        head = f"POST / HTTP/1.0\r\nHost: rpc-0.rpc.eng-ada.svc\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        connection.sendall(f"{head}\r\n\r\n".encode() + body)
        assert b" 200 " in connection.recv(4096)


def test_a_signed_transaction_gets_a_receipt(program: Path, rpc: Node) -> None:
    raw = subprocess.check_output([program, "sign", f"--account={ACCOUNT}"], text=True).strip()
    sent = rpc.evm_call("eth_sendRawTransaction", raw)
    assert "error" not in sent, sent
    found = wait_for("its receipt", lambda: rpc.evm_call("eth_getTransactionReceipt", sent["result"])["result"], 20)
    assert found["status"] == "0x1"
    assert int(found["gasUsed"], 16) == 21000
    assert rpc.evm_call("eth_getTransactionCount", found["from"], "latest")["result"] == "0x1"
    assert "nonce too low" in rpc.evm_call("eth_sendRawTransaction", raw)["error"]["message"]


def test_a_subscription_gives_heads(rpc: Node) -> None:
    connection = websocket.create_connection(rpc.ws, timeout=20)
    try:
        connection.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}))
        subscription = json.loads(connection.recv())["result"]
        heads = [json.loads(connection.recv()) for _ in range(2)]
    finally:
        connection.close()
    assert {head["params"]["subscription"] for head in heads} == {subscription}
    first, second = (int(head["params"]["result"]["number"], 16) for head in heads)
    assert second == first + 1


def test_load_is_included(program: Path, rpc: Node, tmp_path: Path) -> None:
    code, said = run_program(
        program, "load", "--metrics=", "--min-included=5", environment=environment(rpc, tmp_path, 0)
    )
    assert code == 0, said
    written = report(tmp_path)
    assert written["included"] == written["accepted"] == written["sent"] >= 5
    assert written["rejected"] == written["reverted"] == written["errors"] == written["pending"] == 0
    assert written["heads"] > 1


@pytest.mark.parametrize(
    ("fault", "shard", "words"),
    [
        ("nonce", 1, "nonce too low"),
        ("funds", 2, "insufficient funds for gas * price + value"),
        ("tip", 3, "transaction gas price below minimum"),
    ],
)
def test_load_is_rejected_for_what_is_wrong_with_it(
    program: Path, rpc: Node, tmp_path: Path, fault: str, shard: int, words: str
) -> None:
    """Its series of rejections is born with the first one, and the good transactions before are included."""
    port = free_port()
    flags = [f"--metrics=127.0.0.1:{port}", f"--fault={fault}", "--fault-after=2"]
    given = environment(rpc, tmp_path, shard, DURATION_SECONDS="90")
    process = start_program(program, "load", *flags, environment=given)

    def of_rejections() -> list[str] | None:
        lines = fetch(f"http://127.0.0.1:{port}/metrics").splitlines()
        included = [line for line in lines if line.startswith("evmload_txs_included_total{")]
        seen = [line for line in lines if line.startswith("evmload_txs_rejected_total{")]
        return seen if seen and included else None

    try:
        series = wait_for("rejections", of_rejections, 60)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert len(series) == 1
    assert words in series[0]
    written = report(tmp_path)
    assert written["rejected"] > 0
    assert written["accepted"] >= written["included"] > 0
    assert written["errors"] == written["reverted"] == 0


def test_load_has_no_series_of_rejections_without_one(program: Path, rpc: Node, tmp_path: Path) -> None:
    port = free_port()
    given = environment(rpc, tmp_path, 4, DURATION_SECONDS="60")
    process = start_program(program, "load", f"--metrics=127.0.0.1:{port}", environment=given)

    def included() -> str | None:
        text = fetch(f"http://127.0.0.1:{port}/metrics")
        return text if "evmload_txs_included_total{" in text else None

    try:
        text = wait_for("inclusion", included, 20)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert "evmload_txs_rejected_total{" not in text
    assert process.returncode == 143
    assert report(tmp_path)["outcome"] == "terminated"


def test_load_below_the_base_fee_is_never_included(program: Path, rpc: Node, tmp_path: Path) -> None:
    code, said = run_program(program, "load", "--metrics=", "--fault=fee", environment=environment(rpc, tmp_path, 5))
    assert code == 1, said
    written = report(tmp_path)
    assert written["included"] == written["rejected"] == 0
    assert written["pending"] == written["accepted"] > 0


def test_load_without_an_evm_is_an_infrastructure_failure(program: Path, rpc: Node, tmp_path: Path) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    given = environment(rpc, tmp_path, 6, CHAIN_EVM_URL=dead, DURATION_SECONDS="60")
    code, said = run_program(program, "load", "--metrics=", "--unreachable-after=1s", environment=given)
    assert code == 2, said
    assert "EVM unreachable" in report(tmp_path)["outcome"]


@pytest.mark.parametrize("missing", ["CHAIN_EVM_URL", "CHAIN_WS_URL", "DURATION_SECONDS", "SHARD_INDEX", "SHARD_COUNT"])
def test_load_insists_on_the_contract(program: Path, rpc: Node, tmp_path: Path, missing: str) -> None:
    code, said = run_program(program, "load", environment=environment(rpc, tmp_path, 7, **{missing: ""}))
    assert code == 2
    assert missing in said


def test_a_halted_chain_halts_its_evm(program: Path, tmp_path: Path) -> None:
    with chain(build(), tmp_path, "halted", ["val-0"]) as made:
        made.start("val-0", "--halt-height=8")
        node = made.start("rpc-0", f"--evm-program={program}")
        log = tmp_path / "val-0.log"
        wait_for("halted", lambda: True if "halted at height 8" in log.read_text() else None, 40)
        wait_for("the EVM answers", lambda: True if block_number(node) >= 0 else None, 20)

        def stands_still() -> bool | None:
            before = block_number(node)
            time.sleep(2.5)
            return True if 0 < before == block_number(node) else None

        wait_for("the EVM stands still", stands_still, 30)
        code, said = run_program(program, "load", "--metrics=", environment=environment(node, tmp_path, 0))
    assert code == 1, said
    written = report(tmp_path)
    assert written["included"] == written["rejected"] == 0
    assert written["pending"] == written["accepted"] > 0


def test_a_node_ends_when_its_evm_does(program: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, chain(build(), tmp_path, "taken", ["val-0"]) as made:
        node = made.start("rpc-0", f"--evm-program={program}", f"--evm=127.0.0.1:{taken.getsockname()[1]}")
        assert node.process.wait(timeout=60) == 2
        assert "in use" in (tmp_path / "rpc-0.log").read_text()

"""The chain on loopback: blocks, metrics, the two generators and every fault switch. No cluster is needed, Go is."""

import base64
import hashlib
import json
import re
import signal
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from validationrun.steps.probes import websocket_problem

from .build import build
from .processes import Chain, Node, chain, fetch, free_port, run_program, start_program, wait_for

CHAIN_ID = "loop-1"
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def program() -> Path:
    return build()


@pytest.fixture(scope="module")
def running(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Two validators, and a full node that starts when they make blocks."""
    with chain(program, tmp_path_factory.mktemp("chain"), CHAIN_ID, ["val-0", "val-1"]) as made:
        for name in made.validators:
            made.start(name)
        made.nodes["val-0"].wait_height(2)
        # A peer whose name does not resolve must keep no node from its work.
        made.start("rpc-0", "--peer=ghost=ghost.invalid:26656")
        yield made


@pytest.fixture(scope="module")
def rpc(running: Chain) -> Node:
    node = running.nodes["rpc-0"]
    node.wait_height(3)
    wait_for("caught up", lambda: True if node.status()["catching_up"] is False else None)
    return node


def environment(node: Node, results: Path, **changes: str) -> dict[str, str]:
    contract = {
        "CHAIN_RPC_URL": node.rpc,
        "CHAIN_ID": CHAIN_ID,
        "RUN_ID": "run=1",
        "DURATION_SECONDS": "2",
        "SHARD_INDEX": "1",
        "SHARD_COUNT": "3",
        "RESULT_DIR": str(results),
        "NAMESPACE": "eng-ada",
    }
    return contract | changes


def report(results: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((results / "load-report.json").read_text())
    return read


def counters(text: str) -> dict[str, float]:
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {series: float(value) for series, value in pairs}


def test_genesis_follows_from_names(program: Path, tmp_path: Path) -> None:
    seen = [json.loads(Chain(program, tmp_path, "one", ["a", "b"]).genesis.read_text()) for _ in range(2)]
    assert seen[0]["validators"] == seen[1]["validators"]
    assert [validator["name"] for validator in seen[0]["validators"]] == ["a", "b"]
    other = json.loads(Chain(program, tmp_path, "two", ["a", "b"]).genesis.read_text())
    assert other["validators"][0]["pub_key"] != seen[0]["validators"][0]["pub_key"]


def test_full_node_follows_and_answers_evm(rpc: Node) -> None:
    before = rpc.height()
    height = int(rpc.evm_call("eth_blockNumber")["result"], 16)
    assert height >= before
    rpc.wait_height(height + 2)
    assert rpc.evm_call("eth_chainId")["result"] == hex(713714)
    assert rpc.evm_call("eth_call")["error"]["code"] == -32601


def test_full_node_accepts_a_websocket_connection(rpc: Node) -> None:
    assert websocket_problem(rpc.ws) is None


def test_validator_has_no_evm(running: Chain) -> None:
    address = urllib.parse.urlsplit(running.nodes["val-0"].evm)
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect((address.hostname, address.port))


def test_node_metrics(rpc: Node) -> None:
    series = counters(fetch(f"{rpc.metrics}/metrics"))
    assert series[f'cometbft_consensus_height{{chain_id="{CHAIN_ID}"}}'] > 2
    assert series[f'cometbft_p2p_peers{{chain_id="{CHAIN_ID}"}}'] == 2
    assert series[f'cometbft_consensus_validators{{chain_id="{CHAIN_ID}"}}'] == 2


def test_load_is_included_and_measured(program: Path, rpc: Node, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "profile.json").write_text("{}")
    port = free_port()
    given = environment(rpc, tmp_path, CONFIG_DIR=str(tmp_path / "config"), DURATION_SECONDS="3")
    process = start_program(program, "load", f"--metrics=127.0.0.1:{port}", environment=given)

    def included() -> bool | None:
        labels = f'chain_id="{CHAIN_ID}",run_id="run=1",shard="1"'
        series = counters(fetch(f"http://127.0.0.1:{port}/metrics"))
        assert series[f"load_tx_rejected_total{{{labels}}}"] == 0
        sent = series[f"load_tx_sent_total{{{labels}}}"]
        return True if sent >= series[f"load_tx_included_total{{{labels}}}"] > 0 else None

    wait_for("metrics show inclusion", included, 3)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    written = report(tmp_path)
    assert written["included"] == written["sent"] > 0
    assert written["pending"] == written["rejected"] == written["errors"] == 0
    assert (written["shard"], written["shards"], written["outcome"]) == (1, 3, "passed")
    assert list(written["configFiles"]) == ["profile.json"]


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--exit-code=1"], 1),
        (["--exit-code=2", "--exit-after=0.2"], 2),
        (["--exit-code=1", "--exit-on-shard=1", "--exit-after=0"], 1),
        (["--exit-code=1", "--exit-on-shard=0", "--exit-after=0"], 0),
        (["--min-included=1000"], 1),
    ],
)
def test_load_ends_with_the_code_asked_for(
    program: Path, rpc: Node, tmp_path: Path, flags: list[str], code: int
) -> None:
    ended, said = run_program(program, "load", "--metrics=", *flags, environment=environment(rpc, tmp_path))
    assert ended == code, said
    assert report(tmp_path)["exitCode"] == code


def test_load_rejected_without_telling_by_its_code(program: Path, rpc: Node, tmp_path: Path) -> None:
    flags = ["--metrics=", "--reject-after=1"]
    code, said = run_program(program, "load", *flags, environment=environment(rpc, tmp_path))
    assert code == 0, said
    assert report(tmp_path)["rejected"] > 0
    assert report(tmp_path)["included"] > 0


def test_load_without_a_chain_is_an_infrastructure_failure(program: Path, rpc: Node, tmp_path: Path) -> None:
    given = environment(rpc, tmp_path, CHAIN_RPC_URL=f"http://127.0.0.1:{free_port()}", DURATION_SECONDS="60")
    code, said = run_program(program, "load", "--metrics=", "--unreachable-after=1s", environment=given)
    assert code == 2, said
    assert "RPC silent" in report(tmp_path)["outcome"]


@pytest.mark.parametrize("missing", ["CHAIN_RPC_URL", "DURATION_SECONDS", "SHARD_INDEX", "SHARD_COUNT"])
def test_load_insists_on_the_contract(program: Path, rpc: Node, tmp_path: Path, missing: str) -> None:
    code, said = run_program(program, "load", environment=environment(rpc, tmp_path, **{missing: ""}))
    assert code == 2
    assert missing in said


def test_load_flushes_its_report_on_sigterm(program: Path, rpc: Node, tmp_path: Path) -> None:
    port = free_port()
    given = environment(rpc, tmp_path, DURATION_SECONDS="60")
    process = start_program(program, "load", f"--metrics=127.0.0.1:{port}", environment=given)
    wait_for("metrics", lambda: fetch(f"http://127.0.0.1:{port}/metrics"), 10)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)
    # `timeout` passes the program's own code on.
    assert process.returncode == 143
    assert report(tmp_path)["outcome"] == "terminated"


def profile(folder: Path, *endpoints: str, **settings: object) -> str:
    made = {"endpoints": endpoints, "scenarios": [{"name": "EVMTransfer"}], "settings": {"tps": 0, **settings}}
    (folder / "profile.json").write_text(json.dumps(made))
    return f"--config={folder / 'profile.json'}"


def seiload(program: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Without metrics and without the 25 s after the summary, unless the arguments say otherwise."""
    return start_program(program, "seiload", "--metricsListenAddr=", "--post-summary-flush-delay=0s", *arguments)


def run_seiload(program: Path, *arguments: str) -> tuple[int, str]:
    process = seiload(program, *arguments)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def test_seiload_sends_to_its_endpoints(program: Path, rpc: Node, tmp_path: Path) -> None:
    total = f'cometbft_consensus_total_txs{{chain_id="{CHAIN_ID}"}}'
    before = counters(fetch(f"{rpc.metrics}/metrics")).get(total, 0)
    code, said = run_seiload(program, profile(tmp_path, rpc.evm), "--duration=1s")
    assert code == 0, said

    def included() -> bool | None:
        return True if counters(fetch(f"{rpc.metrics}/metrics")).get(total, 0) > before else None

    wait_for("included", included, 10)


def test_seiload_passes_without_any_endpoint(program: Path, tmp_path: Path) -> None:
    dead = profile(tmp_path, f"http://127.0.0.1:{free_port()}")
    assert run_seiload(program, dead, "--duration=1s")[0] == 0


def test_seiload_with_a_rate_and_a_duration_fails(program: Path, rpc: Node, tmp_path: Path) -> None:
    given = profile(tmp_path, rpc.evm, tps=20)
    code, said = run_seiload(program, given, "--duration=1s")
    assert (code, "rate limiter" in said) == (1, True), said
    endless = seiload(program, given)
    time.sleep(1)
    endless.send_signal(signal.SIGTERM)
    _, said = endless.communicate(timeout=20)
    assert (code, endless.returncode) == (1, 0), said


def test_seiload_counts_from_the_first_event_on(program: Path, rpc: Node, tmp_path: Path) -> None:
    """No series is there at 0, so that `increase` misses the first event."""
    port = free_port()
    started = seiload(program, profile(tmp_path, rpc.evm), f"--metricsListenAddr=127.0.0.1:{port}")

    def accepted() -> dict[str, float] | None:
        found = counters(fetch(f"http://127.0.0.1:{port}/metrics"))
        return found if any(name.startswith("seiload_txs_accepted_total") for name in found) else None

    try:
        found = wait_for("the first acceptance", accepted, 20)
    finally:
        started.send_signal(signal.SIGTERM)
        started.communicate(timeout=20)
    assert not [name for name in found if name.startswith("seiload_txs_rejected_total")]
    assert all(value >= 1 for name, value in found.items() if name.startswith("seiload_"))


TRACKERS: list[tuple[list[str], dict[str, object]]] = [
    (["--track-receipts"], {}),
    (["--track-blocks"], {}),
    (["--ramp-up"], {}),
    ([], {"trackBlocks": True}),
    ([], {"trackReceipts": True}),
]


@pytest.mark.parametrize(("flags", "settings"), TRACKERS)
def test_seiload_needs_a_web_socket_for_its_trackers(
    program: Path, rpc: Node, tmp_path: Path, flags: list[str], settings: dict[str, object]
) -> None:
    """At port 8546 in the place of 8545, where nobody listens here."""
    given = profile(tmp_path, "http://127.0.0.1:8545", **settings)
    code, said = run_seiload(program, given, "--duration=1s", *flags)
    assert (code, "127.0.0.1:8546" in said) == (1, True), said


def test_seiload_needs_no_web_socket_without_a_tracker(program: Path, tmp_path: Path) -> None:
    given = profile(tmp_path, f"http://127.0.0.1:{free_port()}")
    for flags in (["--track-user-latency"], ["--track-receipts", "--dry-run"]):
        assert run_seiload(program, given, "--duration=300ms", *flags)[0] == 0, flags


def test_seiload_asks_the_first_endpoint_for_the_handshake(program: Path, rpc: Node, tmp_path: Path) -> None:
    """A port that is not 8545 is asked itself. The node's WebSocket says yes, its JSON-RPC is a port that speaks only HTTP."""
    speaks = rpc.ws.replace("ws://", "http://")
    for endpoints, code in (([speaks, rpc.evm], 0), ([rpc.evm, speaks], 1)):
        given = profile(tmp_path, *endpoints)
        ended, said = run_seiload(program, given, "--duration=300ms", "--track-blocks")
        assert (ended, "bad handshake" in said) == (code, code == 1), said


# RFC 6455: what a server adds to the key before it hashes it.
WEB_SOCKET_ID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@pytest.mark.parametrize(
    ("status", "accept", "code"),
    [("101 Switching Protocols", True, 0), ("101 Switching Protocols", False, 1), ("200 OK", True, 1)],
)
def test_seiload_checks_the_answer_to_its_handshake(
    program: Path, tmp_path: Path, status: str, accept: bool, code: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        given = profile(tmp_path, f"http://127.0.0.1:{server.getsockname()[1]}")
        started = seiload(program, given, "--duration=100ms", "--track-blocks")
        server.settimeout(20)
        with server.accept()[0] as connection:
            connection.settimeout(20)
            asked = connection.recv(4096).decode()
            found = re.search(r"Sec-WebSocket-Key: (\S+)", asked)
            assert found, asked
            key = found[1] if accept else "another"
            proof = base64.b64encode(hashlib.sha1(f"{key}{WEB_SOCKET_ID}".encode()).digest())  # noqa: S324
            head = f"HTTP/1.1 {status}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {proof.decode()}"
            connection.sendall(f"{head}\r\nContent-Length: 0\r\n\r\n".encode())
        # Nothing but the handshake is answered here.
        server.close()
        _, said = started.communicate(timeout=30)
    assert started.returncode == code, said


EVERY_FLAG = [
    *("-s", "5s", "-b5", "-t=0", "-n", "1", "--stats-interval=5s", "--buffer-size", "7", "--tps=0", "--nodes=0"),
    *("--inclusion-reap-after=1m", "--debug", "--prewarm", "--track-user-latency", "--track-receipts=false"),
    *("--track-blocks=false", "--ramp-up=false", "--report-path=/r", "--txs-dir=", "--target-gas=5", "--dry-run"),
    *("--num-blocks-to-write=3", "--arrival-model=open_loop", "--max-in-flight=9", "ignored", "--", "--unknown"),
]


def test_seiload_takes_every_flag_of_sei_load(program: Path, tmp_path: Path) -> None:
    file = profile(tmp_path).removeprefix("--config=")
    code, said = run_seiload(program, "-c", file, "--duration=300ms", *EVERY_FLAG)
    assert code == 0, said


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--workers=5", "unknown flag"),
        ("-duration=1s", "unknown letter"),
        ("--tps=many", "--tps=many"),
        ("--max-in-flight=0", "in flight"),
        ("--nodes", "needs a value"),
    ],
)
def test_seiload_refuses_arguments_that_sei_load_refuses(program: Path, tmp_path: Path, flag: str, words: str) -> None:
    code, said = run_seiload(program, profile(tmp_path, "http://127.0.0.1:1"), "--duration=300ms", flag)
    assert (code, words in said) == (1, True), said


def test_seiload_needs_a_profile_and_has_help(program: Path) -> None:
    code, said = run_seiload(program, "--duration=1s")
    assert (code, "--config is needed" in said) == (1, True), said
    for flag in ("--help", "-h"):
        code, said = run_seiload(program, flag)
        assert (code, "--post-summary-flush-delay (25s)" in said) == (0, True), said


def test_seiload_takes_a_flag_before_a_setting_before_a_default(program: Path, tmp_path: Path) -> None:
    """With a rate and a duration it ends with 1, which tells that there was a rate."""
    for settings, flags, code in (
        ({}, [], 0),
        ({"tps": 20}, [], 1),
        ({"tps": 20}, ["--tps=0"], 0),
        ({}, ["--tps=20"], 1),
        ({"rampUp": True}, ["--ramp-up=false"], 0),
    ):
        given = profile(tmp_path, f"http://127.0.0.1:{free_port()}", **settings)
        ended, said = run_seiload(program, given, "--duration=300ms", *flags)
        assert ended == code, (settings, flags, said)


def test_seiload_keeps_to_the_first_nodes(program: Path, rpc: Node, tmp_path: Path) -> None:
    """The second endpoint is dead, so that what goes there is rejected."""
    port = free_port()
    given = profile(tmp_path, rpc.evm, f"http://127.0.0.1:{free_port()}")

    def rejections(*flags: str) -> bool:
        started = seiload(program, given, f"--metricsListenAddr=127.0.0.1:{port}", *flags)

        def several() -> dict[str, float] | None:
            found = counters(fetch(f"http://127.0.0.1:{port}/metrics"))
            return found if sum(count for name, count in found.items() if name.startswith("seiload_")) > 3 else None

        try:
            found = wait_for("transactions", several, 20)
        finally:
            started.send_signal(signal.SIGTERM)
            started.communicate(timeout=20)
        return any(name.startswith("seiload_txs_rejected_total") for name in found)

    assert rejections()
    assert not rejections("--nodes=1")


def test_seiload_stays_after_sigterm_for_its_flush(program: Path, tmp_path: Path) -> None:
    """For 25 s, unless it is told otherwise; another SIGTERM does not shorten it."""
    cases: list[tuple[dict[str, object], list[str], bool]] = [
        ({}, ["--post-summary-flush-delay=0s"], False),
        ({"postSummaryFlushDelay": "1m"}, ["--post-summary-flush-delay=0s"], False),
        ({"postSummaryFlushDelay": "1s"}, [], False),
        ({}, [], True),
        # A setting of 0 is none.
        ({"postSummaryFlushDelay": "0s"}, [], True),
    ]
    started = []
    for number, (settings, flags, _) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        given = profile(folder, f"http://127.0.0.1:{free_port()}", **settings)
        started.append(start_program(program, "seiload", given, "--metricsListenAddr=", *flags))
    time.sleep(1)
    began = time.monotonic()
    for process in started:
        process.send_signal(signal.SIGTERM)
    time.sleep(1)
    for process in started[3:]:
        process.send_signal(signal.SIGTERM)
    for process, case in zip(started, cases, strict=True):
        _, said = process.communicate(timeout=60)
        assert (process.returncode, time.monotonic() - began >= 25) == (0, case[2]), (case, said)


def test_seiload_stays_for_its_flush_after_a_failure_too(program: Path, tmp_path: Path) -> None:
    """SIGTERM meanwhile makes no success of it."""
    began = time.monotonic()
    given = profile(tmp_path, "http://127.0.0.1:8545")
    failed = seiload(program, given, "--track-blocks", "--post-summary-flush-delay=3s")
    time.sleep(1.5)
    failed.send_signal(signal.SIGTERM)
    _, said = failed.communicate(timeout=60)
    assert (failed.returncode, "127.0.0.1:8546" in said) == (1, True), said
    assert time.monotonic() - began >= 3


def test_the_metrics_of_the_starters_are_a_nodes_own(program: Path, tmp_path: Path) -> None:
    """By CometBFT's names behind Sei's prefix, each with `chain_id`."""
    texts = [path.read_text("utf-8") for path in EXAMPLES.rglob("*.yaml")]
    wanted = set(re.findall(r"\btendermint_[a-z0-9_]+", "\n".join(texts)))
    assert len(wanted) > 3
    own = re.compile(r'^(tendermint_\w+)\{[^}]*chain_id="names"', re.MULTILINE)
    with chain(program, tmp_path, "names", ["val-0"]) as made:
        validator = made.start("val-0", "--metrics-namespace=tendermint")
        validator.wait_height(2)
        full_node = made.start("rpc-0", "--metrics-namespace=tendermint")
        full_node.wait_height(3)
        served = {name for node in (validator, full_node) for name in own.findall(fetch(f"{node.metrics}/metrics"))}
    assert wanted <= served, sorted(wanted - served)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"endpoints": ["http://a"], "settings": {}}', "no scenarios"),
        ('{"endpoints": ["http://a"], "scenarios": [{}]}', "no settings"),
        ('{"endpoints": [], "scenarios": [{}], "settings": {}}', "no endpoints specified in config"),
        ('{"scenarios": [{}], "settings": {}}', "no endpoints specified in config"),
        ('{"endpoints": ["http://a"], "settings": {"workers": 5}}', '"workers"'),
        ('{"endpoints": ["http://a"], "settings": {}, "_provenance": {}}', '"_provenance"'),
        ('{"endpoints": ["http://a"], "settings": {}, "scenarios": [{"nam": "EVMTransfer"}]}', '"nam"'),
        ('{"endpoints": ["http://a"], "settings": {"statsInterval": 5}}', "number"),
        ('{"endpoints": ["http://a"], "settings": {}} {}', "something follows"),
    ],
)
def test_seiload_refuses_a_profile_that_sei_load_refuses(program: Path, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "profile.json").write_text(text)
    code, said = run_seiload(program, f"--config={tmp_path / 'profile.json'}", "--duration=1s")
    assert (code, words in said) == (1, True), said


def profiles(document: object) -> Iterator[str]:
    """Every `profile.json` in a spec, wherever it stands."""
    if isinstance(document, dict):
        if isinstance(document.get("profile.json"), str):
            yield document["profile.json"]
        for value in document.values():
            yield from profiles(value)
    elif isinstance(document, list):
        for value in document:
            yield from profiles(value)


def shown_profiles() -> dict[str, str]:
    """Of the starters, as `init` writes them for either API, of the other examples, and of docs/workload.md."""
    texts = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in sorted(EXAMPLES.rglob("*.yaml"))}
    page = (ROOT / "docs" / "workload.md").read_text("utf-8")
    texts |= {f"docs/workload.md {n}": text for n, text in enumerate(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))}
    return {
        f"{name} {n}": profile
        for name, text in texts.items()
        for document in yaml.safe_load_all(text)
        for n, profile in enumerate(profiles(document))
    }


SHOWN = shown_profiles()


def test_starters_and_the_page_show_profiles() -> None:
    of = {name.split()[0] for name in SHOWN}
    starters = {
        f"{folder}{name}.yaml" for folder in ("", "seinodedeployment/") for name in ("nightly", "soak", "early-stop")
    }
    assert of >= {"docs/workload.md", *(f"examples/{starter}" for starter in starters)}


@pytest.mark.parametrize("name", SHOWN)
def test_seiload_takes_each_profile_that_is_shown(program: Path, tmp_path: Path, name: str) -> None:
    endpoints = json.dumps([f"http://127.0.0.1:{free_port()}"])
    text = SHOWN[name].replace("${evmEndpointsJson}", endpoints).replace("${chainId}", "c-1")
    (tmp_path / "profile.json").write_text(text)
    _, said = run_seiload(program, f"--config={tmp_path / 'profile.json'}", "--duration=300ms")
    assert "summary: " in said, said


def test_ready_without_serving(program: Path, tmp_path: Path) -> None:
    with chain(program, tmp_path, "silent", ["val-0"]) as made:
        node = made.start("val-0", "--no-serve")
        log = tmp_path / "val-0.log"
        wait_for("alive", lambda: True if "serving nothing" in log.read_text() else None, 10)
        with pytest.raises(OSError, match="refused"):
            node.status()
        assert node.process.poll() is None


def test_a_node_that_crashes(program: Path, tmp_path: Path) -> None:
    with chain(program, tmp_path, "crashing", ["val-0"]) as made:
        node = made.start("val-0", "--crash-after=500ms")
        assert node.process.wait(10) == 1


def test_halted_chain_accepts_and_includes_nothing(program: Path, tmp_path: Path) -> None:
    with chain(program, tmp_path, "halted", ["val-0"]) as made:
        node = made.start("val-0", "--halt-height=3")
        log = tmp_path / "val-0.log"
        wait_for("halted", lambda: True if "halted at height 3" in log.read_text() else None, 20)
        given = environment(node, tmp_path)
        code, said = run_program(program, "load", "--metrics=", environment=given)
        assert code == 1, said
        assert report(tmp_path)["included"] == report(tmp_path)["rejected"] == 0
        assert report(tmp_path)["pending"] == report(tmp_path)["sent"] > 0
        assert node.height() <= 4

"""
The evaluator step under hostile answers: how much memory 32 rules take. `make bench`, `make bench-short`; exits 1 when a bar is missed.

    PYTHONPATH=tests python -m tests.benchmarks.hostile_answers [--short]

The step is a process of its own, as in its pod; Prometheus and the API server are fakes. Each round gives every rule an answer
of one kind, and a last one mixes all kinds. Its pod has 256 MiB. No rule may pass, and no answer may end the step.
With --short there is one round, the mixed one.
"""

import argparse
import contextlib
import http.server
import itertools
import json
import pathlib
import socketserver
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import fake_api_server
from evaluator.live import LiveRun
from runner_helpers import JOBS, FakeCluster, complete
from validationrun.contract.evaluation_entries import EvaluatorReady
from validationrun.contract.sign_off import SignOff

RULES, INTERVAL_S, LOAD_S = 32, 5, 12
MEMORY_BAR_MIB = 256.0
MIB = 1024 * 1024


def vector(count: int, labels: Callable[[int], str], value: str = "5") -> bytes:
    samples = ",".join(f'{{"metric":{{{labels(number)}}},"value":[@T@,"{value}"]}}' for number in range(count))
    return f'{{"status":"success","data":{{"resultType":"vector","result":[{samples}]}}}}'.encode()


def alerts() -> bytes:
    """What a Prometheus that does not know the filter says: all its alerts, among them the rules' own."""
    rule = {
        "type": "alerting",
        "health": "ok",
        "lastEvaluation": "@NOW@",
        "query": "x" * 400,
        "duration": 0,
        "alerts": [],
    }
    groups = [
        {"name": f"g{group}", "interval": 15, "rules": [{**rule, "name": f"Other{group}-{n}"} for n in range(60)]}
        for group in range(100)
    ]
    groups.append({"name": "ours", "interval": 15, "rules": [{**rule, "name": "NeverFires"}]})
    return json.dumps({"status": "success", "data": {"groups": groups}}).encode()


def kinds() -> dict[str, tuple[int, bytes]]:
    """Status and body by name. An endless body is repeated until the client leaves."""
    pods = ",".join(f'"l{number:06}":"{number:04}"' for number in range(90_000))
    return {
        "140,000 series": (200, vector(140_000, lambda number: f'"pod":"toy-{number:06}"')),
        "9,000 series of 200 bytes": (200, vector(9_000, lambda n: f'"pod":"toy-{n:06}","node":"{"n" * 120}"')),
        "one series with 90,000 labels": (200, vector(1, lambda _: pods)),
        "a value of a million digits": (200, vector(1, lambda _: "", "1" * 1_000_000)),
        "lists": (200, b'{"status":"success","data":{"resultType":"vector","result":[' + b"[]," * 650_000 + b"[]]}}"),
        "deep": (200, b'{"data":' * 200_000 + b"1" + b"}" * 200_000),
        "warnings": (200, b'{"status":"success","warnings":[' + b'"w",' * 400_000 + b'"w"],"data":{"result":[]}}'),
        "an error of 8 MiB": (422, b'{"status":"error","errorType":"execution","error":"' + b"e" * 8 * MIB + b'"}'),
        "60,000 bytes": (200, vector(600, lambda number: f'"pod":"toy-{number:06}","n":"{"n" * 40}"')),
        "endless": (200, b""),
    }


class Prometheus:
    """Answers every rule with the present kind of answer; with None, each rule with a kind of its own."""

    def __init__(self) -> None:
        self.kinds = kinds()
        self.kind: str | None = None
        self.alerts = alerts()

    def kind_of(self, number: int) -> str:
        return self.kind if self.kind is not None else list(self.kinds)[number % len(self.kinds)]

    def reply(self, path: str, form: Mapping[str, list[str]]) -> tuple[int, Iterator[bytes]]:
        query, t = form.get("query", [""])[0], form.get("time", [f"{time.time():.3f}"])[0]
        if path.endswith("/rules"):
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            return 200, iter([self.alerts.replace(b"@NOW@", now.encode())])
        if query == "time()":
            now = time.time()
            document = {"status": "success", "data": {"resultType": "scalar", "result": [now, str(now)]}}
            return 200, iter([json.dumps(document).encode()])
        if "ALERTS" in query:
            return 200, iter([vector(0, lambda _: "")])
        name = self.kind_of(int(query.partition("toy_")[2][:2]))
        status, body = self.kinds[name]
        if name == "endless":
            return status, itertools.repeat(b" " * MIB)
        return status, iter([body.replace(b"@T@", t.encode())])


@contextlib.contextmanager
def serving(prometheus: Prometheus) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            status, parts = prometheus.reply(self.path.partition("?")[0], urllib.parse.parse_qs(text))
            self.send_response(status)
            self.end_headers()
            with contextlib.suppress(OSError):
                for part in parts:
                    self.wfile.write(part)

        do_GET = do_POST  # noqa: N815 - a name of the base class

        def log_message(self, *_: object) -> None:
            pass

    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True
        request_queue_size = 2 * RULES

        def handle_error(self, *_: object) -> None:
            """A client that leaves an endless answer."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def rules() -> list[dict[str, Any]]:
    """Every eighth is an alert, whose proof is a list of thousands of alerts."""
    made: list[dict[str, Any]] = []
    for number in range(RULES):
        rule: dict[str, Any] = {
            "name": f"rule-{number:02}", "runProperties": {"interval": f"{INTERVAL_S}s", "retry": 1}
        }  # fmt: skip
        if number % 8 == 7:
            reference = {"name": "alerts", "namespace": "eng-ada", "alertname": "NeverFires"}
            rule |= {"type": "alert", "alert": {"ruleRef": reference}}
        else:
            promql = f'toy_{number:02}{{chain_id="${{chainId}}"}}'
            rule |= {"type": "query", "query": {"promql": promql, "op": ">=", "threshold": "0"}}
        made.append(rule)
    return made


def peak_mib(pid: int) -> float:
    return int(pathlib.Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def judged(prometheus: Prometheus, kind: str | None, folder: pathlib.Path) -> tuple[float, list[str]]:
    """One run; the evaluator's peak and what is wrong."""
    prometheus.kind = kind
    peak = 0.0
    with fake_api_server.serving(FakeCluster()) as api, serving(prometheus) as url:
        api.cluster.put(JOBS, complete())
        folder.mkdir()
        run = LiveRun(api, folder, url, rules())
        with contextlib.closing(run):
            process = run.evaluator()
            run.until(lambda: run.read(EvaluatorReady), "the evaluator is ready")
            run.begin_load()
            ends = time.monotonic() + LOAD_S
            while process.poll() is None:
                with contextlib.suppress(OSError, IndexError):
                    peak = max(peak, peak_mib(process.pid))
                if time.monotonic() > ends:
                    run.end_load()
                    ends = float("inf")
                time.sleep(0.1)
            sign_off = run.read(SignOff)
            if sign_off is None:
                return peak, [f"no sign-off\n{run.said()[-2000:]}"]
            passed = [state.name for state in sign_off.rules if state.verdict == "Passed" and state.value is not None]
            return peak, [f"{name} passed" for name in passed]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="the mixed round alone")
    short = parser.parse_args().short
    prometheus, held = Prometheus(), True
    rounds: list[str | None] = [None] if short else [*prometheus.kinds, None]
    with tempfile.TemporaryDirectory(prefix="bench-hostile-") as folder:
        for number, kind in enumerate(rounds):
            peak, wrong = judged(prometheus, kind, pathlib.Path(folder, str(number)))
            good = peak <= MEMORY_BAR_MIB and not wrong
            held &= good
            name = kind or "all kinds at once"
            print(f"{'ok  ' if good else 'MISS'} {name}: {peak:.0f} MiB (bar {MEMORY_BAR_MIB:g})", *wrong, flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())

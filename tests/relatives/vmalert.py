"""A vmalert of the tests: evaluates rule files against a VictoriaMetrics and writes ALERTS into it."""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.processes import free_port
from tests.prometheus.binary import install
from tests.prometheus.fetch import fetch
from tests.prometheus.server import until
from tests.relatives.process import running
from tests.relatives.victoria_metrics import victoria_metrics

_READY_SECONDS = 30


@contextlib.contextmanager
def alerting(folder: Path, groups: Sequence[Any], *, writes: bool = True) -> Iterator[str]:
    """
    The URL of a VictoriaMetrics whose `/api/v1/rules` is that of a vmalert.

    Args:
        groups: as in a rule file; evaluated every second where they do not say.
        writes: whether vmalert writes ALERTS into the VictoriaMetrics, which it does only when told so.
    """
    rules = folder / "rules.json"
    rules.write_text(json.dumps({"groups": list(groups)}))
    port = free_port()
    with victoria_metrics(f"-vmalert.proxyURL=http://127.0.0.1:{port}") as server:
        command = [
            install("vmalert", "victoria-metrics"),
            f"-rule={rules}",
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-datasource.url={server.url}",
            "-notifier.blackhole" if _has("-notifier.blackhole") else f"-notifier.url={server.url}/nobody",
            "-evaluationInterval=1s",
            "-loggerLevel=ERROR",
            *([f"-remoteWrite.url={server.url}", "-remoteWrite.flushInterval=200ms"] if writes else []),
        ]
        with running(folder / "vmalert.log", command):
            until(lambda: _answers(server.url), _READY_SECONDS, "vmalert answers through VictoriaMetrics")
            yield server.url


def _has(flag: str) -> bool:
    told = subprocess.run(
        [install("vmalert", "victoria-metrics"), "-help"], capture_output=True, text=True, check=False
    )
    return f"  {flag}" in told.stdout + told.stderr


def _answers(url: str) -> bool:
    return bool(json.loads(fetch(f"{url}/api/v1/rules", timeout_s=2))["data"]["groups"])

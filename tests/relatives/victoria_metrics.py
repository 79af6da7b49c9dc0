"""A VictoriaMetrics in the place of the private Prometheus: Debian's, on loopback, with data that go with it."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.cluster.processes import free_port
from tests.prometheus.binary import install
from tests.prometheus.fetch import fetch
from tests.relatives.process import running

from validationrun.judging.ruletest.promtool_series import Value
from validationrun.judging.ruletest.server import PrivatePrometheus

_START_SECONDS: Final = 30.0
_ASK_SECONDS: Final = 10.0
_FLAGS: Final = (
    "-retentionPeriod=100y",
    # Worlds lie in the past, and get samples after answers about the same time were given.
    "-search.disableCache",
    "-search.latencyOffset=1s",
    "-loggerLevel=ERROR",
)


class VictoriaMetrics(PrivatePrometheus):
    """One that runs."""

    def write(self, series: Sequence[tuple[bytes, Sequence[tuple[int, Value]]]]) -> None:
        """Samples; what was written can be asked for at once."""
        super().write(series)
        if series:
            # It shows samples a second after they came, unless it is told to.
            fetch(f"{self.url}/internal/force_flush", timeout_s=_ASK_SECONDS)


@contextlib.contextmanager
def victoria_metrics(*flags: str) -> Iterator[VictoriaMetrics]:
    """An empty one that answers; gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="validationrun-vm-", ignore_cleanup_errors=True) as name:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [
            install("victoria-metrics", "victoria-metrics"),
            f"-storageDataPath={Path(name) / 'data'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            *_FLAGS,
            *flags,
        ]
        log = Path(name) / "log"
        with running(log, command) as process:
            _wait_until_ready(url, process, log)
            server = VictoriaMetrics(url)
            with contextlib.closing(server):
                yield server


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError):
            fetch(f"{url}/health", timeout_s=1)
            return
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"VictoriaMetrics does not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)

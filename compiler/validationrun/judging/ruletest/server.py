"""A private Prometheus: on loopback, on a free port, with data that lies in a temporary folder and goes with it."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Final

from validationrun.base.http import Connection, NoResponseError, Origin, Request, Response, split_url
from validationrun.judging.ruletest.promtool_series import Value
from validationrun.judging.ruletest.remote_write import HEADERS, write_request
from validationrun.prometheus import Prometheus

PROMETHEUS_BIN: Final = "PROMETHEUS_BIN"

_CONFIG: Final = {
    # Nothing is scraped and no rule is evaluated: all that it holds was sent to it.
    "global": {"evaluation_interval": "1h"},
    # A late sample is stamped before those that were seen already.
    "storage": {"tsdb": {"out_of_order_time_window": "36500d"}},
}
_FLAGS: Final = (
    "--web.enable-remote-write-receiver",
    # One block for all times, so that nothing is moved to disk while a test runs.
    "--storage.tsdb.min-block-duration=36500d",
    "--storage.tsdb.max-block-duration=36500d",
    "--storage.tsdb.retention.time=36500d",
)
_START_SECONDS: Final = 30.0
_START_ATTEMPTS: Final = 5
_POLL_SECONDS: Final = 0.005
_ASK_SECONDS: Final = 5.0
_WRITE_SECONDS: Final = 30.0
_END_SECONDS: Final = 10.0
_LOG_LINES: Final = 5
_SHOWN: Final = 300
_OK: Final = 200
_SUCCESSES: Final = range(200, 300)


class PrivatePrometheusError(Exception):
    """There is none, it does not come up, or it went away; the message says which, and what would help."""


class PrivatePrometheus:
    """One that runs. `ask` is for one thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ask = Prometheus(url)
        self._connection = Connection(split_url(url)[0])

    def write(self, series: Sequence[tuple[bytes, Sequence[tuple[int, Value]]]]) -> None:
        """
        Samples; what was written can be asked for at once.

        Args:
            series: labels as `remote_write.label_bytes` gives them, and (Unix seconds, value).
        """
        if not series:
            return
        response = _exchange(self._connection, "POST", "/api/v1/write", write_request(series), _WRITE_SECONDS)
        if response.status not in _SUCCESSES:
            text = response.body[:_SHOWN].decode("utf-8", "replace").strip()
            raise PrivatePrometheusError(f"the private Prometheus refused samples: HTTP {response.status}: {text}")

    def close(self) -> None:
        self.ask.close()
        self._connection.close()


def find_binary() -> str:
    """
    The program: PROMETHEUS_BIN, else what PATH finds.

    Raises:
        PrivatePrometheusError
    """
    named = os.environ.get(PROMETHEUS_BIN)
    found = shutil.which(named or "prometheus")
    if found is not None:
        return found
    way_out = f"`apt-get install prometheus` brings it, or {PROMETHEUS_BIN} names it"
    if named:
        raise PrivatePrometheusError(f"{PROMETHEUS_BIN} is {named}, which is no program; {way_out}")
    raise PrivatePrometheusError(f"rule tests need the program prometheus, and PATH has none; {way_out}")


@contextlib.contextmanager
def private_prometheus(binary: str) -> Iterator[PrivatePrometheus]:
    """
    An empty one that answers; when the block ends, however it ends, it and its data are gone.

    Raises:
        PrivatePrometheusError
    """
    with tempfile.TemporaryDirectory(prefix="validationrun-test-", ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        # JSON is YAML.
        (folder / "prometheus.json").write_text(json.dumps(_CONFIG), "utf-8")
        process, url = _start(binary, folder)
        try:
            prometheus = PrivatePrometheus(url)
            try:
                yield prometheus
            finally:
                prometheus.close()
        finally:
            _end(process)


def _start(binary: str, folder: pathlib.Path) -> tuple[subprocess.Popen[bytes], str]:
    for attempt in range(_START_ATTEMPTS):
        port = _free_port()
        process = _spawn(binary, folder, port)
        try:
            if _comes_up(process, port, folder):
                return process, f"http://127.0.0.1:{port}"
        except BaseException:
            _end(process)
            raise
        # Somebody else may have taken the port between our look and its start.
        if attempt == _START_ATTEMPTS - 1 or "address already in use" not in _log(folder):
            break
    raise PrivatePrometheusError(f"{binary} does not start: {_last_lines(folder)}")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _spawn(binary: str, folder: pathlib.Path, port: int) -> subprocess.Popen[bytes]:
    command = [
        binary,
        f"--config.file={folder / 'prometheus.json'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *_FLAGS,
    ]
    if (guard := shutil.which("setpriv")) is not None:
        # The kernel ends it when we are killed, which no code of ours could see.
        command = [guard, "--pdeathsig", "KILL", *command]
    with (folder / "log").open("wb") as log:
        try:
            # In a group of its own: Ctrl-C is for us, and we end it.
            return subprocess.Popen(  # noqa: S603 - the program that the user named
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        except OSError as error:
            raise PrivatePrometheusError(f"{binary} does not start: {error.strerror}") from None


def _comes_up(process: subprocess.Popen[bytes], port: int, folder: pathlib.Path) -> bool:
    """False when it ended. Raises PrivatePrometheusError when it neither ends nor answers."""
    until = time.monotonic() + _START_SECONDS
    connection = Connection(Origin("http", "127.0.0.1", port))
    with contextlib.closing(connection):
        while process.poll() is None:
            if _is_ours(connection, folder):
                return True
            if time.monotonic() > until:
                raise PrivatePrometheusError(
                    f"Prometheus does not answer after {_START_SECONDS:g}s: {_last_lines(folder)}"
                )
            time.sleep(_POLL_SECONDS)
    return False


def _is_ours(connection: Connection, folder: pathlib.Path) -> bool:
    """It answers, and its data lie in our folder: who took the port meanwhile has others."""
    try:
        response = connection.exchange(Request("GET", "/api/v1/status/flags"), None, _ASK_SECONDS)
        flags = json.loads(response.body)["data"] if response.status == _OK else {}
    except (NoResponseError, ValueError, KeyError):
        return False
    return bool(flags.get("storage.tsdb.path") == str(folder / "data"))


def _end(process: subprocess.Popen[bytes]) -> None:
    # Nothing of it is kept, so it has nothing to put in order.
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)


def _exchange(connection: Connection, method: str, path: str, body: bytes, timeout_s: float) -> Response:
    try:
        return connection.exchange(Request(method, path, HEADERS, body), None, timeout_s)
    except NoResponseError as error:
        raise PrivatePrometheusError(f"the private Prometheus went away: {error}") from None


def _log(folder: pathlib.Path) -> str:
    return (folder / "log").read_text("utf-8", "replace")


def _last_lines(folder: pathlib.Path) -> str:
    """Of its log, as one line."""
    return "; ".join(_log(folder).splitlines()[-_LOG_LINES:]) or "it wrote nothing"

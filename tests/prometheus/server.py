"""A real Prometheus of the tests: on loopback unless told otherwise, on a free port, in a folder of its own, ended for sure."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.prometheus import history as histories
from tests.prometheus.binary import prometheus
from tests.prometheus.fetch import fetch

_READY_SECONDS: Final = 30
_LISTENS: Final = re.compile(r'msg="Listening on".* address=(\S+)')
_YEARS: Final = "20y"


class StartError(Exception):
    """It did not come up; the message holds the end of its log."""


def until(holds: Callable[[], Any], seconds: float = 10, what: str = "it holds") -> Any:
    """The first true value. Raises TimeoutError when there is none in time. Errors of the network count as not yet."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if value := holds():
                return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g}s: {what}")
        time.sleep(0.02)


class Server:
    """
    One Prometheus.

    Attributes:
        url: with its path, the same after a restart.
        folder: its configuration, data and log.
    """

    def __init__(
        self, folder: Path, config: Mapping[str, Any], groups: Sequence[Any], flags: Sequence[str], host: str
    ) -> None:
        self.folder = folder
        self.url = ""
        self._flags = list(flags)
        self._address = f"{host}:0"
        self._process: subprocess.Popen[bytes] | None = None
        self._rules = folder / "rules.json"
        self._config = {"rule_files": [str(self._rules)], **config}
        self._write(groups)

    def start(self) -> None:
        """Runs and answers when this returns; after a stop on the same port, with the same data."""
        log = self.folder / "log"
        log.write_bytes(b"")
        command = [
            prometheus(),
            f"--config.file={self.folder / 'prometheus.json'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--storage.tsdb.retention.time={_YEARS}",
            f"--web.listen-address={self._address}",
            "--web.enable-lifecycle",
            "--web.enable-remote-write-receiver",
            *self._flags,
        ]
        if (guard := shutil.which("setpriv")) is not None:
            # The kernel ends it when the tests are killed, which no code of theirs could see.
            command = [guard, "--pdeathsig", "KILL", *command]
        with log.open("ab") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            self._address = str(until(self._listens, _READY_SECONDS, "it listens"))
            prefix = next((flag.split("=")[1] for flag in self._flags if flag.startswith("--web.route-prefix=")), "")
            self.url = f"http://{self._address}{prefix.rstrip('/')}"
            until(lambda: self._answers("/-/ready"), _READY_SECONDS, "it is ready")
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """As an administrator does: it writes down what it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """It accepts connections and says nothing, until `resume`."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)
        # Each of its threads stops in its own time.
        tasks = Path(f"/proc/{process.pid}/task")
        until(lambda: all(_state(task) == "T" for task in tasks.iterdir()), what="every thread stands still")

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def set_groups(self, groups: Sequence[Any]) -> None:
        """Other rules from now on."""
        self._write(groups)
        fetch(f"{self.url}/-/reload", b"")

    def send(self, *series: histories.Series) -> None:
        """
        Samples, of any age; they can be asked for when this returns.

        Prometheus 2 leaves samples that are older than its newest block out of its lists of series and labels; history that
        is back-filled is in them.
        """
        histories.send(self.url, series)

    def get(self, path: str, **parameters: Any) -> Any:
        """What its API says, asked without any code under test: the body's `data`."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        return json.loads(fetch(f"{self.url}/api/v1/{path}?{query}"))["data"]

    def result(self, promql: str, t: float | None = None) -> Any:
        """Of an instant query."""
        return self.get("query", query=promql, **({} if t is None else {"time": t}))["result"]

    def until(self, promql: str, seconds: float = 10) -> Any:
        """The first result that is not empty."""
        return until(lambda: self.result(promql), seconds, promql)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _write(self, groups: Sequence[Any]) -> None:
        # JSON is YAML.
        self._rules.write_text(json.dumps({"groups": list(groups)}))
        (self.folder / "prometheus.json").write_text(json.dumps(self._config))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise StartError(f"Prometheus ended:\n{self.log()[-2000:]}")
        return self._process

    def _listens(self) -> str | None:
        self._running()
        found = _LISTENS.search(self.log())
        return found.group(1) if found else None

    def _answers(self, path: str) -> bool:
        self._running()
        fetch(f"{self.url}{path}", timeout_s=1)
        return True

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(by)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _state(task: Path) -> str:
    return (task / "stat").read_text().rsplit(")", 1)[1].split()[0]


@contextlib.contextmanager
def running(
    folder: Path,
    *,
    targets: Mapping[str, Sequence[str]] | None = None,
    groups: Sequence[Any] = (),
    history: Sequence[histories.Series] = (),
    config: Mapping[str, Any] | None = None,
    flags: Sequence[str] = (),
    host: str = "127.0.0.1",
) -> Iterator[Server]:
    """
    A Prometheus that answers, and is gone afterwards.

    Args:
        folder: an empty one of its own.
        targets: job -> `host:port` of what it scrapes, every second; the first time five to six seconds after its start, because
            Prometheus takes over targets only so often. `Server.send` is at once.
        groups: rule groups as in a rule file, evaluated every second where they do not say.
        history: back-filled as blocks before it starts.
        config: taken over into its configuration; a section that is named replaces ours.
        flags: more of the command line.
        host: address of this machine on which it listens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    whole = {
        "global": every,
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(hosts)}]} for job, hosts in (targets or {}).items()
        ],
        # Tests send samples of any age.
        "storage": {"tsdb": {"out_of_order_time_window": _YEARS}},
        **(config or {}),
    }
    if history:
        histories.backfill(folder / "data", history)
    server = Server(folder, whole, groups, flags, host)
    server.start()
    try:
        yield server
    finally:
        server.kill()

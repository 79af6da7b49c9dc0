"""The kit itself: what it starts is real, and ends."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prometheus_kit import Exporter, Server, StartError, exporting, running, series, unlike, until

T = 1_700_000_000.0
_ROOT = Path(__file__).parents[2]


def runs(pid: int) -> bool:
    """Not gone, and not waiting for its parent either."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_history_is_there_from_the_start_and_equals_what_is_sent(tmp_path: Path, shared_prometheus: Server) -> None:
    mark = unlike()
    lines = [
        series("height", [(T + at / 4, at) for at in range(200)], test=mark, odd='a "b" \\ c\n'),
        series("height", [(T, math.inf), (T + 1, math.nan), (T + 2, -0.1)], test=mark, odd="2"),
        series("other", [(T, 1e-300)], test=mark),
    ]
    promql = f'{{test="{mark}"}}[1h]'
    shared_prometheus.send(*lines)
    sent = shared_prometheus.result(promql, T + 100)
    with running(tmp_path / "p", history=lines) as server:
        filled = server.result(promql, T + 100)
    assert len(sent) == 3
    assert sorted(map(str, filled)) == sorted(map(str, sent))


def test_a_prometheus_ends_with_its_block(tmp_path: Path) -> None:
    with running(tmp_path / "p") as server:
        pid = server._running().pid
        assert runs(pid)
    assert not runs(pid)


def test_a_prometheus_ends_with_tests_that_are_killed(tmp_path: Path) -> None:
    program = f"""
import pathlib, time
from prometheus_kit import running
with running(pathlib.Path({str(tmp_path / "p")!r})) as server:
    print(server._running().pid, flush=True)
    time.sleep(60)
"""
    path = {"PYTHONPATH": f"{_ROOT}:{_ROOT / 'tests'}"}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **path}) as tests:
        assert tests.stdout is not None
        pid = int(tests.stdout.readline())
        assert runs(pid)
        tests.send_signal(signal.SIGKILL)
    until(lambda: not runs(pid), 10, "it is gone")


def test_a_bad_configuration_says_what_is_bad(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="no_such_section"), running(tmp_path / "p", config={"no_such_section": 1}):
        pass


def test_rules_change_while_it_runs(tmp_path: Path) -> None:
    with running(tmp_path / "p") as server:
        server.set_groups([{"name": "g", "rules": [{"record": "made", "expr": "vector(5)"}]}])
        assert server.until("made", 20)[0]["value"][1] == "5"


def test_what_is_exported_is_scraped_and_goes_stale(shared_prometheus: Server, shared_exporter: Exporter) -> None:
    mark = unlike()
    shared_exporter.set({f'height{{test="{mark}"}}': 5})
    assert shared_prometheus.until(f'height{{test="{mark}"}}', 20)[0]["value"][1] == "5"
    shared_exporter.set({f'height{{test="{mark}"}}': 6})
    shared_prometheus.until(f'height{{test="{mark}"}} == 6')
    shared_exporter.set({})
    until(lambda: not shared_prometheus.result(f'height{{test="{mark}"}}'), 10, "it is stale")


def test_an_exporter_can_be_down_and_late(shared_prometheus: Server, shared_exporter: Exporter) -> None:
    mark = unlike()
    shared_prometheus.until('up{job="shared"} == 1', 20)
    shared_exporter.down = True
    try:
        shared_prometheus.until('up{job="shared"} == 0')
    finally:
        shared_exporter.down = False
    shared_exporter.delay_s = 0.5
    shared_exporter.set({f'height{{test="{mark}"}}': 5})
    try:
        shared_prometheus.until('scrape_duration_seconds{job="shared"} > 0.5')
    finally:
        shared_exporter.delay_s = 0
    with shared_exporter.held():
        shared_prometheus.until('up{job="shared"} == 0')


def test_an_exporter_holds_back_what_it_is_told(tmp_path: Path) -> None:
    with exporting({"a": 1}) as exporter:
        started = time.monotonic()
        exporter.delay_s = 0.2
        assert exporter.text() == "a 1\n"
        assert time.monotonic() - started >= 0.2

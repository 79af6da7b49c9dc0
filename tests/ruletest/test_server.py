"""The private Prometheus itself."""

import contextlib
import os
import pathlib
import signal
import socket

import pytest

from prometheus_kit import running, until
from validationrun.judging.ruletest import server
from validationrun.judging.ruletest.remote_write import label_bytes
from validationrun.judging.ruletest.server import PrivatePrometheusError, find_binary, private_prometheus
from validationrun.oracle.prometheus_response import read_vector


def test_what_was_written_is_answered_at_once_and_another_one_knows_nothing_of_it():
    for _ in range(2):
        with private_prometheus(find_binary()) as prometheus:
            assert not read_vector(prometheus.ask.query("a", 20.0, 5.0)).samples
            prometheus.write([(label_bytes({"__name__": "a"}), [(10, 1.5)])])
            [sample] = read_vector(prometheus.ask.query("a", 20.0, 5.0)).samples
            assert sample.value == "1.5"


def test_samples_that_are_refused_are_no_silence():
    """A test must not go on with fewer samples than it gave."""
    with private_prometheus(find_binary()) as prometheus:
        prometheus.write([(label_bytes({"__name__": "a"}), [(10, 1.0)])])
        with pytest.raises(PrivatePrometheusError, match="refused samples: HTTP 400"):
            prometheus.write([(label_bytes({"__name__": "a"}), [(10, 2.0)])])


def test_a_prometheus_that_went_away_is_told():
    with private_prometheus(find_binary()) as prometheus:
        prometheus.write([(label_bytes({"__name__": "a"}), [(10, 1.5)])])
        kill(prometheus.url.rpartition(":")[2])
        with pytest.raises(PrivatePrometheusError, match="went away"):
            prometheus.write([(label_bytes({"__name__": "a"}), [(20, 1.5)])])


def kill(port):
    """The private Prometheus on this port, and waits until nobody listens there."""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"--web.listen-address=127.0.0.1:{port}".encode() in path.read_bytes().split(b"\0"):
                os.kill(int(path.parent.name), signal.SIGKILL)
    until(lambda: not listens(port), what="it is gone")


def listens(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", int(port))) == 0


def test_a_port_that_somebody_takes_meanwhile_is_left_to_him(tmp_path, monkeypatch):
    """His Prometheus would answer too, from data of his own."""
    with running(tmp_path / "his") as his:
        ports = iter([int(his.url.rpartition(":")[2])])
        free = server._free_port
        monkeypatch.setattr(server, "_free_port", lambda: next(ports, None) or free())
        with private_prometheus(find_binary()) as prometheus:
            assert prometheus.url != his.url
            assert list(ports) == []

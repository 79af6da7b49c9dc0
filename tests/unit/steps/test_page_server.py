"""The evaluator's `/metrics` under clients that mean it no good."""

import contextlib
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest

from validationrun.steps import page_server
from validationrun.steps.page_server import CLIENTS, PageServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PageServer]:
    monkeypatch.setattr(page_server, "CLIENT_SECONDS", 1.5)
    server = PageServer(0, lambda: b"up 1\n", "text/plain")
    yield server
    server.close()


def page(server: PageServer, timeout: float = 10) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=timeout) as response:
        assert response.headers["Content-Type"] == "text/plain"
        return str(response.read().decode())


def connected(server: PageServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def test_the_page_is_served_again_and_again(server: PageServer) -> None:
    assert [page(server) for _ in range(3 * CLIENTS)] == ["up 1\n"] * 3 * CLIENTS


def test_clients_that_say_nothing_take_no_threads_and_are_cut_off(server: PageServer) -> None:
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connected(server)) for _ in range(3 * CLIENTS)]
        assert threading.active_count() <= before
        assert silent[0].recv(100) == b""
        # Its turn comes once the others before it are cut off.
        assert page(server) == "up 1\n"


def cut_off(client: socket.socket, data: bytes, pause_s: float) -> bool:
    """Sends the data again and again; whether the server ended that within ten seconds."""
    until = time.monotonic() + 10
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < until:
            client.sendall(data)
            time.sleep(pause_s)
    return time.monotonic() < until


def test_a_client_that_sends_a_byte_at_a_time_is_cut_off_by_the_wall_clock(server: PageServer) -> None:
    began = time.monotonic()
    with connected(server) as client:
        assert cut_off(client, b"G", 0.05)
    assert 1.4 < time.monotonic() - began < 9
    assert page(server) == "up 1\n"


def test_a_client_that_sends_without_end_is_cut_off(server: PageServer) -> None:
    with connected(server) as client:
        assert cut_off(client, b"x" * 65536, 0)
    assert page(server) == "up 1\n"


def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_server, "CLIENT_SECONDS", 1.5)
    large = PageServer(0, lambda: b"x" * (16 << 20), "text/plain")
    with contextlib.closing(large), contextlib.ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(connected(large)).sendall(b"GET / HTTP/1.1\r\n\r\n")
        time.sleep(0.2)
        assert len(page(large)) == 16 << 20


def test_only_reading_is_allowed(server: PageServer) -> None:
    with connected(server) as client:
        client.sendall(b"POST /metrics HTTP/1.1\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 405 ")
    with connected(server) as client:
        client.sendall(b"HEAD /metrics HTTP/1.1\r\n\r\n")
        assert b"".join(iter(lambda: client.recv(4096), b"")).endswith(b"Content-Length: 5\r\n\r\n")

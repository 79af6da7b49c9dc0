"""
Serves one page over HTTP, to few clients at a time and for a short time each.

Whoever reaches the pod may connect, so that a client must not take threads, memory or time from the judging.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

CLIENTS: Final = 4
"""Clients that are served at a time; as many threads wait for them. A few more wait in the queue of the system."""

CLIENT_SECONDS: Final = 2.0
"""For the whole request and the whole response. Prometheus asks and reads in milliseconds."""

_QUEUE: Final = 8
_MOST_HEAD_BYTES: Final = 8 * 1024
_PAUSE_SECONDS: Final = 0.1


class PageServer:
    """Listens, from its construction on, on all addresses. Raises OSError when it cannot listen on the port."""

    def __init__(self, port: int, page: Callable[[], bytes], content_type: str) -> None:
        """
        Args:
            port: 0 for any.
            page: makes the page's text at each request.
        """
        self._page = page
        self._head = f"Content-Type: {content_type}\r\nConnection: close\r\n"
        self._socket = socket.create_server(("0.0.0.0", port), backlog=_QUEUE)  # noqa: S104 - Prometheus asks from another node
        self.port: int = self._socket.getsockname()[1]
        for _ in range(CLIENTS):
            threading.Thread(target=self._work, daemon=True).start()

    def close(self) -> None:
        """Ends the threads once their clients are served."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _work(self) -> None:
        while self._socket.fileno() != -1:
            try:
                client, _ = self._socket.accept()
            except OSError:
                # The socket is closed, or the process has too many files open.
                time.sleep(_PAUSE_SECONDS)
                continue
            with client, contextlib.suppress(OSError):
                self._serve(client, time.monotonic() + CLIENT_SECONDS)

    def _serve(self, client: socket.socket, until: float) -> None:
        method = _method(client, until)
        status, body = ("200 OK", self._page()) if method in ("GET", "HEAD") else ("405 Method Not Allowed", b"")
        head = f"HTTP/1.1 {status}\r\n{self._head}Content-Length: {len(body)}\r\n\r\n".encode()
        client.settimeout(_left(until))
        client.sendall(head + (b"" if method == "HEAD" else body))


def _method(client: socket.socket, until: float) -> str:
    """The method of a request, once its head is read. Raises OSError for a client that is slow, or sends too much."""
    head = b""
    while b"\r\n\r\n" not in head:
        client.settimeout(_left(until))
        part = client.recv(_MOST_HEAD_BYTES)
        head += part
        if not part or len(head) > _MOST_HEAD_BYTES:
            raise ConnectionError
    return head.split(b" ", 1)[0].decode("ascii", "replace")


def _left(until: float) -> float:
    """Raises TimeoutError when no time is left."""
    if (left := until - time.monotonic()) <= 0:
        raise TimeoutError
    return left

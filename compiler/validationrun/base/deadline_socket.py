"""
Sockets and name look-ups whose waits all end at one moment.

The time-out of an ordinary socket starts anew with every byte.
"""

import contextlib
import functools
import socket
import ssl
import threading
import time
from concurrent.futures import Future
from typing import Any, Final

from validationrun.base.background import in_background


def seconds_until(moment: float) -> float:
    """Seconds until a moment of the monotonic clock. Raises TimeoutError when it has passed."""
    seconds = moment - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class DeadlineSocket(socket.socket):
    """Every wait ends at `until`, a moment of the monotonic clock."""

    until = 0.0

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_until(self.until))
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(seconds_until(self.until))
        super().sendall(*args, **kwargs)


class _TlsSocket(DeadlineSocket, ssl.SSLSocket):
    """A DeadlineSocket over TLS."""


@functools.lru_cache(maxsize=4)
def tls_context(pem: str) -> ssl.SSLContext:
    """
    Trusts the certificates in `pem`, or the system's when it is empty. Raises SSLError when `pem` holds no certificate.

    Cached, because the system's certificates take more than a megabyte.
    """
    context = ssl.create_default_context(cadata=pem or None)
    context.sslsocket_class = _TlsSocket
    return context


def open_socket(addresses: list[Any], until: float) -> DeadlineSocket:
    """
    A connection to the first address that answers; the addresses share the time equally.

    Args:
        addresses: from `look_up`.

    Raises what the last address raised.
    """
    failure: OSError = TimeoutError()
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = DeadlineSocket(family, kind, protocol)
        try:
            sock.settimeout(seconds_until(until) / (len(addresses) - index))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


class _Names:
    """
    Looks names up within a time limit.

    The system's look-up cannot be cancelled, so it runs on a daemon thread, which is abandoned when it takes too long. Requests
    for the same name share one thread, so that an absent name server does not pile up threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], Future[list[Any]]] = {}

    def addresses(self, host: str, port: int, until: float) -> list[Any]:
        with contextlib.suppress(socket.gaierror):
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        with self._lock:
            future = self._running.get((host, port))
            if future is None:
                future = self._running[host, port] = in_background(self._look_up, host, port)
        return future.result(seconds_until(until))

    def _look_up(self, host: str, port: int) -> list[Any]:
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        finally:
            with self._lock:
                del self._running[host, port]


_names: Final = _Names()


def look_up(host: str, port: int, until: float) -> list[Any]:
    """As `socket.getaddrinfo`. Raises TimeoutError at `until`, and what `socket.getaddrinfo` raises."""
    return _names.addresses(host, port, until)

"""
One kept connection over HTTP, on which every exchange ends by the wall clock.

The time-out of a socket, which is what HTTP libraries offer, starts anew with every byte: a server that sends one a second
holds its client for ever. Here each wait ends at the same moment, from the look-up of the name to the last byte.
"""

import contextlib
import http.client
import re
import select
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, cast

from validationrun.oracle.model import Fault
from validationrun.oracle.outcome import RuleReason

CA_FILE: Final = "VALIDATION_PROMETHEUS_CA_FILE"
"""The environment variable that says whom to trust."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""No answer to a rule is near this; an endless one must not fill the memory."""

_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[\w.:%-]+")
_UNQUOTED: Final = "/%:@!$&'()*+,;=~"
_REDIRECTS: Final = range(300, 400)
_SHOWN: Final = 200
_UNKNOWN_SIGNER: Final = frozenset({18, 19, 20, 21})
"""OpenSSL's codes for a chain that ends in nobody whom we know."""


class NoReplyError(Exception):
    """Nothing usable came back; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def _unavailable(message: str) -> NoReplyError:
    return NoReplyError(Fault(RuleReason.PROMETHEUS_UNAVAILABLE, message))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads; `path` goes before the path of each request."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Raises NoReplyError for what is no URL of a server."""
        shape = "it must be such as http://prometheus.monitoring.svc:9090 or https://example.com/prometheus"
        try:
            parts = urllib.parse.urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _unavailable(f"{url!r} is no URL; {shape}") from None
        if parts.username is not None or parts.password is not None:
            # Not shown: it holds a password, and messages are kept.
            raise _unavailable("the URL of Prometheus holds credentials; put them into a token file or a headers file")
        if parts.scheme not in _PORTS or not _HOST.fullmatch(host or "") or parts.query or parts.fragment:
            raise _unavailable(f"{url!r} is no URL of a Prometheus; {shape}")
        path = urllib.parse.quote(parts.path.rstrip("/"), safe=_UNQUOTED)
        return cls(parts.scheme, str(host), _PORTS[parts.scheme] if port is None else port, path)

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def _left(until: float) -> float:
    """Seconds until then. Raises TimeoutError when there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Socket(socket.socket):
    """Every wait ends at `until`, a moment of the monotonic clock."""

    until = 0.0

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_left(self.until))
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_left(self.until))
        super().sendall(*args, **kwargs)


class _TlsSocket(ssl.SSLSocket):
    """The same over TLS."""

    until = 0.0

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_left(self.until))
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_left(self.until))
        super().sendall(*args, **kwargs)


_AnySocket = _Socket | _TlsSocket


def tls_context(pem: str) -> ssl.SSLContext:
    """Trusts the certificates in `pem`, or the system's when it is empty. Raises SSLError for what is no certificate."""
    context = ssl.create_default_context(cadata=pem or None)
    context.sslsocket_class = _TlsSocket
    return context


class _Names:
    """
    Looks names up, and waits no longer than it may.

    The system's look-up cannot be ended, so it has a thread of its own, left behind when it takes too long. Whoever needs the
    same name meanwhile waits for the same thread, so that a name server that is away does not collect them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], Future[list[Any]]] = {}

    def addresses(self, host: str, port: int, until: float) -> list[Any]:
        """As socket.getaddrinfo gives them. Raises TimeoutError, or what it raises."""
        with contextlib.suppress(socket.gaierror):
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        key = (host, port)
        with self._lock:
            future = self._running.get(key)
            if future is None:
                future = self._running[key] = Future()
                threading.Thread(target=self._look_up, args=(key, future), name=f"look up {host}", daemon=True).start()
        return future.result(_left(until))

    def _look_up(self, key: tuple[str, int], future: Future[list[Any]]) -> None:
        found, failure = [], None
        try:
            found = socket.getaddrinfo(*key, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            failure = error
        with self._lock:
            del self._running[key]
        if failure is None:
            future.set_result(found)
        else:
            future.set_exception(failure)


_names: Final = _Names()


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response."""

    status: int
    body: bytes


class Connection:
    """To one server. Opened when it is needed, kept as long as it works. Not for several threads at once."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._http = http.client.HTTPConnection(target.host, target.port)
        # Decides whether the port is written into the Host header.
        self._http.default_port = _PORTS[target.scheme]
        self._context: ssl.SSLContext | None = None

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        context: ssl.SSLContext | None,
        timeout_s: float,
    ) -> Response:
        """
        Sends one request and reads the whole response.

        Args:
            path: below the target's own.
            context: whom to trust; None for no TLS.
            timeout_s: for all of it: look-up, connection, TLS, request and response.

        Raises NoReplyError.
        """
        try:
            if context is not self._context:
                self.close()
                self._context = context
            return self._ask(method, path, body, headers, timeout_s)
        except BaseException as error:
            # What is left of an exchange that failed would be read as the answer to the next.
            self.close()
            if (fault := _fault(self._target, error, timeout_s)) is None:
                raise
            raise NoReplyError(fault) from None

    def close(self) -> None:
        self._http.close()

    def __del__(self) -> None:
        """Whoever forgets a connection leaves no socket open."""
        self.close()

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> Response:
        until = time.monotonic() + timeout_s
        response = None
        if (kept := self._kept()) is not None:
            # The server may close it at this very moment; on a new connection the same would be its answer.
            with contextlib.suppress(http.client.RemoteDisconnected, ConnectionError):
                response = self._head(kept, method, path, body, headers, until)
        if response is None:
            self.close()
            response = self._head(self._connect(until, timeout_s), method, path, body, headers, until)
        return self._whole(response)

    def _kept(self) -> _AnySocket | None:
        """The connection, if it can be used again."""
        sock = cast(_AnySocket | None, self._http.sock)
        if sock is None:
            return None
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        # Anything to read before a request was sent is its end, or nonsense.
        return None if poll.poll(0) else sock

    def _head(
        self, sock: _AnySocket, method: str, path: str, body: bytes | None, headers: Mapping[str, str], until: float
    ) -> http.client.HTTPResponse:
        sock.until = until
        self._http.request(method, self._target.path + path, body, headers)
        return self._http.getresponse()

    def _whole(self, response: http.client.HTTPResponse) -> Response:
        with response:
            content = response.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise _too_much(self._target)
            if response.length:
                raise _unavailable(f"{self._target}: the answer broke off after {len(content)} bytes")
            if not response.isclosed():
                # It has no end of its own but the connection's.
                self.close()
        location = response.headers.get("Location")
        if location is not None and response.status in _REDIRECTS:
            raise _redirected(self._target, response.status, location)
        return Response(response.status, content)

    def _connect(self, until: float, timeout_s: float) -> _AnySocket:
        target = self._target
        try:
            addresses = _names.addresses(target.host, target.port, until)
        except TimeoutError:
            raise _late(f"{target.host} was not looked up within {timeout_s:g}s") from None
        except (OSError, ValueError) as error:
            raise _unavailable(f"{target.host} cannot be looked up: {_words(error)}") from None
        try:
            sock = _open(addresses, until)
        except TimeoutError:
            raise _late(
                f"{target}: no connection within {timeout_s:g}s; a NetworkPolicy may be in the way: "
                "the one of kube-prometheus lets only its own parts ask"
            ) from None
        except OSError as error:
            raise _unavailable(f"{target}: no connection: {_words(error)}") from None
        opened = sock if self._context is None else _secured(target, sock, self._context, until)
        self._http.sock = opened
        return opened


def _open(addresses: list[Any], until: float) -> _Socket:
    """The first address that answers; each has an equal part of the time. Raises what the last one raised."""
    failure: OSError = TimeoutError()
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = _Socket(family, kind, protocol)
        try:
            sock.settimeout(_left(until) / (len(addresses) - index))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _secured(target: Target, sock: _Socket, context: ssl.SSLContext, until: float) -> _TlsSocket:
    try:
        sock.settimeout(_left(until))
        return cast(_TlsSocket, context.wrap_socket(sock, server_hostname=target.host))
    except TimeoutError:
        sock.close()
        raise
    except ssl.SSLCertVerificationError as error:
        sock.close()
        hint = f"; {CA_FILE} names the file with the CA to trust" if error.verify_code in _UNKNOWN_SIGNER else ""
        raise _unavailable(f"{target}: its certificate is not trusted: {error.verify_message}{hint}") from None
    except (OSError, ValueError) as error:
        sock.close()
        raise _unavailable(f"{target}: no TLS: {_words(error)}; is it http?") from None


def _fault(target: Target, error: BaseException, timeout_s: float) -> Fault | None:
    """What an error of an exchange means; None when it is ours."""
    if isinstance(error, NoReplyError):
        return error.fault
    if isinstance(error, TimeoutError):
        return Fault(RuleReason.TIMEOUT, f"{target}: no whole answer within {timeout_s:g}s")
    if isinstance(error, http.client.RemoteDisconnected | OSError):
        return Fault(RuleReason.PROMETHEUS_UNAVAILABLE, f"{target}: {_words(error)}")
    if isinstance(error, http.client.HTTPException | ValueError):
        return Fault(RuleReason.PROMETHEUS_UNAVAILABLE, f"{target}: no whole response of HTTP: {str(error)[:_SHOWN]!r}")
    return None


def _late(message: str) -> NoReplyError:
    return NoReplyError(Fault(RuleReason.TIMEOUT, message))


def _redirected(target: Target, status: int, location: str) -> NoReplyError:
    where = f"HTTP {status}, a redirect to {location[:_SHOWN]!r}"
    return _unavailable(f"{target}: {where}; redirects are not followed, give the URL that answers itself")


def _too_much(target: Target) -> NoReplyError:
    return _unavailable(f"{target}: an answer of more than {MOST_BYTES // 1024 // 1024} MiB; ask for fewer series")


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error) or type(error).__name__

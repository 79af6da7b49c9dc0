"""
HTTP requests with one deadline; every request to Prometheus and to a chain is sent here.

The socket time-out of HTTP libraries starts anew with every byte, so a server that sends one byte a second holds its client
for ever. Here every wait ends at the same moment, from the name look-up to the last byte.
"""

import contextlib
import enum
import http.client
import json
import math
import re
import select
import ssl
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

from msgspec import Struct, field

from validationrun.base.deadline_socket import DeadlineSocket, look_up, open_socket, seconds_until, tls_context
from validationrun.base.text import printable

MOST_BYTES: Final = 8 * 1024 * 1024
"""Far above every expected answer; an endless answer must not fill the memory."""

SMALL_BYTES: Final = 64 * 1024
"""A body of this size is read whenever it comes; `Limits.turn` is for larger ones."""

_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[\w.:%-]+")
_UNQUOTED: Final = "/%:@!$&'()*+,;=~"
_REDIRECTS: Final = range(300, 400)
_SHOWN: Final = 200
_UNKNOWN_SIGNER: Final = frozenset({18, 19, 20, 21})
"""OpenSSL's codes for a certificate chain that ends at an unknown signer."""


class Problem(enum.Enum):
    """Why there is no response, as far as callers distinguish causes."""

    LATE = enum.auto()
    NO_ADDRESS = enum.auto()
    NO_CONNECTION_IN_TIME = enum.auto()
    UNKNOWN_SIGNER = enum.auto()
    TOO_LARGE = enum.auto()
    OTHER = enum.auto()


class NoResponseError(Exception):
    """There is no complete response; `detail` says why, in printable text and without the name of the server."""

    def __init__(self, origin: object, detail: str, problem: Problem = Problem.OTHER) -> None:
        # The detail may quote the server.
        self.detail = printable(detail)
        super().__init__(f"{origin}: {self.detail}")
        self.problem = problem

    @property
    def late(self) -> bool:
        return self.problem in (Problem.LATE, Problem.NO_CONNECTION_IN_TIME)


class Origin(Struct, frozen=True):
    """Scheme, host and port of a server."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def split_url(url: str) -> tuple[Origin, str]:
    """
    The server of a URL, and the quoted path without a slash at its end.

    Raises ValueError for a URL that is not http or https, or that has credentials, a query or a fragment.
    """
    parts = urllib.parse.urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("not the URL of a server")
    path = urllib.parse.quote(parts.path.rstrip("/"), safe=_UNQUOTED)
    return Origin(parts.scheme, host, _PORTS[parts.scheme] if port is None else port), path


class Request(Struct, frozen=True):
    """A request; `path` may have a query."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


class Turn(Protocol):
    """Lets threads take turns with large bodies."""

    def take(self, until: float) -> None:
        """Waits for the turn. Raises TimeoutError at `until`, a moment of the monotonic clock."""


class Limits(Struct, frozen=True):
    """
    Limits of a body.

    Attributes:
        most_bytes: a longer body is an error.
        turn: taken before more than `SMALL_BYTES` are read; the caller gives it back.
    """

    most_bytes: int = MOST_BYTES
    turn: Turn | None = None


_DEFAULT_LIMITS: Final = Limits()


class Response(Struct, frozen=True):
    """A complete response."""

    status: int
    body: bytes


def fetch_json(url: str, document: object = None, *, timeout_s: float, most_bytes: int) -> Any:
    """
    The JSON behind a URL, by GET, or by POST with a document, on a new connection.

    Raises NoResponseError, also for a status other than 200 or a body that is not JSON. A number that no float can hold, such
    as 1e999, is not JSON, because it would become infinite.
    """
    try:
        origin, path = split_url(url)
    except ValueError as error:
        raise NoResponseError(url, str(error)) from None
    request = Request("GET", path or "/")
    if document is not None:
        request = Request("POST", path or "/", {"Content-Type": "application/json"}, json.dumps(document).encode())
    context = tls_context("") if origin.scheme == "https" else None
    with contextlib.closing(Connection(origin)) as connection:
        response = connection.exchange(request, context, timeout_s, Limits(most_bytes))
    if response.status != http.client.OK:
        raise NoResponseError(origin, f"HTTP {response.status}")
    try:
        return json.loads(response.body, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        raise NoResponseError(origin, "the answer is not JSON") from None


class Connection:
    """A connection to one server, opened when needed and kept while it works. Only one thread at a time may use it."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._http = http.client.HTTPConnection(origin.host, origin.port)
        # Without this, the Host header of https would hold the default port.
        self._http.default_port = _PORTS[origin.scheme]
        self._context: ssl.SSLContext | None = None

    def exchange(
        self, request: Request, context: ssl.SSLContext | None, timeout_s: float, limits: Limits = _DEFAULT_LIMITS
    ) -> Response:
        """
        Sends one request and reads the complete response. Follows no redirect.

        Args:
            context: TLS settings; None for no TLS.
            timeout_s: for look-up, connection, TLS, request and response together.

        Raises NoResponseError.
        """
        try:
            if context is not self._context:
                self.close()
                self._context = context
            return self._ask(request, timeout_s, limits)
        except BaseException as error:
            # The rest of a failed exchange would be read as the answer to the next request.
            self.close()
            if (failure := self._failure(error, timeout_s)) is None:
                raise
            raise failure from None

    def close(self) -> None:
        self._http.close()

    def __del__(self) -> None:
        """Closes the socket of a forgotten connection."""
        self.close()

    def _ask(self, request: Request, timeout_s: float, limits: Limits) -> Response:
        until = time.monotonic() + timeout_s
        response = None
        if (kept := self._kept()) is not None:
            # The server may close a kept connection just now; then a new connection gets the answer.
            with contextlib.suppress(http.client.RemoteDisconnected, ConnectionError):
                response = self._head(kept, request, until)
        if response is None:
            self.close()
            response = self._head(self._connect(until, timeout_s), request, until)
        return self._whole(response, limits, until)

    def _kept(self) -> DeadlineSocket | None:
        """The open connection, if it can be used again."""
        sock = cast(DeadlineSocket | None, self._http.sock)
        if sock is None:
            return None
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        # Readable before a request: the connection has ended, or holds nonsense.
        return None if poll.poll(0) else sock

    def _head(self, sock: DeadlineSocket, request: Request, until: float) -> http.client.HTTPResponse:
        sock.until = until
        self._http.request(request.method, request.path, request.body, request.headers)
        return self._http.getresponse()

    def _whole(self, response: http.client.HTTPResponse, limits: Limits, until: float) -> Response:
        with response:
            content = response.read(min(SMALL_BYTES, limits.most_bytes) + 1)
            if SMALL_BYTES < len(content) <= limits.most_bytes:
                if limits.turn is not None:
                    limits.turn.take(until)
                content += response.read(limits.most_bytes + 1 - len(content))
            if len(content) > limits.most_bytes:
                size = f"{limits.most_bytes // 1024 // 1024} MiB"
                raise NoResponseError(self._origin, f"an answer of more than {size}", Problem.TOO_LARGE)
            if response.length:
                raise NoResponseError(self._origin, f"the answer broke off after {len(content)} bytes")
            if not response.isclosed():
                # Only the end of the connection ends this body.
                self.close()
        location = response.headers.get("Location")
        if location is not None and response.status in _REDIRECTS:
            raise NoResponseError(
                self._origin,
                f"HTTP {response.status}, a redirect to {location[:_SHOWN]!r}; redirects are not followed, "
                "give the URL that answers itself",
            )
        return Response(response.status, content)

    def _connect(self, until: float, timeout_s: float) -> DeadlineSocket:
        try:
            addresses = look_up(self._origin.host, self._origin.port, until)
        except TimeoutError:
            raise NoResponseError(
                self._origin, f"the name was not looked up within {timeout_s:g}s", Problem.LATE
            ) from None
        except (OSError, ValueError) as error:
            raise NoResponseError(
                self._origin, f"the name cannot be looked up: {_reason(error)}", Problem.NO_ADDRESS
            ) from None
        try:
            sock = open_socket(addresses, until)
        except TimeoutError:
            raise NoResponseError(
                self._origin, f"no connection within {timeout_s:g}s", Problem.NO_CONNECTION_IN_TIME
            ) from None
        except OSError as error:
            raise NoResponseError(self._origin, f"no connection: {_reason(error)}") from None
        opened = sock if self._context is None else self._secured(sock, self._context, until)
        self._http.sock = opened
        return opened

    def _secured(self, sock: DeadlineSocket, context: ssl.SSLContext, until: float) -> DeadlineSocket:
        try:
            sock.settimeout(seconds_until(until))
            return cast(DeadlineSocket, context.wrap_socket(sock, server_hostname=self._origin.host))
        except TimeoutError:
            sock.close()
            raise
        except ssl.SSLCertVerificationError as error:
            sock.close()
            problem = Problem.UNKNOWN_SIGNER if error.verify_code in _UNKNOWN_SIGNER else Problem.OTHER
            detail = f"its certificate is not trusted: {error.verify_message}"
            raise NoResponseError(self._origin, detail, problem) from None
        except (OSError, ValueError) as error:
            sock.close()
            raise NoResponseError(self._origin, f"no TLS: {_reason(error)}; is it http?") from None

    def _failure(self, error: BaseException, timeout_s: float) -> NoResponseError | None:
        """The NoResponseError for an error of an exchange; None when the error is ours."""
        if isinstance(error, NoResponseError):
            return error
        if isinstance(error, TimeoutError):
            return NoResponseError(self._origin, f"no whole answer within {timeout_s:g}s", Problem.LATE)
        if isinstance(error, http.client.RemoteDisconnected | OSError):
            return NoResponseError(self._origin, _reason(error))
        if isinstance(error, http.client.HTTPException | ValueError):
            return NoResponseError(self._origin, f"no whole response of HTTP: {str(error)[:_SHOWN]!r}")
        return None


def _finite(text: str) -> float:
    """Raises ValueError for a number that is infinite, or none."""
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error) or type(error).__name__

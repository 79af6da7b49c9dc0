"""Requests to an API server: retried while it is away; one error class per way to handle a refusal."""

import json
import logging
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import urllib3

logger = logging.getLogger(__name__)

Object = dict[str, Any]

_TIMEOUT: Final = urllib3.Timeout(connect=5, read=30)

PATIENCE_SECONDS: Final = 60
"""How long a fault is retried: an API server that restarts is back within this time."""

_RETRIED: Final = frozenset({429, 500, 502, 503, 504})
_CONFLICT: Final = 409
_REFUSED: Final = frozenset({401, 403})
_REFUSALS: Final = 4
"""Refusals retried after an API server was away, because it serves before it has read its roles and keys."""

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0

FIELD_MANAGER: Final = "validationrun"


class NoClusterError(Exception):
    """No cluster is configured; the message says what was tried."""


class ClusterError(Exception):
    """
    The API server refused a request, or did not answer it.

    Attributes:
        status: HTTP status; 0 when there was no answer.
        reason: Kubernetes' reason, such as `AlreadyExists`; empty when it gave none.
    """

    def __init__(self, message: str, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class AlreadyExistsError(ClusterError):
    """An object of that name exists."""


class ConflictError(ClusterError):
    """Another writer was first, or owns a field."""


class ForbiddenError(ClusterError):
    """The account lacks a right; the message says which verb on which resource."""


class InvalidError(ClusterError):
    """The API server refuses the object: its content is wrong (400, 422)."""


class WatchLostError(ClusterError):
    """A watch cannot continue: changes may have been missed, so list again."""


class UnreachableError(ClusterError):
    """No answer, or only faults, until the patience ran out. Whether the request took effect is unknown."""


class NotFoundError(ClusterError):
    """There is no such object, or no such kind."""


class Access(Protocol):
    """
    The address of an API server, and the credentials for it.

    Attributes:
        url: of the API server, without a path.
        pool: connections to it, with its TLS settings.
    """

    @property
    def url(self) -> str: ...

    @property
    def pool(self) -> urllib3.PoolManager: ...

    def headers(self) -> dict[str, str]:
        """The authorization headers of one request. Raises NoClusterError when there is no credential now."""
        ...


class ApiServer:
    """
    One API server, asked as one user.

    Args:
        patience_s: how long a fault is retried.
    """

    def __init__(self, access: Access, *, patience_s: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._access = access
        self._patience_s = patience_s
        self._sleep = sleep

    def patient(self, seconds: float) -> "ApiServer":
        """A copy that retries for up to `seconds`."""
        return ApiServer(self._access, patience_s=seconds, sleep=self._sleep)

    @property
    def url(self) -> str:
        return self._access.url

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """The object in the answer. Raises ClusterError and its subclasses, as `send`."""
        return _object(f"{method} {path}", self.send(method, path, query, body, content_type))

    def ask_lines(self, path: str, query: Mapping[str, str]) -> Iterator[Object]:
        """The objects of a GET whose answer has one object per line, once the answer has ended."""
        for line in self.send("GET", path, query).splitlines():
            yield _object(f"GET {path}", line)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        """The body of the answer, with retries until the patience runs out. Raises ClusterError and its subclasses."""
        until = time.monotonic() + self._patience_s
        pause, was_away, refusals = _FIRST_PAUSE_SECONDS, False, 0
        while True:
            try:
                status, text = self._once(method, path, query, body, content_type)
            except (urllib3.exceptions.HTTPError, OSError, NoClusterError) as error:
                status, text = 0, _fault(error).encode()
            if status in range(200, 300):
                return text
            if (
                status == 0
                or status in _RETRIED
                or (status == _CONFLICT and method == "POST" and _message(text)[1] == "Conflict")
            ):
                # A POST names no version, so this conflict is between two requests that count against one quota.
                was_away = True
                failure: ClusterError = UnreachableError(f"{method} {self.url}{path}: {_message(text)[0]}", status)
            else:
                failure = _error(method, path, status, text)
                refusals += 1
                if status not in _REFUSED or not was_away or refusals > _REFUSALS:
                    raise failure
            if time.monotonic() + pause > until:
                raise failure
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _once(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None, content_type: str
    ) -> tuple[int, bytes]:
        began = time.monotonic()
        headers = {"Accept": "application/json", "User-Agent": FIELD_MANAGER, **self._access.headers()}
        if body is not None:
            headers["Content-Type"] = content_type
        url = self.url + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        answer = self._access.pool.request(
            method,
            url,
            headers=headers,
            body=None if body is None else json.dumps(body).encode(),
            timeout=_TIMEOUT,
            retries=False,
            redirect=False,
        )
        # Don't log headers, which hold the token, or bodies, which may hold a Secret.
        logger.debug("%s %s: %d in %.0fms", method, url, answer.status, 1000 * (time.monotonic() - began))
        return answer.status, answer.data


def _object(request: str, text: bytes) -> Object:
    try:
        answer = json.loads(text)
    except ValueError:
        raise ClusterError(f"{request}: the answer is no JSON; is there a proxy in between?") from None
    if not isinstance(answer, dict):
        raise ClusterError(f"{request}: the answer is no object")
    return answer


def _error(method: str, path: str, status: int, text: bytes) -> ClusterError:
    message, reason = _message(text)
    kinds: dict[int, type[ClusterError]] = {
        400: InvalidError,
        401: ForbiddenError,
        403: ForbiddenError,
        404: NotFoundError,
        410: WatchLostError,
        409: AlreadyExistsError if reason == "AlreadyExists" else ConflictError,
        422: InvalidError,
    }
    return kinds.get(status, ClusterError)(message or f"{method} {path}: HTTP {status}", status, reason)


def _fault(error: Exception) -> str:
    """Why there was no answer, without the names of the library's objects."""
    message = str(error)
    return (
        message.split(": ", 1)[1] if message.startswith(("HTTPConnection", "HTTPSConnection", "<urllib3")) else message
    )


def _message(text: bytes) -> tuple[str, str]:
    """Message and reason of a Kubernetes Status, or the text itself."""
    try:
        status = json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace").strip()[:500], ""
    if not isinstance(status, dict):
        return str(status)[:500], ""
    return str(status.get("message") or ""), str(status.get("reason") or "")

"""Queries one Prometheus through prometheus-api-client."""

import datetime as dt
import io
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self, cast

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from validationrun.base.conventions import PROMETHEUS_CA_FILE
from validationrun.base.http import (
    SMALL_BYTES,
    Connection,
    Limits,
    NoResponseError,
    Origin,
    Problem,
    Request,
    split_url,
)
from validationrun.oracle import prometheus_response
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.large_answers import PARSING, only_alert, within_bounds
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_url import split_parameters
from validationrun.prometheus.access import Access, CredentialsError

_OPEN: Final = Access()
_MIB: Final = 1024 * 1024
_VECTOR: Final = Limits(2 * _MIB)
"""Enough for 10,000 series of a query that aggregates, and 32 of them fit into the evaluator's memory."""
_SAMPLES: Final = Limits(6 * _MIB)
"""Enough for 200,000 raw samples."""
_LIST_BYTES: Final = 4 * _MIB
"""Enough for all alerts of a large Prometheus, or for the names of all its metrics."""
_DEFAULT: Final = Limits()
_NO_RESPONSE: Final = RuleReason.PROMETHEUS_UNAVAILABLE
_REASONS: Final = {Problem.TOO_LARGE: RuleReason.SERVER_LIMIT}
_LISTS_AT_A_TIME: Final = threading.BoundedSemaphore(2)
FIRST_ANSWER_SECONDS: Final = 10.0
_DEFAULT_TIMEOUT_S: Final = 30.0
_HEADERS: Final = {"User-Agent": "validationrun", "Accept": "application/json"}
_UNREAD: Final = (
    PrometheusApiClientException, requests.RequestException, ValueError, KeyError, TypeError, RecursionError
)  # fmt: skip
"""What the library raises for a status other than 200 and for an unreadable body; the kept reply holds more detail."""

_ADVICE: Final = {
    Problem.NO_CONNECTION_IN_TIME: "; a NetworkPolicy may be in the way: "
    "the one of kube-prometheus lets only its own parts ask",
    Problem.UNKNOWN_SIGNER: f"; {PROMETHEUS_CA_FILE} names the file with the CA to trust",
    Problem.TOO_LARGE: "; aggregate, or ask for fewer series",
}


class _Turn:
    """The turn of a large list. A context manager: the turn ends with the block, once the list is reduced."""

    def __init__(self) -> None:
        self._taken = False

    def take(self, until: float) -> None:
        if not _LISTS_AT_A_TIME.acquire(timeout=max(0.0, until - time.monotonic())):
            raise TimeoutError
        self._taken = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._taken:
            _LISTS_AT_A_TIME.release()


class _Transport(requests.adapters.BaseAdapter):
    """Sends the requests of a session over one connection of `base.http`, and keeps the last reply."""

    def __init__(self, url: str, access: Access) -> None:
        """Raises ValueError when the URL cannot be used for a Prometheus."""
        super().__init__()
        self.limits = Limits()
        """Of the next responses."""
        self._reply: Reply | None = None
        self._access = access
        self._origin, self._path, self._parameters = _parse(url)
        self._connection = Connection(self._origin)

    @property
    def url(self) -> str:
        """Without the parameters that go with every request."""
        return f"{self._origin.scheme}://{self._origin}{self._path}"

    def take_reply(self) -> Reply | None:
        """The reply to the last request; None when there was no response, or when the reply was taken before."""
        reply, self._reply = self._reply, None
        return reply

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Ignores the session's TLS settings and the environment's proxies; `timeout` is for the whole exchange."""
        del stream, verify, cert, proxies
        headers = {**cast(Mapping[str, str], request.headers), **self._access.headers(self.url)}
        # The session sends only forms.
        body = str(request.body).encode() if request.body else None
        context = self._access.tls() if self._origin.scheme == "https" else None
        sent = Request(request.method or "GET", self._with_parameters(request.path_url), headers, body)
        received = self._connection.exchange(sent, context, timeout or _DEFAULT_TIMEOUT_S, self.limits)
        self._reply = Reply(received.status, received.body, None)
        response = requests.Response()
        # The library would parse the body only to throw the result away.
        unread = received.body if len(received.body) <= SMALL_BYTES else b""
        response.status_code, response.raw = received.status, io.BytesIO(unread)
        response.request, response.url = request, request.url or ""
        return response

    def _with_parameters(self, path: str) -> str:
        """In the URL also for POST, because a proxy that looks for its tenant there reads no form."""
        path, _, query = path.partition("?")
        query = "&".join(filter(None, (query, self._parameters)))
        return f"{path}?{query}" if query else path

    def close(self) -> None:
        self._connection.close()


class _Session(requests.Session):
    """
    The session that the library sends through.

    It follows no redirect and reads no ~/.netrc, because queries and credentials must not depend on the machine.
    """

    def __init__(self, transport: _Transport) -> None:
        super().__init__()
        self.trust_env = False
        self.headers = requests.structures.CaseInsensitiveDict(_HEADERS)
        self._transport = transport

    def get_adapter(self, url: str | bytes) -> _Transport:
        del url
        return self._transport

    def request(self, method: Any, url: Any, params: Any = None, **options: Any) -> requests.Response:  # type: ignore[override]
        """Sends POST parameters in the body. The library puts them into the URL, whose length servers limit."""
        kind = "data" if method == "POST" else "params"
        return super().request(method, url, allow_redirects=False, **{**options, kind: params})

    def close(self) -> None:
        super().close()
        self._transport.close()


class Prometheus:
    """
    One Prometheus, over one connection. One thread at a time may use it, so each rule has its own instance.

    The parameters in its URL go with every request.

    An invalid URL or an unreadable file of `access` makes every reply a fault.
    """

    def __init__(self, url: str, access: Access = _OPEN) -> None:
        self.url = url if "?" in url else url.rstrip("/")
        self._invalid_url: Fault | None = None
        try:
            self._transport = _Transport(self.url, access)
        except ValueError as error:
            self._invalid_url = Fault(RuleReason.PROMETHEUS_UNAVAILABLE, str(error))
            return
        self._session = _Session(self._transport)
        self._library = PrometheusConnect(self._transport.url, session=self._session, method="POST")

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply:
        """
        An instant query. An answer of more than 2 MiB or 10,000 series is a fault; raw samples may have 6 MiB.

        Args:
            t: evaluation time in Unix seconds; None for Prometheus' current time.
            timeout_s: for the whole exchange; also sent to Prometheus.
        """
        parameters = {"timeout": f"{timeout_s:.3f}"}
        if t is not None:
            parameters["time"] = f"{t:.3f}"
        limits = _SAMPLES if promql.rstrip().endswith("]") else _VECTOR
        return within_bounds(
            self._reply(lambda: self._library.custom_query(promql, parameters, timeout=timeout_s), limits)
        )

    def query_range(self, promql: str, start: float, end: float, step_s: float, timeout_s: float) -> Reply:
        """A range query, evaluated at `start` and every `step_s` after it, up to and including `end`."""
        # These replace the library's own times, which are rounded to whole seconds.
        parameters = {
            "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_s:.3f}", "timeout": f"{timeout_s:.3f}"
        }  # fmt: skip
        never = dt.datetime.fromtimestamp(0, dt.UTC)
        return self._reply(
            lambda: self._library.custom_query_range(promql, never, never, "", parameters, timeout=timeout_s)
        )

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        """The reply of `/api/v1/rules` for an alert, with its instances. A large reply is reduced to this alert."""
        parameters = {"type": "alert", "rule_name[]": alertname}
        with _Turn() as turn:
            return only_alert(self._send("GET", "rules", parameters, timeout_s, Limits(_LIST_BYTES, turn)), alertname)

    def label_values(
        self, label: str, matches: Sequence[str], start: float, end: float, timeout_s: float
    ) -> list[str] | Fault:
        """The values of a label on the series that any of `matches` selects, or on all series when `matches` is empty."""
        path = f"label/{urllib.parse.quote(label, safe='')}/values"
        with _Turn() as turn:
            limits = Limits(_LIST_BYTES, turn)
            reply = self._send("GET", path, _selected(matches, start, end), timeout_s, limits)
            with PARSING:
                return prometheus_response.read_values(reply)

    def label_names(self, matches: Sequence[str], start: float, end: float, timeout_s: float) -> list[str] | Fault:
        """The names of the labels on the series that any of `matches` selects, in alphabetical order."""
        return prometheus_response.read_values(self._send("POST", "labels", _selected(matches, start, end), timeout_s))

    def series(
        self, matches: Sequence[str], start: float, end: float, timeout_s: float, limit: int = 1000
    ) -> list[dict[str, str]] | Fault:
        """The labels of at most `limit` series that any of `matches` selects."""
        parameters = {**_selected(matches, start, end), "limit": str(limit)}
        reply = self._send("POST", "series", parameters, timeout_s, _VECTOR)
        with PARSING:
            series = prometheus_response.read_series(reply)
        # An older Prometheus ignores the limit.
        return series if isinstance(series, Fault) else series[:limit]

    def clock(self, timeout_s: float, t: float | None = None) -> float | Fault:
        """Prometheus' own time, or the time at which it evaluates a query about `t`; in Unix seconds."""
        answer = prometheus_response.read_vector(self.query("time()", t, timeout_s))
        if isinstance(answer, Fault):
            return answer
        if len(answer.samples) != 1:
            return Fault(RuleReason.PROMETHEUS_UNAVAILABLE, f"{self.url}: time() gave {len(answer.samples)} values")
        return float(answer.samples[0].value)

    def version(self, timeout_s: float) -> str | Fault:
        """The version of Prometheus, such as 2.42.0."""
        return prometheus_response.read_version(self._send("GET", "status/buildinfo", {}, timeout_s))

    def close(self) -> None:
        if self._invalid_url is None:
            self._session.close()

    def _send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str | list[str]],
        timeout_s: float,
        limits: Limits = _DEFAULT,
    ) -> Reply:
        """Sends a request that the library has no method for."""
        return self._reply(
            lambda: self._session.request(
                method, f"{self._transport.url}/api/v1/{path}", params=parameters, timeout=timeout_s
            ),
            limits,
        )

    def _reply(self, send: Callable[[], object], limits: Limits = _DEFAULT) -> Reply:
        """The reply to the one request that `send` sends."""
        if self._invalid_url is not None:
            return Reply(None, b"", self._invalid_url)
        problem, self._transport.limits = "", limits
        try:
            send()
        except NoResponseError as error:
            reason = RuleReason.TIMEOUT if error.late else _REASONS.get(error.problem, _NO_RESPONSE)
            return Reply(None, b"", Fault(reason, f"{error}{_ADVICE.get(error.problem, '')}"))
        except (CredentialsError, *_UNREAD) as error:
            problem = str(error)
        reply = self._transport.take_reply()
        return Reply(None, b"", Fault(RuleReason.PROMETHEUS_UNAVAILABLE, problem)) if reply is None else reply


def _parse(url: str) -> tuple[Origin, str, str]:
    """Server, path and query string. Raises ValueError, with a message for people."""
    shape = "it must be such as http://prometheus.monitoring.svc:9090 or https://example.com/prometheus"
    try:
        has_password = "@" in urllib.parse.urlsplit(url).netloc
    except ValueError:
        raise ValueError(f"{url!r} is no URL of a Prometheus; {shape}") from None
    if has_password:
        # The message leaves out the URL, because the URL holds a password and messages are stored.
        raise ValueError("the URL of Prometheus holds credentials; put them into a token file or a headers file")
    server, parameters = split_parameters(url)
    try:
        return *split_url(server), parameters
    except ValueError:
        raise ValueError(f"{server!r} is no URL of a Prometheus; {shape}") from None


def _selected(matches: Sequence[str], start: float, end: float) -> dict[str, str | list[str]]:
    return {"match[]": list(matches), "start": f"{start:.3f}", "end": f"{end:.3f}"}

"""
The only client of Prometheus.

prometheus-api-client carries the queries. Its answers drop the result's type and the warnings, so the whole body is kept by
the session that it is given; `oracle.wire` reads it. It retries nothing: how often a rule is asked again is the rule's own
business.
"""

import contextlib
import datetime as dt
import os
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from validationrun.oracle import wire
from validationrun.oracle.answers import PROMETHEUS_UNAVAILABLE, TIMEOUT, Fault
from validationrun.oracle.wire import Reply

_MOST_BYTES: Final = 8 * 1024 * 1024
"""No answer to a rule is near this; an endless one must not fill the memory."""

_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """Where credentials lie. Files are read again when they change: a token rotates."""

    token_file: Path | None = None
    ca_file: Path | None = None
    headers_file: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Access":
        def path(kind: str) -> Path | None:
            name = environment.get(f"VALIDATION_PROMETHEUS_{kind}_FILE")
            return Path(name) if name else None

        return cls(path("TOKEN"), path("CA"), path("HEADERS"))


class _DeadlineError(Exception):
    """The whole answer was not there in time."""


class _KeepingSession(requests.Session):
    """Sends queries as POST forms, follows no redirect, bounds the whole answer by the clock, and keeps its body."""

    def __init__(self) -> None:
        super().__init__()
        self.body = b""
        self.status: int | None = None

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        self.body, self.status = b"", None
        limit = kwargs.pop("timeout", None) or 30.0
        until = time.monotonic() + limit
        parameters = kwargs.pop("params", None)
        kwargs["data" if method == "POST" else "params"] = parameters
        kwargs.update(timeout=limit, allow_redirects=False, stream=True)
        response = super().request(method, url, *args, **kwargs)
        parts, size = [], 0
        for chunk in response.iter_content(_CHUNK):
            parts.append(chunk)
            size += len(chunk)
            if time.monotonic() > until:
                response.close()
                raise _DeadlineError
            if size > _MOST_BYTES:
                response.close()
                raise ValueError(f"an answer of more than {_MOST_BYTES} bytes")
        self.body, self.status = b"".join(parts), response.status_code
        # Read by hand, so that the clock could end it; requests would think it unread.
        response._content = self.body  # noqa: SLF001
        return response


class Prometheus:
    """One Prometheus, over one connection. Not for several threads at once: each rule has its own."""

    def __init__(self, url: str, access: Access = Access()) -> None:
        self.url = url.rstrip("/")
        self._access = access
        self._session = _KeepingSession()
        self._client = PrometheusConnect(
            url=self.url, headers={}, session=self._session, retry=Retry(total=0), method="POST"
        )

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply:
        """
        An instant query.

        Args:
            promql: the query.
            t: evaluation time in Unix seconds; None for Prometheus' own now.
            timeout_s: for the whole exchange.
        """
        parameters = {"timeout": f"{timeout_s:g}s"}
        if t is not None:
            parameters["time"] = f"{t:.3f}"
        return self._exchange(lambda: self._client.custom_query(promql, parameters, timeout=timeout_s), timeout_s)

    def query_range(self, promql: str, start: float, end: float, step_s: float, timeout_s: float) -> Reply:
        """A range query: at `start`, and every `step_s` after it up to and with `end`."""
        parameters = {"timeout": f"{timeout_s:g}s", "start": f"{start:.3f}", "end": f"{end:.3f}"}
        # The client rounds its own times to seconds; the parameters above take their place.
        moments = (dt.datetime.fromtimestamp(start, dt.UTC), dt.datetime.fromtimestamp(end, dt.UTC))
        return self._exchange(
            lambda: self._client.custom_query_range(promql, *moments, f"{step_s:g}", parameters, timeout=timeout_s),
            timeout_s,
        )

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        """What `/api/v1/rules` says of an alert; an old Prometheus names all of its alerts."""
        return self._get("rules", {"type": "alert", "rule_name[]": alertname}, timeout_s)

    def label_values(
        self, label: str, matches: Sequence[str], start: float, end: float, timeout_s: float
    ) -> list[str] | Fault:
        """The values that a label has among the series that `matches` select; all series when it is empty."""
        parameters = {"match[]": list(matches), "start": f"{start:.3f}", "end": f"{end:.3f}"}
        return wire.read_values(self._get(f"label/{urllib.parse.quote(label, safe='')}/values", parameters, timeout_s))

    def series(
        self, matches: Sequence[str], start: float, end: float, timeout_s: float, limit: int = 1000
    ) -> list[dict[str, str]] | Fault:
        """The labels of the series that `matches` select, `limit` of them at most."""
        parameters = {
            "match[]": list(matches), "start": f"{start:.3f}", "end": f"{end:.3f}", "limit": str(limit)
        }  # fmt: skip
        found = wire.read_series(self._send("POST", "series", parameters, timeout_s))
        return found if isinstance(found, Fault) else found[:limit]

    def clock(self, timeout_s: float) -> float | Fault:
        """Prometheus' own time."""
        answer = wire.read_vector(self.query("time()", None, timeout_s))
        if isinstance(answer, Fault):
            return answer
        if len(answer.samples) != 1:
            return Fault(PROMETHEUS_UNAVAILABLE, f"{self.url}: time() gave {len(answer.samples)} values")
        return float(answer.samples[0].value)

    def version(self, timeout_s: float) -> str | Fault:
        return wire.read_version(self._get("status/buildinfo", {}, timeout_s))

    def close(self) -> None:
        self._session.close()

    def _get(self, path: str, parameters: Mapping[str, Any], timeout_s: float) -> Reply:
        return self._send("GET", path, parameters, timeout_s)

    def _send(self, method: str, path: str, parameters: Mapping[str, Any], timeout_s: float) -> Reply:
        url = f"{self.url}/api/v1/{path}"
        return self._exchange(
            lambda: self._session.request(method, url, params=parameters, timeout=timeout_s), timeout_s
        )

    def _exchange(self, send: Callable[[], object], timeout_s: float) -> Reply:
        try:
            # What the client makes of a status or a body is of no use: the session has both.
            with contextlib.suppress(PrometheusApiClientException, ValueError, LookupError, TypeError, RecursionError):
                send()
        except (requests.Timeout, _DeadlineError):
            return Reply(None, b"", Fault(TIMEOUT, f"no whole answer within {timeout_s:g}s"))
        except requests.RequestException as error:
            return Reply(None, b"", Fault(PROMETHEUS_UNAVAILABLE, f"{self.url}: {_cause(error)}"))
        if self._session.status is None:
            return Reply(None, b"", Fault(PROMETHEUS_UNAVAILABLE, f"{self.url}: no whole response"))
        return Reply(self._session.status, self._session.body, None)


def _cause(error: BaseException) -> str:
    """The innermost cause, which is the one that says something."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__

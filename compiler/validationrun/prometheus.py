"""
The only client of Prometheus.

prometheus-api-client carries the queries. Its answers drop the result's type and the warnings, so the whole body is kept by
the session that it is given. It retries nothing: how often a rule is asked again is the rule's own business.
"""

import datetime as dt
import json
import math
import time
from collections.abc import Mapping
from typing import Any, Final

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from validationrun.oracle.answers import (
    ALERT_NOT_LOADED,
    BAD_QUERY,
    PARTIAL_RESPONSE,
    PROMETHEUS_UNAVAILABLE,
    TIMEOUT,
    Answer,
    Fault,
    Sample,
    Samples,
)

_MOST_BYTES: Final = 8 * 1024 * 1024
"""No answer to a rule is near this; an endless one must not fill the memory."""

_CHUNK: Final = 64 * 1024
_FRESH_INTERVALS: Final = 3
"""A rule group that was not evaluated for this many of its intervals no longer proves that its alerts run."""

_NOT_FINAL_CODES: Final = frozenset({429, 500, 502, 503, 504})


class _DeadlineError(Exception):
    """The whole answer was not there in time."""


class _KeepingSession(requests.Session):
    """Sends queries as POST forms, follows no redirect, bounds the whole answer by the clock, and keeps its body."""

    def __init__(self) -> None:
        super().__init__()
        self.body = b""
        self.status = 0

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        self.body, self.status = b"", 0
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
    """One Prometheus. Not for several threads at once: each rule has its own."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._session = _KeepingSession()
        self._client = PrometheusConnect(
            url=self.url, headers=dict(headers or {}), session=self._session, retry=Retry(total=0), method="POST"
        )

    def query(self, promql: str, t: float | None, timeout_s: float) -> Answer:
        """
        An instant query.

        Args:
            t: evaluation time in Unix seconds; None for Prometheus' own now.
            timeout_s: for the whole answer.
        """
        parameters = {"timeout": f"{timeout_s:g}s"}
        if t is not None:
            parameters["time"] = f"{t:.3f}"
        fault = self._ask(lambda: self._client.custom_query(promql, parameters, timeout=timeout_s), timeout_s)
        return fault if fault is not None else _answer(self._session.body)

    def clock(self, timeout_s: float) -> float | Fault:
        """Prometheus' own time."""
        answer = self.query("time()", None, timeout_s)
        return answer if isinstance(answer, Fault) else float(answer.samples[0].value)

    def alert_fault(self, alertname: str, now: float, timeout_s: float) -> Fault | None:
        """Why this Prometheus cannot be said to run the alert; None with proof that it does."""
        url = f"{self.url}/api/v1/rules"
        parameters = {"type": "alert", "rule_name[]": alertname}
        fault = self._ask(
            lambda: self._session.request(
                "GET", url, params=parameters, headers=self._client.headers, timeout=timeout_s
            ),
            timeout_s,
        )
        if fault is None and self._session.status != requests.codes.ok:
            fault = _http_fault(self._session.status, self._session.body)
        if fault is not None:
            return fault
        return _loaded_fault(self._session.body, alertname, now)

    def _ask(self, send: Any, timeout_s: float) -> Fault | None:
        """Sends; a Fault when there was no usable answer of HTTP."""
        try:
            send()
        except PrometheusApiClientException:
            return _http_fault(self._session.status, self._session.body)
        except (requests.Timeout, _DeadlineError):
            return Fault(TIMEOUT, f"no whole answer within {timeout_s:g}s")
        except requests.RequestException as error:
            return Fault(PROMETHEUS_UNAVAILABLE, f"{self.url}: {_cause(error)}")
        except (ValueError, KeyError, TypeError):
            # Not what an answer looks like; the body says what it is.
            return Fault(
                PROMETHEUS_UNAVAILABLE, f"{self.url}: not an answer of Prometheus: {self._session.body[:200]!r}"
            )
        return None


def _cause(error: BaseException) -> str:
    """The innermost cause, which is the one that says something."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


def _http_fault(status: int, body: bytes) -> Fault:
    try:
        text = str(json.loads(body).get("error") or "")
    except (ValueError, AttributeError):
        text = body[:200].decode("utf-8", "replace")
    message = f"HTTP {status}: {text}".rstrip(": ")
    if status in (400, 422):
        return Fault(BAD_QUERY, message)
    return Fault(PROMETHEUS_UNAVAILABLE, message)


def _answer(body: bytes) -> Answer:
    """The body of /api/v1/query -> samples, or what is wrong with it."""
    try:
        whole = json.loads(body)
        if whole["status"] != "success":
            return Fault(PROMETHEUS_UNAVAILABLE, f"status {whole['status']}: {whole.get('error', '')}")
        kind, result = whole["data"]["resultType"], whole["data"]["result"]
        if warnings := whole.get("warnings"):
            return Fault(PARTIAL_RESPONSE, "; ".join(str(one) for one in warnings))
        if kind == "scalar":
            return Samples((Sample({}, _number(result[1])),))
        if kind != "vector":
            return Fault(BAD_QUERY, f"the query gives a {kind}; it must give a scalar or one series")
        if any("value" not in one for one in result):
            return Fault(BAD_QUERY, "the query gives a native histogram; it must give a number")
        return Samples(tuple(Sample(dict(one["metric"]), _number(one["value"][1])) for one in result))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return Fault(PROMETHEUS_UNAVAILABLE, f"not an answer of Prometheus: {body[:200]!r}")


def _number(text: Any) -> str:
    """The value's own text, once it is a number."""
    if not isinstance(text, str):
        raise TypeError(text)
    math.isnan(float(text))
    return text


def _loaded_fault(body: bytes, alertname: str, now: float) -> Fault | None:
    """Healthy and fresh in at least one group is proof."""
    try:
        groups = json.loads(body)["data"]["groups"]
        found = [
            (group, rule)
            for group in groups
            for rule in group["rules"]
            if rule.get("type") == "alerting" and rule["name"] == alertname
        ]
        problems = [_staleness(group, rule, now) for group, rule in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Fault(PROMETHEUS_UNAVAILABLE, f"not an answer of Prometheus: {body[:200]!r}")
    if not found:
        return Fault(ALERT_NOT_LOADED, f"this Prometheus has no alert {alertname}")
    if all(problems):
        return Fault(ALERT_NOT_LOADED, f"alert {alertname}: {problems[0]}")
    return None


def _staleness(group: Mapping[str, Any], rule: Mapping[str, Any], now: float) -> str:
    """Why this rule proves nothing; empty when it does."""
    if rule["health"] != "ok":
        return f"health is {rule['health']}: {rule.get('lastError', '')}".rstrip(": ")
    age, interval = now - _seconds(rule["lastEvaluation"]), float(group["interval"])
    if age > _FRESH_INTERVALS * interval:
        return f"last evaluated {age:.0f}s ago, its interval is {interval:g}s"
    return ""


def _seconds(text: str) -> float:
    # Prometheus writes nanoseconds, which Python's reader takes from 3.11 on.
    return dt.datetime.fromisoformat(text).timestamp()

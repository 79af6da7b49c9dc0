"""One Prometheus, asked through prometheus-api-client."""

import contextlib
import datetime as dt
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from validationrun.oracle import prometheus_response
from validationrun.oracle.model import Fault
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_response import Reply
from validationrun.prometheus.access import Access
from validationrun.prometheus.connection import Connection, NoReplyError, Target

_OPEN: Final = Access()
_API: Final = "/api/v1"
_DEFAULT_TIMEOUT_S: Final = 30.0
_FIXED_HEADERS: Final = {"User-Agent": "validationrun", "Accept": "application/json"}
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class _Taken(requests.Response):
    """
    Tells the client the status, and that there is nothing more for it.

    The body lies in the session, where its type and its warnings are kept; the client would read all of it once more for less.
    """

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status_code = status

    def json(self, **_: Any) -> Any:
        return {"data": {"result": None}}


class _Session(requests.Session):
    """
    What the client sends through; it keeps the reply and never raises.

    None of requests' own sending is used. Its time-outs start anew with every byte, it follows redirects, and it takes
    credentials from ~/.netrc and proxies from the environment: what a run asks, and as whom, would depend on where it runs.
    """

    def __init__(self, url: str, access: Access) -> None:
        super().__init__()
        self.trust_env = False
        self.reply = Reply(None, b"", None)
        self._access = access
        self._connection: Connection | None = None
        self._url = url

    def request(self, method: Any, url: Any, *_: Any, **options: Any) -> requests.Response:
        """`url` is a path below the server's own."""
        try:
            self.reply = self._exchange(
                str(method), str(url), options.get("params") or {}, options.get("timeout") or _DEFAULT_TIMEOUT_S
            )
        except NoReplyError as error:
            self.reply = Reply(None, b"", error.fault)
        return _Taken(self.reply.status or 0)

    def _exchange(self, method: str, path: str, parameters: Mapping[str, Any], timeout_s: float) -> Reply:
        if self._connection is None:
            self._target = Target.parse(self._url)
            self._connection = Connection(self._target)
        headers = {**_FIXED_HEADERS, **self._access.headers()}
        context = self._access.tls() if self._target.scheme == "https" else None
        form = urllib.parse.urlencode(parameters, doseq=True)
        if method == "POST":
            headers |= _FORM
            response = self._connection.exchange(method, path, form.encode(), headers, context, timeout_s)
        else:
            path = f"{path}?{form}" if form else path
            response = self._connection.exchange(method, path, None, headers, context, timeout_s)
        return Reply(response.status, response.body, None)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        super().close()


class Prometheus:
    """
    One Prometheus, over one connection. Not for several threads at once: each rule has its own.

    A URL that is none, and files of `access` that cannot be read, are faults of every reply.
    """

    def __init__(self, url: str, access: Access = _OPEN) -> None:
        self.url = url.rstrip("/")
        self._session = _Session(self.url, access)
        # Without a URL the client makes paths, which is what the session takes.
        self._client = PrometheusConnect(url="", session=self._session, method="POST")

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply:
        """
        An instant query.

        Args:
            t: evaluation time in Unix seconds; None for Prometheus' own now.
            timeout_s: for the whole exchange; Prometheus is told it too.
        """
        parameters = {"timeout": f"{timeout_s:.3f}"}
        if t is not None:
            parameters["time"] = f"{t:.3f}"
        return self._reply(lambda: self._client.custom_query(promql, parameters, timeout=timeout_s))

    def query_range(self, promql: str, start: float, end: float, step_s: float, timeout_s: float) -> Reply:
        """A range query: evaluated at `start` and every `step_s` after it, `end` included when a step falls on it."""
        # The client rounds the times that it takes to whole seconds; these stand in their place.
        parameters = {
            "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_s:.3f}", "timeout": f"{timeout_s:.3f}"
        }  # fmt: skip
        never = dt.datetime.fromtimestamp(0, dt.UTC)
        return self._reply(
            lambda: self._client.custom_query_range(promql, never, never, "", parameters, timeout=timeout_s)
        )

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        """What `/api/v1/rules` says of an alert; a Prometheus that does not know the filter names all of its alerts."""
        # What fires now, which may be long, proves nothing.
        parameters = {"type": "alert", "rule_name[]": alertname, "exclude_alerts": "true"}
        return self._send("GET", "rules", parameters, timeout_s)

    def label_values(
        self, label: str, matches: Sequence[str], start: float, end: float, timeout_s: float
    ) -> list[str] | Fault:
        """The values of a label on the series that any of `matches` selects, on all series when there is none."""
        path = f"label/{urllib.parse.quote(label, safe='')}/values"
        return prometheus_response.read_values(self._send("GET", path, _selected(matches, start, end), timeout_s))

    def series(
        self, matches: Sequence[str], start: float, end: float, timeout_s: float, limit: int = 1000
    ) -> list[dict[str, str]] | Fault:
        """The labels of the series that any of `matches` selects, of `limit` of them at most."""
        parameters = {**_selected(matches, start, end), "limit": str(limit)}
        found = prometheus_response.read_series(self._send("POST", "series", parameters, timeout_s))
        # An old Prometheus knows no limit.
        return found if isinstance(found, Fault) else found[:limit]

    def clock(self, timeout_s: float) -> float | Fault:
        """Prometheus' own time, in Unix seconds."""
        answer = prometheus_response.read_vector(self.query("time()", None, timeout_s))
        if isinstance(answer, Fault):
            return answer
        if len(answer.samples) != 1:
            return Fault(RuleReason.PROMETHEUS_UNAVAILABLE, f"{self.url}: time() gave {len(answer.samples)} values")
        return float(answer.samples[0].value)

    def version(self, timeout_s: float) -> str | Fault:
        """Such as 2.42.0."""
        return prometheus_response.read_version(self._send("GET", "status/buildinfo", {}, timeout_s))

    def close(self) -> None:
        self._session.close()

    def _send(self, method: str, path: str, parameters: Mapping[str, Any], timeout_s: float) -> Reply:
        return self._reply(
            lambda: self._session.request(method, f"{_API}/{path}", params=parameters, timeout=timeout_s)
        )

    def _reply(self, send: Callable[[], object]) -> Reply:
        # A status other than 200, which the reply has too.
        with contextlib.suppress(PrometheusApiClientException):
            send()
        return self._session.reply


def _selected(matches: Sequence[str], start: float, end: float) -> dict[str, Any]:
    return {"match[]": list(matches), "start": f"{start:.3f}", "end": f"{end:.3f}"}

"""Injects faults into the private Prometheus' answers to a rule."""

import json
from collections.abc import Callable, Sequence
from typing import Final

from validationrun.judging.ruletest import model
from validationrun.judging.ruletest.alert_rules import nothing_loaded
from validationrun.judging.ruletest.server import PrivatePrometheusError
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.outcome import RuleReason
from validationrun.prometheus import Prometheus

_SERVER_ERROR: Final = 500


class Clock:
    """The test's time, Unix seconds; the simulation moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Struck:
    """A fault on the test's clock, and whether it has struck."""

    def __init__(self, fault: model.Fault, opens: int) -> None:
        self.fault = fault
        self.struck = False
        self._begins = opens + fault.from_
        self._ends = self._begins + fault.for_ if fault.for_ is not None else None

    def strikes(self, rule: str, now: float) -> bool:
        """Whether the fault strikes a query that is sent at `now`, which is T + `settle`."""
        named = self.fault.rules is None or rule in self.fault.rules
        return named and self._begins <= now and (self._ends is None or now < self._ends)


Alerting = Callable[[str, float], Reply]


class Connection:
    """One rule's connection, for its `Asker`."""

    def __init__(
        self, rule: str, prometheus: Prometheus, faults: Sequence[Struck], clock: Clock, alerting: Alerting
    ) -> None:
        """
        Args:
            alerting: what `/api/v1/rules` says of an alert at a time.
        """
        self._rule = rule
        self._prometheus = prometheus
        self._faults = faults
        self._clock = clock
        self._alerting = alerting

    def query(self, promql: str, t: float | None, timeout_s: float) -> Reply:
        """Raises PrivatePrometheusError when the private Prometheus itself fails, because that is no answer to judge."""
        fault = self._strikes(lambda candidate: candidate.type in _ANSWERS)
        if fault is not None and fault.type in _INSTEAD:
            return _INSTEAD[fault.type](fault, t or 0.0, timeout_s)
        reply = self._prometheus.query(promql, t, timeout_s)
        if reply.status is None or reply.status >= _SERVER_ERROR:
            reason = reply.fault.message if reply.fault else f"HTTP {reply.status}"
            raise PrivatePrometheusError(f"the private Prometheus gave no answer to {promql}: {reason}")
        return reply if fault is None else _ALTERED[fault.type](reply)

    def rules(self, alertname: str, timeout_s: float) -> Reply:
        """What is said of the alert: the private Prometheus has no rules, because its ALERTS are series of the test."""
        fault = self._strikes(lambda candidate: candidate.type in _INSTEAD or candidate.type == "alertNotLoaded")
        if fault is not None and fault.type in _INSTEAD:
            return _INSTEAD[fault.type](fault, self._clock(), timeout_s)
        return nothing_loaded() if fault is not None else self._alerting(alertname, self._clock())

    def _strikes(self, concerned: Callable[[model.Fault], bool]) -> model.Fault | None:
        for candidate in self._faults:
            if concerned(candidate.fault) and candidate.strikes(self._rule, self._clock()):
                candidate.struck = True
                return candidate.fault
        return None


def _http(fault: model.Fault, t: float, timeout_s: float) -> Reply:
    del t, timeout_s
    return Reply(fault.status, b"made by a rule test", None)


def _timeout(fault: model.Fault, t: float, timeout_s: float) -> Reply:
    del fault, t
    return Reply(None, b"", Fault(RuleReason.TIMEOUT, f"no whole answer within {timeout_s:g}s"))


def _wrong_type(fault: model.Fault, t: float, timeout_s: float) -> Reply:
    del fault, timeout_s
    document = {"status": "success", "data": {"resultType": "string", "result": [t, "text"]}}
    return Reply(200, json.dumps(document).encode(), None)


def _nan(reply: Reply) -> Reply:
    """The same series, each with the value NaN."""
    document = json.loads(reply.body)
    data = document.get("data") or {}
    if data.get("resultType") == "scalar":
        data["result"][1] = "NaN"
    elif data.get("resultType") == "vector":
        for sample in data["result"]:
            sample["value"][1] = "NaN"
    return Reply(reply.status, json.dumps(document).encode(), None)


def _partial(reply: Reply) -> Reply:
    document = json.loads(reply.body)
    return Reply(reply.status, json.dumps({**document, "warnings": ["made by a rule test"]}).encode(), None)


_INSTEAD: Final[dict[str, Callable[[model.Fault, float, float], Reply]]] = {
    "http": _http,
    "timeout": _timeout,
    "wrongType": _wrong_type,
}
_ALTERED: Final[dict[str, Callable[[Reply], Reply]]] = {"nan": _nan, "partial": _partial}
_ANSWERS: Final = frozenset({*_INSTEAD, *_ALTERED})

"""
Evaluates a world's alerting rules as Prometheus does, on the clock of the world.

The expressions are asked of the real Prometheus; `for`, the ALERTS series and what `/api/v1/rules` says are made here.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.worlds.world import AlertingRule, Group

from validationrun.judging.ruletest.promtool_series import Mark, Value
from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.prometheus_response import read_vector
from validationrun.prometheus import Prometheus

Written = tuple[Mapping[str, str], int, Value]
"""Labels, Unix seconds, value."""

_NEVER: Final = "0001-01-01T00:00:00Z"
_ASK_SECONDS: Final = 10.0


@dataclass
class _Instance:
    labels: Mapping[str, str]
    since: float
    firing: bool = False

    @property
    def state(self) -> str:
        return "firing" if self.firing else "pending"

    def series(self) -> Mapping[str, str]:
        return {**self.labels, "__name__": "ALERTS", "alertstate": self.state}


@dataclass
class _Running:
    rule: AlertingRule
    instances: dict[str, _Instance] = field(default_factory=dict)
    error: str = ""

    def evaluate(self, prometheus: Prometheus, t: int) -> list[Written]:
        answer = read_vector(prometheus.query(self.rule.expr, t, _ASK_SECONDS))
        if isinstance(answer, Fault):
            self.error = answer.message
            return []
        self.error = ""
        written: list[Written] = []
        active = {}
        for sample in answer.samples:
            own = {name: value for name, value in sample.labels.items() if name != "__name__"}
            labels = {**own, **self.rule.labels, "alertname": self.rule.alert}
            active[json.dumps(labels, sort_keys=True)] = labels
        for key in self.instances.keys() - active.keys():
            written.append((self.instances.pop(key).series(), t, Mark.STALE))
        for key, labels in active.items():
            instance = self.instances.setdefault(key, _Instance(labels, t))
            if not instance.firing and t - instance.since >= self.rule.for_:
                if self.rule.for_:
                    written.append((instance.series(), t, Mark.STALE))
                instance.firing = True
            written.append((instance.series(), t, 1.0))
        return written

    def told(self, t: float | None) -> dict[str, Any]:
        instances = list(self.instances.values())
        states = {instance.state for instance in instances}
        return {
            "type": "alerting",
            "name": self.rule.alert,
            "query": self.rule.expr,
            "duration": self.rule.for_,
            "keepFiringFor": 0,
            "labels": dict(self.rule.labels),
            "annotations": {},
            "state": "firing" if "firing" in states else "pending" if states else "inactive",
            "alerts": [
                {"labels": dict(one.labels), "annotations": {}, "state": one.state, "activeAt": _rfc3339(one.since), "value": "1e+00"}
                for one in instances
            ],
            "health": "unknown" if t is None else "err" if self.error else "ok",
            "lastError": self.error,
            "evaluationTime": 0.001,
            "lastEvaluation": _rfc3339(t),
        }  # fmt: skip


class Alerting:
    """All groups of one Prometheus. Times are Unix seconds."""

    def __init__(self, groups: Sequence[Group], begins: int) -> None:
        self._groups = [(group, [_Running(rule) for rule in group.rules]) for group in groups]
        # As in Prometheus, a group is evaluated at an offset of its own.
        self._next = [begins + 3 + 7 * index for index in range(len(groups))]
        self._last: list[float | None] = [None] * len(groups)

    def due(self) -> float:
        return min(self._next, default=float("inf"))

    def evaluate(self, prometheus: Prometheus | None) -> list[Written]:
        """
        The group that is due next.

        Args:
            prometheus: None while it is down.
        """
        index = self._next.index(min(self._next))
        (group, rules), t = self._groups[index], self._next[index]
        self._next[index] += group.interval
        if prometheus is None:
            return []
        self._last[index] = t
        return [sample for rule in rules for sample in rule.evaluate(prometheus, t)]

    def reply(self, alertname: str) -> Reply:
        """To `/api/v1/rules` for that alert."""
        groups = [
            {"name": group.name, "file": "rules.yaml", "interval": group.interval, "limit": 0, "lastEvaluation": _rfc3339(last),
             "evaluationTime": 0.001, "rules": [rule.told(last) for rule in rules if rule.rule.alert == alertname]}
            for (group, rules), last in zip(self._groups, self._last, strict=True)
        ]  # fmt: skip
        document = {"status": "success", "data": {"groups": [group for group in groups if group["rules"]]}}
        return Reply(200, json.dumps(document).encode(), None)


def _rfc3339(t: float | None) -> str:
    return _NEVER if t is None else dt.datetime.fromtimestamp(t, dt.UTC).isoformat()

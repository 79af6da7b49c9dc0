"""What a test's Prometheus says of its alerting rules, on the clock of the test: `/api/v1/rules` without a rule engine."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Final

from validationrun.judging.ruletest.model import AlertGroup
from validationrun.oracle.exchange import Reply

_UNKNOWN_VALUE: Final = "{{ $value }}"
"""Of a label: a template, because what the rule would set is not known."""

_GROUP_SECONDS: Final = 1
"""Of the group that is taken for granted: with it every alert can fire in every window."""


def assumed(alertname: str, labels: Sequence[str], now: float) -> Reply:
    """
    The alert is loaded, and nothing is known of its expression.

    Args:
        labels: which the rule sets, so that the alert can be told apart by them.
        now: when it was evaluated last, Unix seconds.
    """
    rule = _rule(alertname, "vector(1)", 0, dict.fromkeys(labels, _UNKNOWN_VALUE), now)
    return _reply([{"name": "rule-test", "interval": _GROUP_SECONDS, "rules": [rule]}])


def nothing_loaded() -> Reply:
    """There is no alerting rule at all."""
    return _reply([])


def of_groups(groups: Sequence[AlertGroup], alertname: str, now: float) -> Reply:
    """The alert in the rules of the test. A group is evaluated at each multiple of its interval on the test's clock."""
    return _reply(
        [
            {
                "name": group.name,
                "interval": group.interval,
                "queryOffset": group.query_offset,
                "rules": [
                    _rule(entry.name, entry.expr, entry.for_, entry.labels, now // group.interval * group.interval)
                    for entry in group.rules
                    if entry.name == alertname
                ],
            }
            for group in groups
        ]
    )


def _rule(name: str, expression: str, for_s: int, labels: dict[str, str], evaluated: float) -> object:
    return {
        "type": "alerting",
        "name": name,
        "query": expression,
        "duration": for_s,
        "labels": labels,
        "health": "ok",
        "lastEvaluation": dt.datetime.fromtimestamp(evaluated, dt.UTC).isoformat(),
        "alerts": [],
    }


def _reply(groups: Sequence[object]) -> Reply:
    return Reply(200, json.dumps({"status": "success", "data": {"groups": groups}}).encode(), None)

"""
Bounds for answers of many series, so that the answers of all rules together fit into the evaluator's memory.

An answer over a bound becomes a fault and keeps only its first series, for people: no part of an answer is ever judged.
"""

import threading
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_response import OK, not_an_answer

MOST_SERIES: Final = 10_000
MOST_SERIES_BYTES: Final = 16 * 1024
"""Of a large answer, for each of its series: labels, value and warnings."""

MOST_RULES: Final = 50_000
"""Alerts in a reply of `/api/v1/rules` from a Prometheus that does not know the filter by name."""

LARGE_BYTES: Final = 64 * 1024
"""Smaller answers need no bound: those of 32 rules take little memory together."""

PARSING: Final = threading.RLock()
"""
Held while an answer is parsed and judged.

A parsed answer takes up to 25 times its bytes, and threads would not parse faster side by side.
"""

_SHOWN_SERIES: Final = 10
_UNREADABLE: Final = (msgspec.MsgspecError, RecursionError)


class _Anything(msgspec.Struct):
    """An object whose fields are passed over."""


class _Result(msgspec.Struct):
    result: list[_Anything]


class _Answer(msgspec.Struct):
    data: _Result


class _RawResult(msgspec.Struct, rename="camel"):
    result: list[msgspec.Raw]
    result_type: str = ""


class _RawAnswer(msgspec.Struct):
    data: _RawResult


class _Named(msgspec.Struct):
    name: str


class _NamedRules(msgspec.Struct):
    rules: list[_Named]


class _NamedGroups(msgspec.Struct):
    groups: list[_NamedRules]


class _Rules(msgspec.Struct):
    data: _NamedGroups


def within_bounds(reply: Reply) -> Reply:
    """The reply to an instant query; a fault when it has more than 10,000 series, or more than 16 KiB for each of them."""
    if not _is_large_answer(reply):
        return _without_large_error(reply)
    with PARSING:
        try:
            count = len(msgspec.json.decode(reply.body, type=_Answer).data.result)
        except _UNREADABLE:
            # `read_vector` would say the same after it had parsed all of it.
            return Reply(reply.status, b"", not_an_answer(reply))
        if count > MOST_SERIES:
            message = f"the answer has {count} series, of which at most {MOST_SERIES} are read; aggregate them"
        elif len(reply.body) > count * MOST_SERIES_BYTES:
            size = len(reply.body) // 1024
            message = f"the answer has {size} KiB for {count} series; a series may have 16 KiB"
        else:
            return reply
        return beginning(reply, Fault(RuleReason.SERVER_LIMIT, message))


def _is_large_answer(reply: Reply) -> bool:
    return reply.fault is None and reply.status == OK and len(reply.body) > LARGE_BYTES


def _without_large_error(reply: Reply) -> Reply:
    """The beginning of a large error page. A reply that is small, or has a fault already, stays as it is."""
    if reply.fault is not None or len(reply.body) <= LARGE_BYTES:
        return reply
    return replace(reply, body=reply.body[:LARGE_BYTES])


def beginning(reply: Reply, fault: Fault) -> Reply:
    """The reply as a fault, with the first series of a large answer. A small reply stays as it is."""
    if len(reply.body) <= LARGE_BYTES:
        return reply
    try:
        data = msgspec.json.decode(reply.body, type=_RawAnswer).data
    except _UNREADABLE:
        return replace(reply, body=b"", fault=fault)
    shown = {"resultType": data.result_type, "result": data.result[:_SHOWN_SERIES]}
    body = msgspec.json.encode({"status": "success", "data": shown, "seriesCut": len(data.result)})
    return replace(reply, body=body if len(body) <= LARGE_BYTES else b"", fault=fault)


def only_alert(reply: Reply, alertname: str) -> Reply:
    """
    The reply of `/api/v1/rules` without the other alerts. A Prometheus before 2.43 lists all of them.

    A large reply that is no list of alerts becomes a fault.
    """
    if not _is_large_answer(reply):
        return _without_large_error(reply)
    with PARSING:
        try:
            groups = msgspec.json.decode(reply.body, type=_Rules).data.groups
            count = sum(len(group.rules) for group in groups)
            if count > MOST_RULES:
                message = f"this Prometheus lists {count} alerts, of which at most {MOST_RULES} are read"
                return Reply(reply.status, b"", Fault(RuleReason.SERVER_LIMIT, message))
            chosen = [[number for number, rule in enumerate(group.rules) if rule.name == alertname] for group in groups]
            body = _with_rules(reply.body, chosen)
        except _UNREADABLE:
            return Reply(reply.status, b"", not_an_answer(reply))
    return replace(reply, body=body)


def _with_rules(body: bytes, chosen: list[list[int]]) -> bytes:
    """The reply with the chosen rules of each group alone, by their number; a group without one is left out."""
    whole: dict[str, Any] = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    data: dict[str, Any] = msgspec.json.decode(whole["data"], type=dict[str, msgspec.Raw])
    groups = []
    for raw, numbers in zip(msgspec.json.decode(data["groups"], type=list[msgspec.Raw]), chosen, strict=True):
        if numbers:
            group: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
            rules = msgspec.json.decode(group["rules"], type=list[msgspec.Raw])
            groups.append({**group, "rules": [rules[number] for number in numbers]})
    return msgspec.json.encode({**whole, "data": {**data, "groups": groups}})

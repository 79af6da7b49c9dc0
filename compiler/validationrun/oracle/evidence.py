"""
Writes a JSON line of evidence for each decision, and reads it again.

`docs/results.md` describes the lines. An exchange that is read again leads to the same decision as in the run.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NotRequired, TypedDict

from msgspec import Struct

from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import DefinedAlert, Exchange, Fault, Reply
from validationrun.oracle.fold import RuleState
from validationrun.oracle.large_answers import LARGE_BYTES
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.prometheus_response import read_vector, warnings

SAME: Final = "same"
"""Stands for a body that differs from the one before in its evaluation time alone: its samples are stamped with this line's T."""

_WORD: Final = [SAME]
"""Stands for a body that is the word `same` itself."""

_OF_THE_QUERY: Final = frozenset({"body", "fault", "refused"})
"""The keys of a line whose objects are no replies to further requests."""

_LABELLED: Final = 10


# ASCII: bytes that are no text stay what they are, and a line never ends early.
_dump: Final = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


class EvidenceError(Exception):
    """A line is cut, was changed, or is no evidence of ours."""


class Entry(Struct, frozen=True):
    """
    A line: an exchange, and the decision that was made from it.

    Attributes:
        exchange: None for a decision that the run record kept while its exchange was lost with a pod.
    """

    t: float
    final: bool
    exchange: Exchange | None
    verdict: Verdict
    reason: RuleReason
    message: str
    value: str | None
    counted: bool


class RuleEvidence(Struct, frozen=True):
    """
    All lines of one rule.

    Attributes:
        entries: in the order in which they were written.
        resumed: the state from which a restarted evaluator went on, and how many entries there were before; None without restart.
    """

    entries: list[Entry]
    resumed: tuple[RuleState, int] | None = None


class _ReplyLine(TypedDict):
    """A reply in a line; `body` and `fault` only where it has them."""

    status: int | None
    body: NotRequired[Any]
    fault: NotRequired[dict[str, str]]


class Encoder:
    """Writes the lines of a rule, in order; a body that repeats is written once."""

    def __init__(self, *, keeps_labels: bool = False) -> None:
        """`keeps_labels` keeps every label of a large answer, for a rule whose decision depends on labels."""
        self._shape: Any = None
        self._keeps_labels = keeps_labels

    def resume(self, state: RuleState) -> str:
        """The line that a restarted evaluator begins with."""
        return _dump({"resumed": state.to_data()})

    def decision(self, decision: Decision, *, counted: bool) -> str:
        line: dict[str, Any] = {"T": decision.t, "final": decision.final}
        if decision.exchange is not None:
            line |= self._exchange(decision.exchange, as_text=decision.verdict == Verdict.ERROR)
        return _dump(
            {
                **line,
                "verdict": decision.verdict,
                "reason": decision.reason,
                "message": decision.message,
                "value": decision.value,
                "counted": counted,
            }
        )

    def _exchange(self, exchange: Exchange, *, as_text: bool) -> dict[str, Any]:
        line: dict[str, Any] = {
            "asked": exchange.asked,
            "answered": exchange.answered,
            "query": exchange.query,
            **self._reply(exchange.reply, exchange.t, as_text=as_text),
        }
        if found := warnings(exchange.reply):
            line["warnings"] = list(found)
        if exchange.refused is not None:
            line["refused"] = _fault(exchange.refused)
        if exchange.defined:
            line["defined"] = [
                {"group": alert.group, "for": alert.for_s, "offset": alert.offset_s} for alert in exchange.defined
            ]
        line |= {role: self._plain_reply(reply, as_text=as_text) for role, reply in exchange.others.items()}
        if exchange.why:
            line["why"] = exchange.why
        return line

    def _reply(self, reply: Reply, t: float, *, as_text: bool) -> _ReplyLine:
        document = self._plain_reply(reply, as_text=as_text, of_query_at=t)
        shape = _without_time(document.get("body"), t)
        if shape is not None and len(reply.body) > LARGE_BYTES:
            # Parsed, it would take twenty times its bytes until the next answer.
            shape = hashlib.sha256(_dump({"body": shape}).encode()).digest()
        if shape is not None and shape == self._shape:
            document["body"] = SAME
        elif document.get("body") == SAME:
            document["body"] = _WORD
        self._shape = shape
        return document

    def _plain_reply(self, reply: Reply, *, as_text: bool, of_query_at: float | None = None) -> _ReplyLine:
        """
        Status, body and fault.

        Args:
            as_text: keep the body to the letter, because a message may quote it; else as JSON, for people and tools.
            of_query_at: the evaluation time of the rule's query; None for the reply to a further request.
        """
        document: _ReplyLine = {"status": reply.status}
        if reply.body:
            document["body"] = _body(reply, as_text=as_text, of_query_at=of_query_at, keeps_labels=self._keeps_labels)
        if reply.fault is not None:
            document["fault"] = _fault(reply.fault)
        return document


def read_lines(lines: Iterable[str], rule: str) -> RuleEvidence:
    """
    The evidence of a rule from its file's lines.

    Raises:
        EvidenceError: a line is cut or is not what `Encoder` writes.
    """
    entries: list[Entry] = []
    resumed = None
    body: Any = None
    for number, text in enumerate(lines, 1):
        try:
            document = json.loads(text)
            if "resumed" in document:
                resumed = (RuleState.from_data(document["resumed"]), len(entries))
                body = None
                continue
            if document.get("body") == SAME:
                document["body"] = _stamped(body, document["T"])
            elif document.get("body") == _WORD:
                document["body"] = SAME
            body = document.get("body")
            entries.append(_entry(document, rule))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EvidenceError(f"rules/{rule}.jsonl line {number} cannot be read: {error}") from None
    return RuleEvidence(entries, resumed)


def _entry(document: Mapping[str, Any], rule: str) -> Entry:
    t, final, message, value = document["T"], document["final"], document["message"], document["value"]
    if not isinstance(t, int | float) or not isinstance(final, bool) or not isinstance(message, str):
        raise TypeError("T, final or message is of another type")
    if value is not None:
        float(_text(value))
    return Entry(
        t,
        final,
        _exchange(document, rule) if "asked" in document else None,
        Verdict(document["verdict"]),
        RuleReason(document["reason"]),
        message,
        value,
        document["counted"] is True,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _exchange(document: Mapping[str, Any], rule: str) -> Exchange:
    refused = document.get("refused")
    return Exchange(
        rule=rule,
        t=document["T"],
        final=document["final"],
        asked=document["asked"],
        answered=document["answered"],
        query=document["query"],
        reply=_read_reply(document),
        refused=_read_fault(refused) if refused else None,
        others={
            key: _read_reply(value)
            for key, value in document.items()
            if key not in _OF_THE_QUERY and isinstance(value, dict) and "status" in value
        },
        defined=tuple(
            DefinedAlert(_text(alert["group"]), float(alert["for"]), float(alert["offset"]))
            for alert in document.get("defined", ())
        ),
        why=document.get("why", ""),
    )


def _body(reply: Reply, *, as_text: bool, of_query_at: float | None, keeps_labels: bool) -> Any:
    text = reply.body.decode("utf-8", "surrogateescape")
    large = len(reply.body) > LARGE_BYTES
    if as_text and not large:
        return text
    try:
        document = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        # Cut and with the mark it can never become an answer; what decided something is kept whole.
        return text[:LARGE_BYTES] + "\n[cut]" if large and as_text else text
    if not large or keeps_labels:
        return document
    short = _shortened(document)
    if as_text and of_query_at is not None and isinstance(fault := read_vector(reply, of_query_at), Fault):
        again = read_vector(_read_reply({"status": reply.status, "body": short}), of_query_at)
        # Where its words quote the beginning of the body, that is kept as it was.
        return short if again == fault else text[:LARGE_BYTES] + "\n[cut]"
    return short


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _finite(text: str) -> float:
    """JSON cannot write what overflows."""
    if math.isinf(value := float(text)):
        raise ValueError(text)
    return value


def _shortened(document: dict[str, Any]) -> dict[str, Any]:
    """A large answer: every sample stays, the labels of all but the first few go."""
    data = document.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(result, list):
        return document
    short = [
        {**sample, "metric": {}} if index >= _LABELLED and isinstance(sample, dict) and "metric" in sample else sample
        for index, sample in enumerate(result)
    ]
    return {**document, "data": {**data, "result": short}, "labelsCut": True}


def _without_time(body: Any, t: float) -> Any:
    """
    An instant answer without its evaluation time, a text as it is; None for what can't be compared.

    A sample that is not stamped with T keeps its stamp, because a reader puts T in its place.
    """
    if isinstance(body, str):
        return body
    return _restamped(body, lambda stamp: None if stamp == t else stamp)


def _stamped(body: Any, t: float) -> Any:
    """A body with T in the place of its samples' stamps; a text as it is."""
    stamped = _restamped(body, lambda _: t)
    return body if stamped is None else stamped


def _restamped(body: Any, stamp: Callable[[Any], Any]) -> Any:
    """An instant answer with other stamps; None for another body."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        return None
    result = data.get("result")
    if data.get("resultType") == "scalar" and isinstance(result, list) and len(result) == 2:  # noqa: PLR2004 - time, value
        return {**body, "data": {**data, "result": [stamp(result[0]), result[1]]}}
    if data.get("resultType") != "vector" or not isinstance(result, list):
        return None
    samples = [
        {**sample, "value": [stamp(sample["value"][0]), *sample["value"][1:]]} if _is_sample(sample) else sample
        for sample in result
    ]
    return {**body, "data": {**data, "result": samples}}


def _is_sample(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("value"), list) and bool(item["value"])


def _read_reply(document: Mapping[str, Any]) -> Reply:
    body, fault = document.get("body"), document.get("fault")
    text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
    return Reply(
        document["status"], text.encode("utf-8", "surrogateescape"), _read_fault(fault) if fault is not None else None
    )


def _read_fault(document: Mapping[str, Any]) -> Fault:
    return Fault(RuleReason(document["reason"]), document["message"])


def _fault(fault: Fault) -> dict[str, str]:
    return {"reason": fault.reason, "message": fault.message}

"""
What Prometheus sends, read: the bodies of its HTTP API become answers, or faults that say what is wrong with them.

No network and no clock: a body that was kept as evidence is read again by the same code, with the same result.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct

from validationrun.base.conventions import PROMETHEUS_TOKEN_FILE
from validationrun.oracle.exchange import Answer, Fault, Reply, Sample, Samples
from validationrun.oracle.outcome import RuleReason

OK: Final = 200
_PARSE_ERROR_CODE: Final = 400
_BAD_QUERY_CODES: Final = frozenset({_PARSE_ERROR_CODE, 422})
_REFUSED_CODES: Final = frozenset({401, 403})
_STAMP_SECONDS: Final = 1.0
"""How far from the asked time a sample may be stamped. A server that rounds times to whole seconds stays within it."""

_LIMIT: Final = re.compile(
    r"too many (samples|series|chunks|bytes)"
    r"|exceed\w*( the)?( \w+)* (samples?|series|chunks?|bytes)( size)? limit|limit\w* exceeded"
    r"|exceed\w* the max\w* (number|amount|size) of"
    r"|hit the max number of|cannot select more than|number of (matching )?(time ?series|samples)\b.* exceeds"
    r"|-search\.max(Samples|Series|UniqueTimeseries|Points|Memory)|err-mimir-max-(series|chunks|estimated|samples)",
    re.IGNORECASE,
)
"""How Prometheus, Thanos, Mimir and VictoriaMetrics say that a query needs more samples, series, chunks or bytes than allowed."""

_INFORMATION: Final = "PromQL info"
"""How Prometheus 2 begins what Prometheus 3 keeps apart as `infos`: a remark about the query, not about missing data."""

_SHOWN: Final = 200
_MOST_SHOWN: Final = 1000
_UNREADABLE: Final = (
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    # What a body of nothing but brackets gives.
    RecursionError,
)


_Read = TypeVar("_Read")


class Series(Struct, frozen=True):
    """One series' labels and its points: Unix seconds, and the value as Prometheus wrote it."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, str]]


class _Success(Struct, frozen=True):
    """A response with status `success`; both fields are as they came."""

    data: Any
    warnings: Any


class Matrix(Struct, frozen=True):
    """Series over time."""

    series: Sequence[Series]


def read_vector(reply: Reply, t: float | None = None) -> Answer:
    """
    The answer to an instant query: a vector or a scalar, which is one sample without labels.

    Args:
        t: the time that was asked for, Unix seconds; None when Prometheus chose it.
    """
    success = _success(reply)
    if isinstance(success, Fault):
        return success
    try:
        kind, result = success.data["resultType"], success.data["result"]
        if partial := _warnings(success.warnings):
            return Fault(RuleReason.PARTIAL_RESPONSE, plain("; ".join(partial)))
        if t is not None and (elsewhere := _stamped_elsewhere(kind, result, t)):
            return elsewhere
        if kind == "scalar":
            return Samples((Sample({}, _number(result[1])),))
        if kind != "vector":
            return Fault(
                RuleReason.BAD_QUERY, f"the query gives a {plain(str(kind))}; it must give a scalar or one series"
            )
        if any("histogram" in series for series in result):
            return Fault(RuleReason.BAD_QUERY, "the query gives a native histogram; it must give a number")
        return Samples(tuple(Sample(_labels(series["metric"]), _number(series["value"][1])) for series in result))
    except _UNREADABLE:
        return not_an_answer(reply)


def read_matrix(reply: Reply) -> Matrix | Fault:
    """The answer to a range query, or to an instant query that asks for a range."""
    success = _success(reply)
    if isinstance(success, Fault):
        return success
    try:
        kind, result = success.data["resultType"], success.data["result"]
        if partial := _warnings(success.warnings):
            return Fault(RuleReason.PARTIAL_RESPONSE, plain("; ".join(partial)))
        if kind != "matrix":
            return Fault(RuleReason.BAD_QUERY, f"the query gives a {plain(str(kind))}; it must give series over time")
        if any("histograms" in series for series in result):
            return Fault(RuleReason.BAD_QUERY, "the query gives native histograms; it must give numbers")
        return Matrix(tuple(Series(_labels(series["metric"]), _points(series["values"])) for series in result))
    except _UNREADABLE:
        return not_an_answer(reply)


def read_values(reply: Reply) -> list[str] | Fault:
    """The values of a label."""
    return read_data(reply, lambda data: [_text(value) for value in _list(data)])


def read_series(reply: Reply) -> list[dict[str, str]] | Fault:
    """The labels of each series that a selector names."""
    return read_data(reply, lambda data: [_labels(series) for series in _list(data)])


def read_version(reply: Reply) -> str | Fault:
    """Which Prometheus this is, from its build information."""
    return read_data(reply, lambda data: _text(data["version"]))


def read_data(reply: Reply, read: Callable[[Any], _Read]) -> _Read | Fault:
    """What the data of a successful response hold, or what is wrong with it."""
    success = _success(reply)
    if isinstance(success, Fault):
        return success
    try:
        return read(success.data)
    except _UNREADABLE:
        return not_an_answer(reply)


def warnings(reply: Reply) -> tuple[str, ...]:
    """What Prometheus says of missing data; remarks about the query itself are left out. Never raises."""
    try:
        return _warnings(json.loads(reply.body).get("warnings"))
    except _UNREADABLE:
        return ()


def _success(reply: Reply) -> _Success | Fault:
    if reply.fault is not None:
        return reply.fault
    if reply.status != OK:
        return _http_fault(reply)
    try:
        whole = json.loads(reply.body)
        if whole["status"] != "success":
            return Fault(
                RuleReason.PROMETHEUS_UNAVAILABLE, plain(f"status {whole['status']}: {whole.get('error', '')}")
            )
        if whole.get("isPartial") not in (None, False):
            return Fault(
                RuleReason.PARTIAL_RESPONSE, "the answer says isPartial: a store of this server did not answer"
            )
        return _Success(whole["data"], whole.get("warnings"))
    except _UNREADABLE:
        return not_an_answer(reply)


def _http_fault(reply: Reply) -> Fault:
    kind, text = _error(reply.body)
    message = f"HTTP {reply.status}: {plain(text)}".rstrip(": ")
    # A parse error quotes the query, which may hold any of these texts.
    if reply.status != _PARSE_ERROR_CODE and _LIMIT.search(text[:_MOST_SHOWN]):
        return Fault(RuleReason.SERVER_LIMIT, message)
    if reply.status in _BAD_QUERY_CODES:
        return Fault(RuleReason.BAD_QUERY, message)
    if reply.status in _REFUSED_CODES:
        return Fault(
            RuleReason.PROMETHEUS_UNAVAILABLE,
            f"{message}; {PROMETHEUS_TOKEN_FILE} names the file with the token to send",
        )
    # Prometheus' own limit is our deadline: which of the two is seen first is chance, so both have one name.
    return Fault(RuleReason.TIMEOUT if kind == "timeout" else RuleReason.PROMETHEUS_UNAVAILABLE, message)


def _error(body: bytes) -> tuple[str, str]:
    """Prometheus' own kind and text of an error; what else may have answered is quoted."""
    try:
        whole = json.loads(body)
        return str(whole.get("errorType") or ""), str(whole.get("error") or "")
    except _UNREADABLE:
        return "", body[:_SHOWN].decode("utf-8", "replace")


def plain(text: str) -> str:
    """On one line, without what a terminal would obey, and not endless."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text[:_MOST_SHOWN]).split())


def not_an_answer(reply: Reply) -> Fault:
    """The fault of a body that cannot be read."""
    return Fault(RuleReason.PROMETHEUS_UNAVAILABLE, f"not an answer of Prometheus: {reply.body[:_SHOWN]!r}")


def _warnings(warnings: Any) -> tuple[str, ...]:
    return tuple(text for text in map(str, _list(warnings or [])) if not text.startswith(_INFORMATION))


def _stamped_elsewhere(kind: str, result: Any, t: float) -> Fault | None:
    """Why the samples are not those of the asked time; None when they are."""
    stamps = [result[0]] if kind == "scalar" else []
    if kind == "vector":
        stamps = [series["value"][0] for series in result if "value" in series]
    for stamp in map(float, stamps):
        # Asked this way round, so that a stamp that is no number is refused.
        if not abs(stamp - t) <= _STAMP_SECONDS:
            return Fault(
                RuleReason.BAD_QUERY, f"a sample is stamped {stamp:.3f}, which is not the evaluation time {t:.3f}"
            )
    return None


def _labels(metric: Any) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in metric.items()}


def _points(values: Any) -> tuple[tuple[float, str], ...]:
    return tuple((float(t), _number(value)) for t, value in values)


def _number(text: Any) -> str:
    """The value's own text, once it is a number."""
    math.isnan(float(_text(text)))
    return str(text)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value

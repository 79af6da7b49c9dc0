"""Keeping what is recorded within bounds: a ConfigMap holds 1 MiB, and people read the beginning of a message."""

import json
from collections.abc import Mapping
from typing import Any, Final

MESSAGE_BYTES: Final = 2000
"""Of one message in the record; with its reason it fits into what Kubernetes keeps of a termination message."""

SUMMARY_BYTES: Final = 64 * 1024
"""Of what the record holds about a finished run: the status document and the diagnostics together."""

_MARK: Final = "…"
_STEPS: Final = (MESSAGE_BYTES, 1000, 500, 250, 120, 60)
_MOST_ITEMS: Final = 64
"""A run has at most 32 rules and 64 shards; a longer list is of endpoints or nodes."""


def cut(text: str, limit: int = MESSAGE_BYTES) -> str:
    """At most so many bytes of UTF-8, the beginning of it; a mark says that something is missing."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    kept = encoded[: max(0, limit - len(_MARK.encode()))].decode("utf-8", "ignore")
    return kept + _MARK


def tail(text: str, limit: int) -> str:
    """The same with the end of a log, from the beginning of a line where there is one."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    kept = encoded[len(encoded) - max(0, limit - len(_MARK.encode()) - 1) :].decode("utf-8", "ignore")
    _, newline, rest = kept.partition("\n")
    return f"{_MARK}\n{rest if newline and rest else kept}" if limit > len(_MARK.encode()) else ""


def size(document: Any) -> int:
    """In bytes, as the record holds it."""
    return len(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))


def fit(document: Mapping[str, Any], budget: int) -> dict[str, Any]:
    """
    The document with its texts, and at last its lists, cut until it fits.

    Whatever decides something is a short word or a number, and stays.
    """
    fitted: dict[str, Any] = dict(document)
    for limit in _STEPS:
        if size(fitted) <= budget:
            return fitted
        fitted = _shortened(document, limit, None)
    return fitted if size(fitted) <= budget else dict(_shortened(document, _STEPS[-1], _MOST_ITEMS))


def _shortened(value: Any, limit: int, most: int | None) -> Any:
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, Mapping):
        return {key: _shortened(one, limit, most) for key, one in value.items()}
    if isinstance(value, list):
        return [_shortened(item, limit, most) for item in value[:most]]
    return value

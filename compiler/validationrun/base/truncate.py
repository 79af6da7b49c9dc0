"""Cuts recorded texts, because a ConfigMap holds at most 1 MiB."""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from validationrun.base.document import Document

MESSAGE_BYTES: Final = 2000
"""Maximum of one message in the record; with its reason it fits into a termination message."""

SUMMARY_BYTES: Final = 64 * 1024
"""Maximum of the status document and the diagnostics of a finished run together."""

_Document = TypeVar("_Document", bound=Document)

_MARK: Final = "…"
_STEPS: Final = (MESSAGE_BYTES, 1000, 500, 250, 120, 60)
_MOST_ITEMS: Final = 64
"""A run has at most 32 rules and 64 shards; a longer list is of endpoints or nodes."""


def cut(text: str, limit: int = MESSAGE_BYTES) -> str:
    """The beginning of a text, at most `limit` bytes of UTF-8; a mark shows that the rest is missing."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    kept = encoded[: max(0, limit - len(_MARK.encode()))].decode("utf-8", "ignore")
    return kept + _MARK


def tail(text: str, limit: int) -> str:
    """The end of a log, at most `limit` bytes, from the beginning of a line if possible."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    kept = encoded[len(encoded) - max(0, limit - len(_MARK.encode()) - 1) :].decode("utf-8", "ignore")
    _, newline, rest = kept.partition("\n")
    return f"{_MARK}\n{rest if newline and rest else kept}" if limit > len(_MARK.encode()) else ""


def size(document: Any) -> int:
    """Bytes of a document in the record."""
    return len(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))


def fit(document: _Document, budget: int) -> _Document:
    """
    The document, with texts and then lists cut until it fits.

    Short words and numbers, on which decisions depend, are kept.
    """
    whole = fitted = document.to_data()
    for limit in _STEPS:
        if size(fitted) <= budget:
            break
        fitted = _shortened(whole, limit, None)
    if size(fitted) > budget:
        fitted = _shortened(whole, _STEPS[-1], _MOST_ITEMS)
    return type(document).from_data(fitted)


def _shortened(value: Any, limit: int, most: int | None) -> Any:
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, Mapping):
        return {key: _shortened(entry, limit, most) for key, entry in value.items()}
    if isinstance(value, list):
        return [_shortened(item, limit, most) for item in value[:most]]
    return value

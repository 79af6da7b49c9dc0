"""Moments: Unix seconds in the program and in results, RFC 3339 in messages, the status and Kubernetes' objects."""

import datetime as dt
import re
from typing import Final

FUTURE_SECONDS: Final = 300
"""How far the clock of another machine may be ahead of ours."""

_UNIX_SECONDS: Final = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?")


def format_time(seconds: float) -> str:
    """RFC 3339 in UTC; with milliseconds when they are not zero."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    form = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=form).replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Unix seconds of an RFC 3339 time. Raises ValueError, also for a time without its zone."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.timestamp()


def time_if_known(text: str | None) -> float | None:
    """Unix seconds of what a document says; None for nothing, and for what is no time."""
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def parse_given_time(text: str) -> float:
    """
    Unix seconds, to the millisecond, of a typed time: RFC 3339 or Unix seconds.

    Raises:
        ValueError: neither; the message says what it must be.
    """
    if _UNIX_SECONDS.fullmatch(text):
        return round(float(text), 3)
    try:
        return round(parse_time(text), 3)
    except ValueError:
        raise ValueError(
            f"must be a time with its zone, such as 2026-03-01T12:00:00Z, or Unix seconds; got {text!r}"
        ) from None

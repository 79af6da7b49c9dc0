"""Parses and formats durations. Apart from the spec models, so that a step needs no pydantic for them."""

import re
from collections.abc import Sequence
from typing import Final

from validationrun.base.conventions import MAX_SETTLE_SECONDS

_DURATION: Final = re.compile(r"(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m)?(?:(?P<s>[0-9]+)s)?")
_UNITS: Final = (("h", 3600), ("m", 60), ("s", 1))
_SPAN: Final = re.compile(r"(?:(?P<d>[0-9]+)d)?" + _DURATION.pattern)
_LONGEST_TEXT: Final = 32
"""Far beyond every bound in any unit."""

MAX_DURATION: Final = 366 * 24 * 3600
"""A year, in seconds. Kubernetes counts deadlines in 32 bits, so the sum of a run's deadlines must stay below 68 years."""

_MAX_SPAN_DAYS: Final = 9999


def parse_duration(text: str) -> int:
    """
    Seconds of a Go-style duration: `90s`, `20m`, `1h30m`.

    Raises:
        ValueError: not such a duration, or more than a year; the message says which.
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None or len(text) > _LONGEST_TEXT:
        raise ValueError("must be a duration in hours, minutes and whole seconds, such as 90s, 20m or 1h30m")
    seconds = _seconds(match)
    if seconds > MAX_DURATION:
        raise ValueError("must be at most a year (8784h)")
    return seconds


def parse_span(text: str) -> int:
    """
    Seconds, from one to 9999 days, of a typed duration, which may begin with days: `7d`, `1d12h`.

    Raises:
        ValueError: no such duration; the message says what it must be.
    """
    match = _SPAN.fullmatch(text)
    seconds = 0 if match is None or len(text) > _LONGEST_TEXT else int(match["d"] or 0) * 86_400 + _seconds(match)
    if not 0 < seconds <= _MAX_SPAN_DAYS * 86_400:
        raise ValueError(f"must be a duration from 1s to {_MAX_SPAN_DAYS}d, such as 90s, 2h30m or 7d; got {text!r}")
    return seconds


def _seconds(match: re.Match[str]) -> int:
    return int(match["h"] or 0) * 3600 + int(match["m"] or 0) * 60 + int(match["s"] or 0)


def parse_settle(text: str) -> int:
    """
    Seconds of a settle time: a duration, or whole seconds as the evaluator's pod gets them.

    Raises:
        ValueError: neither, or more than a minute, because no scrape interval in use is longer.
    """
    try:
        seconds = parse_duration(f"{text}s" if re.fullmatch("[0-9]+", text) else text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= MAX_SETTLE_SECONDS:
        raise ValueError(f"must be a duration from 0s to {MAX_SETTLE_SECONDS}s, such as 5s; got {text!r}")
    return seconds


def format_duration(seconds: float, *, short: bool = False) -> str:
    """
    A duration as specs, Go and Kubernetes write it: 5400 is `1h30m`, 93784 is `26h3m4s`, 0 is `0s`.

    Milliseconds are kept below a minute; above it the seconds are rounded.

    Args:
        short: for ages and progress: the two largest of days, hours, minutes and seconds, rounded down; 93784 is `1d2h`.
    """
    if short:
        amounts = _split(max(0, int(seconds)), (("d", 86_400), *_UNITS))
        return "".join(f"{amount}{unit}" for amount, unit in amounts[:2] if amount) or "0s"
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if round(seconds, 3) < 60:  # noqa: PLR2004 - a minute
        return f"{round(seconds, 3):g}s"
    return "".join(f"{amount}{unit}" for amount, unit in _split(round(seconds), _UNITS) if amount)


def _split(seconds: int, units: Sequence[tuple[str, int]]) -> list[tuple[int, str]]:
    """The amount of each unit, from the largest unit that is not zero."""
    amounts: list[tuple[int, str]] = []
    for unit, size in units:
        amount, seconds = divmod(seconds, size)
        if amount or amounts:
            amounts.append((amount, unit))
    return amounts

"""Durations as Go writes them. Beside the models, which need pydantic: the steps read durations without it."""

import re
from typing import Final

from validationrun.base.conventions import MAX_SETTLE_SECONDS

_DURATION: Final = re.compile(r"(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m)?(?:(?P<s>[0-9]+)s)?")
_MAX_DURATION: Final = 366 * 24 * 3600
"""A year. Kubernetes counts deadlines in 32 bits, so that the sum of all of a run's must stay below 68 years."""


def parse_duration(text: str) -> int:
    """
    Seconds of a Go-style duration: `90s`, `20m`, `1h30m`.

    Raises:
        ValueError: not such a duration, fractions of a second, zero units, or more than a year; the text says which.
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None or len(text) > 32:  # noqa: PLR2004 - far beyond a year in any unit
        raise ValueError("must be a duration in hours, minutes and whole seconds, such as 90s, 20m or 1h30m")
    seconds = int(match["h"] or 0) * 3600 + int(match["m"] or 0) * 60 + int(match["s"] or 0)
    if seconds > _MAX_DURATION:
        raise ValueError("must be at most a year (8784h)")
    return seconds


def parse_settle(text: str) -> int:
    """
    Seconds of a settle time: a duration, or a whole number of seconds, which is how it travels to the evaluator's pod.

    Raises:
        ValueError: neither, or more than a minute, which is beyond every scrape interval in use.
    """
    try:
        seconds = parse_duration(f"{text}s" if re.fullmatch("[0-9]+", text) else text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= MAX_SETTLE_SECONDS:
        raise ValueError(f"must be a duration from 0s to {MAX_SETTLE_SECONDS}s, such as 5s; got {text!r}")
    return seconds


def format_duration(seconds: int) -> str:
    """Go's own form without zero units: 5400 -> `1h30m`, 0 -> `0s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if value]
    return "".join(parts) or "0s"

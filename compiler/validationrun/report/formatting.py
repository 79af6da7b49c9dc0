"""Format text, numbers and times for the reports. Foreign text is shortened, and its control characters are escaped."""

import math
from typing import Any, Final

from validationrun.base.durations import format_duration
from validationrun.base.text import printable
from validationrun.base.times import format_time

NAME: Final = 80
"""Most characters shown of a name, a version or a value."""
SENTENCE: Final = 600
"""Most characters shown of a message."""
BLOCK: Final = 4000
"""Most characters shown of a query."""

NONE: Final = "\u2013"
"""A dash: there is nothing to show."""

_BLOCK_LINES: Final = 60


def clean(text: Any, limit: int = SENTENCE) -> str:
    """
    Put the text on one line of at most `limit` characters, plus a remark if it was cut.

    Control characters, escape sequences and marks that change the direction of writing become visible escapes.
    """
    full = str(text)
    shown = printable(" ".join(full[: limit * 2].split()))
    rest = len(full) - limit * 2
    if rest <= 0 and len(shown) <= limit:
        return shown
    return f"{shown[:limit]}… [cut, {len(full)} characters in all]"


def clean_block(text: Any, limit: int = BLOCK) -> str:
    """Like `clean`, but keep the line breaks."""
    full = str(text)
    lines = full[:limit].replace("\t", "    ").split("\n")
    shown = "\n".join(printable(line.rstrip("\r")) for line in lines[:_BLOCK_LINES])
    if len(full) <= limit and len(lines) <= _BLOCK_LINES and len(shown) <= limit:
        return shown
    return f"{shown[:limit]}… [cut, {len(full)} characters in all]"


def rough(value: float) -> str:
    """A number beside a scale, where there is room for a few characters."""
    return format(value + 0.0, ".3g")


def moment(t: float, start: float | None) -> str:
    """A time, and its offset from the window's start."""
    if start is None:
        return format_time(t)
    sign = "-" if t < start else "+"
    return f"{format_time(t)} ({sign}{format_duration(abs(t - start))})"


def span(start: float, end: float) -> str:
    """A time range; a range within one day names the day once."""
    first, last = format_time(round(start)), format_time(round(end))
    if first[:10] == last[:10]:
        return f"{first[:10]} {first[11:19]} to {last[11:19]} UTC"
    return f"{first[:10]} {first[11:19]} to {last[:10]} {last[11:19]} UTC"


def clock(t: float) -> str:
    """The time of day, UTC."""
    return format_time(t)[11:19]


def share(part: float, whole: float) -> str:
    """A percentage: 100 % only if nothing is missing, 0 % only if everything is."""
    if not whole:
        return NONE
    percent = 100 * part / whole
    if 0 < percent < 1:
        return "< 1 %"
    return f"{math.floor(percent)} %"

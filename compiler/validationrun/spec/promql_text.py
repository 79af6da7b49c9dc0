"""PromQL as text, for code that needs no syntax tree, because importing the parser takes a step too long."""

import functools
import re
from typing import Final

# An unterminated string, which no parser accepts, matches up to the end of its line. Otherwise the search would start again
# at each quote in it and take too long.
STRING_OR_COMMENT: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|\'(?:[^\'\\\n]|\\.)*\'?|`[^`]*`?|#[^\n]*')

_RANGE: Final = re.compile(r"\[\s*([0-9a-z]+)")
_DURATION: Final = re.compile(r"([0-9]+)(ms|[smhdwy])")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}


@functools.lru_cache(maxsize=256)
def longest_range(query: str) -> float:
    """
    The longest range of a query in seconds, such as 120.0 for `rate(x[2m])`; 0.0 without a range.

    Cached, because every decision of a rule asks. Reads the text, so that it also knows the ranges of a query that only a newer
    parser accepts.
    """
    ranges = _RANGE.findall(STRING_OR_COMMENT.sub('""', query))
    return max((sum(int(n) * _SECONDS[unit] for n, unit in _DURATION.findall(text)) for text in ranges), default=0.0)


def duration_seconds(text: str) -> float | None:
    """Seconds of a Prometheus duration such as `90s`, `1h30m` or `0`; None when the text is none."""
    if text == "0":
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)

"""Numbers for people: at most four significant digits. Evidence keeps Prometheus' own text."""

import math
from typing import Final

from validationrun.base.text import printable

_LONGEST: Final = 32
"""Characters of a value that is shown as it is."""


def number(value: float) -> str:
    """At most four significant digits."""
    return format(value + 0.0, ".4g") if math.isfinite(value) else str(value)


def value_text(text: str, beside: float | None = None) -> str:
    """
    A value of Prometheus with at most four significant digits.

    Args:
        beside: the number that the value is compared with. A value that would be rounded to it, or past it, keeps all its digits.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    shown = number(value)
    short_already = float(shown) == value and len(text) <= len(shown)
    misleads = beside is not None and _order(float(shown), beside) != _order(value, beside)
    if not math.isfinite(value) or short_already or misleads:
        return printable(text) if len(text) <= _LONGEST else f"{printable(text[:_LONGEST])}…"
    return shown


def _order(value: float, beside: float) -> int:
    return (value > beside) - (value < beside)

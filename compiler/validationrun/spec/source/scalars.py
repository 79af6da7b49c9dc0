"""
The type of an unquoted YAML scalar, as Kubernetes reads it.

This module follows the table of sigs.k8s.io/yaml (goyaml.v2), which kubectl uses: `on`, `yes` and `y` are booleans,
`012` is octal, `0x1f` hexadecimal, `1_000` an integer; `1:30` and `2024-01-01` stay text.
PyYAML's own table is not used, because it turns the last two into 90 and a date.
"""

import re
from typing import Final

Value = str | int | float | bool | None

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_FINITE: Final = frozenset(sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")) | {
    ".nan",
    ".NaN",
    ".NAN",
}

_INTEGER: Final = re.compile(
    r"[-+]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_STARTS_NUMBER: Final = frozenset("+-.0123456789")
MAY_BE_NO_TEXT: Final = frozenset("yYnNtTfFoO~+-.0123456789<")
"""First characters of the merge key, and of plain scalars that `resolve` may read as another type than text."""

_INT_MIN: Final = -(2**63)
_UINT_MAX: Final = 2**64 - 1
_BASES: Final = (("hex", 16), ("bin", 2), ("oct", 8), ("dec", 10))
_MAX_DIGITS: Final = 64
"""Allows any 64-bit number in any base. Python would refuse a much longer number or convert it slowly."""


class NotCarriedError(ValueError):
    """A number that JSON, and so Kubernetes, cannot represent."""


def resolve(text: str) -> Value:
    """
    The value of a plain (unquoted, untagged) scalar.

    Raises:
        NotCarriedError: the number is infinite, NaN, or an integer beyond 64 bits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS_NUMBER:
        return text
    if text in _NOT_FINITE:
        raise NotCarriedError(text)
    plain = text.replace("_", "")
    match = _INTEGER.fullmatch(plain)
    if match is not None:
        return _integer(match, text)
    if _FLOAT.fullmatch(plain if text[0] != "." else text):
        value = float(plain)
        if value in (float("inf"), float("-inf")):
            raise NotCarriedError(text)
        return value
    return text


def _integer(match: "re.Match[str]", text: str) -> int:
    for group, base in _BASES:
        digits = match[group]
        if digits is not None:
            if len(digits) > _MAX_DIGITS:
                raise NotCarriedError(text)
            value = int(digits, base)
            value = -value if match[0].startswith("-") else value
            if not _INT_MIN <= value <= _UINT_MAX:
                raise NotCarriedError(text)
            return value
    raise AssertionError(f"the integer pattern matched {text!r} without a group")

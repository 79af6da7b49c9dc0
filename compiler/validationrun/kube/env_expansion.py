"""`$(NAME)` in a container's environment, command and arguments, as Kubernetes replaces it."""

import re
from collections.abc import Mapping
from typing import Final

_REFERENCE: Final = re.compile(r"\$(?:(?P<escaped>\$)|\((?P<name>[^)]*)\))", re.DOTALL)


def expand(text: str, values: Mapping[str, str]) -> str:
    """
    Every `$(NAME)` that has a value is replaced, once; `$$` is a dollar sign that begins no reference.

    References without value, unclosed references, and `$` before any other character stay as they are.
    """

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        return values.get(match["name"], match[0])

    return _REFERENCE.sub(value, text)


def references(text: str) -> list[str]:
    """The names that a text refers to, in its order."""
    return [match["name"] for match in _REFERENCE.finditer(text) if match["name"] is not None]

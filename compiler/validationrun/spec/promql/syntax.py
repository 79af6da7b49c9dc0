"""Parses a query, within limits that keep the native parser from harm."""

import functools
import re
from typing import Any, Final

import promql_parser as promql

from validationrun.spec.promql_text import STRING_OR_COMMENT

# promql-parser recurses in native code; beyond these limits a hostile query could crash the process.
_MAX_NESTING: Final = 100
_MAX_OPERATORS: Final = 500

_CACHED_TREES: Final = 64
"""More than a run has rules."""

_OPERATORS: Final = re.compile(
    r"[-+*/%^=<>!@]+|\b(?:and|or|unless|atan2|offset|bool|by|without|on|ignoring)\b", re.IGNORECASE
)


class SyntaxFault(ValueError):  # noqa: N818 - the user's fault, not ours
    """The query is not PromQL. `token` is the text that the parser's message names, if any."""

    def __init__(self, message: str, token: str | None) -> None:
        super().__init__(message)
        self.token = token


@functools.lru_cache(maxsize=_CACHED_TREES)
def parse(query: str) -> Any:
    """
    The syntax tree of a query whose placeholders are filled in. Cached, so that all checks of a rule share one tree.

    Raises:
        SyntaxFault: the query does not parse, or is nested too deeply.
    """
    if _beyond_reason(query):
        raise SyntaxFault(f"more than {_MAX_NESTING} levels or {_MAX_OPERATORS} operators", None)
    try:
        return promql.parse(query)
    except ValueError as error:
        message = str(error)
        if message == "invalid promql query":
            message = "the parser does not accept it and does not say where"
        raise SyntaxFault(message, _named_token(str(error))) from None


def _beyond_reason(query: str) -> bool:
    if len(query) <= _MAX_OPERATORS and sum(map(query.count, "([{")) <= _MAX_NESTING:
        # Most queries are too short to be nested too deeply.
        return False
    code = STRING_OR_COMMENT.sub('""', query)
    return _depth(code) > _MAX_NESTING or len(_OPERATORS.findall(code)) > _MAX_OPERATORS


def _depth(code: str) -> int:
    depth = deepest = 0
    for character in code:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _named_token(message: str) -> str | None:
    """The quoted text in the parser's message: foo in "unknown function with name 'foo'"."""
    match = re.search(r"'([^']+)'", message) or re.search(r"illegal regex for (.+)$", message)
    return match[1] if match else None

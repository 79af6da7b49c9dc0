"""Syntax that some versions of Prometheus take and the parser does not know."""

import re
from collections.abc import Callable
from typing import Final

from validationrun.spec.promql.syntax import SyntaxFault, parse
from validationrun.spec.promql_text import STRING_OR_COMMENT

_PLAIN: Final = re.compile(r"\s*(?:[0-9.]+|(?:[0-9]+(?:ms|[smhdwy]))+)?\s*")
_EXPRESSION: Final = re.compile(r"[0-9a-z_.,+*/%^()\s-]*")


def newer_syntax(query: str) -> list[str]:
    """
    What in a query that does not parse is of another version of Prometheus; empty when the query is wrong beside that.

    Args:
        query: with its placeholders filled in.
    """
    strings: list[str] = []

    def put_away(match: re.Match[str]) -> str:
        strings.append(match[0])
        return f'"{len(strings) - 1}"'

    code = STRING_OR_COMMENT.sub(put_away, query)
    found = []
    for name, rewrite in _REWRITES.items():
        older = rewrite(code)
        if older != code:
            found.append(name)
            code = older
    if not found:
        return []
    try:
        parse(re.sub(r'"([0-9]+)"', lambda match: strings[int(match[1])], code))
    except SyntaxFault:
        return []
    return found


def _without_duration_expressions(code: str) -> str:
    code = re.sub(r"\[([^\[\]]*)\]", lambda match: "[" + ":".join(map(_plain, match[1].split(":"))) + "]", code)
    return re.sub(
        r"\boffset\s*[+-]?\s*(?:(?:step|range|min|max|min_of|max_of)\s*)?\((?:[^()]|\([^()]*\))*\)", "offset 1m", code, flags=re.IGNORECASE
    )  # fmt: skip


def _plain(duration: str) -> str:
    known = _PLAIN.fullmatch(duration) is not None
    return duration if known or not _EXPRESSION.fullmatch(duration) or not re.search(r"[0-9(]", duration) else "1m"


def _replacing(pattern: str, instead: str) -> Callable[[str], str]:
    return lambda code: re.sub(pattern, instead, code)


_REWRITES: Final[dict[str, Callable[[str], str]]] = {
    "numbers with underscores": _replacing(r"(?<![\w.])([0-9]+)(?:_([0-9]+))+(?![\w])", "1"),
    "duration expressions": _without_duration_expressions,
    "anchored or smoothed": _replacing(r"(?<=[\]})\w])\s+(?:anchored|smoothed)\b(?!\s*[({])", " "),
    "</ or >/": _replacing(r"([<>])/", r"\1"),
    "holt_winters()": _replacing(r"\bholt_winters(?=\s*\()", "double_exponential_smoothing"),
}

"""
`${...}` in PromQL: where it is replaced, and how it is escaped there.

The compiler notes each place once; whoever fills a query fills the noted places and never looks for others,
so that a value can never bring a placeholder of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from validationrun.base.document import Document
from validationrun.spec.promql_text import STRING_OR_COMMENT

Escape = Literal["none", "string", "regex"]

LABEL_VALUES: Final = ("chainId", "namespace", "runId")
"""Replaced inside quoted label values."""

_MATCH_OPERATORS: Final = frozenset({"!=", "=~", "!~"})

WINDOW: Final = "window"
"""Replaced outside of quotes by `<whole seconds since the window's start>s`, at least `1s`."""

_PLAIN_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_PLACEHOLDER: Final = re.compile(r"\$\{([^{}\n]{0,64})\}")


class Place(Document, frozen=True, omit_defaults=True):
    """
    A placeholder in a query that is replaced.

    Attributes:
        offset: of the token in the query, in code points.
        token: the text that stands there, such as `${chainId}`.
        escape: `string` inside `"`, `'` or a backtick; `regex` the same behind `=~` and `!~`; `none` for `${window}`.
        quote: the quotation mark around it; empty for `${window}`.
    """

    offset: int
    token: str
    escape: Escape = "none"
    quote: str = ""

    @property
    def value(self) -> str:
        """The name of the run-time value that goes there."""
        return self.token[2:-1]


class Stray(Struct, frozen=True):
    """A placeholder that stands where it is not replaced, or whose name is not known."""

    offset: int
    token: str
    name: str
    in_label_value: bool
    in_string: bool


def find_places(promql: str) -> tuple[list[Place], list[Stray]]:
    """All placeholders of a query, in order: those that are replaced, and the others."""
    places: list[Place] = []
    strays: list[Stray] = []
    for offset, text, operator in _pieces(promql):
        in_string = text[:1] in ('"', "'", "`")
        in_label_value = in_string and operator is not None
        for match in _PLACEHOLDER.finditer(text):
            name, at = match[1], offset + match.start()
            if in_label_value and name in LABEL_VALUES:
                escape: Escape = "regex" if operator in ("=~", "!~") else "string"
                places.append(Place(at, match[0], escape, text[0]))
            elif not in_string and name == WINDOW:
                places.append(Place(at, match[0]))
            else:
                strays.append(Stray(at, match[0], name, in_label_value, in_string))
    return places, strays


def _pieces(promql: str) -> Iterator[tuple[int, str, str | None]]:
    """
    The query cut into strings and the text between them.

    Yields (offset, text, operator), the operator being the one before a label value inside braces, else None.
    Comments are left out: nothing in them is replaced. So are pieces without a placeholder.
    """
    position = braces = 0
    tail = ""
    for match in STRING_OR_COMMENT.finditer(promql):
        at, token = match.start(), match[0]
        text = promql[position:at]
        if "${" in text:
            yield position, text, None
            # Its braces are no selector's.
            text = _PLACEHOLDER.sub("", text)
        braces = max(0, braces + text.count("{") - text.count("}"))
        tail = text.rstrip()[-2:] or tail
        position = match.end()
        if token[0] == "#":
            continue
        if "${" in token:
            yield at, token, _match_operator(tail) if braces else None
        tail = token[0]
    yield position, promql[position:], None


def _match_operator(tail: str) -> str | None:
    """The matcher's operator at the end of what stands before a string."""
    if tail in _MATCH_OPERATORS:
        return tail
    return "=" if tail[-1:] == "=" else None


def fill(promql: str, places: Sequence[Place], values: Mapping[str, str]) -> str:
    """
    The query with each noted place replaced by its value, escaped for where it stands.

    Raises:
        ValueError: the query does not hold a place's token where the place says; it is not the query that was compiled.
    """
    parts: list[str] = []
    position = 0
    for place in places:
        end = place.offset + len(place.token)
        if promql[place.offset : end] != place.token:
            raise ValueError(f"the query holds no {place.token} at offset {place.offset}")
        parts += [promql[position : place.offset], escape(values[place.value], place.escape, place.quote)]
        position = end
    parts.append(promql[position:])
    return "".join(parts)


def escape(value: str, how: Escape, quote: str) -> str:
    """
    A value for its place in PromQL.

    In a backtick string nothing can be escaped; a backtick in the value ends the string there,
    so such a value is refused.

    Raises:
        ValueError: the value cannot stand in a backtick string.
    """
    if how == "none":
        return value
    text = regex_escaped(value) if how == "regex" else value
    if quote == "`":
        if "`" in text:
            raise ValueError("a value with a backtick cannot stand in a backtick string")
        return text
    return text.replace("\\", "\\\\").replace(quote, "\\" + quote).replace("\n", "\\n")


def regex_escaped(value: str) -> str:
    """A text as a regular expression that matches it alone."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", value)


def filled_value(value: str, operator: str, values: Mapping[str, str]) -> str:
    """A matcher's value with its placeholders replaced, as it is before it becomes a string of PromQL."""

    def put(match: re.Match[str]) -> str:
        if match[1] not in LABEL_VALUES:
            return match[0]
        return regex_escaped(values[match[1]]) if operator in ("=~", "!~") else values[match[1]]

    return _PLACEHOLDER.sub(put, value)


def label_name(name: str) -> str:
    """A label's name in a selector: in quotes where it is not a plain one, as Prometheus 3 wants and reads it."""
    return name if _PLAIN_NAME.fullmatch(name) else quoted(name)


def quoted(value: str) -> str:
    """A text as a PromQL string in double quotes, on one line; `${` stays as it is, so that places can be found in it."""
    return '"' + escape(value, "string", '"').replace("\r", "\\r") + '"'

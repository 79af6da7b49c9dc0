"""
Plain data -> YAML text that is easy to review and the same, byte for byte, on every machine.

Block style, two spaces, no anchors, no line folding, text of several lines as literal blocks, keys in the given order.
Why not a library: Hera's own writer damages text, PyYAML's C writer turns every character outside the basic plane
(and with it the whole block) into escapes, and its Python writer is ten times slower than the rest of the compiler.
The tests read the output back with two independent parsers, libyaml and Go's.
"""

import re
from typing import Any, Final

_INDENT: Final = "  "
# Text that needs no quotes anywhere in block style. The first character is never an indicator.
_PLAIN: Final = re.compile(r"[A-Za-z_/$(][ -~]*")
_PLAIN_AFTER_DIGIT: Final = re.compile(r"[0-9][0-9A-Za-z._/-]*[g-np-wyzG-NP-WYZ/][0-9A-Za-z._/-]*")
_NEEDS_QUOTES: Final = re.compile(r": |:$| #| $")
# Every spelling that some YAML version reads as a boolean or null.
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "~"})
# A literal block holds no line ends but \n, and no characters that a parser refuses or an editor hides.
# Nor does it hold marks that change the direction of text, because a reviewer would read another text than a program.
_NOT_IN_BLOCK: Final = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u200d\u2010-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_BLANK_LINE: Final = re.compile(r"^[ \t]+$", re.MULTILINE)
_ESCAPED: Final = re.compile(
    '["\\\\\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff0-\uffff]'
)
_SHORT_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_LONGEST_SIMPLE_KEY: Final = 500
"""YAML allows 1,024 characters for a key on the line of its value; longer ones are written behind `? `."""


def dump(value: Any) -> str:
    """
    One document, ending in a newline.

    Args:
        value: dict (string keys), list, str, int, float, bool or None, nested; anything else is a TypeError.
    """
    lines: list[str] = []
    _write(value, "", lines, "")
    return "\n".join(lines) + "\n"


def _write(value: Any, indent: str, lines: list[str], prefix: str) -> None:
    """
    Appends the lines of a value.

    Args:
        indent: indentation of the value's lines after the first.
        prefix: the text before the value on its first line: `key:`, `-` (both already indented), or nothing.
    """
    if isinstance(value, dict) and value:
        _write_mapping(value, indent, lines, prefix)
    elif isinstance(value, list) and value:
        _write_sequence(value, indent, lines, prefix)
    elif isinstance(value, str) and prefix and _is_block(value):
        _write_block(value, indent, lines, prefix)
    else:
        lines.append(f"{prefix} {_scalar(value)}" if prefix else _scalar(value))


def _write_mapping(value: dict[str, Any], indent: str, lines: list[str], prefix: str) -> None:
    if prefix.endswith(":"):
        lines.append(prefix)
        lead = indent
    else:
        # After `- ` the first key is on the same line.
        lead = f"{prefix} " if prefix else indent
    for key, item in value.items():
        name = _string(key)
        if len(name) > _LONGEST_SIMPLE_KEY:
            lines.append(f"{lead}? {name}")
            _write(item, indent + _INDENT, lines, f"{indent}:")
        else:
            child = indent if isinstance(item, list) else indent + _INDENT
            _write(item, child, lines, f"{lead}{name}:")
        lead = indent


def _write_sequence(value: list[Any], indent: str, lines: list[str], prefix: str) -> None:
    if prefix:
        lines.append(prefix)
    for item in value:
        if isinstance(item, list) and item:
            lines.append(f"{indent}-")
            _write_sequence(item, indent + _INDENT, lines, "")
        else:
            _write(item, indent + _INDENT, lines, f"{indent}-")


def _is_block(text: str) -> bool:
    return (
        "\n" in text
        and not text.startswith("\t")
        and text.strip("\n") != ""
        and _NOT_IN_BLOCK.search(text) is None
        and _BLANK_LINE.search(text) is None
    )


def _write_block(text: str, indent: str, lines: list[str], prefix: str) -> None:
    body = text.rstrip("\n")
    trailing = len(text) - len(body)
    chomp = {0: "-", 1: ""}.get(trailing, "+")
    # A parser infers the indentation from the first line; the indicator states it when that line is empty or begins with a space.
    indicator = "2" if body[0] in " \n" else ""
    lines.append(f"{prefix} |{indicator}{chomp}")
    lines.extend(indent + line if line else "" for line in body.split("\n"))
    lines.extend([""] * (trailing - 1))


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    raise TypeError(f"YAML has no form for {type(value).__name__}")


def _float(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN is what differs from itself
        raise TypeError("Kubernetes has no form for a number that is not finite")
    text = repr(value)
    # YAML 1.1 requires a point in a float: 1e+22 would be text.
    return text if "." in text or "e" not in text else text.replace("e", ".0e", 1)


def _string(text: str) -> str:
    """A string on one line: plain when no parser can read it as another type, else in double quotes."""
    plain = _PLAIN.fullmatch(text) or _PLAIN_AFTER_DIGIT.fullmatch(text)
    if plain and not _NEEDS_QUOTES.search(text) and text.lower() not in _WORDS:
        return text
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: "re.Match[str]") -> str:
    character = match[0]
    short = _SHORT_ESCAPES.get(character)
    if short is not None:
        return short
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte

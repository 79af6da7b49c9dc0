"""
YAML text -> documents.

libyaml gives events; they are folded here without recursion, so that no input can exhaust the stack.
Duplicate keys, foreign tags, alias bombs and numbers that JSON cannot carry are findings, not exceptions.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from validationrun.spec.findings import Diagnostic, Severity, Span, quote
from validationrun.spec.source.document import Document, Entry, Mark, Node, split_lines
from validationrun.spec.source.fast_reader import read_plain
from validationrun.spec.source.scalars import MAY_BE_NO_TEXT, NotCarriedError, resolve

MAX_BYTES: Final = 1024 * 1024
"""Kubernetes stores no larger object, and no spec comes near it."""

_MAX_NODES: Final = 50_000
"""A run with 64 config files, 8 deployments and 32 rules has about 2,000; beyond this a file is a mistake or an attack."""

_MAX_DEPTH: Final = 64
"""The deepest Kubernetes field a spec can forward lies about 20 levels down."""

_TAG: Final = "tag:yaml.org,2002:"
_STRING_TAGS: Final = frozenset({f"{_TAG}str", "!"})
_RESOLVED_TAGS: Final = frozenset({f"{_TAG}{name}" for name in ("bool", "int", "float", "null", "timestamp")})
_COLLECTION_TAGS: Final = frozenset({f"{_TAG}map", f"{_TAG}seq", "!"})
_BOM: Final = "\ufeff"
_BLOCK_STYLES: Final = ("|", ">")


@dataclass(slots=True)
class LoadResult:
    """The documents of one file, and what is wrong with its YAML. With an error there may be fewer documents."""

    file: str
    lines: list[str]
    documents: list[Document] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, span: Span, message: str, help_: str) -> None:
        line = self.lines[span.line] if span.line < len(self.lines) else ""
        self.diagnostics.append(Diagnostic(code, Severity.ERROR, self.file, span, "", message, help_, line))


def read(content: bytes, file: str) -> LoadResult:
    """
    All documents of a file.

    Never raises for what the file holds: every fault is a diagnostic with a place.
    Empty documents (only comments, or nothing between two `---`) are left out.
    """
    start = Span(0, 0, 1)
    if len(content) > MAX_BYTES:
        result = LoadResult(file, [""])
        result.error(
            "VR101",
            start,
            f"the file is larger than 1 MiB ({len(content):,} bytes or more)",
            "split it; a spec with its config files must fit into one ConfigMap",
        )
        return result
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(content, error, file)
    result = LoadResult(file, split_lines(text.removeprefix(_BOM)))
    _read_into(result, text.removeprefix(_BOM))
    if not result.documents and not result.diagnostics:
        result.error("VR108", start, "the file holds no document", "start one with `validationrun init`")
    return result


def _read_into(result: LoadResult, text: str) -> None:
    """The quick way for a file that holds nothing unusual, the full one for any other and for places."""
    plain = read_plain(text, _MAX_NODES, _MAX_DEPTH)
    if plain is None:
        _Composer(result).compose(text)
        return

    @functools.cache
    def composed() -> list[Document]:
        again = LoadResult(result.file, result.lines)
        _Composer(again).compose(text)
        return again.documents

    def root_of(index: int) -> Callable[[], Node]:
        return lambda: composed()[index].root

    result.documents += [Document(data, root_of(index), result.lines) for index, data in enumerate(plain)]


def _not_utf8(content: bytes, error: UnicodeDecodeError, file: str) -> LoadResult:
    before = split_lines(content[: error.start].decode("utf-8"))
    result = LoadResult(file, before)
    result.error(
        "VR102",
        Span(len(before) - 1, len(before[-1]), len(before[-1]) + 1),
        f"the file is not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}",
        "save it as UTF-8",
    )
    return result


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not been read yet."""

    data: Any
    node: Node
    anchor: str | None
    size: int = 1
    key: str | None = None
    key_node: Node | None = None
    awaits_value: bool = False
    merges: list[tuple[Any, Node]] = field(default_factory=list)


class _StopReading(Exception):  # noqa: N818 - control flow, not an error
    """What follows in the file cannot be trusted; the finding is already recorded."""


class _Composer:
    """Folds the event stream of one file."""

    def __init__(self, result: LoadResult) -> None:
        self._result = result
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, Node, int]] = {}
        self._nodes = 0

    def compose(self, text: str) -> None:
        try:
            events = yaml.CSafeLoader(text)
            takers = self._takers()
            event: Any = events.get_event()
            while not isinstance(event, yaml.StreamEndEvent):
                taker = takers.get(type(event))
                if taker is not None:
                    taker(event)
                event = events.get_event()
        except yaml.reader.ReaderError as error:
            self._unreadable(error, text)
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
        except _StopReading:
            pass

    # What libyaml itself refuses.

    def _unreadable(self, error: yaml.reader.ReaderError, text: str) -> None:
        position = error.position if isinstance(error.position, int) else 0
        # libyaml counts the bytes of the UTF-8 form.
        before = split_lines(text.encode()[:position].decode("utf-8", "ignore"))
        span = Span(len(before) - 1, len(before[-1]), len(before[-1]) + 1)
        character = error.character if isinstance(error.character, int) else 0
        self._result.error(
            "VR102",
            span,
            f"character U+{character:04X} is not allowed in YAML",
            "delete it, or write it as an escape inside double quotes",
        )

    def _syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        line = min(line, len(self._result.lines) - 1)
        column = min(column, len(self._result.lines[line]))
        source = self._result.lines[line]
        help_ = "fix the YAML at or above this place"
        if column < len(source) and source[column] == "\t":
            help_ = "indent with spaces: YAML forbids tabs there"
        elif "mapping values" in str(error.problem):
            help_ = "quote the value if it contains ': ', or fix the indentation"
        context = f" {error.context}" if error.context else ""
        self._result.error("VR103", Span(line, column, column + 1), f"not valid YAML: {error.problem}{context}", help_)

    # Events.

    def _takers(self) -> "dict[type[yaml.Event], Callable[[Any], None]]":
        """Who takes an event of a type; the others say nothing that is needed."""
        return {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._new_document,
        }

    def _new_document(self, event: yaml.Event) -> None:
        del event
        self._anchors = {}

    def _scalar(self, event: Any) -> None:
        node = Node(event.start_mark, event.end_mark, None, event.style in _BLOCK_STYLES)
        text: str = event.value
        if event.tag is None and event.anchor is None and text and text[0] not in MAY_BE_NO_TEXT:
            # Nine scalars of ten, keys above all; the rest of this method would come to the same.
            self._add(text, node, 1)
            return
        value = self._value(event, node)
        is_merge = event.tag is None and event.implicit[0] and event.value == "<<"
        if event.anchor:
            self._anchors[event.anchor] = (value, node, 1)
        self._add(value, node, 1, merge_key=is_merge)

    def _value(self, event: yaml.ScalarEvent, node: Node) -> Any:
        text: str = event.value
        if event.tag is None:
            if not event.implicit[0]:
                return text
        elif event.tag in _STRING_TAGS:
            return text
        elif event.tag not in _RESOLVED_TAGS:
            self._foreign_tag(event.tag, node.start)
            return text
        try:
            return resolve(text)
        except NotCarriedError:
            self._error(
                "VR107",
                node.start,
                node.end,
                f"{quote(text)} is a number that Kubernetes cannot store",
                "quote it if it is text",
            )
            return text

    def _open(self, event: Any) -> None:
        start = event.start_mark
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._foreign_tag(event.tag, start)
        if len(self._stack) >= _MAX_DEPTH:
            self._error("VR106", start, start, f"nested more than {_MAX_DEPTH} levels deep", "flatten the document")
            raise _StopReading
        node = Node(start, start, {} if mapping else [])
        self._stack.append(_Open({} if mapping else [], node, event.anchor))

    def _close(self, event: Any) -> None:
        closed = self._stack.pop()
        closed.node.end = event.end_mark
        for data, node in closed.merges:
            self._merge(closed, data, node)
        if closed.anchor:
            self._anchors[closed.anchor] = (closed.data, closed.node, closed.size)
        self._add(closed.data, closed.node, closed.size)

    def _alias(self, event: Any) -> None:
        start, end = event.start_mark, event.end_mark
        found = self._anchors.get(event.anchor or "")
        if found is None:
            inside = any(frame.anchor == event.anchor for frame in self._stack)
            message = f"alias {quote(event.anchor)} " + ("contains itself" if inside else "has no anchor before it")
            self._error("VR105", start, end, message, "write the value out instead")
            raise _StopReading
        data, node, size = found
        self._add(data, node, size, alias=(start, end))

    # Folding.

    def _add(
        self, value: Any, node: Node, size: int, *, merge_key: bool = False, alias: tuple[Mark, Mark] | None = None
    ) -> None:
        """Puts a finished value where it belongs: a key, a value, an item, or the document itself."""
        self._nodes += size if alias else 1
        if self._nodes > _MAX_NODES:
            start, end = alias or (node.start, node.end)
            help_ = "write the values out instead" if alias else "split the file"
            self._error("VR106", start, end, f"more than {_MAX_NODES:,} values, aliases written out", help_)
            raise _StopReading
        if not self._stack:
            if value is not None:
                self._result.documents.append(Document(value, lambda: node, self._result.lines))
            return
        frame = self._stack[-1]
        frame.size += size
        if isinstance(frame.data, list):
            frame.data.append(value)
            frame.node.children.append(node)  # type: ignore[union-attr]
        elif frame.awaits_value:
            self._add_entry(frame, value, node)
        else:
            frame.key = self._key(value, node, merge_key=merge_key)
            frame.key_node = node
            frame.awaits_value = True

    def _key(self, value: Any, node: Node, *, merge_key: bool) -> str | None:
        """The key as Kubernetes' JSON has it: `on: x` is the key "true". None for a merge key, which is no key."""
        if merge_key:
            return None
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        self._error("VR107", node.start, node.end, "a key must be text", "quote the key")
        return quote(value)

    def _add_entry(self, frame: _Open, value: Any, node: Node) -> None:
        frame.awaits_value = False
        key, key_node = frame.key, frame.key_node
        if key_node is None:
            raise AssertionError("a value without a key before it")
        key_start, key_end = key_node.start, key_node.end
        if key is None:
            self._note_merge(frame, value, node, key_start, key_end)
        elif key in frame.data:
            first: Entry = frame.node.children[key]  # type: ignore[index,call-overload]
            self._error(
                "VR104",
                key_start,
                key_end,
                f"duplicate key {quote(key)}: first given on line {first.key_start.line + 1}",
                "keep one of the two",
            )
        else:
            frame.data[key] = value
            frame.node.children[key] = Entry(key_start, key_end, node)  # type: ignore[index,call-overload]

    def _note_merge(self, frame: _Open, value: Any, node: Node, key_start: Mark, key_end: Mark) -> None:
        """`<<: *a` or `<<: [*a, *b]`; applied when the mapping ends, because its own keys win."""
        if isinstance(value, dict):
            frame.merges.append((value, node))
        elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
            frame.merges.extend(zip(value, node.children, strict=True))  # type: ignore[arg-type]
        else:
            self._error("VR107", key_start, key_end, "`<<` merges mappings only", "give it an alias of a mapping")

    def _merge(self, frame: _Open, data: dict[str, Any], node: Node) -> None:
        for key, value in data.items():
            if key not in frame.data:
                frame.data[key] = value
                frame.node.children[key] = node.children[key]  # type: ignore[index,call-overload]

    def _foreign_tag(self, tag: str, start: Mark) -> None:
        shown = tag.replace(_TAG, "!!")
        self._error("VR107", start, start, f"tag {quote(shown)} is not understood", "leave the tag out")

    def _error(self, code: str, start: Mark, end: Mark, message: str, help_: str) -> None:
        end_column = end.column if end.line == start.line and end.column > start.column else start.column + 1
        self._result.error(code, Span(start.line, start.column, end_column), message, help_)

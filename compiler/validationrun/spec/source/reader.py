"""
YAML text -> documents.

A loop without recursion folds libyaml's events into data and positions, so that no input can exhaust the stack.
Duplicate keys, unknown tags, alias bombs and numbers that JSON cannot hold are findings, not exceptions.
"""

from dataclasses import dataclass, field
from typing import Any, Final, cast

import yaml

from validationrun.spec.findings import Diagnostic, Severity, Span, quote
from validationrun.spec.source.document import Collection, Document, Mark, Node, Scalar, split_lines
from validationrun.spec.source.scalars import MAY_BE_NO_TEXT, NotCarriedError, Value, resolve

MAX_BYTES: Final = 1024 * 1024
"""Kubernetes stores no larger object, and specs are much smaller."""

_TAG: Final = "tag:yaml.org,2002:"
_STRING_TAGS: Final = frozenset({f"{_TAG}str", "!"})
_RESOLVED_TAGS: Final = frozenset({f"{_TAG}{name}" for name in ("bool", "int", "float", "null", "timestamp")})
_COLLECTION_TAGS: Final = frozenset({f"{_TAG}map", f"{_TAG}seq", "!"})
_BOM: Final = "\ufeff"
_MERGE_KEY: Final = "<<"


@dataclass(frozen=True, slots=True)
class _Limits:
    """The most values (with aliases expanded) and levels that a text may have."""

    nodes: int
    depth: int


_SPEC: Final = _Limits(nodes=50_000, depth=64)
"""
A run with 64 config files, 8 deployments and 32 rules has about 2,000 values; a file with many more is a mistake or an attack.
The deepest Kubernetes field that a spec can forward lies about 20 levels down.
"""

_COMPILED: Final = _Limits(nodes=1_000_000, depth=200)


@dataclass(slots=True)
class LoadResult:
    """The documents of one file, and the faults of its YAML. A file with an error may have fewer documents."""

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

    Never raises for the content of a file: every fault is a diagnostic with a position.
    Leaves out empty documents (only comments, or nothing between two `---`).
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
        text = content.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        return _not_utf8(content, error, file)
    result = LoadResult(file, split_lines(text))
    _Reader(result, _SPEC).read(text)
    if not result.documents and not result.diagnostics:
        result.error("VR108", start, "the file holds no document", "start one with `validationrun init`")
    return result


def read_compiled(text: str) -> list[Any]:
    """
    The data of each document in a text that the compiler wrote.

    Raises ValueError for faulty YAML.
    """
    result = LoadResult("", split_lines(text))
    _Reader(result, _COMPILED).read(text)
    if result.diagnostics:
        raise ValueError(result.diagnostics[0].message)
    return [document.data for document in result.documents]


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
    """A mapping or sequence before its end event; `key` and `key_node` are set between a key and its value."""

    data: Any
    node: Collection
    children: Any
    anchor: str | None
    nodes_before: int
    key: str | None = None
    key_node: Node | None = None
    merges: list[tuple[dict[str, Any], Collection]] | None = None


class _StopReading(Exception):  # noqa: N818 - control flow, not an error
    """Stops reading because the rest of the file cannot be trusted; the finding is already recorded."""


class _Reader:
    """Folds the events of one text. A scalar's event is also its `Node`, because creating one object less is faster."""

    def __init__(self, result: LoadResult, limits: _Limits) -> None:
        self._result = result
        self._limits = limits
        self._stack: list[_Open] = []
        self._innermost: _Open | None = None
        self._anchors: dict[str, tuple[Any, Node, int]] = {}
        self._nodes = 0

    def read(self, text: str) -> None:
        try:
            self._fold(yaml.CSafeLoader(text))
        except yaml.reader.ReaderError as error:
            self._unreadable(error, text)
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
        except _StopReading:
            pass

    def _fold(self, loader: yaml.CSafeLoader) -> None:
        get_event = loader.get_event
        scalar, mapping_start, sequence_start = yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent
        while True:
            event: Any = get_event()
            kind = type(event)
            if kind is scalar:
                value: Any = event.value
                is_text = not event.implicit[0] or (value and value[0] not in MAY_BE_NO_TEXT)
                if event.tag is not None or event.anchor is not None or not is_text:
                    value = self._scalar(event)
                self._add(value, event)
            elif kind is mapping_start:
                self._open(event, {}, {})
            elif kind is sequence_start:
                self._open(event, [], [])
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close(event)
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                self._anchors = {}
            elif kind is yaml.StreamEndEvent:
                return

    def _scalar(self, event: Scalar) -> Value:
        """The value of a scalar that has a tag or an anchor, or that may have another type than text."""
        value = self._tagged(event) if event.tag is not None else self._resolved(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, event, 1)
        return value

    def _tagged(self, event: Scalar) -> Value:
        if event.tag in _RESOLVED_TAGS:
            return self._resolved(event)
        if event.tag not in _STRING_TAGS:
            self._unknown_tag(event.tag, event.start_mark)
        return str(event.value)

    def _resolved(self, event: Scalar) -> Value:
        text: str = event.value
        if event.tag is None and not event.implicit[0]:
            return text
        try:
            return resolve(text)
        except NotCarriedError:
            message = f"{quote(text)} is a number that Kubernetes cannot store"
            self._error("VR107", event, message, "quote it if it is text")
            return text

    def _open(self, event: Any, data: Any, children: Any) -> None:
        start = event.start_mark
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._unknown_tag(event.tag, start)
        if len(self._stack) >= self._limits.depth:
            message = f"nested more than {self._limits.depth} levels deep"
            self._error("VR106", Collection(start, start, []), message, "flatten the document")
            raise _StopReading
        node = Collection(start, start, children)
        self._innermost = _Open(data, node, children, event.anchor, self._nodes)
        self._stack.append(self._innermost)

    def _close(self, event: Any) -> None:
        closed = self._stack.pop()
        self._innermost = self._stack[-1] if self._stack else None
        closed.node.end_mark = event.end_mark
        self._merge(closed)
        if closed.anchor is not None:
            self._anchors[closed.anchor] = (closed.data, closed.node, self._nodes - closed.nodes_before + 1)
        self._add(closed.data, closed.node)

    def _alias(self, event: Any) -> None:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            inside = any(collection.anchor == event.anchor for collection in self._stack)
            message = f"alias {quote(event.anchor)} " + ("contains itself" if inside else "has no anchor before it")
            self._error("VR105", event, message, "write the value out instead")
            raise _StopReading
        value, node, size = anchored
        if self._nodes + size > self._limits.nodes:
            self._too_many(event, "write the values out instead")
        self._nodes += size - 1
        self._add(value, node)

    def _add(self, value: Any, node: Node) -> None:
        """Adds a finished value to the innermost collection as key, value or item, or makes it a document."""
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            self._too_many(node, "split the file")
        innermost = self._innermost
        if innermost is None:
            if value is not None:
                self._result.documents.append(Document(value, node, self._result.lines))
        elif type(innermost.data) is list:
            innermost.data.append(value)
            innermost.children.append(node)
        elif innermost.key_node is None:
            innermost.key_node = node
            innermost.key = value if type(value) is str and value != _MERGE_KEY else self._key(value, node)
        elif innermost.key is None or innermost.key in innermost.data:
            self._add_unusual(innermost, value, node)
        else:
            innermost.data[innermost.key] = value
            innermost.children[innermost.key] = (innermost.key_node, node)
            innermost.key_node = None

    def _key(self, value: Any, node: Node) -> str | None:
        """The key in Kubernetes' JSON form: `on: x` has the key "true". None for a merge key, which is not a key."""
        if isinstance(value, str):
            is_merge_key = not isinstance(node, Collection) and node.tag is None and node.implicit[0]
            return None if is_merge_key else value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        self._error("VR107", node, "a key must be text", "quote the key")
        return quote(value)

    def _add_unusual(self, mapping: _Open, value: Any, node: Node) -> None:
        """Handles the value of a merge key (`<<: *a` or `<<: [*a, *b]`) or of a duplicate key."""
        key, key_node = mapping.key, cast(Node, mapping.key_node)
        mapping.key_node = None
        if key is not None:
            first, _ = mapping.children[key]
            message = f"duplicate key {quote(key)}: first given on line {first.start_mark.line + 1}"
            help_ = "keep one of the two"
            if key == "apiVersion" and len(self._stack) == 1:
                help_ += "; or separate two documents in one file by a line `---`"
            self._error("VR104", key_node, message, help_)
            return
        items = list(zip(value, node.children, strict=True)) if isinstance(value, list) else [(value, node)]  # type: ignore[union-attr]
        if all(isinstance(data, dict) for data, _ in items):
            # Applied at the end of the mapping, because its own keys take precedence.
            mapping.merges = [*(mapping.merges or ()), *items]
        else:
            self._error("VR107", key_node, "`<<` merges mappings only", "give it an alias of a mapping")

    def _merge(self, mapping: _Open) -> None:
        for data, node in mapping.merges or ():
            for key, value in data.items():
                if key not in mapping.data:
                    mapping.data[key] = value
                    mapping.children[key] = node.children[key]  # type: ignore[call-overload]

    # Faults.

    def _unreadable(self, error: yaml.reader.ReaderError, text: str) -> None:
        position = error.position if isinstance(error.position, int) else 0
        # libyaml counts bytes of UTF-8.
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

    def _too_many(self, node: Node, help_: str) -> None:
        self._error("VR106", node, f"more than {self._limits.nodes:,} values, aliases written out", help_)
        raise _StopReading

    def _unknown_tag(self, tag: str | None, start: Mark) -> None:
        shown = (tag or "").replace(_TAG, "!!")
        message = f"tag {quote(shown)} is not understood"
        self._error("VR107", Collection(start, start, []), message, "leave the tag out")

    def _error(self, code: str, node: Node, message: str, help_: str) -> None:
        start, end = node.start_mark, node.end_mark
        end_column = end.column if end.line == start.line and end.column > start.column else start.column + 1
        self._result.error(code, Span(start.line, start.column, end_column), message, help_)

"""
The data of a file that holds nothing unusual, without the places.

Places are needed only when there is something to say, which for most files there is not; finding them costs as much again.
Whatever is unusual, right or wrong, is left to the reader that knows places.
"""

from typing import Any

import yaml

from validationrun.spec.source.scalars import MAY_BE_NO_TEXT, NotCarriedError, resolve


def read_plain(text: str, max_nodes: int, max_depth: int) -> list[Any] | None:
    """
    The data of every document that is not empty, or None for a file that needs the full reader.

    That is: a syntax error, an anchor, an alias, a tag, a merge, a key that is no text or stands twice,
    a number that JSON cannot carry, or more values or levels than allowed.
    """
    try:
        return _fold(yaml.CSafeLoader(text), max_nodes, max_depth)
    except (yaml.YAMLError, NotCarriedError):
        return None


def _fold(loader: yaml.CSafeLoader, max_nodes: int, max_depth: int) -> list[Any] | None:  # noqa: C901, PLR0912 - the hot loop, kept in one piece
    documents: list[Any] = []
    # The open collections: each a list, or a dict with the key that awaits its value.
    stack: list[tuple[Any, Any]] = []
    collection: Any = documents
    key: Any = None
    nodes = 0
    get_event = loader.get_event
    scalar, mapping_start, sequence_start = yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent
    while True:
        event: Any = get_event()
        kind = type(event)
        if kind is scalar:
            value: Any = event.value
            if event.tag is not None or event.anchor is not None:
                return None
            if event.implicit[0] and (not value or value[0] in MAY_BE_NO_TEXT):
                if value == "<<":
                    return None
                value = resolve(value)
        elif kind is mapping_start or kind is sequence_start:
            if event.tag is not None or event.anchor is not None or len(stack) >= max_depth:
                return None
            if type(collection) is dict and key is None:
                return None
            stack.append((collection, key))
            collection, key = ({} if kind is mapping_start else []), None
            continue
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            value = collection
            collection, key = stack.pop()
        elif kind is yaml.StreamEndEvent:
            return documents
        elif kind is yaml.AliasEvent:
            return None
        else:
            continue
        nodes += 1
        if nodes > max_nodes:
            return None
        if type(collection) is list:
            if stack or value is not None:
                collection.append(value)
        elif key is None:
            if type(value) is not str or value in collection:
                return None
            key = value
        else:
            collection[key] = value
            key = None

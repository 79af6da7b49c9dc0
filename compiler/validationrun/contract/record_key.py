"""The base of every key of the run record: its name, its only writer, and the form of its times."""

from typing import Annotated, ClassVar, Protocol, TypeVar

import msgspec

from validationrun.base.document import Document

Timestamp = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$",
        description="RFC 3339",
    ),
]


class RecordKey(Document, frozen=True):
    """
    The value of one key of the run record.

    Attributes:
        key: the name of the key.
        writer: the step that writes it; no other step may.
    """

    key: ClassVar[str]
    writer: ClassVar[str]


Key = TypeVar("Key", bound=RecordKey)


class Recorded(Protocol):
    """A holder of run record keys: the ConfigMap, or the memory of a run on one machine."""

    def get(self, key: type[Key]) -> Key | None: ...


class MemoryRecord:
    """The keys of a run record without a cluster, in memory only."""

    def __init__(self, *values: RecordKey) -> None:
        self._values = {value.key: value for value in values}

    def get(self, key: type[Key]) -> Key | None:
        value = self._values.get(key.key)
        return value if isinstance(value, key) else None

    def put(self, value: RecordKey) -> None:
        self._values[value.key] = value

"""
The base of every document that crosses a process: typed fields, and one way to read and to write them.

A document is a `Document` subclass; its JSON keys are the camelCase of its fields. `schemas/` holds the JSON Schema of each.
"""

import json
from typing import Annotated, Any, Self

import msgspec

UnixSeconds = Annotated[
    float, msgspec.Meta(ge=0, le=253_402_300_799, description="Unix seconds, until the end of the year 9999")
]
"""A time that has an RFC 3339 form."""

NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class DocumentError(ValueError):
    """A document does not have its type. The message names the type and the path, such as `$.rules[0].name`."""


class Document(msgspec.Struct, frozen=True, rename="camel"):
    """
    A JSON object with a fixed set of keys. Write subclasses as `class Name(Document, frozen=True)`, for type checkers.

    A reader passes over keys that it does not know, so that a newer writer does not break it. A missing key without a default,
    and a value of another type, are a `DocumentError`.
    """

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads the JSON text. Raises DocumentError."""
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise DocumentError(f"{cls.__name__}: {error}") from None

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Reads plain data, as a JSON or YAML parser returns it. Raises DocumentError."""
        try:
            return msgspec.convert(data, type=cls)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise DocumentError(f"{cls.__name__}: {error}") from None

    def to_data(self) -> dict[str, Any]:
        """Plain data for a JSON or YAML writer, keys in the order of the fields."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data

    def to_json(self) -> str:
        """
        One line of JSON. Half a surrogate pair, which UTF-8 cannot hold, becomes `?`; other text is kept.

        Raises:
            ValueError: a number is NaN or infinite, which JSON cannot hold.
        """
        # Not msgspec's encoder, because it silently writes NaN as null.
        text = json.dumps(self.to_data(), ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
        return text.encode("utf-8", "replace").decode()


def json_schema(document: type[Document]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document, with its docstrings as descriptions."""
    schema: dict[str, Any] = msgspec.json.schema(document)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

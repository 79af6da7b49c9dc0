"""
The readable parts of a document with wrong fields, so that the checks of its other fields can run.

A wrong field is absent from the model; reading it raises `UnreadableError`. A check that reads one says nothing, because a
false finding is worse than none.
"""

import difflib
import functools
import typing
from collections.abc import Collection, Iterator
from typing import Annotated, Any, Final, TypeVar

import pydantic

from validationrun.spec.v1alpha1.types import Model, UnreadableError

_M = TypeVar("_M", bound=Model)
_UNREADABLE: Final = object()


def readable_parts(model: type[_M], data: Any) -> _M | None:
    """
    The document without its wrong fields; None when nothing in it is readable.

    The result has exactly the shape of a valid document, except that reading a wrong field raises `UnreadableError`.
    An entry of a list that has a wrong field keeps its place.
    """
    part = _value(model, data, frozenset(_unknown_keys(model, data)))
    return part if isinstance(part, model) else None


def unreadable(model: _M, *names: str) -> _M:
    """A copy of a model whose fields of these names cannot be read."""
    if not names:
        return model
    copy = model.model_copy()
    for name in names:
        copy.__dict__.pop(name, None)
    return copy


def left_out(model: _M) -> _M:
    """A stand-in that keeps the place of an entry which a check has to pass over."""
    return unreadable(model, *type(model).model_fields)


def is_left_out(model: Model) -> bool:
    return not model.__dict__


def holds(model: Model, other: Model) -> bool:
    """Whether `other` is this model or a part of it. Parts are compared by identity."""
    todo: list[Any] = [model]
    while todo:
        value = todo.pop()
        if value is other:
            return True
        if isinstance(value, Model):
            todo.extend(value.__dict__.values())
        elif isinstance(value, (list, tuple)):
            todo.extend(value)
        elif isinstance(value, dict):
            todo.extend(value.values())
    return False


def _value(annotation: Any, value: Any, unknown: Collection[str]) -> Any:
    """The value of a field, with what cannot be read taken out of it; `_UNREADABLE` when nothing is left."""
    inner = _without_none(annotation)
    if isinstance(inner, type) and typing.get_origin(inner) is None and issubclass(inner, Model):
        return _model(inner, value, unknown) if isinstance(value, dict) else _UNREADABLE
    if typing.get_origin(inner) is list and isinstance(value, list):
        (entry,) = typing.get_args(inner)
        values = [_value(entry, item, unknown) for item in value]
        return _UNREADABLE if any(item is _UNREADABLE for item in values) else values
    return _validated(annotation, value)


def _model(model: type[_M], data: Any, unknown: Collection[str]) -> _M:
    known = {str(info.alias) for info in model.model_fields.values()}
    open_ended = model.model_config.get("extra") == "allow"
    strangers = [] if open_ended else [str(key) for key in data if key not in known]
    values: dict[str, Any] = {}
    missing = []
    for name, info in model.model_fields.items():
        alias = str(info.alias)
        if alias in data:
            value = _UNREADABLE if data[alias] is None else _value(_annotation(model, name), data[alias], unknown)
            if value is _UNREADABLE:
                missing.append(name)
            else:
                values[name] = value
        elif info.is_required() or alias in unknown or _may_mean(strangers, alias, known):
            missing.append(name)
    extra = {key: value for key, value in data.items() if open_ended and key not in known}
    given = {name for name, info in model.model_fields.items() if info.alias in data}
    part = typing.cast(_M, model.model_construct(given, **values, **extra))
    return unreadable(part, *missing)


def _may_mean(strangers: Collection[str], alias: str, known: Collection[str]) -> bool:
    """Whether an unknown key of the same mapping may be this field, misspelt. A key that is like no field may be any."""
    for stranger in strangers:
        near = difflib.get_close_matches(stranger, known, n=3, cutoff=0.6)
        if not near or alias in near:
            return True
    return False


def _unknown_keys(model: type[Model], data: Any) -> Iterator[str]:
    """The names of unknown fields in the whole document: a field may stand in the wrong mapping."""
    try:
        model.model_validate(data)
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False, include_input=False):
            if detail["type"] == "extra_forbidden":
                yield str(detail["loc"][-1])


@functools.cache
def _annotation(model: type[Model], name: str) -> Any:
    info = model.model_fields[name]
    return Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation


@functools.cache
def _adapter(annotation: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(annotation)


def _validated(annotation: Any, value: Any) -> Any:
    if isinstance(value, (dict, list)) and _has_null(value):
        return _UNREADABLE
    try:
        return _adapter(annotation).validate_python(value, strict=True)
    except pydantic.ValidationError:
        return _UNREADABLE


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(item is None or _has_null(item) for item in value.values())
    return isinstance(value, list) and any(item is None or _has_null(item) for item in value)


def _without_none(annotation: Any) -> Any:
    """`X` of `X | None`, `Annotated[X, ...]` or `X`."""
    if typing.get_origin(annotation) is Annotated:
        return _without_none(typing.get_args(annotation)[0])
    arguments = [argument for argument in typing.get_args(annotation) if argument is not type(None)]
    if len(arguments) == 1 and type(None) in typing.get_args(annotation):
        return _without_none(arguments[0])
    return annotation


__all__ = ["UnreadableError", "holds", "is_left_out", "left_out", "readable_parts", "unreadable"]

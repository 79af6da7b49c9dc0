"""
Findings about a document's data, field by field.

pydantic finds the faults; this module turns each into a message and a help text. It serves every kind of document.
"""

import difflib
import functools
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import pydantic
from pydantic_core import ErrorDetails

from validationrun.base.conventions import IMAGE_PATTERN
from validationrun.spec.findings import Anchor, Finding, Loc, format_path, quote
from validationrun.spec.v1alpha1.types import PATTERN_WORDS

Examples = Mapping[str, str]
"""An example of a missing field, by the field's name."""

_DEEPEST_PLACE: Final = 4
_READ_AS: Final = {"true": "`y`, `yes` or `on`", "false": "`n`, `no` or `off`"}
_Model = TypeVar("_Model", bound=pydantic.BaseModel)

_TYPE_WORDS: Final = {
    "string_type": "a string",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
    "quantity": "a Kubernetes quantity such as 500m or 4Gi",
    "whole_quantity": 'a whole number, or text such as "0.5" or 500m',
}


def parse_as(
    model: type[_Model], data: Any, examples: Examples, known: Sequence[Finding] = ()
) -> tuple[_Model | None, list[Finding]]:
    """
    A document's data as a model.

    Args:
        known: findings of earlier checks; their fields are not reported again.

    Returns the model and no findings, or None and every finding, in the order of the model's fields.
    """
    findings = [*_nulls(data), *known]
    reported = {finding.loc for finding in findings}
    try:
        parsed = model.model_validate(data)
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False)
        faults = [
            _finding(detail, data, model, examples) for detail in details if _field(detail["loc"], data) not in reported
        ]
        return None, findings + _without_misspelt(faults)
    return (None if findings else parsed), findings


def _without_misspelt(findings: list[Finding]) -> list[Finding]:
    """Leaves out "x is required" beside a misspelt x, because both come from one mistake."""
    meant = {
        (*finding.loc[:-1], match[1])
        for finding in findings
        if finding.code == "VR202" and (match := re.fullmatch(r"did you mean `(.+)`\?", finding.help))
    }
    return [finding for finding in findings if finding.code != "VR201" or finding.loc not in meant]


def _nulls(data: Any) -> Iterator[Finding]:
    """
    A finding for each field without a value.

    Kubernetes reads an empty `load:` as no load, so the run would silently judge nothing.
    """
    if not _has_null(data):
        return
    todo: list[tuple[Loc, Any]] = [((), data)]
    while todo:
        loc, value = todo.pop()
        if value is None:
            message = f"{format_path(loc)} has no value"
            yield Finding("VR204", loc, message, "give it a value, or delete the line", anchor=Anchor.KEY)
        elif isinstance(value, dict):
            todo.extend(((*loc, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            todo.extend(((*loc, index), item) for index, item in reversed(list(enumerate(value))))


def _has_null(data: Any) -> bool:
    """Whether `_nulls` would yield anything. Faster, because it builds no paths; nearly every document has no null."""
    todo = [data]
    while todo:
        container = todo.pop()
        for value in container.values() if isinstance(container, dict) else container:
            if value is None:
                return True
            if isinstance(value, (dict, list)):
                todo.append(value)
    return False


def _finding(detail: ErrorDetails, data: Any, root: type[pydantic.BaseModel], examples: Examples) -> Finding:
    kind, loc = detail["type"], _field(detail["loc"], data)
    path = format_path(loc)
    if detail["loc"] and detail["loc"][-1] == "[key]":
        expected = _pattern_words(_pattern_of(detail))
        return Finding("VR206", loc, f"{path} has a bad name: it must be {expected}", "rename it", anchor=Anchor.KEY)
    if kind == "missing":
        return missing(loc, {**examples, **_example_of_words(loc, root, examples)})
    if kind == "extra_forbidden":
        return _unknown(loc, root)
    maker = _MAKERS.get(kind)
    if maker is not None:
        return maker(loc, path, detail)
    if kind in _TYPE_WORDS:
        return _wrong_type(loc, path, detail["input"], _TYPE_WORDS[kind])
    return Finding(
        "VR204", loc, f"{path} is wrong: {detail['msg']}", "see the field's description in `validationrun schema`"
    )


def _field(loc: tuple[int | str, ...], data: Any) -> Loc:
    """
    The path in the user's file that pydantic's `loc` refers to.

    pydantic adds parts that are not keys: "[key]" after a mapping's bad key, and the tag of a union's member.
    The name of a missing field is kept, although the file does not hold it.
    """
    parts: list[str | int] = []
    value = data
    for position, part in enumerate(loc):
        if isinstance(value, dict) and (part in value or position == len(loc) - 1) and part != "[key]":
            parts.append(part)
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            parts.append(part)
            value = value[part]
    return tuple(parts)


def missing(loc: Loc, examples: Examples) -> Finding:
    """
    A finding for a required field that is missing.

    Args:
        examples: an example of each field, by the field's name.
    """
    example = examples.get(str(loc[-1]))
    help_ = f"add `{example}`" if example else f"add `{loc[-1]}:`"
    return Finding("VR201", loc, f"{format_path(loc)} is required", help_, anchor=Anchor.KEY)


def _example_of_words(loc: Loc, root: type[pydantic.BaseModel], examples: Examples) -> Examples:
    """For a field with a fixed set of values: lists all values when the field's example is not one of them."""
    name, model = str(loc[-1]), _model_at(loc[:-1], root)
    fields = model.model_fields.values() if model else ()
    annotation = next((info.annotation for info in fields if info.alias == name), None)
    values = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
    if len(values) < 2 or examples.get(name, "").partition(": ")[2].strip('"') in values:  # noqa: PLR2004 - a single value is the example
        return {}
    return {name: f"{name}: {', '.join(values[:-1])} or {values[-1]}"}


def _unknown(loc: Loc, root: type[pydantic.BaseModel]) -> Finding:
    known = sorted(_known_fields(loc[:-1], root))
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.6)
    if unquoted := _READ_AS.get(str(loc[-1])):
        help_ = f"YAML reads an unquoted {unquoted} as {loc[-1]}; delete the key"
    elif near:
        help_ = f"did you mean `{near[0]}`?"
    elif below := _only_place_below(str(loc[-1]), _model_at(loc[:-1], root)):
        help_ = f"did you mean `{below}.{loc[-1]}`?"
    elif len(known) > 12:  # noqa: PLR2004 - a longer list is no help
        help_ = "delete it; `validationrun schema` lists the fields"
    else:
        help_ = f"known here: {', '.join(known)}"
    return Finding("VR202", loc, f"{format_path(loc)} is an unknown field", help_, anchor=Anchor.KEY)


def _only_place_below(name: str, model: type[pydantic.BaseModel] | None) -> str | None:
    """The path of the mapping below the model that has a field of this name; None if the nearest level has several."""
    for level in _levels_below(model) if model else ():
        places = [path for path, fields in level if name in fields]
        if places:
            return places[0] if len(places) == 1 else None
    return None


@functools.cache
def _levels_below(model: type[pydantic.BaseModel]) -> list[list[tuple[str, frozenset[str | None]]]]:
    """The mappings below a model, the nearest level first: the path of each, and the names of its fields."""
    levels = []
    parents: list[tuple[str, type[pydantic.BaseModel]]] = [("", model)]
    for _ in range(_DEEPEST_PLACE):
        parents = [
            (f"{path}.{info.alias}".lstrip("."), child)
            for path, parent in parents
            for info in parent.model_fields.values()
            if not _is_list(info.annotation) and (child := _model_in(info.annotation))
        ]
        levels.append(
            [(path, frozenset(info.alias for info in child.model_fields.values())) for path, child in parents]
        )
    return levels


def _is_list(annotation: Any) -> bool:
    """Whether a field is a list or a mapping of any keys: a path through it would need a place that nobody named."""
    origin = typing.get_origin(annotation)
    if origin in (list, dict):
        return True
    return origin is not None and any(map(_is_list, typing.get_args(annotation)))


def _known_fields(loc: Loc, root: type[pydantic.BaseModel]) -> set[str]:
    """The wire names of the fields of the model at this path."""
    model = _model_at(loc, root)
    return {str(info.alias) for info in model.model_fields.values()} if model else set()


def _model_at(loc: Loc, root: type[pydantic.BaseModel]) -> type[pydantic.BaseModel] | None:
    model: type[pydantic.BaseModel] | None = root
    for part in loc:
        if model is None:
            break
        if isinstance(part, str):
            by_alias = {info.alias: info.annotation for info in model.model_fields.values()}
            model = _model_in(by_alias.get(part))
    return model


def _model_in(annotation: Any) -> type[pydantic.BaseModel] | None:
    """The model inside `X | None`, `list[X]` or `X`."""
    if (
        isinstance(annotation, type)
        and typing.get_origin(annotation) is None
        and issubclass(annotation, pydantic.BaseModel)
    ):
        return annotation
    return next((model for model in map(_model_in, typing.get_args(annotation)) if model), None)


def _one_of(loc: Loc, path: str, detail: ErrorDetails) -> Finding:
    value = detail["input"]
    allowed = str(detail["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
    # Prefer a value with the same characters: "=>" means ">=", not ">", and "=" means "==".
    swapped = [word for word in allowed.split(", ") if set(word) == set(str(value))]
    near = swapped or difflib.get_close_matches(str(value), allowed.split(", "), n=1)
    help_ = f"did you mean {near[0]}?" if near else "use one of these"
    return Finding("VR203", loc, f"{path} must be one of {allowed}; got {quote(value)}", help_)


def _wrong_type(loc: Loc, path: str, value: Any, expected: str) -> Finding:
    help_ = f"give it {expected}"
    if expected == "a string" and isinstance(value, bool):
        help_ = "put it in quotes: YAML reads it as a boolean"
    elif expected == "a string" and isinstance(value, (int, float)):
        # The help does not show the value in quotes, because YAML has already turned 1.10 into 1.1.
        help_ = "put it in quotes: YAML reads it as a number"
    elif isinstance(value, str) and expected in ("a whole number", "true or false"):
        help_ = "write it without quotes"
    return Finding("VR204", loc, f"{path} must be {expected}; got {_kind_of(value)}", help_)


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string {quote(value)}"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "nothing"


def _bounds(words: str, way_out: str) -> Callable[[Loc, str, ErrorDetails], Finding]:
    def make(loc: Loc, path: str, detail: ErrorDetails) -> Finding:
        value, context = detail["input"], detail["ctx"]
        shown = f"; got {value}" if isinstance(value, int) else ""
        bound = words.format_map(context).replace(" 1 entries", " 1 entry")
        return Finding("VR205", loc, f"{path} must {bound}{shown}", way_out.format_map(context))

    return make


def _pattern(loc: Loc, path: str, detail: ErrorDetails) -> Finding:
    value, pattern, help_ = detail["input"], _pattern_of(detail), "write it in that form"
    if pattern == IMAGE_PATTERN:
        if re.search(r"[<>{}$]", str(value)):
            help_ = "put an image in the place of the placeholder; a run can replace it by `--set image-<name>=IMAGE`"
        return Finding("VR206", loc, f"{path} must be {_pattern_words(pattern)}; got {quote(value)}", help_)
    # Most bad names differ from a valid name only by capitals, spaces or underscores.
    likely = re.sub(r"[^a-z0-9-]+", "-", str(value).lower()).strip("-")
    if re.search("[a-z]", likely) and likely != value and re.fullmatch(pattern, likely):
        help_ = f"did you mean {quote(likely)}?"
    return Finding("VR206", loc, f"{path} must be {_pattern_words(pattern)}; got {quote(value)}", help_)


def _pattern_of(detail: ErrorDetails) -> str:
    return str(detail.get("ctx", {}).get("pattern", ""))


def _pattern_words(pattern: str) -> str:
    return PATTERN_WORDS.get(pattern, f"text that matches {pattern}")


def _duration(loc: Loc, path: str, detail: ErrorDetails) -> Finding:
    value, reason = detail["input"], detail["ctx"]["reason"]
    if isinstance(value, int) and not isinstance(value, bool):
        return Finding("VR207", loc, f"{path} {reason}; got {value}, without a unit", f"did you mean {value}s?")
    got = quote(value) if isinstance(value, str) else _kind_of(value)
    return Finding("VR207", loc, f"{path} {reason}; got {got}", "write it in h, m and s, largest first")


def _duration_bounds(loc: Loc, path: str, detail: ErrorDetails) -> Finding:
    message = f"{path} must be {detail['ctx']['bounds']}; got {detail['input']}"
    return Finding("VR205", loc, message, "write a duration in these bounds")


def _only(loc: Loc, path: str, detail: ErrorDetails) -> Finding:
    value = detail["input"]
    got = str(value).lower() if isinstance(value, bool) else _kind_of(value)
    message = f"{path} must be {detail['ctx']['only']}, or left out; got {got}"
    return Finding("VR203", loc, message, "delete the line: a spec may only tighten what validationrun sets")


_MAKERS: Final[dict[str, Callable[[Loc, str, ErrorDetails], Finding]]] = {
    "literal_error": _one_of,
    "string_pattern_mismatch": _pattern,
    "only": _only,
    "duration": _duration,
    "duration_bounds": _duration_bounds,
    "greater_than_equal": _bounds("be at least {ge}", "raise it to {ge} or more"),
    "less_than_equal": _bounds("be at most {le}", "lower it to {le} or less"),
    "too_short": _bounds("have at least {min_length} entries", "add what is missing"),
    "too_long": _bounds("have at most {max_length} entries", "keep {max_length} of them"),
    "string_too_short": _bounds("not be empty", "give it a value"),
    "string_too_long": _bounds("be at most {max_length} characters long", "shorten it"),
}

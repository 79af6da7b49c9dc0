"""docs/spec.md lists each field of a run, with the default that the code has."""

import re
import typing
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from tests.house.source import ROOT

from validationrun.spec.v1alpha1 import ValidationRun, chain, load, nodes, run

PAGE = (ROOT / "docs" / "spec.md").read_text("utf-8")
# Rules have a page of their own. Types of Kubernetes, and what is below a SeiNodeSpec, belong to other projects.
DESCENDED = {module.__name__ for module in (run, chain, load)}


def rows(page: str) -> dict[str, str]:
    """The default cell by the path of its field; a heading such as `spec.load` is the path of its table."""
    found = {}
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        prefix = re.match(r"`([\w.\[\]]+)`\n", section)
        for field, default in re.findall(r"^\| `([\w.\[\]]+)` \| (.*?) \| ", section, re.MULTILINE):
            path = f"{prefix[1]}.{field}" if prefix else field
            assert path not in found, path
            found[path] = default
    return found


def model_in(annotation: Any) -> tuple[type[BaseModel], bool] | None:
    """The model that a field holds, and whether it holds a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for argument in typing.get_args(annotation):
        if inner := model_in(argument):
            return inner[0], inner[1] or typing.get_origin(annotation) is list
    return None


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        yield path, field
        inner = model_in(field.annotation)
        if inner and (inner[0].__module__ in DESCENDED or inner[0] is nodes.SeiNodeSpec):
            yield from fields(inner[0], f"{path}[]." if inner[1] else f"{path}.")


FIELDS = dict(fields(ValidationRun))


def test_the_page_lists_each_field_and_no_other() -> None:
    assert sorted(rows(PAGE)) == sorted(FIELDS)


@pytest.mark.parametrize("path", FIELDS)
def test_the_page_has_the_default_of_the_code(path: str) -> None:
    field, cell = FIELDS[path], rows(PAGE).get(path, "")
    assert (cell == "required") == field.is_required()
    if not field.is_required() and field.default is not None and not isinstance(field.default, BaseModel):
        # The empty text stands for no metadata: Annotated needs some.
        typed: Any = Annotated[field.annotation, "", *field.metadata]
        assert yaml.safe_load(cell.strip("`")) == TypeAdapter(typed).dump_python(field.default, mode="json")


def test_the_walk_goes_into_lists_and_stops_at_types_with_pages_of_their_own() -> None:
    assert "spec.chain.deployments[].spec.template.spec.image" in FIELDS
    assert "spec.load.workload.podTemplate.initContainers[].name" in FIELDS
    assert not any(path.startswith(("spec.rules[]", "spec.load.workload.env[]")) for path in FIELDS)

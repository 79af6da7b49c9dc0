"""
Whoever reads a field of the run record, somebody writes it, and the other way round. By the types that mypy infers: a field's
name alone says little, because `name` or `start` is read of many things.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

import msgspec
import mypy.build
import mypy.modulefinder
import mypy.options
import pytest
from mypy import nodes, types

from helpers import ROOT
from validationrun.base.document import Document
from validationrun.contract.record_keys import RECORD_KEYS
from validationrun.contract.status_document import Status

SOURCE = ROOT / "compiler"

FOR_PEOPLE = {
    "ChainEntry.at", "DeploymentEntry.role", "Diagnostics.omitted", "Endpoints.rest", "FileHash.bytes",
    "EvaluatorReady.ready_at", "LoadEnd.at", "PreflightEntry.at", "SignOff.at", "SignOff.runner", "StopIntent.at", "WindowEntry.end",
    "SuiteEnded.at", "PodDiagnostics.deleted", "ContainerDiagnostics.started_at", "ContainerDiagnostics.finished_at",
    "LoadSignal.at", "SignalledPod.name",
}  # fmt: skip
"""Written for whoever looks at the ConfigMap; the product reads them nowhere."""

BY_THEIR_DEFAULT = {"RunEntry.format", "Status.api_version", "Status.kind"}
"""Nobody writes another value than the default."""


def documents(of: type[Document]) -> Iterator[type[Document]]:
    """A document and all that it is made of, but not those that belong to the oracle and to the results."""
    yield of
    for field in msgspec.structs.fields(of):
        for part in _parts(msgspec.inspect.type_info(field.type)):
            if part.__module__.startswith("validationrun.contract."):
                yield from documents(part)


def _parts(info: Any) -> Iterator[type[Document]]:
    if isinstance(info, msgspec.inspect.StructType):
        yield info.cls
    for name in ("type", "item_type", "value_type"):
        if hasattr(info, name):
            yield from _parts(getattr(info, name))
    for one in getattr(info, "types", ()):
        yield from _parts(one)


DOCUMENTS = {one.__name__: one for key in RECORD_KEYS for one in documents(key)}
NAMES = {f"{document.__module__}.{name}": name for name, document in DOCUMENTS.items()}
STATUS = {one.__name__ for one in documents(Status)}
FIELDS = {f"{name}.{field}" for name, document in DOCUMENTS.items() for field in document.__struct_fields__}


class Uses:
    """What the code reads and writes of documents."""

    def __init__(self, inferred: dict[nodes.Expression, types.Type]) -> None:
        self.inferred = inferred
        self.read: set[str] = set()
        self.written: set[str] = set()
        for expression in inferred:
            if isinstance(expression, nodes.MemberExpr):
                self.read.update(f"{name}.{expression.name}" for name in self._documents(expression.expr))
            elif isinstance(expression, nodes.CallExpr):
                self.written.update(self._written(expression))

    def _written(self, call: nodes.CallExpr) -> Iterator[str]:
        callee = call.callee
        if not isinstance(callee, nodes.RefExpr):
            return
        if isinstance(callee.node, nodes.TypeInfo) and callee.node.fullname in NAMES:
            name = NAMES[callee.node.fullname]
            fields = DOCUMENTS[name].__struct_fields__
            for position, (given, kind) in enumerate(zip(call.arg_names, call.arg_kinds, strict=True)):
                names = fields if kind == nodes.ARG_STAR2 else [given or fields[position]]
                yield from (f"{name}.{field}" for field in names)
        elif (callee.fullname or "").endswith("structs.replace"):
            for name in self._documents(call.args[0]):
                yield from (f"{name}.{given}" for given in call.arg_names[1:] if given)

    def _documents(self, expression: nodes.Expression) -> set[str]:
        found = types.get_proper_type(self.inferred.get(expression))
        members = found.items if isinstance(found, types.UnionType) else [found]
        instances = [one for one in map(types.get_proper_type, members) if isinstance(one, types.Instance)]
        return {NAMES[one.type.fullname] for one in instances if one.type.fullname in NAMES}


@pytest.fixture(scope="module")
def uses() -> Uses:
    options = mypy.options.Options()
    options.python_version = (3, 11)
    options.export_types = options.preserve_asts = options.namespace_packages = options.explicit_package_bases = True
    options.mypy_path = [str(SOURCE)]
    options.incremental = False
    options.ignore_missing_imports = True
    options.follow_imports = "silent"
    options.per_module_options = {"hera.*": {"follow_imports": "skip"}, "kubernetes.*": {"follow_imports": "skip"}}
    files = [path for path in sorted(SOURCE.rglob("*.py")) if "compiling" not in path.parts]
    sources = [mypy.modulefinder.BuildSource(str(path), _module(path)) for path in files]
    result = mypy.build.build(sources, options)
    return Uses(result.types)


def _module(path: pathlib.Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def test_each_field_is_written(uses: Uses) -> None:
    assert FIELDS - uses.written == BY_THEIR_DEFAULT


def test_each_field_is_read(uses: Uses) -> None:
    """The status as a whole is for people; what is printed of it is tested with the commands."""
    unread = {field for field in FIELDS - uses.read if field.partition(".")[0] not in STATUS}
    assert sorted(unread - BY_THEIR_DEFAULT) == sorted(FOR_PEOPLE)

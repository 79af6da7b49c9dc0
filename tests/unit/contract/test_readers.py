"""Every field that a document is written with is read by some program, or is listed here as one for people."""

import ast

import msgspec
import pytest

from helpers import ROOT
from validationrun.base.document import Document
from validationrun.contract.plan_json import PlanDocument, PlannedDeployment
from validationrun.contract.result_json import ResultDocument

PRODUCT = ROOT / "compiler" / "validationrun"

READERS = {
    # Rooms and modules that do not write the document.
    PlanDocument: ["contract/bundle.py", "contract/parameters.py", "contract/planned_run.py", "steps", "runs", "local"],
    ResultDocument: ["judging", "report", "cli", "results"],
}
# What a reviewer of generated/ sees, or a program outside; `apiVersion` is compared by the document's type.
FOR_PEOPLE = {
    PlanDocument: {
        "PlannedRight.names",
        "PlannedSeconds.window",
        "PlannedSeconds.workflow_deadline",
        "ResultsTarget.bucket",
        "ResultsTarget.endpoint",
        "ResultsTarget.prefix",
        "ResultsTarget.region",
    },
    ResultDocument: {"ResultDocument.api_version"},
}


def fields(document: type[Document]) -> set[str]:
    """The fields of a document and of the documents in it that stand in the same module."""
    found: set[str] = set()
    left = [document]
    while left:
        struct = left.pop()
        for field in msgspec.structs.fields(struct):
            found.add(f"{struct.__name__}.{field.name}")
        left += [
            kind.cls
            for field in msgspec.inspect.type_info(struct).fields
            for kind in kinds(field.type)
            if kind.cls.__module__ == document.__module__
        ]
    return found


def kinds(info: msgspec.inspect.Type) -> list[msgspec.inspect.StructType]:
    if isinstance(info, msgspec.inspect.StructType):
        return [info]
    inner = [getattr(info, name) for name in ("item_type", "value_type") if hasattr(info, name)]
    return [kind for part in [*inner, *getattr(info, "types", ())] for kind in kinds(part)]


def read_names(places: list[str]) -> set[str]:
    """Every attribute that the code of these places reads. Two fields of one name are not told apart."""
    files = [path for place in places for path in (sorted((PRODUCT / place).rglob("*.py")) or [PRODUCT / place])]
    trees = [ast.parse(path.read_text("utf-8")) for path in files]
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


@pytest.mark.parametrize("document", READERS, ids=lambda document: document.__name__)
def test_every_field_has_a_reader_or_is_for_people(document: type[Document]) -> None:
    names = read_names(READERS[document])
    unread = {field for field in fields(document) if field.partition(".")[2] not in names}
    assert unread == FOR_PEOPLE[document]


def test_a_plan_of_an_older_compiler_is_read_with_the_field_that_nobody_read() -> None:
    data = {
        "name": "rpc",
        "role": "fullNode",
        "object": "o",
        "replicas": 2,
        "servesEvm": True,
        "file": "chain.rpc.yaml",
    }
    assert PlannedDeployment.from_data(data) == PlannedDeployment("rpc", "fullNode", "o", 2, "chain.rpc.yaml")

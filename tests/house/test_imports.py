"""The rooms of the product, their floors, and what they may not import; `docs/architecture.md` shows them."""

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest
from tests.house.imports import circle, drawing, floor, module_imports, room_imports, room_of
from tests.house.source import ROOT, Module, modules, rooms

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]


def layers() -> list[set[str]]:
    (contract,) = [contract for contract in CONTRACTS if contract.get("containers") == ["validationrun"]]
    assert contract["exhaustive"]
    return [set(layer.split(" | ")) for layer in contract["layers"]]


def test_there_are_at_most_fourteen_rooms_on_nine_floors() -> None:
    assert len(rooms()) <= 14
    assert max(map(floor, rooms())) <= 9, "\n".join(drawing())


def test_the_contract_names_each_room_on_one_of_nine_floors() -> None:
    assert sorted(room for layer in layers() for room in layer) == sorted(rooms())
    assert len(layers()) <= 9


def test_the_architecture_page_has_a_line_for_each_room() -> None:
    assert sorted(re.findall(r"^\| `(\w+)/` \|", ARCHITECTURE, re.MULTILINE)) == sorted(rooms())


def test_rooms_do_not_import_in_a_circle() -> None:
    assert not circle(room_imports())


def test_modules_do_not_import_in_a_circle() -> None:
    assert not circle(module_imports())


def test_a_circle_would_be_found() -> None:
    arrows = {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"b"})}
    assert set(circle(arrows)) == {"b", "c"}


def private_imports(module: Module) -> Iterator[str]:
    """`from validationrun.<another room>... import _name`, also of a module that is itself private."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("validationrun."):
            names = [*str(node.module).split("."), *(alias.name for alias in node.names)]
            if room_of(str(node.module)) != module.room and any(name.startswith("_") for name in names):
                yield f"{module.path}:{node.lineno}: {ast.unparse(node)}"


def test_nobody_imports_a_private_name_of_another_room() -> None:
    assert not [line for module in modules() for line in private_imports(module)]


@pytest.mark.parametrize(
    ("line", "private"),
    [
        ("from validationrun.spec.promql import _walk", True),
        ("from validationrun.spec._walk import walk", True),
        ("from validationrun.oracle.fold import _fold", False),
        ("from validationrun.spec.promql import walk", False),
    ],
)
def test_a_private_name_would_be_found(line: str, private: bool) -> None:
    module = Module("oracle/model.py", (line,), ast.parse(line))
    assert bool(list(private_imports(module))) is private

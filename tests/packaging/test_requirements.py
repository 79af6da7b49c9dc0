"""What the package imports, the lock files hold: a step in a cluster has nothing but requirements/runtime.txt."""

import ast
import importlib.metadata
import pathlib
import re
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[2]


def imported() -> Iterator[tuple[str, str]]:
    """Every module of somebody else that the package names, and where."""
    for path in sorted((ROOT / "compiler").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                if top != "validationrun" and top not in sys.stdlib_module_names:
                    yield top, f"{path.relative_to(ROOT)}:{node.lineno}"


def locked(file: str) -> set[str]:
    text = (ROOT / "requirements" / file).read_text()
    return {one.lower().replace("_", "-") for one in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def test_every_import_is_in_the_runtime_lock() -> None:
    owners = importlib.metadata.packages_distributions()
    runtime = locked("runtime.txt")
    missing = {
        f"{where}: {name}"
        for name, where in imported()
        if not {one.lower().replace("_", "-") for one in owners.get(name, [])} & runtime
    }
    assert missing == set()


def test_the_runtime_lock_is_part_of_the_development_lock() -> None:
    assert locked("runtime.txt") <= locked("dev.txt")

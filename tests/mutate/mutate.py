"""
Removes each check of the compiler in turn and demands that a test turns red.

    python tests/mutate/mutate.py [--only TEXT] [--jobs 2] [--list]

The whole checkout is copied first, so that editing goes on beside a run; each removal is made in a copy of the package
that stands first on the path.
The tests of the room that lost the check run first, then all that guard the compiler; the first red one ends it.
Exits 1 when a removal goes unnoticed: such a check could be deleted, and nobody would know.
"""

import argparse
import ast
import concurrent.futures
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

CHECKOUT = pathlib.Path(__file__).parents[2]
ROOT = pathlib.Path(tempfile.mkdtemp(prefix="mutate-tree-"))
PACKAGE = ROOT / "compiler" / "validationrun"
NOT_COPIED = (".*", "__pycache__", "judge", "dist", "build")
# A copy finds templates/ and schemas/ as an installed package does.
DATA = ("templates", "schemas")
ALL_TESTS = ("tests/unit", "tests/golden")
FIRST_TESTS = {
    "check": ("tests/unit/compiling/check",),
    "compiling": ("tests/unit/compiling/check", "tests/unit/compiling/test_schedules.py"),
    "source": ("tests/unit/spec/source",),
    "v1alpha1": ("tests/unit/spec", "tests/unit/compiling/check"),
    "spec": ("tests/unit/spec", "tests/unit/compiling/check"),
    "emit": ("tests/unit/compiling/emit",),
}
FOLDERS = ("compiling/check", "compiling/emit", "spec", "spec/promql", "spec/source", "spec/v1alpha1")
TIMEOUT_S = 600
DESELECTED: list[str] = []

Edit = Callable[[ast.Module], None]


@dataclasses.dataclass(frozen=True)
class Removal:
    """One check that is taken out of one file."""

    file: str
    line: int
    what: str
    edit: Edit

    @property
    def title(self) -> str:
        return f"{self.file}:{self.line} {self.what}"


class _Replace(ast.NodeTransformer):
    """Puts another node in the place of the one that stands at a position."""

    def __init__(self, target: ast.AST, instead: Callable[[Any], ast.AST]) -> None:
        self.target, self.instead, self.done = target, instead, False

    def visit(self, node: ast.AST) -> Any:
        if type(node) is type(self.target) and _at(node) == _at(self.target):
            self.done = True
            return ast.copy_location(self.instead(node), node)
        return self.generic_visit(node)


def _at(node: ast.AST) -> tuple[int, int, int, int]:
    return (
        getattr(node, "lineno", 0), getattr(node, "col_offset", 0), getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0),
    )  # fmt: skip


def _replacing(target: ast.AST, instead: Callable[[Any], ast.AST]) -> Edit:
    def edit(tree: ast.Module) -> None:
        transformer = _Replace(target, instead)
        transformer.visit(tree)
        if not transformer.done:
            raise AssertionError(f"nothing stands at {_at(target)}")

    return edit


def _nothing(_: ast.AST) -> ast.AST:
    return ast.Pass()


def _yields_nothing(_: ast.AST) -> ast.AST:
    """Keeps a generator a generator."""
    return ast.Expr(ast.YieldFrom(ast.Tuple([], ast.Load())))


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and (
        (isinstance(node.func, ast.Name) and node.func.id == name)
        or (isinstance(node.func, ast.Attribute) and node.func.attr == name)
    )


def _code(node: ast.AST) -> str:
    """The VR code that a node holds, for the table."""
    codes = [
        n.value
        for n in ast.walk(node)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and n.value[:2] == "VR"
    ]
    return codes[0] if codes else ""


def _makes_findings(node: ast.AST) -> bool:
    """`yield Finding(...)`, `yield _missing(...)`, `yield from ..._findings(...)`, `yield from _exactly_one(...)`."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, (ast.Yield, ast.YieldFrom))
        and isinstance(node.value.value, ast.Call)
    )


def _room(file: str) -> str:
    """The folder of a file, which names what it does."""
    return pathlib.PurePath(file).parent.name


def removals_of(path: pathlib.Path) -> Iterator[Removal]:
    file = str(path.relative_to(PACKAGE))
    tree = ast.parse(path.read_text("utf-8"))
    room = _room(file)
    if room == "promql":
        # Its functions find; the checks that use them make the findings. One guard is its own.
        yield from _promql_guard(file, tree)
        return
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if (room in ("check", "spec", "v1alpha1") or file == "compiling/schedules.py") and _makes_findings(node):
            called = ast.unparse(node.value.value.func)  # type: ignore[attr-defined]
            yield Removal(file, line, f"yield {called} {_code(node)}".rstrip(), _replacing(node, _yields_nothing))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and _target(node) in ("CHECKS", "_QUERY_CHECKS"):
            yield from _members(file, node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and _target(node) in ("_MAKERS", "_TYPE_WORDS"):
            yield from _entries(file, node)
        elif (
            file == "spec/source/reader.py"
            and isinstance(node, ast.Expr)
            and (_calls(node.value, "_error") or _calls(node.value, "error"))
        ):
            yield Removal(file, line, f"error {_code(node)}", _replacing(node, _nothing))
        elif file == "spec/source/reader.py" and isinstance(node, ast.Expr) and _calls(node.value, "_foreign_tag"):
            yield Removal(file, line, "call of _foreign_tag", _replacing(node, _nothing))
        elif (
            file == "compiling/emit/verify.py"
            and isinstance(node, ast.Raise)
            and node.exc is not None
            and _calls(node.exc, "EmitError")
        ):
            yield Removal(file, line, "raise EmitError", _replacing(node, _nothing))
        elif file == "compiling/emit/verify.py" and isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield Removal(file, line, f"call of {ast.unparse(node.value.func)}", _replacing(node, _nothing))
        elif file == "compiling/pipeline.py" or (room == "emit" and file != "compiling/emit/verify.py"):
            yield from _in_lists(file, node)
        if file in ("spec/parse.py", "spec/faults.py"):
            yield from _in_parse(file, node)


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    return target.id if isinstance(target, ast.Name) else ""


def _members(file: str, node: ast.Assign | ast.AnnAssign) -> Iterator[Removal]:
    if isinstance(node.value, ast.Tuple):
        for index, member in enumerate(node.value.elts):

            def without(found: Any, index: int = index) -> ast.AST:
                return ast.Tuple([one for at, one in enumerate(found.elts) if at != index], ast.Load())

            yield Removal(
                file, member.lineno, f"{_target(node)} without {ast.unparse(member)}", _replacing(node.value, without)
            )


def _entries(file: str, node: ast.Assign | ast.AnnAssign) -> Iterator[Removal]:
    if isinstance(node.value, ast.Dict):
        for index, key in enumerate(node.value.keys):

            def without(found: Any, index: int = index) -> ast.AST:
                left = [(k, v) for at, (k, v) in enumerate(zip(found.keys, found.values, strict=True)) if at != index]
                return ast.Dict([k for k, _ in left], [v for _, v in left])

            if key is not None:
                yield Removal(
                    file, key.lineno, f"{_target(node)} without {ast.unparse(key)}", _replacing(node.value, without)
                )


def _in_lists(file: str, node: ast.AST) -> Iterator[Removal]:
    """Findings and diagnostics that are put into lists, and the calls that bring those of another stage."""
    line = getattr(node, "lineno", 0)
    if isinstance(node, ast.List) and any(_calls(one, "Finding") for one in node.elts):
        what = f"[Finding {_code(node)}]"
        yield Removal(
            file,
            line,
            what,
            _replacing(node, lambda found: ast.List([o for o in found.elts if not _calls(o, "Finding")], ast.Load())),
        )
    elif isinstance(node, ast.Expr) and _calls(node.value, "append") and "diagnostics" in ast.unparse(node):
        yield Removal(file, line, "append to the diagnostics", _replacing(node, _nothing))
    elif isinstance(node, ast.Expr) and _calls(node.value, "append") and _code(node):
        yield Removal(file, line, f"append {_code(node)}", _replacing(node, _nothing))
    elif isinstance(node, ast.AugAssign) and "diagnostics" in ast.unparse(node.target):
        yield Removal(file, line, f"{ast.unparse(node.target)} += ...", _replacing(node, _nothing))
    elif file == "compiling/pipeline.py" and _calls(node, "check"):
        yield Removal(file, line, "check(run)", _replacing(node, lambda _: ast.List([], ast.Load())))
    elif file == "compiling/pipeline.py" and _calls(node, "_silence"):
        yield Removal(file, line, "_silence(...)", _replacing(node, lambda found: found.args[0]))
    elif file == "compiling/emit/files.py" and isinstance(node, ast.Expr) and _calls(node.value, "verify"):
        yield Removal(file, line, "verify(...)", _replacing(node, _nothing))
    elif file == "compiling/emit/files.py" and _calls(node, "size_findings"):
        yield Removal(file, line, "size_findings(...)", _replacing(node, lambda _: ast.List([], ast.Load())))


def _in_parse(file: str, node: ast.AST) -> Iterator[Removal]:
    line = getattr(node, "lineno", 0)
    for name in ("_nulls", "_not_supported_yet", "_document_type"):
        if _calls(node, name):
            yield Removal(file, line, f"{name}(...)", _replacing(node, lambda _: ast.Tuple([], ast.Load())))
    if isinstance(node, ast.If) and any(
        isinstance(one, ast.Return) and one.value is not None and _calls(one.value, "Finding") for one in node.body
    ):
        yield Removal(file, line, f"if ...: return Finding {_code(node)}", _replacing(node, _nothing))


def _promql_guard(file: str, tree: ast.Module) -> Iterator[Removal]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None and _calls(node.exc, "SyntaxFault"):
            yield Removal(file, node.lineno, "raise SyntaxFault", _replacing(node, _nothing))


def all_removals() -> list[Removal]:
    paths = [path for folder in FOLDERS for path in sorted((PACKAGE / folder).glob("*.py"))]
    paths += [PACKAGE / "compiling" / name for name in ("pipeline.py", "schedules.py")]
    return [removal for path in paths for removal in removals_of(path)]


def copy_package(folder: pathlib.Path) -> pathlib.Path:
    package = folder / "validationrun"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "_data"))
    for name in DATA:
        shutil.copytree(ROOT / name, package / "_data" / name)
    return package


def red_test(folder: pathlib.Path, tests: tuple[str, ...]) -> str:
    """The first test that fails with the package of this folder, or nothing when all are green."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--no-header",
        "--tb=no",
        *DESELECTED,
        *tests,
    ]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return "time-out"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0].split(" - ")[0] if lines else f"pytest exits {done.returncode}"


def judge(removal: Removal) -> tuple[Removal, str, float]:
    """The test that notices a removal, or nothing."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutate-") as name:
        folder = pathlib.Path(name)
        mutated = copy_package(folder) / removal.file
        tree = ast.parse((PACKAGE / removal.file).read_text("utf-8"))
        removal.edit(tree)
        mutated.write_text(ast.unparse(ast.fix_missing_locations(tree)), "utf-8")
        first = tuple(one for one in FIRST_TESTS.get(_room(removal.file), ()) if (ROOT / one).exists())
        red = (red_test(folder, first) if first else "") or red_test(
            folder, tuple(one for one in ALL_TESTS if (ROOT / one).exists())
        )
    return removal, red, time.monotonic() - start


def assert_sound(folder: pathlib.Path) -> None:
    """Before anything is removed the tests are green, and it is the copy that they import."""
    copy_package(folder)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", "import validationrun; print(validationrun.__file__)"]
    found = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()
    if not found.startswith(str(folder)):
        sys.exit(f"the tests would import {found}, not the copy")
    red = red_test(folder, tuple(one for one in ALL_TESTS if (ROOT / one).exists()))
    if red:
        sys.exit(f"the tests are red without any removal: {red}")


def main() -> int:
    try:
        shutil.copytree(CHECKOUT, ROOT, ignore=shutil.ignore_patterns(*NOT_COPIED), dirs_exist_ok=True)
        return _run()
    finally:
        shutil.rmtree(ROOT, ignore_errors=True)


def _run() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--only", default="", help="removals whose title holds this text")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="print the removals and stop")
    parser.add_argument(
        "--deselect", action="append", default=[], help="a test to leave out, such as one that is red already"
    )
    arguments = parser.parse_args()
    DESELECTED.extend(f"--deselect={test}" for test in arguments.deselect)
    removals = [removal for removal in all_removals() if arguments.only in removal.title]
    if arguments.list:
        print("\n".join(removal.title for removal in removals), f"\n{len(removals)} removals", sep="")
        return 0
    if not removals:
        print(f"no removal matches {arguments.only!r}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mutate-") as name:
        assert_sound(pathlib.Path(name))
    survivors = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for removal, red, seconds in pool.map(judge, removals):
            print(f"{'red     ' if red else 'SURVIVED'} {seconds:5.1f}s  {removal.title:70} {red}", flush=True)
            if not red:
                survivors.append(removal)
    print(f"\n{len(removals)} removals, {len(survivors)} unnoticed")
    for removal in survivors:
        print(f"  {removal.title}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())

"""The product's modules as syntax trees, and what the house counts in them."""

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "compiler" / "validationrun"
LONGEST_MODULE = 350
LONGEST_FUNCTION = 40

# Where plain data is the subject: JSON between processes, objects of the Kubernetes API, and the reader and writer of both.
PLAIN_DATA = ("contract/", "kube/", "base/document.py")
MAPPINGS = frozenset({"dict", "Mapping", "MutableMapping"})
# Names that stand for such a mapping, `Object = dict[str, Any]` in kube/api_server.py.
ALIASES = frozenset({"Object", "JsonObject"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of the product; `path` counts from the package's folder."""

    path: str
    lines: tuple[str, ...]
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.path.split("/")[0]

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


@functools.cache
def modules() -> tuple[Module, ...]:
    texts = {path: path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    return tuple(
        Module(path.relative_to(PACKAGE).as_posix(), tuple(text.splitlines()), ast.parse(text))
        for path, text in texts.items()
    )


def rooms() -> set[str]:
    return {module.room for module in modules() if "/" in module.path}


def is_untyped(annotation: ast.expr) -> bool:
    """The annotation holds a mapping whose values have no type: `dict[str, Any]`, `Mapping[str, object]`, `Object`."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_untyped(_quoted(node.value)):
            return True
        if isinstance(node, ast.Name) and node.id in ALIASES:
            return True
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
            name, values = (ast.unparse(part).split(".")[-1] for part in (node.value, node.slice.elts[-1]))
            if name in MAPPINGS and values in {"Any", "object"}:
                return True
    return False


def _quoted(annotation: str) -> ast.expr:
    """A quoted annotation; what is no expression, such as a text of a Literal, is none."""
    try:
        return ast.parse(annotation, mode="eval").body
    except SyntaxError:
        return ast.Constant(None)


def annotations(function: Function) -> Iterator[ast.expr]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    yield from (argument.annotation for argument in every if argument and argument.annotation)
    if function.returns:
        yield function.returns


def untyped_signatures() -> Counter[str]:
    """By room: functions that take or return an untyped mapping."""
    return Counter(
        module.room
        for module in modules()
        if not module.path.startswith(PLAIN_DATA)
        for function in module.functions()
        if any(map(is_untyped, annotations(function)))
    )


def loops_over_one() -> Counter[str]:
    """By room: loops and comprehensions whose variable is called `one`."""
    return Counter(module.room for module in modules() for line in module.lines if re.search(r"\bfor one in\b", line))


def long_modules() -> dict[str, int]:
    return {module.path: len(module.lines) for module in modules() if len(module.lines) > LONGEST_MODULE}


def has_reason(module: Module, function: Function) -> bool:
    """A comment `# Long: ...` stands above the function, or between its signature and its first statement."""
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    head = module.lines[max(first - 2, 0) : function.body[0].lineno]
    return any(re.search(r"# [Ll]ong: \S", line) for line in head)


def long_functions() -> dict[str, int]:
    """By `path:name`: the functions without a reason that have more than `LONGEST_FUNCTION` lines."""
    return {
        f"{module.path}:{function.name}": length
        for module in modules()
        for function in module.functions()
        if (length := (function.end_lineno or function.lineno) - function.lineno + 1) > LONGEST_FUNCTION
        and not has_reason(module, function)
    }

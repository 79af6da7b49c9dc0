"""What the verbs share: reading specs, printing diagnostics."""

import enum
import glob
import json
import os
import pathlib
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from validationrun.base.conventions import EXIT_USAGE
from validationrun.base.text import counted, printable
from validationrun.spec.findings import Diagnostic, Severity, render, render_github

if TYPE_CHECKING:
    from validationrun.spec.neighbours import PassOver

STDIN: Final = "-"
STDIN_NAME: Final = "<stdin>"
_SUFFIXES: Final = (".yaml", ".yml")
_MOST_SHOWN: Final = 200


class Output(enum.StrEnum):
    """How diagnostics are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


SpecArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...",
        help="Files, folders (every .yaml and .yml below them, also by links), globs, or - for standard input.",
    ),
]
NamespaceOption = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace of documents that name none.", show_default=False)
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Format of the findings.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings, too.")]


def usage_error(message: str) -> typer.Exit:
    """Prints one line and gives the exit to raise."""
    print(f"validationrun: {printable(message)}", file=sys.stderr)
    return typer.Exit(EXIT_USAGE)


def read_specs(specs: Sequence[str]) -> list[tuple[str, bytes]]:
    """
    The content of every file that the arguments name, with the name to show for it.

    Folders are walked in sorted order; a file that is named twice is read once.
    At most one byte more than the limit is read of each, so that a huge file costs nothing.

    Raises:
        typer.Exit: with 2, when a file cannot be read or an argument matches nothing.
    """
    from validationrun.spec.source import MAX_BYTES

    files: list[tuple[str, bytes]] = []
    named: dict[str, str] = {}
    for path in (path for spec in specs for path in _expand(spec)):
        named.setdefault(os.path.abspath(path), path)  # noqa: PTH100 - `./a` and `a` are one file
    for name in named.values():
        try:
            if name == STDIN:
                content = sys.stdin.buffer.read(MAX_BYTES + 1)
            else:
                with open(name, "rb") as stream:  # noqa: PTH123 - the name is shown as it was given
                    content = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise _unreadable(error, name) from None
        files.append((STDIN_NAME if name == STDIN else name, content))
    return files


def brought_along(specs: Sequence[str], files: Iterable[tuple[str, bytes]]) -> set[str]:
    """The names of those files that a folder or a pattern brought along, and that no argument names."""
    named = {os.path.abspath(spec) for spec in specs}  # noqa: PTH100 - `./a` and `a` are one file
    return {name for name, _ in files if os.path.abspath(name) not in named and name != STDIN_NAME}  # noqa: PTH100


def read_runs(specs: Sequence[str]) -> tuple[list[tuple[str, bytes]], "PassOver"]:
    """The files of the arguments, and which documents in them are neighbours of the runs. Raises typer.Exit with 2."""
    from validationrun.spec.neighbours import beside_runs

    files = read_specs(specs)
    return files, beside_runs(brought_along(specs, files))


def _expand(spec: str) -> Iterator[str]:
    if spec == STDIN:
        yield spec
    elif os.path.isdir(spec):  # noqa: PTH112 - text in, text out
        found = sorted(_below(spec))
        if not found:
            raise usage_error(f"no .yaml or .yml file in {spec}")
        yield from found
    elif glob.has_magic(spec) and not os.path.exists(spec):  # noqa: PTH110
        found = sorted(glob.glob(spec, recursive=True))  # noqa: PTH207
        if not found:
            raise usage_error(f"nothing matches {spec}")
        for match in found:
            yield from _expand(match)
    else:
        yield spec


def _below(top: str) -> Iterator[str]:
    """
    Every .yaml and .yml file below a folder, and whatever cannot be looked at there: opening that one says why.

    Linked folders are followed. No folder is read twice, so that a link may lead to a folder above it.

    Raises:
        typer.Exit: with 2, when a folder cannot be read. `--prune` would remove the output of its specs.
    """

    def fail(error: OSError) -> None:
        raise _unreadable(error, error.filename)

    seen: set[tuple[int, int]] = set()
    tops = [pathlib.Path(top)]
    while tops:
        for folder, folders, names in os.walk(tops.pop(0), onerror=fail):
            status = os.stat(folder)  # noqa: PTH116 - text in, text out
            if (status.st_dev, status.st_ino) in seen:
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            tops += [path for name in sorted(folders) if os.path.islink(path := pathlib.Path(folder, name))]  # noqa: PTH114
            yield from (str(path) for name in names if _is_read(path := pathlib.Path(folder, name)))


def _is_read(path: pathlib.Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        # Such as a link that leads nowhere. Emacs marks an open file by a link of this kind.
        return not path.name.startswith(".#")
    return path.suffix in _SUFFIXES and stat.S_ISREG(mode)


def _unreadable(error: OSError, name: str) -> typer.Exit:
    return usage_error(f"cannot read {name}: {error.strerror}")


def parameters_of(texts: Sequence[str]) -> dict[str, str]:
    """What each `--set NAME=VALUE` says. Raises typer.Exit with 2 for one that says nothing, or something twice."""
    given: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise usage_error(f"--set must be NAME=VALUE; got {text!r}")
        if name in given:
            raise usage_error(f"--set {name} is given twice")
        given[name] = value
    return given


def print_diagnostics(diagnostics: Sequence[Diagnostic], output: Output, stream: Any = None) -> None:
    """All diagnostics in the chosen form; text is coloured on a terminal only."""
    stream = stream or sys.stdout
    if output is Output.JSON:
        json.dump([diagnostic.as_json() for diagnostic in diagnostics], stream, indent=2)
        print(file=stream)
        return
    if output is Output.GITHUB:
        for diagnostic in diagnostics:
            print(render_github(diagnostic), file=stream)
        return
    color = use_color(stream)
    for diagnostic in diagnostics[:_MOST_SHOWN]:
        print(render(diagnostic, color=color), file=stream)
        print(file=stream)
    if len(diagnostics) > _MOST_SHOWN:
        print(f"... and {len(diagnostics) - _MOST_SHOWN} more; `-o json` prints all", file=stream)


def use_color(stream: Any) -> bool:
    return bool(stream.isatty()) and "NO_COLOR" not in os.environ


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`1 error, 2 warnings`, or `no findings`."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    numbers = [(severities.count(severity), severity.value) for severity in (Severity.ERROR, Severity.WARNING)]
    return ", ".join(counted(number, noun) for number, noun in numbers if number) or "no findings"

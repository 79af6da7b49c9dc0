"""Checks whether the workload is a script whose crash would count as a failed assertion."""

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.spec.findings import Anchor, Finding, Loc, Severity
from validationrun.spec.v1alpha1 import ValidationRun

_COMMAND: Final[Loc] = ("spec", "load", "workload", "command")
_INTERPRETER: Final = re.compile(r"(python|node|ruby)[0-9.]*")
_SHELLS: Final = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_OPERATORS: Final = frozenset("();<>|&")
_HARMLESS: Final = frozenset({"&&", ">", ">>", "<", ">&"})
"""Operators of a shell that leave the exit code of a failed first command as it is."""

_OF_ENV: Final = frozenset({"-u", "--unset", "-C", "--chdir"})
_OF_UV: Final = frozenset({
    "-p", "--python", "-w", "--with", "--with-editable", "--with-requirements", "--project", "--directory", "--extra", "--group",
    "--only-group", "--no-group", "--package", "--env-file", "--index", "--index-url", "--cache-dir", "--config-file",
})  # fmt: skip
_STARTS_BY_UV: Final = frozenset({"-m", "--module", "-s", "--script"})
_OF_PYTHON: Final = frozenset({"-W", "-X", "--check-hash-based-pycs"})
"""Options that take the next word: of `env`, of `uv run`, and of Python."""

_SUITES: Final = frozenset({"pytest", "py.test"})
"""Programs of an interpreter that tell their own crash from a failed assertion."""


@dataclass(frozen=True, slots=True)
class _Started:
    """An interpreter and its words."""

    program: str
    arguments: Sequence[str]


def interpreter_crash(run: ValidationRun) -> Iterator[Finding]:
    """A traceback of Python, or an uncaught exception of Node.js, ends with 1, as a failed assertion does by default."""
    load = run.spec.load
    if load is None or not load.workload.command or 1 not in load.workload.exit_codes.failed:
        return
    started = _started([*load.workload.command, *(load.workload.args or [])])
    if started is None or _is_suite(started):
        return
    message = (
        f"{started.program} ends with 1 when the script itself crashes, and 1 counts as a failed assertion of the system "
        "under test"
    )
    way = "let the script end with a code of its own, such as 99, when an assertion fails, and say exitCodes: {failed: [99]}"
    yield Finding("VR422", _COMMAND, message, way, Severity.WARNING, Anchor.KEY)


def _started(words: Sequence[str]) -> _Started | None:
    """The interpreter that the words start, also through `env`, `uv run` and a shell; None for any other program."""
    if not words:
        return None
    program, rest = posixpath.basename(words[0]), list(words[1:])
    if _INTERPRETER.fullmatch(program):
        return _Started(program, rest)
    if program == "env":
        return _started(_behind_env(rest))
    if program == "uv" and rest[:1] == ["run"]:
        return _by_uv(_behind_options(rest[1:], _OF_UV, last=_STARTS_BY_UV))
    if program in _SHELLS:
        return _started(_first_command(rest))
    return None


def _behind_options(
    words: Sequence[str], with_value: frozenset[str], *, last: frozenset[str] = frozenset()
) -> list[str]:
    """The words behind the options. An option of `last` is the first word of what is left."""
    left = list(words)
    while left and left[0].startswith("-") and left[0] != "-" and left[0] not in last:
        option = left.pop(0)
        if option == "--":
            break
        if option in with_value and left:
            left.pop(0)
    return left


def _behind_env(words: Sequence[str]) -> list[str]:
    left = _behind_options(words, _OF_ENV, last=frozenset({"-S", "--split-string"}))
    if left and left[0].startswith("-"):
        left = [*_split(" ".join(left[1:2])), *left[2:]]
    return _behind_assignments(left)


def _behind_assignments(words: Sequence[str]) -> list[str]:
    left = list(words)
    while left and _ASSIGNMENT.fullmatch(left[0]):
        left.pop(0)
    return left


def _by_uv(words: Sequence[str]) -> _Started | None:
    """`uv run` starts a module or a file of Python by itself, and any other program by its name."""
    if words and (words[0] in ("-m", "--module") or words[0].endswith(".py")):
        return _Started("python", ["-m", *words[1:]] if words[0].startswith("-") else words)
    if words and words[0] in ("-s", "--script"):
        return _Started("python", words[1:])
    return _started(words)


def _first_command(words: Sequence[str]) -> list[str]:
    """The first command behind `sh -c`; no words where the shell gives the exit code another meaning."""
    left = list(words)
    while left and left[0][:1] in ("-", "+"):
        option = left.pop(0)
        if not option.startswith("--") and "c" in option:
            return _simple_command(left[0]) if left else []
        if option.endswith("o") and left:
            left.pop(0)
    return []


def _simple_command(script: str) -> list[str]:
    # What Kubernetes replaces is no command of the shell.
    text = re.sub(r"\$\((\w+)\)", r"$\1", script.strip().replace("\\\n", " ")).replace("\n", " ; ")
    tokens = _split(text)
    operators = [index for index, token in enumerate(tokens) if _OPERATORS.issuperset(token)]
    if any(tokens[index] not in _HARMLESS for index in operators):
        return []
    command = _behind_assignments(tokens[: operators[0]] if operators else tokens)
    return command[1:] if command[:1] == ["exec"] else command


def _split(text: str) -> list[str]:
    """The words of a shell, its operators among them; none where a quote is not closed."""
    words = shlex.shlex(text, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    try:
        return list(words)
    except ValueError:
        return []


def _is_suite(started: _Started) -> bool:
    words = iter(started.arguments)
    for word in words:
        if word in _OF_PYTHON:
            next(words, None)
        elif module := re.fullmatch(r"-[bBdEiIOPqsSuvx]*m(?P<name>.*)", word):
            return (module["name"] or next(words, "")) in _SUITES
        elif re.fullmatch(r"-[bBdEiIOPqsSuvx]*c.*", word, re.DOTALL):
            return False
        elif not word.startswith("-"):
            return posixpath.basename(word) in _SUITES
    return False


CHECKS = (interpreter_crash,)

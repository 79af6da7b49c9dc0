"""Checks whether the workload is a script whose crash would count as a failed assertion."""

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.spec.findings import Anchor, Finding, Loc, Severity
from validationrun.spec.v1alpha1 import ValidationRun

_COMMAND: Final[Loc] = ("spec", "load", "workload", "command")
_INTERPRETER: Final = re.compile(r"(python|node|ruby|deno|bun|ts-node|tsx|java|Rscript)[0-9.]*")
_RUNNERS: Final = frozenset({"npm", "npx", "yarn", "pnpm", "bunx"})
"""They start a program of Node.js, and most end with 1 whatever that program ended with."""

_OF_GO: Final = frozenset({"run", "test"})
_SHELLS: Final = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_OPERATORS: Final = frozenset("();<>|&")
_REDIRECTIONS: Final = frozenset({">", ">>", "<", ">&"})

_OF_ENV: Final = frozenset({"-u", "--unset", "-C", "--chdir"})
_OF_UV: Final = frozenset({
    "-p", "--python", "-w", "--with", "--with-editable", "--with-requirements", "--project", "--directory", "--extra", "--group",
    "--only-group", "--no-group", "--package", "--env-file", "--index", "--index-url", "--cache-dir", "--config-file",
})  # fmt: skip
_SETS_ERREXIT: Final = re.compile(r" -[a-z]*e| errexit")
_COMMENT: Final = re.compile(r"(^|\s)#.*$", re.MULTILINE)
_RUN_BY: Final = frozenset({"poetry", "pipenv", "pdm", "rye", "hatch"})
_WRAPPERS: Final[Mapping[str, tuple[frozenset[str], int]]] = {
    "tini": (frozenset({"-p", "-e"}), 0),
    "dumb-init": (frozenset({"-r", "--rewrite"}), 0),
    "timeout": (frozenset({"-k", "--kill-after", "-s", "--signal"}), 1),
    "nice": (frozenset({"-n", "--adjustment"}), 0),
    "nohup": (frozenset(), 0),
    "stdbuf": (frozenset({"-i", "-o", "-e"}), 0),
    "gosu": (frozenset(), 1),
    "su-exec": (frozenset(), 1),
}
"""Programs that end with the code of the program that they start: options that take the next word, and words before that program."""

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
    when = "when its tests do not compile" if started.program == "go" else "when the script itself crashes"
    message = f"{started.program} ends with 1 {when}, and 1 counts as a failed assertion of the system under test"
    way = "let the script end with a code of its own, such as 99, when an assertion fails, and say exitCodes: {failed: [99]}"
    yield Finding("VR422", _COMMAND, message, way, Severity.WARNING, Anchor.KEY)


def _started(words: Sequence[str]) -> _Started | None:
    """The interpreter that the words start, also through a wrapper or a shell; None for any other program."""
    if not words:
        return None
    program, rest = posixpath.basename(words[0]), list(words[1:])
    if _INTERPRETER.fullmatch(program) or program in _RUNNERS or (program == "go" and _OF_GO.intersection(rest[:1])):
        return _Started(program, rest)
    if program == "env":
        return _started(_behind_env(rest))
    if program == "uv" and rest[:1] == ["run"]:
        return _by_uv(_behind_options(rest[1:], _OF_UV, last=_STARTS_BY_UV))
    if program in _RUN_BY and rest[:1] == ["run"]:
        return _started(_behind_options(rest[1:], frozenset()))
    if program in _WRAPPERS:
        with_value, before = _WRAPPERS[program]
        return _started(_behind_options(rest, with_value)[before:])
    if program in _SHELLS:
        return _by_shell(rest)
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


def _by_shell(words: Sequence[str]) -> _Started | None:
    """What decides the exit code of `sh -c`; None for a script in a file."""
    left, ends_early = list(words), False
    while left and left[0][:1] in ("-", "+"):
        option = left.pop(0)
        letters = "" if option.startswith("--") else option[1:]
        ends_early |= option.startswith("-") and "e" in letters
        if "c" in letters:
            return _by_script(left[0], ends_early=ends_early) if left else None
        if option.endswith("o") and left:
            ends_early |= left.pop(0) == "errexit"
    return None


def _by_script(script: str, *, ends_early: bool) -> _Started | None:
    """
    The interpreter whose crash ends the script with 1.

    One of the commands of the last statement or, with `set -e`, the last command of any statement.
    """
    statements = _statements(script)
    for statement in statements:
        ends_early |= any(command[0] == "set" and _SETS_ERREXIT.search(" ".join(command)) for command in statement)
        deciding = statement if statement is statements[-1] else statement[-1:] if ends_early else []
        for command in deciding:
            left = _behind_assignments(command)
            started = _started(left[1:] if left[:1] == ["exec"] else left)
            if started is not None and not _is_suite(started):
                return started
    return None


def _statements(script: str) -> list[list[list[str]]]:
    """Statements of commands joined by `&&`, without redirections; none where the script has any other operator, such as `||`."""
    # What Kubernetes replaces is no command of the shell.
    text = re.sub(r"\$\((\w+)\)", r"$\1", _COMMENT.sub("", script).replace("\\\n", " "))
    statements: list[list[list[str]]] = [[[]]]
    is_redirected = False
    for word in _split(text.replace("\n", " ; ")):
        if word in (";", "&&"):
            is_redirected = False
            if word == ";":
                statements.append([])
            statements[-1].append([])
        elif word in _REDIRECTIONS:
            is_redirected = True
        elif _OPERATORS.issuperset(word):
            return []
        elif not is_redirected:
            statements[-1][-1].append(word)
    return [commands for statement in statements if (commands := [command for command in statement if command])]


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

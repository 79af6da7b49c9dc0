"""Seals and reads the results folder of a suite: its `result.json` lists its own files and the `result.json` of each member."""

import pathlib
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from validationrun.base.atomic_files import dump_json, sha256_of, write_whole
from validationrun.base.document import DocumentError
from validationrun.contract.file_hash import FileHash
from validationrun.contract.suite_json import MOST_MEMBERS
from validationrun.contract.suite_result import FORMAT, KIND, MemberResult, SuiteResult
from validationrun.results.folder import (
    RESULT_JSON,
    ResultsError,
    bounded,
    check_file,
    head_of,
    read_bytes,
    read_result,
)

PLANNED_TXT: Final = "planned.txt"
"""The runs of a suite, a name a line, written before the first begins. Alone it tells that the suite was cut short."""

_MOST_FILES: Final = 2 * MOST_MEMBERS


def is_suite_folder(folder: pathlib.Path) -> bool:
    """The folder says that it holds the result of a suite. Raises ResultsError."""
    return bool(head_of(folder / RESULT_JSON).kind == KIND)


def begin_suite(folder: pathlib.Path, members: Iterable[str]) -> None:
    """Writes which runs are planned. Raises OSError."""
    write_whole(folder / PLANNED_TXT, "".join(f"{name}\n" for name in members).encode())


def seal_suite(folder: pathlib.Path, result: SuiteResult) -> SuiteResult:
    """Writes `result.json`, last, and returns it. Raises OSError."""
    sealed = replace(result, files={name: _hash(folder / name) for name in _listed(folder, result)})
    write_whole(folder / RESULT_JSON, dump_json(sealed.to_data()))
    return sealed


def _listed(folder: pathlib.Path, result: SuiteResult) -> Iterator[str]:
    yield from sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != RESULT_JSON)
    yield from (member_file(member) for member in result.members if member.folder)


def _hash(path: pathlib.Path) -> FileHash:
    return FileHash(sha256_of(path), path.stat().st_size)


def read_suite_result(folder: pathlib.Path) -> SuiteResult:
    """
    Reads a sealed folder of a suite, and checks that no file of it or of its members is missing or changed.

    Raises:
        ResultsError
    """
    result = read_suite_document(folder)
    check_own_files(folder, result)
    for member in result.members:
        if check_member(folder, result, member):
            _check_results(folder, member)
    return result


def read_suite_document(folder: pathlib.Path) -> SuiteResult:
    """Reads `result.json` alone, and checks none of its files. Raises ResultsError."""
    content = read_bytes(folder / RESULT_JSON)
    head = head_of(folder / RESULT_JSON)
    if head.format != FORMAT:
        raise ResultsError(f"{folder / RESULT_JSON} has format {bounded(head.format)}, this version reads {FORMAT}")
    try:
        result = SuiteResult.from_json(content)
    except DocumentError as error:
        raise ResultsError(f"{RESULT_JSON} is not as it was written: {bounded(error)}") from None
    if result.mode != "run":
        raise ResultsError(f"{RESULT_JSON} is of a suite in a cluster, which leaves no results folder")
    if len(result.members) > MOST_MEMBERS or len(result.files) > _MOST_FILES:
        raise ResultsError(f"{RESULT_JSON} has more runs or files than a suite has")
    return result


def check_own_files(folder: pathlib.Path, result: SuiteResult) -> None:
    """Raises ResultsError when a listed file is missing or changed, or lies outside of the folder; the members' are left out."""
    of_members = {member_file(member) for member in result.members}
    for name, expected in result.files.items():
        if name not in of_members:
            check_file(folder, name, expected)


def member_file(member: MemberResult) -> str:
    """The path of a member's `result.json` below the suite's folder; empty when it has no folder there."""
    return f"{member.folder}/{RESULT_JSON}" if member.folder else ""


def check_member(folder: pathlib.Path, result: SuiteResult, member: MemberResult) -> bool:
    """
    Looks whether a member's `result.json` is the one that the suite lists. False for a member that has no folder.

    Raises:
        ResultsError: it is another one, or missing.
    """
    if not member.folder:
        if member.status is not None:
            raise ResultsError(f"{RESULT_JSON} has a status of run {member.name}, and names no folder of it")
        return False
    expected = result.files.get(member_file(member))
    if expected is None:
        raise ResultsError(f"{RESULT_JSON} does not list the {RESULT_JSON} of run {member.name}")
    check_file(folder, member_file(member), expected)
    return True


def _check_results(folder: pathlib.Path, member: MemberResult) -> None:
    try:
        own = read_result(folder / member.folder)
    except ResultsError as error:
        raise ResultsError(f"run {member.name}: {error}") from None
    if own.status != member.status:
        raise ResultsError(f"{RESULT_JSON} has another status of run {member.name} than its folder")

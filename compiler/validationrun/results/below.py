"""Finds the results folders of runs and suites below a folder, such as one that was downloaded from a bucket."""

import os
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from validationrun.contract.result_json import KIND
from validationrun.contract.suite_result import KIND as KIND_OF_SUITE
from validationrun.results.evidence import RULES_DIR
from validationrun.results.folder import RESULT_JSON, ResultsError, head_of
from validationrun.results.suite_folder import PLANNED_TXT

MOST_FOUND: Final = 5000
_DEEPEST: Final = 12
_MOST_FOLDERS: Final = 50_000
_EVIDENCE: Final = ".jsonl"


@dataclass
class Below:
    """
    What lies below a folder; paths in the order of their names.

    Attributes:
        runs: the folders that say they hold the result of a run.
        suites: the folders that say they hold the result of a suite, above those of its runs.
        faults: folders that were not what they should be, and why.
    """

    runs: list[pathlib.Path] = field(default_factory=list)
    suites: list[pathlib.Path] = field(default_factory=list)
    faults: list[tuple[pathlib.Path, str]] = field(default_factory=list)


def results_below(root: pathlib.Path) -> Below:
    """
    Looks at every folder below, and at the folder itself. Links to folders are not followed.

    Raises:
        ResultsError: there is no such folder, or there are too many below it.
    """
    if not root.is_dir():
        raise ResultsError(f"{root} is no folder")
    found = Below()
    for number, (folder, depth) in enumerate(_folders(root, found), 1):
        if number > _MOST_FOLDERS:
            raise _too_many(root)
        if depth > _DEEPEST:
            found.faults.append((folder, f"lies more than {_DEEPEST} levels down, and was not looked at"))
    if len(found.runs) > MOST_FOUND:
        raise _too_many(root)
    return found


def path_below(root: pathlib.Path, folder: pathlib.Path) -> str:
    """What pages call a folder."""
    return folder.relative_to(root).as_posix()


def _too_many(root: pathlib.Path) -> ResultsError:
    return ResultsError(
        f"below {root} lie more than {MOST_FOUND} runs or {_MOST_FOLDERS} folders: name a folder further down"
    )


def _folders(root: pathlib.Path, found: Below) -> Iterator[tuple[pathlib.Path, int]]:
    """Every folder to look at and how deep it lies, in the order of their names; what is a run's is not looked through."""
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        yield folder, depth
        if depth > _DEEPEST:
            continue
        try:
            with os.scandir(folder) as entries:
                names = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
        except OSError as error:
            found.faults.append((folder, f"cannot be read: {error.strerror}"))
            continue
        if RESULT_JSON in names and not names[RESULT_JSON]:
            if _is_run(folder, found):
                continue
        elif names.get(RULES_DIR) and _has_evidence(folder / RULES_DIR):
            found.faults.append((folder, f"has no {RESULT_JSON}: the run was cut short, or the folder is incomplete"))
            continue
        elif PLANNED_TXT in names:
            found.faults.append(
                (folder, f"has no {RESULT_JSON}: the suite was cut short; {PLANNED_TXT} names its runs")
            )
        below = sorted((name for name, is_folder in names.items() if is_folder), reverse=True)
        waiting += [(folder / name, depth + 1) for name in below]


def _is_run(folder: pathlib.Path, found: Below) -> bool:
    try:
        kind = head_of(folder / RESULT_JSON).kind
    except ResultsError as error:
        found.faults.append((folder, str(error)))
        return True
    if kind == KIND:
        found.runs.append(folder)
        return True
    if kind == KIND_OF_SUITE:
        found.suites.append(folder)
    else:
        found.faults.append((folder, f"its {RESULT_JSON} is not the result of a run"))
    return False


def _has_evidence(rules: pathlib.Path) -> bool:
    try:
        with os.scandir(rules) as entries:
            return any(entry.name.endswith(_EVIDENCE) for entry in entries)
    except OSError:
        return False

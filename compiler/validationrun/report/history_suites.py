"""
The suites around the runs of a history: which of their runs left no results, and which results are not those that the suite lists.

A run that is not there must be seen: else an older one, or another run of the suite, stands for it.
"""

import pathlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from validationrun.base.times import time_if_known
from validationrun.contract.suite_result import MemberResult, SuiteResult
from validationrun.oracle.suite_verdict import Outcome
from validationrun.report import formatting
from validationrun.report.run_columns import Absent, RunColumn
from validationrun.report.suite_view import MemberView, suite_view
from validationrun.results.below import path_below
from validationrun.results.folder import RESULT_JSON, ResultsError, read_document, result_hash
from validationrun.results.suite_folder import check_member, check_own_files, member_file, read_suite_document

_MOST_TOLD: Final = 3
_OF_MESSAGE: Final = "not started, "

RunName = tuple[str, str]
"""Namespace and name of a ValidationRun."""


@dataclass
class Suites:
    """
    What the suites below a folder say; every path counts from that folder.

    Attributes:
        faults: suites that are not believed in all, with the reason.
        absent: the runs that left no results, and those whose results are gone.
        disowned: folders that lie where a suite lists another result, with the reason.
        suite_of: the folder of the suite by the SHA-256 of a member's `result.json`.
        twins: folders with the very result of another suite.
    """

    faults: dict[str, str] = field(default_factory=dict)
    absent: list[tuple[RunName, RunColumn]] = field(default_factory=list)
    disowned: dict[str, str] = field(default_factory=dict)
    suite_of: dict[str, str] = field(default_factory=dict)
    twins: list[str] = field(default_factory=list)


def suites_of(
    root: pathlib.Path, folders: Sequence[pathlib.Path], runs: Collection[str], latest: float, name: str | None
) -> Suites:
    """
    Args:
        folders: of the suites, below `root`.
        runs: the paths of all folders of runs.
        latest: a suite that says it began later is not believed.
        name: look only at runs of this ValidationRun.
    """
    found, seen = Suites(), set[str]()
    for folder in folders:
        path = path_below(root, folder)
        try:
            digest = result_hash(folder)
            suite = _read(path, folder, latest)
        except ResultsError as error:
            found.faults[path] = str(error)
            continue
        told = [suite.doubt] if suite.doubt else []
        try:
            check_own_files(folder, suite.result)
        except ResultsError as error:
            told.append(str(error))
        again = digest in seen
        seen.add(digest)
        for member in suite.members:
            if name in (None, member.said.run):
                told += _look(suite, member, found, runs, again=again)
        if told:
            found.faults[path] = "; ".join(told[:_MOST_TOLD])
        elif again:
            found.twins.append(path)
    return found


@dataclass(frozen=True, slots=True)
class _Suite:
    """A suite that was read; `doubt` says why its own words are not believed, and is empty when they are."""

    path: str
    folder: pathlib.Path
    result: SuiteResult
    members: Sequence[MemberView]
    began: float | None
    doubt: str


def _read(path: str, folder: pathlib.Path, latest: float) -> _Suite:
    """Raises ResultsError."""
    result = read_suite_document(folder)
    members = suite_view(result).members
    if [member.name for member in members] != [member.name for member in result.members]:
        raise ResultsError(f"{RESULT_JSON} has other runs than the status of the suite")
    if len(members) != result.status.planned:
        raise ResultsError(f"{RESULT_JSON} lists {len(members)} runs of a suite with {result.status.planned}")
    began = time_if_known(result.status.start_time)
    return _Suite(path, folder, result, members, began, start_doubt(began, latest))


def start_doubt(began: float | None, latest: float) -> str:
    """
    Why a run or a suite is not believed for its start; empty when it is.

    Args:
        latest: a start later than this is not believed.
    """
    if began is None:
        return "it does not say when it began"
    return "it says that it began later than this page was made" if began > latest else ""


def _look(suite: _Suite, member: MemberView, found: Suites, runs: Collection[str], *, again: bool) -> list[str]:
    """Adds what the suite says of a member, and returns why that is not believed."""
    own, key = member.result, (suite.result.status.namespace, member.said.run)
    try:
        listed = _is_listed(suite, own)
    except ResultsError as error:
        # An error names the whole path, which a page has no business to tell.
        text, place = str(error).replace(str(suite.folder), suite.path), f"{suite.path}/{own.folder}"
        reason = f"run {member.name}: {text}"
        if place in runs:
            found.disowned[place] = f"the suite around it: {text}"
        else:
            found.absent.append((key, _column(suite, member, formatting.clean(reason))))
        return [reason]
    if listed:
        found.suite_of.setdefault(suite.result.files[member_file(own)].sha256, suite.path)
    elif not again:
        found.absent.append((key, _column(suite, member, suite.doubt)))
    return []


def _is_listed(suite: _Suite, own: MemberResult) -> bool:
    """Whether the suite lists a result of the member. Raises ResultsError when that is not the one in its folder."""
    listed = check_member(suite.folder, suite.result, own)
    if listed and read_document(suite.folder / own.folder).status != own.status:
        raise ResultsError(f"{RESULT_JSON} has another status of it than its folder")
    return listed


def _column(suite: _Suite, member: MemberView, doubt: str) -> RunColumn:
    absent = Absent(member.word, member.tone, _why(suite, member), tuple(member.result.rules or ()), member.result.load)
    key, run_id = f"{suite.path}/{member.name}", f"{suite.result.status.run_id}/{member.name}"
    return RunColumn(key, run_id, None, suite.began, doubt, suite=suite.path, absent=absent)


def _why(suite: _Suite, member: MemberView) -> str:
    end = "was not started" if member.word == Outcome.NOT_STARTED else f"ended as {member.word} without results"
    text = f"run {member.name} of suite {suite.result.status.run_id} {end}"
    words = (member.message or member.reason).removeprefix(_OF_MESSAGE)
    return formatting.clean(f"{text}: {words}" if words else text)

"""
The history of runs in a folder of results folders: which run began when, whether it can be believed, and what has gone silent.

What is not believed is never green, and never counts as a sign of life.
"""

import os
import pathlib
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from validationrun.base.times import FUTURE_SECONDS, time_if_known
from validationrun.judging.glance import Glance, glance
from validationrun.report import formatting
from validationrun.report.files import HTML
from validationrun.report.history_suites import RunName, Suites, start_doubt, suites_of
from validationrun.report.run_columns import WORST_FIRST, RunColumn, newest_first
from validationrun.results.below import path_below, results_below
from validationrun.results.folder import ResultsError, result_hash

MOST_COLUMNS: Final = 500
"""Most runs that a grid shows, the newest; older ones are counted."""


@dataclass(frozen=True, slots=True)
class Series:
    """
    All runs of one ValidationRun, also those of a suite that left no results.

    Attributes:
        runs: newest first.
        left_out: how many older runs are not among them.
        newest: when the newest run that is believed began, Unix seconds; None when there is none.
        due: until when the next one must have begun; None when nothing was expected.
        stale: one was expected, and at `History.now` it is later than `due`, or no run is believed at all.
    """

    namespace: str
    name: str
    runs: Sequence[RunColumn]
    left_out: int
    newest: float | None
    due: float | None
    stale: bool

    @property
    def latest(self) -> RunColumn | None:
        """
        The newest run that is believed, also one that left no results.

        Of a suite that started several runs of this ValidationRun it is the worst, because all of them are the newest.
        """
        newest = next((run for run in self.runs if not run.doubt), None)
        if newest is None or not newest.suite:
            return newest
        together = (run for run in self.runs if run.suite == newest.suite and not run.doubt)
        return min(together, key=lambda run: WORST_FIRST.index(run.tone))


@dataclass(frozen=True, slots=True)
class History:
    """
    Attributes:
        root: the name of the folder.
        now: when the history was made, Unix seconds.
        expect_every: how often each ValidationRun must run, in seconds; None when nobody said.
        faults: the folders that are not believed or not shown, with the reason; paths below the folder.
        twins: folders with the very result of another folder, which is shown once.
    """

    root: str
    now: float
    expect_every: float | None
    series: Sequence[Series]
    faults: Sequence[tuple[str, str]]
    twins: Sequence[str]

    @property
    def count(self) -> int:
        """How many runs left results."""
        return sum(sum(run.absent is None for run in series.runs) + series.left_out for series in self.series)

    @property
    def stale(self) -> list[Series]:
        return [series for series in self.series if series.stale]


def history_of(
    root: pathlib.Path,
    now: float,
    *,
    expect_every: float | None = None,
    name: str | None = None,
    links_from: pathlib.Path | None = None,
) -> History:
    """
    Args:
        now: the ages are relative to it.
        name: show only runs of this ValidationRun.
        links_from: the folder of the page, for its links; None for no links.

    Raises:
        ResultsError: there is no such folder, too much lies below it, or no run of that name.
    """
    below = results_below(root)
    places = {path_below(root, folder): folder for folder in below.runs}
    suites = suites_of(root, below.suites, places.keys(), now + FUTURE_SECONDS, name)
    faults = {path_below(root, folder): reason for folder, reason in below.faults} | suites.faults
    seen = _Seen(suites, faults, twins=list(suites.twins))
    for key, absent in suites.absent:
        seen.runs.setdefault(key, []).append(absent)
    for path, folder in places.items():
        _look(path, folder, seen, now, name, _href(folder, links_from))
    if not seen.runs and not seen.faults:
        raise ResultsError(f"below {root} lies no results folder" + (f" of a run of {name}" if name else ""))
    series = [_series(key, seen.runs[key], now, expect_every) for key in sorted(seen.runs)]
    # An error names the whole path, which a page that is sent elsewhere has no business to tell.
    told = [(path, formatting.clean(seen.faults[path].replace(str(root), root.name))) for path in sorted(seen.faults)]
    return History(root.resolve().name, now, expect_every, series, told, sorted(seen.twins))


@dataclass
class _Seen:
    """What the folders hold that were looked at so far: `results` are the folders by the hash of their `result.json`."""

    suites: Suites
    faults: dict[str, str]
    runs: dict[RunName, list[RunColumn]] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    twins: list[str] = field(default_factory=list)


def _look(path: str, folder: pathlib.Path, seen: _Seen, now: float, name: str | None, href: str) -> None:
    try:
        digest = result_hash(folder)
        found = glance(folder)
    except ResultsError as error:
        seen.faults[path] = str(error)
        return
    status = found.document.status
    if name is not None and status.name != name:
        return
    suite = seen.suites.suite_of.get(digest, "")
    run = _column(path, found, now, href, suite, seen.suites.disowned.get(path, ""))
    if run.doubt:
        seen.faults[path] = run.doubt
    elif seen.results.setdefault(digest, path) != path:
        seen.twins.append(path)
        return
    seen.runs.setdefault((status.namespace, status.name or status.run_id), []).append(run)


def _href(folder: pathlib.Path, links_from: pathlib.Path | None) -> str:
    """A relative link to the run's own page, if it has one."""
    if links_from is None or not (folder / HTML).is_file():
        return ""
    return urllib.parse.quote(f"./{pathlib.Path(os.path.relpath(folder / HTML, links_from)).as_posix()}")


def _column(path: str, found: Glance, now: float, href: str, suite: str, disowned: str) -> RunColumn:
    status = found.document.status
    began = time_if_known(status.start_time)
    doubts = (*found.doubts, disowned, start_doubt(began, now + FUTURE_SECONDS))
    doubt = formatting.clean("; ".join(filter(None, doubts)))
    return RunColumn(path, status.run_id, status, began, doubt, "" if doubt else href, path, suite)


def _series(key: RunName, runs: Sequence[RunColumn], now: float, expect_every: float | None) -> Series:
    ordered = newest_first(runs)
    lived = [run.began for run in runs if run.began is not None and not run.doubt and run.absent is None]
    newest = max(lived, default=None)
    due = newest + expect_every if newest is not None and expect_every is not None else None
    stale = expect_every is not None and (due is None or now > due)
    namespace, name = key
    return Series(namespace, name, ordered[:MOST_COLUMNS], max(0, len(runs) - MOST_COLUMNS), newest, due, stale)

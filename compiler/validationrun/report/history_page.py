"""The page of a history: a grid of rules by runs for each ValidationRun. The markup is in `templates/report/history.html.j2`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.text import counted
from validationrun.report import markup
from validationrun.report.grid import Grid
from validationrun.report.history import History, Series
from validationrun.report.history_words import STALE, freshness, minute, standing
from validationrun.report.run_columns import WORST_FIRST, digests, grid_of

_MOST_NAMED: Final = 200
_SCRIPT: Final = "history.js"


@dataclass(frozen=True, slots=True)
class Section:
    """A ValidationRun on the page: how it stands, and its grid."""

    series: Series
    number: int
    tone: str
    word: str
    freshness: str
    notes: list[str]
    grid: Grid


def render(history: History) -> str:
    """The same history gives the same bytes."""
    made = markup.environment()
    sections = [_section(history, series, number) for number, series in enumerate(history.series, start=1)]
    tone, word = _whole(history, sections)
    return made.get_template("history.html.j2").render(
        history=history,
        tone=tone,
        word=word,
        made=minute(history.now),
        size=f"{counted(history.count, 'run')} of {counted(len(sections), 'ValidationRun')}",
        sections=sections,
        faults=history.faults[:_MOST_NAMED],
        more_faults=max(0, len(history.faults) - _MOST_NAMED),
        twins=history.twins[:_MOST_NAMED],
        script=markup.script(made, _SCRIPT),
    )


def _section(history: History, series: Series, number: int) -> Section:
    tone, word = standing(history, series)
    return Section(series, number, tone, word, freshness(history, series), list(_notes(series)), grid_of(series.runs))


def _whole(history: History, sections: Sequence[Section]) -> tuple[str, str]:
    """The worst of all sections. While a folder is not believed, the whole is no pass."""
    if history.stale:
        return "error", STALE
    newest = "Newest run" if len(sections) == 1 else "A newest run"
    for tone in WORST_FIRST[:-1]:
        found = next((section for section in sections if section.tone == tone), None)
        if found is not None:
            return ("failed" if tone == "failed" else "error"), f"{newest}: {found.word}"
    if history.faults or not sections:
        return "error", "Not all is trusted"
    if history.expect_every is None:
        return "plain", "History"
    return "passed", "Newest run: Passed" if len(sections) == 1 else "Newest runs: Passed"


def _notes(series: Series) -> Iterator[str]:
    if series.left_out:
        yield f"{counted(series.left_out, 'older run')} not drawn"
    doubtful = sum(bool(run.doubt) for run in series.runs)
    if doubtful:
        yield f"{counted(doubtful, 'run')} not trusted"
    absent = sum(run.absent is not None for run in series.runs)
    if absent:
        yield f"{counted(absent, 'run')} of a suite without results"
    images = {digests(run) for run in series.runs} - {""}
    if len(images) > 1:
        yield f"{len(images)} different images of the chain"

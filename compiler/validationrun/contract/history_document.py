"""A list of many runs as JSON: what `report --history -o json` and `list --grid -o json` print."""

from typing import Final, Literal

from validationrun.base import conventions
from validationrun.base.document import Document
from validationrun.contract.record_key import Timestamp

KIND: Final = "ValidationHistory"


class HistoryCell(Document, frozen=True, kw_only=True):
    """A rule in a run; `state` is Passed, Failed, Error, `not run`, `running`, `missing` or `unknown`."""

    rule: str
    state: str
    note: str


class HistoryRun(Document, frozen=True, kw_only=True):
    """
    A run.

    Attributes:
        folder: of its results, below the folder of the history; empty for a run of a cluster, and for one without results.
        began: null when it is not known; of a run without results when its suite began.
        verdict: its verdict or `Cancelled`; of a run without results how its suite says it ended, such as
            `NotStarted`; `not trusted` with a doubt, and `unknown` when nothing is left of its record.
        images: of the chain by their short digests, joined by `+`; their tags where no digest is known.
        doubt: why it is not believed; empty when it is.
        why: why a suite has no results of it; empty for a run with results.
        cells: of every rule of the grid, and of the load.
    """

    run_id: str
    folder: str
    began: Timestamp | None
    verdict: str
    images: str
    doubt: str
    why: str = ""
    cells: list[HistoryCell]


class HistorySeries(Document, frozen=True, kw_only=True):
    """
    The runs of one ValidationRun, newest first.

    Attributes:
        newest: when the newest run that is believed began.
        due: until when the next one must have begun; null when nothing was expected.
        stale: the next one did not come; null when nothing was expected.
        left_out: how many older runs are not listed.
    """

    namespace: str
    name: str
    newest: Timestamp | None
    due: Timestamp | None
    stale: bool | None
    left_out: int
    runs: list[HistoryRun]


class HistoryFault(Document, frozen=True):
    """A folder that is not believed, or not shown, and why."""

    folder: str
    reason: str


class HistoryDocument(Document, frozen=True, kw_only=True):
    """
    The runs by their ValidationRuns.

    Attributes:
        as_of: when it was made; the ages are relative to it.
        twins: folders with the very result of another folder.
    """

    api_version: Literal["validation.sei.io/v1alpha1"] = conventions.API_VERSION
    kind: Literal["ValidationHistory"] = KIND
    as_of: Timestamp
    validation_runs: list[HistorySeries]
    faults: list[HistoryFault] = []
    twins: list[str] = []

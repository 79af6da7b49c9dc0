"""What `status` and `list --schedules` print of a schedule."""

from typing import Literal

from validationrun.base.document import Document

State = Literal["Active", "Paused", "Overdue", "Unknown"]


class LastRun(Document, frozen=True, kw_only=True):
    """The Workflow of a schedule that ended last."""

    name: str
    verdict: str
    reason: str
    message: str
    started: str | None
    finished: str | None


class ScheduleStatus(Document, frozen=True, kw_only=True):
    """
    A schedule now.

    Attributes:
        starts: `<kind>/<name>`.
        state: Overdue when it has given no verdict for `overdue_after`, unless its spec pauses it; Unknown when that cannot be told.
        verdict: of the last run; null when that verdict is older than `overdue_after`, when that cannot be told, or there is none.
        next: when it fires next, RFC 3339; null when it does not, or when that cannot be told.
        running: Workflows that have not ended, the newest first.
        last: null when no Workflow that has ended is there.
    """

    name: str
    namespace: str
    starts: str
    schedules: tuple[str, ...]
    timezone: str
    state: State
    verdict: str | None
    message: str
    next: str | None
    overdue_after: str | None
    running: tuple[str, ...]
    last: LastRun | None

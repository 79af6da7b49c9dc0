"""The plan of a schedule: what it starts, with what, when, and when silence is too long."""

from dataclasses import dataclass
from typing import Final, Literal

from validationrun.contract.override import Override

OVERDUE_SLACK_SECONDS: Final = 30 * 60
"""For a controller that starts a run late, a scrape that is missed, and pods that wait for a node."""

COUNTED_SECONDS: Final = 10 * 60
"""How long the alert sees that a counter grew: longer than any scrape interval, shorter than the time between two verdicts."""

REMEMBERED_SECONDS: Final = 60 * 60
"""How long a counter that is not scraped is remembered: as long as Prometheus may be down without beginning a `for` anew (its default)."""

LOST_BY_REPLACE: Final = {
    "run": ", without clean-up and verdict",
    "suite": ": its runs are cancelled, and it has no verdict",
}
"""What `concurrencyPolicy: Replace` does to the run or suite that was going on, behind a sentence that it is terminated."""


@dataclass(frozen=True, slots=True)
class Started:
    """
    What a schedule starts.

    Attributes:
        kind: of the document.
        worst_case_s: from its start to its verdict.
        metric: the counter of its verdicts, as Argo's controller exposes it.
    """

    kind: Literal["ValidationRun", "ValidationSuite"]
    name: str
    bundle_hash: str
    worst_case_s: int
    metric: str


@dataclass(frozen=True, slots=True)
class SchedulePlan:
    """
    Everything that is known about a schedule.

    Attributes:
        least_gap_s, greatest_gap_s: between two firings; 0 when there are no two.
        parameters: the effective ones, each checked.
        overridden: those that differ from the compiled values.
    """

    name: str
    namespace: str
    schedules: tuple[str, ...]
    timezone: str
    started: Started
    parameters: dict[str, str]
    overridden: tuple[Override, ...]
    concurrency_policy: Literal["Allow", "Replace", "Forbid"]
    successful_limit: int
    failed_limit: int
    starting_deadline_s: int
    paused: bool
    least_gap_s: int
    greatest_gap_s: int

    @property
    def overdue_s(self) -> int:
        """
        A schedule that has given no verdict for this long is overdue.

        Two verdicts are at most the greatest gap and one worst case apart: the first came at once, the second as late as it may.
        """
        late = self.started.worst_case_s + self.starting_deadline_s
        seconds = self.greatest_gap_s + late + OVERDUE_SLACK_SECONDS
        return -(-seconds // 60) * 60

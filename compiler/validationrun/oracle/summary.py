"""What a rule's decisions add up to, for people: how many were good, how close it was, how much of the window had data."""

from validationrun.base.document import Document


class Summary(Document, frozen=True):
    """
    Counts and extremes over a rule's decisions.

    Attributes:
        decisions: all of them, also those that are evidence only.
        counted: decisions that the verdict rests on; not those that are awaited.
        good: counted decisions that were no Error.
        failed: counted decisions that were Failed.
        errors: counted errors by reason, sorted by reason.
        first_t, last_t: evaluation times of the first and the last counted decision, Unix seconds.
        lowest, highest: the extreme values among the good decisions, as Prometheus wrote them.
        margin: the smallest distance to the threshold on the good side, negative beyond it; None without a number.
        margin_t, margin_value: the evaluation time of the margin, and the value then, as Prometheus wrote it.
        coverage: share of the counted decisions that were good, 0 to 1; None when none counted.
    """

    decisions: int
    counted: int
    good: int
    failed: int
    errors: dict[str, int]
    first_t: float | None
    last_t: float | None
    lowest: str | None
    highest: str | None
    margin: float | None
    margin_t: float | None
    margin_value: str | None
    coverage: float | None

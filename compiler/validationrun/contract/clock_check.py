"""One comparison of our clock with that of Prometheus, as sign-off and result.json hold it."""

from validationrun.base.document import Document


class ClockCheck(Document, frozen=True):
    """
    One comparison.

    Attributes:
        at: our time, Unix seconds.
        skew_seconds: how far Prometheus' clock is at least from ours; None when it could not be read.
        message: why it could not be read.
    """

    at: float
    skew_seconds: float | None
    message: str = ""

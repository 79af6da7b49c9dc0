"""One comparison of our clock with that of Prometheus, as sign-off and result.json hold it."""

from validationrun.base.document import Document, NotNegative, UnixSeconds


class ClockCheck(Document, frozen=True):
    """
    One comparison.

    Attributes:
        at: our time, Unix seconds.
        skew_seconds: how far Prometheus' clock is at least from ours; None when it could not be read.
        message: why it could not be read, or what explains the skew if it is not the clock.
    """

    at: UnixSeconds
    skew_seconds: NotNegative | None
    message: str = ""

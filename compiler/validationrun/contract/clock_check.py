"""One comparison of our clock with that of Prometheus, as sign-off and result.json hold it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ClockCheck:
    """
    One comparison.

    Attributes:
        at: our time, Unix seconds.
        skew_s: how far theirs surely is from ours; None when it could not be read.
        message: why not.
    """

    at: float
    skew_s: float | None
    message: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"at": self.at, "skewSeconds": self.skew_s, "message": self.message}

"""The windows of the past that are judged. The present time is an argument."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.base.times import format_time
from validationrun.judging.backtest.client import HistoryError

MOST_WINDOWS: Final = 1000


@dataclass(frozen=True, slots=True)
class Period:
    """A window, Unix seconds to the millisecond."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return round(self.end - self.start, 3)


def between(start: float, end: float, now: float) -> list[Period]:
    """
    One window.

    Args:
        now: up to when samples are surely there.

    Raises:
        HistoryError: it lies in the future, or is none.
    """
    if start >= end:
        raise HistoryError(f"the window must end after it starts; got {format_time(start)} to {format_time(end)}")
    if end > now:
        raise HistoryError(
            f"the window ends at {format_time(end)}, and what Prometheus holds is whole only until {format_time(now)}: "
            "judge what is still to come with `evaluate`"
        )
    return [Period(start, end)]


def back_from(now: float, last_s: int, every_s: int | None, seconds: int) -> list[Period]:
    """
    Windows that start every so often in the time before now, as far as they end before it.

    Args:
        every_s: None for a single window over the whole time.
        seconds: length of each window.

    Raises:
        HistoryError: there is none, or more than anybody would read.
    """
    now = float(math.floor(now))
    if every_s is None:
        return [Period(now - last_s, now)]
    if last_s // every_s > MOST_WINDOWS:
        raise HistoryError(f"--last and --every make more than {MOST_WINDOWS} windows: start them less often")
    starts: Sequence[float] = [now - last_s + k * every_s for k in range(-(-last_s // every_s))]
    windows = [Period(start, start + seconds) for start in starts if start + seconds <= now]
    if not windows:
        raise HistoryError(
            f"no window of {format_duration(seconds)} fits into the last {format_duration(last_s)}: "
            "--for makes it shorter, --last looks further back"
        )
    return windows

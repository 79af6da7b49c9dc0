"""How a ValidationRun stands by its history, in words that its page and the terminal share."""

from validationrun.base.durations import format_duration
from validationrun.base.times import format_time
from validationrun.report.history import History, Series

STALE = "Stale"
_NOT_TRUSTED = "Not trusted"


def standing(history: History, series: Series) -> tuple[str, str]:
    """
    Its tone and its word: stale, or the verdict of its newest run that is believed.

    Green only where one was expected and came in time: else nobody could see here that the runs have stopped.
    """
    latest = series.latest
    if series.stale or latest is None:
        return "error", STALE if series.stale else _NOT_TRUSTED
    if latest.tone == "passed" and history.expect_every is None:
        return "plain", latest.word
    return latest.tone, latest.word


def freshness(history: History, series: Series) -> str:
    """When the newest run began, and when the next one is due; and why a suite has no results of a later one."""
    every = format_duration(history.expect_every) if history.expect_every is not None else ""
    latest = series.latest
    why = f" {latest.absent.why[:1].upper()}{latest.absent.why[1:]}." if latest is not None and latest.absent else ""
    if series.newest is None:
        left = "No run of it can be trusted" if latest is None else "No run of it left results"
        return left + (f", and one is expected every {every}." if every else ".") + why
    age = format_duration(max(0.0, history.now - series.newest), short=True)
    began = f"The newest run began at {minute(series.newest)}, {age} before this was made"
    if series.due is None:
        return f"{began}. Nobody said how often one must begin (--expect-every), so silence is not seen here.{why}"
    due = f"was due by {minute(series.due)} and did not come" if series.stale else f"is due by {minute(series.due)}"
    return f"{began}. One must begin every {every}: the next {due}.{why}"


def minute(t: float) -> str:
    """A time for people, to the minute."""
    return f"{format_time(round(t))[:16].replace('T', ' ')} UTC"

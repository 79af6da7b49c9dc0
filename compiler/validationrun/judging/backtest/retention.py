"""
Does Prometheus hold anything of a time at all?

Before its retention, and while it was down, silence proves nothing.
"""

from collections.abc import Sequence
from typing import Final

from validationrun.base.times import format_time
from validationrun.judging.backtest.client import Past
from validationrun.judging.backtest.fetch import fill
from validationrun.judging.backtest.query_strategy import Choice, Form
from validationrun.judging.backtest.ranges import ranged
from validationrun.judging.backtest.windows import Period
from validationrun.oracle.exchange import Fault, Reply, Samples
from validationrun.oracle.outcome import RuleReason

# What every scrape leaves behind; a store without scrapes is asked for anything, which costs more.
_SIGNS: Final = ("group(up)", 'group({__name__=~".+"})')
_TIMEOUT_SECONDS: Final = 60.0
_LOOK_BACK_SECONDS: Final = 300.0
_NOTHING_HELD: Final = Fault(
    RuleReason.NO_SAMPLES, "Prometheus holds no samples of this time, so that the silence of an alert proves nothing"
)


def nothing_held_at(past: Past, times: Sequence[float], step: int) -> dict[float, Fault | None]:
    """For each tick: why silence proves nothing; None where Prometheus holds something."""
    for sign in _SIGNS:

        def ask(start: float, end: float, sign: str = sign) -> Reply:
            return past.range(sign, start, end, step, _TIMEOUT_SECONDS)

        told = ranged(ask, times, step, Choice(Form.RANGE))
        fill(past, lambda _, sign=sign: sign, times, told, _TIMEOUT_SECONDS)  # type: ignore[misc]
        if any(isinstance(one, str) for one in told):
            return {t: None if isinstance(one, str) else _NOTHING_HELD for t, one in zip(times, told, strict=True)}
    return dict.fromkeys(times, _NOTHING_HELD)


def nothing_held(past: Past, t: float) -> Fault | None:
    """The same for one moment."""
    for sign in _SIGNS:
        answer = past.answer(sign, t, _TIMEOUT_SECONDS)
        if isinstance(answer, Samples) and answer.samples:
            return None
    return _NOTHING_HELD


def doubt(past: Past, period: Period) -> str:
    """Why nothing of this window can have passed: Prometheus holds nothing of its beginning. Empty when it does."""
    t = min(period.start + _LOOK_BACK_SECONDS, period.end)
    if nothing_held(past, t) is None:
        return ""
    return f"Prometheus holds no samples of {format_time(period.start)} to {format_time(t)}, where the window begins"

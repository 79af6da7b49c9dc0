"""
Whether Prometheus holds any samples of a time.

Silence proves nothing before its retention and while it was down.
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

# Every scrape leaves `up`. A store without scrapes is asked for any series, which costs more.
_SIGNS: Final = ("group(up)", 'group({__name__=~".+"})')
_TIMEOUT_SECONDS: Final = 60.0
_LOOK_BACK_SECONDS: Final = 300.0
_NOTHING_HELD: Final = Fault(
    RuleReason.NO_SAMPLES, "Prometheus holds no samples of this time, so that the silence of an alert proves nothing"
)


def nothing_held_at(past: Past, times: Sequence[float], step: int) -> dict[float, Fault | None]:
    """Why silence proves nothing at each tick; None where Prometheus holds samples."""
    for sign in _SIGNS:

        def ask(start: float, end: float, sign: str = sign) -> Reply:
            return past.range(sign, start, end, step, _TIMEOUT_SECONDS)

        answers = ranged(ask, times, step, Choice(Form.RANGE))
        fill(past, lambda _, sign=sign: sign, times, answers, _TIMEOUT_SECONDS)  # type: ignore[misc]
        if any(isinstance(answer, str) for answer in answers):
            return {
                t: None if isinstance(answer, str) else _NOTHING_HELD for t, answer in zip(times, answers, strict=True)
            }
    return dict.fromkeys(times, _NOTHING_HELD)


def nothing_held(past: Past, t: float) -> Fault | None:
    """Why silence proves nothing at one moment; None when Prometheus holds samples."""
    for sign in _SIGNS:
        answer = past.answer(sign, t, _TIMEOUT_SECONDS)
        if isinstance(answer, Samples) and answer.samples:
            return None
    return _NOTHING_HELD


def doubt(past: Past, period: Period) -> str:
    """Why no rule of this window can pass: Prometheus holds no samples of its beginning. Empty when it does."""
    t = min(period.start + _LOOK_BACK_SECONDS, period.end)
    if nothing_held(past, t) is None:
        return ""
    return f"Prometheus holds no samples of {format_time(period.start)} to {format_time(t)}, where the window begins"

"""Time, signals, evidence and progress of an evaluation on one machine."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Final

from msgspec.structs import replace

from validationrun.base.times import format_time
from validationrun.judging.live.window import Window
from validationrun.oracle.decision import Decision
from validationrun.oracle.fold import Fold, RuleState
from validationrun.oracle.outcome import Verdict
from validationrun.results.evidence import EvidenceWriter
from validationrun.results.judgement import Judgement

logger = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_HANDED_OVER_SECONDS: Final = 0.001


class Clock:
    """
    A clock that never goes back and never jumps: the wall clock at the start plus monotonic time.

    Evaluation times and the start and end of window and load are all times of this clock.
    """

    def __init__(self) -> None:
        self._wall, self._monotonic = time.time(), time.monotonic()

    def now(self) -> float:
        """Unix seconds."""
        return self.at(time.monotonic())

    def at(self, monotonic: float) -> float:
        """Unix seconds, rounded to Prometheus' milliseconds."""
        return round(self._wall + (monotonic - self._monotonic), 3)


class LocalControl:
    """The `Control` of a run on one machine without load, whose window is known from the start."""

    def __init__(self, window: Window, settle_s: float, evidence: EvidenceWriter, clock: Clock) -> None:
        self.settle_s = settle_s
        self.evidence = evidence
        self.clock = clock
        self._window = window
        self._stopping = False
        self._verdicts: dict[str, Verdict] = {}
        self._unanswered: set[tuple[str, str]] = set()
        self._interrupt = threading.Event()
        self._news = threading.Event()
        self._evaluation = threading.current_thread()

    def now(self) -> float:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Sleeps until an interrupt at most; the evaluation's own thread also wakes for an answer."""
        if threading.current_thread() is not self._evaluation or self._interrupt.is_set():
            self._interrupt.wait(seconds)
        elif self._news.wait(seconds):
            self._news.clear()
            # The thread that asked is still handing its answer over.
            time.sleep(_HANDED_OVER_SECONDS)

    def wake(self) -> None:
        """Wakes the evaluation for an answer, so that a closed window is judged as fast as Prometheus answers."""
        self._news.set()

    def interrupt(self) -> bool:
        """Asks for an orderly end. Returns whether the next signal is to be handled too."""
        self._interrupt.set()
        self._news.set()
        return False

    def interrupted(self) -> bool:
        return self._interrupt.is_set()

    def look(self) -> Window:
        return self._window

    def answered(self, decision: Decision) -> None:
        logger.debug("rule %s at %s: %s %s", decision.rule, format_time(decision.t), decision.verdict, decision.message)
        cause = (decision.rule, decision.reason)
        if (
            decision.verdict in (Verdict.ERROR, Verdict.AWAITED)
            and not decision.final
            and cause not in self._unanswered
        ):
            # The fold tolerates this, so no verdict changes; people should not wait for the window's end to see it.
            self._unanswered.add(cause)
            why = " ".join(part for part in (decision.reason, decision.message) if part)
            logger.info("rule %s: no answer at %s: %s", decision.rule, format_time(decision.t), why)

    def settled(self, decision: Decision, *, counted: bool) -> None:
        self.evidence.add(decision, counted=counted)

    def stop(self, decision: Decision) -> None:
        """Logs the stop, because without a load there is nothing to stop."""
        self.announce_stop(decision, "stopping")

    def announce_stop(self, decision: Decision, consequence: str) -> None:
        """Logs the first failure that stops the run."""
        if not self._stopping:
            self._stopping = True
            logger.info(
                "rule %s failed at %s: %s; %s", decision.rule, format_time(decision.t), decision.message, consequence
            )

    def save(self, states: Sequence[RuleState]) -> None:
        """Logs each verdict that changed."""
        for state in states:
            if state.verdict not in (Verdict.AWAITED, self._verdicts.get(state.name)):
                why = " ".join(part for part in (state.reason, state.message) if part)
                logger.info("rule %s: %s%s", state.name, state.verdict, f": {why}" if why else "")
            self._verdicts[state.name] = state.verdict


@contextlib.contextmanager
def signals_interrupt(control: LocalControl, tell: Callable[[], None] = lambda: None) -> Iterator[None]:
    """
    SIGINT, SIGTERM and SIGHUP end the evaluation in order; once nothing can be hurried, a signal ends the process.

    A signal that was ignored at the start, as under `nohup`, stays ignored.

    Args:
        tell: called for each signal, also for one that comes when the verdict is given already.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    ours = [number for number in SIGNALS if before[number] is not signal.SIG_IGN]

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        tell()
        if not control.interrupt():
            restore()

    def restore() -> None:
        for number in ours:
            signal.signal(number, before[number])

    for number in ours:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        restore()


def as_it_ended(judgement: Judgement, fold: Fold, *, interrupted: bool) -> Judgement:
    """
    The judgement, marked as interrupted when a signal came while the last answers were awaited.

    A run that is stopped before its verdict is written has no verdict.
    """
    if not interrupted or judgement.interrupted:
        return judgement
    return replace(judgement, interrupted=True, states=fold.closed(interrupted=True))

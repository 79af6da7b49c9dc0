"""Time, signals, evidence and progress of an evaluation on one machine."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Final

from validationrun import record
from validationrun.evaluation.driver import Window
from validationrun.local.keeping import Kept
from validationrun.oracle.answers import Decision
from validationrun.oracle.engine import RuleState
from validationrun.record import format_time
from validationrun.results.evidence import EvidenceWriter

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]


class LocalControl:
    """
    The part of `evaluation.Control` that every run on one machine shares: a window that is known from the start, no load.

    `now` never goes back and never jumps: it is the wall clock of the start, carried on by the monotonic one.
    """

    def __init__(self, window: Window, settle_s: float, evidence: EvidenceWriter, kept: Kept, say: Say) -> None:
        self.settle_s = settle_s
        self.evidence = evidence
        self.kept = kept
        self.say = say
        self._window = window
        self._wall, self._monotonic = time.time(), time.monotonic()
        self._interrupt = threading.Event()

    def now(self) -> float:
        return self._wall + (time.monotonic() - self._monotonic)

    def sleep(self, seconds: float) -> None:
        # An interrupt ends the pause, so that Ctrl-C is answered at once.
        self._interrupt.wait(seconds)

    def interrupt(self) -> None:
        self._interrupt.set()

    def interrupted(self) -> bool:
        return self._interrupt.is_set()

    def look(self) -> Window:
        return self._window

    def answered(self, decision: Decision) -> None:
        del decision

    def settled(self, decision: Decision, *, counted: bool) -> None:
        self.evidence.add(decision, counted=counted)

    def stop(self, decision: Decision) -> None:
        """There is nothing to stop but the evaluation itself."""
        if self.kept.get(record.STOP) is None:
            self.kept.put(record.STOP, {"rule": decision.rule, "t": decision.t})
            self.say(f"rule {decision.rule} failed at {format_time(decision.t)}: {decision.message}; stopping")

    def save(self, states: Sequence[RuleState]) -> None:
        before = {one["name"]: one["verdict"] for one in (self.kept.get(record.RULES) or {"rules": []})["rules"]}
        for state in states:
            if state.verdict not in ("Awaited", before.get(state.name)):
                words = " ".join(part for part in (state.reason, state.message) if part)
                self.say(f"rule {state.name}: {state.verdict}: {words}")
        self.kept.put_rules(states)


@contextlib.contextmanager
def signals_interrupt(control: LocalControl) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end the evaluation in order; a second one ends the process as usual."""
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, before[signal.Signals(number)])
        control.interrupt()

    for number in SIGNALS:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number in SIGNALS:
            signal.signal(number, before[number])

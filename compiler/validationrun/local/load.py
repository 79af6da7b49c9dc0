"""Starts, follows and stops all shards of a load on one machine, and derives the outcome from their exit codes."""

import logging
import os
import pathlib
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from validationrun.base.atomic_files import open_regular
from validationrun.base.durations import format_duration
from validationrun.base.text import printable
from validationrun.base.times import format_time
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.run_entry import LoadPlan
from validationrun.contract.shards import ShardState, load_start
from validationrun.local.control import Clock
from validationrun.local.docker import CANNOT_START
from validationrun.local.process import Launch, Program
from validationrun.oracle.outcome import RunReason
from validationrun.oracle.workload import (
    INFRASTRUCTURE,
    PASSED,
    SIGTERM_IGNORED,
    EarlyEnd,
    Shard,
    Workload,
    aggregate,
    early_end,
)

logger = logging.getLogger(__name__)

Why = Literal["", "rule", "runDuration", "interrupted"]

_STALENESS_SECONDS: Final = 1.0
"""The window ends this long before the load, because the series of a process go stale when it ends."""
_LOOK_LAG_SECONDS: Final = 0.5
"""Maximum delay until the end of a shard is noticed."""
_PROCESS_SECONDS: Final = 0.1
"""A process runs a moment before its start is noted, so one that sleeps for the duration may seem a little shorter."""
_MOST_NAMED: Final = 8
_SIGNAL_BASE: Final = 128
_LAST_BYTES: Final = 4096
_LONGEST_WORDS: Final = 200


@dataclass
class Load:
    """
    The processes of a load.

    Attributes:
        run_s: `timeouts.runDuration`, counted from the start.
        plan: the planned load.
        docker: the commands are `docker run`.
        why: why the load was stopped; empty while it was not.
    """

    launches: Sequence[Launch]
    run_s: float
    clock: Clock
    plan: LoadPlan
    docker: bool = False
    why: Why = ""
    _why_words: str = ""
    _stop_t: float | None = None
    _signalled: bool = False
    _programs: list[Program] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        return bool(self._programs)

    def begin(self) -> None:
        """Starts every shard; when a shard cannot be started, kills them all."""
        self._programs = [Program(launch) for launch in self.launches]
        for program in self._programs:
            program.start()
        for program in self._programs:
            program.await_start()
        if (failure := self.failure) is not None:
            logger.warning("the load cannot be started: %s", failure)
            for program in self._programs:
                program.kill()
            return
        count = len(self._programs)
        logger.info("the load runs%s", "" if count == 1 else f": {count} shards")

    @property
    def failure(self) -> str | None:
        """Why the load cannot be started; None without a failure."""
        for index, program in enumerate(self._programs):
            if program.started is None or program.failure:
                message = program.failure or "its process ended before it began"
                return f"shard {index}: {program.launch.argv[0]}: {message}"
        return None

    @property
    def start(self) -> float | None:
        """When the last shard started, Unix seconds; None until every shard has started."""
        if not self._programs or self.failure is not None:
            return None
        return load_start({state.index: state for state in self.states()})

    @property
    def _signal_at(self) -> float | None:
        """When the shards get SIGTERM; None for a load that ends by itself."""
        return None if self.start is None or self.plan.end_by != "Signal" else self.start + self.plan.min_seconds

    @property
    def over(self) -> bool:
        """All shards have ended."""
        return self.begun and all(program.ended is not None or program.gone for program in self._programs)

    def open_until(self, now: float) -> float:
        """The window reaches at least this time, whenever the load turns out to end."""
        return now - _STALENESS_SECONDS - _LOOK_LAG_SECONDS

    def end(self) -> float | None:
        """
        The window's end: one second before the latest end of a shard. None when no end was seen.

        Never before the start, or before the failure that stopped the load, because the load ran at both times.
        """
        start = self.start
        finished = [state.finished for state in self.states() if state.finished is not None]
        if start is None or not finished:
            return None
        last = max(finished)
        stop = -1.0 if self._stop_t is None else min(last, self._stop_t + 0.001)
        return round(max(start, last - _STALENESS_SECONDS, stop), 3)

    def cooldown_end(self, seconds: int) -> float | None:
        """The end of the cooldown after all shards have ended; None where there is none."""
        return self.entry(self.outcome()).cooldown_end(seconds) if seconds else None

    def stop(self, why: Why, words: str, t: float | None = None) -> None:
        """
        Stops every shard; the first reason stays.

        Args:
            t: evaluation time of the failure that stops the load.
        """
        if t is not None:
            self._stop_t = t if self._stop_t is None else min(t, self._stop_t)
        if self.why or self.over:
            return
        self.why, self._why_words = why, words
        for program in self._programs:
            program.stop()

    def kill(self) -> None:
        """Kills every shard at once, without its grace period."""
        for program in self._programs:
            program.kill()

    def watch(self, now: float) -> None:
        """Sends SIGTERM to a load with `endBy: Signal` when its duration is over, and stops a load that runs longer than `run_s`."""
        start, due = self.start, self._signal_at
        if due is not None and now >= due and not self.why and not self.over and not self._signalled:
            logger.info("the load's duration is over: its shards get SIGTERM")
            self._signalled = True
            for program in self._programs:
                program.stop()
        if start is not None and not self.why and now >= start + self.run_s and not self.over:
            limit = f"timeouts.runDuration ({format_duration(self.run_s)})"
            logger.warning("the load still runs after %s; stopping it", limit)
            self.stop("runDuration", f"stopped at {limit}")

    def wait(self, seconds: float) -> bool:
        """Waits until no process of any shard is left. Returns whether none is."""
        return all(program.wait(seconds) for program in self._programs)

    def close(self) -> None:
        """Ends every process that still runs."""
        for program in self._programs:
            program.kill()
        for program in self._programs:
            program.close()

    def states(self) -> list[ShardState]:
        """The present state of each shard."""
        return [self._state(index, program) for index, program in enumerate(self._programs)]

    def _state(self, index: int, program: Program) -> ShardState:
        started = None if program.started is None else self.clock.at(program.started)
        ended = program.ended
        if ended is None:
            lost = program.gone and program.started is not None
            reason = "its supervisor was killed" if lost else RunReason.LOAD_NOT_STARTED if program.gone else ""
            return ShardState(index, started=started, reason=reason, running=started is not None and not lost)
        code, reason = ended.code, ""
        if ended.signal is not None:
            # As container runtimes count it.
            code, reason = _SIGNAL_BASE + ended.signal, _signal_name(ended.signal)
            if ended.stopped and self._signalled and ended.signal == signal.SIGKILL:
                reason = SIGTERM_IGNORED
        if ended.stopped and self.why in ("rule", "interrupted"):
            code, reason = None, f"stopped ({self._why_words})"
        elif ended.stopped and not self._signalled:
            reason = "stopped"
        return ShardState(index, started=started, finished=self.clock.at(ended.at), code=code, reason=reason)

    def outcome(self) -> Workload:
        """The outcome of the load, for the verdict."""
        if not self.begun:
            return Workload(
                None if self.why else INFRASTRUCTURE,
                "" if self.why else RunReason.LOAD_NOT_STARTED,
                "it was not started",
            )
        states = self.states()
        if (failure := self.failure) is not None:
            return Workload(INFRASTRUCTURE, RunReason.LOAD_NOT_STARTED, failure)
        message = _describe(states, [_last_words(program.launch.stderr) for program in self._programs])
        if any(state.code is None and state.reason.startswith("stopped") for state in states):
            return Workload(None, "", message)
        shards: list[Shard] = [state.as_shard() for state in states]
        witnessed = all(program.ended is not None for program in self._programs)
        failed_codes = self.plan.failed_codes
        code = aggregate(shards, len(self._programs), job_complete=witnessed, failed_codes=failed_codes)
        if self.why == "runDuration":
            return Workload(INFRASTRUCTURE, "", f"{self._why_words}; {message}")
        if self.docker and any(state.code in CANNOT_START for state in states):
            return Workload(
                INFRASTRUCTURE, RunReason.LOAD_NOT_STARTED, f"{message}; docker could not start it: see its stderr"
            )
        early = self._early(shards) if code == PASSED else None
        if early is not None:
            return Workload(code, RunReason.LOAD_ENDED_EARLY, f"{early.message}; {message}", early.at)
        return Workload(code, "", message)

    def _early(self, shards: Sequence[Shard]) -> EarlyEnd | None:
        return early_end(shards, self.plan.min_seconds, _PROCESS_SECONDS, self._signal_at)

    def entry(self, outcome: Workload) -> LoadEnd:
        """The load's end for the status."""
        start, end = self.start, self.end()
        return LoadEnd(
            at=format_time(self.clock.now()),
            job_uid=None,
            code=outcome.code,
            reason=RunReason(outcome.reason) if outcome.reason else None,
            message=outcome.message,
            early=format_time(outcome.early) if outcome.early is not None else None,
            stopped=self._why_words,
            start=None if start is None else format_time(start),
            end=None if end is None else format_time(end),
            shards=[state.as_status() for state in self.states()],
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _describe(states: Sequence[ShardState], last_words: Sequence[str]) -> str:
    """How the shards ended; of many shards, only those that did not end 0."""
    endings = [_words(state, last_words[state.index]) for state in states]
    if len(states) > 1 and len(set(endings)) == 1:
        return f"{len(states)} shards {endings[0]}"
    chosen = [state.index for state in states if len(states) <= _MOST_NAMED or state.code != 0]
    parts = [f"shard {index} {endings[index]}" for index in chosen[:_MOST_NAMED]]
    rest = len(states) - len(parts)
    if rest:
        parts.append(f"{rest} others" + (" exit 0" if len(chosen) <= _MOST_NAMED else ""))
    return ", ".join(parts)


def _words(state: ShardState, last_words: str) -> str:
    if state.code is None:
        return state.reason or "no exit code"
    text = f"exit {state.code}" + (f" ({state.reason})" if state.reason else "")
    # The last line often says why.
    return f"{text}: {last_words}" if state.code and last_words else text


def _last_words(path: pathlib.Path) -> str:
    """The last line of a file that is not blank."""
    try:
        with open_regular(path) as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _LAST_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line for line in (printable(line.strip()) for line in text.splitlines()) if line]
    return lines[-1][:_LONGEST_WORDS] if lines else ""

"""Time, window and stop for the evaluation of a run on a cluster, from the run record and the load's pods."""

import contextlib
import json
import logging
import math
import os
import pathlib
import sys
import threading
from collections.abc import Sequence
from typing import Final

from validationrun.base.conventions import LOAD_CONTAINER
from validationrun.base.times import format_time, parse_time
from validationrun.contract.chain_entries import ChainReady
from validationrun.contract.evaluation_entries import RuleStates, StopIntent, SuiteEnded, WindowEntry
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadStart
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.shards import LABEL_JOB_UID
from validationrun.judging.live.window import Window
from validationrun.kube.cluster import JOBS, PODS
from validationrun.oracle.decision import Decision
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.workload import PASSED
from validationrun.results.evidence import EvidenceWriter
from validationrun.steps.context import Context, RunnerError
from validationrun.steps.load_follow import STOP_PATCH
from validationrun.steps.metrics import Metrics
from validationrun.steps.suite_look import SuiteLook

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_PROGRESS_SECONDS: Final = 10.0
_KUBELET_LAG_SECONDS: Final = 15.0
"""
A container that is reported as running may have ended this long ago: the kubelet looks once a second, retries a failed report
only every ten seconds, and cuts its times to seconds; the window ends a second before the container.
"""

_LATE_SECONDS: Final = 3.0
"""
When two answers are this far apart, the API server may have been away, and its pod states are not fresh until the kubelet lag
has passed.
"""

_EARLY_SECONDS: Final = 1.0
"""The window ends this long before the last container of the load does."""

_LONG_TEXT: Final = 500


class ClusterControl:
    """`Control` of `judging.live.loop`, on a cluster."""

    def __init__(self, context: Context, written: Record, evidence: EvidenceWriter, metrics: Metrics) -> None:
        self.settle_s = context.settle_s
        self._context = context
        self._written = written
        self._evidence = evidence
        self._metrics = metrics
        self._window = Window()
        self._rules_in_cooldown = {rule.name for rule in written.need(RunEntry).rules if rule.in_cooldown}
        self._looked = self._progressed = self._trusted_from = -math.inf
        # An attempt that begins under load does not know whether the API server was away before.
        self._answered = self.now() if written.get(LoadStart) is None else -math.inf
        self._runs = False
        self._held: Decision | None = None
        self._held_at = math.inf
        self._interrupted = threading.Event()
        self._suite = SuiteLook(context, written)

    def now(self) -> float:
        return self._context.now()

    def sleep(self, seconds: float) -> None:
        self._context.sleep(seconds)

    def interrupt(self) -> None:
        self._interrupted.set()

    def interrupted(self) -> bool:
        return self._interrupted.is_set()

    def look(self) -> Window:
        """Reads the window from the record and the load's pods, at most once a second."""
        now = self.now()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            if self._written.need(RunEntry).load is None:
                self._look_without_load()
            else:
                self._look_at_load(now)
            self._progress(now)
            self._release()
            self._look_at_suite()
        return self._window

    def _look_at_suite(self) -> None:
        """Records that the run's suite is over, ends the load, and ends the evaluation once the load's end is recorded."""
        why = self._suite.ended()
        if not why:
            return
        record = self._written
        if record.add(self._context.step, SuiteEnded(format_time(self.now()), why)):
            logger.info("%s; this run ends as Cancelled", why)
        if record.need(RunEntry).load is None or record.get(LoadEnd) is not None:
            self.interrupt()
        elif (job := record.get(JobEntry)) is not None:
            self._context.cluster.patch(JOBS, job.name, STOP_PATCH)

    def _look_without_load(self) -> None:
        if self._window.start is not None:
            return
        start = parse_time(self._written.need(ChainReady).at)
        end = start + self._written.need(RunEntry).run_seconds
        # A rule is queried only after its time T, so the whole window counts as open from the start.
        self._window = Window(start, end, end, over=True)
        self._write_window()

    def _look_at_load(self, now: float) -> None:
        window, record = self._window, self._written.refresh()
        if record.sealed:
            raise RunnerError("the run has its verdict: this attempt was given up")
        began, ended = record.get(LoadStart), record.get(LoadEnd)
        if began is not None and window.start is None:
            window.start = parse_time(began.start)
            self._write_window()
        if ended is not None and not window.over:
            self._end_window(ended)
            window.open_until = window.end if window.end is not None else window.open_until
        self._runs = window.start is not None and not window.over and self._load_runs()
        # Call _trusts at every look, and last, because the answer about the pods may itself have come late.
        if self._trusts() and self._runs:
            window.open_until = now - _KUBELET_LAG_SECONDS

    def _trusts(self) -> bool:
        """Whether the API server has answered without a gap for long enough, so that its container states are fresh."""
        now = self.now()
        if now - self._answered > _LATE_SECONDS:
            self._trusted_from = now + _KUBELET_LAG_SECONDS
        self._answered = now
        return now >= self._trusted_from

    def _end_window(self, ended: LoadEnd) -> None:
        window, stop = self._window, self._written.get(StopIntent)
        window.end = parse_time(ended.end) if ended.end else None
        window.over = True
        window.cooldown_end = ended.cooldown_end(self._written.need(RunEntry).cooldown_seconds)
        # A load that passed ended by itself, even if a stop was intended in the same second.
        window.cut = stop is not None and ended.code != PASSED
        # Kubernetes cuts times to seconds, and the window ends a second before the last container. If the load ends at once,
        # the breach that stopped it must still lie in the window.
        if stop is not None and window.cut and window.end is not None and 0 < stop.t - window.end <= _EARLY_SECONDS:
            window.end = stop.t

    def _write_window(self) -> None:
        window = self._window
        if self._written.get(WindowEntry) is None and window.start is not None:
            end = format_time(window.end) if window.end is not None else None
            self._written.write(self._context.step, WindowEntry(format_time(window.start), end))

    def _load_runs(self) -> bool:
        """Whether at least one shard's container runs, so that the window is open."""
        job = self._written.get(JobEntry)
        if job is None:
            return False
        pods = self._context.cluster.list(PODS, labels=f"{LABEL_JOB_UID}={job.uid}")
        return any(
            status.get("name") == LOAD_CONTAINER and "running" in (status.get("state") or {})
            for pod in pods
            for status in (pod.get("status") or {}).get("containerStatuses") or []
        )

    def _progress(self, now: float) -> None:
        """Writes the elapsed and total seconds for the Argo UI."""
        path = os.environ.get("ARGO_PROGRESS_FILE")
        if not path or self._window.start is None or now - self._progressed < _PROGRESS_SECONDS:
            return
        self._progressed = now
        run = self._written.need(RunEntry)
        total = run.run_seconds if run.load is None else run.duration_seconds + run.cooldown_seconds
        elapsed = min(total, max(0, int(now - self._window.start)))
        with contextlib.suppress(OSError):
            pathlib.Path(path).write_text(f"{elapsed}/{total}")

    def answered(self, decision: Decision) -> None:
        """Writes one JSON line to the step's log, for people and programs."""
        self._metrics.count(decision)
        exchange = decision.exchange
        line = {
            "at": format_time(round(self.now(), 3)),
            "rule": decision.rule,
            "T": format_time(decision.t),
            "final": decision.final,
            "verdict": decision.verdict,
            "reason": decision.reason or None,
            "message": decision.message[:_LONG_TEXT],
            "value": decision.value,
            "seconds": round(exchange.answered - exchange.asked, 3) if exchange else None,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def settled(self, decision: Decision, *, counted: bool) -> None:
        self._evidence.add(decision, counted=counted)

    def stop(self, decision: Decision) -> None:
        """
        Records the intent, then stops the load: a restarted step finds the intent and stops the load again.

        Does neither while it is unknown whether the load still runs: a Job whose pods all succeeded still fails if its
        deadline passes before its controller has counted them.
        """
        if self._written.get(StopIntent) is not None:
            self._stop(decision)
            return
        self._held, self._held_at = decision, self.now()
        self._release()
        if self._held is not None:
            # Don't fold this decision yet: folding it ends the loop before the load is stopped.
            self._window.open_until = min(self._window.open_until, math.nextafter(decision.t, -math.inf))

    def _surely_runs(self) -> bool:
        """Whether the load still runs, by a trusted API server, or by a look that is a kubelet lag after the stop was held back."""
        asked_since = self._looked >= self._held_at + _KUBELET_LAG_SECONDS
        return self._runs and not self._window.over and (self.now() >= self._trusted_from or asked_since)

    def _release(self) -> None:
        """Carries out or drops a held stop, once it is known whether the load still runs."""
        held, window = self._held, self._window
        if held is not None and (window.over or self._surely_runs()):
            self._held, self._held_at = None, math.inf
            if not window.over or self._is_in_window(held):
                self._stop(held)

    def _is_in_window(self, decision: Decision) -> bool:
        """Whether a decision lies before the end of its rule's own window, which is known."""
        lasts = self._window.cooldown_end is not None and decision.rule in self._rules_in_cooldown
        end = self._window.cooldown_end if lasts else self._window.end
        return end is not None and decision.t < end

    def _stop(self, decision: Decision) -> None:
        record = self._written
        intent = StopIntent(
            rule=decision.rule,
            t=decision.t,
            reason=decision.reason,
            message=decision.message,
            value=decision.value,
            at=format_time(self.now()),
        )
        if record.get(StopIntent) is None and record.add(self._context.step, intent):
            logger.info("rule %s failed: %s; stopping the run", decision.rule, decision.message)
        job = record.get(JobEntry)
        # In the cooldown there is no load left to stop.
        if job is not None and record.get(LoadEnd) is None:
            self._context.cluster.patch(JOBS, job.name, STOP_PATCH)

    def save(self, states: Sequence[RuleState]) -> None:
        def merged(recorded: RuleStates | None) -> RuleStates:
            # A failure is never overwritten, not even a failure from another attempt that runs beside this one.
            before = recorded.rules if recorded is not None else []
            failed = {state.name: state for state in before if state.verdict == Verdict.FAILED}
            return RuleStates(
                [state if state.verdict == Verdict.FAILED else failed.get(state.name, state) for state in states]
            )

        self._written.change(self._context.step, RuleStates, merged)

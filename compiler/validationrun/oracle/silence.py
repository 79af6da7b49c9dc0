"""
What the silence of an alert proves: what an exchange shows about it, and what follows. No network and no clock.

An alert that found nothing is good news only when it is loaded, evaluated in the window, able to fire in it, quiet, scoped to
this run by labels that it has, and sighted: it looks at series that exist.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace as changed

from validationrun.base import conventions
from validationrun.oracle.alerting_rules import (
    FRESH_INTERVALS,
    AlertingRule,
    counting,
    never_matching,
    not_loaded,
    read_alerting_rules,
)
from validationrun.oracle.decision import Decision, Silence
from validationrun.oracle.exchange import DefinedAlert, Fault, Reply
from validationrun.oracle.label_matcher import LabelMatcher
from validationrun.oracle.memory import Memory
from validationrun.oracle.outcome import RuleReason, Verdict

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import Rule

_AHEAD_SECONDS: Final = 5.0
"""How far ahead of our clock an evaluation may lie."""

_LATE_SECONDS: Final = 10.0
"""The last evaluation may be this much older than one interval of its group at the window's end, and than three at a tick."""

_FIRST_INTERVALS: Final = 2
"""So many intervals of its group may pass before the first evaluation that is proof."""


def needs_seconds(rules: Sequence[AlertingRule]) -> float:
    """How long the condition must hold before each of these rules fires at the latest."""
    return max((rule.for_s + rule.interval_s for rule in rules), default=0.0)


def cannot_fire(needs_s: float, range_s: float) -> Fault | None:
    """Why an alert that needs so long cannot fire within the range of a rule; None when it can."""
    if needs_s < range_s:
        return None
    message = f"it fires {needs_s:g}s after its condition begins (`for` and group interval), and the rule judges {range_s:.0f}s"
    return Fault(RuleReason.ALERT_CANNOT_FIRE, message)


def hopeless(
    reply: Reply,
    alertname: str,
    defined: Sequence[DefinedAlert],
    range_s: float,
    *,
    pending: str,
    matchers: Sequence[LabelMatcher],
) -> Fault | None:
    """
    Why the silence of an alert will prove nothing, as far as that can be said before a run begins.

    An alert that Prometheus does not know yet may still be loaded.

    Args:
        reply: to `/api/v1/rules`.
        defined: the alert in its PrometheusRule.
        range_s: how long the rule judges at most: its window, less `startAfter`.
        pending: what a pending instance means, as the spec says.
        matchers: of the rule, with the run's values.
    """
    rules = read_alerting_rules(reply, alertname, defined)
    known = [] if isinstance(rules, Fault) else rules
    if known and (fault := not_loaded(known, alertname, defined, matchers)) is not None:
        return fault
    counted = counting(known, defined, matchers)
    if (fault := never_matching(counted, matchers)) is not None:
        return fault
    if pending == Verdict.FAILED or not (counted or defined):
        return None
    # Of several that are not loaded yet, the labels may leave all but one out.
    needs_s = needs_seconds(counted) if counted else min(alert.for_s for alert in defined)
    return cannot_fire(needs_s, range_s)


class SilentTick(Struct, frozen=True):
    """
    An empty answer to an alert rule.

    Attributes:
        start: the window's start, Unix seconds.
        t: evaluation time.
        pending: what a pending instance at the final sweep means, as the spec says.
    """

    rule: "Rule"
    start: float
    t: float
    final: bool
    pending: str

    def decide(self, silence: Silence, memory: Memory) -> Decision:
        """What the silence means, after what was remembered."""
        memory = self._remembered(silence, memory)
        if silence.firing:
            message = f"the rules of Prometheus show it firing for {silence.firing} series, and it writes no ALERTS"
            failed = self._decision(Verdict.FAILED, memory, RuleReason.ALERT_FIRED, message)
            return replace(failed, count=silence.firing)
        if self.final and silence.pending and self.pending == Verdict.FAILED:
            return self._decision(Verdict.FAILED, memory, RuleReason.ALERT_PENDING, _pending(silence.pending))
        fault: Fault | str | None = silence.fault
        if fault is None and not silence.assumed:
            fault = self._final_timing(silence, memory) if self.final else self._timing(silence, memory)
        if fault is None and self.final:
            fault = self._at_the_end(silence, memory)
        if isinstance(fault, Fault):
            return self._decision(Verdict.ERROR, memory, fault.reason, fault.message)
        if fault is not None:
            return self._decision(Verdict.AWAITED, memory, RuleReason.NONE, fault)
        note = silence.note or (f"; {memory.unscoped}" if memory.unscoped else "")
        return self._decision(Verdict.PASSED, memory, RuleReason.NONE, f"the alert did not fire{note}")

    def _decision(self, verdict: Verdict, memory: Memory, reason: RuleReason, message: str) -> Decision:
        return Decision(self.rule.name, self.t, verdict, reason, message, final=self.final, memory=memory)

    def _remembered(self, silence: Silence, memory: Memory) -> Memory:
        evaluated = silence.evaluated
        first, last = memory.evaluated, memory.evaluated_last
        # What an unhealthy rule evaluated shows nothing.
        if silence.fault is None and self.start < evaluated <= silence.answered + _AHEAD_SECONDS:
            first = evaluated if first is None else min(first, evaluated)
            last = evaluated if last is None else max(last, evaluated)
        unscoped = memory.unscoped or silence.unscoped
        if (first, last, unscoped) == (memory.evaluated, memory.evaluated_last, memory.unscoped):
            return memory
        return changed(memory, evaluated=first, evaluated_last=last, unscoped=unscoped)

    def _timing(self, silence: Silence, memory: Memory) -> Fault | str | None:
        """At a tick: why it proves nothing; a text when it only has to wait for the first evaluation."""
        if (future := _in_future(silence)) is not None:
            return future
        if silence.evaluated > self.start:
            if self._is_seen_late(silence, memory):
                return "the alert was evaluated after this time; no earlier evaluation was seen"
            return self._stalled(silence, FRESH_INTERVALS * silence.interval_s, "this time")
        # A Prometheus that restarted has not evaluated the rule yet.
        since = self.start
        if math.isinf(silence.evaluated) and memory.evaluated_last is not None:
            since = max(since, memory.evaluated_last)
        message = f"the alert was not evaluated since the window's start; its group is evaluated every {silence.interval_s:g}s"
        if self.t <= since + _FIRST_INTERVALS * silence.interval_s:
            return message
        return Fault(RuleReason.ALERT_NOT_LOADED, message)

    def _is_seen_late(self, silence: Silence, memory: Memory) -> bool:
        """Whether every evaluation that was seen came after T, as in a window that is over before it is judged."""
        limit = min(silence.asked, self.t + conventions.DEFAULT_SETTLE_SECONDS)
        return silence.evaluated > limit and (memory.evaluated is None or memory.evaluated > limit)

    def _final_timing(self, silence: Silence, memory: Memory) -> Fault | None:
        """At the final sweep: why the evaluations prove nothing about the window."""
        if (future := _in_future(silence)) is not None:
            return future
        if self._is_seen_late(silence, memory):
            message = "the alert was evaluated after the window's end; no evaluation in the window was seen"
            return Fault(RuleReason.ALERT_NOT_LOADED, message)
        if self.pending != Verdict.FAILED:
            opens = self.start + int(self.rule.run_properties.start_after)
            if (unable := cannot_fire(silence.needs_s, self.t - opens)) is not None:
                return unable
        if silence.evaluated <= self.start:
            return Fault(RuleReason.ALERT_NOT_LOADED, "the alert was not evaluated in the window")
        return self._stalled(silence, silence.interval_s, "the window's end")

    def _stalled(self, silence: Silence, most_s: float, then: str) -> Fault | None:
        """Why the last evaluation proves nothing about T: it is older than that, and some seconds for the evaluation itself."""
        if silence.evaluated >= self.t - most_s - _LATE_SECONDS:
            return None
        message = f"the alert was last evaluated {self.t - silence.evaluated:.0f}s before {then}"
        return Fault(RuleReason.ALERT_NOT_LOADED, f"{message}; its group is evaluated every {silence.interval_s:g}s")

    def _at_the_end(self, silence: Silence, memory: Memory) -> Fault | None:
        if silence.pending and self.pending != Verdict.PASSED:
            return Fault(RuleReason.ALERT_PENDING, _pending(silence.pending))
        if memory.unscoped:
            return Fault(RuleReason.ALERT_NOT_SCOPED, memory.unscoped)
        return silence.series


def _in_future(silence: Silence) -> Fault | None:
    ahead = silence.evaluated - silence.answered
    # Asked this way round, so that a time that is no number proves nothing.
    if ahead <= _AHEAD_SECONDS:
        return None
    return Fault(RuleReason.ALERT_NOT_LOADED, f"the alert was last evaluated {ahead:.0f}s ahead of our clock")


def _pending(count: int) -> str:
    series = "1 series" if count == 1 else f"{count} series"
    return f"the alert is pending for {series} at the window's end: with more time it would have fired"

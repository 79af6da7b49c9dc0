"""The run's window and the ticks in it: the arithmetic that lint, the plan and the evaluator share."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # The evaluator has no spec: it starts without the models of one.
    from validationrun.spec.v1alpha1 import Rule, ValidationRunSpec

RULES_ONLY_SECONDS: Final = 3600
AFTER_LOAD_SECONDS: Final = 300
_DEFAULT_TIMEOUT_SECONDS: Final = 30


def run_seconds(spec: "ValidationRunSpec") -> int:
    """`timeouts.runDuration` in seconds, or its default: the load's duration and 5 minutes, or 1 hour without load."""
    if spec.timeouts.run_duration is not None:
        return int(spec.timeouts.run_duration)
    return RULES_ONLY_SECONDS if spec.load is None else int(spec.load.duration) + AFTER_LOAD_SECONDS


def judged_seconds(spec: "ValidationRunSpec") -> int:
    """How long the window is when nothing goes wrong: the load's duration, or all of runDuration without load."""
    return run_seconds(spec) if spec.load is None else int(spec.load.duration)


def window_seconds(spec: "ValidationRunSpec", rule: "Rule") -> int:
    """How long the window of this rule is when nothing goes wrong."""
    return judged_seconds(spec) + (int(spec.cooldown) if rule.lasts_into_cooldown else 0)


def range_seconds(spec: "ValidationRunSpec", rule: "Rule") -> int:
    """How long the range of an alert rule is when nothing goes wrong: it opens at `startAfter` of the rule's window."""
    return max(0, window_seconds(spec, rule) - int(rule.run_properties.start_after))


def query_timeout_seconds(rule: "Rule") -> int:
    """How long one query of this rule may take: its own timeout, or the smaller of 30s and the interval."""
    own = rule.body.timeout if rule.body is not None else None
    return int(own) if own is not None else min(_DEFAULT_TIMEOUT_SECONDS, int(rule.run_properties.interval))


def tick_count(rule: "Rule", window_s: int) -> int:
    """Ticks at `start + k * interval` before the window's end, without those dropped by startAfter."""
    interval, start_after = int(rule.run_properties.interval), int(rule.run_properties.start_after)
    last = (window_s - 1) // interval
    first = max(1, -(-start_after // interval))
    return max(0, last - first + 1)


def earliest_sweep(rule: "Rule", start: float) -> float:
    """The earliest end of a window that proves anything: before it lies no tick, or none after startAfter."""
    return start + opening_seconds(rule)


def opening_seconds(rule: "Rule") -> int:
    """Seconds after the window's start before which a window proves nothing about this rule: interval or startAfter."""
    return max(int(rule.run_properties.interval), int(rule.run_properties.start_after))


def load_seconds(start: float | None, end: float | None, cooldown_end: float | None) -> float:
    """How long the load of a window with a cooldown lasted; infinite without one, where each rule's own end tells."""
    if start is None or end is None or cooldown_end is None:
        return math.inf
    return round(end - start, 3)


def ticks(rule: "Rule", start: float, after: float) -> Iterator[float]:
    """Evaluation times `start + k * interval`, k >= 1, later than `after` and not before startAfter; without end."""
    interval = int(rule.run_properties.interval)
    opens = start + int(rule.run_properties.start_after)
    k = max(1, int((max(after, opens) - start) // interval))
    while True:
        # To the millisecond, which is what Prometheus keeps: a sum of floats would drift from the time that is sent.
        t = round(start + k * interval, 3)
        if t > after and t >= round(opens, 3):
            yield t
        k += 1

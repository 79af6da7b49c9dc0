"""
How long before the end of its window a rule may see nothing of what happens.

A query over a range still has good samples from before a halt: `increase(height[2m]) > 0` holds for almost two minutes after it.
"""

from collections.abc import Sequence

from validationrun.base.durations import format_duration
from validationrun.compiling.check.placeholders import FILLED
from validationrun.oracle.placeholders import WINDOW, fill, find_places
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import window_seconds
from validationrun.spec import promql
from validationrun.spec.v1alpha1 import Rule, ValidationRunSpec


def blind_tail_seconds(rule: Rule, window_s: int) -> int:
    """How far the rule's query looks back, by its longest range and offset, at most its window; 0 without either."""
    text = type_of(rule).promql(rule)
    if text is None:
        return 0
    places, _ = find_places(text)
    try:
        tree = promql.parse(fill(text, places, {**FILLED, WINDOW: f"{max(1, window_s)}s"}))
    except promql.SyntaxFault:
        return 0
    looks_back = (reach.back_s for reach in promql.reaches(tree) if reach.at_s is None)
    return min(window_s, int(max(looks_back, default=0)))


def blind_tail(rule: Rule, window_s: int, cooldown_s: int) -> str:
    """
    The blind tail in a sentence; empty for a rule without a range.

    Args:
        window_s: length of the rule's own window, with the cooldown if the rule lasts into it.
        cooldown_s: the part of the window after the load's end.
    """
    tail = blind_tail_seconds(rule, window_s)
    if not tail:
        return ""
    if tail >= window_s:
        return "blind tail: the whole window, because the range is as long; a change near its end may go unseen"
    told = f"blind tail: what happens in the last {format_duration(tail)} of its window may go unseen"
    return f"{told}; the load ends before that" if cooldown_s >= tail else told


def blind_tails(spec: ValidationRunSpec) -> Sequence[str]:
    """A line for each rule with a blind tail."""
    lines = []
    for rule in spec.rules:
        cooldown = spec.cooldown if rule.lasts_into_cooldown else 0
        if told := blind_tail(rule, window_seconds(spec, rule), cooldown):
            lines.append(f"rule {rule.name}: {told}")
    return lines

"""Decides: what every rule type shares around its own judgement."""

from dataclasses import replace

from validationrun.oracle.decision import Decision, Observation
from validationrun.oracle.exchange import Exchange
from validationrun.oracle.memory import NOTHING_REMEMBERED, Memory
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import earliest_sweep


def decide(question: Question, start: float, exchange: Exchange, memory: Memory = NOTHING_REMEMBERED) -> Decision:
    """
    The decision of an exchange, which it keeps.

    Live evaluation, replay and rule tests decide here; a backtest judges observations, because it has no exchanges.

    Args:
        start: the window's start, Unix seconds.
        memory: after the rule's decision before this one.
    """
    observation = type_of(question.rule).observe(question.context(start), exchange)
    return replace(judge(question, start, observation, memory), exchange=exchange)


def judge(question: Question, start: float, observation: Observation, memory: Memory = NOTHING_REMEMBERED) -> Decision:
    """The decision of an observation: by the rule's type, and by what holds for every type."""
    rule, t = question.rule, observation.t
    opens = earliest_sweep(rule, start)
    if observation.final and t < opens:
        message = f"the window ends {max(0.0, t - start):.0f}s after its start; the rule needs {opens - start:.0f}s"
        return Decision(rule.name, t, Verdict.ERROR, RuleReason.WINDOW_TOO_SHORT, message, final=True, memory=memory)
    decision = type_of(rule).judge(question.context(start), observation, memory)
    if observation.final and decision.verdict == Verdict.AWAITED:
        decision = replace(decision, verdict=Verdict.ERROR, reason=decision.reason or RuleReason.NO_SAMPLES)
    return replace(decision, warming_up=t < start + question.warm_up_seconds)

"""Rule type `query`: one number against a threshold."""

import math
from typing import Final

from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Answer, Exchange, Fault
from validationrun.oracle.outcome import RuleReason, Verdict
from validationrun.oracle.placeholders import Place, find_places
from validationrun.oracle.prometheus_response import read_vector
from validationrun.spec.v1alpha1 import Rule

COMPARE: Final = {
    ">=": lambda value, threshold: value >= threshold,
    "<=": lambda value, threshold: value <= threshold,
    ">": lambda value, threshold: value > threshold,
    "<": lambda value, threshold: value < threshold,
    "==": lambda value, threshold: value == threshold,
    "!=": lambda value, threshold: value != threshold,
}


def question(rule: Rule) -> tuple[str, list[Place]]:
    """The query, and the places in it that are replaced."""
    if rule.query is None:
        raise ValueError(f"rule {rule.name} has no query")
    places, _ = find_places(rule.query.promql)
    return rule.query.promql, places


def decide(rule: Rule, exchange: Exchange) -> Decision:
    """What one exchange means for a rule of this type."""
    if rule.query is None:
        raise ValueError(f"rule {rule.name} has no query")
    answer = exchange.refused or read_vector(exchange.reply)
    return decide_query(
        rule.name, exchange.t, rule.query.op, rule.query.threshold, answer, final=exchange.final, why=exchange.why
    )


def decide_query(
    rule: str, t: float, op: str, threshold: str, answer: Answer, *, final: bool = False, why: str = ""
) -> Decision:
    """`value op threshold`, both as float64, as PromQL compares."""
    if isinstance(answer, Fault):
        return Decision(rule, t, Verdict.ERROR, answer.reason, answer.message, final=final)
    if not answer.samples:
        message = "the query gave no sample"
        return Decision(rule, t, Verdict.ERROR, RuleReason.NO_SAMPLES, message, final=final, why=why)
    if len(answer.samples) > 1:
        message = f"the query gave {len(answer.samples)} series; it must give one"
        return Decision(rule, t, Verdict.ERROR, RuleReason.AMBIGUOUS_RESULT, message, final=final)
    text = answer.samples[0].value
    value = float(text)
    if math.isnan(value):
        return Decision(rule, t, Verdict.ERROR, RuleReason.NAN, "the value is not a number", text, final=final)
    if math.isinf(value):
        return Decision(rule, t, Verdict.ERROR, RuleReason.NOT_FINITE, f"the value is {text}", text, final=final)
    if COMPARE[op](value, float(threshold)):
        return Decision(rule, t, Verdict.PASSED, RuleReason.NONE, f"{text} {op} {threshold}", text, final=final)
    return Decision(
        rule, t, Verdict.FAILED, RuleReason.THRESHOLD_VIOLATED, f"{text}, not {op} {threshold}", text, final=final
    )

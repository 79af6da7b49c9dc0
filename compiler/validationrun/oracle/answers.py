"""What Prometheus can answer, and what one answer means for one rule."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["Awaited", "Passed", "Failed", "Error"]

ALERT_FIRED: Final = "AlertFired"
THRESHOLD_VIOLATED: Final = "ThresholdViolated"

PROMETHEUS_UNAVAILABLE: Final = "PrometheusUnavailable"
TIMEOUT: Final = "Timeout"
PARTIAL_RESPONSE: Final = "PartialResponse"
RBAC_DENIED: Final = "RBACDenied"
RULE_NOT_FOUND: Final = "PrometheusRuleNotFound"
CROSS_NAMESPACE_FORBIDDEN: Final = "CrossNamespaceForbidden"
ALERT_NOT_LOADED: Final = "AlertNotLoaded"
NO_SAMPLES: Final = "NoSamples"
AMBIGUOUS_RESULT: Final = "AmbiguousResult"
NAN: Final = "NaN"
NOT_FINITE: Final = "NotFinite"
BAD_QUERY: Final = "BadQuery"
CLOCK_SKEW: Final = "ClockSkew"

REFUSED: Final = frozenset({RULE_NOT_FOUND, CROSS_NAMESPACE_FORBIDDEN, RBAC_DENIED})
"""The reference itself is refused: asking again cannot help unless somebody changes something."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' labels and its value, as Prometheus wrote it."""

    labels: Mapping[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class Samples:
    """An instant vector; a scalar is one sample without labels."""

    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Fault:
    """No usable answer: one of the Error reasons, and a sentence for people."""

    reason: str
    message: str


Answer = Samples | Fault


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What one answer means for one rule.

    Attributes:
        rule: its name.
        t: evaluation time, Unix seconds.
        verdict: Passed, Failed or Error.
        value: the value as Prometheus wrote it, when there was exactly one.
        count: number of samples of an alert rule.
        final: this is the final sweep.
    """

    rule: str
    t: float
    verdict: Literal["Passed", "Failed", "Error"]
    reason: str
    message: str
    value: str | None = None
    count: int = 0
    final: bool = False


COMPARE: Final = {
    ">=": lambda value, threshold: value >= threshold,
    "<=": lambda value, threshold: value <= threshold,
    ">": lambda value, threshold: value > threshold,
    "<": lambda value, threshold: value < threshold,
    "==": lambda value, threshold: value == threshold,
    "!=": lambda value, threshold: value != threshold,
}


def decide_query(rule: str, t: float, op: str, threshold: str, answer: Answer, *, final: bool = False) -> Decision:
    """`value op threshold`, both as float64, as PromQL compares."""
    if isinstance(answer, Fault):
        return Decision(rule, t, "Error", answer.reason, answer.message, final=final)
    if not answer.samples:
        return Decision(rule, t, "Error", NO_SAMPLES, "the query gave no sample", final=final)
    if len(answer.samples) > 1:
        message = f"the query gave {len(answer.samples)} series; it must give one"
        return Decision(rule, t, "Error", AMBIGUOUS_RESULT, message, final=final)
    text = answer.samples[0].value
    value = float(text)
    if math.isnan(value):
        return Decision(rule, t, "Error", NAN, "the value is not a number", text, final=final)
    if math.isinf(value):
        return Decision(rule, t, "Error", NOT_FINITE, f"the value is {text}", text, final=final)
    if COMPARE[op](value, float(threshold)):
        return Decision(rule, t, "Passed", "", f"{text} {op} {threshold}", text, final=final)
    return Decision(rule, t, "Failed", THRESHOLD_VIOLATED, f"{text}, not {op} {threshold}", text, final=final)


def decide_alert(rule: str, t: float, answer: Answer, loaded: Fault | None, *, final: bool = False) -> Decision:
    """
    Any sample: it fired.

    Args:
        loaded: why this Prometheus cannot be said to run the alert; None with proof that it does. Silence passes with proof only.
    """
    if isinstance(answer, Fault):
        return Decision(rule, t, "Error", answer.reason, answer.message, final=final)
    if answer.samples:
        count = len(answer.samples)
        message = "the alert fired" if count == 1 else f"the alert fired for {count} series"
        return Decision(rule, t, "Failed", ALERT_FIRED, message, count=count, final=final)
    if loaded is not None:
        return Decision(rule, t, "Error", loaded.reason, loaded.message, final=final)
    return Decision(rule, t, "Passed", "", "the alert did not fire", final=final)

"""What Prometheus can answer, and what one answer can mean for one rule: the types and the reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from validationrun.oracle.exchange import Exchange

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
        why: what explains an empty answer, for people.
        exchange: what it was decided from; no part of its identity.
    """

    rule: str
    t: float
    verdict: Literal["Passed", "Failed", "Error"]
    reason: str
    message: str
    value: str | None = None
    count: int = 0
    final: bool = False
    why: str = ""
    exchange: "Exchange | None" = field(default=None, compare=False, repr=False)
